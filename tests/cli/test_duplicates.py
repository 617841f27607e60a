"""``safelight duplicates``, ``plan``, ``apply`` and ``undo``."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from skimage import data

from safelight.cli import main
from safelight.metadata.xmp import read_xmp
from tests.forked import safelight

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Done:
    stdout: str
    stderr: str


def settings_of(folder: Path) -> dict[str, str]:
    return {
        "SAFELIGHT_LIBRARY": str(folder / "library.db"),
        "XDG_DATA_HOME": str(folder / "data"),
        "HF_HUB_OFFLINE": "1",
    }


def runner(folder: Path) -> Callable[..., Done]:
    """Run the command in a folder, in this process: ``run("duplicates", "--json", code=0)``."""

    def call(*args: object, code: int = 0) -> Done:
        out, err = io.StringIO(), io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            patch.chdir(folder)
            for name, value in settings_of(folder).items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["safelight", *map(str, args)])
            try:
                main()
                found = 0
            except SystemExit as ended:
                found = int(ended.code or 0)
        assert found == code, out.getvalue() + err.getvalue()
        return Done(out.getvalue(), err.getvalue())

    return call


def run_as_people_do(folder: Path) -> Callable[..., Done]:
    """Run the command in a folder, in a process of its own."""

    def call(*args: object, code: int = 0) -> Done:
        done = safelight(args, cwd=folder, environ={**os.environ, **settings_of(folder)})
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return Done(done.stdout, done.stderr)

    return call


def fill(folder: Path) -> Path:
    """Make a folder of photos with a copy, a small form, an upscale, a crop and a stranger."""
    photos = folder / "My Photos"
    (photos / "deep").mkdir(parents=True)
    coffee = Image.fromarray(data.coffee())
    coffee.save(photos / "coffee.jpg", quality=85)
    shutil.copy(photos / "coffee.jpg", photos / "deep" / "coffee (1).jpg")
    with Image.open(photos / "coffee.jpg") as image:
        saved = image.convert("RGB")
    exif = Image.Exif()
    exif[0x4746] = 4  # a rating
    saved.resize((300, 200)).save(photos / "deep" / "small & <b>.jpg", quality=80, exif=exif)
    saved.resize((1200, 800)).save(photos / "large.jpg", quality=95)
    cat = Image.fromarray(data.chelsea())
    cat.save(photos / "cat.png")
    cat.crop((30, 20, 400, 280)).save(photos / "cat's face.png")
    Image.fromarray(data.rocket()).save(photos / "rocket.jpg", quality=90)
    return photos


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory):
    """A library that is only looked at: ``run, photos``."""
    folder = tmp_path_factory.mktemp("looked at")
    photos = fill(folder)
    run = runner(folder)
    run("ingest", "--model", "starter", "-q", photos)
    return run, photos


@pytest.fixture
def changed(looked_at, tmp_path):
    """A library of one's own: ``run, photos``."""
    photos = fill(tmp_path)
    run = runner(tmp_path)
    run("ingest", "--model", "starter", "-q", photos)
    return run, photos


def groups(run, *args: object) -> dict[str, dict]:
    lines = run("duplicates", "--json", "-q", *args).stdout.splitlines()
    return {each["relation"]: each for each in map(json.loads, lines)}


def state(photos: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(photos)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(photos.rglob("*"))
        if path.is_file()
    }


def test_folders_that_are_preferred_or_protected_and_a_photo_that_is_chosen(looked_at) -> None:
    run, photos = looked_at
    deep = photos / "deep"

    def kept(*args: object) -> str:
        found = groups(run, "--relation", "resized", *args)["resized"]["photos"]
        return next(Path(each["path"]).name for each in found if each["keeper"])

    assert kept() == "coffee.jpg"
    assert kept("--prefer", deep) == "coffee (1).jpg"
    assert kept("--instead", photos / "large.jpg") == "large.jpg"
    plan = photos.parent / "protected.json"
    run("plan", "duplicates", "-q", "-o", plan, "--protect", deep)
    told = json.loads(plan.read_text(encoding="utf-8"))
    planned = [change["path"] for group in told["groups"] for change in group["changes"]]
    assert [Path(path).name for path in planned] == ["coffee.jpg", "large.jpg"]
    assert sum("protected" in each["why"] for each in told["left"]) == 1
    run("duplicates", "-q", "--protect", photos / "deeep", code=2)
    run("duplicates", "-q", "--instead", photos / "rocket.jpg", code=2)
    shown = run("duplicates", "-q", "--why", "--instead", photos / "large.jpg").stdout
    assert "chosen by you" in shown


def test_groups_as_json(looked_at) -> None:
    run, _ = looked_at
    found = groups(run)
    assert set(found) == {"resized", "cropped"}
    group = found["resized"]
    assert list(group) == ["group", "relation", "photos", "edges"]
    names = {Path(each["path"]).name: each for each in group["photos"]}
    assert set(names) == {"coffee.jpg", "coffee (1).jpg", "small & <b>.jpg", "large.jpg"}
    assert [name for name, each in names.items() if each["keeper"]] == ["coffee.jpg"]
    assert names["coffee.jpg"]["photo_id"] == names["coffee (1).jpg"]["photo_id"]
    assert any("no more detail" in reason for reason in names["large.jpg"]["reasons"])
    ids = {each["photo_id"] for each in group["photos"]}
    for edge in group["edges"]:
        assert list(edge) == ["a", "b", "relation", "evidence"]
        assert {edge["a"], edge["b"]} <= ids
    assert Path(found["cropped"]["photos"][0]["path"]).name == "cat.png"


def test_relations_and_policies(looked_at) -> None:
    run, _ = looked_at
    assert set(groups(run, "--relation", "cropped")) == {"cropped"}
    assert set(groups(run, "--relation", "identical,cropped")) == {"identical", "cropped"}
    small = groups(run, "--relation", "resized", "--keep", "smallest", "--no-look")["resized"]
    assert Path(small["photos"][0]["path"]).name == "small & <b>.jpg"
    sharp = groups(run, "--relation", "resized", "--keep", "sharpest")["resized"]
    assert "the best focus" in sharp["photos"][0]["reasons"]
    assert "Unknown relation 'twins'" in run("duplicates", "--relation", "twins", code=2).stderr
    assert "policy 'nicest'" in run("duplicates", "--keep", "nicest", code=2).stderr


def test_in_words_and_as_csv(looked_at) -> None:
    run, _ = looked_at
    done = run("duplicates", "--why")
    assert "  keep  My Photos/coffee.jpg  (600 x 400 JPEG" in done.stdout
    assert "the source: My Photos/large.jpg was enlarged" in done.stdout
    assert "2 groups; 4 files beside those to keep" in done.stderr
    rows = list(csv.DictReader(run("duplicates", "--csv", "-q").stdout.splitlines()))
    assert list(rows[0]) == ["group", "relation", "photo_id", "path", "keeper", "reasons"]
    assert len(rows) == 6
    assert "not both" in run("duplicates", "--csv", "--json", code=2).stderr


def test_one_group(looked_at) -> None:
    run, _ = looked_at
    group = groups(run)["resized"]["group"]
    shown = run("duplicates", "show", group[:8]).stdout
    assert "hash_bits" in shown
    assert "enlarged" in shown
    assert json.loads(run("duplicates", "show", group, "--json").stdout)["group"] == group
    assert "no group 'ffff" in run("duplicates", "show", "ffffffffffff", code=2).stderr


def test_against_a_photo_from_elsewhere(looked_at, tmp_path) -> None:
    run, photos = looked_at
    with Image.open(photos / "rocket.jpg") as image:
        image.convert("L").save(tmp_path / "grey.png")
    done = run("duplicates", "--against", tmp_path / "grey.png")
    assert done.stdout == "edited  My Photos/rocket.jpg\n"
    line = json.loads(run("duplicates", "--against", tmp_path / "grey.png", "--json").stdout)
    assert line["path"] == str(photos / "rocket.jpg")
    assert line["photo_id"] in (line["a"], line["b"])
    # One of the library is not found as itself, but in its other file.
    found = run("duplicates", "--against", photos / "coffee.jpg").stdout.splitlines()
    assert "identical  My Photos/deep/coffee (1).jpg" in found
    assert not any(each.endswith("Photos/coffee.jpg") for each in found)
    Image.fromarray(data.astronaut()).save(tmp_path / "new.jpg")
    done = run("duplicates", "--against", tmp_path / "new.jpg")
    assert (done.stdout, "nothing that is related" in done.stderr) == ("", True)
    assert "cannot be read" in run("duplicates", "--against", "nowhere.jpg", code=1).stderr


def test_a_report(looked_at, tmp_path) -> None:
    run, _ = looked_at
    done = run("duplicates", "--report", tmp_path / "page.html")
    assert "2 groups" in done.stderr
    html = (tmp_path / "page.html").read_text("utf-8")
    assert html.count("<section") == 2
    run("duplicates", "--report", tmp_path / "page.html", "-q")
    (tmp_path / "mine.html").write_text("mine")
    done = run("duplicates", "--report", tmp_path / "mine.html", code=2)
    assert "--force" in done.stderr
    assert (tmp_path / "mine.html").read_text() == "mine"
    run("duplicates", "--report", tmp_path / "page.txt", code=2)


def test_decided_once_it_is_not_suggested_again(changed) -> None:
    run, photos = changed
    group = groups(run)["cropped"]["group"]
    assert "Choose one" in run("duplicates", "decide", group, code=2).stderr
    run("duplicates", "decide", group[:6], "--not-duplicates")
    assert "cropped" not in groups(run)
    # Not after a rename and a new ingest either.
    (photos / "cat.png").rename(photos / "deep" / "tom.png")
    run("ingest", "-q")
    assert "cropped" not in groups(run)
    listed = run("duplicates", "decisions").stdout
    assert listed.startswith(f"{group}  not-duplicates, ")
    assert "My Photos/deep/tom.png" in listed
    assert json.loads(run("duplicates", "decisions", "--json").stdout)["decision"] == (
        "not-duplicates"
    )
    run("duplicates", "revoke", group[:6])
    assert groups(run)["cropped"]["group"] == group
    assert "Nothing was decided" in run("duplicates", "decisions").stderr
    run("duplicates", "revoke", group, code=2)


def test_one_photo_of_a_group_is_decided_on(changed) -> None:
    run, _ = changed
    group = groups(run)["resized"]
    names = {Path(each["path"]).name: each["photo_id"] for each in group["photos"]}
    large = names["large.jpg"]
    run("duplicates", "decide", group["group"], "--keep-both", large[:10])
    left = groups(run)["resized"]
    assert {Path(each["path"]).name for each in left["photos"]} == set(names) - {"large.jpg"}
    run("duplicates", "decide", left["group"], "--resolved", "ffff", code=2)


def test_plan_apply_undo(changed, tmp_path) -> None:
    photos, run = changed[1], run_as_people_do(tmp_path)
    before = state(photos)
    done = run("plan", "duplicates", "-o", "plan.json")
    assert "3 files of 1 group to be moved into quarantine" in done.stdout
    assert "Nothing has changed yet" in done.stdout
    assert "rating to be noted in My Photos/coffee.jpg.xmp" in done.stdout
    plan = json.loads((tmp_path / "plan.json").read_text("utf-8"))
    assert plan["files"] == 3
    assert plan["relations"] == [
        "identical", "same-pixels", "re-encoded", "resized", "rotated", "mirrored",
    ]  # fmt: skip
    assert state(photos) == before

    assert "3 files would be moved" in run("apply", "plan.json", "--dry-run").stderr
    assert state(photos) == before
    done = run("apply", "plan.json")
    assert "3 files moved into quarantine" in done.stderr
    assert "safelight undo plan.json" in done.stderr
    assert sorted(path.name for path in photos.iterdir()) == [
        ".safelight-quarantine", "cat's face.png", "cat.png", "coffee.jpg", "coffee.jpg.xmp",
        "deep", "rocket.jpg",
    ]  # fmt: skip
    assert read_xmp((photos / "coffee.jpg.xmp").read_bytes()).rating == 4
    found = run("search", "--all", "a cup of coffee", "--paths").stdout.splitlines()
    assert str(photos / "coffee.jpg") in found
    assert not any("large" in path or "small" in path for path in found)
    # The next ingest passes the quarantine over, and finds nothing new.
    run("ingest", "-q")
    assert set(groups(run)) == {"cropped"}

    again = json.loads(run("apply", "plan.json", "--json", "-q").stdout)
    assert (again["changed"], again["before"], again["left"]) == (0, 3, [])
    assert "3 files would be brought back" in run("undo", "--dry-run").stderr
    assert "3 files brought back" in run("undo").stderr
    assert state(photos) == before
    assert set(groups(run)) == {"resized", "cropped"}
    assert "Nothing was applied" in run("undo", code=1).stderr


def test_a_plan_can_be_shortened_and_named_relations_count(changed, tmp_path) -> None:
    run, photos = changed
    run("plan", "duplicates", "-o", "plan.json", "--relation", "resized,cropped", "-q")
    plan = json.loads((tmp_path / "plan.json").read_text("utf-8"))
    assert {group["relation"] for group in plan["groups"]} == {"resized", "cropped"}
    plan["groups"] = [group for group in plan["groups"] if group["relation"] == "cropped"]
    (tmp_path / "plan.json").write_text(json.dumps(plan), "utf-8")
    run("apply", "plan.json", "-q")
    assert not (photos / "cat's face.png").exists()
    assert (photos / "large.jpg").exists()
    run("undo", "plan.json")
    assert (photos / "cat's face.png").exists()


def test_hard_links_and_the_trash(changed) -> None:
    run, photos = changed
    before = state(photos)
    options = ("--relation", "identical")
    run("plan", "duplicates", "-o", "links.json", "--action", "hardlink", *options)
    run("apply", "links.json")
    copy = photos / "deep" / "coffee (1).jpg"
    assert copy.samefile(photos / "coffee.jpg")
    run("undo", "links.json")
    assert state(photos) == before
    run("plan", "duplicates", "-o", "trash.json", "--action", "trash", *options)
    run("apply", "trash.json")
    assert not copy.exists()
    run("undo", "trash.json")
    assert state(photos) == before


def test_what_is_left_is_named_and_makes_the_exit_code(changed) -> None:
    run, photos = changed
    run("plan", "duplicates", "-o", "plan.json", "-q")
    (photos / "large.jpg").write_bytes(b"something else")
    done = run("apply", "plan.json", code=1)
    assert "My Photos/large.jpg has changed since the plan was made" in done.stderr
    assert "2 files moved" in done.stderr
    assert (photos / "large.jpg").read_bytes() == b"something else"


def test_wrong_usage(changed, tmp_path) -> None:
    run, _ = changed
    (tmp_path / "notes.txt").write_text("mine")
    assert "--force" in run("plan", "duplicates", "-o", "notes.txt", code=2).stderr
    assert (tmp_path / "notes.txt").read_text() == "mine"
    run("plan", "duplicates", "-o", "p.json", "--relation", "bracket", code=2)
    run("plan", "duplicates", "-o", "p.json", "--action", "trash", "--quarantine", "q", code=2)
    assert "is not a plan" in run("apply", "notes.txt", code=1).stderr
    assert "cannot be read" in run("apply", "nowhere.json", code=1).stderr
    assert "no applied plan" in run("undo", "2020", code=1).stderr
    run("plan", "duplicates", "-o", "p.json", "-q")
    assert "made for the library" in run("apply", "p.json", "--library", "other.db", code=2).stderr
