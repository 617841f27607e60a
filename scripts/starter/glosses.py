"""Glosses of the 1,000 classes, from classes.txt and kinds.txt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Gloss:
    """Gloss of one class.

    Attributes
    ----------
    names : tuple of str
        The usual one first.
    kinds : tuple of str
        From narrow to wide.
    setting : str
        How and where it is typically seen.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    setting: str

    @property
    def caption(self) -> str:
        """A sentence like those that people write about photos."""
        name = self.names[0]
        article = "an" if name[0].lower() in "aeiou" else "a"
        return f"a photo of {article} {name}, {self.setting}"


def read_glosses() -> list[Gloss]:
    """Return the gloss of each class, in the order of the classifier's outputs."""
    wider = {}
    for line in _lines("kinds.txt"):
        kind, _, kinds = line.partition(" = ")
        wider[kind] = _listed(kinds)
    glosses = []
    for line in _lines("classes.txt"):
        names, kinds, setting = line.split("|")
        found: dict[str, None] = {}
        for kind in _listed(kinds):
            _climb(kind, wider, found)
        glosses.append(Gloss(tuple(_listed(names)), tuple(found), setting.strip()))
    if len(glosses) != 1000:
        raise SystemExit(f"classes.txt has {len(glosses)} classes, not 1000.")
    return glosses


def _climb(kind: str, wider: dict[str, list[str]], found: dict[str, None]) -> None:
    found.setdefault(kind)
    for parent in wider.get(kind, []):
        _climb(parent, wider, found)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _lines(name: str) -> list[str]:
    lines = (_HERE / name).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
