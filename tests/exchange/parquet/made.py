"""Rows as hypothesis makes them, and all that a library holds, without its row keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from safelight.library.attributes.hashes import HashRecord
from safelight.library.attributes.label_sets import LabelSet
from safelight.library.attributes.labels import LabelledPhoto, LabelRecord
from safelight.library.attributes.scores import ScoreRecord
from safelight.library.rows import FailureRow, FileRow, PhotoRow
from safelight.types import Space

if TYPE_CHECKING:
    from safelight.library.database import Database

SPACE = Space("5e" * 32, "made", 5, "made")
SETS = (
    LabelSet("a1", ("dog", "høst"), ("a photo of a {}",), "2026-01-02T00:00:00.000001"),
    LabelSet("b2", ("dog", "cat", "beach"), ("{}",), "2026-01-01T00:00:00.000001"),
)

_int64 = st.integers(-(2**63), 2**63 - 1)
_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_word = _text.filter(bool)
# SQLite keeps no -0.0.
_finite = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0)
_json = st.dictionaries(_text, st.none() | st.booleans() | _text | _finite | _int64, max_size=3)
_times = st.sampled_from(["2026-01-01T00:00:00+00:00", "2020-02-29T23:59:59+00:00"])


@st.composite
def _vectors(draw: st.DrawFn) -> np.ndarray:
    numbers = np.array(draw(st.lists(st.floats(-1, 1), min_size=5, max_size=5)), np.float64)
    numbers[draw(st.integers(0, 4))] += 3  # so that it has a length
    return (numbers / np.linalg.norm(numbers)).astype(np.float32)


_scores = st.builds(
    ScoreRecord, _word, _text, _finite, _finite, st.just("ok"), st.none() | _text, _json
) | st.builds(
    ScoreRecord, _word, _text, st.none(), st.none(), st.sampled_from(["failed", "skipped"]), _text,
    _json,
)  # fmt: skip
_labels = st.builds(LabelRecord, _word, _finite, _finite, _finite, st.booleans())
_labelled = st.builds(
    lambda labels, none: LabelledPhoto(
        tuple(sorted(labels, key=lambda each: (-each.confidence, each.label))), none
    ),
    st.lists(_labels, max_size=3, unique_by=lambda each: each.label),
    st.booleans(),
)
_words = st.lists(st.integers(0, 2**32 - 1), max_size=4)


@st.composite
def _hashes(draw: st.DrawFn) -> HashRecord:
    words = draw(_words)
    whole = draw(st.lists(st.integers(0, 2**64 - 1), min_size=4, max_size=4))
    return HashRecord(
        draw(_word),
        np.array(whole, np.uint64),
        np.array(words, np.uint32),
        np.array(words[::-1], np.uint32),
    )


_files = st.builds(
    FileRow,
    st.sampled_from(["default", "holiday", "Ünï"]),
    _word,
    _word,
    st.none() | _int64,
    st.none() | _int64,
    st.none() | _int64,
    st.none() | _int64,
    st.booleans(),
    st.dictionaries(_text, _text, max_size=2),
)
_photos = st.builds(
    PhotoRow,
    st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}"),
    st.sampled_from(["photo", "text"]),
    st.integers(0, 2**63 - 1),
    st.none() | _vectors(),
    st.none() | _text,
    st.none() | _int64,
    st.none() | _int64,
    st.none() | _text,
    _json.map(json.dumps),
    st.none() | _text,
    _times,
    st.lists(_scores, max_size=3, unique_by=lambda each: each.metric).map(tuple),
    st.dictionaries(st.sampled_from(["a1", "b2"]), _labelled, max_size=2),
    st.none() | _hashes(),
    st.lists(_files, max_size=3).map(tuple),
)
_failures = st.builds(
    lambda file, code, reason, at: FailureRow(
        file, None, code, reason if code else None, at if code else None
    ),
    _files,
    st.none() | st.sampled_from(["empty", "corrupt"]),
    _text,
    _times,
)


@st.composite
def knowledge(draw: st.DrawFn) -> tuple[list[PhotoRow], list[FailureRow]]:
    """Photos by id and failures, no two of one file."""
    photos = draw(st.lists(_photos, max_size=6, unique_by=lambda row: row.photo_id))
    failures = draw(st.lists(_failures, max_size=4))
    seen: set[tuple[str, str]] = set()

    def first(file: FileRow) -> bool:
        known = (file.namespace, file.path) in seen
        seen.add((file.namespace, file.path))
        return not known

    kept = []
    for row in sorted(photos, key=lambda row: row.photo_id):
        files = tuple(file for file in row.files if first(file))
        values = {name: getattr(row, name) for name in PhotoRow.__slots__}
        kept.append(PhotoRow(**{**values, "files": files}))
    failures = [row for row in failures if first(row.file)]
    # What the model could not take has an item, and failed.
    failures += [
        FailureRow(row.files[0], row.photo_id, "model", "is black", "2026-01-01T00:00:00+00:00")
        for row in kept
        if row.vector is None and row.files and draw(st.booleans())
    ]
    return kept, failures


def plain(row: PhotoRow | FailureRow) -> Any:
    """Comparable part of a row: all but its provenance."""
    if isinstance(row, FailureRow):
        return row
    hashes = row.hashes
    return (
        *(row.photo_id, row.kind, row.size, row.format, row.width, row.height, row.taken_at),
        *(row.exif, row.text, row.added_at),
        None if row.vector is None else row.vector.tobytes(),
        sorted(map(repr, row.scores)),
        # Labels of one confidence come in any order.
        {
            version: (photo.abstained, sorted(map(repr, photo.labels)))
            for version, photo in row.labels.items()
        },
        hashes
        and (
            hashes.version,
            hashes.dct256.tobytes(),
            hashes.words.tobytes(),
            hashes.places.tobytes(),
        ),
        row.files,
    )


_HELD = {
    "items": "SELECT id, kind, size, format, width, height, taken_at, exif, text, added_at "
    "FROM items",
    "embeddings": "SELECT s.fingerprint, s.name, s.dimension, i.id, e.vector FROM embeddings e "
    "JOIN items i ON i.pk = e.item_pk JOIN spaces s ON s.pk = e.space_pk",
    "files": "SELECT n.name, f.path, f.source_path, i.id, f.size, f.mtime_ns, f.ctime_ns, f.inode, "
    "f.gone, x.code, x.reason, x.failed_at, "
    "(SELECT count(*) FROM files o WHERE o.item_pk = f.item_pk AND o.pk < f.pk) FROM files f "
    "JOIN namespaces n ON n.pk = f.namespace_pk "
    "LEFT JOIN items i ON i.pk = f.item_pk LEFT JOIN failures x ON x.file_pk = f.pk",
    "metadata": "SELECT n.name, f.path, m.key, m.value FROM metadata m "
    "JOIN files f ON f.pk = m.file_pk JOIN namespaces n ON n.pk = f.namespace_pk",
    "scores": "SELECT i.id, metric, version, value, score, status, reason, details FROM scores s "
    "JOIN items i ON i.pk = s.item_pk",
    "label_sets": "SELECT version, labels, templates, used_at FROM label_sets",
    "labelled": "SELECT i.id, p.fingerprint, s.version, d.abstained FROM labelled d "
    "JOIN items i ON i.pk = d.item_pk JOIN spaces p ON p.pk = d.space_pk "
    "JOIN label_sets s ON s.pk = d.label_set_pk",
    "labels": "SELECT i.id, s.version, l.label, l.confidence, l.cosine, l.calibrated, l.applies "
    "FROM labels l JOIN items i ON i.pk = l.item_pk JOIN label_sets s ON s.pk = l.label_set_pk",
    "hashes": "SELECT i.id, version, dct256, words, places FROM hashes h "
    "JOIN items i ON i.pk = h.item_pk",
}


def held(library: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All that a library knows about photos, sorted, without row keys."""
    return {
        name: sorted(library.connection.execute(query).fetchall(), key=repr)
        for name, query in _HELD.items()
    }
