"""Structure of files beside their first picture, parsed from their bytes."""

from __future__ import annotations

import contextlib
import io
import random
import struct
import time
import zipfile

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin
from skimage import data

from safelight.errors import DecodeError
from safelight.imaging import decode
from safelight.imaging.containers.jpeg import coded_picture
from safelight.imaging.containers.structure import read_structure
from safelight.types import Structure
from tests.imaging.builders import (
    animation,
    box,
    chunk,
    film,
    heif,
    multi_picture,
    png,
    samsung,
)
from tests.imaging.pictures import picture, save

FRAMES = [np.roll(picture(96, 64), 9 * step, axis=1) for step in range(5)]
JPEG = save(picture(), "JPEG", quality=88)


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("secret.txt", "x" * 50)
    return out.getvalue()


def _pages(*pages: np.ndarray, **options: object) -> bytes:
    return animation(pages, "TIFF", **options)


def _thumbnail_behind() -> bytes:
    out = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(out, True) as writer:
        Image.fromarray(FRAMES[0]).save(writer, "TIFF")
        writer.newFrame()
        small = Image.fromarray(FRAMES[0]).resize((48, 32))
        small.save(writer, "TIFF", tiffinfo={254: 1})
    return out.getvalue()


def _gain_map() -> bytes:
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta hdrgm:Version='1.0'/>"
    small = save(picture(40, 28), "JPEG")
    marker = b"\xff\xe1" + (2 + len(xmp)).to_bytes(2, "big") + xmp
    return multi_picture(JPEG, (0, small[:2] + marker + small[2:]))


PICTURE, SECOND = (1, b"hvc1", b"picture" * 20), (2, b"hvc1", b"second" * 9)


def auxiliary(purpose: bytes) -> bytes:
    """A HEIC with a second picture that says something of the first."""
    urn = b"\0\0\0\0urn:com:apple:photo:2020:aux:" + purpose + b"\0"
    return heif([PICTURE, SECOND], [(b"auxl", 2, (1,))], [(2, b"auxC", urn)])


FILES = {
    "gif": (animation(FRAMES), [("frames", 4)]),
    "apng": (animation(FRAMES, "PNG"), [("frames", 4)]),
    "webp": (animation(FRAMES, "WEBP"), [("frames", 4)]),
    "avif": (animation(FRAMES, "AVIF"), [("frames", 4)]),
    "tiff": (_pages(*FRAMES[:3]), [("pages", 2)]),
    "tiff, big": (_pages(*FRAMES[:3], big_tiff=True), [("pages", 2)]),
    "tiff with its thumbnail": (_thumbnail_behind(), []),
    "mpo, a stereo pair": (multi_picture(JPEG, (0x020002, JPEG)), [("views", 1)]),
    "mpo of pillow": (
        save(
            Image.fromarray(FRAMES[0]),
            "MPO",
            save_all=True,
            append_images=[Image.fromarray(FRAMES[1])],
        ),
        [("picture", 1)],
    ),
    "mpo, previews": (multi_picture(JPEG, (0x010001, JPEG), (0x010002, JPEG)), []),
    "ultra hdr": (_gain_map(), [("gain-map", 1)]),
    "google's motion photo": (JPEG + film(), [("film", 1)]),
    "samsung's motion photo": (samsung(JPEG, film()), [("film", 1)]),
    "mpo and film": (multi_picture(JPEG, (0x020002, JPEG)) + film(), [("views", 1), ("film", 1)]),
    "sound": (JPEG + box(b"ftyp", b"M4A \0\0\0\0") + bytes(900), [("sound", 1)]),
    "zip": (JPEG + _zip(), [("archive", 1)]),
    "zip behind png": (png(FRAMES[0]) + _zip(), [("archive", 1)]),
    "jpeg behind jpeg": (JPEG + save(picture(30, 20), "JPEG"), [("picture", 1)]),
    "noise": (JPEG + random.Random(1).randbytes(5000), [("data", 1)]),
    "padding": (JPEG + bytes(5000), []),
    "a little of something": (JPEG + b"something" * 20, [("data", 1)]),
    "samsung's times": (samsung(JPEG, b"1600000000000"), []),
    "a program's note": (JPEG + b"downloaded with x", []),
    "heic": (heif([PICTURE]), []),
    "heic, depth": (auxiliary(b"depth"), [("depth-map", 1)]),
    "heic, gain": (auxiliary(b"hdrgainmap"), [("gain-map", 1)]),
    "heic, matte": (auxiliary(b"portraiteffectsmatte"), [("matte", 1)]),
    "heic, alpha": (auxiliary(b"alpha"), []),
    "heic, thumbnail": (heif([PICTURE, SECOND], [(b"thmb", 2, (1,))]), []),
    "heic, tiles": (
        heif([(1, b"grid", bytes(8)), SECOND, (3, b"hvc1", b"3")], [(b"dimg", 1, (2, 3))]),
        [],
    ),
    "heic, pages": (heif([PICTURE, SECOND, (3, b"hvc1", b"third")]), [("pages", 2)]),
    "heic, film": (heif([PICTURE], after=box(b"mpvd", film())), [("film", 1)]),
}


@pytest.mark.parametrize("name", FILES)
def test_what_a_file_holds(name: str) -> None:
    data, parts = FILES[name]
    found = read_structure(data)
    assert [(part.kind, part.count) for part in found.parts] == parts
    assert found.pictures == 1 + sum(n for kind, n in parts if kind in ("frames", "pages", "views"))
    assert Structure.from_dict(found.to_dict()) == found


def test_equal_parts_have_equal_digests_whatever_the_metadata_say() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    plain, tagged = (save(picture(), "JPEG", **more) for more in ({}, {"exif": exif}))
    assert read_structure(plain + film()).parts == read_structure(tagged + film()).parts
    assert read_structure(plain + film(1)).parts != read_structure(tagged + film()).parts
    one, other = (
        animation([Image.fromarray(each).quantize(8, kmeans=k) for each in FRAMES[:2]], "PNG")
        for k in (0, 2)
    )
    assert read_structure(one).parts != read_structure(other).parts
    slow, fast = (animation(FRAMES, duration=each) for each in (100, 50))
    assert read_structure(slow).parts != read_structure(fast).parts


@pytest.mark.parametrize(
    ("data", "depth", "alpha"),
    [
        (png(picture(20, 10).astype(np.uint16) * 257), 16, False),
        (png(np.full((9, 9, 4), 255, np.uint8)), 8, False),
        (png(np.full((9, 9, 4), 254, np.uint8)), 8, True),
        (png(np.full((9, 9, 2), 7, np.uint8)), 8, True),
        (png(picture(9, 9), chunk(b"tRNS", b"\0\0\0\0\0\1")), 8, False),
        (png(np.zeros((9, 9, 3), np.uint8), chunk(b"tRNS", bytes(6))), 8, True),
        (save(Image.fromarray(picture()).convert("RGBA"), "WEBP"), 8, False),
        (save(Image.new("RGBA", (9, 9), (1, 2, 3, 100)), "WEBP"), 8, True),
        (save(Image.fromarray(np.zeros((9, 9), np.uint16)), "TIFF"), 16, False),
        (save(Image.fromarray(np.zeros((9, 9), np.float32)), "TIFF"), 32, False),
    ],
)
def test_depth_and_transparency(data: bytes, depth: int, alpha: bool) -> None:
    found = decode(data).structure
    assert (found.depth, found.alpha) == (depth, alpha)


def test_transparency_is_seen_however_small_it_is_decoded() -> None:
    pixels = np.full((600, 800, 4), 200, np.uint8)
    pixels[..., 3] = 255
    pixels[300, 400, 3] = 0
    frame = decode(png(pixels), min_side=50)
    assert frame.structure.alpha
    assert frame.alpha is not None
    assert frame.alpha.shape == frame.pixels.shape[:2]


@pytest.mark.parametrize("name", FILES)
def test_damage_stops_nothing(name: str) -> None:
    data, _ = FILES[name]
    chance = random.Random(name)
    for _ in range(25):
        broken = bytearray(data)
        for _ in range(chance.randint(1, 8)):
            broken[chance.randrange(min(400, len(data)))] = chance.randrange(256)
        assert isinstance(
            read_structure(bytes(broken)[: chance.randrange(8, len(data))]), Structure
        )


def _endless_tiff() -> bytes:
    """Pages whose directories lie on each other, each with thousands of strips."""
    tags = 3000
    body = bytearray(b"II*\0\x08\0\0\0")
    for number in range(6000):
        start = 8 + 6 * number
        body += struct.pack("<HI", tags, start + 6)
    body += struct.pack("<HHII", 273, 4, 100_000, 8) * tags
    return bytes(body) + bytes(2_000_000)


GIF = b"GIF89a" + bytes(7) + b"\x2c" + bytes(9) + b"\2"

HOSTILE = {
    "gif of blocks of a byte": GIF + b"\1\1" * 1_000_000,
    "png of empty chunks": b"\x89PNG\r\n\x1a\n" + chunk(b"teSt", b"") * 100_000,
    "boxes of nothing": box(b"ftyp", b"heic\0\0\0\0mif1heic") + box(b"free", b"") * 100_000,
    "boxes in boxes": box(b"ftyp", b"avis\0\0\0\0avif") + b"".join(
        struct.pack(">I", 8 * (50_000 - depth)) + b"moov" for depth in range(50_000)
    ),
    "items of no bytes": box(b"ftyp", b"heic\0\0\0\0mif1heic")
    + box(b"meta", bytes(4) + box(b"iloc", b"\1\0\0\0\0\0\xff\xff" + b"\xff" * 700_000)),
    "webp of empty chunks": b"RIFF\0\0\0\x7fWEBP" + b"ANMF\0\0\0\0" * 100_000,
    "tiff without end": _endless_tiff(),
    "jpeg of markers": b"\xff\xd8" + b"\xff\xe1\0\2" * 100_000,
    "jpeg of xmp": b"\xff\xd8"
    + (b"\xff\xe1\0\x50http://ns.adobe.com/xmp/extension/\0" + bytes(43)) * 30_000
    + b"\xff\xda",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_no_file_takes_for_ever(name: str) -> None:
    data = HOSTILE[name]
    started = time.process_time()
    read_structure(data)
    with contextlib.suppress(DecodeError):
        decode(data, min_side=64)
    assert time.process_time() - started < 5


def test_real_photos(real_photos) -> None:
    camera = real_photos / "camera" / "webp"
    assert read_structure((camera / "Animation Lossless.webp").read_bytes()).pictures == 101
    heic = (real_photos / "camera" / "heic" / "IMG_1034.heic").read_bytes()
    assert read_structure(heic).depth == 8
    assert read_structure(heic + film()).parts[0].kind == "film"


def test_the_coded_picture_of_a_jpeg_is_what_decides_its_pixels() -> None:
    picture = Image.fromarray(data.chelsea())

    def saved(quality: int = 90, **more: object) -> bytes:
        file = io.BytesIO()
        picture.copy().save(file, "JPEG", quality=quality, **more)
        return file.getvalue()

    plain = saved()
    assert coded_picture(plain) == coded_picture(saved(comment="another"))
    assert coded_picture(plain) == coded_picture(saved(exif=Image.Exif()))
    assert coded_picture(plain) == coded_picture(plain + b"a tail")
    assert coded_picture(plain) != coded_picture(saved(89))
    assert coded_picture(plain[:200]) is None
