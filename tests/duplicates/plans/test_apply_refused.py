"""Disks that are full or read-only, limits and rights: a dry run names them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from safelight.duplicates.plans.apply import apply_plan
from safelight.duplicates.plans.model import write_plan
from safelight.library.database import Database
from tests.rights import AS_ANYBODY

SAFELIGHT = str(Path(sys.executable).with_name("safelight"))


@pytest.fixture
def pair(shelf):
    photo = shelf.add("kept.jpg", b"the same" * 9000, days=-9)
    shelf.add("deep/copy.jpg", b"the same" * 9000)
    shelf.relate("identical", photo)
    return shelf


def run(plan, library, tmp_path, *options: str, before: tuple[str, ...] = ()):
    write_plan(plan, tmp_path / "plan.json")
    environ = {**os.environ, "SAFELIGHT_LIBRARY": str(library.path)}
    return subprocess.run(
        [*before, SAFELIGHT, "apply", str(tmp_path / "plan.json"), *options],
        env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
@pytest.mark.parametrize("action", ["quarantine", "hardlink", "trash"])
def test_a_trial_says_that_a_folder_may_not_be_written(
    pair, library, tmp_path, action, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    plan = pair.plan(action=action)
    (pair.folder / "deep").chmod(0o555)
    try:
        done = run(plan, library, tmp_path, "--dry-run", before=AS_ANYBODY)
    finally:
        (pair.folder / "deep").chmod(0o755)
    assert done.returncode == 1
    assert "Permission denied" in done.stderr
    assert "0 files would be" in done.stderr


def test_a_trial_says_that_there_is_no_room(pair, library, other_disk, monkeypatch) -> None:
    plan = pair.plan(quarantine=str(other_disk / "q"))
    assert apply_plan(library, plan, trial=True).changed == 1
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    outcome = apply_plan(library, plan, trial=True)
    assert outcome.changed == 0
    assert "full" in outcome.left[0].why


def test_a_trial_says_that_a_place_is_taken(pair, library) -> None:
    plan = pair.plan()
    target = Path(plan.changes[0].to or "")
    target.mkdir(parents=True)
    outcome = apply_plan(library, plan, trial=True)
    assert (outcome.changed, len(outcome.left)) == (0, 1)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
def test_a_disk_that_takes_no_more_is_said_and_nothing_is_lost(
    pair, library, tmp_path, other_disk
) -> None:
    before = pair.state()
    plan = pair.plan(quarantine=str(other_disk / "q"))
    # Files of 64 KiB at most, which the photo's copy is not and the journal is.
    limit = "import os, resource, sys; "
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16)); "
    limit += "os.execv(sys.argv[1], sys.argv[1:])"
    done = run(plan, library, tmp_path, before=(sys.executable, "-c", limit))
    assert done.returncode == 1
    assert "ulimit" in done.stderr
    assert "backup" not in done.stderr
    assert "Traceback" not in done.stderr
    assert pair.state() == before
    assert apply_plan(library, plan).changed == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
def test_a_library_that_cannot_be_opened_for_now_is_not_called_damaged(tmp_path) -> None:
    import resource

    from safelight.errors import LibraryError

    path = tmp_path / "library.db"
    Database(path).close()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The next file would get the lowest number that is free, which is now beyond the limit.
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    try:
        with pytest.raises(LibraryError) as caught:
            Database(path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert "backup" not in str(caught.value)
    assert "ulimit -n" in str(caught.value)
    assert str(path) in str(caught.value)
