"""Settle an ingest: tell moved files from missing ones.

A file that is not at its path any more may have been moved, renamed with its folder, or be seen
through another drive letter: then its content was found at a path of this ingest. Or its disk is
unplugged: then most of its source is missing at once, and nothing is called missing until the user
says so.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safelight.files.names import folded
from safelight.ingest.sources.folder import FolderSource
from safelight.ingest.sources.spelling import true_spelling
from safelight.ingest.worklist import is_missing
from safelight.library.files import EXCLUDED
from safelight.library.ingested_sources import remembered
from safelight.library.relocate import (
    Relocated,
    drop_files,
    files_below,
    follow_source,
    relocate,
)
from safelight.library.write import mark_gone

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from safelight.ingest.worklist import Worklist
    from safelight.library.database import Database

_FOLDER = "images:"


@dataclass(frozen=True, slots=True)
class Settled:
    """Outcome for the files that a listing lacked.

    Attributes
    ----------
    moved, missing, excluded, kept : int
        Files whose content was found elsewhere; that are missing now; that are excluded now; that
        are not there, and kept all the same.
    notes : list of str
        What the user should be told.
    """

    moved: int = 0
    missing: int = 0
    excluded: int = 0
    kept: int = 0
    notes: list[str] = field(default_factory=list)


def settle(
    library: Database,
    namespace: str,
    plans: Sequence[Worklist],
    known_at: Collection[str],
    *,
    accept_missing: bool,
) -> Settled:
    """Record what moved, what is missing and what is excluded.

    Parameters
    ----------
    known_at : collection of str
        Paths of this ingest at which content was seen that the library knew.
    accept_missing : bool
        Call files missing even if that is most of a source.
    """
    moved = relocate(library, namespace, known_at, _has_left)
    gone = {each.old_key for each in moved}
    notes = _follow_sources(library, namespace, moved)
    missing: list[int] = []
    kept = 0
    for plan in plans:
        lost = [key for key in plan.missing if key not in gone]
        if not accept_missing and _is_doubtful(plan, len(lost)):
            kept += len(lost)
            notes.append(_doubt(plan, len(lost)))
        else:
            missing += lost
    excluded = [key for plan in plans for key in plan.excluded]
    if missing:
        mark_gone(library, missing)
    if excluded:
        mark_gone(library, excluded, EXCLUDED)
        files, they = "1 file is", "it"
        if len(excluded) > 1:
            files, they = f"{len(excluded):,} files are", "them"
        notes.append(
            f"{files} excluded now and no longer found; without the exclusion, the next ingest "
            f"brings {they} back."
        )
    return Settled(len(moved), len(missing), len(excluded), kept, notes)


def _is_doubtful(plan: Worklist, lost: int) -> bool:
    """Tell whether so much of a source is missing that a disk may be unplugged."""
    is_text = plan.source.scope is not None and not isinstance(plan.source, FolderSource)
    return not is_text and lost * 2 > plan.present


def _doubt(plan: Worklist, lost: int) -> str:
    there = "nothing is there" if not plan.listed else f"{lost:,} of {plan.present:,} files"
    what = f"{there}" if not plan.listed else f"{there} are not there any more"
    return (
        f"{plan.source.spec}: {what}. Is a disk not plugged in? What is known about them is kept. "
        "If they are gone for good: safelight ingest --accept-missing; if they were moved: "
        "safelight sources move OLD NEW."
    )


def _follow_sources(library: Database, namespace: str, moved: Sequence[Relocated]) -> list[str]:
    """Let sources follow most of their files to where their folder is now; say so."""
    if not moved:
        return []
    notes = []
    roots = []
    for name, spec, _ in remembered(library, namespace):
        folder = spec.removeprefix(_FOLDER)
        if not spec.startswith(_FOLDER):
            continue
        if os.path.lexists(folder) and true_spelling(folder) == folder:
            roots.append(folder)
            continue
        ours = [each for each in moved if _is_in(each.old_path, folder)]
        target = _new_folder(folder, ours, files_below(library, name, folder))
        if target is not None:
            lost = follow_source(library, name, folder, target, [each.old_key for each in ours])
            rest = f"; {lost:,} others are missing" if lost else ""
            notes.append(f"{folder} is {target} now: {len(ours):,} files were moved{rest}.")
    # Of a disk that is not plugged in, and of a list, the old path may be meant again.
    drop_files(
        library,
        [each.old_key for each in moved if any(_is_in(each.old_path, root) for root in roots)],
    )
    return notes


def _new_folder(folder: str, moved: Sequence[Relocated], others: int) -> str | None:
    """Return where a folder is now, if most of its files were found there."""
    votes: Counter[str] = Counter()
    for each in moved:
        inside = each.old_path[len(folder.rstrip(os.sep)) :]
        if folded(each.new_path).endswith(folded(inside)):
            votes[each.new_path[: len(each.new_path) - len(inside)]] += 1
    if not votes:
        return None
    ((target, best),) = votes.most_common(1)
    return target if best * 2 > len(moved) + others and os.path.isdir(target) else None


def _is_in(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def _has_left(old: str, new: str) -> bool:
    """Tell whether a file that is at `new` is no longer at `old`, or only in another spelling."""
    if is_missing(old):
        return True
    return folded(old) == folded(new) and true_spelling(old) == true_spelling(new) == new
