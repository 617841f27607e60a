"""What people and cameras noted of a photo: date, place, rating, keywords; wherever it stands."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from safelight.duplicates.xmp import read_xmp
from safelight.errors import SidecarError
from safelight.imaging.formats import available_extras, sniff

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_RATING, _EXIF_IFD, _XMP_TAG = 0x4746, 0x8769, 700
_TAKEN, _DIGITIZED = 0x9003, 0x9004
_KEYWORDS = (2, 25)

_HEAD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Tags:
    """What is worth carrying from one form of a picture to another.

    Attributes
    ----------
    taken_at : str or None
        When it was taken, ISO 8601, local time; not when the file was changed.
    latitude, longitude, altitude : float or None
        WGS 84 degrees, north and east positive; metres.
    rating : int or None
        1 to 5, -1 for rejected; 0 is none.
    keywords : tuple of str
    """

    taken_at: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude: float | None = None
    rating: int | None = None
    keywords: tuple[str, ...] = ()

    @property
    def has_place(self) -> bool:
        """Whether latitude and longitude are known."""
        return self.latitude is not None and self.longitude is not None

    def __bool__(self) -> bool:
        """Whether anything is known at all."""
        return bool(self.taken_at or self.has_place or self.rating or self.keywords)

    def or_else(self, other: Tags) -> Tags:
        """Return these, where nothing is known those of `other`; the keywords of both."""
        placed = self if self.has_place else other
        return Tags(
            self.taken_at or other.taken_at,
            placed.latitude,
            placed.longitude,
            placed.altitude,
            self.rating or other.rating,
            tuple(dict.fromkeys((*self.keywords, *other.keywords))),
        )

    def beyond(self, known: Tags) -> Tags:
        """Return what of these is not known already."""
        found = replace(
            self,
            taken_at=None if known.taken_at else self.taken_at,
            rating=None if known.rating else self.rating or None,
            keywords=tuple(word for word in self.keywords if word not in known.keywords),
        )
        if known.has_place or not self.has_place:
            found = replace(found, latitude=None, longitude=None, altitude=None)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return what is known, as JSON has it."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value not in (None, ())
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Tags:
        """Return what :meth:`to_dict` was made from; other keys are passed over.

        Raises
        ------
        ValueError, TypeError
            A value is of another kind.
        """

        def number(name: str) -> float | None:
            return None if found.get(name) is None else float(found[name])

        taken_at, rating = found.get("taken_at"), found.get("rating")
        if taken_at is not None:
            datetime.fromisoformat(taken_at)
        return cls(
            taken_at,
            number("latitude"),
            number("longitude"),
            number("altitude"),
            None if rating is None else int(rating),
            tuple(str(word) for word in found.get("keywords", ())),
        )


def merged(tags: Iterable[Tags]) -> Tags:
    """Return what several say together; what comes first counts."""
    found = Tags()
    for each in tags:
        found = found.or_else(each)
    return found


def read_tags(path: str, exif: Mapping[str, Any]) -> Tags:
    """Return what a photo's own file says of it.

    Never raises for what the file holds: a tag that cannot be read is one that is not there.

    Parameters
    ----------
    path : str
    exif : mapping
        What the library has of its EXIF data, for what is read in no other way.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    placed = Tags(
        latitude=exif.get("latitude"),
        longitude=exif.get("longitude"),
        altitude=exif.get("altitude"),
    )
    with open(path, "rb") as file:
        form = sniff(file.read(_HEAD_BYTES))
    if form == "RAW" or form is None:
        return replace(placed, taken_at=exif.get("taken_at"))
    try:
        info, main, inner, iptc = _heif(path) if form == "HEIF" else _pillow(path)
    except Exception:  # noqa: BLE001 - the decoders raise a dozen kinds for damaged files
        return replace(placed, taken_at=exif.get("taken_at"))
    own = replace(
        placed,
        # The library also takes the date of the last change for want of a better one.
        taken_at=exif.get("taken_at") if _TAKEN in inner or _DIGITIZED in inner else None,
        rating=main.get(_RATING) if isinstance(main.get(_RATING), int) else None,
        keywords=tuple(dict.fromkeys(iptc)),
    )
    packet = info.get("xmp") or info.get("XML:com.adobe.xmp")
    if isinstance(packet, str):
        packet = packet.encode()
    if isinstance(packet, bytes):
        with contextlib.suppress(SidecarError):
            return own.or_else(read_xmp(packet))
    return own


def _pillow(path: str) -> tuple[dict[Any, Any], Mapping[int, Any], Mapping[int, Any], list[str]]:
    from PIL import Image, IptcImagePlugin

    with Image.open(path) as image:
        exif = image.getexif()
        info = dict(image.info)
        if "xmp" not in info and isinstance(exif.get(_XMP_TAG), bytes):
            info["xmp"] = exif[_XMP_TAG]
        iptc: list[str] = []
        with contextlib.suppress(Exception):  # as above
            found = (IptcImagePlugin.getiptcinfo(image) or {}).get(_KEYWORDS, [])
            iptc = [_decoded(word) for word in (found if isinstance(found, list) else [found])]
        return info, exif, exif.get_ifd(_EXIF_IFD), iptc


def _heif(path: str) -> tuple[dict[Any, Any], Mapping[int, Any], Mapping[int, Any], list[str]]:
    from PIL import Image

    if "heif" not in available_extras():
        return {}, {}, {}, []
    import pi_heif

    info = dict(pi_heif.open_heif(path).info)
    exif = Image.Exif()
    if isinstance(info.get("exif"), bytes):
        exif.load(info["exif"])
    return info, exif, exif.get_ifd(_EXIF_IFD), []


def _decoded(word: bytes) -> str:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        return word.decode("latin-1")
