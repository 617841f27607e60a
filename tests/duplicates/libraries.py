"""Libraries of photos that were never pictures: hashes, words, vectors, times and names alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.duplicates.model import Edge, Relation
from safelight.hashing import HASH_VERSION, mirrored
from safelight.library.attributes.hashes import HashRecord, write_hashes
from safelight.library.spaces import add_space
from safelight.library.write import FileRecord, ItemRecord, write
from safelight.types import Space

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from safelight.duplicates.photo_features import Look, PhotoFeatures
    from safelight.duplicates.thresholds import Thresholds
    from safelight.library.database import Database

SPACE = Space("f" * 64, "made up", 16, "made-up")


@dataclass(frozen=True, eq=False)
class Made:
    """A photo of which all is made up."""

    id: str
    dct256: np.ndarray
    words: np.ndarray
    vector: np.ndarray | None = None
    format: str = "JPEG"
    exif: dict[str, Any] = field(default_factory=dict)
    paths: tuple[str, ...] = ()


def made(number: int, rng: np.random.Generator, **changed: Any) -> Made:
    """Return a photo that is like no other."""
    vector = rng.standard_normal(SPACE.dimension).astype(np.float32)
    fields = {
        "id": f"{number:064x}",
        "dct256": rng.integers(0, 2**64, 4, dtype=np.uint64),
        "words": np.unique(rng.integers(0, 2**24, 20, dtype=np.uint32)),
        "vector": vector / np.linalg.norm(vector),
        "paths": (f"/photos/{number}.jpg",),
    }
    return Made(**{**fields, **changed})


def places_of(photo: Made) -> np.ndarray:
    """Return places of its words, of which only the number is right."""
    return photo.words ^ np.uint32(0xFFFF)


def flipped(dct256: np.ndarray, bits: Iterable[int]) -> np.ndarray:
    """Return a hash that differs in some bits."""
    found = dct256.copy()
    for bit in bits:
        found[bit // 64] ^= np.uint64(1 << bit % 64)
    return found


def a_library(count: int, seed: int = 0) -> list[Made]:
    """Return photos of which some are near others by each signal."""
    rng = np.random.default_rng(seed)
    photos: list[Made] = []
    for number in range(count):
        photo = made(number, rng)
        other = photos[rng.integers(0, number)] if number else photo
        match number % 8:
            case 1 | 2:
                bits = rng.choice(256, int(rng.integers(0, 40)), replace=False).tolist()
                photo = made(number, rng, dct256=flipped(other.dct256, bits))
            case 3:
                words = np.union1d(photo.words, other.words[: rng.integers(1, 6)])
                photo = made(number, rng, words=words.astype(np.uint32))
            case 4 if other.vector is not None:
                near = other.vector + rng.normal(0, 0.1, SPACE.dimension).astype(np.float32)
                photo = made(number, rng, vector=near / np.linalg.norm(near))
            case 5:
                second = int(rng.integers(0, 60))
                taken = {"taken_at": f"2024-05-01T12:00:{second:02}", "camera_model": "Box"}
                photo = made(number, rng, exif=taken)
            case 7:
                words = np.union1d(photo.words, mirrored(other.words[:4]))
                photo = made(number, rng, words=words.astype(np.uint32))
            case 6:
                photo = made(number, rng, vector=None)
        photos.append(photo)
    return photos


def put(
    library: Database, photos: Sequence[Made], namespace: str = "default", *, vectors: bool = True
) -> None:
    """Write photos as an ingest does."""
    add_space(library, SPACE)
    write(
        library,
        namespace,
        [FileRecord(path, path, None, each.id) for each in photos for path in each.paths],
        [
            ItemRecord(
                each.id,
                "photo",
                5,
                each.vector if vectors else None,
                each.format,
                400,
                300,
                each.exif,
            )
            for each in photos
        ],
        fingerprint=SPACE.fingerprint,
    )
    write_hashes(
        library,
        {
            each.id: HashRecord(HASH_VERSION, each.dct256, each.words, places_of(each))
            for each in photos
        },
    )


def by_numbers(a: PhotoFeatures, b: PhotoFeatures, look: Look, limits: Thresholds) -> Edge | None:
    """Relate by what is known alone, every pair as if it were the only one."""
    assert a.id < b.id
    bits = int(np.bitwise_count(a.dct256 ^ b.dct256).sum())
    words = max(
        len(np.intersect1d(a.words, b.words)), len(np.intersect1d(a.words, mirrored(b.words)))
    )
    both = a.vector is not None and b.vector is not None
    cosine = round(float(a.vector @ b.vector), 4) if both else 0.0
    evidence = {"bits": bits, "words": words, "cosine": cosine}
    if {a.format, b.format} == {"RAW", "JPEG"}:
        return Edge(a.id, b.id, Relation.RAW_JPEG, evidence)
    if bits <= limits.hash_bits:
        return Edge(a.id, b.id, Relation.RE_ENCODED if bits < 10 else Relation.RESIZED, evidence)
    if words >= limits.words:
        return Edge(a.id, b.id, Relation.CROPPED, evidence)
    if a.exif.camera_model and a.exif.camera_model == b.exif.camera_model:
        seconds = abs(int(a.exif.taken_at[-2:]) - int(b.exif.taken_at[-2:]))
        if seconds <= limits.burst_seconds:
            return Edge(a.id, b.id, Relation.BURST, evidence | {"seconds": seconds})
    if cosine >= limits.similar_cosine:
        return Edge(a.id, b.id, Relation.SIMILAR, evidence)
    return None
