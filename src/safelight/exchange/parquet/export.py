"""Write a data set, so that an unfinished one never looks whole."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from safelight.arguments import as_list
from safelight.errors import SourceError, UsageError
from safelight.exchange.parquet.description import (
    DESCRIPTION,
    FAILURES,
    PHOTOS,
    UNFINISHED,
    Description,
    write_description,
)
from safelight.exchange.parquet.locations import is_unfinished, open_place
from safelight.exchange.parquet.parts import FILE_ROWS, digits_for, write_failures, write_photos
from safelight.library.database import as_database
from safelight.library.outbox import library_id
from safelight.library.snapshot import snapshot
from safelight.library.spaces import default_space, find_named_space

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from safelight.exchange.parquet.locations import Place
    from safelight.library.database import AnyLibrary
    from safelight.library.rows import FailureRow, PhotoRow

#: Rows between two reports of progress.
_STEP = 500


@dataclass(frozen=True, slots=True)
class Exported:
    """Summary of an export.

    Attributes
    ----------
    place : str
    space : str
        The name of the model.
    photos, failures : int
        Rows; texts count as photos.
    files, bytes : int
        Of Parquet.
    seconds : float
    """

    place: str
    space: str
    photos: int
    failures: int
    files: int
    bytes: int
    seconds: float


def export_library(
    library: AnyLibrary,
    url: str | os.PathLike[str],
    *,
    namespaces: Sequence[str] = (),
    space: str | None = None,
    digits: int | None = None,
    file_rows: int = FILE_ROWS,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Exported:
    """Export one space of a library as a data set.

    It is as of one moment, whatever is written to the library meanwhile. It can be stopped and
    killed at any point, and then be run again.

    Parameters
    ----------
    library : Library or Database
    url : str or path-like
        A folder, or a URL that fsspec knows.
    namespaces : sequence of str
        Only photos with a file in one of them, and only these files; all if empty.
    space : str, optional
        As :func:`~safelight.library.spaces.find_named_space` takes it; the default if not given.
    digits : int, optional
        So many of the id's first digits make a folder; as suits their number if not given.
    file_rows : int
        Photos of one file at most.
    overwrite : bool
        Replace the data set that is there.
    progress : callable
        Given the photos done, and all that there are to do.

    Raises
    ------
    UsageError
        Something else is there, or the extra is not installed.
    SpaceError
        The library has no such space.
    SourceError
        It cannot be written there.
    """
    library = as_database(library)
    chosen = find_named_space(library, space) if space is not None else default_space(library)
    if chosen is None:
        chosen = find_named_space(library, "")  # which raises that there is none yet
    place = open_place(url)
    with snapshot(library, chosen, as_list(namespaces, "namespaces", str)) as found:
        return write_data_set(
            place,
            Description(chosen, library_id(library), found.label_sets()),
            found.photos(),
            found.failures(),
            found.count(),
            digits=digits,
            file_rows=file_rows,
            overwrite=overwrite,
            progress=progress,
        )


def write_data_set(
    place: Place,
    description: Description,
    photos: Iterable[PhotoRow],
    failures: Iterable[FailureRow],
    total: int,
    *,
    digits: int | None = None,
    file_rows: int = FILE_ROWS,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Exported:
    """Write a data set: first its files, under names of their own, then what makes them one.

    Parameters
    ----------
    place : Place
    description : Description
        Without parts.
    photos : iterable of PhotoRow
        Ordered by id.
    failures : iterable of FailureRow
    total : int
        How many photos there are.
    digits : int, optional
        So many of the id's first digits make a folder; what suits `total` if not given.
    file_rows : int
        Photos of one file at most.
    overwrite : bool
        Replace the data set that is there.
    progress : callable
        Given the photos done, and all that there are to do.

    Raises
    ------
    UsageError
        Something else is there.
    SourceError
        It cannot be written there.
    """
    started = time.perf_counter()
    _check_free(place, overwrite=overwrite)
    run = uuid.uuid4().hex[:8]
    place.put_bytes(UNFINISHED, run.encode())
    dimension = description.space.dimension
    parts = list(
        write_photos(
            place,
            _counted(photos, total, progress),
            dimension,
            run=run,
            digits=digits_for(total) if digits is None else digits,
            file_rows=file_rows,
        )
    )
    shown = sum(part.rows or 0 for part in parts)
    failed = list(write_failures(place, failures, run=run))
    parts += failed
    there = place.sizes()
    if lost := [part.name for part in parts if there.get(part.name) != part.bytes]:
        raise SourceError(
            f"{place.name_of(lost[0])} was removed or changed while the data set was being "
            "written. Two exports to one place? Run it again.",
            code="place",
        )
    write_description(place, replace(description, parts=tuple(parts)))
    mine = {part.name for part in parts}
    # What an earlier run left, whole or not. A reader of it may be left with less now.
    place.remove(name for name in there if _is_left(name) or (_is_part(name) and name not in mine))
    place.remove([UNFINISHED])
    return Exported(
        place.shown,
        description.space.name,
        shown,
        sum(part.rows or 0 for part in failed),
        len(parts),
        sum(part.bytes or 0 for part in parts),
        time.perf_counter() - started,
    )


def _check_free(place: Place, *, overwrite: bool) -> None:
    there = place.names()
    if DESCRIPTION in there and not overwrite:
        raise UsageError(
            f"There is a data set at {place.shown} already. Replace it, or name another folder.",
            code="data-set-exists",
            hint="overwrite",
        )
    ours = {DESCRIPTION, UNFINISHED, *filter(_is_left, there)}
    if (there and not ours & there) or place.is_file():
        raise UsageError(
            f"{place.shown} is not empty, and no data set. Name a new folder.",
            code="not-empty",
        )


def _is_part(name: str) -> bool:
    if not name.startswith((f"{PHOTOS}/", f"{FAILURES}/")):
        return False
    return ".parquet" in name or is_unfinished(name)


def _is_left(name: str) -> bool:
    """Tell whether it is what was to become a file, of a run that was killed just then."""
    ours = name.startswith((f"{DESCRIPTION}.", f"{UNFINISHED}.", ".safelight-"))
    return ours and is_unfinished(name)


def _counted(
    rows: Iterable[PhotoRow], total: int, progress: Callable[[int, int], None]
) -> Iterator[PhotoRow]:
    progress(0, total)
    done = 0
    for done, row in enumerate(rows, 1):
        if done % _STEP == 0:
            progress(done, total)
        yield row
    progress(done, total)
