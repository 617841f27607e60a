"""``safelight score``, run as people run it."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from skimage import data

from safelight.quality import score as measure
from tests.forked import safelight
from tests.quality.damage import blurred

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``safelight score``: ``run("photo.jpg", code=0)``."""

    def call(*args: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = safelight(
            ["score", *args],
            cwd=tmp_path,
            environ={**os.environ, "SAFELIGHT_LIBRARY": str(tmp_path / "library.db")},
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "My Photos"
    (folder / "deep").mkdir(parents=True)
    Image.fromarray(data.chelsea()).save(folder / "sharp katt ä.png")
    Image.fromarray(blurred(data.chelsea(), 2)).save(folder / "deep" / "SOFT.PNG")
    Image.fromarray(blurred(data.chelsea(), 5)).save(folder / "deep" / "softest.png")
    return folder


def test_json_lines_are_what_python_gives(run, folder) -> None:
    lines = run(folder, "--json", "--details").stdout.splitlines()
    reports = [json.loads(line) for line in lines]
    assert [Path(report["path"]).name for report in reports] == [
        "SOFT.PNG", "softest.png", "sharp katt ä.png",
    ]  # fmt: skip
    for report in reports:
        assert report == json.loads(json.dumps(measure(report["path"]).to_dict(details=True)))
    plain = json.loads(run(folder, "--json").stdout.splitlines()[0])
    assert set(plain["metrics"]["noise"]) == {"value", "score", "status", "reason", "version"}


def test_a_table_has_a_line_a_photo(run, folder) -> None:
    heading, *lines = run(folder).stdout.splitlines()
    assert heading.split() == [
        "combined", "sharpness", "focus", "exposure", "noise", "brisque", "niqe", "path",
    ]  # fmt: skip
    assert len(lines) == 3
    assert lines[-1].endswith("  My Photos/sharp katt ä.png")
    assert "clip_iqa" in run(folder, "--metrics", "clip_iqa,focus").stdout


def test_one_photo_is_explained(run, folder) -> None:
    out = run(folder / "sharp katt ä.png", "--metrics", "focus,exposure,clip_iqa").stdout
    assert out.startswith("My Photos/sharp katt ä.png\n")
    assert "focus 56%, exposure 44%" in out
    assert "skipped: no CLIP model was named" in out


def test_csv_has_a_heading_and_a_row_a_photo(run, folder) -> None:
    rows = list(csv.DictReader(io.StringIO(run(folder, "--csv").stdout)))
    assert len(rows) == 3
    report = measure(folder / "sharp katt ä.png")
    row = next(row for row in rows if row["path"] == report.path)
    assert row["photo_id"] == report.photo_id
    assert float(row["combined"]) == report.combined.score
    assert float(row["focus_value"]) == report.measurements["focus"].value
    assert (row["clip_iqa_status"], row["clip_iqa_score"]) == ("skipped", "")


def test_sorting_and_the_worst(run, folder) -> None:
    def names(*options: object) -> list[str]:
        lines = run(folder, "--json", *options).stdout.splitlines()
        return [Path(json.loads(line)["path"]).name for line in lines]

    best_first = ["sharp katt ä.png", "SOFT.PNG", "softest.png"]
    assert names("--sort", "focus") == best_first
    assert names("--sort", "focus", "--worst", 2) == best_first[:0:-1]
    assert names("--worst", 1) == ["softest.png"]
    # Nothing is known about clip_iqa: those without a score keep their order, last.
    assert len(names("--sort", "clip_iqa")) == 3


def test_bad_files_are_named_and_the_run_goes_on(run, folder, tmp_path) -> None:
    (folder / "bad.jpg").write_bytes(b"not a photo at all")
    (folder / "notes.txt").write_text("not looked at")
    done = run(folder, tmp_path / "none.jpg", "--json")
    assert len(done.stdout.splitlines()) == 3
    assert "My Photos/bad.jpg is not an image" in done.stderr
    assert "none.jpg is not there" in done.stderr
    assert "notes.txt" not in done.stderr
    assert run(folder / "bad.jpg", code=1).stdout == ""


def test_an_empty_folder_is_not_an_error(run, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    done = run("empty")
    assert done.stdout == ""
    assert "found no photos" in done.stderr


def test_it_makes_no_library_and_names_any_file(run, folder, tmp_path) -> None:
    (folder / "sharp katt ä.png").rename(tmp_path / "photo.unknown")
    assert "focus" in run("photo.unknown").stdout
    assert not (tmp_path / "library.db").exists()


def test_full_size_is_told_by_the_version(run, tmp_path) -> None:
    Image.fromarray(np.tile(data.coffee(), (1, 3, 1))).save(tmp_path / "wide.png")
    usual, full = (
        json.loads(run("wide.png", "--json", *options).stdout)["metrics"]["focus"]
        for options in ((), ("--full-size",))
    )
    assert (usual["version"], full["version"]) == ("1", "1-full")
    whole = measure(tmp_path / "wide.png", full_size=True).measurements["focus"].value
    assert full["value"] == whole != usual["value"]


def test_results_do_not_depend_on_threads(run, folder) -> None:
    assert (
        run(folder, "--json", "--threads", 1).stdout == run(folder, "--json", "--threads", 5).stdout
    )


def test_a_model_and_a_head(run, folder, tmp_path) -> None:
    np.savez(tmp_path / "head.npz", weight=np.zeros((1, 512)), bias=np.array([5.5]))
    out = run(folder, "--model", "starter", "--head", "head.npz", "--json").stdout
    for line in out.splitlines():
        metrics = json.loads(line)["metrics"]
        assert metrics["head"]["value"] == pytest.approx(5.5)
        assert metrics["clip_iqa"]["status"] == "skipped"
        assert "starter model" in metrics["clip_iqa"]["reason"]


def test_weights_change_the_combined_score(run, folder) -> None:
    weights = "focus=1,exposure=0,noise=0,brisque=0,niqe=0"
    line = run(folder / "sharp katt ä.png", "--json", "--weights", weights)
    assert json.loads(line.stdout)["combined"]["parts"] == {"focus": 1.0}


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "Missing argument"),
        (("x", "--metrics", "beauty"), "Unknown metric 'beauty'"),
        (("x", "--sort", "beauty"), "--sort beauty"),
        (("x", "--json", "--csv"), "not both"),
        (("x", "--head", "h.npz"), "--model"),
        (("x", "--metrics", "head"), "--head"),
        (("x", "--weights", "focus"), "NAME=NUMBER"),
        (("x", "--model", "starter", "--pairs", "x"), "Unknown prompts 'x'"),
        (("x", "--worst", "0"), "--worst"),
    ],
)
def test_wrong_usage_exits_with_2(run, args, says) -> None:
    assert says in run(*args, code=2).stderr


def test_a_pickle_is_refused(run, folder, tmp_path) -> None:
    (tmp_path / "head.pth").write_bytes(b"\x80")
    assert "safetensors" in run(folder, "--model", "starter", "--head", "head.pth", code=1).stderr
