"""Forms with files, sent piece by piece: no file is in memory as a whole, nor on the event loop."""

from __future__ import annotations

import asyncio
import inspect
import os
import secrets
from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from safelight.errors import SourceError, UsageError
from safelight.files import open_regular
from safelight.files.refusals import described

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

#: The contents of a file: bytes, an open binary file, or pieces as they come.
Contents: TypeAlias = bytes | IO[bytes] | Iterable[bytes] | AsyncIterable[bytes]

#: A file to send: a path, an open binary file, or a name and contents.
GivenFile: TypeAlias = str | os.PathLike[str] | IO[bytes] | tuple[str, Contents]

_CHUNK = 1 << 18

_UNNAMED = "photo"


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be sent.

    Attributes
    ----------
    name : str
    size : int or None
        None: it is known when all was read.
    open : callable
        Returns what is read: a binary file, or an iterator of pieces.
    path : str or None
    """

    name: str
    size: int | None
    open: Callable[[], Any]
    path: str | None = None


def files_of(given: Any) -> list[Any]:
    """Return the files of an argument that takes several; a single one is a list of one.

    Raises
    ------
    UsageError
        It is none, or one of them is not.
    """
    if _is_file(given):
        return [given]
    if isinstance(given, bytes | bytearray | memoryview | Mapping) or not isinstance(
        given, Iterable
    ):
        raise _refused(given)
    files = list(given)
    for each in files:
        if not _is_file(each):
            raise _refused(each)
    return files


def _is_file(given: object) -> bool:
    # An open file can be iterated, too, and a pair of paths is two files.
    if isinstance(given, tuple):
        is_pair = len(given) == 2 and isinstance(given[0], str)
        return is_pair and not isinstance(given[1], str | os.PathLike)
    return isinstance(given, str | os.PathLike) or hasattr(given, "read")


def source_of(given: Any) -> Source:
    """Return the file that an argument names.

    Raises
    ------
    SourceError
        It cannot be read.
    UsageError
        It is nothing that can be sent.
    """
    if isinstance(given, str | os.PathLike):
        return _of_path(Path(given))
    if hasattr(given, "read"):
        name = getattr(given, "name", None) or getattr(given, "filename", None)
        return _of_stream(os.path.basename(name) if isinstance(name, str) else _UNNAMED, given)
    if not _is_file(given):
        raise _refused(given)
    name, contents = given
    if isinstance(contents, bytes | bytearray | memoryview):
        data = bytes(contents)
        return Source(name, len(data), lambda: iter((data,)))
    if isinstance(contents, str | os.PathLike) or not (
        hasattr(contents, "read") or isinstance(contents, Iterable | AsyncIterable)
    ):
        raise _refused(contents)
    return _of_stream(name, contents)


def _of_path(path: Path) -> Source:
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {described(error)}.", path=str(path)) from error
    return Source(path.name, size, lambda: open_regular(path), str(path))


def _of_stream(name: str, stream: Any) -> Source:
    """Return a source that begins where the stream stands now, each time that it can."""
    start, size = None, None
    if hasattr(stream, "read") and not inspect.iscoroutinefunction(stream.read):
        try:
            start = stream.tell()
            size = stream.seek(0, os.SEEK_END) - start
            stream.seek(start)
        except (OSError, AttributeError, TypeError, ValueError):
            start, size = None, None  # a pipe or a socket
    is_begun = False

    def begin() -> Any:
        nonlocal is_begun
        if start is not None:
            stream.seek(start)
        elif is_begun:
            raise UsageError(
                f"{name!r} has to be sent again, because the server was busy, and can be read only "
                "once. Give a path, bytes, or a file that can be sought.",
                code="read-once",
            )
        is_begun = True
        if hasattr(stream, "read"):
            return _Borrowed(stream)
        return stream.__aiter__() if isinstance(stream, AsyncIterable) else iter(stream)

    return Source(name, size, begin)


class _Borrowed:
    """A file of somebody else's, who closes it."""

    def __init__(self, file: Any) -> None:
        self.read = file.read

    def close(self) -> None:
        pass


class _Form:
    """A multipart body: fields and files.

    Attributes
    ----------
    headers : dict
        ``Content-Length`` is among them if every file's size is known.
    """

    def __init__(self, files: Sequence[tuple[str, Any]], fields: Mapping[str, str]) -> None:
        boundary = secrets.token_hex(16)
        self._parts: list[tuple[bytes, Source | None]] = [
            (_field(boundary, name, value), None) for name, value in fields.items()
        ]
        for name, given in files:
            source = source_of(given)
            self._parts.append((_head(boundary, name, source.name), source))
        self._end = f"--{boundary}--\r\n".encode()
        self.headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        sizes = [len(head) + (_size(source) or 0) for head, source in self._parts]
        if all(source is None or source.size is not None for _, source in self._parts):
            self.headers["Content-Length"] = str(sum(sizes) + len(self._end))


class Form(_Form):
    """A form for a client that blocks; each iteration sends it again."""

    def __iter__(self) -> Iterator[bytes]:
        for head, source in self._parts:
            yield head
            if source is None:
                continue
            reader, left = _begun(source), source.size
            try:
                while chunk := _checked(source, _next(source, reader), left):
                    left = None if left is None else left - len(chunk)
                    yield chunk
            finally:
                _close(reader)
            yield b"\r\n"
        yield self._end


class AsyncForm(_Form):
    """A form for a client that awaits; files are read on threads."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for head, source in self._parts:
            yield head
            if source is None:
                continue
            reader, left = await asyncio.to_thread(_begun, source), source.size
            try:
                while True:
                    chunk = _checked(source, await _awaited(source, reader), left)
                    if not chunk:
                        break
                    left = None if left is None else left - len(chunk)
                    yield chunk
            finally:
                _close(reader)
            yield b"\r\n"
        yield self._end


def _next(source: Source, reader: Any) -> Any:
    try:
        if hasattr(reader, "read"):
            return reader.read(_CHUNK)
        if hasattr(reader, "__anext__"):
            raise UsageError(
                f"{source.name!r} comes asynchronously. Send it with AsyncClient.", code="usage"
            )
        return _next_piece(reader)
    except OSError as error:
        raise SourceError(
            f"{source.path or source.name} cannot be read: {described(error)}.", path=source.path
        ) from error


def _next_piece(reader: Iterator[bytes]) -> bytes:
    # An empty piece does not end what goes on.
    return next((piece for piece in reader if piece), b"")


async def _awaited(source: Source, reader: Any) -> Any:
    if hasattr(reader, "__anext__"):
        async for piece in reader:
            if piece:
                return piece
        return b""
    if inspect.iscoroutinefunction(getattr(reader, "read", None)):
        return await reader.read(_CHUNK)
    chunk = await asyncio.to_thread(_next, source, reader)
    return await chunk if inspect.isawaitable(chunk) else chunk


def _begun(source: Source) -> Any:
    try:
        return source.open()
    except OSError as error:
        raise SourceError(
            f"{source.path or source.name} cannot be read: {described(error)}.", path=source.path
        ) from error


def _checked(source: Source, chunk: Any, left: int | None) -> bytes:
    """Return a piece of a file, if it is one and there may still be as many bytes."""
    if inspect.isawaitable(chunk):
        raise UsageError(f"{source.name!r} comes asynchronously. Send it with AsyncClient.")
    if not isinstance(chunk, bytes | bytearray | memoryview):
        kind = type(chunk).__name__
        raise UsageError(f"{source.name!r} gives {kind}, not bytes. Open files with 'rb'.")
    data = bytes(chunk)
    if left is not None and (len(data) > left or (left and not data)):
        raise SourceError(
            f"{source.path or source.name} changed while it was being sent. Send it again.",
            code="changed",
            path=source.path,
        )
    return data


def _close(reader: Any) -> None:
    if hasattr(reader, "close") and not inspect.isgenerator(reader):
        reader.close()


def _size(source: Source | None) -> int | None:
    return 0 if source is None else (source.size or 0) + 2


def _field(boundary: str, name: str, value: str) -> bytes:
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    ).encode()


def _head(boundary: str, field: str, name: str) -> bytes:
    # As browsers write it: https://html.spec.whatwg.org/#multipart-form-data
    quoted = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
    text = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{quoted}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return text.encode("utf-8", "replace")


def _refused(given: Any) -> UsageError:
    return UsageError(
        "A file to send is a path, an open binary file, or a pair of a name and bytes, a file or "
        f"an iterable of bytes, not {type(given).__name__}.",
        code="usage",
    )
