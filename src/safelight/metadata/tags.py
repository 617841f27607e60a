"""Notes of people and cameras about a photo: date, place, rating, keywords."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from safelight.metadata.words import FORMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags worth copying from one variant of a picture to another.

    Attributes
    ----------
    taken_at : str or None
        When it was taken, ISO 8601, local time; not when the file was changed.
    latitude, longitude, altitude : float or None
        WGS 84 degrees, north and east positive; metres.
    rating : int or None
        1 to 5, -1 for rejected; 0 is none.
    keywords : tuple of str
    words : tuple of (str, tuple of str)
        Title, description, creator, rights, colour label and the like: properties of XMP by name,
        with their texts.
    others : tuple of str
        Names of properties that people fill and that cannot be carried over: face regions.
    """

    taken_at: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude: float | None = None
    rating: int | None = None
    keywords: tuple[str, ...] = ()
    words: tuple[tuple[str, tuple[str, ...]], ...] = ()
    others: tuple[str, ...] = ()

    @property
    def has_place(self) -> bool:
        """True if latitude and longitude are known."""
        return self.latitude is not None and self.longitude is not None

    def __bool__(self) -> bool:
        """True if any tag is known."""
        return bool(
            self.taken_at
            or self.has_place
            or self.rating
            or self.keywords
            or self.words
            or self.others
        )

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
            tuple((dict(other.words) | dict(self.words)).items()),
            tuple(dict.fromkeys((*self.others, *other.others))),
        )

    def beyond(self, known: Tags) -> Tags:
        """Return the tags that `known` lacks."""
        keywords, words = frozenset(known.keywords), dict(known.words)
        found = replace(
            self,
            taken_at=None if known.taken_at else self.taken_at,
            rating=None if known.rating else self.rating or None,
            keywords=tuple(word for word in self.keywords if word not in keywords),
            words=tuple(each for each in self.words if each[0] not in words),
            others=tuple(each for each in self.others if each not in known.others),
        )
        if known.has_place or not self.has_place:
            found = replace(found, latitude=None, longitude=None, altitude=None)
        return found

    def differing(self, known: Tags) -> list[str]:
        """Return the contradictions with `known`, in words."""
        found = []
        told = dict(known.words)
        for name, values in self.words:
            if name in told and told[name] != values:
                found.append(f"{name} {_quoted(values)}, which is {_quoted(told[name])} there")
        if (self.rating or 0) > 0 and known.rating and known.rating != self.rating:
            found.append(f"rating {self.rating}, which is {known.rating} there")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the known tags, JSON-ready."""
        found = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value not in (None, ())
        }
        if self.words:
            found["words"] = {name: list(values) for name, values in self.words}
        return found

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Tags:
        """Return the tags that :meth:`to_dict` wrote; other keys are ignored.

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
        words = found.get("words", {})
        for name, values in words.items():
            if name not in FORMS or not isinstance(values, list):
                raise ValueError(f"{str(name)[:40]!r} is not a property with a list of texts")
        return cls(
            taken_at,
            number("latitude"),
            number("longitude"),
            number("altitude"),
            None if rating is None else int(rating),
            tuple(str(word) for word in found.get("keywords", ())),
            tuple((name, tuple(str(each) for each in words[name])) for name in words),
        )


def merged(tags: Iterable[Tags]) -> Tags:
    """Return the union of several tags; the first of each kind counts."""
    found = Tags()
    for each in tags:
        found = found.or_else(each)
    return found


def _quoted(values: tuple[str, ...]) -> str:
    text = "; ".join(values)
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
