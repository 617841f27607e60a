"""The one safe opener: regular files only, without waiting, read up to a limit.

A folder that somebody else fills may hold anything under a photo's name: a pipe that nobody writes
to, a device, a link to ``/dev/zero``, a file of ``/proc`` that never ends. Opened and read in the
usual way, each of them keeps a thread forever or fills the memory.
"""

from __future__ import annotations

import codecs
import errno
import os
import stat
import time
from typing import IO, TYPE_CHECKING

from safelight.errors import FileError
from safelight.files.format import visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    PathName = str | bytes | PathLike[str] | PathLike[bytes]

#: A file of more bytes is not a photo, whatever its name; reading it would only fill the memory.
PHOTO_FILE = 2 * 1024**3

#: Plans, batches and lists of a million files take some hundred bytes a file.
LARGE_TEXT = 1024**3

#: Sidecars. Brush strokes and masks make the largest that editors write; few pass 1 MiB.
SIDECAR = 16 * 1024**2

#: Settings, label lists, the configuration of a model.
SMALL_FILE = 64 * 1024**2

# O_NONBLOCK: a pipe without a writer opens at once. O_NOCTTY: a terminal does not become ours.
# Python itself keeps descriptors from child processes (O_CLOEXEC). Windows has none of these.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)

# Files that another process leases (Samba's oplocks) refuse a non-blocking open until it gives the
# lease up, which it is asked for by the first attempt.
_LEASE_TRIES, _LEASE_PAUSE = 50, 0.1

_CHUNK = 1024**2

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(path: PathName) -> IO[bytes]:
    """Open a regular file for reading, unbuffered, without ever waiting for it.

    Links are followed; what counts is what has been opened in the end, so a path that is exchanged
    at the last moment is noticed. Reading from it can return ``None`` where the system has no data
    now (``/proc/kmsg``); :func:`read_bytes` and :func:`safelight.files.sha256_of` know that.

    Raises
    ------
    FileError
        ``bad-name``: no file can have this path. ``not-a-file``: a folder, pipe, socket, device.
    OSError
        The system refuses: it is missing, may not be read, lies on a disk that fails.
    """
    name = _possible(path)
    try:
        # Before opening: some devices do something as soon as they are (watchdogs, tapes).
        _require_regular(os.stat(name), name)
        descriptor = _open(name)
    except ValueError as exc:  # NUL, or half a character
        raise _impossible(name) from exc
    try:
        _require_regular(os.fstat(descriptor), name)
        return os.fdopen(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise


def check_regular(path: PathName) -> None:
    """Raise unless a path can be opened as a regular file, for engines that open it themselves.

    Raises
    ------
    FileError, OSError
        As :func:`open_regular`.
    """
    open_regular(path).close()


def read_bytes(path: PathName, *, limit: int) -> bytes:
    """Return all bytes of a regular file.

    Parameters
    ----------
    path : path-like
    limit : int
        A file with more bytes is refused, also one whose size says less.

    Raises
    ------
    FileError
        As :func:`open_regular`; or ``too-large``.
    OSError
        It cannot be opened or read.
    """
    return read_with_stat(path, limit=limit)[0]


def read_with_stat(path: PathName, *, limit: int) -> tuple[bytes, os.stat_result]:
    """Return all bytes of a regular file, and the stat of just these, as :func:`read_bytes`."""
    with open_regular(path) as file:
        found = os.fstat(file.fileno())
        if found.st_size > limit:
            raise _too_large(path, limit)
        data = _read(file, path, found.st_size, limit)
    return data, found


def read_text(
    path: PathName, *, limit: int, encoding: str = "utf-8-sig", errors: str = "strict"
) -> str:
    """Return the text of a regular file, its lines ended by line feeds alone.

    Raises
    ------
    FileError, OSError
        As :func:`read_bytes`.
    UnicodeDecodeError
        It is not text of this encoding.
    """
    data = read_bytes(path, limit=limit)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # What Windows PowerShell 5 writes with `>`; no UTF-8 begins like this.
        text = data.decode("utf-16", "strict" if errors == "strict" else "replace")
    else:
        text = data.decode(encoding, errors)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_head(path: PathName, size: int) -> bytes:
    """Return the first `size` bytes of a regular file, or as many as it has.

    Raises
    ------
    FileError, OSError
        As :func:`open_regular`.
    """
    with open_regular(path) as file:
        parts = []
        while size > 0 and (part := _some(file, path, min(size, _CHUNK))):
            parts.append(part)
            size -= len(part)
    return b"".join(parts)


def chunks(file: IO[bytes], path: PathName) -> Iterator[bytes]:
    """Yield the bytes of an open regular file in pieces, as many as its size says.

    Raises
    ------
    FileError
        ``io``: it holds more than its size says, so it grows, or it never ends.
    OSError
        It cannot be read.
    """
    left = os.fstat(file.fileno()).st_size - file.tell()
    while part := _some(file, path, min(left, _CHUNK) or 1):
        left -= len(part)
        if left < 0:
            raise _refusal(path, "io", "changes while it is read", errno.EBUSY)
        yield part


def _read(file: IO[bytes], path: PathName, size: int, limit: int) -> bytes:
    # One read takes a file whose size is true; a second one proves that it ends there.
    parts, total = [], 0
    while part := _some(file, path, size - total + 1 if total <= size else _CHUNK):
        parts.append(part)
        total += len(part)
        if total > limit:
            raise _too_large(path, limit)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _some(file: IO[bytes], path: PathName, size: int) -> bytes:
    part: bytes | None = file.read(size)
    if part is None:
        raise _refusal(path, "not-a-file", "has no data now, so it is not a plain file")
    return part


def _open(name: str) -> int:
    for _ in range(_LEASE_TRIES):
        try:
            return os.open(name, _FLAGS)
        except BlockingIOError:
            time.sleep(_LEASE_PAUSE)
    return os.open(name, _FLAGS)


def _possible(path: PathName) -> str:
    try:
        return os.fsdecode(path)
    except (TypeError, ValueError) as exc:
        raise _impossible(repr(path)[:200]) from exc


def _require_regular(found: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = kind_of(found.st_mode)
        number = errno.EISDIR if stat.S_ISDIR(found.st_mode) else errno.EINVAL
        raise _refusal(name, "not-a-file", f"is {kind}", number)


def kind_of(mode: int) -> str:
    """Return what a path leads to that is not a regular file: "a folder", "a named pipe", ..."""
    return next((text for is_kind, text in _KINDS if is_kind(mode)), "not a file")


def _impossible(name: str) -> FileError:
    return _refusal(name, "bad-name", "is not a possible path")


def _too_large(path: PathName, limit: int) -> FileError:
    unit, name = (1024**3, "GiB") if limit >= 1024**3 else (1024**2, "MiB")
    size = f"{limit / unit:g} {name}" if limit >= 1024**2 else f"{limit:,} bytes"
    return _refusal(path, "too-large", f"is larger than {size}", errno.EFBIG)


def _refusal(path: PathName, code: str, reason: str, number: int = errno.EINVAL) -> FileError:
    name = os.fsdecode(path)
    text = f"{visible(name)} {reason}."
    return FileError(text, code=code, reason=reason, path=name, errno=number)
