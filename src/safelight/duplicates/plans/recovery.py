"""Recover from a command that was killed while it applied or undid a plan."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.duplicates.plans.journal import (
    BEGUN,
    DONE,
    Journal,
    is_unfinished,
    journals,
    read_steps,
)
from safelight.duplicates.plans.model import read_plan
from safelight.errors import PlanError, SidecarError
from safelight.files import SIDECAR, read_bytes, sha256_of
from safelight.files.moves import remove, settle
from safelight.files.packages import QUARANTINE
from safelight.files.set_aside import CannotChange, require_file
from safelight.metadata.xmp import carried

if TYPE_CHECKING:
    from collections.abc import Iterator

    from safelight.duplicates.plans.step import Step


# Nothing is left of a killed command, as far as one look told.
_SETTLED = "settled"


def recover(library_path: Path) -> None:
    """Put back what killed commands had taken out of its name, and clear what they left.

    Nothing that they finished is taken back. A plan that another command works on is passed over.
    """
    for folder in journals(library_path):
        is_settled = (folder / _SETTLED).exists()
        if is_settled and not is_unfinished(folder):
            continue
        # What cannot be read or written now is for the command that needs it to tell.
        with contextlib.suppress(PlanError):
            if is_unfinished(folder) or _was_killed(folder):
                with Journal(folder, wait=0) as journal, journal.working():
                    for step, state in journal.standing():
                        _settle(journal, step, state)
            if not is_settled and _clear_parts(folder):
                with contextlib.suppress(OSError):
                    (folder / _SETTLED).touch()


def _was_killed(folder: Path) -> bool:
    """Tell whether a version that left no mark, as this one does, was killed at work."""
    return any(state == BEGUN for _, state in read_steps(folder).values())


def _clear_parts(folder: Path) -> bool:
    """Remove what earlier versions left of sidecars, ``.NAME.xmp.part``; tell if none is left.

    Only what is the beginning of the sidecar as it is, was or was to be: nothing else is lost.
    """
    cleared = True
    for step, _ in read_steps(folder).values():
        path = Path(os.path.realpath(step.path))
        part = path.with_name(f".{path.name}.part")
        if step.do != "sidecar" or not os.path.lexists(part):
            continue
        try:
            require_file(str(part))
            data = read_bytes(part, limit=SIDECAR)
            if any(whole.startswith(data) for whole in _contents(folder, step, path)):
                part.unlink()
                continue
        except (OSError, CannotChange):
            pass
        cleared = False
    return cleared


def _contents(folder: Path, step: Step, path: Path) -> Iterator[bytes]:
    for each in (path, step.backup):
        if each is not None:
            with contextlib.suppress(OSError):
                yield read_bytes(each, limit=SIDECAR)
    with contextlib.suppress(OSError, PlanError, SidecarError):
        former = None if step.backup is None else read_bytes(step.backup, limit=SIDECAR)
        for group in read_plan(folder / "plan.json").groups:
            if group.carry is not None and group.carry.sidecar == step.path:
                yield carried(former, group.carry.tags)


def done_by_others(library_path: Path, plan_id: str | None) -> dict[str, tuple[Step, str]]:
    """Return by path the steps that plans have done of a library, but for one; with the plan."""
    found: dict[str, tuple[Step, str]] = {}
    for folder in journals(library_path):
        if folder.name == plan_id:
            continue
        with contextlib.suppress(PlanError):
            steps = read_steps(folder).values()
            found |= {step.path: (step, folder.name) for step, state in steps if state == DONE}
    return found


def clear_folders(to: str, plan_id: str) -> None:
    """Remove the folders of a plan's quarantine that are empty."""
    folder = os.path.dirname(to)
    if f"{os.sep}{plan_id}" not in folder:
        return
    with contextlib.suppress(OSError):
        while os.path.basename(folder) != plan_id:
            os.rmdir(folder)  # only if it is empty
            folder = os.path.dirname(folder)
        os.rmdir(folder)
        if os.path.basename(os.path.dirname(folder)) == QUARANTINE:
            os.rmdir(os.path.dirname(folder))


def _settle(journal: Journal, step: Step, state: str) -> None:
    path, to, part = os.path.realpath(step.path), step.to or "", journal.part_of(step)
    if step.do != "sidecar":
        path = step.path
    moves = step.do in ("move", "trash")
    settle(
        [path, to] if moves else [path],
        part,
        kept=[to] if step.do == "link" else [],
        # The journal has what a sidecar was, and what it became was made from that.
        known=[step.sha256, step.after or ""] if step.do == "sidecar" else [],
    )
    # Both are there: copied to another disk, or back from it, and not removed yet.
    if state != BEGUN and not (moves and os.path.lexists(path) and os.path.lexists(to)):
        return
    with contextlib.suppress(OSError, CannotChange):
        if _is_done(step, part):
            journal.done(step)
        elif os.path.lexists(step.path) or not os.path.lexists(to):
            journal.undone(step)
            if step.note is not None and not os.path.lexists(to):
                os.unlink(step.note)


def _is_done(step: Step, part: str) -> bool:
    """Tell whether a step that was begun is done; one that is half done is taken back."""
    match step.do:
        case "link":
            return os.path.samefile(step.path, step.to or "")
        case "sidecar":
            return sha256_of(step.path) == step.after
    to = step.to or ""
    if os.path.lexists(step.path) and os.path.lexists(to):
        # What is somebody else's file stays.
        if not os.path.getsize(to) and step.size:
            os.unlink(to)
        elif sha256_of(to) == step.sha256:
            remove(to, step.sha256, part, kept=step.path)
    return False
