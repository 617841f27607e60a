"""TIFF files by their directories: the page of the picture, and the other pages.

Tags and types: TIFF 6.0 and its supplements; BigTIFF as libtiff describes it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.imaging.containers.tails import part
from safelight.metadata.iptc import IPTC_TAG
from safelight.types import Structure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from safelight.types import Part

SUBFILE_TYPE, OLD_SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = (
    254, 255, 256, 257, 258, 259, 262,
)  # fmt: skip
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_SIZES = 273, 277, 278, 279
PALETTE, JPEG_TABLES = 320, 347
MINIMUM, MAXIMUM, PLANAR, PREDICTOR, FILL_ORDER = 280, 281, 284, 317, 266
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES, SUB_DIRECTORIES = 322, 323, 324, 325, 330
EXTRA_SAMPLES, SAMPLE_FORMAT, ORIENTATION, PROFILE, LAYERS = 338, 339, 274, 34675, 37724

#: Of NewSubfileType: a smaller version of another page, or its mask.
_REDUCED, _MASK = 1, 4

#: Bytes, and how struct reads them, by type; rationals as two numbers.
_TYPES = {
    1: (1, "B"), 2: (1, "B"), 3: (2, "H"), 4: (4, "I"), 5: (8, "II"), 6: (1, "b"), 7: (1, "B"),
    8: (2, "h"), 9: (4, "i"), 10: (8, "ii"), 11: (4, "f"), 12: (8, "d"), 13: (4, "I"),
    16: (8, "Q"), 17: (8, "q"), 18: (8, "Q"),
}  # fmt: skip

#: Pages of a file, and values of a tag, that are read; a scan of a book has hundreds.
_MOST_PAGES, _MOST_VALUES = 20_000, 2_000_000

#: Tags of a file, and strips of all pages but the first: directories may lie on each other.
_MOST_TAGS, _MOST_STRIPS = 400_000, 1_000_000

#: What tells pages apart besides their data.
_SHAPE = (
    WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, PLANAR, PREDICTOR, SAMPLE_FORMAT,
    EXTRA_SAMPLES, ORIENTATION, PALETTE, JPEG_TABLES,
)  # fmt: skip

#: A first page with at most half of another one's sides, and its proportions, is its thumbnail.
_THUMBNAIL, _PROPORTION = 2, 0.06


@dataclass(frozen=True, slots=True)
class Directory:
    """One page of a TIFF file.

    Attributes
    ----------
    data : bytes
        The whole file.
    offset : int
    order : str
        ``<`` or ``>``, as :mod:`struct` has it.
    tags : mapping of int to (int, int, int)
        Type, count of values, and where they are.
    """

    data: bytes
    offset: int
    order: str
    tags: Mapping[int, tuple[int, int, int]]

    def values(self, tag: int, default: tuple[float, ...] = ()) -> tuple[int, ...]:
        """Return the values of a tag."""
        if tag not in self.tags:
            return default  # type: ignore[return-value]
        kind, count, at = self.tags[tag]
        _, form = _TYPES[kind]
        return struct.unpack_from(f"{self.order}{count * len(form)}{form[0]}", self.data, at)

    def value(self, tag: int, default: int = 0) -> int:
        """Return the first value of a tag."""
        found = self.values(tag)
        return found[0] if found else default

    def octets(self, tag: int) -> bytes | None:
        """Return the bytes of a tag; None if it is not there."""
        if tag not in self.tags:
            return None
        kind, count, at = self.tags[tag]
        return self.data[at : at + count * _TYPES[kind][0]]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, not upright."""
        return self.value(WIDTH), self.value(HEIGHT)

    @property
    def depths(self) -> tuple[int, ...]:
        """Bits of each sample."""
        return self.values(BITS, (1,))

    @property
    def is_page(self) -> bool:
        """True for a picture of its own, neither a smaller version of another nor a mask."""
        marked = self.value(SUBFILE_TYPE) & (_REDUCED | _MASK) or self.value(OLD_SUBFILE_TYPE) == 2
        return not marked and all(self.size)

    @property
    def coded(self) -> list[memoryview]:
        """The coded bytes of its strips or tiles."""
        offsets = self.values(TILE_OFFSETS) or self.values(STRIP_OFFSETS)
        sizes = self.values(TILE_SIZES) or self.values(STRIP_SIZES)
        view = memoryview(self.data)
        if len(offsets) == 1 and not sizes:  # some writers leave that out: to the end
            sizes = (len(self.data),)
        return [view[at : at + size] for at, size in zip(offsets, sizes, strict=False)]


def directories(data: bytes) -> list[Directory]:
    """Return the pages of a TIFF file, in order, and what hangs on the first ones below them.

    What is damaged is left out.
    """
    found: list[Directory] = []
    seen: set[int] = set()
    tags = 0
    at = _first(data)
    while at and at not in seen and len(found) < _MOST_PAGES and tags < _MOST_TAGS:
        seen.add(at)
        directory, following = _directory(data, at)
        if directory is None:
            break
        found.append(directory)
        tags += len(directory.tags)
        at = following
    for directory in found[:64]:
        for below in directory.values(SUB_DIRECTORIES)[:64]:
            if below not in seen:
                seen.add(below)
                inner, _ = _directory(data, below)
                if inner is not None:
                    found.append(inner)
    return found


def with_iptc(data: bytes) -> dict[str, bytes]:
    """Return the IPTC record of a file under ``iptc``, for what Pillow tells of its image.

    Photoshop and ExifTool write it as numbers of 32 bits, of which Pillow keeps the first.
    """
    record = next((found for page in directories(data) if (found := page.octets(IPTC_TAG))), None)
    return {"iptc": record} if record else {}


def main_page(pages: Sequence[Directory]) -> Directory | None:
    """Return the page that is the picture: the first in full size; None if there is no page.

    Some programs put a thumbnail first, and do not always mark it as one.
    """
    if not pages:
        return None
    whole = [page for page in pages if page.is_page]
    if not whole:
        return max(pages, key=lambda page: page.size[0] * page.size[1])
    first = whole[0]
    larger = [page for page in whole[1:] if _is_thumbnail(first, page)]
    return max(larger, key=lambda page: page.size[0], default=first)


def _is_thumbnail(small: Directory, large: Directory) -> bool:
    (width, height), (full_width, full_height) = small.size, large.size
    ratio = full_width * height / (full_height * width)
    return (
        min(full_width / width, full_height / height) >= _THUMBNAIL
        and abs(ratio - 1) <= _PROPORTION
    )


def beginning_with(data: bytes, page: Directory) -> bytes:
    """Return a file whose first page is another one, for decoders that only know the first."""
    at, width = (8, 8) if _is_big(data) else (4, 4)
    offset = page.offset.to_bytes(width, "little" if page.order == "<" else "big")
    return data if data[at : at + width] == offset else data[:at] + offset + data[at + width :]


def tiff_structure(data: bytes) -> Structure:
    """Return the structure of a TIFF file; whether it is transparent only its pixels tell."""
    pages = directories(data)
    main = main_page(pages)
    if main is None:
        return Structure()
    parts: list[Part] = []
    began = pages.index(main)
    further = [
        page
        for number, page in enumerate(pages)
        # What comes before the picture is its thumbnail.
        if page is not main and page.is_page and number > began
    ]
    if further:
        pieces: list[bytes | memoryview] = []
        for page in further:
            pieces += [_shape(page), *page.coded]
            if len(pieces) > _MOST_STRIPS:
                break
        parts.append(part("pages", pieces, len(further)))
    if LAYERS in pages[0].tags:
        _, count, at = pages[0].tags[LAYERS]
        parts.append(part("layers", [memoryview(data)[at : at + count]]))
    return Structure(max(8, *main.depths), parts=tuple(parts))


def _shape(page: Directory) -> bytes:
    return repr([page.values(tag) for tag in _SHAPE]).encode()


def _is_big(data: bytes) -> bool:
    return data[2:4] in (b"+\0", b"\0+")


def _order(data: bytes) -> str:
    return "<" if data[:2] == b"II" else ">"


def _first(data: bytes) -> int:
    try:
        form, at = ("Q", 8) if _is_big(data) else ("I", 4)
        (first,) = struct.unpack_from(_order(data) + form, data, at)
    except struct.error:
        return 0
    return int(first)


def _directory(data: bytes, at: int) -> tuple[Directory | None, int]:
    """Return the directory at an offset, and where the next one is; 0 if there is none."""
    order = _order(data)
    count_form, entry_form, width, inline = "H", "HHI", 12, 4
    if _is_big(data):
        count_form, entry_form, width, inline = "Q", "HHQ", 20, 8
    offset_form = order + ("I" if inline == 4 else "Q")
    head = struct.calcsize("=" + count_form)
    try:
        (count,) = struct.unpack_from(order + count_form, data, at)
        tags = dict(_tags(data, at + head, min(count, 4096), order + entry_form, width, inline))
    except struct.error:
        return None, 0
    try:
        (following,) = struct.unpack_from(offset_form, data, at + head + count * width)
    except struct.error:
        following = 0
    return Directory(data, at, order, tags), following


def _tags(
    data: bytes, at: int, count: int, form: str, width: int, inline: int
) -> Iterator[tuple[int, tuple[int, int, int]]]:
    for entry in range(at, at + count * width, width):
        tag, kind, values = struct.unpack_from(form, data, entry)
        if kind not in _TYPES:
            continue
        place = entry + width - inline
        size = values * _TYPES[kind][0]
        if size > inline:
            (place,) = struct.unpack_from(
                form[0] + ("I" if inline == 4 else "Q"), data, entry + width - inline
            )
        # What does not lie within the file is not there.
        if (
            place + size <= len(data)
            and values
            and (values <= _MOST_VALUES or tag in (LAYERS, PROFILE))
        ):
            yield tag, (kind, values, place)
