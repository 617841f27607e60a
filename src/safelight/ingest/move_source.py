"""Move sources whose folder has another name now, without reading it again."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.duplicates.plans.journal import folder_of
from safelight.duplicates.plans.relocate import record_move
from safelight.errors import FileError, LibraryError, SourceError, UsageError
from safelight.files import sha256_of
from safelight.files.names import expanded
from safelight.ingest.sources.spelling import true_spelling
from safelight.library.database import as_database
from safelight.library.files import require_namespace
from safelight.library.ingested_sources import remember
from safelight.library.relocate import FileAt, files_at, miss_files, move_file, rename_spec
from safelight.library.sources import KINDS, is_inside, place_of, read_sources
from safelight.types import FileStat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.library.database import AnyLibrary, Database
    from safelight.library.sources import SourceRecord

#: Files with the size and time that they had are not read, except for so many from all over.
_SAMPLE = 20


@dataclass(frozen=True, slots=True)
class Moved:
    """Outcome of moving a folder, in numbers of files.

    Attributes
    ----------
    old, new : str
    dry_run : bool
    files : int
        That are at their new path.
    missing : int
        That are not there; they are called missing now.
    changed : int
        Where another content is; the next ingest reads it.
    sources : tuple of str
        Sources that follow, as they are called now.
    """

    old: str
    new: str
    dry_run: bool
    files: int
    missing: int
    changed: int
    sources: tuple[str, ...]


def move_source(
    library: AnyLibrary,
    old: str | os.PathLike[str],
    new: str | os.PathLike[str],
    *,
    namespace: str | None = None,
    dry_run: bool = False,
) -> Moved:
    """Tell a library that a folder or file is at another path now.

    Files keep their vectors, scores, labels and decisions. What is at the new path is compared by
    size and time, and where these differ by content.

    Parameters
    ----------
    old, new : path-like
        With or without ``images:``.
    namespace : str, optional
        Only in it.
    dry_run : bool
        Only count.

    Raises
    ------
    LibraryError
        Nothing is known at `old`.
    SourceError
        Nothing is at `new`.
    UsageError
        They are one path, or the files at `old` are still there.
    """
    library = as_database(library)
    require_namespace(library, namespace)
    before, after = _path(old), _path(new)
    if not os.path.lexists(after):
        raise SourceError(f"{after}: there is no such file or folder to move to.", source=after)
    after = true_spelling(after)
    if before == after:
        raise UsageError(f"{before} is the same path twice.")
    files = files_at(library, before, namespace)
    meant = [
        each
        for each in read_sources(library, namespace)
        if (place := place_of(each.spec)[1]) is not None
        and (place == before or is_inside(place, before))
    ]
    if not files and not meant:
        where = "" if namespace is None else f" in namespace {namespace}"
        raise LibraryError(
            f"The library knows nothing at {before}{where}. `safelight sources` lists what it "
            "knows.",
            code="unknown-path",
            path=before,
        )
    _refuse_other_kind(files, meant, before, after)
    _refuse_copies(files, before, after)
    there, missing, changed = _compare(files, before, after)
    renamed = [(each, each.spec.replace(before, after, 1)) for each in meant]
    follows = tuple(dict.fromkeys(spec for _, spec in renamed))
    added = None if meant else _new_source(library, before, after, namespace)
    result = Moved(
        before,
        after,
        dry_run,
        len(there),
        len(missing),
        len(changed),
        follows if added is None else (added[1],),
    )
    if dry_run:
        return result
    with library.transaction() as connection:
        for file, found in there:
            move_file(connection, file, before, after, found)
        miss_files(connection, (*missing, *changed))
        for each, spec in renamed:
            rename_spec(connection, each.namespace, each.spec, spec)
        # So that what was moved into a quarantine still finds its way back.
        record_move(folder_of(library.path), before, after)
    if added is not None:
        remember(library, added[0], [(added[1], added[2])])
    return result


def _path(given: str | os.PathLike[str]) -> str:
    text = os.fspath(given)
    kind, _, rest = text.partition(":")
    path = rest if kind in KINDS else text
    if not path.strip() or "\0" in path:
        raise UsageError(f"{text!r} is not a path. Is a variable unset?")
    return os.path.abspath(expanded(path))


def _refuse_other_kind(
    files: Sequence[FileAt], sources: Sequence[SourceRecord], before: str, after: str
) -> None:
    """Raise if a folder would become a file, or a file, such as a list, a folder."""
    was_file = any(file.path == before or file.is_text for file in files) or any(
        place_of(each.spec)[1] == before and place_of(each.spec)[0] != "images" for each in sources
    )
    was_folder = any(is_inside(file.path, before) for file in files) or any(
        each.spec == f"images:{before}" for each in sources
    )
    if os.path.isdir(after) if was_file and not was_folder else not os.path.isdir(after):
        kind = "folder" if was_folder or not was_file else "file"
        raise UsageError(f"{before} was a {kind}, and {after} is not.")


def _refuse_copies(files: Sequence[FileAt], before: str, after: str) -> None:
    if not os.path.lexists(before) or os.path.samefile(before, after):
        return
    left = sum(os.path.lexists(file.path) for file in files if not file.is_text)
    if left:
        raise UsageError(
            f"{left:,} of the {len(files):,} files are still in {before}, so it was not moved. "
            f"To add {after} as well: safelight ingest {after}"
        )


def _compare(
    files: Sequence[FileAt], before: str, after: str
) -> tuple[list[tuple[FileAt, FileStat]], list[FileAt], list[FileAt]]:
    """Return the files that are at their new path, those that are not, and those that differ."""
    there: list[tuple[FileAt, FileStat]] = []
    missing: list[FileAt] = []
    changed: list[FileAt] = []
    alike: list[tuple[FileAt, FileStat]] = []
    for file in files:
        path = after + file.path[len(before) :]
        found = _stat(after if file.is_text else path)
        if found is None:
            missing.append(file)
        elif file.item_id is None or file.is_text:
            there.append((file, found))
        elif file.size != found.size:
            changed.append(file)
        elif file.mtime_ns == found.mtime_ns:
            alike.append((file, found))
        elif _holds(path, file.item_id):
            there.append((file, found))
        else:
            changed.append(file)
    step = max(1, len(alike) // _SAMPLE)
    is_true = all(
        _holds(after + file.path[len(before) :], file.item_id) for file, _ in alike[::step]
    )
    for file, found in alike:
        if is_true or _holds(after + file.path[len(before) :], file.item_id):
            there.append((file, found))
        else:
            changed.append(file)
    return there, missing, changed


def _stat(path: str) -> FileStat | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _holds(path: str, photo_id: str | None) -> bool:
    try:
        return sha256_of(path) == photo_id
    except (FileError, OSError):
        return False


def _new_source(
    library: Database, before: str, after: str, namespace: str | None
) -> tuple[str, str, dict[str, object]] | None:
    """Return the source to add where a folder has left the one that it was in."""
    if not os.path.isdir(after):
        return None
    sources = read_sources(library, namespace)
    folders = [each for each in sources if place_of(each.spec)[0] == "images"]
    if any(is_inside(after, place_of(each.spec)[1] or "") for each in folders):
        return None
    for each in folders:
        if is_inside(before, place_of(each.spec)[1] or ""):
            return each.namespace, f"images:{after}", dict(each.options)
    return None
