from __future__ import annotations

import sqlite3

import pytest

from safelight.library.among import among

#: Each of these, cut at its NUL or with its escapes undone twice, is another.
TEXTS = ("a", "a\0b", "\0", "", "\1\2", "\1\3", "\1", "\0\1\3", "\1\0\2", "a'b\\\"é", "%_*")


@pytest.fixture(scope="module")
def connection() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:")
    made.execute("CREATE TABLE texts (text TEXT PRIMARY KEY)")
    made.executemany("INSERT INTO texts VALUES (?)", [(text,) for text in TEXTS])
    return made


@pytest.mark.parametrize("text", [*TEXTS, "a\0", "a\0c", "b", "\1\1"])
def test_a_text_finds_itself_and_no_other(connection: sqlite3.Connection, text: str) -> None:
    condition, value = among("text", [text])
    found = connection.execute(f"SELECT text FROM texts WHERE {condition}", (value,)).fetchall()
    assert found == [(text,)] * (text in TEXTS)


def test_all_are_found_together_by_the_index(connection: sqlite3.Connection) -> None:
    condition, value = among("text", (text for text in TEXTS))
    query = f"SELECT text FROM texts WHERE {condition}"
    assert {text for (text,) in connection.execute(query, (value,))} == set(TEXTS)
    plan = connection.execute(f"EXPLAIN QUERY PLAN {query}", (value,)).fetchall()
    assert any("SEARCH" in step[-1] for step in plan)


def test_of_no_texts_none_is_found(connection: sqlite3.Connection) -> None:
    condition, value = among("text", ())
    assert connection.execute(f"SELECT 1 FROM texts WHERE {condition}", (value,)).fetchall() == []
