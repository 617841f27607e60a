"""Steps of a journal whose folders have other names now: ``safelight sources move``, or found out.

A journal names files where they were when a plan was applied. What a person moved since is noted
beside the journals; of a quarantine that came along with its folder, the folder is known by it.
Wherever a step is looked for, what is found there is still verified by its sha256.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from safelight.files import LARGE_TEXT, read_bytes
from safelight.files.atomic import write_safely
from safelight.files.bounded_json import parse_json
from safelight.files.packages import QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from safelight.duplicates.plans.step import Step

_NAME = "moves.jsonl"


@dataclass(frozen=True, slots=True)
class Move:
    """A folder or file that has another path now.

    Attributes
    ----------
    old, new : str
    at : str
        When that was told, ISO 8601, UTC.
    """

    old: str
    new: str
    at: str


def record_move(journals: Path, old: str, new: str) -> None:
    """Note that a folder has another path, if there are journals that may name files in it.

    Raises
    ------
    OSError
        It cannot be written.
    """
    if not journals.is_dir():
        return
    path = journals / _NAME
    move = {"old": old, "new": new, "at": datetime.now(UTC).isoformat()}
    before = read_bytes(path, limit=LARGE_TEXT) if path.exists() else b""
    write_safely(path, before + json.dumps(move).encode() + b"\n")


def read_moves(journals: Path) -> list[Move]:
    """Return the noted moves, in order; damaged lines are skipped."""
    try:
        lines = read_bytes(journals / _NAME, limit=LARGE_TEXT).splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):
            match parse_json(line):
                case {"old": str(old), "new": str(new), "at": str(at)}:
                    found.append(Move(old, new, at))
    return found


def relocated(step: Step, folder: Path, moves: Sequence[Move]) -> Step:
    """Return a step with its files where they are now.

    Parameters
    ----------
    folder : Path
        Of its journal, which may have moved along with the library.
    """
    moves = [move for move in moves if move.at > (step.at or "")]
    path, to, note = step.path, step.to, step.note
    for move in moves:
        path = _moved(path, move) or path
        if step.do == "link":
            to = to and (_moved(to, move) or to)
            continue
        to, note = (each and _found(each, move) for each in (to, note))
    backup = step.backup
    if backup is not None and not os.path.lexists(backup):
        beside = folder / "sidecars" / os.path.basename(backup)
        backup = str(beside) if beside.exists() else backup
    return replace(step, path=path, to=to, note=note, backup=backup)


def moves_by_quarantine(steps: Iterable[Step], plan_id: str, roots: Iterable[str]) -> list[Move]:
    """Find the folders that moved together with a plan's quarantine in them.

    Parameters
    ----------
    steps : iterable of Step
    plan_id : str
    roots : iterable of str
        Folders that are there, where a quarantine may be now.
    """
    inner = os.path.join(os.sep, QUARANTINE, plan_id, "")
    roots = list(roots)
    found: dict[str, str] = {}
    for step in steps:
        root, is_inside, rest = (step.to or "").partition(inner)
        if not is_inside or step.do != "move" or root in found or os.path.lexists(step.to or ""):
            continue
        there = [each for each in roots if os.path.lexists(os.path.join(each + inner, rest))]
        if len(there) == 1:  # of two, nobody can tell
            found[root] = there[0]
    now = datetime.now(UTC).isoformat()
    return [Move(old, new, now) for old, new in found.items() if old != new]


def _moved(path: str, move: Move) -> str | None:
    if path == move.old:
        return move.new
    start = move.old.rstrip(os.sep) + os.sep
    return os.path.join(move.new, path[len(start) :]) if path.startswith(start) else None


def _found(path: str, move: Move) -> str:
    """Return where a file is after a move: where it was, within what moved, or on its disk.

    The trash of a disk, and the quarantine of a folder that holds the moved one, are beside it.
    """
    if os.path.lexists(path):
        return path
    while True:
        moved = _moved(path, move)
        if moved is not None and os.path.lexists(moved):
            return moved
        (old, name), (new, also) = os.path.split(move.old), os.path.split(move.new)
        if name != also or not name:
            return _moved(path, move) or path
        move = replace(move, old=old, new=new)
