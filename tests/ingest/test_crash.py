"""kill -9 on the real command, at random points: nothing lost, nothing doubled, nothing half."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from safelight.library.database import Database
from safelight.library.files import counts
from safelight.library.spaces import default_space
from safelight.library.vector_index.flat import open_index
from tests.forked import safelight, start
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PHOTOS = 140  # more than any machine embeds before it is killed for the first time


def test_killed_at_any_point_the_next_run_resumes(
    tmp_path: Path, make_photo: Callable[..., Path]
) -> None:
    for number in range(PHOTOS):
        make_photo(tmp_path / "p" / f"{number}.jpg", "red", seed=number, size=64)
    (tmp_path / "p" / "bad.jpg").write_bytes(b"bad")
    path = tmp_path / "library.db"
    command = ["ingest", "--model", "starter", "--batch-size", "2", "--quiet", tmp_path / "p"]
    environ = {**os.environ, "SAFELIGHT_LIBRARY": str(path)}
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # pytest shows it if this fails
    moments = random.Random(seed)

    kills, before = 0, 0
    while kills < 5:
        process = start(command, cwd=tmp_path, environ=environ, said=tmp_path / "said")
        if kills:  # at first before there is anything, and then a moment after there is more
            until(lambda process=process, n=before: process.poll() is not None or _more(path, n))
        time.sleep(moments.uniform(0, 0.2) if not kills else moments.uniform(0, 0.1))
        if process.poll() is not None:
            break
        process.kill()
        process.wait()
        kills += 1
        if path.exists() and path.stat().st_size:
            with sqlite3.connect(path) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            connection.close()
            with Database(path) as library:
                found = counts(library).photos
                assert found >= before, "what was written is lost"
                before = found
    assert kills > 1, "it was over before it could be killed"

    finished = safelight(command, cwd=tmp_path, environ=environ)
    assert finished.returncode == 0, finished.stderr
    with Database(path) as library:
        assert counts(library).photos == PHOTOS
        assert counts(library).files == PHOTOS
        assert counts(library).failed == 1
        space = default_space(library)
        assert space is not None
        assert len(open_index(library, space.fingerprint)) == PHOTOS
        half = library.connection.execute(
            "SELECT count(*) FROM items WHERE pk NOT IN (SELECT item_pk FROM embeddings) "
            "OR pk NOT IN (SELECT item_pk FROM files WHERE item_pk IS NOT NULL)"
        ).fetchone()
        assert half == (0,)


def _more(path: Path, than: int) -> bool:
    """Tell whether a library that another process may just be making has more vectors."""
    if not path.exists():
        return False
    with closing(sqlite3.connect(path)) as connection:
        try:
            (found,) = connection.execute("SELECT count(*) FROM embeddings").fetchone()
        except sqlite3.OperationalError:
            return False
    return bool(found > than)


def test_two_commands_at_once_share_the_work(
    tmp_path: Path, make_photo: Callable[..., Path]
) -> None:
    for number in range(24):
        make_photo(tmp_path / "p" / f"{number}.jpg", "blue", seed=number, size=200)
    path = tmp_path / "library.db"
    environ = {**os.environ, "SAFELIGHT_LIBRARY": str(path)}
    command = ["ingest", "--model", "starter", "--batch-size", "2", tmp_path / "p"]
    running = [
        start(command, cwd=tmp_path, environ=environ, said=tmp_path / f"said {number}")
        for number in range(3)
    ]
    for process in running:
        assert process.wait(120) == 0, process.err.read_text()
        assert process.err.read_bytes() == b""
    with Database(path) as library:
        assert counts(library).files == counts(library).photos == 24
        space = default_space(library)
        assert space is not None
        assert len(open_index(library, space.fingerprint)) == 24
