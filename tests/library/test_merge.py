"""Merging keeps better knowledge of the library, and merging twice changes nothing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.errors import SourceError
from safelight.hashing import HASH_VERSION
from safelight.library.attributes.hashes import HashRecord
from safelight.library.attributes.labels import LabelledPhoto, LabelRecord
from safelight.library.attributes.scores import ScoreRecord, read_scores
from safelight.library.files import failures
from safelight.library.merge import Merger
from safelight.library.outbox import add_store, queued
from safelight.library.rows import FailureRow, FileRow, PhotoRow, Provenance
from safelight.library.spaces import add_space, default_space, find_space
from tests.exchange.parquet.made import SETS, SPACE, held

if TYPE_CHECKING:
    from safelight.library.database import Database

A, B = "a" * 64, "b" * 64
UNIT = np.eye(5, dtype=np.float32)


def _row(photo_id: str = A, *files: FileRow, **more) -> PhotoRow:
    return PhotoRow(photo_id, "photo", 10, UNIT[0], files=files, **more)


def _file(path: str = "/x.jpg", mtime_ns: int | None = 5, **more) -> FileRow:
    return FileRow("default", path, path, 10, mtime_ns, mtime_ns, 1, **more)


@pytest.fixture
def merger(library: Database) -> Merger:
    return Merger(library, SPACE, SETS)


def _content(library: Database, path: str = "/x.jpg") -> str | None:
    return library.connection.execute(
        "SELECT (SELECT id FROM items WHERE pk = item_pk) FROM files WHERE path = ?", (path,)
    ).fetchone()[0]


def test_a_file_that_changed_since_is_the_newer_one(library: Database, merger: Merger) -> None:
    merger.photos([_row(A, _file(mtime_ns=5, metadata={"by": "Åsa"}))])
    assert merger.photos([_row(B, _file(mtime_ns=4))]).files == 0
    assert _content(library) == A
    assert merger.photos([_row(B, _file(mtime_ns=6, metadata={"in": "Oslo"}))]).files == 1
    assert _content(library) == B
    assert held(library)["metadata"] == [("default", "/x.jpg", "in", "Oslo")]
    # Nothing says when; what is known stays.
    assert merger.photos([_row(A, _file(mtime_ns=None))]).files == 0
    assert _content(library) == B


@pytest.mark.parametrize("path", ["\0", "a\0b", "\0\0", "/a\x1f"])
def test_a_path_of_odd_characters_is_known_again(
    library: Database, merger: Merger, path: str
) -> None:
    merger.photos([_row(A, _file(path)), _row(A, _file("/x.jpg"))])
    assert merger.photos([_row(B, _file(path, mtime_ns=6))]).files == 1
    assert _content(library, path) == B
    assert _content(library) == A


def test_of_two_rows_for_one_file_the_newer_counts(library: Database, merger: Merger) -> None:
    merger.photos([_row(A, _file(mtime_ns=5)), _row(B, _file(mtime_ns=7))])
    assert _content(library) == B


def test_what_could_be_read_is_more_than_a_failure(library: Database, merger: Merger) -> None:
    failed = FailureRow(_file(), None, "empty", "is empty", "2026-01-01T00:00:00+00:00")
    assert merger.failures([failed]).failures == 1
    assert merger.failures([failed]).failures == 0
    assert [each.reason for each in failures(library)] == ["is empty"]
    merger.photos([_row(A, _file())])
    assert failures(library) == []
    assert merger.failures([failed]).failures == 0
    assert _content(library) == A
    # One whose content changed since, and cannot be read any more.
    later = dataclasses.replace(failed, file=_file(mtime_ns=9))
    assert merger.failures([later]).failures == 1
    assert _content(library) is None


def test_a_model_that_could_in_the_end_has_not_failed(library: Database, merger: Merger) -> None:
    failed = FailureRow(_file(), A, "model", "is black")
    merger.photos([dataclasses.replace(_row(A, _file()), vector=None)])
    merger.failures([failed])
    assert [each.code for each in failures(library)] == ["model"]
    merger.photos([_row(B, _file("/y.jpg"))])
    merger.failures([dataclasses.replace(failed, photo_id=B, file=_file("/y.jpg"))])
    assert [each.path for each in failures(library)] == ["/x.jpg"]


def test_scores_labels_and_hashes_that_are_there_stay(library: Database, merger: Merger) -> None:
    def known(score: float, label: str, word: int, version: str) -> PhotoRow:
        return _row(
            scores=(ScoreRecord("focus", version, 1.0, score),),
            labels={"a1": LabelledPhoto((LabelRecord(label, 0.5, 0.5, 0.5, True),), False)},
            hashes=HashRecord(
                version, np.zeros(4, np.uint64), np.array([word], "u4"), np.array([word], "u4")
            ),
        )

    merger.photos([known(0.9, "dog", 1, "old")])
    before = held(library)
    merger.photos([known(0.1, "høst", 2, "other")])
    assert held(library) == before
    # Hashes that this program compares replace those that it does not.
    merger.photos([known(0.1, "høst", 3, HASH_VERSION)])
    assert held(library)["hashes"][0][1] == HASH_VERSION
    assert held(library)["scores"] == before["scores"]


def test_a_number_is_more_than_none(library: Database, merger: Merger) -> None:
    failed = ScoreRecord("focus", "1", None, None, "failed", "too small")
    merger.photos([_row(scores=(failed,))])
    merger.photos([_row(scores=(ScoreRecord("focus", "1", 3.0, 0.5),))])
    merger.photos([_row(scores=(failed,))])
    assert read_scores(library, [A])[A]["focus"].score == 0.5


def test_the_model_that_searches_use_stays(library: Database) -> None:
    mine = dataclasses.replace(SPACE, fingerprint="ab" * 32, model="/mine")
    add_space(library, mine)
    Merger(library, dataclasses.replace(SPACE, model="/mine"))
    assert default_space(library) == mine
    assert find_space(library, SPACE.fingerprint) is not None
    Merger(library, dataclasses.replace(mine, model="/elsewhere"))
    assert default_space(library) == mine


def test_stores_are_told(library: Database, merger: Merger) -> None:
    store = add_store(library, "qdrant://x")
    merger.photos([_row(A, _file()), _row(B, _file("/y.jpg"))])
    assert queued(library, store) == 2


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"photo_id": "A" * 64}, "not a sha256"),
        ({"photo_id": "../../etc"}, "not a sha256"),
        ({"kind": "film"}, "kind 'film'"),
        ({"vector": np.ones(4, np.float32)}, "vectors of 4 numbers, made of 5"),
        ({"vector": np.ones(5, np.float32)}, "not of unit length"),
        ({"vector": np.full(5, np.nan, np.float32)}, "not of unit length"),
        ({"provenance": Provenance("cd" * 32, "other")}, "of the space cdcdcdcdcdcd"),
        ({"exif": "[]"}, "not a JSON object"),
        ({"exif": "{"}, "not a JSON object"),
        ({"labels": {"c3": LabelledPhoto((), True)}}, "labels of a set"),
        (
            {"hashes": HashRecord("1", np.zeros(3, "u8"), np.zeros(0, "u4"), np.zeros(0, "u4"))},
            "wrong length",
        ),
    ],
)
def test_what_cannot_be_changes_nothing(
    library: Database, merger: Merger, change: dict, what: str
) -> None:
    with pytest.raises(SourceError, match=what):
        merger.photos([_row(B), dataclasses.replace(_row(), **change)])
    assert held(library)["items"] == []


def test_a_space_of_another_dimension_is_refused(library: Database) -> None:
    add_space(library, dataclasses.replace(SPACE, dimension=7))
    with pytest.raises(SourceError, match=r"vectors of 5 numbers, but the library .* with 7"):
        Merger(library, SPACE)
