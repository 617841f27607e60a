"""Structures of files in a library, also in one of an older version."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from safelight.library.attributes.structures import (
    lacking_structures,
    read_structures,
    write_structures,
)
from safelight.library.database import Database
from safelight.library.ingested_sources import unread_files
from safelight.library.schema import VERSION
from safelight.library.write import FileRecord, ItemRecord, write
from safelight.types import Part, Structure

FULL = Structure(16, True, (Part("frames", 3, 99, "ab"), Part("film", 1, 5, "cd")), ("x",))


def test_structures_are_kept_by_version(library) -> None:
    ids = [f"{number:064x}" for number in range(3)]
    write(
        library,
        "default",
        [FileRecord(f"/p/{each}", each, None, each) for each in ids],
        [ItemRecord(each, "photo", 1, None) for each in ids],
    )
    assert [each for each, _ in lacking_structures(library, "1")] == ids
    write_structures(library, {ids[0]: FULL, ids[1]: Structure(), "f" * 64: FULL}, "1")
    assert [each for each, _ in lacking_structures(library, "1")] == ids[2:]
    assert [each for each, _ in lacking_structures(library, "2")] == ids
    assert lacking_structures(library, "1", "other") == []
    found = read_structures(library, [1, 2, 3])
    assert sorted(found.values(), key=lambda each: each.depth) == [Structure(), FULL]
    write_structures(library, {ids[0]: Structure()}, "2")
    assert set(read_structures(library, [1, 2, 3]).values()) == {Structure()}


def test_a_library_of_before_gets_them(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        (Path(__file__).parents[1] / "schema_1.sql").read_text(encoding="utf-8")
    )
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    with Database(path) as library:
        assert library.connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert unread_files(library) == {}
        assert read_structures(library, [1]) == {}


def test_one_of_before_that_cannot_be_written_is_read_without(tmp_path: Path) -> None:
    with Database(tmp_path / "library.db") as library:
        library.connection.execute("DROP TABLE structures")
        library.connection.execute("ALTER TABLE sources DROP COLUMN unread")
        with pytest.raises(sqlite3.OperationalError):
            read_structures(library, [1])
        library.is_read_only = True
        assert read_structures(library, [1]) == {}
        assert unread_files(library) == {}
