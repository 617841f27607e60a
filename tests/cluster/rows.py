"""The rows of a data set, and what of them two ways of making it have to agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.exchange.parquet.description import FAILURES, PHOTOS, parts_of, read_description
from safelight.exchange.parquet.locations import open_place
from safelight.exchange.parquet.parts import read_failures, read_photos

if TYPE_CHECKING:
    from safelight.library.rows import FailureRow, PhotoRow


def photos(url: object) -> dict[str, PhotoRow]:
    """Return the photos by id; one that stands there twice is an error."""
    place = open_place(str(url))
    rows = [
        row
        for part in parts_of(place, read_description(place), PHOTOS)
        for some in read_photos(place, part)
        for row in some
    ]
    found = {row.photo_id: row for row in rows}
    assert len(found) == len(rows), "a photo has several rows"
    return found


def failures(url: object) -> dict[str, FailureRow]:
    """Return the failures by path; one that stands there twice is an error."""
    place = open_place(str(url))
    rows = [
        row
        for part in parts_of(place, read_description(place), FAILURES)
        for some in read_failures(place, part)
        for row in some
    ]
    found = {row.file.path: row for row in rows}
    assert len(found) == len(rows), "a path has failed several times"
    return found


def assert_same_photos(one: dict[str, PhotoRow], other: dict[str, PhotoRow]) -> None:
    """See to it that two engines say the same of the same photos."""
    assert one.keys() == other.keys()
    for photo_id, a in one.items():
        b = other[photo_id]
        assert _plain(a) == _plain(b)
        np.testing.assert_allclose(a.vector, b.vector, rtol=0, atol=1e-6)
        assert (a.hashes is None) == (b.hashes is None)
        if a.hashes is not None and b.hashes is not None:
            assert a.hashes.version == b.hashes.version
            for name in ("dct256", "words", "places"):
                np.testing.assert_array_equal(getattr(a.hashes, name), getattr(b.hashes, name))
        scores = {each.metric: each for each in a.scores}, {each.metric: each for each in b.scores}
        assert scores[0].keys() == scores[1].keys()
        for metric, score in scores[0].items():
            twin = scores[1][metric]
            assert (score.version, score.status, score.reason) == (
                twin.version, twin.status, twin.reason,
            )  # fmt: skip
            for number, again in ((score.value, twin.value), (score.score, twin.score)):
                assert (number is None) == (again is None)
                if number is not None and again is not None:
                    assert abs(number - again) <= 1e-5 * max(1.0, abs(number))
        assert a.labels.keys() == b.labels.keys()
        for label_set, labelled in a.labels.items():
            names = [each.label for each in labelled.labels]
            assert sorted(names) == sorted(each.label for each in b.labels[label_set].labels)


def assert_same_failures(one: dict[str, FailureRow], other: dict[str, FailureRow]) -> None:
    """See to it that two engines could not read the same files, for the same reasons."""
    assert {path: (row.code, row.reason) for path, row in one.items()} == {
        path: (row.code, row.reason) for path, row in other.items()
    }


def _plain(row: PhotoRow) -> dict[str, Any]:
    return {
        "kind": row.kind, "size": row.size, "format": row.format, "width": row.width,
        "height": row.height, "taken_at": row.taken_at, "exif": row.exif, "text": row.text,
        "files": sorted(
            (each.namespace, each.path, each.source_path, each.size, each.mtime_ns,
             tuple(sorted(each.metadata.items())))
            for each in row.files
        ),
    }  # fmt: skip
