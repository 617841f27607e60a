"""XMP sidecars of a photo, by its name and those in its folder.

Programs name them in two ways: ``IMG_1.jpg.xmp`` (darktable, digiKam), which is always this
photo's, and ``IMG_1.xmp`` (Adobe), which is if no other photo is called like it, or if it is the
only RAW file among these.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from safelight.imaging.formats import SUFFIXES, is_photo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SUFFIX = ".xmp"


def own_sidecars(name: str, siblings: Sequence[str], *, of_raw: bool = False) -> list[str]:
    """Return the sidecars that are a photo's alone, the authoritative one first.

    Parameters
    ----------
    name : str
        Of the photo.
    siblings : sequence of str
        The names in its folder that begin as its own does, up to the last dot, in any case.
    of_raw : bool
        ``photo.xmp`` is the RAW file's where there is one RAW file of that name.
    """
    stem, suffix = os.path.splitext(name)
    full = _called(f"{name}{SUFFIX}", siblings)
    short = _called(f"{stem}{SUFFIX}", siblings)
    others = [
        each
        for each in siblings
        if is_photo(each) and each != name and _is_stem(os.path.splitext(each)[0], stem)
    ]
    is_only_raw = suffix.lower() in SUFFIXES["raw"] and not any(map(_is_raw, others))
    if others and not (of_raw and is_only_raw):
        short = []
    return list(dict.fromkeys((*full, *short)))


def _called(name: str, siblings: Iterable[str]) -> list[str]:
    """Return the sibling of this name; in whatever case, if none has just this one."""
    found = [each for each in siblings if each.casefold() == name.casefold()]
    photo = os.path.splitext(name)[0]
    return [each for each in found if os.path.splitext(each)[0] == photo] or found


def _is_stem(stem: str, other: str) -> bool:
    return stem.casefold() == other.casefold()


def _is_raw(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES["raw"]
