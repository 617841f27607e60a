"""``safelight plan show``: all of a plan, to be read, seen, or piped."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from safelight.cli import main
from safelight.duplicates.plans.model import write_plan
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
    assert json.loads(run("plan", "show", plan, "--json").output) == json.loads(plan.read_text())


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
