"""The settings: one frozen object, built once at the edge and passed on.

A value comes from, first to last: an option of the command, the environment (``SAFELIGHT_*``),
the default. See ``docs/decisions/0002-settings.md`` for why this is not a pydantic-settings class.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.arguments import as_list, as_mapping
from safelight.errors import SettingsError
from safelight.files.names import expanded
from safelight.types import DEFAULT_MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PREFIX = "SAFELIGHT_"

#: A space with so many vectors is searched by clusters; docs/decisions/0019-indexes.md says why.
CLUSTERS_FROM = 200_000

#: Folders and files that hold no photos of the user's own, whatever else they hold; besides those
#: that are passed over always (safelight.files.packages).
DEFAULT_EXCLUDE = (".*", "@eaDir", "#recycle", "$RECYCLE.BIN", "__MACOSX", "node_modules")


def _default_library() -> Path:
    from platformdirs import user_data_path

    return user_data_path("safelight", appauthor=False) / "library.db"


def _path(text: str) -> Path:
    return Path(expanded(text)).absolute()


def _text(text: str) -> str:
    return text


class Secret:
    """A text of which at most a part may be shown: ``str()`` gives that.

    Parameters
    ----------
    text : str
        For those who are meant to have it.
    shown : str
    """

    __slots__ = ("shown", "text")

    def __init__(self, text: str, shown: str = "(set)") -> None:
        self.text = text
        self.shown = shown

    def __str__(self) -> str:
        return self.shown

    def __repr__(self) -> str:
        return f"Secret({self.shown!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def _key(text: str) -> Secret:
    return Secret(text)


def _address(text: str) -> Secret:
    # Whatever comes before the last @ is taken for a password: one may hold any character.
    # Of a Qdrant server even a name without one may be its key.
    shown = re.sub(r"(?i)^(qdrants?://).*@", r"\1", text)
    shown = re.sub(r"//([^:@/?#]*):.*@", r"//\1@", shown)
    return Secret(text, re.sub(r"(?i)((?:password|secret|token|key)=)[^&]*", r"\1", shown))


def _positive(text: str) -> int:
    number = int(text.replace("_", ""))
    if number < 1:
        raise ValueError(f"{number} is below 1")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError(f"{number} is not above 0")
    return number


def _globs(text: str) -> tuple[str, ...]:
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)


def _folders(text: str) -> tuple[str, ...]:
    parts = (part.strip() for part in text.split(os.pathsep))
    return tuple(os.path.abspath(expanded(part)) for part in parts if part)


def _setting(parse: Callable[[str], Any], about: str, **default: Any) -> Any:
    return field(**default, metadata={"parse": parse, "about": about})


_VARIABLES = "variables of the environment by name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be configured; each field's ``about`` is its documentation."""

    library: Path = _setting(_path, "The library file.", default_factory=_default_library)
    namespace: str = _setting(_text, "The namespace that files are put in.", default="default")
    model: str | None = _setting(
        _text, "The model for a library that has none yet (`safelight docs models`).", default=None
    )
    device: str = _setting(_text, "Where models run: auto, cpu, cuda:1, mps.", default="auto")
    batch_size: int | None = _setting(
        _positive,
        "Photos that a model is given at once; what suits the device if unset.",
        default=None,
    )
    threads: int | None = _setting(
        _positive, "Threads that read and decode; one a core if unset.", default=None
    )
    pixel_limit: int = _setting(
        _positive, "A photo with more pixels than this is refused.", default=DEFAULT_MAX_PIXELS
    )
    score_weights: str = _setting(
        _text, "Weights of the combined score that differ, e.g. focus=2,noise=0.", default=""
    )
    labels: Path | None = _setting(
        _path, "A file of labels to use instead of the 50 built in.", default=None
    )
    templates: Path | None = _setting(
        _path, "A file of prompt templates for labels, instead of the 6.", default=None
    )
    duplicate_limits: str = _setting(
        _text,
        "Limits of duplicates that differ, as in words=4,burst_seconds=3.",
        default="",
    )
    prefer: tuple[str, ...] = _setting(
        _folders,
        "Folders whose files are kept of duplicates, the first most; separated as in PATH.",
        default=(),
    )
    protect: tuple[str, ...] = _setting(
        _folders,
        "Folders of which no file is ever planned to go; separated as in PATH.",
        default=(),
    )
    exclude: tuple[str, ...] = _setting(
        _globs,
        "Names of folders and files that are passed over: shell patterns, separated by commas.",
        default=DEFAULT_EXCLUDE,
    )
    store: Secret | None = _setting(
        _address,
        "The vector store to feed and to search, as in qdrant://localhost.",
        default=None,
    )
    store_key: Secret | None = _setting(
        _key, "The API key of a Qdrant server; never shown.", default=None
    )
    clusters_from: int = _setting(
        _positive,
        "Vectors from which a space is searched by clusters, with FAISS.",
        default=CLUSTERS_FROM,
    )
    hub_timeout: float = _setting(
        _seconds, "Seconds to wait for the model hub before doing without.", default=3.0
    )

    def __post_init__(self) -> None:
        for name in ("exclude", "prefer", "protect"):
            object.__setattr__(self, name, tuple(as_list(getattr(self, name), name, str)))

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
        """Return the settings of this process.

        Parameters
        ----------
        environ : mapping, optional
            ``os.environ`` if not given. An empty value counts as not set.
        **overrides
            Fields that win over the environment; None means not given.

        Raises
        ------
        SettingsError
            A variable has a value that its setting cannot have.

        Examples
        --------
        >>> Settings.load({"SAFELIGHT_BATCH_SIZE": "8"}, namespace="holiday").batch_size
        8
        """
        environ = os.environ if environ is None else as_mapping(environ, "environ", _VARIABLES)
        values: dict[str, Any] = {}
        for setting in fields(cls):
            name = variable(setting.name)
            text = environ.get(name, "")
            if not text or overrides.get(setting.name) is not None:
                continue
            try:
                values[setting.name] = setting.metadata["parse"](text)
            except ValueError as exc:
                is_secret = setting.metadata["parse"] in (_address, _key)
                shown = name if is_secret else f"{name}={text!r}"
                raise SettingsError(
                    f"{shown} is not usable: {exc}. It should be: {setting.metadata['about']}",
                    setting=setting.name,
                ) from exc
        given = {name: value for name, value in overrides.items() if value is not None}
        return replace(cls(**values), **given) if given else cls(**values)

    def origins(self, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return where each value came from: ``environment``, ``default`` or ``option``."""
        environ = os.environ if environ is None else as_mapping(environ, "environ", _VARIABLES)
        plain = Settings.load(environ)
        return {
            setting.name: (
                "option"
                if getattr(self, setting.name) != getattr(plain, setting.name)
                else "environment"
                if environ.get(variable(setting.name))
                else "default"
            )
            for setting in fields(self)
        }


def variable(name: str) -> str:
    """Return the environment variable that sets the field `name`."""
    return PREFIX + name.upper()
