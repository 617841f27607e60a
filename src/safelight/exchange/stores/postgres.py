"""PostgreSQL with pgvector: a table a space, a row an item, an HNSW index over half precision.

Tables are called ``safelight_`` and the first sixteen digits of the space's fingerprint;
``safelight_spaces`` lists them. Half precision takes half the room and may swap neighbours that
are as near as makes no difference; the scores of hits come from the library's own vectors.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from safelight.errors import StoreAway, StoreError, StoreRefused, UsageError
from safelight.exchange.stores.failures import nothing_sent, owned_by_another

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt
    from psycopg import Connection

    from safelight.exchange.stores.address import Address
    from safelight.library.documents import Document
    from safelight.types import Space

Result = TypeVar("Result")

#: The first with halfvec and with index scans that go on until enough rows pass a filter.
_PGVECTOR = (0, 8)

#: What an HNSW index of half precision can hold; longer vectors are scanned.
_LONGEST = 4000

#: Candidates that a search of the index keeps: pgvector's own 40 miss some, and it takes no more.
_EF_LEAST, _EF_MOST = 200, 1000

#: Seconds to wait for a connection.
_CONNECT = 5

#: Milliseconds for which what was sent may stay unanswered by the other machine.
_SILENCE = 30_000

#: What a server says when trying again is no use. It has no code then, and may speak another
#: language; it is tried again in vain then.
_HOPELESS = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
)

_PAGE = 10_000

#: Rows that are read at once with their vectors.
_READ = 1000

_SPACES = """
CREATE TABLE IF NOT EXISTS safelight_spaces (
    fingerprint text PRIMARY KEY,
    name        text NOT NULL,
    dimension   integer NOT NULL,
    relation    text NOT NULL,
    library     text NOT NULL
)"""

_TABLE = """
CREATE TABLE IF NOT EXISTS {table} (
    photo_id   text PRIMARY KEY,
    namespaces text[] NOT NULL,
    labels     text[] NOT NULL,
    taken_at   timestamp,
    metadata   jsonb NOT NULL,
    embedding  halfvec({dimension}) NOT NULL
)"""

_PUT = """
INSERT INTO {table} (photo_id, namespaces, labels, taken_at, metadata, embedding)
VALUES (%s, %s, %s, %s, %s, %s::halfvec)
ON CONFLICT (photo_id) DO UPDATE SET
    namespaces = excluded.namespaces, labels = excluded.labels, taken_at = excluded.taken_at,
    metadata = excluded.metadata, embedding = excluded.embedding"""


class PostgresStore:
    """Items in PostgreSQL; see :class:`safelight.exchange.stores.base.VectorStore`.

    Raises
    ------
    UsageError
        The extra is not installed.
    """

    def __init__(self, address: Address) -> None:
        try:
            import psycopg  # noqa: F401
        except ImportError as exc:
            raise UsageError(
                f"{address.shown} needs pip install 'safelight[postgres]'.", code="missing-extra"
            ) from exc
        self.shown = address.shown
        self._place = address.place
        self._connection: Connection[Any] | None = None

    def prepare(self, space: Space, owner: str, *, take_over: bool = False) -> None:
        from psycopg import sql

        fingerprint, table = space.fingerprint, _table(space.fingerprint)

        def do(connection: Connection[Any]) -> None:
            # Two at once would both find a table missing.
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('safelight_spaces'))")
            self._check_pgvector(connection)
            connection.execute(_SPACES)
            connection.execute(
                "INSERT INTO safelight_spaces VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (fingerprint, space.name, space.dimension, table, owner),
            )
            if take_over:
                connection.execute(
                    "UPDATE safelight_spaces SET library = %s WHERE fingerprint = %s",
                    (owner, fingerprint),
                )
            row = connection.execute(
                "SELECT dimension, library FROM safelight_spaces WHERE fingerprint = %s",
                (fingerprint,),
            ).fetchone()
            if row is None or row[0] != space.dimension:
                raise StoreError(
                    f"{self.shown} knows {space.name} with vectors of another length. Name "
                    "another database.",
                    store=self.shown,
                )
            if row[1] != owner:
                raise owned_by_another(
                    self.shown,
                    "another database, or schema as in ?options=-csearch_path%3DNAME,public",
                )
            name = sql.Identifier(table)
            connection.execute(
                sql.SQL(_TABLE).format(table=name, dimension=sql.Literal(space.dimension))
            )
            for column, method in (("namespaces", "gin"), ("labels", "gin"), ("taken_at", "btree")):
                connection.execute(
                    sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} USING {} ({})").format(
                        sql.Identifier(f"{table}_{column}"),
                        name,
                        sql.Identifier(method),
                        sql.Identifier(column),
                    )
                )

        self._run(do)

    def _check_pgvector(self, connection: Connection[Any]) -> None:
        from psycopg import errors

        query = "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
        row = connection.execute(query).fetchone()
        if row is None:
            try:
                with connection.transaction():
                    connection.execute("CREATE EXTENSION vector")
            except (
                errors.InsufficientPrivilege,
                errors.FeatureNotSupported,
                errors.UndefinedFile,
            ) as exc:
                raise StoreError(
                    f"{self.shown} has no pgvector: {_said(exc)}. Install it on the server, then "
                    "let its administrator run in this database: CREATE EXTENSION vector",
                    code="no-pgvector",
                    store=self.shown,
                ) from exc
            row = connection.execute(query).fetchone()
        version = str(row[0]) if row else "0"
        if tuple(int(part) for part in version.split(".")[:2]) < _PGVECTOR:
            raise StoreError(
                f"{self.shown} has pgvector {version}; 0.8 or newer is needed. Update it on the "
                "server, then run: ALTER EXTENSION vector UPDATE",
                code="no-pgvector",
                store=self.shown,
            )

    def put(self, fingerprint: str, documents: Sequence[Document]) -> None:
        from psycopg import sql
        from psycopg.types.json import Jsonb

        rows = [
            (
                each.photo_id,
                each.namespaces,
                each.labels,
                _timestamp(each.taken_at),
                Jsonb(each.metadata),
                _literal(each.vector),
            )
            for each in documents
        ]
        statement = sql.SQL(_PUT).format(table=sql.Identifier(_table(fingerprint)))
        self._run(lambda connection: connection.cursor().executemany(statement, rows), fingerprint)

    def remove(self, fingerprint: str, photo_ids: Sequence[str]) -> None:
        from psycopg import sql

        statement = sql.SQL("DELETE FROM {} WHERE photo_id = ANY(%s)").format(
            sql.Identifier(_table(fingerprint))
        )
        self._run(lambda connection: connection.execute(statement, (list(photo_ids),)), fingerprint)

    def finish(self, fingerprint: str) -> None:
        """Build the HNSW index, unless it is there; filled bit by bit it takes longer."""
        from psycopg import sql

        table = _table(fingerprint)

        def do(connection: Connection[Any]) -> None:
            (dimension,) = connection.execute(
                "SELECT dimension FROM safelight_spaces WHERE fingerprint = %s", (fingerprint,)
            ).fetchone() or (0,)
            if not 0 < dimension <= _LONGEST:
                return
            connection.execute(
                sql.SQL(
                    "CREATE INDEX IF NOT EXISTS {} ON {} USING hnsw (embedding halfvec_cosine_ops)"
                ).format(sql.Identifier(f"{table}_hnsw"), sql.Identifier(table))
            )

        self._run(do, fingerprint)

    def count(self, fingerprint: str) -> int:
        from psycopg import sql

        statement = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(_table(fingerprint)))
        row = self._run(lambda connection: connection.execute(statement).fetchone(), fingerprint)
        return int(row[0]) if row else 0

    def ids(self, fingerprint: str) -> Iterator[str]:
        from psycopg import sql

        statement = sql.SQL(
            "SELECT photo_id FROM {} WHERE photo_id > %s ORDER BY photo_id LIMIT %s"
        ).format(sql.Identifier(_table(fingerprint)))
        last = ""
        while True:
            page = self._page(statement, (last, _PAGE), fingerprint)
            yield from page
            if len(page) < _PAGE:
                return
            last = page[-1]

    def documents(self, fingerprint: str) -> Iterator[Document]:
        from psycopg import sql

        from safelight.library.documents import Document

        statement = sql.SQL(
            "SELECT photo_id, embedding::text, namespaces, metadata->>'taken_at', labels, metadata "
            "FROM {} WHERE photo_id > %s ORDER BY photo_id LIMIT %s"
        ).format(sql.Identifier(_table(fingerprint)))

        def page(after: str) -> list[tuple[Any, ...]]:
            return self._run(
                lambda connection: connection.execute(statement, (after, _READ)).fetchall(),
                fingerprint,
            )

        last = ""
        while True:
            rows = page(last)
            for photo_id, numbers, *known in rows:
                vector = np.fromstring(numbers[1:-1], np.float32, sep=",")
                yield Document(photo_id, vector, *known)
            if len(rows) < _READ:
                return
            last = rows[-1][0]

    def nearest(
        self,
        fingerprint: str,
        query: npt.NDArray[np.float32],
        k: int,
        *,
        namespace: str | None = None,
        among: Sequence[str] | None = None,
    ) -> list[str]:
        from psycopg import sql

        vector = _literal(query)
        conditions: list[sql.Composable] = []
        values: list[Any] = []
        if namespace is not None:
            conditions.append(sql.SQL("namespaces @> %s"))
            values.append([namespace])
        if among is not None:
            conditions.append(sql.SQL("photo_id = ANY(%s)"))
            values.append(list(among))
        passing = sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("true")
        rows = "SELECT photo_id, embedding FROM {table} WHERE {passing}"
        if among is not None:
            # So that the rows are picked by id and all compared; the index is not asked.
            rows = f"WITH these AS MATERIALIZED ({rows}) SELECT * FROM these"
        text = f"SELECT photo_id FROM ({rows}) found ORDER BY embedding <=> %s::halfvec LIMIT %s"
        statement = sql.SQL(text).format(table=sql.Identifier(_table(fingerprint)), passing=passing)
        return self._page(statement, (*values, vector, k), fingerprint, wanted=k)

    def _page(
        self, statement: Any, values: tuple[Any, ...], fingerprint: str, *, wanted: int = 0
    ) -> list[str]:
        def do(connection: Connection[Any]) -> list[str]:
            if wanted:
                connection.execute(
                    "SELECT set_config('hnsw.ef_search', %s, true), "
                    # Relaxed: what comes late is ranked by the library, rather than left out.
                    "set_config('hnsw.iterative_scan', 'relaxed_order', true), "
                    # As long as it takes: a rare namespace must not end with too few.
                    "set_config('hnsw.max_scan_tuples', '2147483647', true)",
                    (str(min(max(_EF_LEAST, wanted), _EF_MOST)),),
                )
            return [str(row[0]) for row in connection.execute(statement, values)]

        return self._run(do, fingerprint)

    def drop(self, fingerprint: str) -> None:
        from psycopg import sql

        def do(connection: Connection[Any]) -> None:
            connection.execute(
                sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(_table(fingerprint)))
            )
            connection.execute(_SPACES)
            connection.execute(
                "DELETE FROM safelight_spaces WHERE fingerprint = %s", (fingerprint,)
            )

        self._run(do)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _run(self, do: Callable[[Connection[Any]], Result], fingerprint: str = "") -> Result:
        """Do something in one transaction; turn what goes wrong into what it means."""
        from psycopg import Error, InterfaceError, OperationalError, errors

        try:
            connection = self._connect()
            with connection.transaction():
                return do(connection)
        except (errors.DataError, errors.IntegrityError, errors.ProgramLimitExceeded) as exc:
            raise StoreRefused(f"{self.shown} refuses: {_said(exc)}.", store=self.shown) from exc
        except (OperationalError, InterfaceError) as exc:
            self.close()
            if any(each in str(exc) for each in _HOPELESS):
                raise StoreError(
                    f"{self.shown} does not let safelight in: {_said(exc)}. A password belongs "
                    "into the address, or into PGPASSWORD or ~/.pgpass.",
                    code="store-key",
                    store=self.shown,
                ) from exc
            raise StoreAway(
                f"{self.shown} does not answer: {_said(exc)}. Start the server, or correct the "
                "address.",
                store=self.shown,
            ) from exc
        except errors.UndefinedTable as exc:
            raise nothing_sent(self.shown, _table(fingerprint)) from exc
        except Error as exc:
            raise StoreError(f"{self.shown}: {_said(exc)}.", store=self.shown) from exc

    def _connect(self) -> Connection[Any]:
        import psycopg

        if self._connection is None or self._connection.closed:
            try:
                self._connection = psycopg.connect(
                    self._place,
                    autocommit=True,
                    connect_timeout=_CONNECT,
                    tcp_user_timeout=_SILENCE,
                    application_name="safelight",
                )
            except psycopg.ProgrammingError:
                # Its message quotes the address, and with it the password.
                raise StoreError(
                    f"{self.shown} is not an address that PostgreSQL's client understands. "
                    "Characters such as @ : / ? # % in a password are written as %40 %3A %2F %3F "
                    "%23 %25.",
                    store=self.shown,
                ) from None
        return self._connection


def _table(fingerprint: str) -> str:
    return f"safelight_{fingerprint[:16]}"


def _literal(vector: npt.NDArray[np.float32]) -> str:
    # Five digits are more than half precision keeps, and take a third of the time of all.
    return f"[{','.join(['%.5g'] * len(vector)) % tuple(vector.tolist())}]"


def _timestamp(text: str | None) -> datetime | None:
    """Return the local time of exposure, as the camera's clock had it."""
    try:
        return None if text is None else datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def _said(exc: BaseException) -> str:
    """Return the first line of what PostgreSQL says."""
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(exc).__name__
