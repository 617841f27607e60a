"""Processor time of lists: pages by cursor and by offset, and what the change log costs a write.

    python -m bench.lists [--photos 100000] [--page 1000]

Pages are read in this process, without HTTP: the lists themselves. Offsets are read as they were
before cursors: from a list that is kept until something is written.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.measure import table
from bench.server import fill
from safelight.library.attributes.scores import ScoreRecord, write_scores
from safelight.library.browse import Filter, cards, matching
from safelight.library.changes import page_of_changes
from safelight.library.database import Database
from safelight.library.listings import Listings, page_of_photos

if TYPE_CHECKING:
    from collections.abc import Callable

PHOTOS = Filter(photos_only=True)
ORDER = "-taken"


def by_offset(library: Database, page: int, write: Callable[[], None] | None = None) -> int:
    """Read all pages by offset; return the number of photos."""
    found = offset = 0
    keys = None
    while keys is None or offset < len(keys):
        if keys is None or write is not None:
            keys = np.asarray(matching(library, PHOTOS, ORDER), np.int64)
        found += len(cards(library, keys[offset : offset + page].tolist()))
        offset += page
        if write is not None:
            write()
    return found


def by_cursor(library: Database, page: int, write: Callable[[], None] | None = None) -> int:
    """Read all pages by cursor; return the number of photos."""
    listings, cursor, found = Listings(), None, 0
    while True:
        got = page_of_photos(library, listings, PHOTOS, ORDER, limit=page, cursor=cursor)
        found += len(got.cards)
        if got.next is None:
            return found
        cursor = got.next
        if write is not None:
            write()


def by_changes(library: Database, page: int) -> int:
    """Read all photos as changes; return their number."""
    cursor, found = None, 0
    while True:
        got = page_of_changes(library, cursor, limit=page)
        found += len(got.changes)
        if got.is_last:
            return found
        cursor = got.cursor


def seconds(work: Callable[[], object]) -> float:
    """Return the least processor time of three runs."""
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def written(folder: Path, count: int, *, logged: bool) -> float:
    """Return the processor time in which photos and a score of each are written."""
    path = folder / f"written-{logged}.db"
    with Database(path) as library:
        if not logged:
            rows = library.connection.execute("SELECT name FROM sqlite_schema WHERE type='trigger'")
            for (name,) in rows.fetchall():
                if name not in ("changed_item",):
                    library.connection.execute(f"DROP TRIGGER {name}")
    start = time.process_time()
    fill(path, count)
    with Database(path) as library:
        record = ScoreRecord("focus", "1", 0.5, 0.5)
        write_scores(library, {f"{n:064x}": [record] for n in range(count)})
    return time.process_time() - start


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--photos", type=int, default=100_000)
    arguments.add_argument("--page", type=int, default=1000)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = {each: written(Path(folder), options.photos, logged=each) for each in (False, True)}
        with Database(Path(folder) / "written-True.db") as library:
            chance = iter(range(10**9))

            def write() -> None:
                number = next(chance)
                record = ScoreRecord("focus", "1", 0.1, number % 100 / 100)
                write_scores(library, {f"{number:064x}": [record]})

            page = options.page
            rows = [
                ["offset", seconds(lambda: by_offset(library, page))],
                ["cursor", seconds(lambda: by_cursor(library, page))],
                ["offset, a write between pages", seconds(lambda: by_offset(library, page, write))],
                ["cursor, a write between pages", seconds(lambda: by_cursor(library, page, write))],
                ["changes, from the beginning", seconds(lambda: by_changes(library, page))],
                ["write photos and scores, no log", times[False]],
                ["write photos and scores", times[True]],
            ]
    table([("what", "processor seconds"), *((name, f"{each:.2f}") for name, each in rows)])


if __name__ == "__main__":
    main()
