"""Undo after photos, quarantines, disks or the library have another path."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from safelight.duplicates.plans.apply import apply_plan
from safelight.duplicates.plans.journal import folder_of
from safelight.duplicates.plans.model import write_plan
from safelight.duplicates.plans.progress import progress_of
from safelight.duplicates.plans.undo import undo_plan
from safelight.errors import PlanError
from safelight.ingest import ingest
from safelight.ingest.move_source import move_source
from safelight.library.database import Database
from safelight.metadata.tags import Tags
from safelight.metadata.xmp import add_to_xmp

if TYPE_CHECKING:
    from pathlib import Path

    from tests.duplicates.shelf import Shelf

NOTED = add_to_xmp(None, Tags(rating=3, keywords=("sea",)))
OWN = add_to_xmp(None, Tags(keywords=("mine",)))


@pytest.fixture
def full(shelf: Shelf) -> Shelf:
    """Have identical files with companions, and a smaller copy whose notes are carried over."""
    for name in ("1", "2"):
        photo = shelf.add(f"year/{name}/a.jpg", b"photo " + name.encode(), width=80, height=60)
        shelf.add(f"year/{name}/b.jpg", b"photo " + name.encode(), days=1)
        (shelf.folder / f"year/{name}/b.jpg.pp3").write_bytes(b"edits")
        shelf.relate("identical", photo)
    large = shelf.add("year/3/large.jpg", b"large", width=80, height=60)
    small = shelf.add("year/3/small.jpg", b"small", days=2)
    (shelf.folder / "year/3/small.jpg.xmp").write_bytes(NOTED)
    (shelf.folder / "year/3/large.jpg.xmp").write_bytes(OWN)
    shelf.relate("resized", large, small)
    return shelf


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("action", ["quarantine", "trash", "outside", "hardlink"])
@pytest.mark.parametrize("moved", ["the source", "a folder in it", "twice"])
def test_undo_finds_what_sources_move_told(
    full: Shelf, library, tmp_path, monkeypatch, action, moved
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    if action == "hardlink":
        for each in full.folder.rglob("*.pp3"):
            each.unlink()
        full.groups = full.groups[:2]
    before = contents(full.folder)
    options = {
        "outside": {"quarantine": str(tmp_path / "q")},
        "quarantine": {},
    }.get(action, {"action": action})
    plan = full.plan(**options)
    assert apply_plan(library, plan).left == []
    folder, steps = (
        full.folder,
        {
            "the source": [(".", "elsewhere")],
            "a folder in it": [("year", "elsewhere")],
            "twice": [(".", "elsewhere"), ("../elsewhere", "again/photos")],
        }[moved],
    )
    for old, new in steps:
        source, target = (full.folder / old).resolve(), tmp_path / new
        target.parent.mkdir(exist_ok=True)
        source.rename(target)
        move_source(library, source, target)
        folder = target
    assert {each.state for each in progress_of(plan).results.values()} == {"done"}
    _, outcome = undo_plan(library.path, trial=True)
    assert outcome.left == []
    _, outcome = undo_plan(library.path)
    assert outcome.left == []
    assert {each.state for each in progress_of(plan).results.values()} == {"undone"}
    start = "year/" if moved == "a folder in it" else ""
    assert contents(folder) == {name.removeprefix(start): data for name, data in before.items()}
    present = {
        path for (path,) in library.connection.execute("SELECT path FROM files WHERE NOT gone")
    }
    assert present == {str(path) for path in folder.rglob("*.jpg")}
    with pytest.raises(PlanError):
        undo_plan(library.path)


def test_undo_finds_a_quarantine_that_came_along_untold(full: Shelf, library, embedder) -> None:
    before = contents(full.folder)
    apply_plan(library, full.plan())
    new = full.folder.with_name("renamed")
    full.folder.rename(new)
    _, outcome = undo_plan(library.path, trial=True)
    assert outcome.left
    assert all("sources move" in left.why for left in outcome.left if "sidecar" not in left.why)
    ingest(library, [f"images:{new}"], embedder)  # which finds out by itself
    _, outcome = undo_plan(library.path)
    assert outcome.left == []
    assert contents(new) == before


def test_what_is_away_is_left_and_comes_back_later(full: Shelf, library, tmp_path) -> None:
    before = contents(full.folder)
    plan = full.plan(quarantine=str(tmp_path / "disk" / "q"))
    apply_plan(library, plan)
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    _, outcome = undo_plan(library.path)
    assert outcome.changed == 0
    assert any("plug it in" in left.why for left in outcome.left)
    (tmp_path / "unplugged").rename(tmp_path / "disk")
    _, outcome = undo_plan(library.path, plan.id)
    assert outcome.left == []
    assert contents(full.folder) == before


@pytest.mark.parametrize("by", ["last", "file", "id"])
def test_undo_after_the_library_was_moved(full: Shelf, library, tmp_path, by) -> None:
    before = contents(full.folder)
    plan = full.plan()
    write_plan(plan, tmp_path / "plan.json")
    apply_plan(library, plan)
    library.close()
    new = tmp_path / "moved" / "photos.db"
    new.parent.mkdir()
    shutil.move(library.path, new)
    if by == "last":
        with pytest.raises(PlanError, match=r"photos\.db\.applied"):
            undo_plan(new)
    shutil.move(folder_of(library.path), folder_of(new))
    which = {"last": None, "file": str(tmp_path / "plan.json"), "id": plan.id}[by]
    _, outcome = undo_plan(new, which)
    assert outcome.left == []
    assert contents(full.folder) == before
    with Database(new, create=False) as opened:
        rows = opened.connection.execute("SELECT count(*) FROM files WHERE NOT gone")
        assert rows.fetchone() == (6,)


def test_undo_by_the_plan_where_only_the_library_was_moved(full: Shelf, library, tmp_path) -> None:
    before = contents(full.folder)
    plan = full.plan()
    write_plan(plan, tmp_path / "plan.json")
    apply_plan(library, plan)
    library.close()
    new = tmp_path / "photos.db"
    shutil.move(library.path, new)
    _, outcome = undo_plan(new, str(tmp_path / "plan.json"))
    assert outcome.left == []
    assert contents(full.folder) == before
