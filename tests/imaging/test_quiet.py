"""Native decoders say nothing by themselves: standard error belongs to the program."""

from __future__ import annotations

import contextlib
import io
import random
import sys

import pytest
from PIL import Image

from safelight.errors import DecodeError
from safelight.imaging import decode

KINDS = {
    "lzw": ("TIFF", "tiff_lzw", "RGB"),
    "deflate": ("TIFF", "tiff_adobe_deflate", "RGB"),
    "jpeg in TIFF": ("TIFF", "jpeg", "RGB"),
    "packbits": ("TIFF", "packbits", "L"),
    "fax": ("TIFF", "group4", "1"),
    "JPEG": ("JPEG", None, "RGB"),
    "PNG": ("PNG", None, "RGB"),
    "WebP": ("WEBP", None, "RGB"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="Pillow's libtiff cannot be reached there")
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_photos_are_told_by_an_exception_only(kind, capfd) -> None:
    form, compression, mode = KINDS[kind]
    out = io.BytesIO()
    options = {"compression": compression} if compression else {}
    Image.effect_noise((120, 90), 60).convert(mode).save(out, form, **options)
    whole, dice = out.getvalue(), random.Random(kind)
    for number in range(40):
        data = bytearray(whole)
        for _ in range(3):
            data[dice.randrange(8, len(data))] = dice.randrange(256)
        if number % 4 == 0:
            del data[dice.randrange(16, len(data)) :]
        with contextlib.suppress(DecodeError):
            decode(bytes(data))
    assert capfd.readouterr() == ("", "")
