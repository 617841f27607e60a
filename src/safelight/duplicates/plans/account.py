"""Account of a journal: what became of each file, and what the last command did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.duplicates.plans.journal import read_events, read_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from safelight.duplicates.plans.step import Step

#: The events that begin and end each command.
_BEGINNINGS = {"apply": "apply", "undo": "undo"}
_ENDINGS = ("applied", "undone-all")


@dataclass(frozen=True, slots=True)
class LastRun:
    """Last apply or undo of a plan.

    Attributes
    ----------
    command : str
        ``apply`` or ``undo``.
    at : str
        When it began, ISO 8601, UTC.
    finished_at : str or None
        None: it is at work, or was killed.
    changed, before, left, sidecars : int
        Files that it changed or brought back, that an earlier command had changed, that it left as
        they are; sidecars that it added to, or restored. Zero of one that did not end.
    """

    command: str
    at: str
    finished_at: str | None = None
    changed: int = 0
    before: int = 0
    left: int = 0
    sidecars: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """Events of a journal, put together.

    Attributes
    ----------
    steps : mapping of str to (Step, str)
        The last step of each path that the plan names, and what was said about it last.
    freed : mapping of int to int
        Bytes that a step freed, by its number.
    reasons : mapping of str to str
        Why the last command left files as they are, by path.
    last : LastRun or None
    """

    steps: Mapping[str, tuple[Step, str]]
    freed: Mapping[int, int]
    reasons: Mapping[str, str]
    last: LastRun | None


def read_account(folder: Path) -> Account:
    """Return the account of a journal.

    Parameters
    ----------
    folder : Path
        Of the journal.

    Raises
    ------
    PlanError
        It cannot be read.
    """
    events = read_events(folder)
    steps, written = read_steps(folder), read_steps(folder, as_written=True)
    # The plan names files where they were when it was made.
    last = {written[number][0].path: steps[number] for number in sorted(steps)}
    return Account(last, _freed(events), _reasons(events), _last(events))


def _freed(events: Iterable[Mapping[str, Any]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for line in events:
        match line:
            case {"event": "done", "number": int(number), "freed": int(freed)}:
                found[number] = freed
            case {"event": "undone", "number": int(number)}:
                found.pop(number, None)
    return found


def _reasons(events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in events:
        match line:
            case {"event": "left", "path": str(path), "why": str(why)}:
                found[path] = why
            case {"event": str(event)} if event in _BEGINNINGS:
                found.clear()
    return found


def _last(events: Iterable[Mapping[str, Any]]) -> LastRun | None:
    last = None
    for line in events:
        event, at = line.get("event"), str(line.get("at", ""))
        if event in _BEGINNINGS:
            last = LastRun(str(event), at)
        elif event in _ENDINGS and last is not None:
            counts = {
                name: line[name]
                for name in ("changed", "before", "left", "sidecars")
                if type(line.get(name)) is int
            }
            last = LastRun(last.command, last.at, at, **counts)
    return last
