"""kill -9, at random points: nothing lost, nothing doubled."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from safelight.pipeline.paths import PipelinePaths
from tests.forked import Started, safelight, start
from tests.pipeline.nats_server import needs_nats, serving
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _small_photos(folder: Path, count: int) -> list[Path]:
    folder.mkdir(parents=True)
    chance = np.random.default_rng(7)
    paths = [folder / f"{number:04}.jpg" for number in range(count)]
    for path in paths:
        tiles = Image.fromarray(chance.integers(0, 256, (6, 6, 3), np.uint8))
        tiles.resize((48, 48)).save(path)
    return paths


def _outputs(places: PipelinePaths) -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(places.output.glob("*.json"))]


def test_a_run_killed_at_any_point_goes_on(tmp_path: Path) -> None:
    places = PipelinePaths(tmp_path / "data")
    photos = _small_photos(places.input, 120)
    command = ["pipeline", "run", "--data", places.data, "--batch-size", "10",
               "--model", "starter", "--quiet"]  # fmt: skip
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # pytest shows it if this fails
    moments = random.Random(seed)
    ids: set[str] = set()
    kills, finished = 0, False
    while kills < 4 and not finished:
        process = start(command, cwd=tmp_path, environ=os.environ, said=tmp_path / "said")
        # From before the plan is written to well into the batches.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moments.uniform(0.05, 1.0))
        if process.poll() is not None:
            assert process.poll() == 0
            break
        process.kill()
        process.wait()
        kills += 1
        # Killed on its way out, with nothing left to do.
        finished = bool(ids) and not list(places.batches.glob("run-*.json"))
        for batch in _outputs(places):  # each that is there is whole
            assert all("features" in artifact for artifact in batch["artifacts"])
            ids.add(batch["batch_id"])
    assert kills, "it was over before it could be killed"
    if process.poll() and not finished:
        _done(tmp_path, *command)

    found = _outputs(places)
    assert ids <= {batch["batch_id"] for batch in found}
    assert len(found) == len({batch["batch_id"] for batch in found})
    seen = Counter(a["original_uri"] for batch in found for a in batch["artifacts"])
    assert seen == Counter(f"./data/input/{path.name}" for path in photos)
    # A kill may leave half a file; an hour later it is swept away.
    left = {path.name for path in places.batches.iterdir() if path.suffix != ".part"}
    assert left == {".lock"}


def _done(cwd: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without a fault."""
    done = safelight(arguments, cwd=cwd, environ=os.environ)
    assert done.returncode == 0, done.stderr
    return done


class Workers:
    """Processes of one service on a bus."""

    def __init__(self, url: str, places: PipelinePaths, log: Path) -> None:
        self._command = [
            "pipeline", "worker", "features", "--bus", url, "--data", places.data,
            "--model", "starter", "--ack-wait", "1.5", "--max-deliver", "9", "--threads", "1",
            "--log-json",
        ]  # fmt: skip
        self._said = log.with_suffix("")
        self._log = log
        self.running: list[Started] = []

    def start(self) -> None:
        # One core each, as on a machine that has more than two of them.
        environ = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.running.append(
            start(self._command, cwd=self._log.parent, environ=environ, said=self._said)
        )

    def kill(self, number: int) -> None:
        process = self.running.pop(number)
        assert process.poll() is None, self._log.read_text()
        process.kill()
        process.wait()

    def stop(self) -> None:
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            assert process.wait(90) == 0, self._log.read_text()[-2000:]
        self.running.clear()


@contextlib.contextmanager
def _working(url: str, places: PipelinePaths, log: Path) -> Iterator[Workers]:
    workers = Workers(url, places, log)
    try:
        yield workers
    finally:
        for process in workers.running:
            process.kill()
            process.wait()


@needs_nats
def test_workers_killed_three_times_lose_and_double_nothing(tmp_path: Path) -> None:
    count, of_a_batch = 180, 6
    places = PipelinePaths(tmp_path / "data")
    photos = _small_photos(places.ranking, count)
    artifacts = [
        {
            "photo_id": f"{number:064x}",
            "std_uri": f"./data/rankingInput/{path.name}",
            "mine": number,
        }
        for number, path in enumerate(photos)
    ]
    batches = []
    for at in range(0, count, of_a_batch):
        some = artifacts[at : at + of_a_batch]
        batch = {"batch_id": f"b{at:04}", "artifacts": some, "by": "us"}
        batches.append(tmp_path / f"b{at:04}.json")
        batches[-1].write_text(json.dumps(batch))
    output = tmp_path / "features.jsonl"
    log = tmp_path / "workers.err"

    def lines() -> int:
        return output.read_bytes().count(b"\n") if output.exists() else 0

    with (
        serving(tmp_path / "nats") as server,
        _working(server.url, places, log) as workers,
    ):
        workers.start()
        workers.start()
        bus = ["--bus", server.url, "--data", places.data]
        _done(tmp_path, "pipeline", "publish", *batches, *bus)
        watch = ["pipeline", "watch", *bus, "-o", output]
        watched = {"cwd": tmp_path, "environ": os.environ, "said": tmp_path / "watching"}
        watching = start([*watch, "-n", len(batches)], **watched)
        try:
            for kills in (1, 2, 3):
                _until(lambda least=7 * kills: lines() >= least, log)
                workers.kill(0)
                workers.start()
                if kills == 2:  # the consumer dies as well
                    watching.kill()
                    watching.wait()
                    watching = start([*watch, "--idle", "600"], **watched)
            _until(lambda: lines() >= len(batches), log)
        finally:
            watching.kill()
            watching.wait()
        # Whatever is published again now is refused, and nothing more comes.
        again = _done(tmp_path, "pipeline", "publish", *batches[:3], *bus)
        assert again.stderr.count("was published before") == 3
        _done(tmp_path, *watch, "--idle", "2")
        fresh = _done(tmp_path, *watch[:-2], "--durable", "another", "--idle", "4")
        assert _done(tmp_path, "pipeline", "dead", "--bus", server.url).stdout == ""
        workers.stop()

    # Lines of those who were killed may be half there, in front of another's.
    attempts = [int(each) for each in re.findall(r'"attempt": ?(\d+)', log.read_text())]
    assert max(attempts) > 1, "no batch was being worked on"
    for text in (output.read_text("utf-8"), fresh.stdout):
        found = [json.loads(line) for line in text.splitlines()]
        assert Counter(batch["batch_id"] for batch in found) == Counter(
            path.stem for path in batches
        )
        assert all(batch["by"] == "us" for batch in found)
        seen = [artifact for batch in found for artifact in batch["artifacts"]]
        assert len(seen) == count
        assert sorted(each["mine"] for each in seen) == list(range(count))
        for each in seen:
            assert each["photo_id"] == f"{each['mine']:064x}"
            assert each["features"]["tech"]["exposure"] is not None
            assert len(each["features"]["clip_labels"]) == 5


def _until(condition: Any, log: Path) -> None:
    until(condition, seconds=180, why=lambda: log.read_text()[-3000:])
