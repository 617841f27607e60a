"""kill -9 on the real commands, at random: nothing half that looks whole, nothing doubled."""

from __future__ import annotations

import os
import random
import signal
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.errors import SourceError
from safelight.exchange.parquet import parts
from safelight.exchange.parquet.description import find_description, parts_of
from safelight.exchange.parquet.export import export_library
from safelight.exchange.parquet.load import import_data_set
from safelight.exchange.parquet.locations import open_place
from safelight.exchange.parquet.parts import read_photos
from safelight.library.database import Database
from safelight.library.files import counts
from safelight.library.spaces import add_space
from safelight.library.write import FileRecord, ItemRecord, write
from tests.exchange.parquet.killed import SMALL, count_events
from tests.exchange.parquet.made import SPACE, held
from tests.forked import safelight, script

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")

PHOTOS = 600
_KILLED = "from tests.exchange.parquet.killed import run; run()"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SMALL.items():
        monkeypatch.setattr(parts, name, value)


@pytest.fixture
def filled(library: Database) -> Database:
    add_space(library, SPACE)
    vectors = np.random.default_rng(0).standard_normal((PHOTOS, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    items = [
        ItemRecord(f"{n * 2**246:064x}", "photo", n, vector) for n, vector in enumerate(vectors)
    ]
    files = [
        FileRecord(f"/{item.id}", "x", None, item.id, {"by": "Åsa"}, None, None) for item in items
    ]
    write(library, "default", files, items, fingerprint=SPACE.fingerprint)
    return library


def _kill_often(args: list[str], library: Path, events: int, check: Callable[[], None]) -> None:
    """Run a command and kill it, twice; then run it to its end."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # pytest shows it if this fails
    moments = random.Random(seed)
    environ = {**os.environ, "SAFELIGHT_LIBRARY": str(library)}
    for _ in range(2):
        event = moments.randint(1, events)
        process = script(_KILLED, [str(event), *args], environ=environ)
        assert process.returncode == -signal.SIGKILL, f"it was over before event {event}"
        check()
    finished = safelight(args, cwd=library.parent, environ=environ)
    assert finished.returncode == 0, finished.stderr


def test_a_killed_export_leaves_nothing_that_looks_whole(tmp_path: Path, filled: Database) -> None:
    def check() -> None:
        place = open_place(tmp_path / "set")
        found = find_description(place)
        if found is None:
            begun = (tmp_path / "set" / "safelight.unfinished").exists()
            why = "is not finished" if begun else "There is no data set"
            with Database(tmp_path / "c.db") as other, pytest.raises(SourceError, match=why):
                import_data_set(other, tmp_path / "set")
            assert begun or not list((tmp_path / "set").glob("*/"))
        else:  # it was done but for the cleaning up
            files = parts_of(place, found, "photos")
            assert sum(len(rows) for part in files for rows in read_photos(place, part)) == PHOTOS

    events = count_events(lambda: export_library(filled, tmp_path / "counted"))
    assert len(list((tmp_path / "counted" / "photos").rglob("*.parquet"))) == 10
    args = ["library", "export", "-q", "--overwrite", str(tmp_path / "set")]
    _kill_often(args, filled.path, events, check)
    assert not list((tmp_path / "set").rglob("*unfinished*"))
    with Database(tmp_path / "b.db") as other:
        assert import_data_set(other, tmp_path / "set").problems == ()
        assert held(other) == held(filled)


def test_a_killed_import_goes_on(tmp_path: Path, filled: Database) -> None:
    export_library(filled, tmp_path / "set")
    path = tmp_path / "b.db"
    before = 0

    def check() -> None:
        nonlocal before
        with Database(path) as other:
            assert other.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            found = counts(other).photos
            assert found >= before, "what was written is lost"
            before = found
            half = other.connection.execute(
                "SELECT count(*) FROM items WHERE pk NOT IN (SELECT item_pk FROM embeddings) "
                "OR pk NOT IN (SELECT item_pk FROM files) "
            ).fetchone()
            assert half == (0,)

    with Database(tmp_path / "counted.db") as other:
        import_data_set(other, tmp_path / "set")
        # A second import does less, and is killed all the same.
        events = count_events(lambda: import_data_set(other, tmp_path / "set"))
    _kill_often(["library", "import", "-q", str(tmp_path / "set")], path, events, check)
    with Database(path) as other:
        assert held(other) == held(filled)
