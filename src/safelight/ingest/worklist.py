"""Worklist of an ingest: the difference between a source's listing and the library."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safelight.errors import SourceError
from safelight.imaging.formats import EXTRAS, available_extras, extra_for
from safelight.ingest.sources.folder import FolderSource
from safelight.ingest.sources.sidecars import stamp_of
from safelight.library.files import (
    EXCLUDED,
    MISSING,
    PRESENT,
    KnownFile,
    has_other_namespaces,
    item_of_file,
    known_elsewhere,
    known_files,
)
from safelight.library.write import FileRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from safelight.ingest.sources import Source
    from safelight.ingest.sources.entry import Entry
    from safelight.library.database import Database


@dataclass(frozen=True, slots=True)
class Worklist:
    """Worklist of one source.

    Attributes
    ----------
    source : Source
    work : list of Entry
        To be opened: new or changed, or not yet in the space.
    records : list of FileRecord
        To be written without opening anything: failures of the listing, files that another
        namespace knows, metadata that changed.
    absent : list of FileRecord
        Known files that a list names and that are not there: reported, never written.
    refresh : list of Entry
        Unchanged, and their sidecars are not: their facts are to be read again.
    missing : dict of int to str
        Keys and paths of known files that are no longer there.
    excluded : list of int
        Keys of files that are there, and that the source passes over now.
    present : int
        Known files that were there before.
    listed : int
        Entries of the listing.
    new, changed, unchanged : int
        Entries of each kind; `new` and `changed` are those in `work`.
    linked : int
        Files that another namespace knows already.
    failing : int
        Entries that failed before, and are as they were.
    refused : int
        Entries that the listing could not offer, for the first time.
    stale : int
        Entries in `work` whose vectors are of pixels that may be decoded otherwise now.
    """

    source: Source
    work: list[Entry]
    records: list[FileRecord]
    absent: list[FileRecord]
    missing: dict[int, str]
    excluded: list[int]
    present: int
    listed: int
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    linked: int = 0
    failing: int = 0
    refused: int = 0
    stale: int = 0
    refresh: list[Entry] = field(default_factory=list)


def make_worklist(
    library: Database,
    source: Source,
    *,
    namespace: str,
    fingerprint: str,
    retry_failed: bool = False,
    others: Sequence[Source] = (),
) -> Worklist:
    """List `source` and compare it with the library. Nothing is opened, nothing is written.

    Parameters
    ----------
    others : sequence of Source
        Further sources of the namespace. What one of them lists is not excluded.

    Raises
    ------
    SourceError
        The source cannot be listed at all.
    """
    entries: Iterable[Entry] = source.entries()
    scope: str | list[str] | None = source.scope
    if scope is None:
        entries = list(entries)
        scope = [entry.path for entry in entries]
    known = known_files(library, namespace, fingerprint, scope=scope)
    has_others = has_other_namespaces(library, namespace)
    work: list[Entry] = []
    records: list[FileRecord] = []
    absent: list[FileRecord] = []
    missing: dict[int, str] = {}
    refresh: list[Entry] = []
    seen: set[str] = set()
    kinds = ("new", "changed", "unchanged", "linked", "failing", "refused", "stale")
    tally = dict.fromkeys(kinds, 0)
    for entry in entries:
        seen.add(entry.path)
        before = known.get(entry.path)
        if before is not None and entry.code == "missing" and before.has_item:
            # Its disk may be unplugged: what is known about it is kept.
            tally["refused"] += 1
            absent.append(as_record(entry, None))
            if before.state != MISSING:
                missing[before.pk] = entry.path
        elif before is not None and not retry_failed and _still_fails(entry, before):
            tally["failing"] += 1
        elif entry.code is not None:
            tally["refused"] += 1
            records.append(as_record(entry, None))
        elif before is not None and _is_unchanged(entry, before):
            tally["unchanged"] += 1
            if entry.text is None and stamp_of(entry.sidecars) != before.sidecars:
                refresh.append(entry)
            if before.state != PRESENT or entry.metadata is not None:
                records.append(_again(library, entry, before))
        elif has_others and (item := _elsewhere(library, namespace, entry, fingerprint)):
            tally["linked"] += 1
            records.append(as_record(entry, item))
        else:
            tally["new" if before is None else "changed"] += 1
            tally["stale"] += before is not None and _is_stale(entry, before)
            work.append(entry)
    unseen = {path: file for path, file in known.items() if path not in seen}
    absent_paths, excluded = _sort_out(source, unseen, others)
    missing |= absent_paths
    present = sum(file.state == PRESENT for file in known.values())
    return Worklist(
        source,
        work,
        records,
        absent,
        missing,
        excluded,
        present,
        len(seen),
        refresh=refresh,
        **tally,
    )


def _sort_out(
    source: Source, unseen: Mapping[str, KnownFile], others: Sequence[Source]
) -> tuple[dict[int, str], list[int]]:
    """Return which of the known files that were not listed are missing, and which are excluded."""
    missing: dict[int, str] = {}
    excluded: list[int] = []
    paths: dict[str, frozenset[str]] = {}

    def is_listed(path: str) -> bool:
        for other in others:
            if isinstance(other, FolderSource):
                found = path.startswith(other.scope) and other.why_excluded(path) is None
            elif other.scope is not None:
                found = path.startswith(other.scope)
            else:
                if other.spec not in paths:
                    paths[other.spec] = _paths(other)
                found = path in paths[other.spec]
            if found:
                return True
        return False

    for path, file in unseen.items():
        if is_missing(path):
            if file.state != MISSING:
                missing[file.pk] = path
        elif (
            file.state != EXCLUDED
            and isinstance(source, FolderSource)
            and source.why_excluded(path)
            and not is_listed(path)
        ):
            excluded.append(file.pk)
    return missing, excluded


def _paths(source: Source) -> frozenset[str]:
    try:
        return frozenset(entry.path for entry in source.entries())
    except SourceError:
        return frozenset()


def as_record(
    entry: Entry,
    item_id: str | None,
    *,
    code: str | None = None,
    reason: str | None = None,
    sidecars: str | None = None,
) -> FileRecord:
    """Return the record of an entry; a failure if `item_id` is None.

    With both an item and a code, the content is known, and it is this model that cannot take it.
    """
    return FileRecord(
        entry.path,
        entry.source_path,
        entry.stat,
        item_id,
        entry.metadata,
        code or (None if item_id else entry.code),
        reason or (None if item_id else entry.reason),
        sidecars,
    )


def _still_fails(entry: Entry, before: KnownFile) -> bool:
    if before.failure is None or before.state != PRESENT or entry.stat != before.stat:
        return False
    if before.embedded or before.failure == "model":
        return False  # it was another model, or may have been
    if entry.code is not None:
        return entry.code == before.failure
    if before.failure == "missing-extra":
        # What a name does not tell, the content may: a HEIC photo called .jpg.
        needed = extra_for(entry.path)
        return not ({needed} if needed else EXTRAS) <= available_extras()
    return True


def _is_stale(entry: Entry, before: KnownFile) -> bool:
    return (
        before.stale
        and entry.stat is not None
        and before.stat is not None
        and entry.stat.same_content_as(before.stat)
    )


def _is_unchanged(entry: Entry, before: KnownFile) -> bool:
    if entry.stat is None or before.stat is None or not before.embedded:
        return False
    return entry.stat.same_content_as(before.stat)


def _again(library: Database, entry: Entry, before: KnownFile) -> FileRecord:
    item = item_of_file(library, before.pk)
    return as_record(entry, item, sidecars=before.sidecars)


def _elsewhere(library: Database, namespace: str, entry: Entry, fingerprint: str) -> str | None:
    if entry.stat is None or entry.text is not None:
        return None
    return known_elsewhere(library, namespace, entry.path, entry.stat, fingerprint)


def is_missing(path: str) -> bool:
    """Tell whether nothing is at a path; a folder that may not be read hides nothing."""
    # os.path.lexists() also says no to what lies in a folder that may not be read.
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False
