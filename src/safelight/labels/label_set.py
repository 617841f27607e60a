"""Label set: labels and prompts, read from the user's files."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.arguments import as_list
from safelight.errors import SettingsError
from safelight.files import SMALL_FILE, read_text
from safelight.files.bounded_json import parse_json
from safelight.files.names import expanded

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

#: What is used where people give no file of their own.
LABELS = Path(__file__).with_name("labels.json")
TEMPLATES = Path(__file__).with_name("templates.json")

#: Where a template takes the label.
GAP = "{}"

# A line of text may begin with the gap of a template; an object of JSON begins with a string.
_JSON = re.compile(r'\s*(\[|\{\s*")')


@dataclass(frozen=True)
class LabelSet:
    """Labels, and the templates by which a model is asked for them.

    Parameters
    ----------
    labels : tuple of str
        In the order that decides where two are equal; all different, whatever their case.
    templates : tuple of str
        ``{}`` in each is where the label goes.

    Raises
    ------
    SettingsError
        There are none, one occurs twice, or a template has no ``{}``.

    Examples
    --------
    >>> LabelSet(("dog", "cat"), ("a photo of a {}",)).prompts
    ('a photo of a dog', 'a photo of a cat')
    """

    labels: tuple[str, ...]
    templates: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(as_list(self.labels, "labels", str)))
        object.__setattr__(self, "templates", tuple(as_list(self.templates, "templates", str)))
        _check("labels", self.labels, "The label set")
        _check("templates", self.templates, "The label set")

    @cached_property
    def version(self) -> str:
        """Hex digest of labels and templates."""
        text = json.dumps([self.labels, self.templates], ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def prompts(self) -> tuple[str, ...]:
        """Every template of the first label, then of the second, and so on."""
        return tuple(
            template.replace(GAP, label) for label in self.labels for template in self.templates
        )


def read_label_set(
    labels: str | os.PathLike[str] | None = None,
    templates: str | os.PathLike[str] | None = None,
) -> LabelSet:
    """Return the label set of two files.

    A file is JSON, ``{"labels": [...]}`` (``{"templates": [...]}``) or a bare list; or text, one
    a line, where blank lines and those that begin with ``#`` are passed over.

    Parameters
    ----------
    labels, templates : path-like, optional
        What ships with safelight if not given: 50 labels for photography, and 6 templates.

    Raises
    ------
    SettingsError
        A file cannot be read or understood, or see :class:`LabelSet`. The message names it.

    Examples
    --------
    >>> len(read_label_set().labels), len(read_label_set().templates)
    (50, 6)
    """
    return LabelSet(
        _read(LABELS if labels is None else _path(labels), "labels"),
        _read(TEMPLATES if templates is None else _path(templates), "templates"),
    )


def _path(given: str | os.PathLike[str]) -> Path:
    return Path(expanded(given))


def _read(path: Path, key: str) -> tuple[str, ...]:
    try:
        text = read_text(path, limit=SMALL_FILE)
    except OSError as exc:
        raise SettingsError(
            f"{path} cannot be read: {exc.strerror}. It should hold {key}.", path=str(path)
        ) from exc
    except UnicodeDecodeError as exc:
        raise SettingsError(
            f"{path} is not text in UTF-8; save it as that.", path=str(path)
        ) from exc
    is_json = path.suffix.lower() == ".json" or _JSON.match(text)
    found = _from_json(text, key, path) if is_json else _from_lines(text)
    _check(key, found, str(path))
    return tuple(found)


def _from_lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _from_json(text: str, key: str, path: Path) -> list[str]:
    try:
        found = parse_json(text)
    except ValueError as exc:
        raise SettingsError(
            f'{path} is not JSON: {exc}. It should be {{"{key}": ["...", "..."]}}.', path=str(path)
        ) from exc
    if isinstance(found, dict):
        found = found.get(key)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise SettingsError(
            f'{path} should be {{"{key}": ["...", "..."]}} or a list of texts.', path=str(path)
        )
    return [each.strip() for each in found]


def _check(key: str, found: Sequence[str], where: str) -> None:
    """Raise an error that names the file if something cannot be used."""
    if not found or not all(each.strip() for each in found):
        problem = f"an empty one among its {key}" if found else f"no {key}"
        raise SettingsError(f"{where} has {problem}.", where=where)
    counts = Counter(each.casefold() for each in found)
    twice = [each for each in dict.fromkeys(found) if counts[each.casefold()] > 1]
    if twice:
        raise SettingsError(
            f"{where} has {key} twice: {', '.join(map(repr, twice))}. Keep one of each.",
            where=where,
        )
    if key == "templates" and (without := [each for each in found if GAP not in each]):
        raise SettingsError(
            f"{where}: the template {without[0]!r} has no {GAP} where the label goes.", where=where
        )
