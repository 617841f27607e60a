"""A file edited, and a process killed, before each call that a real apply makes: nothing is lost.

Editors that replace a file are tried at every second of some 800 moments, the others at every
eighth; SAFELIGHT_TEST_MOMENTS=1 tries all at all of them.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest

from safelight.duplicates.plans.apply import apply_plan
from safelight.duplicates.plans.model import QUARANTINE
from safelight.duplicates.plans.recovery import recover
from safelight.duplicates.plans.undo import undo_plan
from safelight.errors import PlanError
from safelight.files.set_aside import SetAside
from safelight.library.database import Database
from safelight.metadata.tags import Tags
from safelight.metadata.xmp import add_to_xmp
from tests.disks import seen_twice
from tests.duplicates.moments import Tree, at_each_call
from tests.duplicates.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEPT, COPY = b"the kept one " * 9, b"the other one " * 9
EDITED = b"what somebody has just saved"

EVERY = int(os.environ.get("SAFELIGHT_TEST_MOMENTS", "8"))

HOWS = ["quarantine", "hardlink", "trash", "another disk"]


class Scene:
    """Two photos of one picture and a sidecar, planned for; as often as needed from the start."""

    def __init__(self, folder: Path, how: str, away: Path) -> None:
        self.folder, self.how = folder, how
        self.elsewhere = None
        options = {"action": how}
        if how == "another disk":
            assert folder.stat().st_dev != away.stat().st_dev
            self.elsewhere = away
            options = {"quarantine": str(away / "q")}
        self.same = how == "hardlink"
        with Database(folder / "s/library.db") as library:
            shelf = Shelf(folder / "s/photos", library)
            kept = shelf.add("kept.jpg", KEPT, width=400, height=300)
            if self.same:
                shelf.add("deep/copy.jpg", KEPT, days=1)
                shelf.relate("identical", kept)
            else:
                copy = shelf.add("deep/copy.jpg", COPY, days=1)
                noted = add_to_xmp(None, Tags(rating=4, keywords=("sea",)))
                (shelf.folder / "deep/copy.jpg.xmp").write_bytes(noted)
                (shelf.folder / "kept.xmp").write_bytes(add_to_xmp(None, Tags(keywords=("sand",))))
                shelf.relate("resized", kept, copy)
            self.plan = shelf.plan(**options)
        assert len(self.plan.changes) == 1
        self.photos = folder / "s/photos"
        self.kept, self.copy = self.photos / "kept.jpg", self.photos / "deep/copy.jpg"
        self.library = folder / "s/library.db"
        self.data = folder / "s/data"
        self.data.mkdir()
        (away / "q").mkdir()
        self.start = Tree(folder / "s", away / "q")

    def apply(self):
        with Database(self.library) as library:
            return apply_plan(library, self.plan)

    def files(self) -> dict[str, bytes]:
        """Return all files outside of the library's own folders."""
        found = {}
        for top in [self.photos, self.data, *([self.elsewhere] if self.elsewhere else [])]:
            for path in top.rglob("*"):
                if path.is_file() and path.suffix != ".trashinfo":  # which has the time in it
                    found[str(path)] = path.read_bytes()
        return found

    def require_tidy(self) -> None:
        assert not [name for name in self.files() if "/.safelight-" in name.replace(QUARANTINE, "")]


@pytest.fixture
def scene(tmp_path, other_disk, monkeypatch, request) -> Scene:
    # In memory, where there is such a disk: thousands of runs wait for the disk otherwise.
    monkeypatch.setenv("XDG_DATA_HOME", str(other_disk / "s/data"))
    return Scene(other_disk, request.param, tmp_path)


def save(path: Path) -> None:
    """As most editors do: a new file takes the name."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_name("editor.tmp")
    part.write_bytes(EDITED)
    os.replace(part, path)


def write(path: Path) -> None:
    """As some editors do: into the file."""
    with open(path, "r+b" if path.exists() else "wb") as file:
        file.write(EDITED)
        file.truncate()


def write_unseen(path: Path) -> None:
    """Into the file, with as many bytes, and the time that it had."""
    if not path.exists():
        return write(path)
    stat = path.stat()
    with open(path, "r+b") as file:
        file.write(EDITED)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return None


def moments_of(scene: Scene, every: int = EVERY) -> range:
    at_each_call(scene.apply, lambda _: None)  # what is made once is made now
    scene.start.put_back()
    count = at_each_call(scene.apply, lambda _: None)
    assert count > 80
    return range(count % every, count, every)


def run(scene: Scene, moment: int, edit: Callable[[], object]):
    scene.start.put_back()
    outcomes = []
    at_each_call(lambda: outcomes.append(scene.apply()), lambda number: number == moment and edit())
    return outcomes[0]


def edited(scene: Scene) -> list[str]:
    return [name for name, data in scene.files().items() if data.startswith(EDITED)]


@pytest.mark.parametrize("edit", [save, write, write_unseen])
@pytest.mark.parametrize("scene", HOWS, indirect=True)
def test_what_is_edited_at_any_moment_survives(scene, edit) -> None:
    for moment in moments_of(scene, max(1, EVERY // 4) if edit is save else EVERY):
        outcome = run(scene, moment, lambda: edit(scene.copy))
        found = edited(scene)
        assert found, f"the edit at {moment} is nowhere"
        if edit is save:
            assert found == [str(scene.copy)], moment
        elif outcome.changed and not scene.same:
            # It was moved when it was edited, or another file has its name now.
            assert COPY in scene.files().values(), moment
        # Hard links of one file are edited together.
        if not (scene.same and scene.copy.samefile(scene.kept)):
            assert KEPT in scene.files().values(), moment
            assert scene.same or scene.kept.read_bytes() == KEPT
        scene.require_tidy()
        with contextlib.suppress(PlanError):  # nothing was applied
            undo_plan(scene.library)
        assert edited(scene), moment
        scene.require_tidy()


@pytest.mark.parametrize("scene", HOWS, indirect=True)
def test_what_a_program_has_open_is_not_lost(scene) -> None:
    for moment in moments_of(scene):
        scene.start.put_back()
        with open(scene.copy, "r+b", buffering=0) as opened:

            def write_now(number: int, at: int = moment, file=opened) -> None:
                if number == at:
                    file.write(EDITED)

            if at_each_call(scene.apply, write_now) <= moment:
                opened.write(EDITED)  # it was over before
            assert edited(scene), moment
        assert scene.kept.read_bytes() == KEPT


@pytest.mark.parametrize("scene", HOWS, indirect=True)
def test_a_kept_file_that_is_edited_costs_nothing(scene) -> None:
    for moment in moments_of(scene):
        run(scene, moment, lambda: save(scene.kept))
        assert scene.kept.read_bytes() == EDITED
        assert (KEPT if scene.same else COPY) in scene.files().values(), moment
        scene.require_tidy()


@pytest.mark.parametrize("scene", ["quarantine", "another disk"], indirect=True)
def test_a_sidecar_that_is_edited_survives(scene) -> None:
    for name in ("kept.xmp", "deep/copy.jpg.xmp"):
        for moment in moments_of(scene):
            run(scene, moment, lambda path=scene.photos / name: save(path))
            assert edited(scene) == [str(scene.photos / name)], moment


@pytest.mark.parametrize("scene", HOWS, indirect=True)
def test_killed_at_any_moment(scene) -> None:
    before = scene.files()
    states: list[Tree] = []
    folders = scene.start.folders

    def note(_: int) -> None:
        tree = Tree(*folders)
        if not states or tree.signature != states[-1].signature:
            states.append(tree)

    at_each_call(scene.apply, note)
    after = scene.files()
    at_each_call(lambda: undo_plan(scene.library), note)
    assert scene.files() == before
    assert len(states) > 10
    for number, state in enumerate(states):
        state.put_back()
        contents = set(scene.files().values())
        assert KEPT in contents, number
        assert scene.same or COPY in contents, number
        recover(scene.library)  # as an ingest does
        scene.require_tidy()
        assert scene.apply().left == []
        assert scene.files().keys() == after.keys(), number
        assert scene.files() == after, number
        state.put_back()
        with contextlib.suppress(Exception):
            undo_plan(scene.library)
        assert scene.files() == before, number
        assert scene.copy.stat().st_nlink == 1


@pytest.fixture
def fuse_scene(tmp_path, other_disk, monkeypatch, request) -> Scene:
    """Return a scene on a FUSE mount, which knows no leases, and remembers what it was told."""
    view = tmp_path / "view"
    with seen_twice(other_disk, view) as done:
        if not done:
            pytest.skip("bindfs is not installed")
        monkeypatch.setenv("XDG_DATA_HOME", str(view / "s/data"))
        (tmp_path / "away").mkdir()
        yield Scene(view, request.param, tmp_path / "away")


@pytest.mark.parametrize("edit", [save, write, write_unseen])
@pytest.mark.parametrize("fuse_scene", HOWS, indirect=True)
def test_without_leases_what_is_edited_survives(fuse_scene, other_disk, edit) -> None:
    scene = fuse_scene
    # Through the mount, and behind its back: as another machine edits what a server shows.
    behind = other_disk / scene.copy.relative_to(scene.folder)
    for number, moment in enumerate(moments_of(scene, 4 * EVERY)):
        target = behind if number % 2 else scene.copy
        outcome = run(scene, moment, lambda target=target: edit(target))
        assert edited(scene), f"the edit at {moment} is nowhere"
        if edit is save:
            assert edited(scene) == [str(scene.copy)], moment
        if not scene.same:
            assert scene.kept.read_bytes() == KEPT
            assert COPY in scene.files().values() or not outcome.changed, moment
        scene.require_tidy()
        with contextlib.suppress(PlanError):  # nothing was applied
            undo_plan(scene.library)
        assert edited(scene), moment


@pytest.mark.parametrize("fuse_scene", ["hardlink", "another disk"], indirect=True)
def test_without_leases_a_write_before_the_last_look_is_seen(fuse_scene, other_disk) -> None:
    """Programs of other machines that have the file open, up to the last look at it."""
    scene = fuse_scene
    behind = other_disk / scene.copy.relative_to(scene.folder)
    looks: list[int] = []
    look = SetAside.look_again
    lost = late = 0
    for moment in moments_of(scene, 2 * EVERY):
        scene.start.put_back()
        looks.clear()
        calls = [0]

        def looked(self, calls=calls) -> None:
            look(self)
            looks.append(calls[0])

        with (
            open(behind, "r+b", buffering=0) as opened,
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setattr(SetAside, "look_again", looked)

            def write_now(number: int, at: int = moment, file=opened, calls=calls) -> None:
                calls[0] = number
                if number == at:
                    file.write(EDITED)

            if at_each_call(scene.apply, write_now) <= moment:
                opened.write(EDITED)
            survives = bool(edited(scene))
        if not looks or moment < looks[0] - 12:
            assert survives, moment
        late += bool(looks)
        lost += not survives
    assert late
    assert lost <= 2 + late  # what comes after the last look, into a file without a name
