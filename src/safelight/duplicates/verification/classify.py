"""Classify a pair of photos: by stored features first, then by their pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safelight.duplicates.model import Edge, Relation
from safelight.duplicates.thresholds import DEFAULT
from safelight.duplicates.verification import capture_rules
from safelight.duplicates.verification.alignment import MIN_SIDE, overlap
from safelight.duplicates.verification.completeness import weigh
from safelight.duplicates.verification.descriptors import Resemblance, resemble
from safelight.duplicates.verification.variants import variant_of
from safelight.errors import DecodeError

if TYPE_CHECKING:
    from safelight.duplicates.photo_features import Look, PhotoFeatures
    from safelight.duplicates.thresholds import Thresholds

Evidence = dict[str, float | int | str | bool]

# A thumbnail is enough to tell how bright a picture is.
_BRIGHTNESS_SIDE = 64

# Of the stops by which two exposures differ, so much is seen in their pictures if the scene was lit
# alike; highlights that are clipped take some away.
_SEEN_STOPS = 0.3


def relate(
    a: PhotoFeatures, b: PhotoFeatures, look: Look, limits: Thresholds = DEFAULT
) -> Edge | None:
    """Return the relation of two photos; None if they have none.

    Parameters
    ----------
    a, b : Seen
        In any order.
    look : callable
        Opens a photo. It is called only if what is known leaves a doubt; when it raises
        DecodeError or OSError, the relation is told from what is known, if that is beyond doubt,
        and its evidence says ``unchecked``.
    limits : Thresholds

    Returns
    -------
    Edge or None
        Of several relations that hold, the first in the order of :class:`Relation`.
    """
    if a.id == b.id:
        return Edge(a.id, b.id, Relation.IDENTICAL)
    if b.id < a.id:
        a, b = b, a
    alike = resemble(a, b)
    one_camera = capture_rules.same_camera(a.exif, b.exif)
    seconds = capture_rules.seconds_apart(a.exif, b.exif) if one_camera else None
    evidence = alike.evidence
    if seconds is not None:
        evidence["seconds"] = seconds
    found = (
        _raw_and_jpeg(a, b, alike, seconds, evidence)
        or _series(a, b, alike, seconds, evidence, look, limits)
        or weigh(variant_of(a, b, alike, seconds, evidence, look, limits), a, b, look)
        or _burst(a, b, alike, seconds, evidence, limits)
        or _similar(alike, evidence, limits)
    )
    return Edge(a.id, b.id, *found) if found else None


def _raw_and_jpeg(
    a: PhotoFeatures,
    b: PhotoFeatures,
    alike: Resemblance,
    seconds: float | None,
    evidence: Evidence,
) -> tuple[Relation, Evidence] | None:
    if (a.format == "RAW") == (b.format == "RAW"):
        return None
    stem = capture_rules.same_stem(a, b)
    moment = seconds is not None and seconds == 0 and capture_rules.same_settings(a.exif, b.exif)
    # A camera may render in black and white, or cut to another shape: with both, name and moment,
    # nothing needs to look alike. Names alone begin again after 9999 photos.
    if (stem and moment) or ((stem or moment) and _looks_the_same(alike)):
        return Relation.RAW_JPEG, evidence | {"same_name": stem, "same_moment": moment}
    return None


def _looks_the_same(alike: Resemblance) -> bool:
    # Between a RAW file's preview and its JPEG: the same pixels, or another rendering of them.
    return alike.turned_bits <= 70 or alike.words >= 3


def _series(
    a: PhotoFeatures,
    b: PhotoFeatures,
    alike: Resemblance,
    seconds: float | None,
    evidence: Evidence,
    look: Look,
    limits: Thresholds,
) -> tuple[Relation, Evidence] | None:
    """Return the relation of two deliberate exposures: bracket or panorama."""
    # Copies of such photos at another size, or of one as another format, are not exposures.
    if seconds is None or (a.format, a.width, a.height) != (b.format, b.width, b.height):
        return None
    stops = capture_rules.stops_apart(a.exif, b.exif)
    time = capture_rules.longest(a.exif, b.exif)
    if (
        stops is not None
        and abs(stops) >= limits.bracket_stops
        and seconds <= limits.bracket_seconds + time
        and alike.of_a_burst(limits)
    ):
        told = evidence | {"stops": round(stops, 2)}
        if abs(stops) >= limits.plain_bracket_stops:
            return Relation.BRACKET, told
        try:
            seen = _brightness(b, look) - _brightness(a, look)
        except (DecodeError, OSError):
            return Relation.BRACKET, told | {"unchecked": True}
        # A camera that measures again for each photo of a burst makes them equally bright.
        if seen * np.sign(stops) >= _SEEN_STOPS * abs(stops):
            return Relation.BRACKET, told | {"seen_stops": round(seen, 2)}
        return None
    if (
        1 <= seconds <= limits.panorama_seconds + time
        and alike.words >= 1
        and alike.bits > limits.burst_bits
        and capture_rules.same_settings(a.exif, b.exif)
    ):
        try:
            shown = overlap(look(a, MIN_SIDE).pixels, look(b, MIN_SIDE).pixels, limits.corners)
        except (DecodeError, OSError):
            return None
        least, most = limits.panorama_overlap
        if shown is not None and least <= min(shown) and max(shown) <= most:
            return Relation.PANORAMA, evidence | {"overlap": round(min(shown), 3)}
    return None


def _brightness(seen: PhotoFeatures, look: Look) -> float:
    """Return the mean light of a photo, in stops."""
    pixels = look(seen, _BRIGHTNESS_SIDE).pixels / 255.0
    return float(np.log2((pixels**2.2).mean() + 1e-4))


def _burst(
    a: PhotoFeatures,
    b: PhotoFeatures,
    alike: Resemblance,
    seconds: float | None,
    evidence: Evidence,
    limits: Thresholds,
) -> tuple[Relation, Evidence] | None:
    if seconds is None or seconds > limits.burst_seconds + capture_rules.longest(a.exif, b.exif):
        return None
    return (Relation.BURST, evidence) if alike.of_a_burst(limits) else None


def _similar(
    alike: Resemblance, evidence: Evidence, limits: Thresholds
) -> tuple[Relation, Evidence] | None:
    if alike.cosine is not None and alike.cosine >= limits.similar_cosine:
        return Relation.SIMILAR, evidence
    return None
