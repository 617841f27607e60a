"""Undo a plan: every byte, name and time as it was."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.duplicates.plans.apply import Outcome
from safelight.duplicates.plans.journal import (
    WAIT,
    Journal,
    folder_of,
    journals,
    last_applied,
    only_one,
    read_steps,
)
from safelight.duplicates.plans.model import Left, read_plan
from safelight.duplicates.plans.progress import progress_of
from safelight.duplicates.plans.recovery import clear_folders, recover
from safelight.duplicates.plans.relocate import moves_by_quarantine
from safelight.errors import LibraryError, PlanError
from safelight.files import SIDECAR, read_bytes, sha256_of
from safelight.files.moves import move, remove, replace_by_copy, write
from safelight.files.refusals import described
from safelight.files.set_aside import CannotChange
from safelight.library.database import Database
from safelight.library.photo_facts import mark_paths_back
from safelight.library.sources import place_of, read_sources
from safelight.types import FileStat

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.duplicates.plans.step import Step


def undo_plan(
    library_path: Path,
    which: str | None = None,
    *,
    trial: bool = False,
    progress: Callable[[int, int], None] = lambda *_: None,
    wait: float = WAIT,
) -> tuple[str, Outcome]:
    """Undo what a plan did; a file that is somewhere else by now stays, and is named.

    Parameters
    ----------
    library_path : Path
        The library, unless a plan's file names it; it is told which files are back. Without it,
        files come back all the same.
    which : str, optional
        A plan's file or the beginning of its id; if not given, of the plans of which something
        stands the one that was applied last.
    trial : bool
        Look at everything and change nothing.
    progress : callable
        Called with the number of steps looked at, and that of all.
    wait : float
        Seconds to wait for another command that is applying or undoing.

    Returns
    -------
    str, Outcome
        The plan's id, and what came of it.

    Raises
    ------
    PlanError
        There is no such plan, or its journal cannot be used.
    """
    if which is not None and os.path.isfile(which):
        plan = read_plan(which)
        which = plan.id
        # A library that has moved since has its journals beside it.
        if not (folder_of(library_path) / which).is_dir():
            library_path = Path(plan.library)
    if trial:
        folder = _find(library_path, which)
        with Journal(folder, wait) as journal:
            return folder.name, _undo(library_path, journal, trial, progress)
    _find(library_path, which)  # where nothing was applied, no folder is made for the lock
    with only_one(library_path, wait):
        recover(library_path)
        folder = _find(library_path, which)
        with Journal(folder, wait) as journal, journal.working():
            journal.note("undo", plan=folder.name)
            outcome = _undo(library_path, journal, trial, progress)
            journal.note("undone-all", **outcome.counts())
    with contextlib.suppress(PlanError):  # what was undone is undone, whatever became of the plan
        outcome.progress = progress_of(read_plan(folder / "plan.json"), library_path)
    return folder.name, outcome


def _find(library_path: Path, which: str | None) -> Path:
    found = journals(library_path)
    if which is not None:
        exact = [each for each in found if each.name == which]
        matching = exact or [each for each in found if which and each.name.startswith(which)]
        if len(matching) != 1:
            known = ", ".join(each.name for each in found) or "none"
            what = "no applied plan" if not matching else "more than one applied plan"
            raise PlanError(f"There is {what} {which!r}; there are: {known}.")
        return matching[0]
    standing = [
        (last_applied(steps), folder)
        for folder in found
        if (steps := read_steps(folder)) and last_applied(steps) is not None
    ]
    if not standing:
        raise PlanError(
            f"Nothing was applied to the library {library_path} that could be undone. If the "
            f"library was moved, move the folder {folder_of(library_path).name} along with it, or "
            "name where it was: safelight undo --library FILE"
        )
    return max(standing, key=lambda each: (each[0] or "", each[1].name))[1]


def _undo(
    library_path: Path, journal: Journal, trial: bool, progress: Callable[[int, int], None]
) -> Outcome:
    outcome = Outcome()
    back: dict[str, tuple[str, FileStat]] = {}
    former: dict[str, str] = {}
    _find_moved(library_path, journal)
    standing = journal.standing()
    try:
        for number, (step, _) in enumerate(reversed(standing), start=1):
            try:
                changed = _can_undo(step) if trial else _take_back(step, journal)
            except (CannotChange, OSError) as exc:
                outcome.left.append(Left(step.path, _told(exc)))
                if not trial:
                    journal.leave([(journal.former_path(step), _told(exc))])
                continue
            finally:
                progress(number, len(standing))
            if changed and step.do == "sidecar":
                outcome.sidecars += 1
            elif changed and step.photo_id is not None:
                outcome.changed += 1
                outcome.size += step.size
            if trial:
                continue
            journal.undone(step)
            if step.photo_id is not None:
                with contextlib.suppress(OSError):
                    back[step.path] = (step.photo_id, FileStat.of(os.stat(step.path)))
                    former[step.path] = journal.former_path(step)
    finally:
        if back:
            with contextlib.suppress(LibraryError), Database(library_path, create=False) as library:
                mark_paths_back(library, back, former)
    return outcome


def _find_moved(library_path: Path, journal: Journal) -> None:
    """Let the journal follow folders that moved unnoticed, with the quarantine in them."""
    missing = [
        step
        for step, _ in journal.standing()
        if step.do == "move" and not os.path.lexists(step.to or "")
    ]
    if not missing:
        return
    with contextlib.suppress(LibraryError), Database(library_path, create=False) as library:
        places = [place_of(each.spec) for each in read_sources(library)]
        roots = {place for kind, place in places if kind == "images" and place is not None}
        moves = moves_by_quarantine(missing, journal.folder.name, sorted(roots))
        journal.steps = journal.relocated(moves)


def _can_undo(step: Step) -> bool:
    """Return whether there is anything to take back.

    Raises
    ------
    CannotChange
        There is, and it cannot be taken back.
    """
    if step.do == "sidecar":
        return _sidecar_state(step) == "after"
    if step.do == "link":
        if sha256_of(step.path) != step.sha256:
            raise CannotChange("has changed since it became a hard link; it is left as it is")
        return os.stat(step.path).st_nlink > 1
    there, moved = os.path.lexists(step.path), os.path.lexists(step.to or "")
    if not moved:
        if not there:
            raise CannotChange(
                f"is not in {step.to} any more, and cannot be brought back. If its folder has "
                "another name now: safelight sources move OLD NEW; if its disk is not "
                "plugged in, plug it in; then undo again"
            )
        return False
    if there:
        same = os.path.samefile(step.path, step.to or "")
        if not same and sha256_of(step.path) != step.sha256:
            raise CannotChange(f"is another file by now; the former is in {step.to}")
    elif sha256_of(step.to or "") != step.sha256:
        raise CannotChange(f"was changed in {step.to}; it is left there")
    return True


def _take_back(step: Step, journal: Journal) -> bool:
    changed, part = _can_undo(step), journal.part_of(step)
    match step.do:
        case "sidecar":
            if changed:
                _restore_sidecar(step, part)
        case "link":
            if changed:
                replace_by_copy(
                    step.path, step.sha256, part, mode=step.mode, mtime_ns=step.mtime_ns
                )
        case _:
            to = step.to or ""
            if changed and os.path.lexists(step.path):
                remove(to, step.sha256, part, kept=step.path)
            elif changed:
                move(to, step.path, step.sha256, part)
            if changed and os.stat(step.path).st_mtime_ns != step.mtime_ns:
                os.utime(step.path, ns=(os.stat(step.path).st_atime_ns, step.mtime_ns))
            if step.note is not None:
                with contextlib.suppress(OSError):
                    os.unlink(step.note)
            if step.do == "move":
                clear_folders(to, journal.folder.name)
    return changed


def _sidecar_state(step: Step) -> str:
    try:
        now = sha256_of(step.path)
    except FileNotFoundError:
        if step.backup is None:
            return "before"
        raise CannotChange(f"is gone; as it was before, it is in {step.backup}") from None
    if now == step.after:
        return "after"
    if step.backup is not None and now == step.sha256:
        return "before"
    where = f"; as it was before, it is in {step.backup}" if step.backup else ""
    raise CannotChange(f"has changed since it was added to; it is left as it is{where}")


def _restore_sidecar(step: Step, part: str) -> None:
    path, after = os.path.realpath(step.path), step.after or ""
    if step.backup is None:
        remove(path, after, part)
        return
    data = read_bytes(step.backup, limit=SIDECAR)
    write(path, data, after, part, mode=step.mode, mtime_ns=step.mtime_ns)


def _told(exc: Exception) -> str:
    if isinstance(exc, OSError):
        return f"cannot be brought back: {described(exc)}"
    return str(exc)
