from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from safelight.errors import DecodeError
from safelight.imaging import available_extras, decode, extra_for, is_photo
from safelight.imaging.formats import SUFFIXES, sniff, sniff_unread
from tests.imaging.pictures import dng, picture, save

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def no_extras(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("safelight.imaging.formats.find_spec", lambda _: None)
    available_extras.cache_clear()
    yield
    available_extras.cache_clear()


@pytest.mark.parametrize(
    "name", ["a.jpg", "A.JPEG", "b.b.png", "x.HEIC", "x.nef", "ü.Cr3", "/p/q.avif", ".x.webp"]
)
def test_names_of_photos(name: str) -> None:
    assert is_photo(name)


@pytest.mark.parametrize("name", ["a", "jpg", ".jpg", "a.jpg.txt", "a.mov", "a.jpg ", "a.xmp", ""])
def test_names_of_other_files(name: str) -> None:
    assert not is_photo(name)


def test_suffixes_are_lower_case_and_belong_to_one_extra_each() -> None:
    every = [suffix for suffixes in SUFFIXES.values() for suffix in suffixes]
    assert len(every) == len(set(every))
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in every)


def test_the_extra_that_a_name_needs() -> None:
    assert extra_for("a.HEIC") == "heif"
    assert extra_for("a.dng") == "raw"
    assert extra_for("a.jpg") is None
    assert extra_for("a.txt") is None


def test_extras_are_looked_for_not_assumed(no_extras: None) -> None:
    assert available_extras() == frozenset()


def test_extras_that_are_installed_are_found() -> None:
    assert available_extras() == {"heif", "raw"}


@pytest.mark.parametrize("form", ["JPEG", "JPEG2000", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF"])
def test_content_tells_the_format(form: str) -> None:
    assert sniff(save(picture(), form)) == form


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "RAW"),
        (b"FUJIFILMCCD-RAW 0201", "RAW"),
        (b"II\x1a\0\0\0HEAPCCDR\2\0", "RAW"),
        (b"IIU\0\x18\0\0\0", "RAW"),
        (b"II+\0\x08\0\0\0", "TIFF"),
        (b"\0\0\0\x18ftypisom\0\0\2\0isommp41", None),
        (b"BMW is a make of cars, and no bitmap", None),
        (b"<html><body>404 Not Found</body></html>", None),
        (b"RIFF\x24\0\0\0WAVEfmt ", None),
        (b"\xff\xd8", None),
        (b"", None),
    ],
)
def test_first_bytes_tell_the_format(data: bytes, form: str | None) -> None:
    assert sniff(data) == form


def test_a_raw_file_built_as_a_tiff_begins_like_one() -> None:
    assert sniff(dng(save(picture(), "JPEG"))) == "TIFF"


def test_formats_that_are_not_read_are_known_by_name() -> None:
    assert sniff_unread(save(picture(), "ICO")) == "icon"
    assert sniff_unread(b"\xff\x0a\xfa\x7f") == "JPEG XL"
    assert sniff_unread(b"plain text") is None


def test_every_suffix_stands_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    for suffix in SUFFIXES[None] | SUFFIXES["heif"]:
        assert suffix in page
    for extra in SUFFIXES.keys() - {None}:
        assert f"safelight[{extra}]" in page


def test_listing_photos_loads_no_image_library() -> None:
    code = (
        "import sys; from safelight.imaging import is_photo, available_extras; "
        "assert is_photo('a.jpg'); available_extras(); "
        "heavy = {'PIL', 'numpy', 'pi_heif', 'rawpy'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def _in_runs(body: bytes, width: int = 4, height: int = 3) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 0, 0, 2, 0)
    return b"BM" + struct.pack("<IHHI", 62 + len(body), 0, 0, 62) + head + bytes(8) + body


@pytest.mark.parametrize(
    "body", [b"\4\1\0\0\4\1", b"\0\2\1", b"\0\2\0\1\2\1", b"\0\5\1", b"", b"\0"]
)
def test_a_bmp_in_runs_that_does_not_end_is_a_failure(body: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(_in_runs(body))
    assert caught.value.code in ("truncated", "corrupt")


@pytest.mark.parametrize(
    "body",
    [b"\0\1", b"\xff\1\0\0\0\1", b"\0\2\xff\1\5\1\0\1", b"\0\0" * 9, b"\0\7" + bytes(8) + b"\0\1"],
)
def test_runs_of_a_bmp_that_lead_out_of_it_are_cut(body: bytes) -> None:
    assert decode(_in_runs(body)).pixels.shape == (3, 4, 3)


def test_a_bmp_with_masks_that_is_cut_is_a_failure() -> None:
    body = struct.pack("<3I", 255, 255 << 8, 255 << 16) + bytes(4 * 4 * 3)
    head = struct.pack("<IiiHHIIiiII", 40, 4, 3, 1, 32, 3, 48, 0, 0, 0, 0)
    data = b"BM" + struct.pack("<IHHI", 66 + 48, 0, 0, 66) + head + body
    assert decode(data).pixels.shape == (3, 4, 3)
    with pytest.raises(DecodeError):
        decode(data[:-5])
