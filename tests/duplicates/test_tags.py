"""Tags of photos, wherever they stand in the file."""

from __future__ import annotations

import pytest
from PIL import Image

from safelight.imaging.embedded_metadata import read_tags
from safelight.metadata.tags import Tags, merged
from safelight.metadata.xmp import add_to_xmp

NOTED = Tags("2019-05-01T12:30:00", 10.5, 20.25, None, 5, ("beach",))


def iptc(words: list[bytes]) -> bytes:
    records = b"".join(b"\x1c\x02\x19" + len(word).to_bytes(2, "big") + word for word in words)
    padded = records + b"\0" * (len(records) % 2)
    body = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(records).to_bytes(4, "big") + padded
    return b"\xff\xed" + (len(body) + 2).to_bytes(2, "big") + body


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "PNG", "TIFF"])
def test_embedded_xmp(tmp_path, form) -> None:
    path = tmp_path / "a"
    packet = add_to_xmp(None, NOTED)
    options = {"xmp": packet}
    if form == "TIFF":
        options = {"tiffinfo": {700: packet}}
    elif form == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
        options = {"pnginfo": info}
    Image.new("RGB", (40, 30)).save(path, form, **options)
    assert read_tags(path.read_bytes(), {}) == NOTED


def test_exif_and_iptc(tmp_path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x4746] = 3
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    Image.new("RGB", (40, 30)).save(path, exif=exif)
    data = path.read_bytes()
    path.write_bytes(data[:2] + iptc([b"old", "süß".encode(), b"s\xfc\xdf"]) + data[2:])
    found = read_tags(
        path.read_bytes(), {"taken_at": "2020-01-02T03:04:05", "latitude": 1.0, "longitude": 2.0}
    )
    assert found == Tags("2020-01-02T03:04:05", 1.0, 2.0, None, 3, ("old", "süß"))


def test_the_date_of_a_change_is_not_when_it_was_taken(tmp_path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0132] = "2021:01:02 03:04:05"
    Image.new("RGB", (40, 30)).save(path, exif=exif)
    assert read_tags(path.read_bytes(), {"taken_at": "2021-01-02T03:04:05"}).taken_at is None


@pytest.mark.parametrize("data", [b"", b"II*\0raw of some camera", b"\xff\xd8\xff\xe1", b"GIF89a"])
def test_what_cannot_be_read_leaves_what_the_library_knows(tmp_path, data) -> None:
    path = tmp_path / "a"
    path.write_bytes(data)
    found = read_tags(
        path.read_bytes(), {"taken_at": "2021-01-02T03:04:05", "latitude": 1.0, "longitude": 2.0}
    )
    assert (found.taken_at, found.latitude) == ("2021-01-02T03:04:05", 1.0)


def test_broken_xmp_is_none(tmp_path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (40, 30)).save(path, xmp=b"<broken")
    assert read_tags(path.read_bytes(), {}) == Tags()


def test_what_comes_first_counts_and_keywords_add_up() -> None:
    other = Tags(None, 1.0, 2.0, 3.0, 4, ("sea", "beach"))
    assert merged([Tags(rating=0), NOTED, other]) == Tags(
        "2019-05-01T12:30:00", 10.5, 20.25, None, 5, ("beach", "sea")
    )
    assert other.beyond(NOTED) == Tags(keywords=("sea",))
    assert NOTED.beyond(Tags(rating=0, keywords=("beach",))) == Tags(
        "2019-05-01T12:30:00", 10.5, 20.25, None, 5
    )
    assert not NOTED.beyond(NOTED)
    assert Tags.from_dict(NOTED.to_dict()) == NOTED


def test_real_cameras(real_photos) -> None:
    from safelight.errors import DecodeError
    from safelight.imaging import decode

    read = 0
    for path in sorted((real_photos / "camera").rglob("*.*"))[::5]:
        try:
            exif = decode(path.read_bytes(), min_side=64).exif
        except DecodeError:
            continue
        known = {"taken_at": exif.taken_at, "latitude": exif.latitude, "longitude": exif.longitude}
        found = read_tags(path.read_bytes(), known)
        assert found.rating is None or -1 <= found.rating <= 99
        read += 1
    assert read > 5
