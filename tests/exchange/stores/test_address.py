from __future__ import annotations

import traceback
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from safelight.errors import SettingsError, StoreAway, StoreError
from safelight.exchange.stores import feed, open_store, parse_address, sync
from safelight.library.outbox import stores
from safelight.settings import Settings
from tests.exchange.stores.conftest import SPACE, fill

if TYPE_CHECKING:
    from pathlib import Path

    from safelight.library.database import Database
    from tests.exchange.stores import postgres_server, qdrant_server


@pytest.mark.parametrize(
    ("text", "kind", "shown", "place", "name"),
    [
        ("qdrant://h", "qdrant", "qdrant://h:6333/safelight", "http://h:6333", "safelight"),
        ("QDRANT://h:1/a-b", "qdrant", "qdrant://h:1/a-b", "http://h:1", "a-b"),
        ("qdrants://h/x/", "qdrant", "qdrants://h:6333/x", "https://h:6333", "x"),
        ("qdrant://[::1]:7", "qdrant", "qdrant://[::1]:7/safelight", "http://[::1]:7", "safelight"),
        ("qdrant:/a b", "qdrant-folder", "qdrant:/a b", "/a b", "safelight"),
        (
            "postgres://me:p%40w@h:5/db?sslmode=require&password=x",
            "postgresql",
            "postgresql://me@h:5/db?sslmode=require",
            "postgresql://me:p%40w@h:5/db?sslmode=require&password=x",
            "safelight",
        ),
        (
            "postgresql:///db?host=/run/pg",
            "postgresql",
            "postgresql:///db?host=/run/pg",
            "postgresql:///db?host=/run/pg",
            "safelight",
        ),
        (
            "postgresql://u:s@a:1,b:2/db",
            "postgresql",
            "postgresql://u@a:1,b:2/db",
            "postgresql://u:s@a:1,b:2/db",
            "safelight",
        ),
    ],
)
def test_addresses_are_understood(text, kind, shown, place, name) -> None:
    found = parse_address(text)
    assert (found.kind, found.shown, found.place, found.name) == (kind, shown, place, name)


def test_a_folder_is_where_the_user_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_address("qdrant:some/where").place == str(tmp_path / "some" / "where")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "here",
        "http://h:6333",
        "qdrant:",
        "qdrant://",
        "qdrant://h:port",
        "qdrant://h/a/b",
        "qdrant://h/sécret",
        "qdrant://user:hunter2@h",
        "qdrant://hunter2@h",
        "qdrant://h?api_key=hunter2",
        "postgresql://u:hunter2/3@h/db",
        "postgresql://u:a@hunter2:x@h:y/db",
        "postgresql://u@h/db?hunter2",
        "mysql://u:hunter2@h/db",
    ],
)
def test_what_is_not_an_address_is_said_without_repeating_secrets(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_address(text)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_settings_show_no_secrets() -> None:
    settings = Settings.load(
        {
            "SAFELIGHT_STORE": "postgresql://me:hunter2/@x@h/db?password=hunter2&a=b",
            "SAFELIGHT_STORE_KEY": "hunter2",
        }
    )
    assert "hunter2" not in repr(settings) + str(settings.store) + str(settings.store_key)
    assert str(settings.store) == "postgresql://me@h/db?password=&a=b"
    assert settings.store.text.startswith("postgresql://me:hunter2/@x@h")
    assert str(Settings.load({"SAFELIGHT_STORE": "qdrant://hunter2@h"}).store) == "qdrant://h"


def test_a_library_keeps_no_password(library: Database) -> None:
    fill(library, 3)
    sent = feed(library, "postgresql://me:hunter2@127.0.0.1:1/db?connect_timeout=1")
    assert sent is not None
    assert isinstance(sent.problem, StoreAway)
    assert "hunter2" not in "".join(traceback.format_exception(sent.problem))
    assert stores(library) == [("postgresql://me@127.0.0.1:1/db?connect_timeout=1", 3)]
    library.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"hunter2" not in library.path.read_bytes()


def test_an_api_key_goes_to_the_server_and_nowhere_else(
    library: Database, qdrant: qdrant_server.Server
) -> None:
    fill(library, 3)
    qdrant.key = "hunter2"
    with closing(open_store(qdrant.url, key="wrong-hunter")) as store:
        done = sync(library, store)
        assert done.problem is not None
        assert done.problem.code == "store-key"
        assert "SAFELIGHT_STORE_KEY" in str(done.problem)
        assert "hunter" not in "".join(traceback.format_exception(done.problem))
    with closing(open_store(qdrant.url, key="hunter2")) as store:
        assert sync(library, store).sent == 3
    library.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"hunter" not in library.path.read_bytes()


def test_a_key_over_an_open_line_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="insecure connection"):
        open_store("qdrant://192.0.2.1", key="k").close()


# The client that is refused the folder leaves a file of it open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_folder_in_use_is_said(tmp_path: Path) -> None:
    address = f"qdrant:{tmp_path / 'q'}"
    with closing(open_store(address)), pytest.raises(StoreAway, match="in use by another"):
        open_store(address)


def test_a_server_other_than_qdrant_is_named(library: Database, tmp_path: Path) -> None:
    import http.server
    import threading

    class Website(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404)
            self.end_headers()
            self.wfile.write(b"<h1>not here</h1>")

        def log_message(self, *_) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Website) as website:
        threading.Thread(target=website.serve_forever, args=(0.02,), daemon=True).start()
        fill(library, 1)
        with closing(open_store(f"qdrant://127.0.0.1:{website.server_address[1]}")) as store:
            done = sync(library, store)
        website.shutdown()
    assert done.problem is not None
    assert "not a Qdrant server" in str(done.problem)


def test_a_collection_of_somebody_else_is_left_alone(
    library: Database, qdrant: qdrant_server.Server
) -> None:
    from qdrant_client import models

    name = f"safelight_{SPACE.fingerprint[:16]}"
    size = models.VectorParams(size=3, distance=models.Distance.DOT)
    qdrant.client.create_collection(name, vectors_config=size)
    fill(library, 3)
    with closing(open_store(qdrant.url)) as store:
        done = sync(library, store)
    assert isinstance(done.problem, StoreError)
    assert "vectors of 3 numbers" in str(done.problem)
    assert qdrant.client.count(name).count == 0


def test_pgvector_is_made_where_it_may_be_and_asked_for_where_not(
    library: Database, postgres: postgres_server.Server
) -> None:
    import psycopg

    address = postgres.new_database()
    fill(library, 3)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN")
    with closing(open_store(address.replace("postgres:@", "guest:@"))) as store:
        done = sync(library, store)
        assert done.problem is not None
        assert done.problem.code == "no-pgvector"
        assert "CREATE EXTENSION vector" in str(done.problem)
    with closing(open_store(address)) as store:
        assert sync(library, store).sent == 3
        with psycopg.connect(address) as connection:
            (definition,) = connection.execute(
                "SELECT indexdef FROM pg_indexes WHERE indexname LIKE '%hnsw'"
            ).fetchone()
    assert "USING hnsw (embedding halfvec_cosine_ops)" in definition


def test_a_database_that_is_not_there_is_not_waited_for(
    library: Database, postgres: postgres_server.Server
) -> None:
    fill(library, 1)
    with closing(open_store(postgres.url.replace("/postgres?", "/nowhere?"))) as store:
        done = sync(library, store)
    assert done.problem is not None
    assert not isinstance(done.problem, StoreAway)
    assert "nowhere" in str(done.problem)
    assert done.left == 1
