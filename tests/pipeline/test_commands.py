"""``safelight pipeline``, as people and supervisors run it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.forked import safelight
from tests.pipeline.nats_server import needs_nats, serving
from tests.ports import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAFELIGHT = str(Path(sys.executable).with_name("safelight"))


@pytest.fixture
def photos(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    folder = tmp_path / "data" / "input"
    for number, colour in enumerate(("red", "green", "blue")):
        make_photo(folder / f"{colour} {number}.jpg", colour, seed=number, size=64)
    (folder / "bad.jpg").write_bytes(b"these are words")
    return folder


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    def call(*arguments: object, code: int = 0, given: bytes | None = None) -> Any:
        if given is None:
            forked = safelight(["pipeline", *arguments], cwd=tmp_path, environ=os.environ)
            out, err = forked.stdout.encode(), forked.stderr.encode()
            done = subprocess.CompletedProcess(forked.args, forked.returncode, out, err)
        else:
            done = subprocess.run(
                [SAFELIGHT, "pipeline", *map(str, arguments)],
                cwd=tmp_path, capture_output=True, timeout=120, input=given,
            )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return call


@pytest.mark.parametrize(
    "arguments", [("run", "--input", "nope"), ("features", "nope.json"), ("ingest", "nope.json")]
)
def test_what_is_not_there_is_told_before_a_model_is_looked_for(command, arguments) -> None:
    done = command(*arguments, code=1)
    assert b"nope" in done.stderr
    assert b"model" not in done.stderr


def test_a_run(command: Any, photos: Path, tmp_path: Path) -> None:
    done = command("run", "--model", "starter", "--json")
    summary = json.loads(done.stdout)
    assert (summary["photos"], summary["failed"], summary["resumed"]) == (3, 1, 0)
    assert summary["failures"][0]["uri"] == "./data/input/bad.jpg"
    (path,) = summary["outputs"]
    batch = json.loads(Path(path).read_text("utf-8"))
    assert Path(path) == tmp_path / "data" / "output" / f"{batch['batch_id']}.json"
    for artifact in batch["artifacts"]:
        assert len(artifact["features"]["clip_labels"]) == 5
        assert (tmp_path / artifact["std_uri"]).is_file()
    # The next one finds copies and features.
    again = command("run", "--model", "starter")
    assert b"3 photos in 1 batch, 1 failed" in again.stdout
    assert b"bad.jpg is not an image" in again.stderr


def test_a_library_keeps_features_when_the_cache_is_gone(
    command: Any, photos: Path, tmp_path: Path
) -> None:
    options = ("--model", "starter", "--library", tmp_path / "kept.db", "--json")
    (first,) = json.loads(command("run", *options).stdout)["outputs"]
    for path in (tmp_path / "data" / "cache").rglob("*.json"):
        path.unlink()
    done = command("run", *options, "--verbose")
    assert b"3 artifacts, 3 of them cached" in done.stderr
    (again,) = json.loads(done.stdout)["outputs"]
    old, new = (json.loads(Path(path).read_text("utf-8"))["artifacts"] for path in (first, again))
    assert old == new


def test_a_run_without_any_success_fails(command: Any, photos: Path) -> None:
    for path in photos.iterdir():
        path.write_bytes(b"words")
    done = command("run", "--model", "starter", code=1)
    assert done.stderr.count(b"is not an image") == 4


def test_a_run_over_nothing(command: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert b"Found no photos" in command("run", "--input", "empty", "--model", "starter").stdout
    gone = command("run", "--input", "gone", "--model", "starter", code=1)
    assert b"there is no such folder" in gone.stderr


def test_a_run_stops_at_once_and_goes_on(
    command: Any, tmp_path: Path, make_photo: Callable[..., Path]
) -> None:
    folder = tmp_path / "data" / "input"
    photo = make_photo(folder / "0.jpg", size=1600).read_bytes()
    for number in range(1, 24):
        (folder / f"{number}.jpg").write_bytes(photo + bytes([number]))
    options = ["run", "--model", "starter", "--batch-size", "2", "--json"]
    process = subprocess.Popen(
        [SAFELIGHT, "pipeline", *options], cwd=tmp_path, stderr=subprocess.PIPE
    )
    output = tmp_path / "data" / "output"
    until(lambda: output.is_dir() and bool(list(output.glob("*.json"))))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"the next run goes on" in said
    assert b"Traceback" not in said
    done = len(list(output.glob("*.json")))
    assert done < 12, "it was done before it was asked"
    summary = json.loads(command(*options).stdout)
    assert (summary["photos"], len(summary["outputs"])) == (24, 12)
    assert summary["resumed"] >= done


def test_services_by_hand(command: Any, photos: Path, tmp_path: Path) -> None:
    command("ingest", photos, "-o", "ingested.json")
    ingested = json.loads((tmp_path / "ingested.json").read_text("utf-8"))
    assert len(ingested["photo_index"]) == 3
    assert len(ingested["failures"]) == 1
    preprocessed = command("preprocess", "ingested.json").stdout
    done = command("features", "-", "--model", "starter", given=preprocessed)
    batch = json.loads(done.stdout)
    assert [a["photo_id"] for a in batch["artifacts"]] == [
        a["photo_id"] for a in ingested["photo_index"]
    ]
    assert all("features" in a and "std_uri" in a for a in batch["artifacts"])
    assert batch["failures"] == ingested["failures"]
    assert b"INFO:features_service:" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", b"is not JSON"),
        ("[]", b"not an object"),
        ("{}", b"has no batch_id"),
        ('{"batch_id": "b"}', b"not a batch"),
    ],
)
def test_what_is_not_a_batch_is_wrong_usage(
    command: Any, tmp_path: Path, text: str, said: bytes
) -> None:
    (tmp_path / "batch.json").write_text(text)
    assert said in command("preprocess", "batch.json", code=2).stderr


def test_a_bus_that_is_away(command: Any) -> None:
    url = f"nats://me:secret@127.0.0.1:{free_port()}"
    done = command("watch", "--bus", url, code=1)
    assert b"cannot be used as a bus" in done.stderr
    assert b"secret" not in done.stderr
    assert command("watch", code=2).stderr


@contextlib.contextmanager
def _workers(url: str, cwd: Path, *services: str, **more: Any) -> Iterator[list[Any]]:
    environ = {**os.environ, "SAFELIGHT_BUS": url}
    running = []
    with open(cwd / "log", "ab") as log:
        for service in services:
            options = ["--model", "starter"] if service == "features" else []
            command = [SAFELIGHT, "pipeline", "worker", service, *options, *more.get("options", ())]
            running.append(subprocess.Popen(command, cwd=cwd, env=environ, stderr=log))
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


@needs_nats
def test_three_workers_on_a_bus(command: Any, photos: Path, tmp_path: Path) -> None:
    with (
        serving(tmp_path / "nats") as server,
        _workers(server.url, tmp_path, "ingest", "preprocess", "features") as running,
    ):
        bus = ("--bus", server.url)
        published = command("publish", photos, "--batch-size", 2, *bus)
        ids = published.stdout.decode().split()
        assert len(ids) == 2
        done = command("watch", "-n", 2, *bus)
        batches = [json.loads(line) for line in done.stdout.splitlines()]
        assert sorted(each["batch_id"] for each in batches) == sorted(ids)
        artifacts = [artifact for batch in batches for artifact in batch["artifacts"]]
        assert sorted(a["original_uri"] for a in artifacts) == [
            "./data/input/blue 2.jpg", "./data/input/green 1.jpg", "./data/input/red 0.jpg",
        ]  # fmt: skip
        assert all(a["features"]["tech"]["sharpness"] is not None for a in artifacts)
        (failure,) = [each for batch in batches for each in batch.get("failures", ())]
        assert failure["code"] == "not-an-image"
        assert command("watch", "--idle", 0.5, *bus).stdout == b""
        # Asked to stop, each stops.
        for process, how in zip(running, (signal.SIGTERM, signal.SIGINT, signal.SIGTERM),
                                strict=True):  # fmt: skip
            process.send_signal(how)
        for process in running:
            assert process.wait(60) == 0, (tmp_path / "log").read_text()


@needs_nats
def test_a_worker_that_is_asked_twice_gives_its_batch_back(
    command: Any, tmp_path: Path, make_photo: Callable[..., Path]
) -> None:
    folder = tmp_path / "data" / "input"
    photo = make_photo(folder / "0.jpg", size=1600).read_bytes()
    for number in range(1, 40):
        (folder / f"{number}.jpg").write_bytes(photo + bytes([number]))
    command("ingest", folder, "-o", "batch.json")
    with serving(tmp_path / "nats") as server:
        bus = ("--bus", server.url)
        command("publish", "batch.json", *bus)
        with _workers(server.url, tmp_path, "preprocess", options=["--ack-wait", "600"]) as running:
            ranking = tmp_path / "data" / "rankingInput"
            until(lambda: ranking.is_dir() and len(list(ranking.iterdir())) > 4)
            # Two of one kind may arrive as one.
            running[0].send_signal(signal.SIGTERM)
            running[0].send_signal(signal.SIGINT)
            assert running[0].wait(60) == 0
        assert len(list(ranking.glob("*_1024.jpg"))) < 40, "it was done before it was asked"
        assert b"given back" in (tmp_path / "log").read_bytes()
        with _workers(server.url, tmp_path, "preprocess"):
            # This has no patience for as long as ack-wait.
            done = command("watch", "--event", "preprocess.completed", "-n", 1, *bus)
        assert len(json.loads(done.stdout)["artifacts"]) == 40


@needs_nats
def test_dead_letters_are_listed_and_retried(
    command: Any, tmp_path: Path, make_photo: Callable[..., Path]
) -> None:
    make_photo(tmp_path / "a.png")
    batch = {"batch_id": "b1", "photo_index": [{"original_uri": "./a.png"}]}
    (tmp_path / "batch.json").write_text(json.dumps(batch))
    with serving(tmp_path / "nats") as server:
        bus = ("--bus", server.url)
        assert command("dead", *bus).stdout == b""
        command("publish", "batch.json", *bus)
        # A file lies where a folder should be: nothing that the batch could help.
        blocked = tmp_path / "data" / "rankingInput"
        blocked.parent.mkdir()
        blocked.write_bytes(b"")
        with _workers(server.url, tmp_path, "preprocess", options=["--max-deliver", "1"]):
            until(lambda: command("dead", *bus).stdout != b"")
            plain = command("dead", *bus).stdout.decode()
            assert "preprocess  b1" in plain
            assert "cannot be written" in plain
            letter = json.loads(command("dead", "--json", *bus).stdout)
            assert json.loads(letter["payload"])["batch"] == batch
            assert command("dead", "--retry", "999", *bus, code=2).stderr
            blocked.unlink()
            assert command("dead", "--retry", letter["key"], *bus).stdout == b"b1 retried\n"
            done = command("watch", "--event", "preprocess.completed", "-n", 1, *bus)
            assert json.loads(done.stdout)["artifacts"][0]["std_uri"]
        assert command("dead", *bus).stdout == b""


@needs_nats
def test_a_file_that_is_watched_into_holds_each_batch_once(command: Any, tmp_path: Path) -> None:
    from safelight.pipeline.bus.events import new_event
    from safelight.pipeline.bus.nats import NatsBus

    async def publish(url: str) -> None:
        bus = await NatsBus.connect(url)
        for number in range(5):
            batch = {"batch_id": f"b{number}", "artifacts": []}
            await bus.publish(new_event("features.completed", batch))
        await bus.close()

    output = tmp_path / "out.jsonl"
    # Killed after it wrote a line and before it said so, and in the middle of the next.
    output.write_bytes(b'{"batch_id": "b0", "artifacts": []}\n{"batch_id": "b1", "arti')
    with serving(tmp_path / "nats") as server:
        asyncio.run(publish(server.url))
        command("watch", "--bus", server.url, "-o", output, "--idle", 0.5)
    found = [json.loads(line)["batch_id"] for line in output.read_bytes().splitlines()]
    assert found == [f"b{number}" for number in range(5)]


@needs_nats
def test_a_watch_whose_server_goes_away_says_so_once(tmp_path: Path) -> None:
    with (
        serving(tmp_path / "nats") as server,
        open(tmp_path / "said", "w+b") as said,
        subprocess.Popen(
            [SAFELIGHT, "pipeline", "watch", "--bus", server.url, "-o", str(tmp_path / "out")],
            stderr=said,
            cwd=tmp_path,
        ) as watching,
    ):
        try:
            until((tmp_path / "out").exists)
            time.sleep(0.5)
            server.stop()
            until(lambda: "Lost the connection" in (tmp_path / "said").read_text())
            time.sleep(2.5)  # in which it tries again a few times
        finally:
            watching.kill()
        told = (tmp_path / "said").read_text()
    assert told.count("Lost the connection") == 1
    assert "DEBUG" not in told


def test_no_output_takes_the_place_of_a_photo(command: Any, photos: Path) -> None:
    for photo in (path for path in photos.rglob("*") if path.is_file()):
        before = photo.read_bytes()
        for arguments in (("ingest", photos), ("watch", "--bus", "nats://127.0.0.1:9")):
            assert b"is a photo" in command(*arguments, "-o", photo, code=2).stderr
        assert photo.read_bytes() == before
