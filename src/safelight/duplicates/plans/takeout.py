"""Google Takeout's JSON files: which photo of a folder each belongs to.

``IMG_1.jpg.json``, since 2024 ``IMG_1.jpg.supplemental-metadata.json``; names of more than 46
characters are cut before ``.json``; the second of two photos of one name is ``IMG_1(1).jpg``, its
JSON ``IMG_1.jpg(1).json``; an edited photo (``IMG_1-edited.jpg``) shares that of the original.
"""

from __future__ import annotations

import os
import re

_ENDING = ".supplemental-metadata"

# Of all names, with ".json" 51.
_LONGEST = 46

_NUMBER = re.compile(r"\((\d+)\)$")
_EDITED = ("-edited", "-bearbeitet", "-modifié", "-editado", "-modificato", "-bewerkt")


def belongs_to(json_name: str, photo: str) -> bool:
    """Tell whether a JSON file's name is one that Takeout gives to a photo's; case is passed over.

    Examples
    --------
    >>> belongs_to("IMG_1.jpg.supplemental-meta.json", "IMG_1.jpg")
    True
    >>> belongs_to("IMG_1.jpg(1).json", "IMG_1(1).jpg")
    True
    >>> belongs_to("IMG_1.jpg(1).json", "IMG_1.jpg")
    False
    """
    base = os.path.splitext(json_name.casefold())[0]
    stem, suffix = os.path.splitext(photo.casefold())
    number = _number(base)
    base = _NUMBER.sub("", base)
    for edited in ("", *_EDITED):
        if not stem.endswith(edited):
            continue
        original = stem.removesuffix(edited)
        if _number(original) == number and _matches(base, _NUMBER.sub("", original) + suffix):
            return True
    return False


def json_beginnings(photo: str) -> set[str]:
    """Return prefixes of a photo's JSON file names, up to a dot or a cut."""
    stem, suffix = os.path.splitext(photo.casefold())
    found = set()
    for edited in ("", *_EDITED):
        if stem.endswith(edited):
            original = _NUMBER.sub("", stem.removesuffix(edited))
            found |= {original, cut(original + suffix)}
    return found


def photo_beginnings(json_name: str) -> set[str]:
    """Return prefixes of a JSON file's photo names, up to a dot or a cut."""
    base = os.path.splitext(json_name.casefold())[0]
    number = _NUMBER.search(base)
    base = _NUMBER.sub("", base)
    counted = number[0] if number else ""
    stems = {base, os.path.splitext(base)[0], base.split(".", 1)[0]}
    return {cut(base)} | {f"{stem}{counted}{edited}" for stem in stems for edited in ("", *_EDITED)}


def cut(name: str) -> str:
    """Return the beginning of a name that is left where it is cut."""
    return name.casefold()[: _LONGEST - 1]


def _matches(base: str, name: str) -> bool:
    if not f"{name}{_ENDING}".startswith(base):
        return False
    # A name that was cut says as much as it can.
    return len(base) >= min(len(name), _LONGEST - 1)


def _number(stem: str) -> str | None:
    found = _NUMBER.search(stem)
    return found[1] if found else None
