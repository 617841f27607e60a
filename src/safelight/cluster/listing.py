"""Listing of a cluster's input: folders, object stores, rows of Parquet, image lists.

What lies here is listed by the sources of an ordinary ingest. An object store is listed folder by
folder, in an order that stays the same, and never held in memory as a whole.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from safelight.errors import SourceError, UsageError
from safelight.files import open_regular
from safelight.imaging.formats import is_photo
from safelight.ingest.sources import parse_source
from safelight.ingest.sources.entry import Entry, printable
from safelight.ingest.sources.exclusion import Exclusion
from safelight.types import FileStat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

#: Rows of a Parquet source that are looked at together.
_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Cell:
    """Location of a photo's bytes in a Parquet file.

    Attributes
    ----------
    file, column : str
    group, row : int
        The row group, and the row within it.
    """

    file: str
    column: str
    group: int
    row: int


@dataclass(frozen=True, slots=True)
class Listed:
    """One thing to read.

    Attributes
    ----------
    entry : Entry
        Its path is a URL if it lies elsewhere; FILE#ROW of bytes that have no URL.
    cell : Cell or None
        Where its bytes are, if they are in Parquet.
    """

    entry: Entry
    cell: Cell | None = None


class Listing(Protocol):
    """Lists the entries of an input, always in the same order."""

    def entries(self) -> Iterator[Listed]:
        """List everything.

        Raises
        ------
        SourceError
            It cannot be listed at all.
        """
        ...


def parse_listing(
    spec: str,
    *,
    recursive: bool = True,
    exclude: Sequence[str] = (),
    url_column: str | None = None,
    bytes_column: str | None = None,
) -> Listing:
    """Return the listing that `spec` names.

    Parameters
    ----------
    spec : str
        A folder or URL with photos in it; ``parquet:FILE`` or ``parquet:FOLDER`` with URLs or
        bytes; a name that ends in ``.parquet``; or a source of an ordinary ingest.
    recursive, exclude
        As of :func:`safelight.ingest.sources.parse_source`.
    url_column, bytes_column : str, optional
        Of Parquet: the columns that hold the address, and the photo itself. One is enough.

    Raises
    ------
    SourceError
        It names nothing that is there.
    UsageError
        Parquet without a column to read, or what is needed for this kind of URL is not installed.
    """
    kind, _, rest = spec.partition(":")
    if kind == "parquet" or spec.lower().endswith(".parquet"):
        if url_column is None and bytes_column is None:
            raise UsageError(
                f"{spec}: say which column holds the photos, or their URLs.", hint="columns"
            )
        return _Parquet(rest if kind == "parquet" else spec, url_column, bytes_column)
    if is_url(spec):
        return _Store(spec, recursive, tuple(exclude))
    return _Here(spec, recursive, tuple(exclude))


def is_url(path: str) -> bool:
    """Tell whether a path is the URL of something that fsspec is to reach."""
    return _URL.match(path) is not None


def file_system(url: str) -> tuple[Any, str]:
    """Return fsspec's file system for a path or URL, and what that calls it.

    Raises
    ------
    UsageError
        The package for this kind of URL is not installed.
    SourceError
        There is no such kind.
    """
    import fsspec

    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(url)
    except ImportError as exc:
        raise UsageError(f"{url} needs a package: {exc}.", code="missing-extra") from exc
    except ValueError as exc:
        raise SourceError(f"{url} cannot be read: {exc}.", source=url) from exc
    return found


def opened_at(files: Any, name: str) -> Any:
    """Open a file for reading anywhere in it; on this machine only a regular one.

    Parameters
    ----------
    files, name
        As :func:`file_system` returns them.
    """
    return open_regular(name) if "file" in files.protocol else files.open(name, "rb")


def said_by(error: BaseException) -> str:
    """Return an error's own words on one line; of a kind of storage that is not ours."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


@dataclass(frozen=True, slots=True)
class _Here:
    """A source of an ordinary ingest."""

    spec: str
    recursive: bool
    exclude: tuple[str, ...]

    def entries(self) -> Iterator[Listed]:
        source = parse_source(self.spec, recursive=self.recursive, exclude=self.exclude)
        for entry in source.entries():
            yield Listed(entry)


@dataclass(frozen=True, slots=True)
class _Store:
    """The photos below a URL, by their names' endings."""

    url: str
    recursive: bool
    exclude: tuple[str, ...]

    def entries(self) -> Iterator[Listed]:
        files, root = file_system(self.url)
        try:
            if files.isfile(root):
                yield Listed(self._entry(files, files.info(root), posixpath.basename(root)))
                return
            if not files.exists(root):
                raise SourceError(f"{self.url}: there is nothing there.", source=self.url)
            yield from self._below(files, root.rstrip("/"), "")
        except SourceError:
            raise
        except Exception as exc:
            raise SourceError(
                f"{self.url} cannot be listed: {said_by(exc)}. Correct the address or the rights, "
                "and try again.",
                source=self.url,
            ) from exc

    def _below(self, files: Any, folder: str, inside: str) -> Iterator[Listed]:
        # Folder by folder, since listing all at once would take the memory of all.
        there = sorted(files.ls(folder, detail=True, refresh=True), key=lambda each: each["name"])
        exclusion = Exclusion(self.exclude)
        for about in there:
            name = posixpath.basename(about["name"].rstrip("/"))
            path = f"{inside}/{name}" if inside else name
            is_folder = about["type"] == "directory"
            if not name or about["name"].rstrip("/") == folder:
                continue
            if exclusion.why(name, path, is_folder=is_folder):
                continue
            if is_folder:
                if self.recursive:
                    yield from self._below(files, about["name"].rstrip("/"), path)
            elif is_photo(name):
                yield Listed(self._entry(files, about, path))
        files.invalidate_cache(folder)

    def _entry(self, files: Any, about: dict[str, Any], inside: str) -> Entry:
        path = files.unstrip_protocol(about["name"])
        if printable(path) != path:
            return Entry(
                printable(path),
                printable(inside),
                code="bad-name",
                reason="has a name that is not valid UTF-8; rename it",
            )
        return Entry(path, inside, _stat(about))


def _stat(about: dict[str, Any]) -> FileStat | None:
    """Return size and time of change as a store tells them; its kinds have names of their own."""
    size = about.get("size")
    if size is None:
        return None
    for name in ("LastModified", "mtime", "updated", "last_modified", "created"):
        changed = about.get(name)
        if isinstance(changed, datetime):
            changed = changed.timestamp()
        elif isinstance(changed, str):
            changed = datetime.fromisoformat(changed).timestamp()
        if changed is not None:
            return FileStat(int(size), int(float(changed) * 1e9), 0, 0)
    return FileStat(int(size), 0, 0, 0)


@dataclass(frozen=True, slots=True)
class _Parquet:
    """Rows with the address of a photo, or the photo itself; other columns are metadata."""

    url: str
    url_column: str | None
    bytes_column: str | None

    def entries(self) -> Iterator[Listed]:
        files, root = file_system(self.url)
        try:
            if files.isfile(root):
                names = [root]
            else:
                names = sorted(each for each in files.find(root) if each.endswith(".parquet"))
        except Exception as exc:
            raise SourceError(
                f"{self.url} cannot be listed: {said_by(exc)}.", source=self.url
            ) from exc
        if not names:
            raise SourceError(f"{self.url}: there is no Parquet file there.", source=self.url)
        for name in names:
            yield from self._rows(files, name)

    def _rows(self, files: Any, name: str) -> Iterator[Listed]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        address = files.unstrip_protocol(name) if is_url(self.url) else name
        try:
            with opened_at(files, name) as opened:
                file = pq.ParquetFile(opened)
                columns = self._columns(address, file.schema_arrow)
                said = _stat(files.info(name)) if self.bytes_column else None
                number = 0
                for group in range(file.num_row_groups):
                    row = 0
                    for batch in file.iter_batches(_ROWS, row_groups=[group], columns=columns):
                        for values in self._values(batch):
                            yield self._listed(address, said, number, group, row, values)
                            number, row = number + 1, row + 1
                    # Without any column to read there are no batches: bytes, and nothing else.
                    while row < file.metadata.row_group(group).num_rows:
                        yield self._listed(address, said, number, group, row, {})
                        number, row = number + 1, row + 1
        except (pa.ArrowException, OSError) as exc:
            raise SourceError(f"{address} cannot be read: {said_by(exc)}.", source=address) from exc

    def _columns(self, address: str, schema: Any) -> list[str]:
        """Return the columns to read: the address, and what is short enough to be metadata."""
        import pyarrow as pa

        for name in (self.url_column, self.bytes_column):
            if name is not None and name not in schema.names:
                raise SourceError(
                    f"{address} has no column {name}. It has: {', '.join(schema.names)}.",
                    source=address,
                )
        plain = (
            pa.types.is_string, pa.types.is_large_string, pa.types.is_integer,
            pa.types.is_floating, pa.types.is_boolean,
        )  # fmt: skip
        return [
            each.name
            for each in schema
            if each.name != self.bytes_column and any(test(each.type) for test in plain)
        ]

    def _values(self, batch: Any) -> Iterator[dict[str, Any]]:
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield dict(zip(batch.schema.names, values, strict=True))

    def _listed(
        self,
        address: str,
        said: FileStat | None,
        number: int,
        group: int,
        row: int,
        values: dict[str, Any],
    ) -> Listed:
        path = values.pop(self.url_column, None) if self.url_column else None
        metadata = {key: str(value) for key, value in values.items() if value not in (None, "")}
        cell = Cell(address, self.bytes_column, group, row) if self.bytes_column else None
        shown = printable(str(path)) if path else f"{address}#{number}"
        if not path and cell is None:
            return Listed(
                Entry(shown, shown, None, metadata, code="missing", reason="has no address")
            )
        return Listed(Entry(shown, shown, said if cell else None, metadata), cell)
