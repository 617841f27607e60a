"""Folders that belong to a program: photo libraries and catalogues, and recycle bins.

A package looks like one file on macOS. Its program knows its files by their paths: what is moved
out of it is lost to that program, and some repair themselves by deleting. What lies in a recycle
bin, or in a quarantine of ours, will be deleted.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from safelight.files.names import folded

#: Suffixes of such folders, lower case.
PACKAGE_SUFFIXES = frozenset(
    {
        # Apple: Photos, iPhoto, Aperture, Photo Booth, and what they migrated.
        ".photoslibrary", ".photolibrary", ".aplibrary", ".migratedphotolibrary",
        ".migratedaplibrary", ".photoboothlibrary", ".aplib", ".apvault", ".apimportlibrary",
        # Adobe: Lightroom's previews and catalogue data, Lightroom CC, Elements.
        ".lrlibrary", ".lrdata", ".lrcat-data", ".lightroomlibrary", ".pseelementscatalog",
        # Capture One: catalogue, session database, portable archive.
        ".cocatalog", ".cocatalogdb", ".cosessiondb", ".cosession",
        # Others: Media Pro, Capture NX, ON1, Exposure, Luminar, Mylio.
        ".dtbase2", ".onphoto", ".luminar", ".lmnr", ".mylio", ".rcproject",
        # Films, music, mail, documents, programs, disk images and machines.
        ".fcpbundle", ".imovielibrary", ".imovieproject", ".theater", ".tvlibrary",
        ".musiclibrary", ".logicx", ".band", ".mbox", ".rtfd", ".app", ".bundle", ".framework",
        ".plugin", ".xcassets", ".sparsebundle", ".backupbundle", ".backupdb", ".vmwarevm",
        ".pvm", ".utm",
    }
)  # fmt: skip

# Folders that such programs named without a suffix.
_PACKAGE_NAMES = frozenset({"photo booth library", "iphoto library", "aperture library"})

#: The folder that plans move files into, at the top of the folder that was ingested.
QUARANTINE = ".safelight-quarantine"

# A quarantine that was named has a folder for each plan.
_PLAN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")

# Where systems keep what was deleted, earlier states of files, or thumbnails; case differs between
# them. Windows; macOS; Linux, Syncthing, ZFS; Synology, QNAP, Samba's vfs_recycle, TrueNAS, Unraid,
# digiKam.
_BINS = frozenset(
    {
        "$recycle.bin", "recycler", "recycled", "system volume information",
        ".trash", ".trashes", "network trash folder", ".spotlight-v100", ".fseventsd",
        ".documentrevisions-v100", ".temporaryitems", ".mobilebackups",
        "lost+found", ".thumbnails", ".thumb", ".snapshot", ".snapshots", ".stversions", ".zfs",
        "@eadir", "#recycle", "#snapshot", "@sharebin", "@tmp", "@recycle", "@recently-snapshot",
        ".@__thumb", "@__thumb", ".recycle", ".recycle.bin", ".recyclebin", ".trash-can",
        "trash-can", ".dtrash", QUARANTINE,
    }
)  # fmt: skip
_USER_TRASH = re.compile(r"\.trash-\d+")


def package_of(path: str) -> str | None:
    """Return the name of the package that a file lies in, if it lies in one.

    Examples
    --------
    >>> package_of("/Users/ann/Pictures/Photos Library.photoslibrary/originals/0/a.heic")
    'Photos Library.photoslibrary'
    """
    folders = PurePath(path).parent.parts
    return next((name for name in folders if is_package(name)), None)


def is_package(name: str) -> bool:
    """Tell whether a folder of this name belongs to a program."""
    # `.lrdata` alone is not a name; nor is a hidden folder `.app`.
    stem, dot, suffix = name.rpartition(".")
    if bool(stem and dot) and f".{suffix.lower()}" in PACKAGE_SUFFIXES:
        return True
    return folded(name) in _PACKAGE_NAMES


def recycle_bin_of(path: str) -> str | None:
    """Return the name of the recycle bin that a file lies in, if it lies in one.

    Examples
    --------
    >>> recycle_bin_of("/media/disk/$Recycle.Bin/S-1-5/$R1.jpg")
    '$Recycle.Bin'
    >>> recycle_bin_of("/home/ann/recipes/a.jpg")
    """
    folders = PurePath(path).parent.parts
    for number, name in enumerate(folders):
        if is_recycle_bin(name):
            return name
        # freedesktop.org's home trash: ~/.local/share/Trash/files
        if name == "Trash" and folders[number + 1 : number + 2] == ("files",):
            return name
    return None


def is_recycle_bin(name: str) -> bool:
    """Tell whether a folder of this name is a recycle bin, or one of the system's own."""
    name = folded(name)
    return name in _BINS or bool(_USER_TRASH.fullmatch(name) or _PLAN_ID.fullmatch(name))
