from __future__ import annotations

import doctest
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

import safelight.quality
from safelight.errors import DecodeError, ModelError, UsageError
from safelight.imaging import decode
from safelight.quality import (
    Measurement,
    Picture,
    Weights,
    choose,
    measure,
    score,
    score_files,
    scoring,
)
from safelight.quality.head import Head
from safelight.quality.picture import MIN_SIDE
from safelight.quality.registry import NAMES, PIXEL_METRICS
from tests.fakes import ColourEmbedder

if TYPE_CHECKING:
    from safelight.quality.metric import Metric


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "A coffee.jpg"
    image = Image.fromarray(data.coffee())
    image.resize((3000, 2000), Image.Resampling.BICUBIC).save(path, quality=90)
    return path


def _numbers(report: Any) -> dict[str, Any]:
    return {name: (m.value, m.score, m.details) for name, m in report.measurements.items()}


def test_examples_in_docstrings_run() -> None:
    assert doctest.testmod(scoring).failed == 0


def test_the_json_shape_is_the_documented_one(photo: Path) -> None:
    report = score(photo)
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert set(found) == {"path", "photo_id", "metrics", "combined"}
    assert found["path"] == str(photo)
    assert found["photo_id"] == sha256(photo.read_bytes()).hexdigest()
    assert list(found["metrics"]) == [name for name in NAMES if name != "head"]
    for name, metric in found["metrics"].items():
        assert set(metric) == {"value", "score", "status", "reason", "version"}
        assert metric["status"] in ("ok", "failed", "skipped")
        assert (metric["reason"] is None) == (metric["status"] == "ok")
        assert metric["score"] == report.score(name)
    assert set(found["combined"]) == {"score", "parts"}
    assert found["combined"]["score"] == report.score("combined")
    assert report.score("nonsense") is None
    with_details = json.loads(json.dumps(report.to_dict(details=True), allow_nan=False))
    assert with_details["metrics"]["exposure"]["details"]["p50"] > 0
    assert len(with_details["metrics"]["focus"]["details"]["tiles"]) == 8


def test_a_path_a_frame_and_pixels_are_one_photo(photo: Path) -> None:
    frame = decode(photo.read_bytes(), min_side=MIN_SIDE)
    assert _numbers(score(photo)) == _numbers(score(str(photo))) == _numbers(score(frame))
    small = replace(frame, width=frame.pixels.shape[1], height=frame.pixels.shape[0])
    assert _numbers(score(frame.pixels)) == _numbers(score(small))
    assert score(frame).photo_id is None


def test_full_size_is_another_version_and_other_numbers(photo: Path) -> None:
    usual, full = score(photo), score(photo, full_size=True)
    for name, version in usual.versions.items():
        assert full.versions[name] == f"{version}-full"
    assert full.measurements["focus"].value != usual.measurements["focus"].value
    whole = Picture.of(decode(photo.read_bytes()), full_size=True)
    assert _numbers(measure(whole)) == _numbers(full)


def test_results_are_equal_whatever_the_threads(photo: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [data.chelsea(), data.camera(), rng.integers(0, 256, (333, 500, 3), np.uint8)] * 3
    alone = [_numbers(score(pixels)) for pixels in pictures]
    with ThreadPoolExecutor(4) as pool:
        assert [_numbers(report) for report in pool.map(score, pictures)] == alone


def test_only_the_metrics_that_are_asked_for(photo: Path) -> None:
    report = score(photo, choose(["noise", "exposure"]))
    assert list(report.measurements) == ["exposure", "noise"], "in the order of reports"
    assert set(report.combined.parts) == {"exposure", "noise"}


def test_weights_change_the_combined_score(photo: Path) -> None:
    report = score(photo, weights=Weights.parse("focus=0,clip_iqa=0"))
    assert "focus" not in report.combined.parts
    assert report.measurements["focus"].status == "ok"


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (3, 7, 3), (2000, 2), (9, 9, 4)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_no_picture_is_too_odd(shape: tuple[int, ...], level: int) -> None:
    for full_size in (False, True):
        report = score(np.full(shape, level, np.uint8), full_size=full_size)
        for measurement in report.measurements.values():
            assert measurement.status in ("ok", "skipped")
            if measurement.status == "ok":
                assert 0 <= measurement.score <= 1


class Odd:
    name = "odd"
    version = "1"

    def __init__(self, found: Measurement | Exception) -> None:
        self._found = found

    def measure(self, picture: Picture) -> Measurement:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


def test_a_metric_that_breaks_spoils_no_other() -> None:
    metrics: list[Metric] = [Odd(ZeroDivisionError("by nothing")), *choose(["exposure"])]
    report = score(data.camera(), metrics)
    broken = report.measurements["odd"]
    assert (broken.status, broken.value, broken.score) == ("failed", None, None)
    assert broken.reason == "ZeroDivisionError: by nothing"
    assert report.measurements["exposure"].status == "ok"
    assert set(report.combined.parts) == {"exposure"}


def test_a_failure_is_never_a_number() -> None:
    for number in (float("nan"), float("inf")):
        report = score(data.camera(), [Odd(Measurement(number, 0.5, details={"kept": 1}))])
        found = report.measurements["odd"]
        assert (found.status, found.value, found.score) == ("failed", None, None)
        assert found.details == {"kept": 1}
        json.dumps(report.to_dict(), allow_nan=False)


def test_a_model_that_cannot_be_used_is_an_error() -> None:
    with pytest.raises(ModelError):
        score(data.camera(), [Odd(ModelError("no such model"))])


def test_a_bad_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"nonsense")
    with pytest.raises(DecodeError, match=r"bad\.jpg is not an image"):
        score(tmp_path / "bad.jpg")
    with pytest.raises(FileNotFoundError):
        score(tmp_path / "none.jpg")
    Image.new("RGB", (20, 20)).save(tmp_path / "large.png")
    with pytest.raises(DecodeError) as caught:
        score(tmp_path / "large.png", max_pixels=399)
    assert caught.value.code == "too-large"


def test_a_model_embeds_the_photo_for_those_that_look_at_its_vector(tmp_path: Path) -> None:
    model = ColourEmbedder()
    np.savez(tmp_path / "red.npz", weight=np.array([[9.0, 0.0, 0.0]]), bias=np.array([1.0]))
    metrics = choose(model=model, head=Head.load(tmp_path / "red.npz"), prompts="quality")
    red = np.zeros((40, 40, 3), np.uint8)
    red[..., 0] = 200
    report = score(red, metrics, model=model)
    assert list(report.measurements) == list(NAMES)
    assert report.measurements["head"].value == pytest.approx(10)
    assert report.measurements["clip_iqa"].status == "ok"
    assert {"head", "clip_iqa"} <= set(report.combined.parts)
    assert model.encoded == 1
    without = score(red, metrics)
    assert without.measurements["clip_iqa"].status == "skipped"


def test_metrics_are_chosen_by_name() -> None:
    assert [metric.name for metric in choose()] == [name for name in NAMES if name != "head"]
    assert len(set(NAMES)) == len(NAMES)
    with pytest.raises(UsageError, match=r"Unknown metric 'beauty'. Choose from: .*noise"):
        choose(["noise", "beauty"])
    with pytest.raises(UsageError, match="needs a file"):
        choose(["head"])


def test_every_metric_is_explained_and_has_a_version() -> None:
    for metric in choose():
        assert type(metric).__doc__
        assert metric.version.split("-")[0].isdigit()
    guide = (Path(__file__).parents[2] / "docs" / "quality.md").read_text(encoding="utf-8")
    for name in (*NAMES, "combined"):
        _, heading, rest = guide.partition(f"\n## {name}\n")
        assert heading, f"docs/quality.md has no section on {name}"
        assert "](pictures/" in rest.partition("\n## ")[0], f"{name} has no picture"
    assert {metric.name for metric in PIXEL_METRICS} < set(NAMES)


def test_the_package_loads_nothing_before_it_is_used() -> None:
    script = (
        "import sys, safelight.quality\n"
        "print(*[name for name in ('numpy', 'PIL', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
    for name in safelight.quality.__all__:
        assert getattr(safelight.quality, name).__doc__
    with pytest.raises(AttributeError, match="nonsense"):
        _ = safelight.quality.nonsense


def test_many_files_come_back_in_order_with_the_reason_for_those_that_cannot(tmp_path) -> None:
    paths = []
    for number in range(30):
        paths.append(tmp_path / f"{number}.png")
        if number % 7 == 3:
            paths[-1].write_bytes(b"nonsense")
        elif number != 5:
            Image.fromarray(data.camera()[number:, number:]).save(paths[-1])
    for threads in (1, 5):
        found = list(score_files(paths, choose(["exposure"]), threads=threads))
        assert len(found) == len(paths)
        for number, (path, result) in enumerate(zip(paths, found, strict=True)):
            if number == 5:
                assert isinstance(result, FileNotFoundError)
            elif number % 7 == 3:
                assert isinstance(result, DecodeError)
            else:
                assert result == score(path, choose(["exposure"]))


def test_a_run_that_is_given_up_reads_no_more_files(tmp_path) -> None:
    asked = []

    def endless():
        for number in range(10_000):
            asked.append(number)
            yield tmp_path / f"{number}.png"

    run = score_files(endless(), threads=2)
    assert isinstance(next(run), FileNotFoundError)
    run.close()
    assert len(asked) < 20
