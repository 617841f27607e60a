"""Companion files: what lies beside a photo and belongs to it, by its name.

What other programs keep of a photo (edits, notes, voice memos) goes where the photo goes. A photo
that is one of several (RAW and JPEG, a photo and its film) stays, and so does one of which it is
not clear what belongs to it.
"""

from __future__ import annotations

import os
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from safelight.duplicates.plans.takeout import belongs_to, cut, json_beginnings, photo_beginnings
from safelight.imaging.formats import SUFFIXES, is_photo
from safelight.imaging.sidecar_names import own_sidecars

if TYPE_CHECKING:
    from collections.abc import Iterator

_RAW = SUFFIXES["raw"]

# The moving part of a photo: Apple's, Samsung's and Google's (which also has no suffix of its own).
_MOVING = frozenset({".mov", ".mp4", ".m4v", ".mp", ".mv", ".3gp", ".avi", ".hevc"})

# Suffixes that take the place of the photo's: XMP; Apple; RawTherapee, ART; DxO; ON1; Capture One;
# Canon DPP; Camera Raw; Nikon; cameras' previews and voice memos; Takeout; UFRaw; SilkyPix; Sony.
_ATTACHED = frozenset(
    {
        ".xmp", ".aae", ".pp3", ".arp", ".dop", ".on1", ".onphoto", ".cos", ".comask", ".cop",
        ".vrd", ".dr4", ".acr", ".nksc", ".thm", ".wav", ".json", ".ufraw", ".rws", ".spd", ".xml",
    }
)  # fmt: skip

# Folders in which programs keep such files, and the suffix of each.
_FOLDERS = (("CaptureOne", "Settings*", ".cos"), ("NKSC_PARAM", None, ".nksc"))


class Companions:
    """The files beside photos; each folder is listed once.

    What changes in a folder while this lives is not seen.
    """

    def __init__(self) -> None:
        # By the whole name, the name up to each of its dots, both case-folded.
        self._folders: dict[str, dict[str, list[str]]] = {}
        self._subs: dict[tuple[str, str], list[str]] = {}

    def sidecars(self, path: str) -> list[str]:
        """Return the XMP sidecars that are this photo's alone, the authoritative one first.

        ``photo.jpg.xmp`` always is; ``photo.xmp`` is if no other photo there is called like it.
        """
        folder, name = os.path.split(path)
        siblings = self._named(folder, os.path.splitext(name)[0])
        return [os.path.join(folder, each) for each in own_sidecars(name, siblings)]

    def sidecar_for(self, path: str) -> str:
        """Return the sidecar that a photo has, or else the one that it should get."""
        return next(iter(self.sidecars(path)), f"{path}.xmp")

    def possible_sidecars(self, path: str) -> list[str]:
        """Return the paths at which a photo's own notes can be."""
        return [*self.sidecars(path), f"{path}.xmp"]

    def is_spelled(self, path: str) -> bool:
        """Tell whether a file has just this name: a case-blind disk finds it by others as well."""
        folder, name = os.path.split(path)
        names = self._list(folder).get("", [])
        return not names or name in names

    def attached(self, path: str) -> list[str]:
        """Return all files that go where a photo goes, its sidecars first."""
        folder = os.path.dirname(path)
        found = [os.path.join(folder, each) for each, _ in self._candidates(path)]
        return list(dict.fromkeys((*self.sidecars(path), *found, *self._in_folders(path))))

    def companion(self, path: str) -> str | None:
        """Return the file with which a photo is one: RAW and JPEG, or a photo and its moving part.

        The library may not know it: it may be of a kind that it does not read.
        """
        folder, name = os.path.split(path)
        stem, suffix = os.path.splitext(name)
        raw = suffix.lower() in _RAW
        for each in self._named(folder, stem):
            other_stem, other = os.path.splitext(each)
            # IMG_1.MOV, IMG_1.HEIC.MOV; PXL_1.MP beside PXL_1.MP.jpg.
            is_film = other.lower() in _MOVING and (
                _is(other_stem, stem) or _is(other_stem, name) or _is(each, stem)
            )
            pairs = is_photo(each) and _is(other_stem, stem) and (other.lower() in _RAW) != raw
            if is_film or pairs:
                return os.path.join(folder, each)
        return None

    def obstacle(self, path: str) -> str | None:
        """Return why it is not clear what belongs to a photo, to follow its path; None if it is."""
        folder, name = os.path.split(path)
        stem = os.path.splitext(name)[0]
        attached = self.attached(path)
        for each in attached:
            if os.path.islink(each):
                return f"stays, because {each}, which belongs to it, is a link"
        for each, other in self._candidates(path, shared=True):
            return f"stays, because {other} has a share in {each}"
        for each in self._named(folder, stem):
            other_stem, suffix = os.path.splitext(each)
            known = is_photo(each) or suffix.lower() in _ATTACHED | _MOVING
            whole = os.path.join(folder, each)
            known = known or whole in attached or not _is(other_stem, stem)
            if not known and os.path.isfile(whole):
                return f"stays, because {each} has its name, and may belong to it"
        return None

    def _candidates(self, path: str, *, shared: bool = False) -> Iterator[tuple[str, str]]:
        """Yield the companions that are this photo's alone; or those that another one shares."""
        folder, name = os.path.split(path)
        stem = os.path.splitext(name)[0]
        named = [*self._named(folder, stem), f"._{name}"]
        for beginning in json_beginnings(name):
            named += [each for each in self._named(folder, beginning) if belongs_to(each, name)]
        for each in dict.fromkeys(named):
            other_stem, suffix = os.path.splitext(each)
            is_fork = each.startswith("._")  # of macOS, on disks that have no place for it
            if (is_photo(each) and not is_fork) or not os.path.lexists(os.path.join(folder, each)):
                continue
            if os.path.isdir(os.path.join(folder, each)):
                continue
            sharing = None
            if suffix.lower() == ".json" and belongs_to(each, name):
                sharing = self._taking(folder, each, name)
            elif _is(other_stem, stem) and suffix.lower() in _ATTACHED:
                sharing = next(iter(self._sharing(folder, name)), None)
            elif not _is_full(each, name) or suffix.lower() in _MOVING:
                continue
            if (sharing is not None) == shared:
                yield each, sharing or ""

    def _sharing(self, folder: str, name: str) -> list[str]:
        """Return the other photos that are called like one, but for the suffix."""
        stem = os.path.splitext(name)[0]
        return [
            each
            for each in self._named(folder, stem)
            if is_photo(each) and each != name and _is(os.path.splitext(each)[0], stem)
        ]

    def _taking(self, folder: str, json_name: str, name: str) -> str | None:
        """Return another photo to which a JSON file belongs as well."""
        for beginning in photo_beginnings(json_name):
            for each in self._named(folder, beginning):
                if each != name and is_photo(each) and belongs_to(json_name, each):
                    return each
        return None

    def _in_folders(self, path: str) -> Iterator[str]:
        folder, name = os.path.split(path)
        for first, pattern, suffix in _FOLDERS:
            for top in self._subfolders(folder, first):
                tops = [top] if pattern is None else self._subfolders(top, pattern)
                for each in tops:
                    for found in self._named(each, name):
                        if _is(found, f"{name}{suffix}"):
                            yield os.path.join(each, found)

    def _subfolders(self, folder: str, pattern: str) -> list[str]:
        if (folder, pattern) not in self._subs:
            names = self._list(folder).get("", [])
            matching = [name for name in names if fnmatch(name.casefold(), pattern.casefold())]
            self._subs[folder, pattern] = [os.path.join(folder, name) for name in matching]
        return self._subs[folder, pattern]

    def _named(self, folder: str, beginning: str) -> list[str]:
        """Return the names that are `beginning`, or go on with a dot after it."""
        return self._list(folder).get(beginning.casefold(), [])

    def _list(self, folder: str) -> dict[str, list[str]]:
        if folder not in self._folders:
            found: dict[str, list[str]] = {}
            try:
                names = sorted(os.listdir(folder))
            except OSError:
                names = []
            for name in names:
                found.setdefault("", []).append(name)
                folded = name.casefold()
                for beginning in _beginnings(folded):
                    found.setdefault(beginning, []).append(name)
            self._folders[folder] = found
        return self._folders[folder]


def _beginnings(name: str) -> set[str]:
    parts = name.removesuffix("_original").split(".")
    found = {name, *(".".join(parts[:number]) for number in range(1, len(parts) + 1))}
    return {*found, cut(name)} - {""}


def _is(name: str, other: str) -> bool:
    return name.casefold() == other.casefold()


def _is_full(name: str, photo: str) -> bool:
    """Tell whether a name is a photo's whole one and something more."""
    folded, of_photo = name.casefold(), photo.casefold()
    if folded.endswith(".json"):
        return folded == f"{of_photo}.json"
    return (
        folded.startswith(f"{of_photo}.")
        or folded == f"._{of_photo}"
        or folded == f"{of_photo}_original"  # exiftool's
    )
