"""The library file: opening it, and one SQLite connection a thread."""

from __future__ import annotations

import contextlib
import glob
import sqlite3
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias
from urllib.parse import quote

from safelight.arguments import as_name, as_path, refused
from safelight.errors import LibraryError
from safelight.files.names import expanded
from safelight.files.opening import kind_of
from safelight.files.refusals import described, is_for_now
from safelight.forks import abandon, after_fork
from safelight.library import schema
from safelight.library.damage import (
    CheckedConnection,
    damaged,
    explain_database_error,
    explain_odd_value,
    sqlite_code,
)
from safelight.library.folding import folded, folder_of, name_of, spaced

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import PurePath
    from types import TracebackType

#: How long a writer waits for another process's transaction. Ours last milliseconds; a slow disk
#: or a suspended laptop may hold one much longer, and giving up would lose the user's run.
BUSY_SECONDS = 60.0

# A vector of 512 numbers is half a page of SQLite's usual 4 KiB, and then takes a whole one:
# 4,126 bytes against 2,367 here (measured on 20,000), and a scan of all takes half the time.
_PAGE_BYTES = 16384

# What SQLite says where a file, or its folder, cannot be written.
_NOT_WRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)

# ... and where its disk is full, or fails.
_DISK = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)

# Pages in the log before they go into the file, where SQLite's usual 1,000 write the pages of the
# indexes again and again: rows are written a quarter faster (measured on 100,000).
_LOG_PAGES = 4000


class Database:
    """One library file (SQLite, WAL): the truth about photos, files, embeddings.

    Any thread may use it: each has a connection of its own. Readers never wait for a writer. Where
    nothing may be written, as on a disk that is mounted to be read only, it can be read.

    Attributes
    ----------
    path : Path
    is_read_only : bool
        Whether it turned out that it cannot be written here.

    Parameters
    ----------
    path : path-like
    create : bool
        Make the file, and its folder, if it is not there.

    Raises
    ------
    LibraryError
        It is not there (with ``create=False``), not readable, or not a library.
    LibraryTooNew
        It was written by a newer safelight.
    """

    def __init__(self, path: str | os.PathLike[str], *, create: bool = True) -> None:
        self.path = Path(expanded(as_name(as_path(path, "path"), "path"))).absolute()
        self.is_read_only = False
        self._local = threading.local()
        self._lock = threading.Lock()
        self._connections: list[CheckedConnection] = []
        self._is_closed = False
        after_fork(self, Database._renew)
        self._require_content(create)
        if not self.path.exists():
            if not create:
                raise LibraryError(
                    f"There is no library at {self.path}. "
                    "Make one with `safelight ingest FOLDER`, or name another file.",
                    code="no-library",
                    path=str(self.path),
                )
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise LibraryError(
                    f"Cannot make the folder of the library {self.path}: {exc.strerror}. "
                    "Name another file.",
                    path=str(self.path),
                ) from exc
        try:
            schema.migrate(self.connection, self.path)
        except sqlite3.DatabaseError as exc:
            refused = self._unusable(exc)
            self.close()
            if self.is_read_only and refused.code != "disk":
                raise self._read_only(str(exc)) from exc
            raise refused from exc
        except BaseException:
            self.close()
            raise

    def _require_content(self, create: bool) -> None:
        """Raise if the file lost all of its bytes; SQLite would take it for a new library."""
        try:
            found = self.path.stat()
        except (OSError, ValueError):
            return
        if not stat.S_ISREG(found.st_mode):
            raise LibraryError(
                f"The library {self.path} cannot be opened: it is {kind_of(found.st_mode)}. "
                "Name a file.",
                path=str(self.path),
            )
        if found.st_size:
            return
        log = self.path.with_name(self.path.name + "-wal")
        if log.exists() and log.stat().st_size:
            return  # another process is making it
        beside = any(self.path.parent.glob(f"{glob.escape(self.path.name)}.*"))
        if beside or not create:
            raise damaged(self.path, "it has no bytes")

    def _unusable(self, exc: sqlite3.DatabaseError) -> LibraryError:
        kind = sqlite_code(exc)
        reason, is_full = str(exc), kind in _DISK
        if kind in (*_DISK, sqlite3.SQLITE_CANTOPEN):
            # SQLite does not say why; the system does.
            try:
                with open(self.path, "r+b"), open(self.path, "rb"), open(self.path, "rb"):
                    pass
            except OSError as refused:
                reason = described(refused)
                is_full = is_full or is_for_now(refused)
        if is_full:
            return LibraryError(
                f"{self.path} cannot be used now: {reason}. Nothing in it is lost; see to the "
                "disk, or to what else runs, and run the same command again.",
                code="disk",
                path=str(self.path),
            )
        if kind == sqlite3.SQLITE_CANTOPEN:
            return LibraryError(
                f"{self.path} cannot be used as a library: {reason}. Change the permissions of the "
                "file and its folder, or name another file.",
                path=str(self.path),
            )
        return explain_database_error(self.path, exc)

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit mode."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            self._local.connection = connection
        return connection

    def separate_connection(self) -> sqlite3.Connection:
        """Return a connection of nobody's, for one thread at a time; closed with the library."""
        return self._connect()

    @property
    def is_closed(self) -> bool:
        """True once it was closed. It is not opened again; make another one."""
        return self._is_closed

    def require_open(self) -> None:
        """Raise if it was closed.

        Raises
        ------
        LibraryError
            With the way to open it again.
        """
        if self._is_closed:
            raise LibraryError(
                f"The library {self.path} was closed. Open it again with "
                f"safelight.open({str(self.path)!r}).",
                code="closed",
                path=str(self.path),
            )

    def _renew(self) -> None:
        """Leave the parent's connections to it; each thread of this process gets its own."""
        for connection in self._connections:
            connection.is_inherited = True
            abandon(connection)
        self._connections = []
        self._local = threading.local()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        self.require_open()
        return _opened_again, (type(self), str(self.path))

    def _connect(self) -> sqlite3.Connection:
        self.require_open()
        if self.is_read_only:
            return self._connect_to_read()
        connection = self._opened(self.path)
        try:
            self._prepare(connection)
        except sqlite3.OperationalError as exc:
            if sqlite_code(exc) not in _NOT_WRITABLE or not self.path.is_file():
                raise
            self.is_read_only = True
            return self._connect_to_read()
        return connection

    def _opened(self, database: str | Path, *, uri: bool = False) -> CheckedConnection:
        connection = sqlite3.connect(
            database,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,  # close() is called by one thread for all
            uri=uri,
            factory=CheckedConnection,
        )
        connection.path = self.path
        # Triggers call them: see safelight.library.schema.
        for function in (folded, spaced, name_of, folder_of):
            connection.create_function(function.__name__, 1, function, deterministic=True)
        with self._lock:
            self._connections.append(connection)
        return connection

    def _connect_to_read(self) -> sqlite3.Connection:
        connection = self._opened(f"{sqlite_uri(self.path)}?mode=ro", uri=True)
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema")
        except sqlite3.OperationalError as exc:
            # The files beside it by which processes agree are neither there nor can be made. If
            # nothing lies in its log, then what it says is in the file itself.
            log = self.path.with_name(self.path.name + "-wal")
            if log.exists() and log.stat().st_size:
                raise self._read_only("its log has to be written back first") from exc
            connection = self._opened(f"{sqlite_uri(self.path)}?mode=ro&immutable=1", uri=True)
        return connection

    def _read_only(self, why: str) -> LibraryError:
        return LibraryError(
            f"The library {self.path} cannot be written here: {why}. Change the permissions of the "
            "file and its folder, or copy it to where you may write.",
            code="library-read-only",
            path=str(self.path),
        )

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # Of a new library; an old one keeps what it has.
        _execute_patiently(connection, f"PRAGMA page_size = {_PAGE_BYTES}")
        # NORMAL: in WAL mode a commit survives kill -9, and only a power cut can undo the last
        # ones, which the next ingest then makes again.
        for pragma in (
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "foreign_keys = ON",
            f"wal_autocheckpoint = {_LOG_PAGES}",
        ):
            _execute_patiently(connection, f"PRAGMA {pragma}")

    def require_writable(self) -> None:
        """Raise if nothing can be written here.

        Raises
        ------
        LibraryError
            With the way out.
        """
        if self.is_read_only:
            raise self._read_only("it can only be read")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the block as one write transaction: all of it happens, or none.

        Raises
        ------
        LibraryError
            Nothing can be written here, or the disk is full or failing.
        """
        connection = self.connection
        self.require_writable()
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except BaseException as exc:
            # When the disk is full, SQLite has taken it back already; after a fork the parent does.
            is_ours = not getattr(connection, "is_inherited", False)
            if is_ours and connection.in_transaction:
                connection.execute("ROLLBACK")
            if isinstance(exc, sqlite3.OperationalError) and sqlite_code(exc) in _DISK:
                raise LibraryError(
                    f"The library {self.path} cannot be written: {exc}. What was written before is "
                    "kept; free some space, or see to the disk, and run the same again.",
                    code="disk",
                    path=str(self.path),
                ) from exc
            raise

    def close(self) -> None:
        """Close every thread's connection. To close it twice does no harm."""
        self._is_closed = True
        with self._lock:
            connections, self._connections = self._connections, []
        for connection in connections:
            connection.close()
        self._local = threading.local()

    def __enter__(self) -> Self:
        self.require_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        found: LibraryError | None = None
        if isinstance(error, sqlite3.DatabaseError):
            found = explain_database_error(self.path, error)
        elif error is not None:
            found = explain_odd_value(self.path, self.separate_connection, error)
        self.close()
        if found is not None:
            raise found from error


class HasDatabase(Protocol):
    """Something with a database of its own: a :class:`safelight.Library`."""

    @property
    def database(self) -> Database: ...


#: What public functions take for a library.
AnyLibrary: TypeAlias = Database | HasDatabase


def as_database(value: Any) -> Database:
    """Return the database of a library; a database as it is.

    Raises
    ------
    UsageError
        It is neither.
    """
    found: Database = getattr(value, "database", value)
    if not (hasattr(found, "connection") and hasattr(found, "transaction")):
        raise refused("library", "a Library", value)
    return found


def sqlite_uri(path: PurePath) -> str:
    """Return the URI by which SQLite opens an absolute path.

    A server's share has no authority there, as :meth:`pathlib.Path.as_uri` would write it, but four
    slashes (https://www.sqlite.org/uri.html).

    Examples
    --------
    >>> from pathlib import PurePosixPath, PureWindowsPath
    >>> sqlite_uri(PurePosixPath("/a b/100%.db"))
    'file:///a%20b/100%25.db'
    >>> sqlite_uri(PureWindowsPath("C:/photos.db"))
    'file:///C:/photos.db'
    >>> sqlite_uri(PureWindowsPath("//nas/share/photos.db"))
    'file:////nas/share/photos.db'
    """
    text = path.as_posix()
    return "file://" + ("" if text.startswith("/") else "/") + quote(text, safe="/:")


def _opened_again(kind: type[Database], path: str) -> Database:
    return kind(path, create=False)


def _execute_patiently(connection: sqlite3.Connection, statement: str) -> None:
    # While another process turns a new file into WAL mode, SQLite reports a lock at once instead
    # of waiting for it.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as exc:
            if sqlite_code(exc) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
