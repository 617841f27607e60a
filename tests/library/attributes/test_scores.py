from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.errors import LibraryError
from safelight.library.attributes.scores import (
    ScoreRecord,
    lacking_scores,
    read_scores,
    write_scores,
)
from safelight.library.database import Database
from safelight.library.write import FileRecord, ItemRecord, mark_gone, write
from safelight.quality import choose, score

IDS = [f"{number:064x}" for number in range(6)]


@pytest.fixture
def photos(library: Database) -> Database:
    """A library of three photos in one namespace, one in another, and a text."""
    for number, (namespace, kind) in enumerate(
        [("a", "photo"), ("a", "photo"), ("a", "photo"), ("b", "photo"), ("a", "text")]
    ):
        item = ItemRecord(IDS[number], kind, 5, None)
        file = FileRecord(f"/{namespace}/{number}", str(number), None, item.id)
        write(library, namespace, [file], [item])
    return library


def _record(metric: str = "focus", version: str = "1", number: float = 0.5) -> ScoreRecord:
    return ScoreRecord(metric, version, 100 * number, number)


def test_what_is_written_is_read(photos: Database) -> None:
    records = [
        ScoreRecord("focus", "1", 1234.5, 0.75, details={"tiles": [[1.5, 2]], "ä": None}),
        ScoreRecord("noise", "1-full", None, None, "skipped", "is flat"),
        ScoreRecord("niqe", "2", None, None, "failed", "gave no finite number"),
    ]
    write_scores(photos, {IDS[0]: records, IDS[1]: [_record()]})
    found = read_scores(photos, IDS)
    assert found == {
        IDS[0]: {record.metric: record for record in records},
        IDS[1]: {"focus": _record()},
    }
    assert list(found[IDS[0]]) == ["focus", "noise", "niqe"]
    assert read_scores(photos, []) == {}


def test_a_new_measurement_replaces_the_metrics_last(photos: Database) -> None:
    write_scores(photos, {IDS[0]: [_record(), _record("noise")]})
    write_scores(photos, {IDS[0]: [_record(version="2", number=0.1)]})
    assert read_scores(photos, IDS[:1])[IDS[0]] == {
        "focus": _record(version="2", number=0.1),
        "noise": _record("noise"),
    }


def test_unknown_photos_are_left_out_and_known_ones_written(photos: Database) -> None:
    write_scores(photos, {IDS[5]: [_record()], IDS[0]: [_record()]})
    assert set(read_scores(photos, IDS)) == {IDS[0]}


def test_what_lacks_a_metric_or_its_version_is_found(photos: Database) -> None:
    wanted = {"focus": "2", "noise": "1"}
    everything = [(IDS[n], f"/{'b' if n == 3 else 'a'}/{n}") for n in range(4)]
    assert lacking_scores(photos, wanted) == everything
    write_scores(
        photos,
        {
            IDS[0]: [_record(version="2"), _record("noise")],
            IDS[1]: [_record(version="1"), _record("noise")],  # an old version
            IDS[2]: [_record(version="2")],  # one metric is missing
        },
    )
    assert lacking_scores(photos, wanted) == everything[1:]
    assert lacking_scores(photos, wanted, "a") == everything[1:3]
    assert lacking_scores(photos, {"noise": "1"}) == everything[2:]
    assert lacking_scores(photos, {}) == []


def test_a_skipped_or_failed_measurement_is_not_lacking(photos: Database) -> None:
    write_scores(photos, {IDS[0]: [ScoreRecord("focus", "1", None, None, "skipped", "is flat")]})
    assert IDS[0] not in dict(lacking_scores(photos, {"focus": "1"}))
    assert IDS[0] in dict(lacking_scores(photos, {"focus": "2"}))


def test_photos_without_a_file_are_not_asked_for(photos: Database) -> None:
    (key,) = photos.connection.execute("SELECT pk FROM files WHERE path = '/a/0'").fetchone()
    write(photos, "b", [FileRecord("/b/copy", "copy", None, IDS[1])])
    mark_gone(photos, [key])
    paths = dict(lacking_scores(photos, {"focus": "1"}))
    assert IDS[0] not in paths
    assert paths[IDS[1]] == "/a/1"
    assert dict(lacking_scores(photos, {"focus": "1"}, "b")) == {IDS[1]: "/b/copy", IDS[3]: "/b/3"}


def test_scores_go_with_their_photo(photos: Database) -> None:
    write_scores(photos, {IDS[0]: [_record()]})
    with photos.transaction() as connection:
        connection.execute("DELETE FROM files WHERE path = '/a/0'")
        connection.execute("DELETE FROM items WHERE id = ?", (IDS[0],))
    assert photos.connection.execute("SELECT count(*) FROM scores").fetchone() == (0,)


def test_more_photos_than_a_statement_takes(photos: Database) -> None:
    write_scores(photos, {IDS[2]: [_record()]})
    many = [f"{number:064x}" for number in range(100, 2000)] + [IDS[2]]
    assert set(read_scores(photos, many)) == {IDS[2]}


@given(
    st.sampled_from(["ok", "failed", "skipped"]),
    st.none() | st.floats(),
    st.none() | st.floats(),
)
def test_a_failure_is_never_a_number_nor_a_number_a_failure(status, value, number) -> None:
    numbers = [each for each in (value, number) if each is not None]
    fits = len(numbers) == (2 if status == "ok" else 0) and bool(np.isfinite(numbers).all())
    if fits:
        assert ScoreRecord("x", "1", value, number, status).status == status
    else:
        with pytest.raises(LibraryError, match="cannot have the value"):
            ScoreRecord("x", "1", value, number, status)


def test_a_write_that_fails_leaves_nothing(photos: Database) -> None:
    odd = ScoreRecord("focus", "1", 1.0, 0.5, details={"not": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        write_scores(photos, {IDS[0]: [_record()], IDS[1]: [odd]})
    assert read_scores(photos, IDS) == {}


def test_a_report_fits_in(photos: Database) -> None:
    report = score(np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8))
    records = [
        ScoreRecord(name, report.versions[name], m.value, m.score, m.status, m.reason, m.details)
        for name, m in report.measurements.items()
    ]
    write_scores(photos, {IDS[0]: records})
    found = read_scores(photos, IDS[:1])[IDS[0]]
    for name, measurement in report.measurements.items():
        assert (found[name].value, found[name].score) == (measurement.value, measurement.score)
    versions = {metric.name: metric.version for metric in choose()}
    assert IDS[0] not in dict(lacking_scores(photos, versions))
    assert IDS[1] in dict(lacking_scores(photos, versions))


@settings(deadline=None, max_examples=5)
@given(st.lists(st.sampled_from(IDS[:4]), max_size=4))
def test_an_older_library_keeps_what_it_has(tmp_path_factory, measured: list[str]) -> None:
    path = tmp_path_factory.mktemp("old") / "library.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        Path(__file__).parents[1].joinpath("schema_1.sql").read_text(encoding="utf-8")
    )
    for photo_id in IDS[:4]:
        connection.execute(
            "INSERT INTO items (id, kind, size, added_at) VALUES (?, 'photo', 1, '2026')",
            (photo_id,),
        )
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    with Database(path) as library:
        write_scores(library, {photo_id: [_record()] for photo_id in measured})
        assert set(read_scores(library, IDS)) == set(measured)
        assert library.connection.execute("SELECT count(*) FROM items").fetchone() == (4,)
