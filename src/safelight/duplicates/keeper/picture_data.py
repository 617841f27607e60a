"""Picture data of a file: the number of its bytes, and the settings it was saved with.

A photo with a film behind it, a map of its depth, or half a megabyte of metadata is not of better
quality for that. Only what the picture is decoded from tells what was lost.
"""

from __future__ import annotations

import io
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    import numpy.typing as npt

_MAKER_NOTE, _SOFTWARE, _EXIF_IFD, _SUBJECT_AREA = 0x927C, 0x0131, 0x8769, 0x9214

# Programs that save edited pictures; cameras and phones write versions of their firmware.
_EDITORS = (
    "photoshop", "lightroom", "gimp", "darktable", "rawtherapee", "capture one", "affinity",
    "snapseed", "picasa", "photos 1", "photos 2", "photos 3", "photos 4", "photos 5", "digikam",
    "paint", "acdsee", "dxo", "luminar", "pixelmator", "on1", "vsco", "instagram", "facebook",
    "imagemagick", "xnview", "irfanview", "photoscape", "canva", "corel", "paintshop", "zoner",
)  # fmt: skip

_BLOCK = 8

# Within entropy-coded data, 0xFF is followed by a zero or is a restart marker; ITU-T T.81, B.1.1.
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PictureData:
    """The part of a photo's file that its picture is decoded from, and what else tells its past.

    Attributes
    ----------
    bytes : int
        Of the picture alone: no metadata, film, thumbnail, or anything behind its end.
    step : float or None
        Of a JPEG: the mean step to which its luma is rounded; larger is coarser.
    maker_note : bool
        The camera's own notes are there, which most programs drop.
    editor : str or None
        The program that saved it, if it is one that edits.
    subject : (float, float, float, float) or None
        Left, top, width and height of what the camera focused on, as shares of the file's picture
        as it is stored.
    """

    bytes: int
    step: float | None = None
    maker_note: bool = False
    editor: str | None = None
    subject: tuple[float, float, float, float] | None = None

    def to_list(self) -> list[Any]:
        """Return it as JSON has it."""
        return [self.bytes, self.step, self.maker_note, self.editor, self.subject]

    @classmethod
    def from_list(cls, values: list[Any]) -> PictureData:
        """Return the data that :meth:`to_list` wrote."""
        size, step, maker_note, editor, subject = values
        return cls(size, step, maker_note, editor, tuple(subject) if subject else None)


def picture_data(data: bytes, form: str | None) -> PictureData:
    """Return the picture data of a file's bytes; never fails."""
    size = len(data)
    with suppress(Exception):  # a damaged file says less, and ends nothing
        size = _picture_bytes(data, form) or size
    step = None
    tables = jpeg_tables(data)
    if tables:
        step = float(np.mean(tables[0]))
    maker_note, editor, subject = False, None, None
    with suppress(Exception):
        maker_note, editor, subject = _exif_signs(data, form)
    return PictureData(size, step, maker_note, editor, subject)


def jpeg_tables(data: bytes) -> dict[int, npt.NDArray[np.float64]] | None:
    """Return to what steps a JPEG's components are rounded, or None if it is not a JPEG."""
    tables = _jpeg_header(data)[0]
    if not tables or 0 not in tables or any(len(table) != 64 for table in tables.values()):
        return None
    return {
        number: np.array(table, np.float64).reshape(_BLOCK, _BLOCK)
        for number, table in tables.items()
    }


def jpeg_settings(data: bytes) -> Hashable:
    """Return the settings that one program's JPEGs share: quantisation and sampling."""
    tables, layers = _jpeg_header(data)
    return repr(sorted(tables.items())), repr(layers)


def _jpeg_header(data: bytes) -> tuple[dict[int, list[int]], Sequence[tuple[int, ...]]]:
    from PIL import JpegImagePlugin

    if not data.startswith(b"\xff\xd8\xff"):
        return {}, []
    try:
        with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
            return image.quantization, image.layer
    except (OSError, SyntaxError, ValueError):
        return {}, []


def _picture_bytes(data: bytes, form: str | None) -> int:
    match form:
        case "JPEG":
            return _jpeg_scans(data)
        case "PNG":
            return sum(size for kind, _, size in _png_chunks(data) if kind == b"IDAT")
        case "WEBP":
            kinds = (b"VP8 ", b"VP8L", b"ALPH", b"ANMF")
            return sum(size for kind, _, size in _riff_chunks(data) if kind in kinds)
        case "HEIF" | "AVIF":
            return _heif_items(data)
        case "TIFF":
            return _tiff_strips(data)
    return len(data)


def _jpeg_scans(data: bytes) -> int:
    """Return the bytes of entropy-coded segments up to the end of the picture; ITU-T T.81, B.1."""
    at, total = 2, 0
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == 0xD9:
            break
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker != 0xDA:
            continue
        start = at
        end = _SCAN_END.search(data, at)
        if end is None:
            return total + len(data) - start
        at = end.start()
        total += at - start
    return total


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], at + 8, size
        at += 12 + size


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], at + 8, size
        at += 8 + size + size % 2


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= end:
        size, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if size == 0:
            size = end - at
        if size < head:
            return
        yield kind, at + head, min(end, at + size)
        at += size


def _heif_items(data: bytes) -> int:
    """Return the bytes of a file's pictures without EXIF and XMP; ISO/IEC 14496-12, 8.11."""
    kinds: dict[int, bytes] = {}
    sizes: dict[int, int] = {}
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind != b"meta":
            continue
        for inner, at, stop in _boxes(data, start + 4, end):
            if inner == b"iinf":
                at += 6 if data[at] == 0 else 8
                for entry, first, _ in _boxes(data, at, stop):
                    if entry == b"infe" and data[first] >= 2:
                        wide = 2 if data[first] == 2 else 4
                        number = int.from_bytes(data[first + 4 : first + 4 + wide], "big")
                        kinds[number] = data[first + 6 + wide : first + 10 + wide]
            elif inner == b"iloc":
                sizes = _locations(data, at)
    return sum(
        size for number, size in sizes.items() if kinds.get(number) not in (b"Exif", b"mime")
    )


def _locations(data: bytes, at: int) -> dict[int, int]:
    version = data[at]
    lengths, bases = data[at + 4], data[at + 5]
    offset_size, length_size, base_size = lengths >> 4, lengths & 15, bases >> 4
    index_size = bases & 15 if version in (1, 2) else 0
    at += 6

    def number(size: int) -> int:
        nonlocal at
        found = int.from_bytes(data[at : at + size], "big")
        at += size
        return found

    wide = 4 if version == 2 else 2
    sizes: dict[int, int] = {}
    for _ in range(number(wide)):
        item = number(wide)
        if version in (1, 2):
            number(2)
        number(2 + base_size)
        for _ in range(number(2)):
            number(index_size + offset_size)
            sizes[item] = sizes.get(item, 0) + number(length_size)
    return sizes


def _tiff_strips(data: bytes) -> int:
    from PIL import TiffImagePlugin

    with TiffImagePlugin.TiffImageFile(io.BytesIO(data)) as image:
        counts = image.tag_v2.get(279) or image.tag_v2.get(325) or ()
    return sum(counts if isinstance(counts, tuple) else (counts,))


def _exif_signs(
    data: bytes, form: str | None
) -> tuple[bool, str | None, tuple[float, float, float, float] | None]:
    from PIL import Image

    if form == "HEIF":
        import pi_heif

        heif = pi_heif.open_heif(io.BytesIO(data))
        width, height = heif.size
        exif = Image.Exif()
        exif.load(heif.info.get("exif") or b"")
    else:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
            exif = image.getexif()
    inner = exif.get_ifd(_EXIF_IFD)
    software = str(exif.get(_SOFTWARE) or "")
    editor = software if any(name in software.lower() for name in _EDITORS) else None
    return _MAKER_NOTE in inner, editor, _subject(inner.get(_SUBJECT_AREA), width, height)


def _subject(area: Any, width: int, height: int) -> tuple[float, float, float, float] | None:
    """Return an area as EXIF has it: a point, a circle, or a rectangle by its centre."""
    values = tuple(float(value) for value in area) if isinstance(area, tuple) else ()
    if len(values) not in (2, 3, 4) or not width or not height:
        return None
    across, down = values[:2]
    wide, high = {2: (0.0, 0.0), 3: (values[-1], values[-1]), 4: values[2:]}[len(values)]
    if not (0 <= across <= width and 0 <= down <= height):
        return None
    return (
        (across - wide / 2) / width, (down - high / 2) / height, wide / width, high / height
    )  # fmt: skip
