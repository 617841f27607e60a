"""A run from a folder to data/output."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from safelight.errors import SafelightError, SourceError, UsageError
from safelight.ingest import Progress
from safelight.pipeline.batch_plan import list_folder, make_batches
from safelight.pipeline.paths import PipelinePaths
from safelight.pipeline.runner import run
from safelight.pipeline.services.ingest import IngestService
from safelight.pipeline.services.preprocess import PreprocessService

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class Naming:
    """A service of one's own behind the usual ones: says where each photo came from."""

    def __init__(self, name: str = "naming", stop_at: int | None = None) -> None:
        self.name = name
        self.processed: list[str] = []
        self._stop_at = stop_at

    def process(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        if self._stop_at is not None and len(self.processed) >= self._stop_at:
            raise SafelightError("The power is out.")
        self.processed.append(batch["batch_id"])
        artifacts = [{**a, self.name: a["original_uri"]} for a in batch["artifacts"]]
        return {**batch, "artifacts": artifacts}


@pytest.fixture
def places(tmp_path: Path) -> PipelinePaths:
    return PipelinePaths(tmp_path / "data")


@pytest.fixture
def photos(places: PipelinePaths, make_photo: Callable[..., Path]) -> Path:
    for number in range(10):
        make_photo(places.input / f"{number}.png", seed=number)
    return places.input


def _services(places: PipelinePaths, *more: Naming) -> list[Any]:
    return [IngestService(places), PreprocessService(places), *(more or [Naming()])]


def _read(paths: list[Path]) -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in paths]


def _uris(batches: list[dict[str, Any]]) -> Counter[str]:
    return Counter(a["original_uri"] for batch in batches for a in batch["artifacts"])


def test_every_photo_gets_through_every_service(places: PipelinePaths, photos: Path) -> None:
    (photos / "sub folder").mkdir()
    (photos / "0.png").rename(photos / "sub folder" / "ä 0.PNG")
    (photos / "bad.jpg").write_bytes(b"bad")
    whole = (photos / "9.png").read_bytes()
    (photos / "9.png").write_bytes(whole[:-40])  # its header is fine
    told: list[Progress] = []
    summary = run(
        photos, _services(places, Naming("a"), Naming("b")), places, batch_size=4,
        progress=told.append,
    )  # fmt: skip
    batches = _read(summary.outputs)
    assert [path.parent for path in summary.outputs] == [places.output] * 3
    assert [path.stem for path in summary.outputs] == [batch["batch_id"] for batch in batches]
    assert [len(batch["artifacts"]) for batch in batches] == [4, 4, 2]
    for batch in batches:
        for artifact in batch["artifacts"]:
            assert artifact["a"] == artifact["b"] == artifact["original_uri"]
    assert _uris(batches) == Counter(
        [*(f"./data/input/{number}.png" for number in range(1, 10)),
         "./data/input/sub folder/ä 0.PNG"]
    )  # fmt: skip
    assert summary.photos == 10
    assert sorted(uri for uri, _ in summary.failures) == [
        "./data/input/9.png", "./data/input/bad.jpg",
    ]  # fmt: skip
    assert summary.resumed == 0
    assert told[-1] == Progress(11, 11, 2)
    assert [path.name for path in places.batches.iterdir()] == [".lock"]


def test_ids_tell_the_time_and_the_place_among_several(places: PipelinePaths, photos: Path) -> None:
    entries = list_folder(photos)
    (one,) = make_batches(entries, places, 10)
    several = make_batches(entries, places, 3)
    assert len(one["batch_id"]) == len("batch_20251017_105804")
    assert one["batch_id"].startswith("batch_20")
    assert [each["batch_id"][-4:] for each in several] == ["_001", "_002", "_003", "_004"]
    assert make_batches([], places) == []


def test_an_id_is_not_given_twice(places: PipelinePaths, photos: Path) -> None:
    seen = set()
    for _ in range(3):
        summary = run(photos, _services(places), places)
        seen |= set(summary.outputs)
    assert len(seen) == 3


def test_a_run_that_was_stopped_goes_on(places: PipelinePaths, photos: Path) -> None:
    with pytest.raises(SafelightError, match="The power is out"):
        run(photos, _services(places, Naming(stop_at=2)), places, batch_size=2)
    before = {path: path.read_bytes() for path in places.output.iterdir()}
    assert 1 <= len(before) <= 2
    again = Naming()
    summary = run(photos, _services(places, again), places, batch_size=2)
    assert len(summary.outputs) == 5
    assert summary.resumed >= 2
    assert {path: path.read_bytes() for path in before} == before
    assert set(again.processed).isdisjoint(path.stem for path in before)
    assert set(_uris(_read(summary.outputs)).values()) == {1}
    assert len(_uris(_read(summary.outputs))) == 10
    assert {path.name for path in places.batches.iterdir()} == {".lock"}


def test_what_came_since_is_taken_along(
    places: PipelinePaths, photos: Path, make_photo: Callable[..., Path]
) -> None:
    with pytest.raises(SafelightError):
        run(photos, _services(places, Naming(stop_at=1)), places, batch_size=4)
    make_photo(photos / "new.png", "blue")
    summary = run(photos, _services(places), places, batch_size=4)
    uris = _uris(_read(summary.outputs))
    assert len(uris) == 11
    assert set(uris.values()) == {1}


def test_an_unfinished_run_is_not_mixed_with_another(places: PipelinePaths, photos: Path) -> None:
    with pytest.raises(SafelightError):
        run(photos, _services(places, Naming(stop_at=1)), places, batch_size=4,
            options={"model": "one"})  # fmt: skip
    done = set(places.output.iterdir())
    with pytest.raises(UsageError, match=r"model: one.*start over"):
        run(photos, _services(places), places, options={"model": "two"})
    summary = run(photos, _services(places), places, options={"model": "two"}, fresh=True)
    assert len(summary.outputs) == 1
    assert summary.resumed == 0
    assert set(places.output.iterdir()) == done | set(summary.outputs)


def test_a_folder_without_photos(places: PipelinePaths) -> None:
    places.input.mkdir(parents=True)
    assert run(places.input, _services(places), places).outputs == []
    (places.input / "bad.jpg").mkdir()
    summary = run(places.input, _services(places), places)
    assert [uri for uri, _ in summary.failures] == ["./data/input/bad.jpg"]
    assert len(summary.outputs) == 1
    with pytest.raises(SourceError, match="no such folder"):
        run(places.root / "nowhere", _services(places), places)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such lock")
def test_two_runs_at_once_are_refused(places: PipelinePaths, photos: Path) -> None:
    places.batches.mkdir(parents=True)
    script = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'ab'); fcntl.flock(f, fcntl.LOCK_EX);"
        "print('locked', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, places.batches / ".lock"], stdout=subprocess.PIPE
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(UsageError, match="Another run"):
            run(photos, _services(places), places)
    finally:
        other.kill()
        other.communicate()
    assert run(photos, _services(places), places).photos == 10


def test_a_plan_that_is_damaged_is_named(places: PipelinePaths, photos: Path) -> None:
    with pytest.raises(SafelightError):
        run(photos, _services(places, Naming(stop_at=0)), places)
    (plan,) = places.batches.glob("run-*.json")
    plan.write_text('{"batches": 3}')
    with pytest.raises(UsageError, match="not a plan"):
        run(photos, _services(places), places)
    assert run(photos, _services(places), places, fresh=True).photos == 10
