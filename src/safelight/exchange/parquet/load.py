"""Read a data set into a library or a vector store, skipping its broken files."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from safelight.errors import SourceError
from safelight.exchange.parquet.description import FAILURES, PHOTOS, parts_of, read_description
from safelight.exchange.parquet.locations import open_place
from safelight.exchange.parquet.parts import broken, read_failures, read_photos
from safelight.library.database import as_database
from safelight.library.items import item_keys
from safelight.library.merge import Merged, Merger, check_space
from safelight.library.rows import check_rows
from safelight.library.vector_index.open import open_fastest
from safelight.settings import CLUSTERS_FROM

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from safelight.errors import SafelightError
    from safelight.exchange.parquet.description import Description, Part
    from safelight.exchange.parquet.locations import Place
    from safelight.library.database import AnyLibrary
    from safelight.library.rows import PhotoRow

#: Of these columns, a dry run learns whether a file can be read, and which photos are new.
_ENOUGH = ("photo_id", "vector", "provenance")


@dataclass(frozen=True, slots=True)
class Imported:
    """Summary of an import.

    Attributes
    ----------
    place : str
    space : str
        The name of the model.
    photos : int
        Rows that were read; texts count as photos.
    new : int
        Those that the library did not have.
    vectors, files, failures : int
        That were added; of a store, all that were sent.
    problems : tuple of SafelightError
        The files that could not be used, or not to their end; what a store does not take.
    seconds : float
    dry_run : bool
        Whether nothing was written.
    """

    place: str
    space: str
    photos: int
    new: int
    vectors: int
    files: int
    failures: int
    problems: tuple[SafelightError, ...]
    seconds: float
    dry_run: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {
            **asdict(replace(self, problems=())),
            "problems": [{"code": each.code, "message": each.message} for each in self.problems],
        }


def import_data_set(
    library: AnyLibrary,
    url: str | os.PathLike[str],
    *,
    namespace: str | None = None,
    dry_run: bool = False,
    clusters_from: int = CLUSTERS_FROM,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Imported:
    """Add to a library what a data set knows and the library does not.

    No photo is opened. It can be stopped and killed at any point, and then be run again; what is
    there already is left as it is.

    Parameters
    ----------
    library : Library or Database
    url : str or path-like
        A folder, or a URL that fsspec knows.
    namespace : str, optional
        Where all files go, whatever the data set says.
    dry_run : bool
        Only read it, and tell what would be new.
    clusters_from : int
        Vectors from which another process is started, at the end, to sort them into clusters.
    progress : callable
        Given the photos done, and all that there are; 0 if nobody knows.

    Raises
    ------
    SourceError
        There is no data set, it is not finished, or its vectors cannot go into the library.
    UsageError
        The extra is not installed.
    """
    library = as_database(library)
    started = time.perf_counter()
    place = open_place(url)
    description = read_description(place)
    check_space(library, description.space)
    problems: list[SourceError] = []
    merged = Merged()
    if dry_run:
        for part, rows in photos_of(place, description, problems, progress, columns=_ENOUGH):
            try:
                check_rows(rows, description.space)
            except SourceError as exc:
                problems.append(broken(place, part, exc))
                continue
            known = item_keys(library.connection, [row.photo_id for row in rows])
            merged += Merged(len(rows), len(rows) - len(known))
    else:
        merger = Merger(library, description.space, description.label_sets, namespace)
        for part, rows in photos_of(place, description, problems, progress):
            try:
                merged += merger.photos(rows)
            except (SourceError, sqlite3.IntegrityError) as exc:
                problems.append(broken(place, part, exc))
        for part in parts_of(place, description, FAILURES):
            try:
                for failures in read_failures(place, part):
                    merged += merger.failures(failures)
            except (SourceError, sqlite3.IntegrityError) as exc:
                problems.append(broken(place, part, exc))
        open_fastest(library, description.space.fingerprint, clusters_from=clusters_from)
    return Imported(
        place.shown,
        description.space.name,
        merged.photos,
        merged.new,
        merged.vectors,
        merged.files,
        merged.failures,
        tuple(problems),
        time.perf_counter() - started,
        dry_run,
    )


def photos_of(
    place: Place,
    description: Description,
    problems: list[SourceError],
    progress: Callable[[int, int], None],
    columns: tuple[str, ...] | None = None,
) -> Iterator[tuple[Part, list[PhotoRow]]]:
    """Yield the photos of a data set, some at a time; what is broken goes to `problems`."""
    parts = parts_of(place, description, PHOTOS)
    total, done = sum(part.rows or 0 for part in parts), 0
    progress(0, total)
    for part in parts:
        try:
            for rows in read_photos(place, part, columns):
                yield part, rows
                done += len(rows)
                progress(done, total)
        except SourceError as exc:
            problems.append(broken(place, part, exc))
