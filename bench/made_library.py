"""A library of photos that were never pictures, with planted groups: what finding them takes."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.hashing import HASH_VERSION, Hashes, dihedral, hash_frame, mirrored
from safelight.imaging import decode
from safelight.library.attributes.hashes import HashRecord, write_hashes
from safelight.library.spaces import add_space
from safelight.library.write import FileRecord, ItemRecord, write
from safelight.types import Space

if TYPE_CHECKING:
    from safelight.library.database import Database

DIMENSION = 512
SPACE = Space("5ca1e" * 12 + "5ca1", "made up", DIMENSION, "made-up")

_WORDS = 240
_VOCABULARY = 2**24


@dataclass(eq=False)
class Photos:
    """Photos by position.

    Attributes
    ----------
    hashes : (n, 4) uint64
    words, places : list of (k,) uint32
    vectors : (n, d) float32
    exif : list of dict
    planted : dict of str to list of tuple of int
        Positions of the groups of each kind.
    """

    hashes: Any
    words: list[Any]
    places: list[Any]
    vectors: Any
    exif: list[dict[str, Any]]
    planted: dict[str, list[tuple[int, ...]]] = field(default_factory=dict)


def photo_id(position: int) -> str:
    return f"{position:064x}"


def make(count: int, seed: int = 0) -> Photos:
    """Return photos, a twentieth of them in planted groups."""
    rng = np.random.default_rng(seed)
    words = _words(count, rng)
    photos = Photos(
        rng.integers(0, 2**64, (count, 4), dtype=np.uint64),
        words,
        [rng.integers(0, 2**32, len(each), dtype=np.uint32) for each in words],
        _vectors(count, rng),
        [{} for _ in range(count)],
    )
    order = iter(rng.permutation(count).tolist())
    for kind in ("copies", "turned", "crops", "mirrored crops", "bursts", "similar"):
        photos.planted[kind] = []
        for _ in range(count // 400):
            members = [next(order) for _ in range(int(rng.integers(2, 5)))]
            _plant(photos, kind, members, rng)
            photos.planted[kind].append(tuple(sorted(members)))
    # The others were taken too, some hundred a day by each of five cameras.
    for position in order:
        second = int(rng.integers(0, 3 * 365)) * 86400 + int(rng.integers(8 * 3600, 20 * 3600))
        photos.exif[position] = _taken(int(rng.integers(0, 5)), second)
    return photos


def _taken(camera: int, second: int) -> dict[str, Any]:
    moment = np.datetime64("2021-01-01T00:00:00", "s") + second
    return {"taken_at": str(moment), "camera_make": "Made", "camera_model": f"Up {camera}"}


def _words(count: int, rng: np.random.Generator) -> list[Any]:
    """Return sets of words that unrelated photos share about as often as real ones do.

    Of 490 real photos cut into 4,437 tiles, 1e-5 of the pairs shared three words or more that stand
    in at most a thousandth of the tiles. That is much more than if words were drawn
    independently: some photos have a texture in common.
    """
    pools = (_VOCABULARY * rng.random((300, 4000))).astype(np.uint32)
    found = []
    for start in range(0, count, 4096):
        size = min(4096, count - start)
        words = (_VOCABULARY * rng.random((size, _WORDS)) ** 2).astype(np.uint32)
        own = pools[rng.integers(0, len(pools), size)]
        chosen = (pools.shape[1] * rng.random((size, _WORDS)) ** 1.5).astype(np.int64)
        textured = rng.random((size, _WORDS)) < rng.beta(0.5, 8, size)[:, None]
        words[textured] = np.take_along_axis(own, chosen, axis=1)[textured]
        found += [np.unique(row) for row in words]
    return found


def _vectors(count: int, rng: np.random.Generator) -> Any:
    """Return vectors around 2,000 subjects, with most of their length in few directions."""
    scale = (np.arange(1, DIMENSION + 1) ** -0.5).astype(np.float32)
    subjects = rng.standard_normal((2000, DIMENSION), dtype=np.float32) * scale
    vectors = 0.7 * rng.standard_normal((count, DIMENSION), dtype=np.float32) * scale
    vectors += subjects[rng.integers(0, 2000, count)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _near(vector: Any, cosine: float, rng: np.random.Generator) -> Any:
    other = rng.standard_normal(len(vector)).astype(np.float32)
    other -= (other @ vector) * vector
    other /= np.linalg.norm(other)
    return cosine * vector + np.sqrt(1 - cosine**2) * other


def _flipped(whole: Any, bits: int, rng: np.random.Generator) -> Any:
    found = whole.copy()
    for bit in rng.choice(256, bits, replace=False).tolist():
        found[bit // 64] ^= np.uint64(1 << bit % 64)
    return found


def _plant(photos: Photos, kind: str, members: list[int], rng: np.random.Generator) -> None:
    first, *others = members
    camera, second = int(rng.integers(0, 5)), int(rng.integers(0, 3 * 365 * 86400))
    for number, other in enumerate(others):
        match kind:
            case "copies":
                photos.hashes[other] = _flipped(photos.hashes[first], rng.integers(0, 20), rng)
                photos.vectors[other] = _near(photos.vectors[first], 0.97, rng)
            case "turned":
                way = dihedral(photos.hashes[first])[rng.integers(1, 8)]
                photos.hashes[other] = _flipped(way, rng.integers(0, 12), rng)
            case "crops" | "mirrored crops":
                _share(photos, first, other, mirror=kind == "mirrored crops", rng=rng)
                photos.vectors[other] = _near(photos.vectors[first], 0.8, rng)
            case "bursts":
                photos.exif[first] = _taken(camera, second)
                photos.exif[other] = _taken(camera, second + number + 1)
                photos.vectors[other] = _near(photos.vectors[first], 0.98, rng)
            case "similar":
                photos.vectors[other] = _near(photos.vectors[first], 0.98, rng)


def _share(
    photos: Photos, first: int, other: int, *, mirror: bool, rng: np.random.Generator
) -> None:
    """Give a photo thirty words of another one, where that has them."""
    chosen = rng.choice(len(photos.words[first]), 30, replace=False)
    words, places = photos.words[first][chosen], photos.places[first][chosen]
    if mirror:
        words = mirrored(words)
        parts = places.view(np.uint8).reshape(-1, 4).copy()
        parts[:, 0] = 255 - parts[:, 0]  # from left to right
        parts[:, 3] = 128 - parts[:, 3]  # the angle
        places = parts.view(np.uint32)[:, 0]
    words = np.concatenate([words, photos.words[other][30:]])
    places = np.concatenate([places, photos.places[other][30:]])
    photos.words[other], kept = np.unique(words, return_index=True)
    photos.places[other] = places[kept]


def pictures(count: int) -> list[bytes]:
    """Return JPEGs of 12 megapixels that look like nothing, each otherwise."""
    from PIL import Image

    found = []
    for number in range(count):
        rng = np.random.default_rng(number)
        small = rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize((4000, 3000), Image.Resampling.BICUBIC)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90)
        found.append(buffer.getvalue())
    return found


def hashes_of(data: bytes) -> Hashes:
    return hash_frame(decode(data, min_side=256))


def put(library: Database, photos: Photos, asked: list[Hashes]) -> None:
    """Write the photos, and hashes near those of some that will be asked about."""
    rng = np.random.default_rng(1)
    for position, hashes in enumerate(asked):
        photos.hashes[position] = _flipped(hashes.dct256, 6, rng)
        photos.words[position], photos.places[position] = hashes.words, hashes.places
    add_space(library, SPACE)
    count = len(photos.hashes)
    for start in range(0, count, 1000):
        positions = range(start, min(count, start + 1000))
        write(
            library,
            "default",
            [
                FileRecord(f"/made/{each // 500}/{each}.jpg", "", None, photo_id(each))
                for each in positions
            ],
            [
                ItemRecord(
                    photo_id(each),
                    "photo",
                    1,
                    photos.vectors[each],
                    "JPEG",
                    4000,
                    3000,
                    photos.exif[each],
                )
                for each in positions
            ],
            fingerprint=SPACE.fingerprint,
        )
        write_hashes(
            library,
            {
                photo_id(each): HashRecord(
                    HASH_VERSION, photos.hashes[each], photos.words[each], photos.places[each]
                )
                for each in positions
            },
        )
