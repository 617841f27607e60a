"""XMP packets: read them, and add to them without losing a byte.

What is there already is never rewritten, only added to, at a place that the parser has found:
what other programs keep in their sidecars (histories of edits, masks, comments) stays as it is.
XMP: ISO 16684-1; the forms of values: XMP specification, part 2.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape

from safelight.errors import SidecarError
from safelight.metadata.tags import Tags
from safelight.metadata.words import FORMS, NAMESPACES, NOTED, TECHNICAL

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC = "http://purl.org/dc/elements/1.1/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_PREFIXES = {"rdf": _RDF, **NAMESPACES}
_PREFIX_OF = {uri: prefix for prefix, uri in NAMESPACES.items()}
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"

_SUBJECT = (_DC, "subject")
_RATING = (_XMP, "Rating")
_LATITUDE, _LONGITUDE = (_EXIF, "GPSLatitude"), (_EXIF, "GPSLongitude")
_ALTITUDE, _ALTITUDE_REF = (_EXIF, "GPSAltitude"), (_EXIF, "GPSAltitudeRef")
#: Capture dates, the first that is there counts.
CAPTURE_DATES = ((_EXIF, "DateTimeOriginal"), (_PHOTOSHOP, "DateCreated"))

#: When the digital file began to be, which is later if it was scanned; and traces of an editor.
CREATED = (_XMP, "CreateDate")
EDITED = ((_XMP, "ModifyDate"), ("http://ns.adobe.com/xap/1.0/mm/", "History"))

_NEW = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    f'<rdf:RDF xmlns:rdf="{_RDF}">\n'
    "</rdf:RDF>\n"
    "</x:xmpmeta>\n"
    '<?xpacket end="w"?>\n'
).encode()

_COORDINATE = re.compile(
    r"\s*(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?(?:,(\d+(?:\.\d+)?))?\s*([NSEW])\s*"
)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?([+-]\d\d:\d\d|Z)?")

# An attribute of a start tag, as it is written; and all of a start tag.
_ATTRIBUTE = re.compile(rb"\s([^\s=<>\"']+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_TAG = re.compile(rb"(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>")

# Real packets nest some 20 levels. Those of editors that keep every stroke of a brush have some ten
# thousand elements; more than this take seconds to read.
_MOST_DEPTH, _MOST_ELEMENTS = 200, 500_000

Name = tuple[str, str]


@dataclass(slots=True)
class _Packet:
    """Contents of a packet, and the positions at which its bytes can grow."""

    about: str = ""
    values: dict[Name, list[str]] = field(default_factory=dict)
    spans: dict[Name, tuple[int, int]] = field(default_factory=dict)  # of a plain value
    list_ends: dict[Name, int] = field(default_factory=dict)  # where a list's end tag begins
    structured: set[Name] = field(default_factory=set)  # with more inside than texts
    rdf_end: int | None = None


def read_xmp(data: bytes) -> Tags:
    """Return the tags in an XMP packet.

    Raises
    ------
    SidecarError
        It is not an XMP packet.
    """
    packet = _parse(data)
    values = packet.values
    words, others = _words(packet)

    def first(name: Name) -> str | None:
        return next(iter(values.get(name, ())), None)

    latitude = _degrees(first(_LATITUDE), "NS", 90)
    longitude = _degrees(first(_LONGITUDE), "EW", 180)
    altitude = _fraction(first(_ALTITUDE))
    if altitude is not None and first(_ALTITUDE_REF) == "1":
        altitude = -altitude
    rating = _fraction(first(_RATING))
    date = next((text for name in CAPTURE_DATES if (text := first(name))), None)
    return Tags(
        taken_at=date if date and _DATE.fullmatch(date) else None,
        latitude=latitude if longitude is not None else None,
        longitude=longitude if latitude is not None else None,
        altitude=altitude,
        rating=round(rating) if rating is not None and -1 <= rating <= 5 else None,
        keywords=tuple(dict.fromkeys(filter(None, values.get(_SUBJECT, ())))),
        words=words,
        others=tuple(sorted(others)),
    )


def values_of(data: bytes) -> dict[Name, list[str]]:
    """Return the values of a packet in UTF-8, by namespace and name, up to where it is damaged."""
    reader = _Reader(data)
    with suppress(expat.ExpatError, SidecarError):
        reader.parser.Parse(data.rstrip(b"\0"), True)
    return reader.packet.values


def _words(packet: _Packet) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], set[str]]:
    """Return the words of a packet by name, and the names of what cannot be carried over."""
    words: dict[str, tuple[str, ...]] = {}
    others: set[str] = set()
    for (uri, local), values in packet.values.items():
        prefix = _PREFIX_OF.get(uri)
        name = f"{prefix}:{local}"
        if prefix is None or name in TECHNICAL or (prefix not in NOTED and name not in FORMS):
            continue
        texts = tuple(text for text in values if text.strip())
        if name in FORMS and (uri, local) not in packet.structured:
            # A text in several languages would lose all but one.
            if len(set(texts)) > 1 and FORMS[name] in ("Alt", "text"):
                others.add(name)
            elif texts:
                words[name] = texts[:1] if FORMS[name] in ("Alt", "text") else texts
        elif texts or (uri, local) in packet.structured:
            others.add(name)
    return tuple(words.items()), others


def add_to_xmp(data: bytes | None, tags: Tags) -> bytes:
    """Return a packet with what `tags` say added to it; everything else as it was.

    A rating of 0 gives way to another; nothing else that is there does.

    Parameters
    ----------
    data : bytes or None
        The packet; None: there is none yet.
    tags : Tags

    Raises
    ------
    SidecarError
        It is of a form that cannot be added to.
    """
    data = _NEW if data is None else data
    packet = _parse(data)
    inserts: list[tuple[int, int, bytes]] = []  # from, to, what
    properties: list[str] = []
    there = frozenset(packet.values.get(_SUBJECT, ()))
    keywords = [word for word in tags.keywords if word not in there]
    if keywords and _SUBJECT in packet.values:
        end = packet.list_ends.get(_SUBJECT)
        if end is None:
            raise SidecarError("has keywords in a form that cannot be added to")
        tag = data[end:].split(b">", 1)[0].removeprefix(b"</").strip()
        prefix = tag.rpartition(b":")[0].decode("ascii", "replace")
        li = f"{prefix}:li" if prefix else "li"
        text = "".join(f"<{li}>{_text(word)}</{li}>" for word in keywords)
        inserts.append((end, end, text.encode("ascii", "xmlcharrefreplace")))
    elif keywords:
        items = "".join(f"<rdf:li>{_text(word)}</rdf:li>" for word in keywords)
        properties.append(f"<dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>")
    if tags.rating is not None:
        if _RATING not in packet.values:
            properties.append(f"<xmp:Rating>{tags.rating}</xmp:Rating>")
        elif _RATING in packet.spans and packet.values[_RATING] == ["0"]:
            inserts.append((*packet.spans[_RATING], str(tags.rating).encode()))
    if tags.has_place and _LATITUDE not in packet.values and _LONGITUDE not in packet.values:
        properties += _place(tags, packet)
    if tags.taken_at and not any(name in packet.values for name in CAPTURE_DATES):
        properties.append(f"<exif:DateTimeOriginal>{tags.taken_at}</exif:DateTimeOriginal>")
        properties.append(f"<photoshop:DateCreated>{tags.taken_at}</photoshop:DateCreated>")
    for name, texts in tags.words:
        prefix, local = name.split(":")
        if (NAMESPACES[prefix], local) not in packet.values:
            properties.append(_property(name, texts))
    if properties:
        if packet.rdf_end is None:
            raise SidecarError("has no room for more: its rdf:RDF is empty")
        inserts.append((packet.rdf_end, packet.rdf_end, _description(packet.about, properties)))
    for start, end, what in sorted(inserts, reverse=True):
        data = data[:start] + what + data[end:]
    _check(packet, data)
    return data


def carried(data: bytes | None, tags: Tags) -> bytes:
    """Return a sidecar with those of the tags added that it does not have; errors as above.

    Parameters
    ----------
    data : bytes or None
        Of the sidecar; None: there is none yet.
    """
    return add_to_xmp(data, tags if data is None else tags.beyond(read_xmp(data)))


def _check(before: _Packet, data: bytes) -> None:
    """Raise unless all that was said before is said still."""
    after = _parse(data).values
    for name, values in before.values.items():
        if after.get(name, [])[: len(values)] != values and name != _RATING:
            raise SidecarError("is of a form that cannot be added to without a loss")


def _property(name: str, texts: tuple[str, ...]) -> str:
    form = FORMS[name]
    if form == "text":
        return f"<{name}>{_text('; '.join(texts))}</{name}>"
    if form == "Alt":
        items = f'<rdf:li xml:lang="x-default">{_text("; ".join(texts))}</rdf:li>'
    else:
        items = "".join(f"<rdf:li>{_text(each)}</rdf:li>" for each in texts)
    return f"<{name}><rdf:{form}>{items}</rdf:{form}></{name}>"


def _place(tags: Tags, packet: _Packet) -> list[str]:
    lines = []
    for name, degrees, signs in (
        ("GPSLatitude", tags.latitude, "NS"),
        ("GPSLongitude", tags.longitude, "EW"),
    ):
        whole, minutes = divmod(round(abs(degrees or 0.0) * 60, 6), 60)
        sign = signs[(degrees or 0.0) < 0]
        lines.append(f"<exif:{name}>{whole:.0f},{minutes:.6f}{sign}</exif:{name}>")
    if tags.altitude is not None and _ALTITUDE not in packet.values:
        lines.append(f"<exif:GPSAltitude>{round(abs(tags.altitude) * 100)}/100</exif:GPSAltitude>")
        if _ALTITUDE_REF not in packet.values:
            ref = int(tags.altitude < 0)
            lines.append(f"<exif:GPSAltitudeRef>{ref}</exif:GPSAltitudeRef>")
    return lines


def _description(about: str, properties: list[str]) -> bytes:
    quoted = escape(about, {'"': "&quot;"})
    inside = "".join(f"\n  {each}" for each in properties)
    spaces = "".join(
        f' xmlns:{prefix}="{uri}"'
        for prefix, uri in _PREFIXES.items()
        if prefix == "rdf" or f"<{prefix}:" in inside
    )
    text = f'<rdf:Description{spaces} rdf:about="{quoted}">{inside}\n</rdf:Description>\n'
    return text.encode("ascii", "xmlcharrefreplace")


def _text(word: str) -> str:
    # What XML cannot hold at all is dropped from a keyword.
    return escape("".join(c for c in word if c in "\t\n" or c >= " "))


def _degrees(text: str | None, signs: str, limit: float) -> float | None:
    found = _COORDINATE.fullmatch(text or "")
    if found is None or found[4] not in signs:
        return None
    degrees = 0.0
    for power, part in enumerate(found.groups()[:3]):
        degrees += float(part or 0) / 60.0**power
    if degrees > limit:
        return None
    return round(-degrees if found[4] == signs[1] else degrees, 7)


def _fraction(text: str | None) -> float | None:
    above, _, below = (text or "").partition("/")
    try:
        return float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        return None


def _parse(data: bytes) -> _Packet:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SidecarError("is not written in UTF-8")
    reader = _Reader(data)
    try:
        reader.parser.Parse(data.rstrip(b"\0"), True)
    except expat.ExpatError as exc:
        raise SidecarError(f"is not XMP: {exc}") from exc
    if not reader.has_rdf:
        raise SidecarError("is not XMP: it has no rdf:RDF")
    return reader.packet


class _Reader:
    """Walks through a packet and notes values and places."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.packet = _Packet()
        self.has_rdf = False
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.namespace_prefixes = True
        self.parser.ordered_attributes = True
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype
        self._path: list[Name] = []
        self._rdf_depth: int | None = None
        self._property: Name | None = None
        self._elements = 0
        self._parts: list[str] = []
        self._items: list[str] | None = None
        self._value_start = 0

    @staticmethod
    def _doctype(*_: object) -> None:
        raise SidecarError("has a DOCTYPE, which XMP does not")

    @property
    def _depth(self) -> int:
        """Depth inside rdf:RDF: 1 is a description, 2 a property, 3 a list, 4 an item."""
        return -1 if self._rdf_depth is None else len(self._path) - self._rdf_depth

    def _start(self, name: str, attributes: list[str]) -> None:
        here = _split(name)[0]
        self._path.append(here)
        self._elements += 1
        if len(self._path) > _MOST_DEPTH or self._elements > _MOST_ELEMENTS:
            raise SidecarError(
                f"is not read: more than {_MOST_DEPTH} levels or {_MOST_ELEMENTS:,} elements"
            )
        if here == (_RDF, "RDF") and self._rdf_depth is None:
            self._rdf_depth = len(self._path)
            self.has_rdf = True
        elif self._depth == 1 and here == (_RDF, "Description"):
            self._attributes(attributes)
        elif self._depth == 2:
            self._property, self._parts, self._items = here, [], None
            self._value_start = self._after_tag()
            self._mark_structured(attributes)  # a structure written short, or parseType
        elif self._depth == 3 and here[0] == _RDF and here[1] in ("Bag", "Seq", "Alt"):
            self._items = []
        elif self._depth == 4:
            self._parts = []
            self._mark_structured(attributes if here == (_RDF, "li") else [here[1]])
        elif self._depth >= 3:
            self._mark_structured([here[1]])

    def _mark_structured(self, names: list[str]) -> None:
        """Note that a property has more inside than texts, if it has any of these."""
        if self._property is not None and any(
            not name.startswith(_LANGUAGE) for name in names[::2]
        ):
            self.packet.structured.add(self._property)

    def _attributes(self, attributes: list[str]) -> None:
        tag_start = self.parser.CurrentByteIndex
        tag = self.data[tag_start : self._after_tag()]
        # All at once: a search for each of 40,000 attributes would take minutes.
        spans = {
            found[1]: found.span(2 if found[2] is not None else 3)
            for found in _ATTRIBUTE.finditer(tag)
        }
        for key, value in zip(attributes[::2], attributes[1::2], strict=True):
            name, prefix = _split(key)
            if name == (_RDF, "about"):
                self.packet.about = self.packet.about or value
                continue
            self.packet.values.setdefault(name, []).append(value)
            written = f"{prefix}:{name[1]}" if prefix else name[1]
            if (span := spans.get(written.encode())) is not None:
                self.packet.spans[name] = (tag_start + span[0], tag_start + span[1])

    def _after_tag(self) -> int:
        """Return where the start tag that is being read ends."""
        found = _TAG.match(self.data, self.parser.CurrentByteIndex)
        return found.end() if found else len(self.data)

    def _characters(self, text: str) -> None:
        self._parts.append(text)

    @property
    def _text(self) -> str:
        return "".join(self._parts)

    def _end(self, _: str) -> None:
        at = self.parser.CurrentByteIndex
        has_tag = self.data[at : at + 2] == b"</"  # an empty element may have none
        if self._depth == 4 and self._items is not None and self._path[-1] == (_RDF, "li"):
            self._items.append(self._text.strip())
        elif self._depth == 3 and self._items is not None and self._property is not None:
            if has_tag:
                self.packet.list_ends[self._property] = at
        elif self._depth == 2 and self._property is not None:
            values = self._items if self._items is not None else [self._text.strip()]
            self.packet.values.setdefault(self._property, []).extend(values)
            if self._items is None and has_tag:
                self.packet.spans[self._property] = (self._value_start, at)
            self._property = None
        elif self._depth == 0 and has_tag:
            self.packet.rdf_end = at
        if self._rdf_depth is not None and len(self._path) == self._rdf_depth:
            self._rdf_depth = None
        self._path.pop()


def _split(name: str) -> tuple[Name, str]:
    """Return namespace and local name, and the prefix that was written."""
    parts = name.split(" ")
    if len(parts) == 1:
        return ("", parts[0]), ""
    return (parts[0], parts[1]), parts[2] if len(parts) > 2 else ""
