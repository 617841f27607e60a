"""Journal of an applied plan: each line is on the disk before the operation that it announces.

A journal lies beside the library, in the folder ``NAME.applied/PLAN-ID``, with a copy of the plan
and of the sidecars that were added to. It only ever grows. Whatever moment the process is killed
at, it tells of every step that may have been begun; the files themselves tell how far it came.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from safelight.duplicates.plans.relocate import read_moves, relocated
from safelight.duplicates.plans.step import Step
from safelight.errors import PlanError
from safelight.files import LARGE_TEXT, read_bytes
from safelight.files.atomic import write_safely
from safelight.files.locks import try_lock
from safelight.files.refusals import described

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from safelight.duplicates.plans.relocate import Move

_NAME = "journal.jsonl"

# Is there while a command works by the journal, and after one was killed.
_UNFINISHED = "unfinished"

# A command waits so long for another one to end, in steps of so many seconds.
WAIT = 5.0
_PAUSE = 0.05

_LOCK = "lock"

#: What the last line about a step says.
BEGUN, DONE, UNDONE = "begun", "done", "undone"

#: A file that an apply did not touch, or that an undo could not bring back.
LEFT = "left"


def folder_of(library: Path) -> Path:
    """Return the folder that holds the journals of a library."""
    return library.with_name(library.name + ".applied")


def journals(library: Path) -> list[Path]:
    """Return the folder of each plan that was applied, the oldest first."""
    folder = folder_of(library)
    if not folder.is_dir():
        return []
    return sorted(each for each in folder.iterdir() if (each / _NAME).is_file())


@contextlib.contextmanager
def only_one(library: Path, wait: float = WAIT) -> Iterator[None]:
    """Let no other command apply or undo plans of a library meanwhile.

    Raises
    ------
    PlanError
        Another does; with the code ``plan-busy``.
    """
    folder = folder_of(library)
    path = folder / _LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file: IO[bytes] = open(path, "a+b")  # noqa: SIM115 - closed below
    except OSError as exc:
        raise _cannot_write(path, exc) from exc
    with file:
        _lock(file, path, wait)
        yield


def read_events(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a journal.

    Raises
    ------
    PlanError
        It cannot be read.
    """
    return list(_whole_lines(_data_of(folder / _NAME)))


def read_steps(folder: Path, *, as_written: bool = False) -> dict[int, tuple[Step, str]]:
    """Return the steps of a journal by number, each with what was said about it last.

    Parameters
    ----------
    as_written : bool
        With the paths that files had then, not those that they have after what was moved since.

    Raises
    ------
    PlanError
        It cannot be read.
    """
    steps = _steps_in(_data_of(folder / _NAME))
    return steps if as_written else _located(steps, folder, read_moves(folder.parent))


def _data_of(path: Path) -> bytes:
    try:
        return read_bytes(path, limit=LARGE_TEXT)
    except OSError as exc:
        raise PlanError(f"The journal {path} cannot be read: {described(exc)}.") from exc


def last_applied(steps: Mapping[int, tuple[Step, str]]) -> str | None:
    """Return when the last of the steps that stand was begun; None: none stands."""
    return max((step.at or "" for step, state in steps.values() if state != UNDONE), default=None)


def is_unfinished(folder: Path) -> bool:
    """Tell whether a command that worked by a journal was killed, or is working now."""
    return (folder / _UNFINISHED).exists()


def is_busy(folder: Path) -> bool:
    """Tell whether a command is working by a journal right now."""
    try:
        with open(folder / _NAME, "rb") as file:
            return not try_lock(file, shared=True)
    except OSError:
        return False


def bytes_freed(step: Step) -> int:
    """Return the bytes that a step which was just done has freed on the disk of its file.

    None while the file has another name, and none of what only moved on its disk.
    """
    if step.links > 1 or step.do == "sidecar":
        return 0
    if step.do == "link":
        return step.size
    try:
        is_elsewhere = os.stat(os.path.dirname(step.path)).st_dev != os.lstat(step.to or "").st_dev
    except OSError:
        return 0
    return step.size if is_elsewhere else 0


class Journal:
    """The journal of one plan, open for as long as the block lasts, by one process at a time.

    Parameters
    ----------
    folder : Path
        Made if need be.
    wait : float
        Seconds to wait for another process.

    Attributes
    ----------
    steps : dict
        By number, each with what was said about it last.
    """

    def __init__(self, folder: Path, wait: float = WAIT) -> None:
        self.folder = folder
        self.path = folder / _NAME
        self.steps: dict[int, tuple[Step, str]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = open(self.path, "a+b")  # noqa: SIM115 - close() closes it
        except OSError as exc:
            raise _cannot_write(self.path, exc) from exc
        try:
            _lock(self._file, self.path, wait)
            self._file.seek(0)
            data = self._file.read()
            self._steps_as_written = _steps_in(data)
            self.steps = self.relocated(())
            if data and not data.endswith(b"\n"):
                # A line that was being written when the process died; nothing was begun by it.
                self._file.write(b"\n")
        except OSError as exc:
            self._file.close()
            raise _cannot_write(self.path, exc) from exc
        except BaseException:
            self._file.close()
            raise

    def relocated(self, moves: Iterable[Move]) -> dict[int, tuple[Step, str]]:
        """Return the steps as they are after what a person moved, and these moves."""
        noted = [*read_moves(self.folder.parent), *moves]
        return _located(self._steps_as_written, self.folder, noted)

    def former_path(self, step: Step) -> str:
        """Return the path that the file of a step had when it was begun."""
        written = self._steps_as_written.get(step.number)
        return step.path if written is None else written[0].path

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Leave a mark for as long as the block lasts, and after a process was killed in it."""
        mark = self.folder / _UNFINISHED
        try:
            mark.touch()
        except OSError as exc:
            raise _cannot_write(mark, exc) from exc
        yield
        if all(state != BEGUN for _, state in self.steps.values()):
            with contextlib.suppress(OSError):
                mark.unlink(missing_ok=True)

    def part_of(self, step: Step) -> str:
        """Return the name that a step's unfinished files have."""
        return f".safelight-{self.folder.name}-{step.number}"

    def begin(self, steps: Iterable[Step]) -> None:
        """Announce steps; they may be begun once this returns."""
        now = datetime.now(UTC).isoformat()
        steps = [replace(step, at=now) for step in steps]
        for step in steps:
            self.steps[step.number] = (step, BEGUN)
        self._write([{"event": BEGUN, **asdict(step)} for step in steps], certain=True)

    def done(self, step: Step) -> None:
        """Note that a step is done, and the bytes that it freed."""
        self.steps[step.number] = (step, DONE)
        self._write([{"event": DONE, "number": step.number, "freed": bytes_freed(step)}])

    def undone(self, step: Step) -> None:
        """Note that a step is undone, or was never begun."""
        self.steps[step.number] = (step, UNDONE)
        self._write([{"event": UNDONE, "number": step.number}])

    def leave(self, left: Iterable[tuple[str, str]]) -> None:
        """Note files that the command left as they are, and why."""
        self._write([{"event": LEFT, "path": path, "why": why} for path, why in left])

    def note(self, event: str, **what: Any) -> None:
        """Note something for people."""
        self._write([{"event": event, "at": datetime.now(UTC).isoformat(), **what}], certain=True)

    @property
    def next_number(self) -> int:
        """The number of the next step."""
        return max(self.steps, default=0) + 1

    def standing(self) -> list[tuple[Step, str]]:
        """Return the steps that are not undone, the oldest first."""
        return [(step, state) for _, (step, state) in sorted(self.steps.items()) if state != UNDONE]

    def keep(self, name: str, data: bytes) -> Path:
        """Put a file beside the journal, on the disk when this returns; and return its path."""
        path = self.folder / name
        try:
            write_safely(path, data)
        except OSError as exc:
            raise _cannot_write(path, exc) from exc
        return path

    def close(self) -> None:
        """Close it, and let others have it."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, lines: Iterable[Mapping[str, Any]], *, certain: bool = False) -> None:
        text = "".join(json.dumps(line, ensure_ascii=True) + "\n" for line in lines)
        try:
            self._file.write(text.encode())
            self._file.flush()
            if certain:
                os.fsync(self._file.fileno())
        except OSError as exc:
            raise _cannot_write(self.path, exc) from exc


def _located(
    steps: Mapping[int, tuple[Step, str]], folder: Path, moves: Sequence[Move]
) -> dict[int, tuple[Step, str]]:
    return {
        number: (relocated(step, folder, moves), state) for number, (step, state) in steps.items()
    }


_FIELDS = frozenset(field.name for field in fields(Step))


def _steps_in(data: bytes) -> dict[int, tuple[Step, str]]:
    steps: dict[int, tuple[Step, str]] = {}
    for line in _whole_lines(data):
        number = line.get("number")
        match line.get("event"):
            case "begun":
                with contextlib.suppress(TypeError):
                    step = Step(**{key: line[key] for key in line if key in _FIELDS})
                    steps[step.number] = (step, BEGUN)
            case "done" | "undone" if number in steps:
                steps[number] = (steps[number][0], line["event"])
    return steps


def _whole_lines(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.split(b"\n"):
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                yield found


def _cannot_write(path: Path, exc: OSError) -> PlanError:
    return PlanError(f"{path} cannot be written: {described(exc)}.", path=str(path))


def _lock(file: IO[bytes], path: Path, wait: float) -> None:
    deadline = time.monotonic() + wait
    while not try_lock(file):
        if time.monotonic() >= deadline:
            raise PlanError(
                f"Another command is working on the journal {path}; wait until it has ended.",
                code="plan-busy",
            )
        time.sleep(_PAUSE)
