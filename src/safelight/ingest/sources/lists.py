"""Photos named one by one: on the command line, or by an image list."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from safelight.files.names import expanded
from safelight.ingest.sources.entry import entry, is_inside, lines, outside, printable
from safelight.ingest.sources.sidecars import Sidecars
from safelight.ingest.sources.spelling import Speller

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from safelight.ingest.sources.entry import Entry


@dataclass(frozen=True, slots=True)
class PhotoSource:
    """Single photos, named by path."""

    paths: tuple[str, ...]
    name: str | None = None
    roots: tuple[str, ...] = ()
    scope: str | None = field(default=None, init=False)

    @property
    def spec(self) -> str:
        """The name of the collection, or the path of the one photo."""
        return self.name or self.paths[0]

    @property
    def options(self) -> dict[str, Any]:
        """None."""
        return {}

    def entries(self) -> Iterator[Entry]:
        """List the photos."""
        sidecars = Sidecars()
        for path in self.paths:
            if self.roots and not is_inside(path, self.roots):
                yield outside(path, path)
            else:
                yield entry(path, path, roots=self.roots, sidecars=sidecars.of(path))


@dataclass(frozen=True, slots=True)
class ListSource:
    """The photos named by a list: one a line, ``path[,label[,...]]``.

    ``#`` starts a comment line, blank lines are passed over, fields may be quoted as in CSV.
    Paths are relative to the list's folder. A second field is the ``label``; two fields after the
    path are ``category`` (also the ``label``) and ``subcategory``; further ones ``column_4`` and
    so on. A first line that begins with ``path,`` names the columns itself.

    With `roots`, real folders, a line that leads out of them is a failure: whether there is
    anything is not looked at.
    """

    list_path: str
    roots: tuple[str, ...] = ()
    scope: str | None = field(default=None, init=False)

    @property
    def spec(self) -> str:
        """``image-list:`` and the path."""
        return f"image-list:{self.list_path}"

    @property
    def options(self) -> dict[str, Any]:
        """None."""
        return {}

    def entries(self) -> Iterator[Entry]:
        """List the photos in the list's order; a path that stands twice is taken once."""
        base = os.path.dirname(self.list_path)
        seen: set[str] = set()
        speller, sidecars = Speller(), Sidecars()
        for name, said in parse_list(lines(self.list_path)):
            metadata = {printable(key): printable(value) for key, value in said.items()}
            path = os.path.join(base, expanded(name))
            # Nothing outside of the roots is looked at, not even for its spelling.
            is_outside = bool(self.roots) and not is_inside(path, self.roots)
            plain = is_outside or "\0" in path
            path = os.path.abspath(path) if plain else speller.spell(path)
            if path not in seen:
                seen.add(path)
                if is_outside:
                    yield outside(path, path, metadata, is_link=False)
                else:
                    beside = sidecars.of(path)
                    yield entry(path, path, metadata=metadata, roots=self.roots, sidecars=beside)


def parse_list(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the path and the metadata of each line of an image list.

    Examples
    --------
    >>> for path, metadata in parse_list(["# mine", "a.jpg", '"b, c.jpg",dog', "d.jpg,pet,cat"]):
    ...     print(path, metadata)
    a.jpg {}
    b, c.jpg {'label': 'dog'}
    d.jpg {'label': 'pet', 'category': 'pet', 'subcategory': 'cat'}
    """
    names: list[str] | None = None
    first = True
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            fields = next(csv.reader([line.strip()], skipinitialspace=True))
        except csv.Error:  # longer than csv's limit: no list of paths, but no reason to stop
            fields = [line.strip()[:4096]]
        fields = [part.strip() for part in fields]
        if first and len(fields) > 1 and fields[0].lower() == "path":
            names = fields[1:]
            continue
        first = False
        if fields[0]:
            yield fields[0], _columns(fields[1:], names)


def _columns(values: list[str], names: list[str] | None) -> dict[str, str]:
    if names is not None:
        named = zip(names, values, strict=False)
    elif len(values) <= 1:
        named = zip(("label",), values, strict=False)
    else:
        further = (f"column_{number}" for number in range(4, len(values) + 2))
        named = zip(
            ("label", "category", "subcategory", *further), (values[0], *values), strict=False
        )
    return {name: value for name, value in named if name and value}
