from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from safelight.errors import SourceError
from safelight.exchange.parquet.columns import photo_schema
from safelight.exchange.parquet.from_arrow import failures_from_arrow, photos_from_arrow
from safelight.exchange.parquet.to_arrow import failures_to_arrow, photos_to_arrow
from safelight.library.rows import FailureRow, PhotoRow, Provenance
from tests.exchange.parquet.made import SPACE, knowledge, plain


def _through_a_file(batch: pa.RecordBatch) -> pa.RecordBatch:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_batches([batch]), file)
    table = pq.read_table(file)
    assert table.schema.equals(batch.schema)
    (read,) = table.combine_chunks().to_batches() or [batch]
    return read


@given(knowledge())
@settings(max_examples=30)
def test_rows_come_back_as_they_went(known: tuple[list[PhotoRow], list[FailureRow]]) -> None:
    photos, failures = known
    batch = photos_to_arrow(photos, SPACE.dimension)
    batch.validate(full=True)
    for each in (batch, _through_a_file(batch)):
        assert list(map(plain, photos_from_arrow(each))) == list(map(plain, photos))
    for start in range(len(photos)):
        some = photos_from_arrow(batch.slice(start, 2))
        assert list(map(plain, some)) == list(map(plain, photos[start : start + 2]))
    batch = failures_to_arrow(failures)
    assert failures_from_arrow(_through_a_file(batch)) == failures
    assert failures_from_arrow(batch.slice(1)) == failures[1:]


def test_provenance_and_its_absence() -> None:
    made = Provenance("ab", "model", "onnx:cpu", "1.0", "2026-01-01")
    rows = [PhotoRow("a", "photo", 1, None, provenance=each) for each in (None, made, None)]
    found = photos_from_arrow(_through_a_file(photos_to_arrow(rows, 3)))
    assert [row.provenance for row in found] == [None, made, None]


def test_vectors_that_other_programs_wrote() -> None:
    for kind in (pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.float16())):
        batch = pa.record_batch(
            {"photo_id": ["a", "b"], "vector": pa.array([[0.5, 0.25], None], kind), "more": [1, 2]}
        )
        first, second = photos_from_arrow(batch)
        assert first.vector is not None
        np.testing.assert_array_equal(first.vector, np.array([0.5, 0.25], np.float32))
        assert second.vector is None
        assert (first.kind, first.exif, first.files, first.labels) == ("photo", "{}", (), {})


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"id": ["a"]}, "no column photo_id"),
        ({"photo_id": [None]}, "without a photo_id"),
        ({"photo_id": ["a"], "vector": ["no"]}, "not a list of numbers"),
        ({"photo_id": ["a"], "vector": [["no"]]}, "not of numbers"),
        ({"photo_id": ["a", "b"], "vector": [[1.0], [1.0, 2.0]]}, "several lengths"),
        ({"photo_id": ["a"], "width": ["wide"]}, "column width"),
        ({"photo_id": ["a"], "scores": [5]}, "column scores"),
    ],
)
def test_columns_of_something_else_are_named(columns: dict[str, list], what: str) -> None:
    with pytest.raises(SourceError, match=what):
        photos_from_arrow(pa.record_batch({k: pa.array(v) for k, v in columns.items()}))


def test_a_hash_of_half_a_number_is_refused() -> None:
    kind = photo_schema(1).field("hashes").type
    hashes = pa.array([{"version": "1", "dct256": b"123", "words": b"", "places": b""}], kind)
    with pytest.raises(SourceError, match="cannot be"):
        photos_from_arrow(pa.record_batch({"photo_id": ["a"], "hashes": hashes}))


@pytest.mark.parametrize("details", ['{"noise": NaN}', '{"noise": -1e999}', "[1]", "{"])
def test_details_that_the_library_cannot_keep_are_refused(details: str) -> None:
    kind = photo_schema(1).field("scores").type
    score = {"metric": "focus", "version": "1", "value": 1.0, "score": 0.5, "status": "ok"}
    scores = pa.array([[{**score, "details": details}]], kind)
    with pytest.raises(SourceError, match="cannot be"):
        photos_from_arrow(pa.record_batch({"photo_id": ["a"], "scores": scores}))
