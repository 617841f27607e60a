"""Stop a real run before each of its calls to the file system, and do something there."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_CALLS = {
    "posix": None,  # all of them
    "nt": None,
    "sys": {"audit"},  # before a call that Python has no function for
    "fcntl": None,
    None: {"read", "readinto", "readall", "write", "close", "flush"},
}


def at_each_call(do: Callable[[], object], then: Callable[[int], None]) -> int:
    """Run `do`, and call `then` with a number before each call to the file system; count them."""
    count = 0
    busy = False

    def profile(_: Any, event: str, called: Any) -> None:
        nonlocal count, busy
        if event != "c_call" or busy:
            return
        module = getattr(called, "__module__", None)
        names = _CALLS.get(module, ())
        if names is not None and called.__name__ not in names:
            return
        if called.__name__ in ("fspath", "fsencode", "getpid", "WIFEXITED"):
            return
        busy = True
        try:
            then(count)
        finally:
            busy = False
        count += 1

    sys.setprofile(profile)
    try:
        do()
    finally:
        sys.setprofile(None)
    return count


class Tree:
    """Everything below some folders, with times, rights and hard links, to be put back there."""

    def __init__(self, *folders: Path) -> None:
        self.folders = folders
        self.files: dict[Path, tuple[bytes, os.stat_result]] = {}
        self.links: dict[Path, str] = {}
        self.subfolders: list[Path] = []
        for folder in folders:
            for name, names, files in os.walk(folder):
                self.subfolders += [Path(name, each) for each in names]
                for each in (Path(name, file) for file in files):
                    if each.is_symlink():
                        self.links[each] = os.readlink(each)
                    else:
                        self.files[each] = (each.read_bytes(), each.stat())

    @property
    def signature(self) -> object:
        return {path: (data, stat.st_ino) for path, (data, stat) in self.files.items()}

    def put_back(self) -> None:
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        for folder in self.subfolders:
            folder.mkdir(exist_ok=True)
        names: dict[int, Path] = {}
        for path, (data, stat) in self.files.items():
            if stat.st_ino in names:
                os.link(names[stat.st_ino], path)
                continue
            names[stat.st_ino] = path
            path.write_bytes(data)
            os.chmod(path, stat.st_mode)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        for path, target in self.links.items():
            path.symlink_to(target)
