"""Recognise variants of one picture, and their kind, by geometric verification."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from safelight.duplicates.model import Relation
from safelight.duplicates.verification.alignment import (
    MIN_SIDE,
    Alignment,
    align_as_given,
    align_by_features,
    align_whole,
)
from safelight.duplicates.verification.block_similarity import Agreement, agree, is_plain
from safelight.duplicates.verification.clock_corrections import is_clock_correction, is_one_exposure
from safelight.duplicates.verification.close_look import CloseLook
from safelight.errors import DecodeError
from safelight.hashing.dihedral import DIHEDRAL, applied

if TYPE_CHECKING:
    import numpy.typing as npt

    from safelight.duplicates.photo_features import Look, PhotoFeatures
    from safelight.duplicates.thresholds import Thresholds
    from safelight.duplicates.verification.descriptors import Resemblance

Evidence = dict[str, float | int | str | bool]

# Pictures that differ by less than this on the average may be one, decoded at different sizes.
_SAME_TONE = 1.0

# Hashes that differ in so few bits are those of one picture in one frame: enough when its files
# cannot be opened.
_BEYOND_DOUBT = 10

# A whole picture is aligned as given if their hashes differ by no more.
_WHOLE_BITS = 70

# The sides of two sizes of one picture are in one proportion, but for rounding.
_PROPORTION = 0.02

# So much less a picture agrees that had to be shifted, turned or scaled.
_WARPED = 0.05

# Pixels, on the longer side.
_SMALL = 256

# Pixels: the side of the part in the middle that is compared in full size.
_CLOSE = 1024

_IDENTITY = (False, False, False)
_MIRROR = (False, True, False)


def variant_of(
    a: PhotoFeatures,
    b: PhotoFeatures,
    alike: Resemblance,
    seconds: float | None,
    evidence: Evidence,
    look: Look,
    limits: Thresholds,
) -> tuple[Relation, Evidence] | None:
    """Return in which relation two forms of one picture are; None if they are none.

    Parameters
    ----------
    seconds : float or None
        Between the exposures, if one camera took both.
    evidence : dict
        To which what is found is added.
    """
    if not alike.worth_looking(limits):
        return None
    try:
        if alike.turned_bits <= limits.same_pixels_bits and _same_pixels(a, b, alike, look):
            return Relation.SAME_PIXELS, evidence
        if seconds and not is_clock_correction(seconds):
            return None  # two exposures: never forms of one picture, however alike
        told = _told(a, b, alike, evidence, look, limits)
        if told and seconds == 0 and not _one_exposure(a, b, look, limits):
            return None
        if told and seconds:
            return told if is_one_exposure(a, b, seconds, look) else None
        return told
    except (DecodeError, OSError):
        return None if seconds else _unseen(a, b, alike, evidence)


def _same_pixels(a: PhotoFeatures, b: PhotoFeatures, alike: Resemblance, look: Look) -> bool:
    if alike.way or (a.width, a.height) != (b.width, b.height):
        return False
    first, second = look(a, MIN_SIDE), look(b, MIN_SIDE)
    if a.format == b.format == "JPEG":
        # Of other coefficients, a decoder makes other pixels at every size.
        if not np.array_equal(first.pixels, second.pixels):
            return False
    else:
        laid = align_whole(first.pixels, second.pixels)
        if np.abs(laid.a.astype(np.int16) - laid.b).mean() > _SAME_TONE:
            return False
    digests = getattr(look, "pixel_digests", None)
    if digests is None:
        return bool(np.array_equal(look(a, None).pixels, look(b, None).pixels))
    return any(first == second for first, second in zip(digests(a), digests(b), strict=False))


def _one_exposure(a: PhotoFeatures, b: PhotoFeatures, look: Look, limits: Thresholds) -> bool:
    """Tell whether two photos of one camera and second may be forms of one exposure.

    Cameras take several photos a second. At working size, two of them may agree; in full size, a
    hand that trembles has moved them by pixels.
    """
    if (a.format, a.width, a.height) != (b.format, b.width, b.height):
        return True  # a camera would not have changed that
    first, second = look(a, None).pixels, look(b, None).pixels
    if first.shape != second.shape:
        return True
    down, across = (max(0, length - _CLOSE) // 2 for length in first.shape[:2])
    part = (slice(down, down + _CLOSE), slice(across, across + _CLOSE))
    close = agree(align_as_given(first[part], second[part]), limits.block_correlation)
    return close.share >= limits.agreement


def _told(
    a: PhotoFeatures,
    b: PhotoFeatures,
    alike: Resemblance,
    evidence: Evidence,
    look: Look,
    limits: Thresholds,
) -> tuple[Relation, Evidence] | None:
    first, second = look(a, MIN_SIDE).pixels, look(b, MIN_SIDE).pixels
    moved = False
    if alike.turned_bits <= _WHOLE_BITS:
        way = DIHEDRAL[alike.way]
        turned = applied(second, way)
        # A stretched copy has the hash of the original.
        if alike.turned_bits <= limits.hash_bits or _in_proportion(first, turned):
            laid = align_whole(first, turned)
            found = agree(laid, limits.block_correlation)
            if found.share >= _least(laid, limits.whole_agreement, limits):
                form = _whole_form(a, b, way, found, evidence, limits)
                close = CloseLook.at_whole(a, b, way, look)
                if not close.has_moved:
                    return _confirmed(form, close, limits)
                # Not quite one frame: a thin crop, which must not pass for a copy.
                moved = True
    # As the words say, if any; then the other way, because a few words are not proof.
    ways = [_IDENTITY, _MIRROR] if alike.words >= alike.mirrored_words else [_MIRROR, _IDENTITY]
    for way in ways if alike.mirrored_words else ways[:1]:
        by_corners = align_by_features(first, applied(second, way), limits.corners)
        if by_corners is not None:
            part = _part_form(a, b, by_corners, way == _MIRROR, evidence, limits)
            if part is not None:
                part = _confirmed(part, CloseLook.at_part(a, b, way, by_corners, look), limits)
            if part is not None:
                return part
    if moved:
        told = _edited(form[0], form[1])
        return _confirmed(told, close, limits)
    return None


def _confirmed(
    form: tuple[Relation, Evidence], close: CloseLook, limits: Thresholds
) -> tuple[Relation, Evidence] | None:
    """Return a form as a close look leaves it: as it is, edited in one place, or none at all."""
    relation, told = form
    told = told | close.evidence
    tone, detail, grain = (float(told[name]) for name in ("tone", "detail", "grain"))
    edited = tone > limits.tone_levels or _is_filtered(detail, grain, limits.detail_ratio, limits)
    if close.shows_another_picture(edited=edited):
        return None
    if close.differs and relation is not Relation.EDITED:
        return _edited(relation, told)
    return relation, told


def _least(laid: Alignment, agreement: float, limits: Thresholds) -> float:
    """Return the agreement that is enough."""
    # Of two sizes only: no camera makes small photos, but programs make small ones of any.
    is_small = max(laid.common.shape) < _SMALL and abs(math.log2(laid.scale)) > _PROPORTION
    return max(agreement, limits.small_agreement) if is_small else agreement


def _in_proportion(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> bool:
    first: float = a.shape[1] / a.shape[0]
    second: float = b.shape[1] / b.shape[0]
    # A row of pixels more or less counts for much in a small picture.
    rounding = 1 / min(*a.shape[:2], *b.shape[:2])
    return bool(abs(math.log(first / second)) < _PROPORTION + rounding)


def _whole_form(
    a: PhotoFeatures,
    b: PhotoFeatures,
    way: tuple[bool, bool, bool],
    found: Agreement,
    evidence: Evidence,
    limits: Thresholds,
) -> tuple[Relation, Evidence]:
    told = evidence | _measured(found)
    stretched = (1 / b.proportion if way[0] else b.proportion) / a.proportion
    # Rounded to whole pixels, a small copy is off by some share of its own.
    rounding = 1 / max(1, min(a.width, a.height, b.width, b.height))
    is_stretched = abs(math.log(stretched)) > _PROPORTION + rounding
    if is_stretched:
        told["stretched"] = round(stretched, 3)
    relation = Relation.RESIZED
    if way != _IDENTITY:
        relation = _turned_relation(way)
    elif (a.width, a.height) == (b.width, b.height):
        relation = Relation.RE_ENCODED
    # Nobody takes a person made thin for the picture; which of the two is right, pixels do not say.
    if is_stretched or _is_edited(found, limits):
        return _edited(Relation.EDITED if way == _IDENTITY else relation, told)
    return relation, told


def _turned_relation(way: tuple[bool, bool, bool]) -> Relation:
    # Two reflections are a rotation.
    return Relation.MIRRORED if sum(way) % 2 else Relation.ROTATED


def _is_edited(found: Agreement, limits: Thresholds, *, warped: bool = False) -> bool:
    # A picture that was shifted by half a pixel or turned has lost some of its finest detail.
    least_detail = limits.detail_ratio**2 if warped else limits.detail_ratio
    least_agreement = limits.unedited_agreement - (_WARPED if warped else 0)
    return (
        found.tone > limits.tone_levels
        or found.share < least_agreement
        or _is_filtered(found.detail, found.grain, least_detail, limits)
    )


def _is_filtered(detail: float, grain: float, least_detail: float, limits: Thresholds) -> bool:
    return (
        not least_detail <= detail <= 1 / limits.detail_ratio
        or not limits.grain_ratio <= grain <= 1 / limits.grain_ratio
    )


def _measured(found: Agreement) -> Evidence:
    return {
        "agreement": round(found.share, 3),
        "tone": round(found.tone, 1),
        "detail": round(found.detail, 2),
        "grain": round(found.grain, 2),
    }


def _part_form(
    a: PhotoFeatures,
    b: PhotoFeatures,
    laid: Alignment,
    mirrored: bool,
    evidence: Evidence,
    limits: Thresholds,
) -> tuple[Relation, Evidence] | None:
    plain_a = is_plain(laid.a_outside, limits.plain_share)
    plain_b = is_plain(laid.b_outside, limits.plain_share)
    over_a = laid.a_overhang > limits.overhang and not plain_a
    over_b = laid.b_overhang > limits.overhang and not plain_b
    if over_a and over_b:
        return None  # each shows what the other does not: two views, or two parts
    found = agree(laid, limits.block_correlation)
    if found.share < _least(laid, limits.agreement, limits):
        return None
    told = evidence | _measured(found) | {"corners": laid.corners or 0}
    told["scale"] = round(laid.scale, 3)
    quarter = round(laid.degrees / 90) * 90
    tilt = laid.degrees - quarter
    turned = Relation.MIRRORED if mirrored else Relation.ROTATED if quarter else None
    # Framed, if neither shows what the other does not; turned or not, that is an edit.
    relation = Relation.EDITED
    if over_a or over_b:
        # The photo that shows less, and its share of the other. Turned or mirrored, a part is
        # a part: who has done with turned copies has not done with the full view.
        relation = Relation.CROPPED
        told["part"] = b.id if over_a else a.id
        told["covers"] = round(laid.a_covered if over_a else laid.b_covered, 3)
    elif laid.a_overhang > limits.overhang or laid.b_overhang > limits.overhang:
        # The photo that has nothing around it, and how much of the other it takes.
        of_a = laid.a_overhang > limits.overhang
        told["inside"] = b.id if of_a else a.id
        told["covers"] = round(laid.a_covered if of_a else laid.b_covered, 3)
    if turned:
        told[turned.value] = True
    if abs(tilt) >= limits.turn_degrees:
        told["degrees"] = round(laid.degrees, 1)
    if abs(tilt) >= limits.turn_degrees or _is_edited(found, limits, warped=True):
        return _edited(relation, told)
    return relation, told


def _edited(also: Relation, told: Evidence) -> tuple[Relation, Evidence]:
    """Return an edit that was turned, mirrored or cropped as well."""
    # Who asks for turned photos does not ask for grey ones.
    return Relation.EDITED, told if also is Relation.EDITED else told | {also.value: True}


def _unseen(
    a: PhotoFeatures, b: PhotoFeatures, alike: Resemblance, evidence: Evidence
) -> tuple[Relation, Evidence] | None:
    """Return the relation that shows without opening the files."""
    if alike.turned_bits > _BEYOND_DOUBT:
        return None
    told = evidence | {"unchecked": True}
    way = DIHEDRAL[alike.way]
    if way != _IDENTITY:
        return _turned_relation(way), told
    if (a.width, a.height) == (b.width, b.height):
        return Relation.RE_ENCODED, told
    return Relation.RESIZED, told
