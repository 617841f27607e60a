"""Location of a data set, a folder or anything that fsspec reaches; files are written whole."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from safelight.errors import SafelightError, SourceError, UsageError
from safelight.exchange.parquet.columns import need_pyarrow
from safelight.files import LARGE_TEXT, open_regular, read_bytes
from safelight.files.atomic import is_part, replacing
from safelight.files.names import expanded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Self

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")

_OBJECT_STORES = frozenset({"s3", "gs", "gcs", "az", "abfs", "adl", "oci", "oss"})

#: What versions before this one called a file until it was whole.
_UNFINISHED = ".unfinished"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, here or elsewhere.

    Attributes
    ----------
    shown : str
        Its address without passwords, as messages name it.
    """

    shown: str
    _fs: Any
    _root: str
    _local: bool

    @property
    def is_local(self) -> bool:
        """True if it is a folder of this machine."""
        return self._local

    def names(self) -> set[str]:
        """Return the names of files and folders right in it."""
        with self._plainly(f"{self.shown} cannot be listed"):
            self._fs.invalidate_cache()
            try:
                found = self._fs.ls(self._root, detail=False)
            except (FileNotFoundError, NotADirectoryError):
                return set()
        return {posixpath.basename(name.rstrip("/")) for name in found} - {""}

    def sizes(self, folder: str = "") -> dict[str, int]:
        """Return the size in bytes of every file below, by name; none where there is nothing."""
        root = posixpath.join(self._root, folder) if folder else self._root
        with self._plainly(f"{self.shown} cannot be listed"):
            self._fs.invalidate_cache()
            try:
                found = self._fs.find(root, detail=True)
            except FileNotFoundError:
                return {}
        start = self._root.rstrip("/") + "/"
        return {
            name.removeprefix(start): int(about.get("size") or 0)
            for name, about in found.items()
            if name.startswith(start)
        }

    def is_file(self) -> bool:
        """Tell whether there is a file instead of a folder."""
        with self._plainly(f"{self.shown} cannot be looked at"):
            return bool(self._fs.isfile(self._root))

    def is_there(self) -> bool:
        """Tell whether there is a folder or a file; object stores have no empty folders."""
        with self._plainly(f"{self.shown} cannot be looked at"):
            return bool(self._fs.exists(self._root))

    def is_folder(self) -> bool:
        """Tell whether there is a folder."""
        with self._plainly(f"{self.shown} cannot be looked at"):
            return bool(self._fs.isdir(self._root))

    @property
    def parent(self) -> Self:
        """The folder that it is in."""
        return replace(
            self, shown=posixpath.dirname(self.shown), _root=posixpath.dirname(self._root) or "/"
        )

    def has(self, name: str) -> bool:
        """Tell whether a file is there."""
        with self._plainly(f"{self.shown} cannot be looked at"):
            self._fs.invalidate_cache()
            return bool(self._fs.exists(self._path(name)))

    def name_of(self, name: str) -> str:
        """Return the name of a file in messages."""
        return f"{self.shown.rstrip('/')}/{name}" if name else self.shown

    def read(self, name: str) -> bytes | None:
        """Return the contents of a file, or None if it is missing."""
        with self._plainly(f"{self.name_of(name)} cannot be read"):
            try:
                path = self._path(name)
                found: bytes = (
                    read_bytes(path, limit=LARGE_TEXT) if self._local else self._fs.cat_file(path)
                )
            except (FileNotFoundError, NotADirectoryError):
                return None
        return found

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[Any]:
        """Open a file for reading anywhere in it; itself if `name` is empty."""
        with contextlib.ExitStack() as stack:
            with self._plainly(f"{self.name_of(name)} cannot be read"):
                # Others write here, too: what was listed before may no longer be all.
                self._fs.invalidate_cache()
                path = self._path(name)
                opened = stack.enter_context(
                    open_regular(path) if self._local else self._fs.open(path, "rb")
                )
            yield opened

    def put(self, name: str, write: Callable[[IO[bytes]], None]) -> int:
        """Put a file there, whole or not at all; return its size.

        Parameters
        ----------
        name : str
        write : callable
            Given the file to write to.
        """
        path, what = self._path(name), f"{self.name_of(name)} cannot be written"
        if self._local:
            with self._plainly(what, OSError):
                with replacing(Path(path)) as file:
                    write(file)
                return os.path.getsize(path)
        with tempfile.TemporaryDirectory(prefix="safelight-") as folder:
            # A stream to the store would be kept as far as it came if writing fails.
            here = os.path.join(folder, "part")
            with self._plainly(what, OSError), open(here, "wb") as file:
                write(file)
            with self._plainly(what):
                if not self._is_object_store:
                    self._fs.makedirs(posixpath.dirname(path), exist_ok=True)
                self._fs.put_file(here, path)
            return os.path.getsize(here)

    def put_bytes(self, name: str, data: bytes) -> None:
        """Put a small file there, whole or not at all."""

        def write(file: IO[bytes]) -> None:
            file.write(data)

        self.put(name, write)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are not there are passed over."""
        for name in names:
            with (
                self._plainly(f"{self.name_of(name)} cannot be removed"),
                contextlib.suppress(FileNotFoundError),
            ):
                self._fs.rm_file(self._path(name))

    @property
    def _is_object_store(self) -> bool:
        """True if the place has no folders to make; making one would create a misspelt bucket."""
        kinds = (self._fs.protocol,) if isinstance(self._fs.protocol, str) else self._fs.protocol
        return not _OBJECT_STORES.isdisjoint(kinds)

    def _path(self, name: str) -> str:
        return posixpath.join(self._root, name) if name else self._root

    @contextlib.contextmanager
    def _plainly(self, what: str, kind: type[Exception] = Exception) -> Iterator[None]:
        """Translate the errors of each kind of storage into ours."""
        try:
            yield
        except SafelightError:
            raise
        except kind as exc:
            raise SourceError(
                f"{what}: {_reason(exc)}. Check the address, the rights and the room there, and "
                "try again.",
                code="missing" if isinstance(exc, FileNotFoundError) else "place",
                place=self.shown,
            ) from exc


def open_place(url: str | os.PathLike[str]) -> Place:
    """Return the place at `url`; nothing need be there yet.

    Parameters
    ----------
    url : str or path-like
        A folder, or a URL that fsspec knows: ``s3://BUCKET/FOLDER``, ``gs://...``.

    Raises
    ------
    UsageError
        An extra is not installed.
    SourceError
        There is no storage of this kind, or it cannot be reached.
    """
    need_pyarrow()
    import fsspec

    text = os.fspath(url)
    scheme = _SCHEME.match(text)
    if scheme is None:
        text = os.path.abspath(expanded(text))
    shown = re.sub(r"(?<=://)([^/@:]*):[^/@]*@", r"\1@", text)
    try:
        fs, root = fsspec.core.url_to_fs(text, **({} if scheme else {"auto_mkdir": False}))
    except ImportError as exc:
        raise UsageError(
            f"{shown} needs a package that is not installed: {_reason(exc)}.", code="missing-extra"
        ) from exc
    except Exception as exc:
        raise SourceError(
            f"{shown} cannot be reached: {_reason(exc)}. Name a folder, or a URL as in "
            "s3://BUCKET/FOLDER.",
            code="place",
            place=shown,
        ) from exc
    local = "file" in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol)
    return Place(shown, fs, root.rstrip("/") or "/", local)


def is_unfinished(name: str) -> bool:
    """Tell whether a file was never written to its end."""
    return name.endswith(_UNFINISHED) or is_part(posixpath.basename(name))


def _reason(exc: BaseException) -> str:
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    return " ".join(str(exc).split()).rstrip(".") or type(exc).__name__
