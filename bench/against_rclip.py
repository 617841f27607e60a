"""Speed of ingest and search beside rclip, with the same weights, in one run.

Ingest of 12-megapixel photos; re-ingest of a tree that has not changed; a query from a cold
process over few photos and over 100,000 vectors; the start of the command alone. Runs of the two
alternate, so that a busy machine is busy for both.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench import photos
from bench.measure import SAFELIGHT, Run, median, run, save, table
from bench.peer import Peer, prepare
from safelight.library.database import Database
from safelight.library.spaces import default_space
from safelight.library.vector_index.flat import open_index
from safelight.library.write import FileRecord, ItemRecord, write

if TYPE_CHECKING:
    from collections.abc import Callable

QUERIES = (
    "a dog in the snow",
    "two people on a beach",
    "red flowers",
    "an old car",
    "a cat asleep",
)


def _alternate(rounds: int, first: Callable[[int], Run], second: Callable[[int], Run]) -> tuple:
    ours, theirs = [], []
    for number in range(rounds):
        ours.append(first(number))
        theirs.append(second(number))
    return median(ours), median(theirs)


def _environ(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "SAFELIGHT_LIBRARY": str(folder / "library.db"),
        "XDG_CACHE_HOME": str(folder.parent / "cache"),  # digests of the model: made once
        "HF_HUB_OFFLINE": "1",
    }


def _rclip(peer: Peer, folder: Path) -> dict[str, str]:
    """Return an environment with a data folder of links: rclip keeps its database there."""
    data = folder / "rclip"
    if not data.exists():
        data.mkdir(parents=True)
        for entry in Path(peer.environ["RCLIP_DATADIR"]).iterdir():
            if entry.is_dir():
                (data / entry.name).symlink_to(entry)
    return {**peer.environ, "RCLIP_DATADIR": str(data)}


def ingest(peer: Peer, work: Path, count: int, rounds: int) -> dict[str, object]:
    folder = photos.large(work / "large", count)

    def ours(number: int) -> Run:
        place = work / f"ours{number}"
        place.mkdir()
        return run([SAFELIGHT, "ingest", "-q", "--model", peer.model, folder], _environ(place))

    def theirs(number: int) -> Run:
        environ = _rclip(peer, work / f"theirs{number}")
        return run([peer.rclip, "-f", "-t", "1", "x"], environ, cwd=folder)

    ours(rounds), theirs(rounds)  # files and weights are in the page cache for both
    mine, other = _alternate(rounds, ours, theirs)
    return {"photos": count, "ours": mine, "rclip": other, "ratio": other.seconds / mine.seconds}


def query(peer: Peer, work: Path, rounds: int) -> dict[str, object]:
    """Query what the last ingest has left: few vectors, the whole weight is in starting up."""
    folder = work / "large"

    def ours(number: int) -> Run:
        return run([SAFELIGHT, "search", QUERIES[number % 5]], _environ(work / "ours0"))

    def theirs(number: int) -> Run:
        command = [peer.rclip, "--no-indexing", "-f", QUERIES[number % 5]]
        return run(command, _rclip(peer, work / "theirs0"), cwd=folder)

    ours(0), theirs(0)
    mine, other = _alternate(rounds, ours, theirs)
    return {"ours": mine, "rclip": other, "ratio": mine.seconds / other.seconds}


def query_many(peer: Peer, work: Path, count: int, rounds: int) -> dict[str, object]:
    """Query `count` random vectors, written into both databases by their own schemas."""
    vectors = np.random.default_rng(0).standard_normal((count, 512), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    mine_at = _environ(work / "ours0")
    with Database(mine_at["SAFELIGHT_LIBRARY"]) as library:
        space = default_space(library)
        assert space is not None
        items = [
            ItemRecord(f"{number:064x}", "photo", 1, vector)
            for number, vector in enumerate(vectors)
        ]
        files = [
            FileRecord(str(work / "large" / f"{number}.jpg"), f"{number}.jpg", None, item.id)
            for number, item in enumerate(items)
        ]
        write(library, "default", files, items, fingerprint=space.fingerprint)
        open_index(library, space.fingerprint)
    theirs_at = _rclip(peer, work / "theirs0")
    with sqlite3.connect(Path(theirs_at["RCLIP_DATADIR"]) / "db.sqlite3") as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(images)")]
        rows = (
            {
                "deleted": None,
                "indexing": None,
                "filepath": str(work / "large" / f"{number}.jpg"),
                "modified_at": 0.0,
                "size": 1,
                "vector": vector.tobytes(),
                "hash": f"{number:x}",
            }
            for number, vector in enumerate(vectors)
        )
        names = [name for name in columns if name != "id"]
        connection.executemany(
            f"INSERT INTO images ({','.join(names)}) VALUES ({','.join('?' * len(names))})",
            ([row.get(name) for name in names] for row in rows),
        )
    connection.close()
    return {"vectors": count, **query(peer, work, rounds)}


def unchanged(work: Path, count: int, rounds: int) -> dict[str, object]:
    """Ingest small files once, then time doing it again with nothing to do."""
    folder = photos.small(work / "small", count)
    (work / "ours_small").mkdir()
    environ = _environ(work / "ours_small")
    first = run([SAFELIGHT, "ingest", "-q", "--model", "starter", folder], environ)
    again = median([run([SAFELIGHT, "ingest", "-q", folder], environ) for _ in range(rounds)])
    return {"files": count, "first": first.seconds, "again": again}


def start(peer: Peer, work: Path, rounds: int) -> dict[str, object]:
    """The command alone, and a query with the starter model on the demo library."""
    (work / "demo").mkdir()
    environ = _environ(work / "demo")
    run([SAFELIGHT, "ingest", "-q", "--model", "starter", "demo"], environ)
    run([SAFELIGHT, "search", "warm up"], environ)
    search = [run([SAFELIGHT, "search", QUERIES[n % 5]], environ) for n in range(rounds)]
    mine, other = _alternate(
        rounds,
        lambda _: run([SAFELIGHT, "--help"], environ),
        lambda _: run([peer.rclip, "--help"], _rclip(peer, work / "demo")),
    )
    return {"help": mine, "rclip help": other, "starter search": median(search)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=48)
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    peer = prepare()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        found = {
            "start": start(peer, work, options.rounds),
            "ingest": ingest(peer, work, options.photos, min(options.rounds, 3)),
            "query": query(peer, work, options.rounds),
            "query many": query_many(peer, work, options.vectors, options.rounds),
            "unchanged": unchanged(work, options.files, 3),
        }
    show(found)
    save("against_rclip", found)


def show(found: dict[str, dict]) -> None:
    rows: list[tuple[object, ...]] = [("what", "safelight s", "rclip s", "ratio", "MB", "rclip MB")]
    for what, name in (
        (f"ingest of {found['ingest']['photos']} photos of 12 megapixels", "ingest"),
        (f"cold query over {found['ingest']['photos']} photos", "query"),
        (f"cold query over {found['query many']['vectors']:,} vectors", "query many"),
    ):
        mine, other = found[name]["ours"], found[name]["rclip"]
        rows.append(
            (what, mine.seconds, other.seconds, f"{found[name]['ratio']:.2f}", mine.megabytes,
             other.megabytes)
        )  # fmt: skip
    first = found["start"]
    rows.append(("--help", first["help"].seconds, first["rclip help"].seconds, "", "", ""))
    search = first["starter search"]
    rows.append(("cold query, starter, demo", search.seconds, "", "", search.megabytes, ""))
    again = found["unchanged"]["again"]
    rows.append(
        (f"ingest of {found['unchanged']['files']:,} unchanged files", again.seconds, "", "",
         again.megabytes, "")
    )  # fmt: skip
    table(rows)


if __name__ == "__main__":
    sys.exit(main())
