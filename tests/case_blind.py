"""A disk that takes ``a`` and ``A`` for one name, where this machine can mount one."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TOOLS = ("mkfs.exfat", "mount.exfat-fuse", "losetup", "umount")


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
