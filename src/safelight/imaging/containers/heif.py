"""HEIF and AVIF files by their boxes: where they end, further pictures, films, colours, depth.

Boxes: ISO/IEC 14496-12; items and their properties: ISO/IEC 23008-12.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safelight.imaging.containers.tails import part, tail_parts
from safelight.types import Structure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from safelight.types import Part

#: What stands at the top of a file. Anything else there that does not end within the file is not a
#: box, but what a program appended.
_TOP = frozenset(
    b"ftyp styp meta mdat moov moof mfra free skip wide uuid idat sidx ssix pdin emsg prft "
    b"mpvd jumb meco etyp imda pnot jp2h jp2c uinf".split()
) | {b"jP  ", b"xml "}

_PICTURE_ITEMS = frozenset((b"hvc1", b"av01", b"grid", b"iden", b"iovl", b"jpeg", b"avc1", b"tmap"))

#: Of one level; each takes 8 bytes at least.
_MOST_BOXES = 50_000

#: A panorama of a phone has some hundred tiles.
_MOST_ITEMS = 20_000


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its type, where its content begins and where it ends."""

    kind: bytes
    at: int
    end: int


@dataclass(slots=True)
class _Items:
    """Items of a meta box."""

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    references: list[tuple[bytes, int, tuple[int, ...]]] = field(default_factory=list)
    properties: dict[int, list[Box]] = field(default_factory=dict)
    pieces: dict[int, list[memoryview]] = field(default_factory=dict)
    groups: list[tuple[bytes, tuple[int, ...]]] = field(default_factory=list)

    def of(self, item: int, kind: bytes) -> Box | None:
        return next((each for each in self.properties.get(item, ()) if each.kind == kind), None)


def boxes(data: bytes, at: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes of a part of a file; at the top, up to the first bytes that are not a box."""
    at_top, end, typed = end is None, len(data) if end is None else end, False
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            return
        size = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        head = 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif size == 0:
            size = end - at
        if size < head:
            return
        if at_top and kind == b"ftyp":
            if typed:  # another file, behind this one
                return
            typed = True
        if at_top and kind not in _TOP and not (kind.isalnum() and at + size <= end):
            return
        yield Box(kind, at + head, at + size)
        at += size


def file_end(data: bytes) -> int:
    """Return where the last box ends; beyond the end of the data, if the file was cut."""
    return max((box.end for box in boxes(data)), default=0)


def nclx(data: bytes) -> tuple[int, int] | None:
    """Return colour primaries and transfer function of the main picture (ITU-T H.273)."""
    items = _items(data)
    for box in items.properties.get(items.primary, ()):
        if box.kind == b"colr" and data[box.at : box.at + 4] == b"nclx":
            primaries, transfer = struct.unpack_from(">HH", data, box.at + 4)
            return primaries, transfer
    return None


def primary_pieces(data: bytes) -> list[memoryview]:
    """Return the coded bytes of the main picture."""
    items = _items(data)
    return _coded(items, items.primary)


def box_structure(data: bytes) -> Structure:
    """Return the structure of a HEIF or AVIF file; whether it is transparent its pixels tell."""
    items = _items(data)
    parts = _item_parts(data, items)
    view = memoryview(data)
    movie = next((box for box in boxes(data) if box.kind == b"moov"), None)
    media = [view[box.at : box.end] for box in boxes(data) if box.kind == b"mdat"]
    if movie is not None:
        parts += _movie_parts(data, movie, media)
    parts += [part("film", [view[box.at : box.end]]) for box in boxes(data) if box.kind == b"mpvd"]
    for box in boxes(data):
        if box.kind not in _TOP and box.at < box.end:
            parts += tail_parts(view[box.at : box.end])
    end = file_end(data)
    if end < len(data):
        parts += tail_parts(view[end:])
    return Structure(_depth(data, items), parts=tuple(parts))


def _item_parts(data: bytes, items: _Items) -> list[Part]:
    parts = []
    aside = {items.primary}
    for kind, of, onto in items.references:
        if kind == b"auxl":
            aside.add(of)
            meant = items.of(of, b"auxC")
            urn = data[meant.at + 4 : meant.end].lower() if meant else b""
            if b"alpha" not in urn and urn != b"":
                parts.append(part(_auxiliary_kind(urn), _coded(items, of)))
        elif kind == b"thmb":
            aside.add(of)
        elif kind == b"dimg":
            # A picture with a gain map is derived from the one without, and the map.
            if items.kinds.get(of) == b"tmap" and len(onto) > 1:
                aside.add(of)
                parts.append(part("gain-map", _coded(items, onto[1])))
            if items.kinds.get(of) != b"iden":
                aside |= set(onto)
    further = sorted(
        item
        for item, kind in items.kinds.items()
        if kind in _PICTURE_ITEMS and item not in items.hidden and item not in aside
    )
    if further:
        is_pair = any(kind == b"ster" for kind, _ in items.groups)
        coded = [piece for item in further for piece in _coded(items, item)]
        parts.append(part("views" if is_pair else "pages", coded, len(further)))
    return parts


def _auxiliary_kind(urn: bytes) -> str:
    if b"depth" in urn or b"disparity" in urn or urn.endswith(b"auxid:2\0"):
        return "depth-map"
    if b"hdrgainmap" in urn or b"21496" in urn:
        return "gain-map"
    return "matte" if b"matte" in urn else "picture"


def _coded(items: _Items, item: int) -> list[memoryview]:
    """Return the coded bytes of an item, or of the tiles that it is put together of."""
    own = list(items.pieces.get(item, ()))
    for kind, of, onto in items.references:
        if kind == b"dimg" and of == item:
            own += [piece for tile in onto for piece in items.pieces.get(tile, ())]
    return own


def _movie_parts(data: bytes, movie: Box, media: Sequence[memoryview]) -> list[Part]:
    """Return the pictures of a sequence, and its films."""
    parts = []
    for track in boxes(data, movie.at, movie.end):
        if track.kind != b"trak":
            continue
        found = {box.kind: box for box in _within(data, track, (b"mdia", b"minf", b"stbl"))}
        handler, sizes, times = (found.get(kind) for kind in (b"hdlr", b"stsz", b"stts"))
        if handler is None or sizes is None:
            continue
        kind = data[handler.at + 8 : handler.at + 12]
        count = int.from_bytes(data[sizes.at + 8 : sizes.at + 12], "big")
        pieces = [memoryview(data)[box.at : box.end] for box in (sizes, times) if box]
        if kind == b"pict" and count > 1:
            parts.append(part("frames", [*pieces, *media], count - 1))
        elif kind == b"vide":
            parts.append(part("film", [*pieces, *media]))
    return parts


def _within(data: bytes, box: Box, holders: tuple[bytes, ...]) -> Iterator[Box]:
    for inner in boxes(data, box.at, box.end):
        yield inner
        if inner.kind in holders:
            yield from _within(data, inner, holders)


def _depth(data: bytes, items: _Items) -> int:
    depths = [8]
    tiles = [
        tile for kind, of, onto in items.references if kind == b"dimg" and of == items.primary
        for tile in onto[:1]
    ]  # fmt: skip
    for item in (items.primary, *tiles):
        for box in items.properties.get(item, ()):
            if box.kind == b"pixi":
                depths += data[box.at + 5 : box.at + 5 + data[box.at + 4]]
            elif box.kind == b"hvcC":
                depths.append(8 + (data[box.at + 17] & 7))
            elif box.kind == b"av1C":
                depths.append({0: 8, 2: 10}.get(data[box.at + 2] >> 5 & 3, 12))
    return max(depths)


def _items(data: bytes) -> _Items:
    items = _Items()
    meta = next((box for box in boxes(data) if box.kind == b"meta"), None)
    if meta is None:
        return items
    inner = {box.kind: box for box in boxes(data, meta.at + 4, meta.end)}
    try:
        if box := inner.get(b"pitm"):
            width = 2 if data[box.at] == 0 else 4
            items.primary = int.from_bytes(data[box.at + 4 : box.at + 4 + width], "big")
        if box := inner.get(b"iinf"):
            _read_kinds(data, box, items)
        if box := inner.get(b"iref"):
            _read_references(data, box, items)
        if box := inner.get(b"iprp"):
            _read_properties(data, box, items)
        if box := inner.get(b"iloc"):
            _read_places(data, box, items, inner.get(b"idat"))
        if box := inner.get(b"grpl"):
            for group in boxes(data, box.at, box.end):
                count = int.from_bytes(data[group.at + 8 : group.at + 12], "big")
                ids = struct.unpack_from(f">{min(count, 64)}I", data, group.at + 12)
                items.groups.append((group.kind, ids))
    except (struct.error, IndexError):  # damaged; what was read is what there is to say
        pass
    return items


def _read_kinds(data: bytes, box: Box, items: _Items) -> None:
    start = box.at + (6 if data[box.at] == 0 else 8)
    for entry in boxes(data, start, box.end):
        version = data[entry.at]
        if entry.kind != b"infe" or version < 2:
            continue
        width = 2 if version == 2 else 4
        item = int.from_bytes(data[entry.at + 4 : entry.at + 4 + width], "big")
        items.kinds[item] = data[entry.at + 6 + width : entry.at + 10 + width]
        if data[entry.at + 3] & 1:
            items.hidden.add(item)


def _read_references(data: bytes, box: Box, items: _Items) -> None:
    form = "H" if data[box.at] == 0 else "I"
    width = struct.calcsize(form)
    for entry in boxes(data, box.at + 4, box.end):
        (of,) = struct.unpack_from(">" + form, data, entry.at)
        (count,) = struct.unpack_from(">H", data, entry.at + width)
        onto = struct.unpack_from(f">{min(count, _MOST_ITEMS)}{form}", data, entry.at + width + 2)
        items.references.append((entry.kind, of, onto))


def _read_properties(data: bytes, box: Box, items: _Items) -> None:
    inner = {each.kind: each for each in boxes(data, box.at, box.end)}
    held, used = inner.get(b"ipco"), inner.get(b"ipma")
    if held is None or used is None:
        return
    known = list(boxes(data, held.at, held.end))
    version, wide = data[used.at], data[used.at + 3] & 1
    (count,) = struct.unpack_from(">I", data, used.at + 4)
    at = used.at + 8
    for _ in range(min(count, _MOST_ITEMS)):
        width = 2 if version < 1 else 4
        item = int.from_bytes(data[at : at + width], "big")
        at += width
        number = data[at]
        at += 1
        for _ in range(number):
            index = int.from_bytes(data[at : at + 2], "big") & 0x7FFF if wide else data[at] & 0x7F
            at += 2 if wide else 1
            if 0 < index <= len(known):
                items.properties.setdefault(item, []).append(known[index - 1])


def _read_places(data: bytes, box: Box, items: _Items, inside: Box | None) -> None:
    version = data[box.at]
    widths = data[box.at + 4 : box.at + 6]
    offset_width, length_width = widths[0] >> 4, widths[0] & 15
    base_width, index_width = widths[1] >> 4, widths[1] & 15 if version else 0
    at = box.at + 6
    view = memoryview(data)

    def number(width: int) -> int:
        nonlocal at
        at += width
        return int.from_bytes(data[at - width : at], "big")

    left = _MOST_ITEMS
    for _ in range(min(number(2 if version < 2 else 4), _MOST_ITEMS)):
        item = number(2 if version < 2 else 4)
        method = number(2) & 15 if version else 0
        number(2)
        base = number(base_width)
        for _ in range(number(2)):
            left -= 1
            if left < 0 or at > box.end:
                return
            number(index_width)
            start, length = base + number(offset_width), number(length_width)
            if method == 1 and inside is not None:
                start += inside.at
            items.pieces.setdefault(item, []).append(view[start : start + length])
