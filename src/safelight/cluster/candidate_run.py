"""Candidate generation on a cluster, over a data set."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from safelight.cluster.bands import choose_bands
from safelight.cluster.candidates import (
    FOLDER,
    Plan,
    by_first,
    by_hash,
    by_value,
    compared,
    distinct,
    name_of,
    photos_in,
    write_pairs,
)
from safelight.cluster.flow import rows_of
from safelight.errors import UsageError
from safelight.exchange.parquet.description import PHOTOS, parts_of, read_description
from safelight.exchange.parquet.locations import open_place
from safelight.hashing import HASH_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from safelight.exchange.parquet.locations import Place

#: Bits of 256 in which candidates differ at most, unless said otherwise; see docs/cluster.md.
RADIUS = 16

#: With how many others under one value a photo is compared at least, and how many times as many as
#: would meet there by chance.
MOST, _TIMES = 2000, 8

#: Photos of one partition of a shuffle; partitions at most.
_A_PARTITION, _PARTITIONS = 50_000, 4096

#: A radius beyond this finds strangers.
_WIDEST = 64


@dataclass(frozen=True, slots=True)
class Found:
    """Result of a candidate run.

    Attributes
    ----------
    data_set : str
    files : str
        Where the pairs are.
    radius : int
    photos : int
        In the data set.
    pairs : int
    skipped : int
        Pairs of photos that look like a crowd of others and were not compared under that value;
        they may have met under another.
    seconds : float
    """

    data_set: str
    files: str
    radius: int
    photos: int
    pairs: int
    skipped: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return asdict(self)


def find_candidates(
    data_set: str, connect: Callable[[], Any], *, radius: int = RADIUS, most: int = MOST
) -> Found:
    """Write the pairs of photos whose hashes differ in at most `radius` bits beside the photos.

    Photos with one and the same hash are each paired with the first of them by id only, and that
    one with what is near to all of them.

    Parameters
    ----------
    connect : callable
        See :class:`safelight.cluster.run.Run`.
    most : int
        With how many others a photo is compared under one value, at least.

    Raises
    ------
    UsageError
        The radius is not from 0 to 64.
    SourceError
        There is no data set, or it is broken.
    ClusterError
        The cluster cannot be reached, or fails.
    """
    if not 0 <= radius <= _WIDEST:
        raise UsageError(f"{radius} bits are not a distance of candidates: 0 to {_WIDEST} are.")
    started = time.perf_counter()
    place = open_place(data_set)
    files = [part.name for part in parts_of(place, read_description(place), PHOTOS)]
    count = sum(_rows(place, name) for name in files)
    plan = Plan(choose_bands(radius, count), max(1, min(_PARTITIONS, count // _A_PARTITION)), most)
    found = Found(place.shown, place.name_of(FOLDER), radius, count, 0, 0, 0.0)
    before = set(place.sizes(FOLDER))
    if files:
        with connect():
            for row in _flow(data_set, files, plan):
                found = replace(
                    found,
                    pairs=found.pairs + int(row["pairs"]),
                    skipped=found.skipped + int(row["skipped"]),
                )
                before.discard(name_of(int(row["part"])))
    place.remove(before)  # of another number of partitions
    return replace(found, seconds=time.perf_counter() - started)


def _rows(place: Place, name: str) -> int:
    import pyarrow.parquet as pq

    with place.reading(name) as opened:
        return int(pq.ParquetFile(opened).metadata.num_rows)


def _flow(data_set: str, files: Sequence[str], plan: Plan) -> Any:
    from ray.data import from_items

    about = {"plan": plan}
    where = {"data_set": data_set, "plan": plan}
    flow = (
        from_items([{"file": name} for name in files], override_num_blocks=len(files))
        .map_batches(_read, batch_size=1, fn_kwargs=where)
        .groupby("part", num_partitions=plan.partitions)
        .map_groups(_distinct, fn_kwargs=about, batch_format="pyarrow")
        .groupby("part", num_partitions=plan.partitions)
        .map_groups(_compare, fn_kwargs=about, batch_format="pyarrow")
        .groupby("part", num_partitions=plan.partitions)
        .map_groups(_write, fn_kwargs={"data_set": data_set}, batch_format="pyarrow")
    )
    return rows_of(flow)


class _Sent:
    """Rows on their way to a partition."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Any]] = {"part": [], "kind": [], "data": []}

    def add(self, kind: str, parts: Any) -> None:
        for number, data in parts:
            self.columns["part"].append(number)
            self.columns["kind"].append(kind)
            self.columns["data"].append(data)


def _read(batch: dict[str, Any], *, data_set: str, plan: Plan) -> dict[str, list[Any]]:
    import pyarrow.parquet as pq

    place, sent = open_place(data_set), _Sent()
    columns = ["photo_id", "hashes.version", "hashes.dct256"]
    for name in batch["file"]:
        with place.reading(str(name)) as opened:
            for some in pq.ParquetFile(opened).iter_batches(65_536, columns=columns):
                sent.add("photos", by_hash(photos_in(some, HASH_VERSION), plan.partitions))
    return sent.columns


def _distinct(group: Any, *, plan: Plan) -> dict[str, list[Any]]:
    sent = _Sent()
    photos, tied = distinct(_of(group, "photos"))
    sent.add("pairs", by_first(tied, plan.partitions))
    sent.add("photos", by_value(photos, plan))
    return sent.columns


def _compare(group: Any, *, plan: Plan) -> dict[str, list[Any]]:
    sent = _Sent()
    pairs, skipped = compared(_of(group, "photos"), plan)
    sent.add("pairs", by_first(pairs, plan.partitions))
    sent.add("pairs", [(group.column("part")[0].as_py(), each) for each in _of(group, "pairs")])
    sent.add("skipped", [(group.column("part")[0].as_py(), str(skipped).encode())])
    return sent.columns


def _write(group: Any, *, data_set: str) -> dict[str, list[int]]:
    part = group.column("part")[0].as_py()
    count = write_pairs(data_set, part, _of(group, "pairs"))
    skipped = sum(int(each) for each in _of(group, "skipped"))
    return {"part": [part], "pairs": [count], "skipped": [skipped]}


def _of(group: Any, kind: str) -> list[bytes]:
    return [row["data"] for row in group.to_pylist() if row["kind"] == kind]
