"""Other disks, for a test: one beside this, one that is case-blind, and a folder shown twice.

Each is None where this machine cannot have it. Continuous integration installs what they need.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOOLS = ("mkfs.exfat", "mount.exfat-fuse", "losetup", "umount")

#: Where another file system usually is; the first is in memory.
_ELSEWHERE = ("/dev/shm", os.environ.get("XDG_RUNTIME_DIR", ""), "/run/lock", "/var/tmp")


@contextlib.contextmanager
def disk_beside(folder: Path) -> Iterator[Path | None]:
    """Make a folder on another file system than this one: on one that is there, or mounted."""
    for place in filter(os.path.isdir, _ELSEWHERE):
        if os.access(place, os.W_OK) and os.stat(place).st_dev != folder.stat().st_dev:
            with tempfile.TemporaryDirectory(dir=place, prefix="safelight-test-") as made:
                yield Path(made)
            return
    mounted = Path(tempfile.mkdtemp(dir=folder))
    if not _done("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", mounted):
        yield None
        return
    try:
        yield mounted
    finally:
        _done("umount", mounted)


@contextlib.contextmanager
def seen_twice(real: Path, *views: Path) -> Iterator[bool]:
    """Show a folder at other places too, where its files have other numbers."""
    shown: list[Path] = []
    try:
        for view in views:
            view.mkdir()
            if _done("bindfs", real, view):
                shown.append(view)
        yield len(shown) == len(views)
    finally:
        for view in shown:
            assert _done("fusermount", "-u", view) or _done("umount", view)


def _done(*command: object) -> bool:
    """Run a command, and tell whether there is one and it did its work."""
    try:
        found = subprocess.run(list(map(str, command)), capture_output=True, check=False)
    except OSError:
        return False
    return found.returncode == 0


@contextlib.contextmanager
def case_blind_disk(folder: Path) -> Iterator[Path | None]:
    """Mount a small exFAT disk in a folder; None where that cannot be done."""
    if os.geteuid() or not all(map(shutil.which, _TOOLS)):
        yield None
        return
    image, mounted = folder / "disk.img", folder / "disk"
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(32 * 1024**2)

    def run(*command: object) -> str:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
        return done.stdout.strip()

    device = None
    try:
        run("mkfs.exfat", image)
        device = run("losetup", "-f", "--show", image)
        run("mount.exfat-fuse", device, mounted)
    except (OSError, subprocess.CalledProcessError):
        if device:
            subprocess.run(["losetup", "-d", device], check=False)
        yield None
        return
    try:
        yield mounted
    finally:
        subprocess.run(["umount", str(mounted)], check=False)
        subprocess.run(["losetup", "-d", device], check=False)
