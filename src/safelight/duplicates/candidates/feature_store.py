"""Photo features of a library, loaded for comparison."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from safelight.duplicates.candidates.cosine_index import CosineIndex
from safelight.duplicates.candidates.inverted_index import WordIndex
from safelight.duplicates.candidates.pairs import expand_ranges
from safelight.duplicates.candidates.signals import (
    HashSignal,
    MomentSignal,
    NameSignal,
    VectorSignal,
    WordSignal,
)
from safelight.duplicates.photo_features import PhotoFeatures
from safelight.hashing import HASH_VERSION, is_hashable
from safelight.library.attributes.edges import (
    moments,
    photo_records,
    photo_sizes,
    present_paths,
    raw_photos,
)
from safelight.library.attributes.hashes import read_hashes
from safelight.library.vector_index.flat import open_index
from safelight.types import Exif

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from safelight.duplicates.candidates.signals import Signal
    from safelight.duplicates.thresholds import Thresholds
    from safelight.library.attributes.hashes import HashTable
    from safelight.library.database import Database

    Numbers = npt.NDArray[np.int64]

#: How many a photo proposes at most, of those before it, by each signal.
MOST = {
    "hash": 100,
    "turned": 50,
    "words": 100,
    "mirrored words": 30,
    "vector": 10,
    "moment": 50,
    "name": 50,
}

#: A word that more photos have tells nothing.
_COMMON_WORDS = 100

#: The longest exposure that is not counted as time between two photos, in seconds.
_EXPOSURE = 30

#: Of all that decides which pairs are proposed and is not a threshold.
SIGNALS_VERSION = "2"

_EPOCH = np.datetime64("0001-01-01T00:00:00", "s")
_NONE = np.empty(0, np.uint32)
_EXIF = frozenset(each.name for each in fields(Exif))


@dataclass(frozen=True, slots=True, eq=False)
class FeatureStore:
    """Photos of a library by position.

    Attributes
    ----------
    library : Database
    keys : (n,) int64
        Row keys, by position.
    signals : list of Signal
    with_vector : (n,) bool
        Which have a vector in the space.
    """

    library: Database
    keys: Numbers
    signals: list[Signal]
    with_vector: npt.NDArray[np.bool_]
    _hashes: npt.NDArray[np.uint64]
    _words: npt.NDArray[np.uint32]
    _places: npt.NDArray[np.uint32]
    _bounds: Numbers
    _vectors: CosineIndex | None
    _vector_rows: Numbers
    _cameras: dict[tuple[str, str], int]
    _sizes: npt.NDArray[np.int64]

    def sizes(self, position: int) -> tuple[int, int]:
        """Return pixels and bytes of a photo."""
        pixels, size = self._sizes[position].tolist()
        return pixels, size

    def seen(self, positions: Iterable[int]) -> dict[int, PhotoFeatures]:
        """Return the features of photos, by position."""
        positions = list(positions)
        keys = self.keys[positions].tolist()
        records = photo_records(self.library, keys)
        found = {}
        for position, key in zip(positions, keys, strict=True):
            if (record := records.get(key)) is None:  # removed from the library meanwhile
                continue
            exif = {name: value for name, value in record.exif.items() if name in _EXIF}
            row = int(self._vector_rows[position])
            own = slice(self._bounds[position], self._bounds[position + 1])
            vector = None
            if row >= 0 and self._vectors is not None:
                vector = self._vectors.rows(np.array([row]))[0]
            found[position] = PhotoFeatures(
                record.id,
                record.format or "",
                record.width or 0,
                record.height or 0,
                Exif(**exif),
                record.paths,
                self._hashes[position] if self._hashes[position].any() else None,
                words=self._words[own],
                places=self._places[own],
                vector=vector,
                structure=record.structure,
            )
            if not is_hashable(found[position].width, found[position].height):
                found[position] = replace(found[position], dct256=None, words=_NONE, places=_NONE)
        return found

    def moment(self, exif: Exif) -> tuple[int, int] | None:
        """Return camera and seconds of a photo as the library's are numbered."""
        camera = self._cameras.get((exif.camera_make or "", exif.camera_model or ""))
        if camera is None or exif.taken_at is None:
            return None
        return camera, int(_seconds([exif.taken_at[:19]])[0])

    def warm(self) -> None:
        """Prepare for comparing many photos, one after the other."""
        for signal in self.signals:
            if isinstance(signal, WordSignal):
                signal.make_lists()


def open_feature_store(
    library: Database,
    keys: Numbers,
    hashes: HashTable,
    *,
    fingerprint: str | None,
    thresholds: Thresholds,
    most: Mapping[str, int] = MOST,
) -> FeatureStore:
    """Read photos, and make the signals that find others near them.

    Parameters
    ----------
    keys : (n,) int64
        Row keys of photos that have hashes; their order is that of the positions.
    hashes : HashTable
    fingerprint : str or None
        The space of the vectors.
    most : mapping of str to int
        How many a photo proposes at most, of those before it, by each signal.
    """
    rows = np.searchsorted(hashes.keys, keys)
    words, places, bounds = _sets(hashes, rows)
    wholes = hashes.dct256[rows]
    vectors, vector_rows = _vectors(library, keys, fingerprint, thresholds)
    with_cosine = None
    if vectors is not None:
        with_cosine = (vectors, vector_rows, thresholds.few_words_cosine)
    sets = WordIndex(
        words,
        bounds,
        least=thresholds.words if vectors is None else thresholds.few_words,
        common=_COMMON_WORDS,
    )
    cameras: dict[tuple[str, str], int] = {}
    signals: list[Signal] = [
        HashSignal(wholes, thresholds.hash_bits, most["hash"], turned=False),
        HashSignal(wholes, thresholds.turned_hash_bits, most["turned"], turned=True),
        WordSignal(sets, thresholds.words, most["words"], with_cosine, mirror=False),
        WordSignal(sets, thresholds.words, most["mirrored words"], mirror=True),
        _moment_signal(library, keys, thresholds, cameras, most["moment"]),
    ]
    if vectors is not None:
        signals.append(VectorSignal(vectors, vector_rows, most["vector"]))
    if raw := raw_photos(library):
        signals.append(_name_signal(library, keys, raw, most["name"]))
    return FeatureStore(
        library,
        keys,
        signals,
        vector_rows >= 0,
        wholes,
        words,
        places,
        bounds,
        vectors,
        vector_rows,
        cameras,
        photo_sizes(library, keys),
    )


def hashed(library: Database) -> HashTable:
    """Return the hashes that are compared."""
    return read_hashes(library, HASH_VERSION)


def _sets(
    hashes: HashTable, rows: Numbers
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32], Numbers]:
    """Return the words of photos, one after the other, their places, and where each one's begin."""
    starts = np.concatenate([[0], hashes.ends[:-1]]).astype(np.int64)[: len(hashes.ends)]
    counts = (hashes.ends - starts)[rows]
    bounds = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    if np.array_equal(rows, np.arange(len(hashes.keys))):
        return hashes.words, hashes.places, bounds
    places, _ = expand_ranges(starts[rows], counts)
    return hashes.words[places], hashes.places[places], bounds


def _vectors(
    library: Database, keys: Numbers, fingerprint: str | None, thresholds: Thresholds
) -> tuple[CosineIndex | None, Numbers]:
    none = np.full(len(keys), -1, np.int64)
    if fingerprint is None:
        return None, none
    blocks = open_index(library, fingerprint).blocks
    if not blocks:
        return None, none
    order = np.argsort(keys)
    items = np.concatenate([block_keys for block_keys, _ in blocks])
    at = np.minimum(np.searchsorted(keys, items, sorter=order), max(len(keys) - 1, 0))
    places = np.full(len(items), -1, np.int64)
    if len(keys):
        positions = order[at]
        known = keys[positions] == items
        places[known] = positions[known]
        none[places[known]] = np.flatnonzero(known)
    floor = thresholds.similar_cosine
    return CosineIndex([vectors for _, vectors in blocks], places, floor), none


def _moment_signal(
    library: Database,
    keys: Numbers,
    thresholds: Thresholds,
    cameras: dict[tuple[str, str], int],
    most: int,
) -> MomentSignal:
    position_of = {key: position for position, key in enumerate(keys.tolist())}
    found = sorted(
        (position_of[key], cameras.setdefault((make, model), len(cameras)), taken_at)
        for key, make, model, taken_at in moments(library)
        if key in position_of and (make or model)
    )
    window = max(
        thresholds.panorama_seconds,
        thresholds.burst_seconds + _EXPOSURE,
        thresholds.bracket_seconds + _EXPOSURE,
    )
    return MomentSignal(
        np.array([position for position, _, _ in found], np.int64),
        np.array([camera for _, camera, _ in found], np.int64),
        _seconds([taken_at for _, _, taken_at in found]),
        int(np.ceil(window)),
        most,
    )


def _seconds(local_times: Sequence[str]) -> Numbers:
    # As the camera's clock showed them: only times of one camera are compared.
    times = np.array(local_times, "datetime64[s]")
    return (times - _EPOCH).astype(np.int64)


def _name_signal(library: Database, keys: Numbers, raw: Sequence[int], most: int) -> NameSignal:
    position_of = {key: position for position, key in enumerate(keys.tolist())}
    is_raw = np.isin(keys, np.array(raw, np.int64))
    names = [
        (position_of[key], (os.path.dirname(path), _stem(path)))
        for key, path in present_paths(library)
        if key in position_of
    ]
    numbers: dict[tuple[str, str], int] = {}
    for position, name in names:
        if is_raw[position]:
            numbers.setdefault(name, len(numbers))
    return NameSignal(
        is_raw,
        [(position, numbers[name]) for position, name in names if name in numbers],
        most,
    )


def _stem(path: str) -> str:
    # IMG_1.CR2 beside IMG_1.JPG, and beside IMG_1.CR2.jpg as some converters write.
    return os.path.basename(path).split(".")[0].casefold()
