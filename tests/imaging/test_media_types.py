"""Media types of photo files."""

from __future__ import annotations

import pytest

from safelight.imaging.formats import SUFFIXES
from safelight.imaging.media_types import UNKNOWN, media_type


def _box(brand: str) -> bytes:
    return b"\0\0\0\x18ftyp" + brand.encode() + b"\0\0\0\0mif1" + brand.encode()


@pytest.mark.parametrize(
    ("head", "name", "expected"),
    [
        (b"\xff\xd8\xff\xe0", "a.jpg", "image/jpeg"),
        (b"\xff\xd8\xff\xe0", "a.html", "image/jpeg"),
        (_box("heic"), "a.heic", "image/heic"),
        (_box("heic"), "a.jpg", "image/heic"),
        (_box("mif1"), "a.heif", "image/heif"),
        (_box("hevc"), "a.heics", "image/heic-sequence"),
        (_box("avif"), "a.avif", "image/avif"),
        (_box("avis"), "a.avifs", "image/avif-sequence"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "a.CR3", "image/x-canon-cr3"),
        (b"II*\0\x10\0\0\0CR\2\0", "IMG_1.CR2", "image/x-canon-cr2"),
        (b"MM\0*", "a.nef", "image/x-nikon-nef"),
        (b"II*\0", "a.dng", "image/x-adobe-dng"),
        (b"II*\0", "a.tif", "image/tiff"),
        (b"II*\0", "a.html", "image/tiff"),
        (b"FUJIFILMCCD-RAW", "a.raf", "image/x-fuji-raf"),
        (b"FUJIFILMCCD-RAW", "a.svg", UNKNOWN),
        (b"\xff\x0a", "a.jxl", "image/jxl"),
        (b"RIFF\0\0\0\0WEBP", "a.webp", "image/webp"),
        (b"<svg>", "a.jpg", UNKNOWN),
        (b"<html>", "a.cr2", UNKNOWN),
        (b"", "a.jpg", UNKNOWN),
    ],
)
def test_the_content_decides(head, name, expected) -> None:
    assert media_type(head, name) == expected


def test_every_raw_file_has_a_type_of_its_own() -> None:
    kinds = {media_type(b"II*\0", f"a{suffix}") for suffix in SUFFIXES["raw"]}
    assert len(kinds) == len(SUFFIXES["raw"])
    assert all(kind.startswith("image/x-") for kind in kinds)
