"""What was done of a plan: a file of lines, each on the disk before what it announces is done.

A journal lies beside the library, in the folder ``NAME.applied/PLAN-ID``, with a copy of the plan
and of the sidecars that were added to. It only ever grows. Whatever moment the process is killed
at, it tells of every step that may have been begun; the files themselves tell how far it came.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from safelight.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_NAME = "journal.jsonl"

#: What the last line about a step says.
BEGUN, DONE, UNDONE = "begun", "done", "undone"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done to one file.

    Attributes
    ----------
    number : int
    do : str
        ``move``, ``trash``, ``link``, or ``sidecar``: one was added to.
    path : str
    to : str or None
        Where it was moved; of a link, the file that was kept.
    sha256 : str
        Of what was at `path` before; of a new sidecar, the empty text.
    size, mtime_ns, mode : int
        Of what was there before.
    photo_id : str or None
        None of a sidecar.
    group : str
    after : str or None
        Of a sidecar that was added to, its new sha256.
    backup : str or None
        And where it lies as it was before; None: there was none.
    note : str or None
        Of the trash, the file that tells the desktop where the other came from.
    """

    number: int
    do: str
    path: str
    to: str | None
    sha256: str
    size: int
    mtime_ns: int
    mode: int
    photo_id: str | None
    group: str
    after: str | None = None
    backup: str | None = None
    note: str | None = None


def folder_of(library: Path) -> Path:
    """Return the folder that holds the journals of a library."""
    return library.with_name(library.name + ".applied")


def journals(library: Path) -> list[Path]:
    """Return the folder of each plan that was applied, the oldest first."""
    folder = folder_of(library)
    if not folder.is_dir():
        return []
    return sorted(each for each in folder.iterdir() if (each / _NAME).is_file())


class Journal:
    """The journal of one plan, open for as long as the block lasts, by one process at a time.

    Parameters
    ----------
    folder : Path
        Made if need be.

    Attributes
    ----------
    steps : dict
        By number, each with what was said of it last.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / _NAME
        self.steps: dict[int, tuple[Step, str]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = open(self.path, "a+b")  # noqa: SIM115 - close() closes it
        except OSError as exc:
            raise PlanError(f"The journal {self.path} cannot be written: {exc.strerror}.") from exc
        try:
            _lock(self._file, self.path)
            self._file.seek(0)
            self._read(self._file.read())
        except BaseException:
            self._file.close()
            raise

    def begin(self, steps: Iterable[Step]) -> None:
        """Announce steps; they may be begun once this returns."""
        steps = list(steps)
        for step in steps:
            self.steps[step.number] = (step, BEGUN)
        self._write([{"event": BEGUN, **asdict(step)} for step in steps], certain=True)

    def done(self, step: Step) -> None:
        """Note that a step is done."""
        self.steps[step.number] = (step, DONE)
        self._write([{"event": DONE, "number": step.number}])

    def undone(self, step: Step) -> None:
        """Note that a step is undone, or was never begun."""
        self.steps[step.number] = (step, UNDONE)
        self._write([{"event": UNDONE, "number": step.number}])

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
        write_safely(path, data)
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
            raise PlanError(f"The journal {self.path} cannot be written: {exc.strerror}.") from exc

    def _read(self, data: bytes) -> None:
        for line in _whole_lines(data):
            number = line.get("number")
            match line.get("event"):
                case "begun":
                    fields = {key: value for key, value in line.items() if key != "event"}
                    self.steps[fields["number"]] = (Step(**fields), BEGUN)
                case "done" | "undone" if number in self.steps:
                    self.steps[number] = (self.steps[number][0], line["event"])
        if data and not data.endswith(b"\n"):
            # A line that was being written when the process died; nothing was begun by it.
            self._file.write(b"\n")


def _whole_lines(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.split(b"\n"):
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                yield found


def write_safely(path: Path, data: bytes) -> None:
    """Write a file so that it holds all of `data`, or what it held before."""
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(part, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _lock(file: IO[bytes], path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows does not let two processes move one file anyway
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise PlanError(
            f"Another command is working on the journal {path}; wait until it has ended.",
            code="plan-busy",
        ) from exc
    except OSError:  # some network file systems have no locks
        return
