"""Two passes of a run in Ray Data: chunks through actors, and rows by their prefix."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from safelight.cluster.chunks import part_names
from safelight.cluster.manifest import read_changed, read_rounds
from safelight.cluster.merging import Merged, joined, merge_prefix, split_failures, split_photos
from safelight.cluster.workers import Reader, Worker, Writer, row_of
from safelight.errors import ClusterError, SafelightError
from safelight.exchange.parquet.columns import failure_schema, photo_schema
from safelight.exchange.parquet.description import FAILURES, PHOTOS
from safelight.exchange.parquet.locations import open_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from safelight.cluster.manifest import Chunk, Round
    from safelight.cluster.workers import Work
    from safelight.exchange.parquet.locations import Place

#: Blocks of a data set of Ray; each is given to a worker, and given again if the worker is lost.
_BLOCKS = 10_000

#: Chunks that are read together to be merged.
_CHUNKS = 64

#: Parts into which merging is cut at most, and photos of one of them at least.
_PARTITIONS, _A_PARTITION = 4096, 16_384

#: So few entries, into so little, are merged sooner than a shuffle has begun.
HERE, HERE_BYTES = 2048, 64 * 1024**2


def embed_chunks(
    ray: Any, chunks: Sequence[Chunk], work: Work, workers: int, *, gpu: bool, apart: bool | None
) -> Iterator[dict[str, Any]]:
    """Yield a report of each chunk as it is done.

    Parameters
    ----------
    workers : int
        Actors that embed.
    gpu : bool
        Whether each of these takes a GPU.
    apart : bool, optional
        Whether others read and decode for them; where there are GPUs if not given.

    Raises
    ------
    SafelightError
        What a worker raised.
    ClusterError
        The cluster fails.
    """
    from ray.data import ActorPoolStrategy, from_items

    blocks = min(len(chunks), _BLOCKS)
    flow = from_items([row_of(chunk) for chunk in chunks], override_num_blocks=blocks)
    most = min(workers, blocks)
    pool = ActorPoolStrategy(min_size=1, initial_size=most, max_size=most)
    options: dict[str, Any] = {"batch_size": 1, "fn_constructor_args": (work,)}
    if apart if apart is not None else gpu:
        processors = int(ray.cluster_resources().get("CPU", 1) // work.cores)
        readers = ActorPoolStrategy(min_size=1, max_size=max(1, min(processors - 1, blocks)))
        flow = flow.map_batches(Reader, compute=readers, num_cpus=work.cores, **options)
        flow = flow.map_batches(
            Writer, compute=pool, num_cpus=0, num_gpus=1 if gpu else 0, **options
        )
    else:
        flow = flow.map_batches(Worker, compute=pool, num_cpus=work.cores, **options)
    yield from rows_of(flow)


def merge_round(
    place: Place, this: Round, *, output: str, dimension: int, digits: int
) -> Iterator[Merged]:
    """Merge what the chunks of a round have written into the data set; yield what became of it."""
    chunks = list(this.chunks())
    items = []
    for start in range(0, len(chunks), _CHUNKS):
        some = chunks[start : start + _CHUNKS]
        items.append({"parts": json.dumps([(each.key, *part_names(each)) for each in some])})
    # Where a path was listed before is not known: each prefix is to look.
    touched = _prefixes(place) if this.changed else {}
    items[0]["touched"] = json.dumps(sorted(touched))
    for item in items[1:]:
        item["touched"] = "[]"
    split = {"output": output, "dimension": dimension, "digits": digits}
    merge = {"output": output, "dimension": dimension, "number": this.number}
    if this.entries <= HERE and sum(touched.values()) <= HERE_BYTES:
        for merged in _merged_here(items, split, merge):
            yield Merged(**json.loads(merged))
        return
    from ray.data import from_items

    parts = min(16**digits, _PARTITIONS, max(1, this.entries // _A_PARTITION))
    flow = (
        from_items(items, override_num_blocks=len(items))
        .map_batches(_split, batch_size=1, fn_kwargs=split)
        .groupby("prefix", num_partitions=parts)
        .map_groups(
            _merge_group,
            fn_kwargs=merge,
            batch_format="pyarrow",
        )
    )
    for row in rows_of(flow):
        yield Merged(**json.loads(row["merged"]))


def _merged_here(
    items: Sequence[dict[str, str]], split: dict[str, Any], merge: dict[str, Any]
) -> Iterator[str]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        found = _split({name: [value] for name, value in item.items()}, **split)
        for values in zip(*found.values(), strict=True):
            row = dict(zip(found, values, strict=True))
            rows.setdefault(row["prefix"], []).append(row)
    for prefix in sorted(rows):
        yield from _merge(rows[prefix], **merge)["merged"]


def _prefixes(place: Place) -> dict[str, int]:
    """Return the prefixes of a data set, with the bytes of their files."""
    found: dict[str, int] = {}
    for name, size in [*place.sizes(PHOTOS).items(), *place.sizes(FAILURES).items()]:
        prefix = name.split("/")[1].removeprefix("prefix=")
        found[prefix] = found.get(prefix, 0) + size
    return found


def rows_of(flow: Any) -> Iterator[dict[str, Any]]:
    """Yield the rows of a data set of Ray; what a worker raised is raised as it was."""
    try:
        yield from flow.iter_rows()
    except SafelightError:
        raise
    except Exception as exc:
        found: BaseException | None = exc
        while found is not None:
            if isinstance(found, SafelightError):
                raise found from exc
            found = getattr(found, "cause", None) or found.__cause__
        raise ClusterError(f"The cluster failed: {_short(exc)}", code="cluster") from exc


def _short(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__


def _split(
    batch: dict[str, Any], *, output: str, dimension: int, digits: int
) -> dict[str, list[Any]]:
    """Read the parts of some chunks; return their rows by prefix."""
    import pyarrow.parquet as pq

    place = open_place(output)
    found: dict[str, list[Any]] = {"prefix": [], "key": [], "kind": [], "data": []}

    def add(prefix: str, key: str, kind: str, data: bytes) -> None:
        for name, value in zip(found, (prefix, key, kind, data), strict=True):
            found[name].append(value)

    for parts, touched in zip(batch["parts"], batch["touched"], strict=True):
        for prefix in json.loads(touched):
            add(prefix, "", "touched", b"")
        there = json.loads(parts)
        for kind, column, schema, split in (
            ("failures", 1, failure_schema(), split_failures),
            ("photos", 2, photo_schema(dimension), split_photos),
        ):
            # Together, in the order of the chunks: so each prefix gets few parts, not one a chunk.
            batches = []
            for names in there:
                with place.reading(names[column]) as opened:
                    batches += pq.ParquetFile(opened).iter_batches()
            for rows in joined(batches, schema):
                for prefix, data in split(rows, digits):
                    add(prefix, there[0][0], kind, data)
    return found


def _merge_group(group: Any, **about: Any) -> dict[str, list[str]]:
    return _merge(group.to_pylist(), **about)


def _merge(
    group: list[dict[str, Any]], *, output: str, dimension: int, number: int
) -> dict[str, list[str]]:
    """Merge all that one prefix is given."""
    place = open_place(output)
    rows = sorted(group, key=lambda row: str(row["key"]))
    merged = merge_prefix(
        place,
        rows[0]["prefix"],
        [row["data"] for row in rows if row["kind"] == "photos"],
        [row["data"] for row in rows if row["kind"] == "failures"],
        dimension,
        _listed_anew(output, number),
    )
    return {"merged": [json.dumps(asdict(merged))]}


@lru_cache(maxsize=1)
def _listed_anew(output: str, number: int) -> frozenset[tuple[str, str]]:
    place = open_place(output)
    this = next(each for each in read_rounds(place) if each.number == number)
    return frozenset(read_changed(place, this))
