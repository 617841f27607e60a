"""Sources of a library, with the number of files that are there."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from safelight.library.damage import stored_json
from safelight.library.files import EXCLUDED, MISSING, PRESENT, beginning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.library.database import Database

KINDS = ("images", "image-list", "text")


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A source that was ingested.

    Attributes
    ----------
    key : int
    namespace, spec : str
    options : mapping
        What it was ingested with: exclusions, whether it is recursive.
    ingested_at : str or None
        When it was last; None if an older safelight did it.
    """

    key: int
    namespace: str
    spec: str
    options: Mapping[str, Any] = field(hash=False)
    ingested_at: str | None


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A source, and what is known about its files.

    Attributes
    ----------
    source : SourceRecord
    is_there : bool
        Whether its folder or file is there now.
    files, missing, excluded : int
        Of a folder, a file of texts or a single photo; None of a list.
    """

    source: SourceRecord
    is_there: bool
    files: int | None = None
    missing: int | None = None
    excluded: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready, with the options of the source among its own fields."""
        return {
            "namespace": self.source.namespace,
            "source": self.source.spec,
            "there": self.is_there,
            "files": self.files,
            "missing": self.missing,
            "excluded": self.excluded,
            "ingested_at": self.source.ingested_at,
            **self.source.options,
        }


def read_sources(library: Database, namespace: str | None = None) -> list[SourceRecord]:
    """Return the sources of a namespace, or of all, in the order of their coming."""
    # An older library that can only be read has no dates.
    columns = {name for _, name, *_ in library.connection.execute("PRAGMA table_info(sources)")}
    date = "s.ingested_at" if "ingested_at" in columns else "NULL"
    rows = library.connection.execute(
        f"SELECT s.pk, n.name, s.spec, s.options, {date} FROM sources s "
        "JOIN namespaces n ON n.pk = s.namespace_pk "
        "WHERE ? IS NULL OR n.name = ? ORDER BY s.pk",
        (namespace, namespace),
    )
    return [
        SourceRecord(key, name, spec, stored_json(options), at)
        for key, name, spec, options, at in rows
    ]


def source_status(library: Database, source: SourceRecord) -> SourceStatus:
    """Return whether a source is there, and how many of its files are."""
    kind, place = place_of(source.spec)
    if place is None:
        return SourceStatus(source, is_there=True)
    is_there = os.path.lexists(place)
    if kind == "image-list":
        return SourceStatus(source, is_there)
    end = {"images": os.sep, "text": "#"}.get(kind)
    condition = "path = ?"
    values: tuple[str, ...] = (place,)
    if end is not None:
        condition, values = beginning("path", place.rstrip(os.sep) + end)
    rows = library.connection.execute(
        f"SELECT gone, count(*) FROM files WHERE {condition} AND namespace_pk = "
        "(SELECT pk FROM namespaces WHERE name = ?) GROUP BY gone",
        (*values, source.namespace),
    )
    found = dict(rows.fetchall())
    if kind == "images" and found.get(PRESENT) and _is_empty(place):
        is_there = False  # the mount point of a disk that is not plugged in
    return SourceStatus(
        source, is_there, found.get(PRESENT, 0), found.get(MISSING, 0), found.get(EXCLUDED, 0)
    )


def _is_empty(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return False


def place_of(spec: str) -> tuple[str, str | None]:
    """Return the kind of a source and its path; a path of None has no place on disk.

    Examples
    --------
    >>> place_of("images:/a"), place_of("/a/b.jpg"), place_of("demo")
    (('images', '/a'), ('', '/a/b.jpg'), ('', None))
    """
    kind, colon, rest = spec.partition(":")
    if colon and kind in KINDS:
        return kind, rest
    return ("", None) if spec == "demo" else ("", spec)


def is_inside(path: str, folder: str) -> bool:
    """Tell whether a path lies in a folder, at any depth."""
    return path.startswith(folder.rstrip(os.sep) + os.sep)
