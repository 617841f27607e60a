"""``safelight label``, and searching by labels, run as people run it."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from skimage import data

from tests.forked import safelight

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of label vectors that all tests share: they are made once."""
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def run(tmp_path: Path, cache: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run safelight with the starter model: ``run("label", "photo.jpg", code=0)``."""

    def call(*args: object, code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        settings = {
            "SAFELIGHT_LIBRARY": str(tmp_path / "library.db"), "SAFELIGHT_MODEL": "starter",
            "XDG_CACHE_HOME": cache,
        }  # fmt: skip
        done = safelight(args, cwd=tmp_path, environ={**os.environ, **settings, **environ})
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "My Photos"
    (folder / "deep").mkdir(parents=True)
    Image.fromarray(data.chelsea()).save(folder / "katt ä.png")
    Image.fromarray(data.coffee()).save(folder / "deep" / "COFFEE.PNG")
    Image.fromarray(data.rocket()).save(folder / "deep" / "rocket.jpg")
    return folder


def _rows(done: subprocess.CompletedProcess[str]) -> dict[str, dict]:
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {Path(row["path"]).name: row for row in rows}


def test_photos_need_no_library(run, folder, tmp_path) -> None:
    done = run("label", folder, "--json")
    rows = _rows(done)
    assert set(rows) == {"katt ä.png", "COFFEE.PNG", "rocket.jpg"}
    cat = rows["katt ä.png"]
    assert set(cat) == {
        "path", "photo_id", "abstained", "applying", "labels", "model", "label_set", "stored",
    }  # fmt: skip
    assert Path(cat["path"]).is_absolute()
    assert cat["labels"][0]["label"] == "animal"
    assert cat["applying"][0] == "animal"
    assert len(cat["labels"]) == 5
    confidences = [each["confidence"] for each in cat["labels"]]
    assert confidences == sorted(confidences, reverse=True)
    assert set(cat["labels"][0]) == {
        "label", "confidence", "cosine_score", "calibrated", "applies",
    }  # fmt: skip
    assert "restaurant" in rows["COFFEE.PNG"]["applying"]
    assert not any(row["stored"] for row in rows.values())
    assert not (tmp_path / "library.db").exists()
    # What the model is, and that nothing was kept, is said once.
    assert done.stderr.count("starter model") == 1
    assert done.stderr.count("not kept of 3 of the photos") == 1


def test_a_table_is_for_people(run, folder) -> None:
    lines = run("label", folder / "katt ä.png", "--top", 2).stdout.splitlines()
    assert lines[0].split() == ["calibrated", "confidence", "cosine", "label"]
    assert lines[1] == "My Photos/katt ä.png: animal"
    assert lines[2].endswith("  animal")
    assert len(lines) == 4


def test_csv_has_a_heading_and_a_row_a_label(run, folder) -> None:
    rows = list(csv.DictReader(io.StringIO(run("label", folder, "--csv", "--top", "3").stdout)))
    assert len(rows) == 9
    cat = [row for row in rows if row["path"].endswith("katt ä.png")]
    assert [row["rank"] for row in cat] == ["1", "2", "3"]
    assert (cat[0]["label"], cat[0]["applies"], cat[0]["abstained"]) == ("animal", "true", "false")
    assert 0 <= float(cat[0]["calibrated"]) <= 1


def test_own_labels_and_templates(run, folder, tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("cat\nrocket\ncup of coffee\n")
    (tmp_path / "how.json").write_text('["a photo of a {}", "a {}"]')
    options = ("--labels", "mine.txt", "--templates", "how.json", "--json")
    rows = _rows(run("label", folder, *options))
    first = {name: row["labels"][0]["label"] for name, row in rows.items()}
    assert first == {"katt ä.png": "cat", "COFFEE.PNG": "cup of coffee", "rocket.jpg": "rocket"}
    assert all(len(row["labels"]) == 3 for row in rows.values())
    settings = {"SAFELIGHT_LABELS": "mine.txt", "SAFELIGHT_TEMPLATES": "how.json"}
    assert _rows(run("label", folder, "--json", "-q", **settings)) == rows


def test_the_library_is_labelled_once_and_found_by_labels(run, folder, tmp_path) -> None:
    run("ingest", folder)
    assert "was labelled yet" in run("search", "label:animal", code=1).stderr
    done = run("label")
    assert "Labelled 3 photos with starter and 50 labels" in done.stdout
    assert "labelled with these labels already" in run("label").stdout
    assert run("search", "--all", "label:animal", "--paths").stdout == f"{folder / 'katt ä.png'}\n"
    names = run("search", "--all", "photo", "-label:animal", "--paths").stdout.splitlines()
    assert {Path(name).name for name in names} == {"COFFEE.PNG", "rocket.jpg"}
    assert run("search", "--all", "-label:animal", "--paths").stdout.splitlines() == sorted(names)
    backwards = run(
        "search", "--all", "-label:animal", "--sort", "-added", "--paths"
    ).stdout.splitlines()
    assert backwards == sorted(names)[::-1]
    assert run("search", "--all", "photo", "--minus", "label:animal").stdout.count("\n") == 2
    assert (
        run("search", "--all", "--plus", "label:animal", "--json").stdout.count(
            '"labels": ["animal"'
        )
        == 1
    )
    assert "'animal'" in run("search", "label:animl", code=1).stderr
    status = json.loads(run("status", "--json").stdout)
    (counted,) = status["labels"]
    assert (counted["photos"], counted["labels"], counted["space"]) == (3, 50, "starter")
    assert "50 labels" in run("status").stdout


def test_photos_that_are_not_labelled_yet_are_counted(run, folder) -> None:
    run("ingest", "--label", folder / "deep")
    run("ingest", folder)
    done = run("search", "--all", "-label:animal")
    assert "left out: 1 of the photos" in done.stderr
    assert done.stdout.count("\n") == 2
    run("label")
    assert run("search", "--all", "-label:animal").stderr == ""


def test_a_label_with_a_space_is_quoted(run, folder, tmp_path) -> None:
    (tmp_path / "mine.json").write_text('{"labels": ["house cat", "rocket"]}')
    run("ingest", "--label", folder, SAFELIGHT_LABELS="mine.json")
    for query in ('label:"house cat"', "cat label:house-cat"):
        assert run("search", query, "--paths").stdout == f"{folder / 'katt ä.png'}\n"
    assert "'house cat'" in run("search", "label:house cat", code=1).stderr


def test_an_ingest_labels_when_asked_to(run, folder) -> None:
    done = run("ingest", "--label", folder)
    assert "3 labelled" in done.stdout
    assert done.stderr.count("starter model labels") == 1
    again = json.loads(run("ingest", "--label", "--json").stdout)
    assert (again["unchanged"], again["labelled"]) == (3, 0)


def test_paths_of_the_library_keep_their_labels(run, folder, tmp_path) -> None:
    run("ingest", folder / "deep")
    shutil.copy(folder / "deep" / "rocket.jpg", tmp_path / "copy.jpg")
    rows = _rows(run("label", folder, "copy.jpg", "--json"))
    assert {name: row["stored"] for name, row in rows.items()} == {
        "katt ä.png": False, "COFFEE.PNG": True, "rocket.jpg": True, "copy.jpg": True,
    }  # fmt: skip
    assert rows["copy.jpg"]["labels"] == rows["rocket.jpg"]["labels"]
    assert "labelled with these labels already" in run("label").stdout
    hot = run("label", folder / "deep", "--json", "--temperature", "1000")
    assert "with a --temperature nothing is" in hot.stderr
    for row in _rows(hot).values():
        assert not row["stored"]
        assert row["labels"][0]["confidence"] == pytest.approx(1 / 50, rel=0.01)


def test_the_library_may_be_labelled_by_namespace_and_shown(run, folder) -> None:
    run("ingest", "-n", "one", folder / "deep")
    run("ingest", "-n", "two", folder / "katt ä.png")
    assert set(_rows(run("label", "-n", "two", "--json"))) == {"katt ä.png"}
    done = run("label", "--json")
    assert set(_rows(done)) == {"COFFEE.PNG", "rocket.jpg"}
    assert "Labelled 2 photos" in done.stderr


def test_bad_files_are_named_and_the_run_goes_on(run, folder) -> None:
    (folder / "bad.jpg").write_bytes(b"not a photo at all")
    done = run("label", folder, folder / "none.jpg", "--json")
    assert len(done.stdout.splitlines()) == 3
    assert "My Photos/bad.jpg is not an image" in done.stderr
    assert "none.jpg is not there" in done.stderr
    assert run("label", folder / "bad.jpg", code=1).stdout == ""


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("label", "--json", "--csv"), 2, "not both"),
        (("label", "--temperature", "1"), 2, "--temperature goes with paths"),
        (("label", "x.jpg", "-n", "a"), 2, "--namespace goes without paths"),
        (("label", "x.jpg", "--temperature", "-1"), 2, "must be above 0"),
        (("label", "--labels", "none.json"), 2, "none.json cannot be read"),
        (("ingest", ".", "--label"), 2, "twice.txt has labels twice"),
        (("label",), 1, "no library"),
        (("search", "label:"), 2, "is followed by nothing"),
    ],
)
def test_what_is_wrong_is_said(run, tmp_path, args, code, says) -> None:
    (tmp_path / "twice.txt").write_text("cat\nCat\n")
    environ = {"SAFELIGHT_LABELS": "twice.txt"} if args[0] == "ingest" else {}
    assert says in run(*args, code=code, **environ).stderr


def test_another_model_is_another_space(run, folder) -> None:
    run("ingest", folder)
    assert "has no space" in run("search", "label:cat", "--model", "ViT-L-14/openai", code=1).stderr


def test_a_damaged_cache_is_said_and_made_again(run, folder, tmp_path) -> None:
    # On every system; each has the cache at another place below the home folder.
    caches = {name: str(tmp_path / "cache") for name in ("XDG_CACHE_HOME", "HOME", "LOCALAPPDATA")}
    rows = run("label", folder, "--json", "-q", **caches).stdout
    files = list((tmp_path / "cache").rglob("*.npz"))
    assert len(files) == 2
    for file in files:
        file.write_bytes(b"damaged")
    done = run("label", folder, "--json", "-q", **caches)
    assert done.stdout == rows
    assert done.stderr.count("is damaged") == 2
    assert run("label", folder, "--json", "-q", **caches).stderr == ""
