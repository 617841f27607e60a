"""What an ingest has to do: a source's listing compared with what the library knows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.imaging.formats import EXTRAS, available_extras, extra_for
from safelight.library.files import KnownFile, known_elsewhere, known_files
from safelight.library.records import FileRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from safelight.library.store import Library
    from safelight.sources import Source
    from safelight.sources.entry import Entry


@dataclass(frozen=True, slots=True)
class Plan:
    """What an ingest of one source has to do.

    Attributes
    ----------
    work : list of Entry
        To be opened: new or changed, or not yet in the space.
    records : list of FileRecord
        To be written without opening anything: failures of the listing, files that another
        namespace knows, metadata that changed.
    gone : list of int
        Keys of files that are no longer there.
    new, changed, unchanged : int
        Entries of each kind; `new` and `changed` are those in `work`.
    linked : int
        Files that another namespace knows already.
    failing : int
        Entries that failed before, and are as they were.
    refused : int
        Entries that the listing could not offer, for the first time.
    """

    work: list[Entry]
    records: list[FileRecord]
    gone: list[int]
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    linked: int = 0
    failing: int = 0
    refused: int = 0


def make_plan(
    library: Library,
    source: Source,
    *,
    namespace: str,
    fingerprint: str,
    retry_failed: bool = False,
) -> Plan:
    """List `source` and compare it with the library. Nothing is opened, nothing is written.

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
    has_others = library.connection.execute(
        "SELECT 1 FROM namespaces WHERE name != ?", (namespace,)
    ).fetchone()
    work: list[Entry] = []
    records: list[FileRecord] = []
    seen: set[str] = set()
    tally = dict.fromkeys(("new", "changed", "unchanged", "linked", "failing", "refused"), 0)
    for entry in entries:
        seen.add(entry.path)
        before = known.get(entry.path)
        if before is not None and not retry_failed and _still_fails(entry, before):
            tally["failing"] += 1
        elif entry.code is not None:
            tally["refused"] += 1
            records.append(as_record(entry, None))
        elif before is not None and _is_unchanged(entry, before):
            tally["unchanged"] += 1
            if before.gone or entry.metadata is not None:
                records.append(_again(library, entry, before))
        elif has_others and (item := _elsewhere(library, namespace, entry, fingerprint)):
            tally["linked"] += 1
            records.append(as_record(entry, item))
        else:
            tally["new" if before is None else "changed"] += 1
            work.append(entry)
    gone = [
        file.pk
        for path, file in known.items()
        if path not in seen and not file.gone and _is_gone(path)
    ]
    return Plan(work, records, gone, **tally)


def as_record(
    entry: Entry, item_id: str | None, *, code: str | None = None, reason: str | None = None
) -> FileRecord:
    """Return what the library is to keep of an entry; a failure if `item_id` is None.

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
    )


def _still_fails(entry: Entry, before: KnownFile) -> bool:
    if before.failure is None or before.gone or entry.stat != before.stat:
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


def _is_unchanged(entry: Entry, before: KnownFile) -> bool:
    if entry.stat is None or before.stat is None or not before.embedded:
        return False
    return entry.stat.same_content_as(before.stat)


def _again(library: Library, entry: Entry, before: KnownFile) -> FileRecord:
    (item,) = library.connection.execute(
        "SELECT i.id FROM files f JOIN items i ON i.pk = f.item_pk WHERE f.pk = ?", (before.pk,)
    ).fetchone()
    return as_record(entry, item)


def _elsewhere(library: Library, namespace: str, entry: Entry, fingerprint: str) -> str | None:
    if entry.stat is None or entry.text is not None:
        return None
    return known_elsewhere(library, namespace, entry.path, entry.stat, fingerprint)


def _is_gone(path: str) -> bool:
    # os.path.lexists() also says no to what lies in a folder that may not be read.
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False
