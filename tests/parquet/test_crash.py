"""kill -9 on the real commands, at random: nothing half that looks whole, nothing doubled."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.errors import SourceError
from safelight.library.files import counts
from safelight.library.records import FileRecord, ItemRecord, write
from safelight.library.spaces import add_space
from safelight.library.store import Library
from safelight.parquet.description import find_description, parts_of
from safelight.parquet.exporting import export_library
from safelight.parquet.importing import import_data_set
from safelight.parquet.parts import read_photos
from safelight.parquet.places import open_place
from tests.parquet.made import SPACE, held

if TYPE_CHECKING:
    from collections.abc import Callable

PHOTOS = 12_000
SAFELIGHT = str(Path(sys.executable).with_name("safelight"))


def _fill(library: Library) -> None:
    add_space(library, SPACE)
    vectors = np.random.default_rng(0).standard_normal((PHOTOS, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    items = [
        ItemRecord(f"{n * 2**240:064x}", "photo", n, vector) for n, vector in enumerate(vectors)
    ]
    files = [
        FileRecord(f"/{item.id}", "x", None, item.id, {"by": "Åsa"}, None, None) for item in items
    ]
    write(library, "default", files, items, fingerprint=SPACE.fingerprint)


def _kill_often(
    command: list[str],
    environ: dict[str, str],
    has_begun: Callable[[], bool],
    check: Callable[[], None],
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # pytest shows it if this fails
    moments = random.Random(seed)
    kills = 0
    while kills < 2:
        process = subprocess.Popen(
            command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and not has_begun():
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.2))
        process.kill()
        if process.wait() == 0:
            break
        kills += 1
        check()
    assert kills, "it was over before it could be killed"


def test_a_killed_export_leaves_nothing_that_looks_whole(tmp_path: Path, library: Library) -> None:
    _fill(library)
    environ = {**os.environ, "SAFELIGHT_LIBRARY": str(library.path)}
    command = [SAFELIGHT, "library", "export", "-q", str(tmp_path / "set")]

    def check() -> None:
        place = open_place(tmp_path / "set")
        found = find_description(place)
        if found is None:
            with Library(tmp_path / "c.db") as other, pytest.raises(SourceError, match="not fini"):
                import_data_set(other, tmp_path / "set")
        else:  # it was done but for the cleaning up
            parts = parts_of(place, found, "photos")
            assert sum(len(rows) for part in parts for rows in read_photos(place, part)) == PHOTOS

    def has_begun() -> bool:
        unfinished = tmp_path / "set" / "safelight.unfinished"
        # Of this run, not of one that was killed.
        if not unfinished.exists() or unfinished.read_bytes() in runs:
            return False
        runs.add(unfinished.read_bytes())
        return True

    runs: set[bytes] = set()
    _kill_often(command, environ, has_begun, check)
    assert runs
    subprocess.run([*command, "--overwrite"], env=environ, check=True, capture_output=True)
    assert not list((tmp_path / "set").rglob("*unfinished*"))
    with Library(tmp_path / "b.db") as other:
        assert import_data_set(other, tmp_path / "set").problems == ()
        assert held(other) == held(library)


def test_a_killed_import_goes_on(tmp_path: Path, library: Library) -> None:
    _fill(library)
    export_library(library, tmp_path / "set")
    other_path = tmp_path / "b.db"
    environ = {**os.environ, "SAFELIGHT_LIBRARY": str(other_path)}
    command = [SAFELIGHT, "library", "import", "-q", str(tmp_path / "set")]
    before = 0

    def check() -> None:
        nonlocal before
        if not other_path.exists() or not other_path.stat().st_size:
            return
        with Library(other_path) as other:
            assert other.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            found = counts(other).photos
            assert found >= before, "what was written is lost"
            before = found
            half = other.connection.execute(
                "SELECT count(*) FROM items WHERE pk NOT IN (SELECT item_pk FROM embeddings) "
                "OR pk NOT IN (SELECT item_pk FROM files) "
            ).fetchone()
            assert half == (0,)

    def has_begun() -> bool:
        # Something was written since it was killed.
        size = log.stat().st_size if log.exists() else 0
        grown = size > sizes[-1]
        sizes.append(size)
        return grown

    log, sizes = tmp_path / "b.db-wal", [0]
    _kill_often(command, environ, has_begun, check)
    subprocess.run(command, env=environ, check=True, capture_output=True)
    with Library(other_path) as other:
        assert held(other) == held(library)
