"""Decisions on pairs of photos: kept by content, replaced, revoked."""

from __future__ import annotations

import pytest

from safelight.errors import UsageError
from safelight.library.attributes.decisions import (
    DECISIONS,
    decide,
    decided_pairs,
    decisions,
    revoke,
)
from safelight.library.database import Database
from safelight.library.write import FileRecord, ItemRecord, mark_gone, write
from safelight.types import FileStat

A, B, C = "a" * 64, "b" * 64, "c" * 64


def test_a_decision_is_kept_whatever_the_order_of_the_pair(library) -> None:
    decide(library, [(B, A), (A, B), (C, C)], "keep-both")
    assert decided_pairs(library) == {(A, B), (C, C)}
    assert {each.decision for each in decisions(library)} == {"keep-both"}


def test_a_later_decision_replaces_the_earlier(library) -> None:
    decide(library, [(A, B), (A, C)], "resolved")
    decide(library, [(A, B)], "not-duplicates")
    assert [(each.b, each.decision) for each in decisions(library)] == [
        (C, "resolved"),
        (B, "not-duplicates"),
    ]


def test_it_can_be_revoked(library) -> None:
    decide(library, [(A, B), (A, C)], "resolved")
    assert revoke(library, [(B, A), (B, C)]) == 1
    assert decided_pairs(library) == {(A, C)}


@pytest.mark.parametrize("decision", DECISIONS)
def test_the_library_takes_every_decision_and_no_other(library, decision) -> None:
    decide(library, [(A, B)], decision)
    with pytest.raises(UsageError, match="not-duplicates, keep-both, resolved"):
        decide(library, [(A, B)], "perhaps")
    assert [each.decision for each in decisions(library)] == [decision]


def test_it_outlives_files_renames_and_the_photos_themselves(library) -> None:
    def put(path: str) -> None:
        stat = FileStat(1, 1, 1, 1)
        write(
            library, "default", [FileRecord(path, path, stat, A)], [ItemRecord(A, "photo", 1, None)]
        )

    put("/p/a.jpg")
    decide(library, [(A, B)], "not-duplicates")
    (key,) = library.connection.execute("SELECT pk FROM files").fetchone()
    mark_gone(library, [key])
    library.connection.execute("DELETE FROM files")
    library.connection.execute("DELETE FROM items")
    put("/elsewhere/a.jpg")
    library.close()
    with Database(library.path) as again:
        assert decided_pairs(again) == {(A, B)}
