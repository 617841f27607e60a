"""Candidate pairs of a data set: photos whose hashes differ in few bits.

Three shuffles, and never all pairs: photos with one and the same hash become one, tied to the first
of them by id, so that a million blank pictures are a million pairs and not half a billion; what is
left meets by bands (:mod:`safelight.cluster.bands`) and is compared; pairs that met in several
bands become one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.cluster.bands import Bands, near
from safelight.exchange.parquet.locations import open_place
from safelight.exchange.parquet.parts import write_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    Rows = npt.NDArray[np.void]

#: Where the pairs of a data set lie.
FOLDER = "candidates"

#: A photo with its hash; the same under a value; a pair. Ids are raw bytes.
PHOTO = np.dtype([("hash", "<u8", 4), ("id", "V32")])
_SENT = np.dtype([("key", "<i8"), ("hash", "<u8", 4), ("id", "V32")])
PAIR = np.dtype([("a", "V32"), ("b", "V32"), ("bits", "<u2")])


@dataclass(frozen=True, slots=True)
class Plan:
    """Parameters that every step needs.

    Attributes
    ----------
    bands : Bands
    partitions : int
        Into which each shuffle is cut.
    most : int
        With how many others under one value a photo is compared.
    """

    bands: Bands
    partitions: int
    most: int


def photos_in(batch: pa.RecordBatch, version: str) -> Rows:
    """Return the photos of a batch that were hashed in this version."""
    ids, hashes = batch.column("photo_id").to_pylist(), batch.column("hashes").to_pylist()
    data = b"".join(
        each["dct256"] + bytes.fromhex(photo_id)
        for photo_id, each in zip(ids, hashes, strict=True)
        if each is not None and each["version"] == version and any(each["dct256"])
    )
    return np.frombuffer(data, PHOTO)


def by_hash(photos: Rows, partitions: int) -> Iterator[tuple[int, bytes]]:
    """Yield photos by a partition in which all of the same hash are."""
    numbers = np.array(
        [
            int.from_bytes(hashlib.blake2b(each.tobytes(), digest_size=8).digest(), "little")
            % partitions
            for each in photos["hash"]
        ],
        np.int64,
    )
    yield from _parts(photos, numbers)


def distinct(parts: Iterable[bytes]) -> tuple[Rows, Rows]:
    """Return the first photo of each hash, and pairs that tie all others to it."""
    photos = _joined(parts, PHOTO)
    order = np.lexsort((_ids(photos["id"]), *photos["hash"].T))
    photos = photos[order]
    same = np.zeros(len(photos), bool)
    same[1:] = (photos["hash"][1:] == photos["hash"][:-1]).all(axis=1)
    first = np.maximum.accumulate(np.where(same, 0, np.arange(len(photos))))
    tied = np.flatnonzero(same)
    return photos[~same], _pairs(photos["id"][first[tied]], photos["id"][tied], 0)


def by_value(photos: Rows, plan: Plan) -> Iterator[tuple[int, bytes]]:
    """Yield photos under all values by which others may know them, by partition."""
    for part, rows, values in plan.bands.values(np.ascontiguousarray(photos["hash"])):
        sent = np.empty(len(rows), _SENT)
        sent["key"] = values << 8 | part
        sent["hash"], sent["id"] = photos["hash"][rows], photos["id"][rows]
        # Values that follow each other are to go different ways.
        mixed = sent["key"].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        yield from _parts(sent, (mixed >> np.uint64(33)).astype(np.int64) % plan.partitions)


def compared(parts: Iterable[bytes], plan: Plan) -> tuple[Rows, int]:
    """Return the pairs that meet here and are near, and how many were not compared."""
    sent = _joined(parts, _SENT)
    order = np.lexsort((*sent["hash"].T, sent["key"]))
    sent = sent[order]
    one, other, bits, skipped = near(
        sent["key"], np.ascontiguousarray(sent["hash"]), plan.bands.radius, plan.most
    )
    return _unique(_pairs(sent["id"][one], sent["id"][other], bits)), skipped


def by_first(pairs: Rows, partitions: int) -> Iterator[tuple[int, bytes]]:
    """Yield pairs by a partition in which all with the same first photo are."""
    first = np.ascontiguousarray(pairs["a"]).view(np.uint8).reshape(len(pairs), 32)
    numbers = first[:, :2].astype(np.int64) @ np.array([256, 1])
    yield from _parts(pairs, numbers % partitions)


def write_pairs(output: str, partition: int, parts: Iterable[bytes]) -> int:
    """Write the pairs of a partition, each once; return how many."""
    import pyarrow as pa

    pairs = _unique(_joined(parts, PAIR))
    schema = pa.schema([("a", pa.string()), ("b", pa.string()), ("bits", pa.uint16())])
    columns = [
        pa.array([bytes(each).hex() for each in pairs["a"]], pa.string()),
        pa.array([bytes(each).hex() for each in pairs["b"]], pa.string()),
        pa.array(np.ascontiguousarray(pairs["bits"])),
    ]
    batch = pa.RecordBatch.from_arrays(columns, schema=schema)
    write_part(open_place(output), name_of(partition), schema, [batch])
    return len(pairs)


def name_of(partition: int) -> str:
    """Return the name of the file that the pairs of a partition are in."""
    return f"{FOLDER}/part-{partition:05}.parquet"


def _parts(rows: Rows, numbers: npt.NDArray[np.int64]) -> Iterator[tuple[int, bytes]]:
    if not len(rows):
        return
    order = np.argsort(numbers, kind="stable")
    found, starts = np.unique(numbers[order], return_index=True)
    for number, some in zip(found.tolist(), np.split(order, starts[1:]), strict=True):
        yield number, rows[some].tobytes()


def _joined(parts: Iterable[bytes], kind: np.dtype[Any]) -> Rows:
    return np.frombuffer(b"".join(parts), kind)


def _ids(column: Any) -> npt.NDArray[np.bytes_]:
    # As text they can be compared; a zero at the end counts for nothing only among equal lengths.
    return np.ascontiguousarray(column).view("S32")


def _pairs(one: Any, other: Any, bits: Any) -> Rows:
    pairs = np.empty(len(one), PAIR)
    swapped = _ids(one) > _ids(other) if len(one) else np.zeros(0, bool)
    pairs["a"] = np.where(swapped, other, one)
    pairs["b"] = np.where(swapped, one, other)
    pairs["bits"] = bits
    return pairs


def _unique(pairs: Rows) -> Rows:
    order = np.lexsort((_ids(pairs["b"]), _ids(pairs["a"]))) if len(pairs) else np.empty(0, int)
    pairs = pairs[order]
    new = np.ones(len(pairs), bool)
    new[1:] = (pairs["a"][1:] != pairs["a"][:-1]) | (pairs["b"][1:] != pairs["b"][:-1])
    return pairs[new]


def all_here(photos: Rows, plan: Plan) -> tuple[Rows, int]:
    """Return the pairs of photos in this process, by the same steps, and those not compared."""
    found: list[Rows] = []
    firsts: list[Rows] = []
    for parts in _grouped([by_hash(photos, plan.partitions)]).values():
        first, tied = distinct(parts)
        firsts.append(first)
        found.append(tied)
    skipped = 0
    for parts in _grouped(by_value(each, plan) for each in firsts).values():
        pairs, left = compared(parts, plan)
        found.append(pairs)
        skipped += left
    return _unique(np.concatenate([np.empty(0, PAIR), *found])), skipped


def _grouped(sent: Iterable[Iterator[tuple[int, bytes]]]) -> dict[int, Sequence[bytes]]:
    groups: dict[int, list[bytes]] = {}
    for each in sent:
        for partition, data in each:
            groups.setdefault(partition, []).append(data)
    return dict(groups)
