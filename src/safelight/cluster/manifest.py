"""Manifest of a run: its chunks of entries, written before it begins and never changed.

Each *round* of a data set has a manifest: Parquet files below ``_run/manifest/ROUND`` of which a
row group is a chunk, and a note that is written last. What a run before has listed, and what has
not changed since, is in no later manifest.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from safelight.cluster.listing import Cell, Listed
from safelight.files.bounded_json import parse_json
from safelight.ingest.sources.entry import Entry
from safelight.types import FileStat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from safelight.exchange.parquet.locations import Place

    Numbers = npt.NDArray[np.uint64]

#: Where the state of a data set's runs lies, beside its photos.
RUN = "_run"

#: A file of a manifest holds so many entries, or one chunk more.
_A_FILE = 65_536

#: A chunk has at least so many entries, if there are as many, and the largest ones come when there
#: are this many times as many before: a small set still keeps several workers busy.
_LEAST, _SHARE = 8, 32


@dataclass(frozen=True, slots=True)
class Chunk:
    """Entries that are worked on together, and whose rows are written together.

    Attributes
    ----------
    namespace : str
    round : int
    file, group : int
        Which file of the round's manifest, and which row group of it.
    entries : int
    """

    namespace: str
    round: int
    file: int
    group: int
    entries: int

    @property
    def key(self) -> str:
        """Its name, which sorts as it was listed."""
        return f"{self.round:04}-{self.file:06}-{self.group:05}"


@dataclass(frozen=True, slots=True)
class Round:
    """Contents of the note beside a manifest.

    Attributes
    ----------
    number : int
    namespace : str
    entries : int
    groups : tuple of tuple of int
        Of each file, the entries of each of its row groups.
    changed : bool
        Whether a path is in it that an earlier round has listed too.
    unchanged, failing : int
        Entries that were left out: known, and known to fail.
    """

    number: int
    namespace: str
    entries: int
    groups: tuple[tuple[int, ...], ...]
    changed: bool = False
    unchanged: int = 0
    failing: int = 0

    def chunks(self) -> Iterator[Chunk]:
        """Return its chunks, in order."""
        for file, groups in enumerate(self.groups):
            for group, entries in enumerate(groups):
                yield Chunk(self.namespace, self.number, file, group, entries)


class Known:
    """Set of paths that earlier rounds listed, with their states; 24 bytes each.

    Parameters
    ----------
    paths, more : (n,) uint64
        Two halves of a digest of each path, in the order in which they were listed.
    stats : (n,) uint64
        A digest of size and time of change.
    """

    def __init__(self, paths: Numbers, more: Numbers, stats: Numbers) -> None:
        order = np.argsort(paths, kind="stable")  # of one path, the latest comes last
        self._paths, self._more, self._stats = paths[order], more[order], stats[order]

    def look_up(
        self, namespace: str, entries: Sequence[Listed]
    ) -> list[tuple[bool, bool, tuple[int, int]]]:
        """Return of each entry whether its path is known, whether unchanged, and its digest."""
        digests = [_digest(namespace, each.entry.path) for each in entries]
        wanted = np.array([high for high, _ in digests], np.uint64)
        places = np.searchsorted(self._paths, wanted, "right") - 1
        found = []
        for place, digest, each in zip(places.tolist(), digests, entries, strict=True):
            known = (
                place >= 0
                and int(self._paths[place]) == digest[0]
                and int(self._more[place]) == digest[1]
            )
            same = known and int(self._stats[place]) == _stat_digest(each.entry)
            found.append((known, same, digest))
        return found


def read_known(place: Place, rounds: Sequence[Round]) -> Known:
    """Return the paths that the manifests of `rounds` list."""
    found: list[list[Numbers]] = [[], [], []]
    for each in rounds:
        for file in range(len(each.groups)):
            for batch in _batches(place, _name(each.number, file), ("path_digest", "stat_digest")):
                digests = np.frombuffer(b"".join(batch.column(0).to_pylist()), "<u8").reshape(-1, 2)
                found[0].append(digests[:, 0].astype(np.uint64))
                found[1].append(digests[:, 1].astype(np.uint64))
                found[2].append(batch.column(1).to_numpy(zero_copy_only=False).astype(np.uint64))
    none = [np.empty(0, np.uint64)]
    return Known(*(np.concatenate(none + parts) for parts in found))


def write_round(
    place: Place,
    number: int,
    namespace: str,
    listed: Iterable[Listed],
    *,
    known: Known,
    failing: frozenset[tuple[int, int]],
    retry_failed: bool,
    most: int,
) -> Round:
    """List, and write down what is new or has changed; nothing if nothing is.

    Parameters
    ----------
    known : Known
        From earlier rounds.
    failing : set of (int, int)
        Digests of the paths that failed in them.
    retry_failed : bool
        Whether these are new again, unchanged as they are.
    most : int
        Entries of a chunk.
    """
    import pyarrow.parquet as pq

    tally = {"unchanged": 0, "failing": 0, "changed": 0}

    def new() -> Iterator[tuple[Listed, bool]]:
        for some in _some(listed, 1024):
            looked_up = known.look_up(namespace, some)
            for each, (is_known, same, digest) in zip(some, looked_up, strict=True):
                fails = same and digest in failing
                if same and not (fails and retry_failed):
                    tally["failing" if fails else "unchanged"] += 1
                    continue
                tally["changed"] += is_known
                yield each, is_known

    groups: list[tuple[int, ...]] = []
    chunks = _chunks(new(), most)
    chunk = next(chunks, None)
    while chunk is not None:
        sizes: list[int] = []

        def write(file: IO[bytes], sizes: list[int] = sizes) -> None:
            nonlocal chunk
            with pq.ParquetWriter(file, _schema(), compression="zstd") as writer:
                while chunk is not None and sum(sizes) < _A_FILE:
                    writer.write_batch(_to_arrow(namespace, chunk), row_group_size=len(chunk))
                    sizes.append(len(chunk))
                    chunk = next(chunks, None)

        place.put(_name(number, len(groups)), write)
        groups.append(tuple(sizes))
    found = Round(
        number,
        namespace,
        sum(map(sum, groups)),
        tuple(groups),
        tally["changed"] > 0,
        tally["unchanged"],
        tally["failing"],
    )
    if groups:
        place.put_bytes(f"{RUN}/manifest/{number:04}.json", _to_json(found))
    return found


def read_rounds(place: Place) -> list[Round]:
    """Return the rounds whose listing was finished, in order."""
    found = []
    for name in sorted(place.sizes(f"{RUN}/manifest")):
        data = place.read(name) if name.endswith(".json") else None
        if data is not None:
            said = parse_json(data)
            said["groups"] = tuple(map(tuple, said["groups"]))
            found.append(Round(**said))
    return found


def read_chunk(place: Place, chunk: Chunk) -> list[Listed]:
    """Return the entries of a chunk."""
    import pyarrow.parquet as pq

    with place.reading(_name(chunk.round, chunk.file)) as opened:
        batch = pq.ParquetFile(opened).read_row_group(chunk.group)
    return [_from_arrow(row) for row in batch.to_pylist()]


def read_changed(place: Place, this: Round) -> set[tuple[str, str]]:
    """Return namespace and path of what an earlier round has listed too."""
    found: set[tuple[str, str]] = set()
    if this.changed:
        columns = ("path", "changed")
        for file in range(len(this.groups)):
            for batch in _batches(place, _name(this.number, file), columns):
                found |= {
                    (this.namespace, row["path"]) for row in batch.to_pylist() if row["changed"]
                }
    return found


def path_digest(namespace: str, path: str) -> tuple[int, int]:
    """Return the two halves of the digest by which a path is known."""
    return _digest(namespace, path)


def _some(items: Iterable[Listed], count: int) -> Iterator[list[Listed]]:
    waiting: list[Listed] = []
    for item in items:
        waiting.append(item)
        if len(waiting) == count:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _chunks(items: Iterator[tuple[Listed, bool]], most: int) -> Iterator[list[tuple[Listed, bool]]]:
    """Cut into chunks that grow with what came before, up to `most`."""
    done, waiting = 0, []
    for item in items:
        waiting.append(item)
        if len(waiting) >= min(most, max(_LEAST, done // _SHARE)):
            done += len(waiting)
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _name(number: int, file: int) -> str:
    return f"{RUN}/manifest/{number:04}/{file:06}.parquet"


def _batches(place: Place, name: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    with place.reading(name) as opened:
        yield from pq.ParquetFile(opened).iter_batches(8192, columns=list(columns))


def _digest(namespace: str, path: str) -> tuple[int, int]:
    data = hashlib.blake2b(f"{namespace}\0{path}".encode(), digest_size=16).digest()
    return int.from_bytes(data[:8], "little"), int.from_bytes(data[8:], "little")


def _stat_digest(entry: Entry) -> int:
    stat = entry.stat
    # Where nothing is told, an address is taken to mean the same bytes forever.
    said = f"{entry.code}" if stat is None else f"{stat.size} {stat.mtime_ns} {stat.inode}"
    text = f"{said} {entry.text}" if entry.text is not None else said
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _schema() -> pa.Schema:
    import pyarrow as pa

    whole, text = pa.int64(), pa.string()
    return pa.schema(
        [
            ("path", text), ("source_path", text), ("size", whole),
            ("mtime_ns", whole), ("ctime_ns", whole), ("inode", whole),
            ("metadata", pa.map_(text, text)), ("text", text), ("code", text), ("reason", text),
            ("cell_file", text), ("cell_column", text), ("cell_group", whole),
            ("cell_row", whole), ("changed", pa.bool_()), ("path_digest", pa.binary(16)),
            ("stat_digest", pa.uint64()),
        ]
    )  # fmt: skip


def _to_arrow(namespace: str, chunk: Sequence[tuple[Listed, bool]]) -> pa.RecordBatch:
    import pyarrow as pa

    rows = []
    for each, changed in chunk:
        entry, stat, cell = each.entry, each.entry.stat, each.cell
        digest = _digest(namespace, entry.path)
        rows.append(
            {
                "path": entry.path, "source_path": entry.source_path,
                "size": stat and stat.size, "mtime_ns": stat and stat.mtime_ns,
                "ctime_ns": stat and stat.ctime_ns, "inode": stat and stat.inode,
                "metadata": None if entry.metadata is None else list(entry.metadata.items()),
                "text": entry.text, "code": entry.code, "reason": entry.reason,
                "cell_file": cell and cell.file, "cell_column": cell and cell.column,
                "cell_group": cell and cell.group, "cell_row": cell and cell.row,
                "changed": changed,
                "path_digest": b"".join(half.to_bytes(8, "little") for half in digest),
                "stat_digest": _stat_digest(entry),
            }
        )  # fmt: skip
    return pa.RecordBatch.from_pylist(rows, schema=_schema())


def _from_arrow(row: dict[str, Any]) -> Listed:
    stat = None
    if row["size"] is not None:
        stat = FileStat(row["size"], row["mtime_ns"], row["ctime_ns"], row["inode"])
    cell = None
    if row["cell_file"] is not None:
        cell = Cell(row["cell_file"], row["cell_column"], row["cell_group"], row["cell_row"])
    entry = Entry(
        row["path"],
        row["source_path"],
        stat,
        None if row["metadata"] is None else dict(row["metadata"]),
        row["text"],
        row["code"],
        row["reason"],
    )
    return Listed(entry, cell)


def _to_json(found: Round) -> bytes:
    from dataclasses import asdict

    return json.dumps(asdict(found)).encode()
