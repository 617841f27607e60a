"""``safelight plan show``: all of a plan, to be read, seen, or piped."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from safelight.cli import main
from safelight.duplicates.plans.model import read_plan, write_plan
from tests.duplicates.shelf import Shelf


@pytest.fixture
def plan(tmp_path, library, make_photo):
    """A plan of twelve groups, one of them with names that are to do harm."""
    shelf = Shelf(tmp_path / "photos", library)
    for number in range(12):
        name = "<script>alert(1)<" if number == 0 else f"b{number}"
        made = make_photo(tmp_path / "made.jpg", seed=number)
        photo = shelf.add(f"{number}/a.jpg", made.read_bytes())
        shelf.add(f"{number}/{name}.jpg", made.read_bytes(), days=1)
        (shelf.folder / f"{number}/{name}.jpg.pp3").write_bytes(b"edits")
        shelf.relate("identical", photo)
    path = tmp_path / "plan.json"
    write_plan(shelf.plan(), path)
    return path


@dataclass(frozen=True)
class Run:
    exit_code: int
    output: str


@pytest.fixture
def run(monkeypatch, capsys):
    """The command, in this process."""

    def command(*arguments: object) -> Run:
        monkeypatch.setattr("sys.argv", ["safelight", *(str(each) for each in arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Run(code, capsys.readouterr().out)

    return command


def test_every_group_is_listed_with_where_its_files_go(plan, run) -> None:
    shown = run("plan", "show", plan)
    assert shown.exit_code == 0, shown.output
    found = json.loads(plan.read_text())
    assert len(found["groups"]) == 12
    for group in found["groups"]:
        assert group["keeper"]["path"] in shown.output
        for change in group["changes"]:
            assert change["path"] in shown.output
            assert change["to"] in shown.output
    assert "b3.jpg.pp3" in shown.output
    assert "12 files of 12 groups" in shown.output


def test_json_is_the_plan(plan, run) -> None:
    shown, written = (
        json.loads(run("plan", "show", plan, "--json").output),
        json.loads(plan.read_text()),
    )
    assert (shown["state"], shown["last"], shown["bytes_freed"]) == ("planned", None, 0)
    changes = [change for group in written["groups"] for change in group["changes"]]
    found = [change for group in shown["groups"] for change in group["changes"]]
    assert {each["state"] for each in found} == {"planned"}
    assert [{name: each[name] for name in changes[0]} for each in found] == changes


def test_the_page_shows_the_pictures_and_runs_nothing(plan, tmp_path, run) -> None:
    page = tmp_path / "plan.html"
    assert run("plan", "show", plan, "--html", page, "-q").exit_code == 0
    text = page.read_text("utf-8")
    assert text.count("<img ") == 24
    assert "<script>" not in text
    assert "goes to " in text
    before = page.read_bytes()
    assert run("plan", "show", plan, "--html", page, "-q").exit_code == 0  # again
    assert page.read_bytes() == before
    page.write_text("mine")
    assert run("plan", "show", plan, "--html", page).exit_code != 0
    assert page.read_text() == "mine"


def test_a_group_name_that_is_none_is_refused(plan, run) -> None:
    found = json.loads(plan.read_text())
    found["groups"][0]["group"] = '"><script>'
    plan.write_text(json.dumps(found))
    assert run("plan", "show", plan).exit_code != 0


def test_what_is_not_a_plan_is_said(tmp_path, run) -> None:
    (tmp_path / "x.json").write_text("{}")
    shown = run("plan", "show", tmp_path / "x.json")
    assert shown.exit_code != 0
    assert not (tmp_path / "x.html").exists()


def states(run, plan) -> dict[str, str]:
    found = json.loads(run("plan", "show", plan, "--json").output)
    assert sum(found["progress"].values()) == found["files"]
    return {
        change["path"]: change["state"] for group in found["groups"] for change in group["changes"]
    }


def test_progress_of_a_plan_that_was_applied_in_part(plan, tmp_path, library, run) -> None:
    read = read_plan(plan)
    paths = [change.path for change in read.changes]
    first = replace(read, groups=read.groups[:4])
    write_plan(first, tmp_path / "first.json")
    Path(paths[1]).write_bytes(b"edited meanwhile")
    Path(paths[2] + ".pp3").write_bytes(b"edited too")
    assert run("apply", tmp_path / "first.json", "-q").exit_code == 1
    found = states(run, plan)
    assert [found[path] for path in paths[:5]] == ["done", "left", "left", "done", "planned"]
    shown = run("plan", "show", plan).output
    assert "2 of 12 files moved" in shown
    assert "Left as they are: 2" in shown
    assert "Still to do: 8 files" in shown
    for text in ("safelight apply", "safelight undo", "has changed since", "UTC, now "):
        assert text in shown
    page = tmp_path / "plan.html"
    assert run("plan", "show", plan, "--html", page, "-q").exit_code == 0
    assert "has changed since" in page.read_text("utf-8")

    assert run("apply", plan, "-q").exit_code == 1
    assert sorted(states(run, plan).values()) == ["done"] * 10 + ["left"] * 2
    # By hand, and by the command.
    os.rename(read.changes[0].to, paths[0])
    assert states(run, plan)[paths[0]] == "unfinished"
    os.rename(read.changes[0].sidecars[0].to, read.changes[0].sidecars[0].path)
    assert states(run, plan)[paths[0]] == "undone"
    run("undo", plan, "-q")
    assert set(states(run, plan).values()) == {"undone", "planned"}
    assert "0 of 12 files moved" in run("plan", "show", plan).output


def test_progress_counts_what_another_plan_did(plan, tmp_path, run) -> None:
    read = read_plan(plan)
    other = replace(read, id=f"{read.id}-2", groups=read.groups[:3])
    text = json.dumps(other.to_dict()).replace(f"/{read.id}/", f"/{read.id}-2/")
    (tmp_path / "other.json").write_text(text)
    assert run("apply", tmp_path / "other.json", "-q").exit_code == 0
    found = states(run, plan)
    assert [found[change.path] for change in read.changes] == ["done"] * 3 + ["planned"] * 9


def test_progress_of_hard_links(plan, tmp_path, library, run) -> None:
    read = read_plan(plan)
    made = json.loads(plan.read_text()) | {"action": "hardlink"}
    for group in made["groups"]:
        for change in group["changes"]:
            change |= {"to": None, "sidecars": []}
            Path(change["path"] + ".pp3").unlink()
    plan.write_text(json.dumps(made))
    assert run("apply", plan, "-q").exit_code == 0
    assert set(states(run, plan).values()) == {"done"}
    assert len(read.changes) == 12
