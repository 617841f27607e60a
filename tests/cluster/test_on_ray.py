"""The real thing: Ray, several processes, some of them killed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest

from safelight.cluster import command, flow
from safelight.cluster.candidate_run import find_candidates
from safelight.cluster.engine import cluster
from safelight.cluster.options import ClusterOptions
from safelight.embedding.load import load_embedder
from safelight.errors import ClusterError, UsageError
from safelight.exchange.parquet.export import export_library
from safelight.exchange.parquet.locations import open_place
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.settings import Settings
from tests.cluster.rows import assert_same_failures, assert_same_photos, failures, photos
from tests.forked import safelight

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.library.database import Database
    from tests.cluster.conftest import RayCluster

SAFELIGHT = str(Path(sys.executable).with_name("safelight"))


@pytest.fixture
def folder(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    """Seventy photos, a copy and two broken files: several chunks for each worker."""
    place = tmp_path / "photos"
    for number in range(70):
        colour = ["red", "green", "blue"][number % 3]
        make_photo(place / f"{number:02}.jpg", colour, seed=number, size=300)
    shutil.copy(place / "01.jpg", place / "again.jpg")
    (place / "bad.jpg").write_bytes(b"no photo")
    (place / "cut.jpg").write_bytes((place / "02.jpg").read_bytes()[:500])
    return place


def test_a_killed_actor_is_made_up_for(
    folder: Path,
    tmp_path: Path,
    library: Database,
    ray_cluster: RayCluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flow, "HERE", 0)  # merge on the cluster, too
    killed: list[int] = []
    over = threading.Event()

    def kill_one() -> None:
        while not over.is_set() and not killed:
            begun = list((tmp_path / "set").glob("_run/attempts/*/*.1"))
            for worker in ray_cluster.workers() if begun else []:
                with contextlib.suppress(psutil.Error):
                    worker.kill()
                    killed.append(worker.pid)
                    break
            time.sleep(0.02)

    killer = threading.Thread(target=kill_one)
    killer.start()
    done = []
    try:
        summary = command.ingest(
            Settings.load({}),
            [str(folder)],
            ClusterOptions(
                output=str(tmp_path / "set"),
                address=ray_cluster.address,
                model="starter",
                score=True,
            ),
            progress=done.append,
        )
    finally:
        over.set()
        killer.join()
    assert killed, "no worker was there to be killed"
    assert (summary.new, summary.known, summary.failed, summary.workers) == (70, 1, 2, 2)
    assert done[-1].done == done[-1].total == 73
    ingest(
        library,
        [parse_source(str(folder))],
        embedder := load_embedder("starter"),
        model="starter",
        scoring=_usual(embedder),
    )
    export_library(library, tmp_path / "exported")
    assert_same_photos(photos(tmp_path / "set"), photos(tmp_path / "exported"))
    assert_same_failures(failures(tmp_path / "set"), failures(tmp_path / "exported"))


def _usual(embedder: object) -> object:
    from safelight.ingest.score import usual_scoring

    return usual_scoring(embedder)


def test_a_killed_driver_is_gone_on_from_in_a_bucket(
    folder: Path, tmp_path: Path, ray_cluster: RayCluster, bucket: str
) -> None:
    import s3fs

    store = s3fs.S3FileSystem()
    store.put(str(folder), f"{bucket}/in/photos", recursive=True)
    output = f"s3://{bucket}/out"
    line = [
        SAFELIGHT, "ingest", "--engine", "ray", "--address", ray_cluster.address, "--model",
        "starter", "--json", "--quiet", "--output", output, f"s3://{bucket}/in",
    ]  # fmt: skip
    first = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    parts: list[str] = []
    try:
        while not parts and first.poll() is None:
            there = open_place(output).sizes("_run/parts")
            parts = [name for name in there if name.endswith(".photos.parquet")]
            time.sleep(0.05)
    finally:
        first.kill()
        assert first.stderr is not None
        said = first.stderr.read().decode()
        first.stderr.close()
        first.wait()
    assert parts, said
    finished = subprocess.run(line, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    # Whoever runs it for scripts sees nothing of Ray.
    assert finished.stderr == ""
    summary = json.loads(finished.stdout)
    assert (summary["new"], summary["known"], summary["failed"]) == (70, 1, 2)
    assert 0 <= summary["continued"] < 73
    found = photos(output)
    assert len(found) == 70
    assert {file.path for row in found.values() for file in row.files} == {
        f"s3://{bucket}/in/photos/{each.name}"
        for each in folder.iterdir()
        if each.name not in ("bad.jpg", "cut.jpg")
    }
    assert {row.code for row in failures(output).values()} == {"not-an-image", "truncated"}


def test_decoding_apart_from_embedding_gives_the_same(
    folder: Path, tmp_path: Path, library: Database, ray_cluster: RayCluster
) -> None:
    for number in range(20, 70):
        (folder / f"{number}.jpg").unlink()
    options = ClusterOptions(
        output=str(tmp_path / "apart"), apart=True, address=ray_cluster.address, model="starter"
    )
    summary = command.ingest(Settings.load({}), [str(folder)], options)
    assert (summary.new, summary.known, summary.failed) == (20, 1, 2)
    # As without Ray, and so as together on a cluster.
    ingest(library, [parse_source(str(folder))], load_embedder("starter"), model="starter")
    export_library(library, tmp_path / "exported")
    assert_same_photos(photos(tmp_path / "apart"), photos(tmp_path / "exported"))
    assert_same_failures(failures(tmp_path / "apart"), failures(tmp_path / "exported"))


def test_a_cluster_that_does_not_answer_is_told_at_once(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    (tmp_path / "photos").mkdir()
    shutil.copy(next(iter(parse_source("demo").entries())).path, tmp_path / "photos")
    started = time.monotonic()
    with pytest.raises(ClusterError, match="does not answer") as caught:
        command.ingest(
            Settings.load({}),
            [str(tmp_path / "photos")],
            ClusterOptions(
                output=str(tmp_path / "set"), address=f"127.0.0.1:{port}", model="starter"
            ),
        )
    assert caught.value.code == "cluster-away"
    assert time.monotonic() - started < 20
    with pytest.raises(UsageError, match="HOST:PORT"):
        command.ingest(
            Settings.load({}),
            [str(tmp_path / "photos")],
            ClusterOptions(output=str(tmp_path / "set"), address="somewhere", model="starter"),
        )


def test_candidates_are_found_by_shuffles(
    tmp_path: Path, ingest_here: Callable[..., object], ray_cluster: RayCluster
) -> None:
    from PIL import Image

    pictures = [Image.open(e.path).convert("RGB") for e in parse_source("demo").entries()]
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, picture in enumerate(pictures):
        picture.thumbnail((600, 600))
        picture.save(folder / f"{number}.png")
        picture.save(folder / f"{number} again.jpg", quality=60)
    for shade in (10, 200):
        Image.new("RGB", (300, 200), (shade,) * 3).save(folder / f"blank {shade}.png")
    ingest_here(folder)
    address = ray_cluster.address
    found = find_candidates(str(tmp_path / "set"), lambda: cluster(address), radius=8)
    rows = photos(tmp_path / "set")
    names = {photo_id: Path(row.files[0].path).stem.split()[0] for photo_id, row in rows.items()}
    table = pq.read_table(tmp_path / "set" / "candidates").to_pylist()
    hashes = {photo_id: row.hashes.dct256 for photo_id, row in rows.items() if row.hashes}
    wanted = {
        (a, b): int(np.bitwise_count(hashes[a] ^ hashes[b]).sum())
        for a, b in combinations(sorted(rows), 2)
    }
    assert {(row["a"], row["b"]): row["bits"] for row in table} == {
        pair: bits
        for pair, bits in wanted.items()
        if bits <= 8 and all(hashes[photo].any() for photo in pair)
    }
    # One flat colour is not evidence.
    assert {names[row["a"]] for row in table} == {*map(str, range(len(pictures)))}
    assert (found.pairs, found.photos, found.skipped) == (len(table), len(rows), 0)


def test_the_command_starts_a_cluster_of_its_own(folder: Path, tmp_path: Path) -> None:
    for number in range(4, 70):
        (folder / f"{number:02}.jpg").unlink()
    line = [SAFELIGHT, "ingest", "--engine", "ray", "--model", "starter", "--workers", "1"]
    made = subprocess.run(
        [*line, "--output", str(tmp_path / "set"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert "4 new, 0 unchanged, 1 copies, 2 failed" in made.stdout
    assert "bad.jpg: is not an image" in made.stderr
    # Progress is told every ten seconds; of Ray nothing is.
    others = [line for line in made.stderr.splitlines() if " a second, " not in line]
    assert len(others) == 2, made.stderr
    library = tmp_path / "imported.db"
    here = {"cwd": tmp_path, "environ": os.environ}
    imported = safelight(["library", "import", tmp_path / "set", "--library", library], **here)
    assert imported.returncode == 0, imported.stderr
    for wrong in (
        [*line[1:], folder],
        [*line[1:], "--output", "x", "--dry-run", folder],
        ["ingest", "--address", "a:1", folder],
    ):
        refused = safelight(wrong, **here)
        assert refused.returncode == 2, refused.stderr
