from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from safelight.errors import LibraryError, LibraryTooNew
from safelight.library import schema
from safelight.library.database import Database
from safelight.library.files import counts, failures, places
from safelight.library.write import FileRecord, ItemRecord, write

#: The schema of each released version, by which migrations are tested; never edited.
RELEASED = {0: "", 1: Path(__file__).with_name("schema_1.sql").read_text(encoding="utf-8")}


def test_a_library_is_made_with_its_folder_and_opened_again(tmp_path) -> None:
    path = tmp_path / "a" / "b c" / "library.db"
    Database(path).close()
    with Database(path, create=False) as library:
        assert library.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert library.connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)


def test_a_missing_library_is_not_made_unless_asked(tmp_path) -> None:
    with pytest.raises(LibraryError, match="no library") as caught:
        Database(tmp_path / "x.db", create=False)
    assert caught.value.code == "no-library"
    assert not (tmp_path / "x.db").exists()


def test_a_newer_library_is_refused_and_left_alone(tmp_path) -> None:
    path = tmp_path / "new.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(LibraryTooNew, match="newer safelight"):
        Database(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (999,)
    connection.close()
    assert len(path.read_bytes()) == len(before)


def test_a_foreign_database_is_refused(tmp_path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(LibraryError, match="not a safelight library"):
        Database(path)


def test_a_file_that_is_not_a_database_is_refused(tmp_path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8 certainly no database" * 100)
    with pytest.raises(LibraryError, match="cannot be used as a library"):
        Database(path)
    assert path.read_bytes().startswith(b"\xff\xd8 certainly")


@pytest.mark.parametrize("version", RELEASED)
def test_every_released_version_is_migrated(tmp_path, version: int) -> None:
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path)
    connection.executescript(RELEASED[version])
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()
    with Database(path) as migrated, Database(tmp_path / "fresh.db") as fresh:
        query = "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2"
        assert (
            migrated.connection.execute(query).fetchall()
            == fresh.connection.execute(query).fetchall()
        )


def test_a_failed_migration_leaves_nothing(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    def halfway(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (x)")
        raise RuntimeError("power cut")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, halfway))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    with pytest.raises(RuntimeError):
        Database(tmp_path / "x.db")
    monkeypatch.undo()
    with Database(tmp_path / "x.db") as library:
        tables = {name for (name,) in library.connection.execute("SELECT name FROM sqlite_schema")}
        assert "half" not in tables
        assert "items" in tables


def test_many_threads_open_one_new_library(tmp_path) -> None:
    errors: list[BaseException] = []

    def open_it() -> None:
        try:
            Database(tmp_path / "x.db").close()
        except BaseException as exc:  # noqa: BLE001
            errors.append(exc)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_a_reader_never_waits_for_a_writer(library: Database) -> None:
    write(library, "default", [FileRecord("/a", "a", None, None, code="empty", reason="is empty")])
    found = []

    def read() -> None:
        found.append(counts(library).failed)

    with library.transaction() as connection:
        connection.execute("DELETE FROM failures")
        thread = threading.Thread(target=read)
        thread.start()
        thread.join(timeout=60)
    assert found == [1]


def test_a_failure_ends_when_the_file_is_read(library: Database) -> None:
    write(
        library, "a", [FileRecord("/x.jpg", "x.jpg", None, None, code="empty", reason="is empty")]
    )
    assert [(each.path, each.code) for each in failures(library)] == [("/x.jpg", "empty")]
    assert failures(library, "b") == []
    item = ItemRecord("0" * 64, "photo", 5, None, "PNG", 3, 4, {"iso": 100})
    write(library, "a", [FileRecord("/x.jpg", "x.jpg", None, item.id, {"label": "dog"})], [item])
    assert failures(library) == []
    (place,) = places(library, [1]).values()
    assert place.metadata == {
        "type": "image",
        "filename": "x.jpg",
        "path": "x.jpg",
        "extension": ".jpg",
        "namespace": "a",
        "label": "dog",
        "format": "PNG",
        "width": 3,
        "height": 4,
        "iso": 100,
    }


def test_a_full_disk_is_reported_and_costs_nothing_but_the_last_transaction(tmp_path) -> None:
    item = ItemRecord("a" * 64, "photo", 1, None)
    with Database(tmp_path / "x.db") as library:
        write(library, "default", [FileRecord("/a", "a", None, item.id)], [item])
        (pages,) = library.connection.execute("PRAGMA page_count").fetchone()
        library.connection.execute(f"PRAGMA max_page_count = {pages}")
        large = {"label": "x" * 1_000_000}
        with pytest.raises(LibraryError, match="disk is full") as caught:
            write(library, "default", [FileRecord("/b", "b", None, item.id, metadata=large)], [])
        assert caught.value.code == "disk"
        assert not library.connection.in_transaction
        library.connection.execute("PRAGMA max_page_count = 1000000")
        write(library, "default", [FileRecord("/c", "c", None, item.id)], [])
        assert counts(library).files == 2
