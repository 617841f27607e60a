"""Files that every viewer opens: what does not code the picture never fails it."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from safelight.errors import DecodeError
from safelight.imaging import decode
from safelight.imaging.header import read_header
from safelight.imaging.profiles import profile_of_codes
from tests.imaging.builders import box, chunk, film, multi_picture, png
from tests.imaging.pictures import likeness, picture, save, tiff

PIXELS = picture()


def code_of(data: bytes) -> str:
    try:
        decode(data)
    except DecodeError as exc:
        return exc.code
    return "ok"


def text(kind: bytes, size: int) -> bytes:
    packed = zlib.compress(b"x" * size)
    body = {b"tEXt": b"k\0" + b"x" * size, b"zTXt": b"k\0\0" + packed}.get(kind)
    return chunk(kind, body or b"k\0\1\0\0\0" + packed)


EXTRA = {
    "2 MB of packed text": text(b"zTXt", 2_000_000),
    "64 MB of packed text": text(b"zTXt", 64_000_000),
    "international text": text(b"iTXt", 3_000_000),
    "plain text": text(b"tEXt", 2_000_000),
    "70 texts of 1 MB": text(b"zTXt", 1_000_000) * 70,
    "a workflow without end": chunk(b"tEXt", b"workflow" + b"{" * 9000),
    "text that cannot be unpacked": chunk(b"zTXt", b"key\0\0notzlib"),
    "text packed in another way": chunk(b"zTXt", b"key\0\7" + zlib.compress(b"text")),
    "a wrong checksum": chunk(b"tEXt", b"key\0text", crc=1),
    "EXIF data with a wrong checksum": chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0\0\0\0\0", crc=7),
    "EXIF data that are none": chunk(b"eXIf", b"nonsense"),
    "a huge profile": chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(24_000_000))),
    "a broken profile": chunk(b"iCCP", b"name\0\0nonsense"),
    "a profile without a name": chunk(b"iCCP", b"\0"),
    "a gamma of 3 bytes": chunk(b"gAMA", b"\0\0\1"),
    "a gamma of nothing": chunk(b"gAMA", bytes(4)),
    "colours of 5 bytes": chunk(b"cHRM", b"12345"),
    "colours of no light": chunk(b"gAMA", b"\0\0\xb1\x8f") + chunk(b"cHRM", bytes(32)),
    "sizes of 2 bytes": chunk(b"pHYs", b"12"),
    "a time of 1 byte": chunk(b"tIME", b"1"),
    "an animation without frames": chunk(b"acTL", bytes(8)),
    "an animation of 2 bytes": chunk(b"acTL", b"12"),
    "a frame of 3 bytes": chunk(b"acTL", b"\0\0\0\2" + bytes(4)) + chunk(b"fcTL", b"123"),
    "transparency of 1 byte": chunk(b"tRNS", b"1"),
    "transparency of 300 bytes": chunk(b"tRNS", bytes(300), crc=3),
    "a private chunk": chunk(b"prVt", b"anything", crc=9),
    "an empty chunk": chunk(b"teSt", b""),
    "codes of 3 bytes": chunk(b"cICP", b"\1\1\0"),
}


@pytest.mark.parametrize("name", EXTRA)
def test_no_chunk_beside_the_picture_fails_a_png(name: str) -> None:
    for data in (png(PIXELS, EXTRA[name]), png(PIXELS, after=EXTRA[name])):
        assert np.array_equal(decode(data).pixels, PIXELS)
        assert read_header(data).width == PIXELS.shape[1]


def test_no_end_and_anything_behind_the_end_fails_a_png() -> None:
    for data in (
        png(PIXELS, end=False),
        png(PIXELS, end=False) + b"\0\0\0",
        png(PIXELS)[:-3],
        png(PIXELS) + b"text behind it",
        png(PIXELS, after=b"\0\x10\0\0tEXtcut off"),
    ):
        assert np.array_equal(decode(data).pixels, PIXELS)


def test_a_wrong_checksum_of_the_packed_data_fails_no_png() -> None:
    for pixels in (PIXELS, PIXELS.astype(np.uint16) * 257, np.dstack([PIXELS, PIXELS[..., :1]])):
        data = png(pixels)
        at = data.index(b"IEND") - 8  # of the checksum of the chunk; that of the data is before it
        start = data.index(b"IDAT")
        body = data[start + 4 : at - 4] + b"\1\2\3\4"
        broken = data[: start - 4] + chunk(b"IDAT", body) + data[at + 4 :]
        assert np.array_equal(decode(broken).pixels, decode(data).pixels)
        assert code_of(data[: len(data) // 2]) == "truncated"


def test_a_webp_that_says_it_is_longer_than_it_is() -> None:
    for options in ({}, {"lossless": True}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}):
        data = save(PIXELS, "WEBP", **options)
        longer = data[:4] + (len(data) + 30).to_bytes(4, "little") + data[8:]
        assert np.array_equal(decode(longer).pixels, decode(data).pixels)
        assert code_of(data[: len(data) // 2]) == "truncated"
    tagged = save(PIXELS, "WEBP", exif=b"Exif\0\0" + bytes(200))
    assert np.array_equal(decode(tagged[:-50]).pixels, decode(tagged).pixels)


@pytest.mark.parametrize("marker", [b"\xff\xc3", b"\xff\xc0"])
def test_a_jpeg_of_a_rare_kind_is_unsupported(marker: bytes) -> None:
    data = bytearray(save(PIXELS, "JPEG").replace(b"\xff\xc0", marker, 1))
    data[data.index(marker) + 4] = 8 if marker == b"\xff\xc3" else 12
    assert code_of(bytes(data)) == "unsupported"


def test_a_jpeg_with_a_segment_of_no_length_is_read() -> None:
    data = save(PIXELS, "JPEG")
    frame = decode(data[:2] + b"\xff\xe5\0\0" + data[2:])
    assert np.array_equal(frame.pixels, decode(data).pixels)
    assert frame.structure.notes == ()


def test_exif_data_in_text_are_read() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    coded = exif.tobytes()
    raw = f"\nexif\n{len(coded):8}\n{coded.hex()}\n".encode()
    key = b"Raw profile type exif\0"
    for extra in (chunk(b"tEXt", key + raw), chunk(b"zTXt", key + b"\0" + zlib.compress(raw))):
        assert decode(png(PIXELS, extra)).exif.camera_make == "Maker"


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT"])
def test_damage_in_the_picture_itself_is_damage(kind: bytes) -> None:
    for into in (5, 9, 500) if kind == b"IDAT" else (5, 9):
        data = bytearray(png(PIXELS))
        data[data.index(kind) + into] ^= 0x55
        assert code_of(bytes(data)) in ("corrupt", "truncated", "too-large", "unsupported")


TAILS = {
    "text": b"Exported with a program of 2012\n" * 3,
    "a word": b"end",
    "zeros": bytes(3000),
    "samsung": b"\0\0\1\x0a\x0e\0\0\0Image_UTC_Data1600000000000SEFHe\0\0\0\1\0\0\0SEFT",
    "noise": np.random.default_rng(0).bytes(9000),
    "a jpeg": save(PIXELS, "JPEG"),
    "a film": film(),
    "a film in a box": box(b"mpvd", film()),
    "a length": b"\x7f\xff\xff\xff",
    "a box of its own": box(b"sefd", b"anything"),
    "an archive": b"PK\x03\x04" + bytes(200),
}


@pytest.mark.parametrize("name", TAILS)
def test_nothing_behind_an_avif_or_heic_fails_it(name: str) -> None:
    data = save(PIXELS, "AVIF")
    assert likeness(decode(data + TAILS[name]).pixels, decode(data).pixels) == 99
    assert code_of(data[: len(data) * 3 // 4]) == "truncated"


@pytest.mark.parametrize("name", TAILS)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "JPEG2000"])
def test_nothing_behind_other_formats_fails_them(name: str, form: str) -> None:
    data = save(PIXELS, form)
    assert np.array_equal(decode(data + TAILS[name]).pixels, decode(data).pixels)


def test_nothing_behind_real_heic_photos_fails_them(real_photos) -> None:
    path = real_photos / "camera" / "heic" / "cheers_1440x960.heic"
    data = path.read_bytes()
    whole = decode(data, min_side=64).pixels
    for tail in TAILS.values():
        assert np.array_equal(decode(data + tail, min_side=64).pixels, whole)
        assert read_header(data + tail).width == 1440
    for part in (30, 60, 90, 99):
        assert code_of(data[: len(data) * part // 100]) in ("truncated", "corrupt")


# TIFF: a ramp from dark to light, of which each layout shows the same tones.

WIDTH, HEIGHT = 96, 48
TONES = np.tile(np.linspace(0.02, 0.98, WIDTH), (HEIGHT, 1)) * np.linspace(0.6, 1, HEIGHT)[:, None]
COLOURS = np.stack([TONES, TONES[::-1] * 0.8, 1 - TONES], axis=2)


def packed_bits(values: np.ndarray, bits: int) -> bytes:
    """Rows of samples of so many bits, the highest first, each row in whole bytes."""
    rows = values.reshape(len(values), -1)
    single = (rows[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(single.reshape(len(rows), -1).astype(np.uint8), axis=1).tobytes()


def layout(
    tones: np.ndarray,
    dtype: str,
    *,
    photometric: int = 1,
    planar: bool = False,
    deflate: bool = False,
    differences: bool = False,
    tile: int = 0,
    bits: int = 0,
    extra: dict[int, tuple[str, Any]] | None = None,
) -> bytes:
    """A TIFF of tones from 0 to 1, as numbers of one type."""
    kind = np.dtype(dtype)
    bits = bits or 8 * kind.itemsize
    tones = tones[..., None] if tones.ndim == 2 else tones
    if photometric == 0:
        tones = 1 - tones
    top = 1.0 if kind.kind == "f" else 2.0 ** (bits - (kind.kind == "i")) - 1
    values = tones if kind.kind == "f" else np.rint(tones * top)
    values = values.astype(kind)
    count = values.shape[2]
    planes = [values[..., [at]] for at in range(count)] if planar else [values]
    blocks = []
    for plane in planes:
        if tile:
            down, across = (-(-length // tile) * tile for length in (HEIGHT, WIDTH))
            full = np.pad(plane, ((0, down - HEIGHT), (0, across - WIDTH), (0, 0)), "edge")
            blocks += [
                full[y : y + tile, x : x + tile]
                for y in range(0, down, tile)
                for x in range(0, across, tile)
            ]
        else:
            blocks += [plane[at : at + 20] for at in range(0, HEIGHT, 20)]
    coded = []
    for block in blocks:
        if differences:
            block = np.concatenate([block[:, :1], np.diff(block, axis=1)], axis=1)
        data = packed_bits(block, bits) if bits % 8 else block.astype(kind).tobytes()
        if bits == 24:
            data = block.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
        coded.append(zlib.compress(data) if deflate else data)
    tags: dict[int, tuple[str, Any]] = {
        256: ("I", WIDTH), 257: ("I", HEIGHT), 258: ("H", (bits,) * count),
        259: ("H", 8 if deflate else 1), 262: ("H", photometric), 277: ("H", count),
        284: ("H", 2 if planar else 1), 317: ("H", 2 if differences else 1),
        339: ("H", ({"u": 1, "i": 2, "f": 3}[kind.kind],) * count), **(extra or {}),
    }  # fmt: skip
    start = 8
    places, sizes = [], []
    for block in coded:
        places.append(start)
        sizes.append(len(block))
        start += len(block) + len(block) % 2
    offsets, lengths = (324, 325) if tile else (273, 279)
    tags |= {offsets: ("I", tuple(places)), lengths: ("I", tuple(sizes))}
    tags |= {322: ("I", tile), 323: ("I", tile)} if tile else {278: ("I", 20)}
    body = b"".join(block + bytes(len(block) % 2) for block in coded)
    made = tiff((tags, b""))
    # The directory comes first from the builder; the data are put before it.
    moved = bytearray(made[:8] + body + made[8:])
    struct.pack_into("<I", moved, 4, struct.unpack_from("<I", made, 4)[0] + len(body))
    return _shifted(bytes(moved), len(body), 8 + len(body))


def _shifted(data: bytes, by: int, after: int) -> bytes:
    """Move the offsets of values that do not stand in the directory."""
    made = bytearray(data)
    (at,) = struct.unpack_from("<I", made, 4)
    (count,) = struct.unpack_from("<H", made, at)
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 10: 8}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        _, kind, number, value = struct.unpack_from("<HHII", made, entry)
        if sizes[kind] * number > 4:
            struct.pack_into("<I", made, entry + 8, value + by)
    assert after
    return bytes(made)


LAYOUTS = {
    "16-bit grey": layout(TONES, "<u2"),
    "16-bit grey, white is 0": layout(TONES, "<u2", photometric=0),
    "16-bit grey, white is 0, packed": layout(TONES, "<u2", photometric=0, deflate=True),
    "12-bit grey": layout(TONES, "<u2", bits=12),
    "12-bit grey, white is 0": layout(TONES, "<u2", bits=12, photometric=0),
    "12-bit colour, packed": layout(COLOURS, "<u2", bits=12, photometric=2, deflate=True),
    "10-bit grey": layout(TONES, "<u2", bits=10),
    "14-bit colour": layout(COLOURS, "<u2", bits=14, photometric=2),
    "24-bit grey": layout(TONES, "<u4", bits=24),
    "32-bit grey": layout(TONES, "<u4"),
    "32-bit colour, planes": layout(COLOURS, "<u4", photometric=2, planar=True),
    "32-bit signed": layout(TONES, "<i4"),
    "16-bit signed": layout(TONES, "<i2"),
    "float grey": layout(TONES, "<f4"),
    "float colour": layout(COLOURS, "<f4", photometric=2),
    "float colour, planes": layout(COLOURS, "<f4", photometric=2, planar=True, deflate=True),
    "half floats": layout(COLOURS, "<f2", photometric=2),
    "double floats": layout(TONES, "<f8"),
    "16-bit colour": layout(COLOURS, "<u2", photometric=2),
    "16-bit planes": layout(COLOURS, "<u2", photometric=2, planar=True),
    "16-bit planes, packed": layout(COLOURS, "<u2", photometric=2, planar=True, deflate=True),
    "16-bit differences": layout(COLOURS, "<u2", photometric=2, deflate=True, differences=True),
    "16-bit tiles": layout(COLOURS, "<u2", photometric=2, tile=32),
    "16-bit tiles, packed planes": layout(
        COLOURS, "<u2", photometric=2, tile=32, planar=True, deflate=True, differences=True
    ),
    "32-bit tiles": layout(TONES, "<u4", tile=16, deflate=True),
    "8-bit planes": layout(COLOURS, "u1", photometric=2, planar=True),
    "8-bit white is 0": layout(TONES, "u1", photometric=0),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_of_a_tiff_shows_the_same_tones(name: str) -> None:
    data = LAYOUTS[name]
    tones = COLOURS if "colour" in name or "planes" in name or "tiles" in name else TONES
    tones = TONES if name == "32-bit tiles" else tones
    tones = COLOURS if name == "half floats" or name == "16-bit differences" else tones
    expected = np.rint(255 * (tones if tones.ndim == 3 else np.repeat(tones[..., None], 3, axis=2)))
    found = decode(data)
    assert np.abs(found.pixels - expected).max() <= 1.0
    header = read_header(data)
    assert (header.width, header.height) == (found.width, found.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_tiff_that_is_cut_is_a_failure(name: str) -> None:
    data = bytearray(LAYOUTS[name])
    # The directory stands at the end: the data are cut by letting them begin too late.
    found = decode(bytes(data))
    assert found.pixels.shape == (HEIGHT, WIDTH, 3)
    assert code_of(bytes(data[: len(data) // 3])) in ("truncated", "corrupt")


def test_what_opencv_writes_is_read_as_it_is() -> None:
    values = (COLOURS * 65535).astype(np.uint16)
    for samples in (values, (COLOURS * 0.9).astype(np.float32)):
        # By itself, OpenCV 4.10 packs floats as logarithms.
        packing = [cv2.IMWRITE_TIFF_COMPRESSION, 5]
        data = cv2.imencode(".tiff", samples[..., ::-1], packing)[1].tobytes()
        top = 65535 if samples.dtype == np.uint16 else 1
        expected = np.rint(samples / top * 255)
        assert np.abs(decode(data).pixels - expected).max() <= 1


@pytest.mark.parametrize("kind", ["u1", "<u2"])
@pytest.mark.parametrize("planar", [False, True])
def test_channels_of_unknown_meaning_are_passed_over(kind: str, planar: bool) -> None:
    more = np.dstack([COLOURS, TONES, TONES])
    data = layout(more, kind, photometric=2, planar=planar, extra={338: ("H", (0, 0))})
    assert np.abs(decode(data).pixels - np.rint(COLOURS * 255)).max() <= 1
    assert read_header(data).width == WIDTH


def test_nothing_measured_is_black_not_the_darkest_tone() -> None:
    values = (TONES * 900).astype(np.float32)
    for nothing in (-9999, -3.4e38, np.nan):
        holed = values.copy()
        holed[:5] = nothing
        shown = decode(cv2.imencode(".tiff", holed)[1].tobytes()).pixels
        assert np.abs(shown[5:, :, 0] - values[5:] / values[5:].max() * 255).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_tiffs_lie_as_others_do(orientation: int) -> None:
    made = profile_of_codes(12, 13, video=False)
    assert made is not None
    extra = {274: ("H", orientation), 34675: ("B", made)}
    deep, plain = (layout(COLOURS, kind, photometric=2, extra=extra) for kind in ("<u2", "u1"))
    frame, other = decode(deep), decode(plain)
    assert np.abs(frame.pixels.astype(int) - other.pixels).max() <= 1
    assert (frame.width, frame.height, frame.exif) == (other.width, other.height, other.exif)
    header = read_header(deep)
    assert (header.width, header.height) == (frame.width, frame.height)


def test_transparency_of_deep_tiffs_is_seen() -> None:
    opacity = np.where(TONES > 0.5, 1.0, 0.25)
    whole = np.dstack([COLOURS, opacity])
    for kind, tones in ((2, whole), (1, np.dstack([COLOURS * opacity[..., None], opacity]))):
        data = layout(tones, "<u2", photometric=2, extra={338: ("H", kind)})
        frame = decode(data)
        assert frame.alpha is not None
        expected = 255 * (COLOURS * opacity[..., None] + 1 - opacity[..., None])
        assert np.abs(frame.pixels - expected).max() <= 3


@pytest.mark.parametrize(
    "extra", [{259: ("H", 34676), 262: ("H", 32845)}, {262: ("H", 3)}, {262: ("H", 8)}]
)
def test_a_tiff_of_unknown_tones_is_unsupported_rather_than_noise(extra) -> None:
    assert code_of(layout(COLOURS, "<u2", extra=extra)) == "unsupported"


def pages(*images: tuple[Image.Image, int]) -> bytes:
    out = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(out, True) as writer:
        for image, kind in images:
            image.save(writer, "TIFF", tiffinfo={254: kind, 271: "Maker"})
            writer.newFrame()
    return out.getvalue()


def test_the_full_page_is_taken_not_its_thumbnail() -> None:
    full = Image.fromarray(PIXELS)
    small = full.resize((40, 28))
    for thumbnail in ((small, 1), (small, 0)):
        data = pages(thumbnail, (full, 0))
        assert (decode(data).width, decode(data).height) == full.size
        assert read_header(data).width == full.width
        assert likeness(decode(data).pixels, PIXELS) > 50
    # Pages of a document are not thumbnails of each other.
    first = Image.new("RGB", (100, 100), "red")
    assert decode(pages((first, 0), (full, 0))).width == 100
    assert decode(pages((full, 0), (small, 1), (small.resize((20, 14)), 1))).width == full.width


# JPEG


def without_end(data: bytes) -> bytes:
    assert data.endswith(b"\xff\xd9")
    return data[:-2]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}])
@pytest.mark.parametrize("tail", [b"", b"\0" * 3000, b"\xff", b"\xff\xff"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_its_end_marker_whose_picture_is_whole(mode, tail, options) -> None:
    data = save(Image.fromarray(picture(200, 120)).convert(mode), "JPEG", quality=85, **options)
    for min_side in (None, 30):
        frame = decode(without_end(data) + tail, min_side=min_side)
        assert np.array_equal(frame.pixels, decode(data, min_side=min_side).pixels)
        assert frame.structure.notes == ("no-end-marker",)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}])
@pytest.mark.parametrize("tail", [b"", b"\0" * 500])
def test_a_jpeg_that_lacks_more_than_its_end_marker_is_truncated(tail, options) -> None:
    data = save(picture(200, 120), "JPEG", quality=85, **options)
    for missing in (12, 20, 50, 100, len(data) // 3, len(data) // 2):
        assert code_of(data[:-missing] + tail) == "truncated"


def test_a_progressive_jpeg_that_lacks_whole_scans_is_truncated() -> None:
    data = save(picture(200, 120), "JPEG", quality=85, progressive=True)
    scans = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    assert len(scans) > 4
    for at in scans[2:]:
        table = data.rfind(b"\xff\xc4", 0, at)  # each scan has its tables before it
        assert code_of(data[:table]) == "truncated"


def test_jpegs_by_other_names_are_read() -> None:
    data = multi_picture(save(PIXELS, "JPEG"), (0x020002, save(PIXELS, "JPEG")))
    assert decode(data).format == "JPEG"
    assert decode(data).structure.pictures == 2


@pytest.mark.parametrize("options", [{}, {"irreversible": True}, {"no_jp2": True}])
def test_jpeg_2000(options) -> None:
    data = save(PIXELS, "JPEG2000", **options)
    assert likeness(decode(data).pixels, PIXELS) > 40
    assert read_header(data).width == PIXELS.shape[1]
    clear = save(Image.new("RGBA", (40, 30), (9, 9, 9, 80)), "JPEG2000")
    assert decode(clear).structure.alpha
    for part in (20, 40, 60, 80, 95):
        assert code_of(data[: len(data) * part // 100]) in ("truncated", "corrupt")
