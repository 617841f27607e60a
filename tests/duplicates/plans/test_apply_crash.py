"""kill -9 on the real command while it applies or undoes: finished or taken back, nothing lost."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from safelight.duplicates.plans.apply import apply_plan
from safelight.duplicates.plans.journal import folder_of
from safelight.duplicates.plans.model import QUARANTINE, write_plan
from safelight.duplicates.plans.undo import undo_plan
from safelight.metadata.tags import Tags
from safelight.metadata.xmp import add_to_xmp
from tests.forked import start

if TYPE_CHECKING:
    from tests.duplicates.shelf import Shelf

PHOTOS = 60


@pytest.fixture
def full(shelf: Shelf) -> Shelf:
    """Photos of two files each, every third with sidecars and something to be noted about it."""
    for number in range(PHOTOS):
        data = b"photo %d " % number * 200
        photo = shelf.add(f"{number}/a.jpg", data, width=80, height=60)
        shelf.add(f"{number}/b.jpg", data, days=1)
        if number % 3:
            shelf.relate("identical", photo)
        else:
            tags = Tags(rating=number % 5 + 1, keywords=(f"k{number}",))
            small = shelf.add(f"{number}/small.jpg", b"small %d" % number, days=2)
            (shelf.folder / f"{number}/small.jpg.xmp").write_bytes(add_to_xmp(None, tags))
            shelf.relate("resized", photo, small)
    return shelf


def run_and_kill(command: list[object], journal: Path, folder: Path, more: int) -> bool:
    """Run a command, and kill it once the journal has grown by so many bytes."""
    before = journal.stat().st_size if journal.exists() else 0
    process = start(command, cwd=folder, environ=os.environ, said=folder / "said")
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if journal.exists() and journal.stat().st_size >= before + more:
            process.kill()
            break
        time.sleep(0.0005)
    return process.wait() < 0


@pytest.mark.parametrize("how", ["quarantine", "hardlink", "trash", "another disk"])
def test_killed_at_any_point(full, library, tmp_path, monkeypatch, request, how) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    options = {"action": how}
    if how == "another disk":
        options = {"quarantine": str(request.getfixturevalue("other_disk") / "q")}
    before = full.state()
    contents = {data for name, (data, _, _) in before.items() if not name.endswith(".xmp")}
    plan = full.plan(**options)
    assert len(plan.changes) >= PHOTOS * 2 // 3
    write_plan(plan, tmp_path / "plan.json")
    journal = folder_of(library.path) / plan.id / "journal.jsonl"
    monkeypatch.setenv("SAFELIGHT_LIBRARY", str(library.path))
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # pytest shows it if this fails
    moments = random.Random(seed)

    kills = halves = 0
    for command in ("apply", "apply", "undo", "undo"):
        killed = run_and_kill(
            [command, tmp_path / "plan.json", "-q"],
            journal, tmp_path, moments.randrange(200, 12_000 if command == "apply" else 2_500),
        )  # fmt: skip
        kills += killed
        left = sum(not (full.folder / f"{number}/b.jpg").exists() for number in range(PHOTOS))
        halves += 0 < left < len(plan.changes)
        everywhere = [full.folder, tmp_path / "data"]
        if how == "another disk":
            everywhere.append(Path(options["quarantine"]))
        found = {
            path.read_bytes()
            for folder in everywhere
            for path in folder.rglob("*")
            if path.is_file() and not path.name.endswith((".part", ".xmp"))
        }
        assert contents <= found, "a photo is nowhere"
        for group in plan.groups:
            assert (
                Path(group.keeper).read_bytes()
                == before[os.path.relpath(group.keeper, full.folder)][0]
            )
    assert kills >= 2, "it was over before it could be killed"
    assert halves or how == "hardlink", "it was never killed half way"

    # Finished in this process, then taken back: as it was.
    outcome = apply_plan(library, plan)
    assert outcome.left == []
    assert outcome.changed + outcome.before == len(plan.changes)
    assert apply_plan(library, plan).before == len(plan.changes)
    if how != "hardlink":
        gone = {os.path.relpath(change.path, full.folder) for change in plan.changes}
        assert full.present() == {name for name in before if not name.endswith(".xmp")} - gone
    _, outcome = undo_plan(library.path)
    assert outcome.left == []
    assert full.state() == before
    assert full.present() == {name for name in before if not name.endswith(".xmp")}
    assert not (full.folder / QUARANTINE).exists()
