"""Folders that hold no photos of the user's own: recycle bins, and packages of other programs.

A recycle bin holds what somebody threw away: a photo in it is neither worth finding nor a copy to
keep. A package (``Photos Library.photoslibrary``) is one document to its program, which loses track
of a photo that is moved out of it.
"""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Names, case-folded, of folders in which systems keep what was deleted, earlier states of files,
#: or thumbnails.
_BINS = frozenset(
    {
        # Windows
        "$recycle.bin", "recycler", "recycled", "system volume information",
        # macOS
        ".trash", ".trashes", ".spotlight-v100", ".fseventsd", ".documentrevisions-v100",
        ".temporaryitems", ".mobilebackups",
        # Linux and other systems
        "lost+found", ".thumbnails", ".thumb", ".snapshot", ".snapshots", ".zfs", ".stversions",
        # Synology, QNAP, Samba, Unraid, digiKam
        "@eadir", "#recycle", "#snapshot", "@sharebin", "@tmp",
        "@recycle", "@recently-snapshot", ".@__thumb", "@__thumb",
        ".recycle", ".recycle.bin", ".recyclebin", ".dtrash",
    }
)  # fmt: skip

#: .Trash-1000, .Trash-0: of the user with this number, on a disk of its own.
_NUMBERED_BIN = re.compile(r"\.trash-\d+")

#: Endings, case-folded, of folders that are one document each.
_PACKAGES = frozenset(
    {
        # Apple Photos, iPhoto, Aperture, Photo Booth
        ".photoslibrary", ".photolibrary", ".migratedphotolibrary", ".aplibrary",
        ".migratedaplibrary", ".apvault", ".aplibrarymaster", ".photoboothlibrary",
        # Lightroom, Capture One
        ".lrdata", ".lrlibrary", ".lrcat-data", ".lightroomlibrary", ".cocatalog",
        # Films, music, mail
        ".imovielibrary", ".imovieproject", ".fcpbundle", ".theater", ".tvlibrary",
        ".musiclibrary", ".logicx", ".band", ".mbox",
        # Documents, programs, disk images and machines
        ".rtfd", ".app", ".bundle", ".framework", ".plugin", ".xcassets", ".sparsebundle",
        ".backupbundle", ".backupdb", ".vmwarevm", ".pvm", ".utm",
    }
)  # fmt: skip


def is_recycle_bin(name: str) -> bool:
    """Tell whether a folder of this name is a recycle bin or a folder of the system's own."""
    name = folded(name)
    return name in _BINS or _NUMBERED_BIN.fullmatch(name) is not None


def is_package(name: str) -> bool:
    """Tell whether a folder of this name is a document of another program."""
    return os.path.splitext(folded(name))[1] in _PACKAGES


def recycle_bin_of(path: str) -> str | None:
    """Return the recycle bin that a path lies in, or None.

    Examples
    --------
    >>> recycle_bin_of("/media/disk/$Recycle.Bin/S-1-5/$R1.jpg")
    '/media/disk/$Recycle.Bin'
    >>> recycle_bin_of("/home/ann/recipes/a.jpg")
    """
    return _first_folder(path, is_recycle_bin) or _freedesktop_trash(path)


def package_of(path: str) -> str | None:
    """Return the package of another program that a path lies in, or None.

    Examples
    --------
    >>> package_of("/Users/ann/Pictures/Photos Library.photoslibrary/originals/0/a.heic")
    '/Users/ann/Pictures/Photos Library.photoslibrary'
    """
    return _first_folder(path, is_package)


def folded(name: str) -> str:
    """Return a name as a case-blind disk compares it: case-folded, in one form of Unicode."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _first_folder(path: str, is_such: Callable[[str], bool]) -> str | None:
    parts = re.split(r"([/\\])", path) if os.sep == "\\" else re.split("(/)", path)
    for number in range(0, len(parts) - 1, 2):  # the last one is the file
        if parts[number] and is_such(parts[number]):
            return "".join(parts[: number + 1])
    return None


def _freedesktop_trash(path: str) -> str | None:
    found = re.search(r"^(.*[/\\]\.local[/\\]share[/\\]Trash)[/\\]", path)
    return found.group(1) if found else None
