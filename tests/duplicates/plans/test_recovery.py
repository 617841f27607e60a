"""Recovery after killed commands: clear what they left, also those of earlier versions."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from safelight.duplicates.plans.apply import apply_plan
from safelight.duplicates.plans.journal import Journal, folder_of
from safelight.duplicates.plans.recovery import recover
from safelight.duplicates.plans.step import Step
from safelight.duplicates.plans.undo import undo_plan
from safelight.files.digest import sha256
from safelight.ingest import ingest
from safelight.metadata.tags import Tags
from safelight.metadata.xmp import add_to_xmp

if TYPE_CHECKING:
    from tests.duplicates.shelf import Shelf

OWN = add_to_xmp(None, Tags(words=(("dc:title", ("Own",)),)))
COPYS = add_to_xmp(None, Tags(rating=4, keywords=("sea",)))


@pytest.fixture
def carried(shelf: Shelf) -> Shelf:
    """Have two photos that take over the notes of their copies; one has a sidecar already."""
    for name in ("new", "old"):
        photo = shelf.add(f"{name}.jpg", b"photo " + name.encode(), width=80, height=60)
        small = shelf.add(f"small {name}.jpg", b"small " + name.encode(), days=2)
        (shelf.folder / f"small {name}.jpg.xmp").write_bytes(COPYS)
        shelf.relate("resized", photo, small)
    (shelf.folder / "old.jpg.xmp").write_bytes(OWN)
    return shelf


def applied(shelf: Shelf) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Apply a plan as an earlier version did; return its sidecars as they were and are."""
    before = {path.name: path.read_bytes() for path in shelf.folder.glob("*.xmp")}
    plan = shelf.plan()
    assert apply_plan(shelf.library, plan).left == []
    folder = folder_of(shelf.library.path) / plan.id
    (folder / "settled").unlink(missing_ok=True)
    return before, {path.name: path.read_bytes() for path in shelf.folder.glob("*.xmp")}


def parts(shelf: Shelf) -> list[str]:
    return sorted(path.name for path in shelf.folder.iterdir() if path.name.endswith(".part"))


@pytest.mark.parametrize("length", [0, 1, 200, None])
def test_the_beginning_of_a_sidecar_is_cleared(carried: Shelf, library, length) -> None:
    before, after = applied(carried)
    (carried.folder / ".new.jpg.xmp.part").write_bytes(after["new.jpg.xmp"][:length])
    (carried.folder / ".old.jpg.xmp.part").write_bytes(before["old.jpg.xmp"][:length])
    recover(library.path)
    assert parts(carried) == []
    assert {path.name: path.read_bytes() for path in carried.folder.glob("*.xmp")} == after


def test_what_may_be_somebody_else_s_stays(carried: Shelf, library) -> None:
    _, after = applied(carried)
    other = after["new.jpg.xmp"][:100] + b"something else"
    (carried.folder / ".new.jpg.xmp.part").write_bytes(other)
    (carried.folder / ".old.jpg.xmp.part").symlink_to(carried.folder / "old.jpg")
    (carried.folder / ".stranger.xmp.part").write_bytes(b"")
    for _ in range(2):
        recover(library.path)
        assert parts(carried) == [".new.jpg.xmp.part", ".old.jpg.xmp.part", ".stranger.xmp.part"]
    assert (carried.folder / ".new.jpg.xmp.part").read_bytes() == other
    (carried.folder / ".new.jpg.xmp.part").write_bytes(after["new.jpg.xmp"])
    recover(library.path)
    assert ".new.jpg.xmp.part" not in parts(carried)


@pytest.mark.parametrize("by", ["apply", "undo", "ingest"])
def test_an_earlier_version_that_was_killed_at_a_sidecar(
    carried: Shelf, library, embedder, by
) -> None:
    plan = carried.plan()
    before = carried.state()
    folder = folder_of(library.path) / plan.id
    (group,) = (each for each in plan.groups if each.keeper.endswith("old.jpg"))
    after = add_to_xmp(OWN, group.carry.tags.beyond(Tags(words=(("dc:title", ("Own",)),))))
    with Journal(folder) as journal:
        backup = journal.keep("sidecars/1.xmp", OWN)
        (folder / "plan.json").write_text(json.dumps(plan.to_dict()))
        step = Step(
            number=1, do="sidecar", path=group.carry.sidecar, to=None, sha256=sha256(OWN),
            size=len(OWN), mtime_ns=0, mode=0o644, photo_id=None, group=group.id,
            after=sha256(after), backup=str(backup),
        )  # fmt: skip
        journal.begin([step])
    part = Path(group.carry.sidecar).with_name(".old.jpg.xmp.part")
    part.write_bytes(after[: len(after) // 2])
    match by:
        case "apply":
            assert apply_plan(library, plan).left == []
        case "undo":
            undo_plan(library.path, plan.id)
        case "ingest":
            ingest(library, [f"images:{carried.folder}"], embedder)
    assert parts(carried) == []
    if by == "apply":
        undo_plan(library.path)
    assert carried.state() == before


def test_the_python_ingest_brings_back_what_a_killed_plan_had_set_aside(
    shelf: Shelf, library, embedder, make_photo
) -> None:
    path = make_photo(shelf.folder / "a.png", "red", size=32)
    photo = shelf.know("a.png", format="PNG", width=32, height=32)
    data = path.read_bytes()
    stat = path.stat()
    folder = folder_of(library.path) / "20260101-000000-aaaa"
    with Journal(folder) as journal:
        step = Step(
            number=1, do="move", path=str(path), to=str(shelf.folder / "q" / "a.png"),
            sha256=photo, size=stat.st_size, mtime_ns=stat.st_mtime_ns, mode=0o644,
            photo_id=photo, group="g",
        )  # fmt: skip
        journal.begin([step])
        aside = path.with_name(journal.part_of(step))
        os.rename(path, aside)
        (folder / "unfinished").touch()
    summary = ingest(library, [f"images:{shelf.folder}"], embedder)
    assert path.read_bytes() == data
    assert not aside.exists()
    assert (summary.gone, summary.failed) == (0, 0)
