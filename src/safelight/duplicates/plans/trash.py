"""The system's trash: put a file in, find it there, take it out again.

Trash specification 1.0 (freedesktop.org); on macOS the user's own trash folder.
"""

from __future__ import annotations

import contextlib
import os
import stat as stat_module
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from safelight.errors import UsageError
from safelight.files.names import expanded

if TYPE_CHECKING:
    from collections.abc import Collection


def check_trash() -> None:
    """Raise unless this system has a trash that is known.

    Raises
    ------
    UsageError
        It has not.
    """
    if sys.platform == "win32":
        raise UsageError(
            "The recycle bin of Windows does not tell where it put a file, so nothing could be "
            "undone. Use the quarantine, and delete its folder."
        )


def trash_place(path: str, taken: Collection[str | None] = ()) -> tuple[str, str | None]:
    """Return where in the trash a file can go, and which file is to note where it came from.

    Parameters
    ----------
    taken : collection of str
        Places that others will have taken by then.

    Raises
    ------
    OSError
        The trash cannot be used.
    """
    if sys.platform == "darwin":
        folder = Path.home() / ".Trash"
        return os.fspath(_free(folder, Path(path).name, taken)), None
    folder = _trash_for(path)
    name = _free(folder / "files", Path(path).name, taken, folder / "info").name
    return os.fspath(folder / "files" / name), os.fspath(folder / "info" / f"{name}.trashinfo")


def write_note(note: str, path: str) -> None:
    """Note where a file in the trash came from; a note that is there already stays.

    Raises
    ------
    OSError
        It cannot be written.
    """
    trash = Path(note).parents[1]
    home = trash == _home_trash()
    shown = path if home else os.path.relpath(path, trash.parent)
    date = datetime.now().isoformat(timespec="seconds")
    with contextlib.suppress(FileExistsError), open(note, "x", encoding="ascii") as file:
        file.write(f"[Trash Info]\nPath={quote(os.fsencode(shown))}\nDeletionDate={date}\n")


def _home_trash() -> Path:
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(expanded("~"), ".local/share")
    return Path(data) / "Trash"


def trash_folder(path: str) -> str:
    """Return the trash folder on the file's own disk, which need not be there yet."""
    if sys.platform == "darwin":
        return os.fspath(Path.home() / ".Trash")
    home = _home_trash()
    there = home
    while not there.is_dir() and there != there.parent:
        there = there.parent
    disk = os.stat(os.path.dirname(path)).st_dev
    if os.stat(there).st_dev == disk:
        return os.fspath(home)
    top = Path(os.path.realpath(os.path.dirname(path)))
    while top != top.parent and os.stat(top.parent).st_dev == disk:
        top = top.parent
    user = os.getuid() if hasattr(os, "getuid") else 0
    shared = top / ".Trash"
    with contextlib.suppress(OSError):
        found = os.lstat(shared)
        if stat_module.S_ISDIR(found.st_mode) and found.st_mode & stat_module.S_ISVTX:
            return os.fspath(shared / str(user))
    return os.fspath(top / f".Trash-{user}")


def _trash_for(path: str) -> Path:
    folder = Path(trash_folder(path))
    for each in (folder, folder / "files", folder / "info"):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _free(
    folder: Path, name: str, avoid: Collection[str | None], notes: Path | None = None
) -> Path:
    """Return a path in `folder` that nothing has yet."""
    stem, suffix = os.path.splitext(name)
    number = 1
    while True:
        each = folder / (name if number == 1 else f"{stem} {number}{suffix}")
        taken = os.path.lexists(each) or os.fspath(each) in avoid
        if not taken and not (notes and os.path.lexists(notes / f"{each.name}.trashinfo")):
            return each
        number += 1
