"""Colours as Chromium shows them: one start of it, one page, a sheet of little files."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from safelight.imaging import decode
from safelight.imaging.profiles import profile_of_codes
from tests.imaging.builders import chunk, png
from tests.imaging.pictures import save
from tests.sheet.browser import CHROMIUM

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Colours and greys, no channel of which leaves sRGB in any of the spaces below by much.
SWATCHES = np.array(
    [
        [[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 120, 60]],
        [[30, 30, 30], [128, 128, 128], [220, 220, 220], [255, 255, 255]],
        [[120, 140, 130], [90, 60, 70], [180, 170, 190], [0, 0, 0]],
    ],
    np.uint8,
)
GREYS = np.repeat(np.arange(0, 256, 5, dtype=np.uint8)[None, :, None], 3, axis=2)
P3 = (0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)


def gamma(value: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def chromaticities(values: tuple[float, ...]) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values)))


def codes(*values: int) -> bytes:
    return chunk(b"cICP", bytes(values))


def profile(primaries: int = 12) -> bytes:
    made = profile_of_codes(primaries, 13, video=False)
    assert made is not None
    return chunk(b"iCCP", b"p\0\0" + zlib.compress(made))


def avif(primaries: int, transfer: int, pixels: Any = SWATCHES) -> bytes:
    data = bytearray(save(pixels.repeat(16, 0).repeat(16, 1), "AVIF", quality=100))
    at = data.index(b"colrnclx")
    data[at + 8 : at + 12] = struct.pack(">HH", primaries, transfer)
    return bytes(data)


def deep_with_transparency(off: int) -> bytes:
    deep = SWATCHES.astype(np.uint16) * 257
    clear = deep[0, 3].astype(int) + off
    return png(deep, chunk(b"tRNS", clear.astype(">u2").tobytes()))


def see_through() -> Any:
    return np.dstack([SWATCHES, np.linspace(20, 250, 12).reshape(3, 4).astype(np.uint8)])


def palette(extra: bytes = b"") -> bytes:
    image = Image.fromarray(SWATCHES).quantize(12)
    data = save(image, "PNG", transparency=bytes([0, 128]))
    at = data.index(b"PLTE") - 4
    return data[:at] + extra + data[at:]


def grey(depth: int, clear: int) -> bytes:
    head = struct.pack(">IIBBBBB", 4, 2, depth, 0, 0, 0, 0)
    rows = {4: b"\0\x0f\x37\0\x5a\xc1", 2: b"\0\x1b\0\xe4", 1: b"\0\x50\0\xa0"}[depth]
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"tRNS", struct.pack(">H", clear))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def bmp(bits: int, packing: int, body: bytes, behind: bytes, height: int = 3) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, 4, height, 1, bits, packing, len(body), 0, 0, 0, 0)
    start = 14 + len(head) + len(behind)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + head + behind + body


AS_BYTES = np.dstack([SWATCHES, np.full((3, 4), 200, np.uint8)]).tobytes()
COLOURS = bytes(value * 7 % 256 if value % 4 < 3 else 0 for value in range(1024))


def with_profile(form: str, **options: Any) -> bytes:
    made = profile_of_codes(12, 13, video=False)
    large = Image.fromarray(SWATCHES.repeat(16, 0).repeat(16, 1))
    return save(large, form, icc_profile=made, **options)


FILES: dict[str, bytes] = {
    "nothing": png(SWATCHES),
    **{f"gamma {value}": png(SWATCHES, gamma(value)) for value in (1.0, 0.3, 0.4, 0.5, 0.55)},
    **{f"gamma {value}": png(SWATCHES, gamma(value)) for value in (0.45455, 0.4545, 0.45, 0.46)},
    "gamma, grey": png(GREYS[..., 0], gamma(0.8)),
    "gamma, 16 bits": png(SWATCHES.astype(np.uint16) * 257, gamma(0.8)),
    "gamma, palette": palette(gamma(0.8)),
    "gamma and transparency": png(see_through(), gamma(0.8)),
    "sRGB before gamma": png(SWATCHES, chunk(b"sRGB", b"\0") + gamma(1.0)),
    "primaries alone": png(SWATCHES, chromaticities(P3)),
    "primaries of sRGB and gamma": png(SWATCHES, chromaticities(SRGB) + gamma(0.45455)),
    "primaries and gamma": png(SWATCHES, chromaticities(P3) + gamma(0.45455)),
    "profile": png(SWATCHES, profile()),
    "profile before gamma": png(SWATCHES, profile() + gamma(1.0)),
    "codes before profile": png(SWATCHES, codes(9, 13, 0, 1) + profile()),
    "codes before gamma": png(SWATCHES, codes(12, 13, 0, 1) + gamma(1.0)),
    "unknown codes and gamma": png(SWATCHES, codes(2, 2, 0, 1) + gamma(1.0)),
    "two gammas": png(SWATCHES, gamma(0.45455) + gamma(1.0)),
    "two codes": png(SWATCHES, codes(12, 13, 0, 1) + codes(9, 13, 0, 1)),
    "a broken profile and gamma": png(
        SWATCHES, chunk(b"iCCP", b"p\0\0" + zlib.compress(b"none" * 99)) + gamma(0.8)
    ),
    "a profile that is not packed, and gamma": png(
        SWATCHES, chunk(b"iCCP", b"p\0\0none") + gamma(0.8)
    ),
    "transparency behind the picture": png(SWATCHES, after=chunk(b"tRNS", b"\0\xff" + bytes(4))),
    "gamma behind the picture": png(SWATCHES, after=gamma(1.0)),
    "narrow codes": png(SWATCHES, codes(1, 13, 0, 0)),
    **{
        f"codes {primaries} {transfer}": png(SWATCHES, codes(primaries, transfer, 0, 1))
        for primaries, transfer in
        ((12, 13), (9, 13), (12, 1), (1, 1), (1, 8), (1, 4), (1, 5), (11, 13), (9, 1), (12, 8))
    },
    "pq, grey": png(GREYS, codes(9, 16, 0, 1)),
    "hlg, grey": png(GREYS, codes(9, 18, 0, 1)),
    "16 bits": png(SWATCHES.astype(np.uint16) * 257),
    "16 bits, a clear colour": deep_with_transparency(0),
    "16 bits, nearly a clear colour": deep_with_transparency(1),
    "16 bits grey, a clear one": png(
        GREYS[..., 0].astype(np.uint16) * 257, chunk(b"tRNS", struct.pack(">H", 50 * 257))
    ),
    **{f"{depth} bits grey, a clear one": grey(depth, 1) for depth in (1, 2, 4)},
    "8 bits, a clear colour": png(SWATCHES, chunk(b"tRNS", b"\0\xc8\0\x78\0\x3c")),
    "transparency": png(see_through()),
    "palette with transparency": palette(),
    **{
        f"avif {primaries} {transfer}": avif(primaries, transfer)
        for primaries, transfer in
        ((1, 13), (12, 13), (9, 13), (12, 1), (1, 1), (1, 8), (1, 4), (2, 2), (9, 14), (11, 13))
    },
    "bmp masks in another order": bmp(
        32, 3, AS_BYTES, struct.pack("<3I", 255, 255 << 8, 255 << 16)
    ),
    "bmp masks of 10 bits": bmp(32, 3, AS_BYTES, struct.pack("<3I", 1023 << 20, 1023 << 10, 1023)),
    "bmp masks of 4 bits": bmp(16, 3, AS_BYTES[:24], struct.pack("<3I", 15 << 8, 15 << 4, 15)),
    "bmp masks with alpha": bmp(
        32, 6, AS_BYTES, struct.pack("<4I", 255 << 16, 255 << 8, 255, 255 << 24)
    ),
    "bmp runs that skip": bmp(8, 1, b"\2\1\0\2\1\1\1\5\0\0\0\1", COLOURS),
    "bmp runs that end early": bmp(8, 1, b"\4\1\0\0\0\3\2\3\4\0\0\1", COLOURS),
    "bmp half runs that skip": bmp(4, 2, b"\3\x12\0\0\0\2\1\0\2\x34\0\1", COLOURS[:64]),
    "avif pq": avif(9, 16, GREYS),
    "avif hlg": avif(9, 18, GREYS),
    "avif, profile": with_profile("AVIF", quality=100),
    "jpeg, profile": with_profile("JPEG", quality=98, subsampling=0),
    "webp, profile": with_profile("WEBP", lossless=True),
}  # fmt: skip

_TYPES = {"bmp ": "image/bmp", "avif": "image/avif", "jpeg": "image/jpeg", "webp": "image/webp"}

_SCRIPT = """async (files) => {
  const shown = {};
  for (const [name, address] of Object.entries(files)) {
    const image = new Image();
    image.src = address;
    try { await image.decode(); } catch { shown[name] = [0, 0, []]; continue; }
    const canvas = document.createElement("canvas");
    canvas.width = image.width;
    canvas.height = image.height;
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0);
    const all = context.getImageData(0, 0, canvas.width, canvas.height).data;
    shown[name] = [image.width, image.height, Array.from(all)];
  }
  return shown;
}"""


@pytest.fixture(scope="module")
def shown() -> Mapping[str, Any]:
    """Pixels that Chromium shows for each file, in sRGB, over white."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    addresses = {
        name: f"data:{_TYPES.get(name[:4], 'image/png')};base64,{base64.b64encode(data).decode()}"
        for name, data in FILES.items()
    }
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--force-color-profile=srgb"]
        )
        try:
            found = browser.new_page().evaluate(_SCRIPT, addresses)
        finally:
            browser.close()
    return {
        name: np.array(values, np.uint8).reshape(height, width, 4)[..., :3]
        for name, (width, height, values) in found.items()
    }


@pytest.mark.parametrize("name", FILES)
def test_colours_are_those_of_chromium(shown, name: str) -> None:
    expected = shown[name].astype(int)
    assert expected.size, "Chromium does not show it"
    found = decode(FILES[name]).pixels.astype(int)
    if len(found) > 40:  # of each large swatch the middle
        found, expected = found[8::16, 8::16], expected[8::16, 8::16]
    assert np.abs(found - expected).max() <= 3


def test_a_profile_that_is_made_is_one_that_others_read() -> None:
    made = profile_of_codes(12, 13, video=True)
    assert made is not None
    read = ImageCms.ImageCmsProfile(io.BytesIO(made)).profile
    assert read.red_primary is not None
    assert np.allclose(read.red_primary[1][:2], (0.6861, 0.3106), atol=0.01)
    assert profile_of_codes(1, 13, video=True) is None
