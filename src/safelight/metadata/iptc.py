"""IPTC-IIM records, as Photoshop puts them into JPEG and TIFF (IIM 4.2, part 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = tuple[int, int]

_MARK = 0x1C

IPTC_TAG, _RESOURCE = 33723, 0x0404

#: Of the application record: date and time when the content was made, keywords.
DATE_CREATED, TIME_CREATED, KEYWORDS = (2, 55), (2, 60), (2, 25)
#: And when the digital file began to be, which is later if it was scanned.
DATE_DIGITIZED, TIME_DIGITIZED = (2, 62), (2, 63)


def read_iptc(data: bytes) -> dict[Key, list[bytes]]:
    """Return the values of each record and data set; what comes behind damage is left out."""
    found: dict[Key, list[bytes]] = {}
    at = 0
    while at + 5 <= len(data) and data[at] == _MARK:
        key = (data[at + 1], data[at + 2])
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        at += 5
        if size & 0x8000:  # the length of the length, for values beyond 32 kB
            count = size & 0x7FFF
            if count > 4:
                break
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + size > len(data):
            break
        found.setdefault(key, []).append(data[at : at + size])
        at += size
    return found


def find_iptc(main: Mapping[int, Any], info: Mapping[Any, Any]) -> dict[Key, list[bytes]]:
    """Return the IPTC values of an image that Pillow has opened.

    Parameters
    ----------
    main : mapping
        Its first EXIF directory, which holds them in a TIFF.
    info : mapping
        Pillow's ``info``, which holds the resources of a JPEG; under ``iptc`` the record itself.
    """
    data = info.get("iptc", main.get(IPTC_TAG))
    resources = info.get("photoshop")
    if isinstance(resources, dict):
        data = resources.get(_RESOURCE, data)
    return read_iptc(data) if isinstance(data, bytes) else {}


def decoded(value: bytes) -> str:
    """Return text of whatever encoding: UTF-8 if it is that, else Latin-1."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
