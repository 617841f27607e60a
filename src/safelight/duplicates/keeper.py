"""The photo of a group to keep, and why: considerations, weighed by a policy, told in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.duplicates.filenames import in_order
from safelight.duplicates.model import KEPT_TOGETHER, STRICT, Relation
from safelight.duplicates.reasons import (
    SCORES,
    about_scores,
    called,
    oldest,
    which,
    why_it_stays,
    why_kept,
    why_not,
)
from safelight.duplicates.relations import parts as components
from safelight.duplicates.relations import parts_of_others, relations_to

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.duplicates.model import Group
    from safelight.duplicates.origin import Origin
    from safelight.duplicates.policy import Policy
    from safelight.duplicates.relations import Together
    from safelight.library.copies import PhotoFacts

# What cameras and phones write themselves.
_CAMERA_FORMATS = frozenset({"JPEG", "HEIF", "RAW", "TIFF"})
_LOSSLESS = frozenset({"PNG", "TIFF", "BMP"})

# Bytes a pixel. A photo of few colours or none, packed without loss, has fewer than one with all.
_ALL_COLOURS = 1.0

# Relations that no edit stands between.
_UNEDITED = STRICT - {Relation.EDITED}

# How many bytes of JPEG one byte of these is worth, roughly; only tells clear cases apart.
_WORTH = {"JPEG": 1.0, "WEBP": 1.5, "HEIF": 2.0, "AVIF": 2.0, "PNG": 0.4, "TIFF": 0.4, "BMP": 0.1}

_WHOLE_EXIF = (
    "taken_at", "camera_make", "camera_model", "lens", "exposure_time", "f_number", "iso",
    "focal_length", "latitude", "altitude",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """One file of a group.

    Attributes
    ----------
    photo_id, path : str
    keeper : bool
        Whether it is to be kept; in a group of what belongs together all are.
    reasons : tuple of str
        Why, or what tells it from the one to keep.
    """

    photo_id: str
    path: str
    keeper: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A group, and which of its files to keep.

    Attributes
    ----------
    group : Group
    photos : tuple of Judged
        The one to keep first; each photo's files one after another.
    """

    group: Group
    photos: tuple[Judged, ...]

    @property
    def keeper(self) -> Judged:
        """The file to keep; of what belongs together the first."""
        return self.photos[0]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "group": self.group.id,
            "relation": self.group.relation.value,
            "photos": [
                {
                    "photo_id": photo.photo_id,
                    "path": photo.path,
                    "keeper": photo.keeper,
                    "reasons": list(photo.reasons),
                }
                for photo in self.photos
            ],
            "edges": [
                {
                    "a": edge.a,
                    "b": edge.b,
                    "relation": edge.relation.value,
                    "evidence": dict(edge.evidence),
                }
                for edge in self.group.edges
            ],
        }


def judge(
    group: Group,
    facts: Mapping[str, PhotoFacts],
    policy: Policy,
    *,
    scores: Mapping[str, Mapping[str, float]] | None = None,
    origins: Mapping[str, Origin] | None = None,
    together: Together | None = None,
) -> tuple[Judged, ...]:
    """Choose the photo to keep and say why, in words.

    Parameters
    ----------
    group : Group
    facts : mapping
        By photo id; a photo without is passed over: it has no file any more.
    policy : Policy
    scores : mapping, optional
        By photo id and metric, 0 to 1.
    origins : mapping, optional
        What :func:`safelight.duplicates.origin.origins` found of the group.
    together : mapping, optional
        The photos that are only whole with others, and so stay in any case.

    Returns
    -------
    tuple of Judged
        The one to keep first, then the others, best first; a photo's files one after another.
    """
    photos = [facts[photo] for photo in group.photos if photo in facts]
    if not photos:
        return ()
    if group.relation in KEPT_TOGETHER:
        return _all_kept(group, photos)
    scores, origins, together = scores or {}, origins or {}, together or {}
    weights = policy.copies if group.relation in STRICT else policy.shots
    values = _values(photos, scores, origins, group)
    totals = {
        photo.id: sum(getattr(weights, name) * value for name, value in values[photo.id].items())
        for photo in photos
    }
    # What is equal in everything stays in the order in which the library got it.
    ranked = sorted(photos, key=lambda photo: -totals[photo.id])
    best = ranked[0]
    related = relations_to(best.id, group.edges)
    judged: list[Judged] = []
    for photo in ranked:
        stays = why_it_stays(photo, together, facts)
        if photo is best:
            own = why_kept(best, ranked, values, weights, origins)
            own += about_scores(group, ranked, scores, weights)
        else:
            relation = related.get(photo.id, group.relation)
            own = why_not(photo, best, relation, values, weights, origins, scores)
        copies = in_order(photo.copies)
        for number, copy in enumerate(copies):
            first = photo is best and number == 0
            reasons = own
            if number:
                reasons = (*(() if photo is best else own), f"the same bytes as {called(photo)}")
            elif photo is best and len(copies) > 1:
                reasons = (*own, f"of {len(copies)} files with these bytes, {which(copies)}")
            judged.append(Judged(photo.id, copy.path, first, (*reasons, *stays)))
    return tuple(judged)


def _all_kept(group: Group, photos: Sequence[PhotoFacts]) -> tuple[Judged, ...]:
    what = {
        Relation.RAW_JPEG: "RAW and JPEG of one exposure",
        Relation.BRACKET: "a bracket: one scene in several exposures",
        Relation.PANORAMA: "views to be joined to a panorama",
    }[group.relation]
    return tuple(
        Judged(photo.id, copy.path, True, (f"{what}; all of it is kept",))
        for photo in photos
        for copy in photo.copies
    )


def _values(
    photos: Sequence[PhotoFacts],
    scores: Mapping[str, Mapping[str, float]],
    origins: Mapping[str, Origin],
    group: Group,
) -> dict[str, dict[str, float]]:
    parts = parts_of_others(group.edges)
    pixels = {photo.id: _true_pixels(photo, photos, origins) for photo in photos}
    kept = {photo.id: _kept_share(photo) for photo in photos}
    for photo in photos:
        # Saved again, with whatever care, it is no better than what it was made from.
        if photo.id in origins and origins[photo.id].source in kept:
            kept[photo.id] = min(kept[photo.id], kept[origins[photo.id].source])
    edits = _edits(photos, group)
    sources = [photo.id for photo in photos if photo.id not in edits]
    for edit in edits:
        # Its bytes and pixels tell nothing of what was lost: a sharpened picture takes more.
        kept[edit] = min(kept[edit], min(kept[source] for source in sources))
        pixels[edit] = min(pixels[edit], max(pixels[source] for source in sources))
    data = {photo.id: _richness(photo) for photo in photos}
    made = {*origins, *parts, *edits}
    eldest = min(oldest(photo) for photo in photos)
    smallest = min(photo.size for photo in photos)
    values = {
        photo.id: {
            "original": 0.0 if photo.id in made else _signs(photo),
            "resolution": _share(pixels, photo.id),
            "compression": _share(kept, photo.id),
            "metadata": _share(data, photo.id),
            "age": float(oldest(photo) == eldest),
            "small": smallest / max(photo.size, 1),
        }
        for photo in photos
    }
    for name in SCORES:
        # A photo that was not measured is not worse for it.
        if all(name in scores.get(photo.id, {}) for photo in photos):
            for photo in photos:
                values[photo.id][name] = scores[photo.id][name]
    return values


def _edits(photos: Sequence[PhotoFacts], group: Group) -> frozenset[str]:
    """Return the photos that were edited, of a group in which some were.

    An edge does not say which of two is the edit. Photos that no edit stands between make a
    family; the one with a camera's data, then the largest, then the oldest is the original's.
    """
    if group.relation not in STRICT:
        return frozenset()
    ids = {photo.id for photo in photos}
    families: list[set[str]] = [
        family & ids for family in components(group.edges, _UNEDITED) if family & ids
    ]
    alone = ids.difference(*families)
    families += [{photo} for photo in alone]
    of = {photo.id: photo for photo in photos}

    def rank(family: set[str]) -> tuple[bool, int, int, list[str]]:
        members = [of[photo] for photo in family]
        files = sum(len(photo.copies) for photo in members)
        # Their ids only for one answer where nothing else tells.
        return (
            not any(map(_has_camera, members)),
            -files,
            min(map(oldest, members)),
            sorted(family),
        )

    source: set[str] = min(families, key=rank)
    return frozenset(ids - source)


def _share(of: Mapping[str, float], photo_id: str) -> float:
    most = max(of.values())
    return of[photo_id] / most if most else 0.0


def _true_pixels(
    photo: PhotoFacts, photos: Sequence[PhotoFacts], origins: Mapping[str, Origin]
) -> float:
    origin = origins.get(photo.id)
    if origin is None or origin.how != "enlarged":
        return photo.pixels
    return next((each.pixels for each in photos if each.id == origin.source), photo.pixels)


def _kept_share(photo: PhotoFacts) -> float:
    """Return how little was lost when it was saved: bytes a pixel, as if all were JPEG."""
    if photo.format == "RAW":
        return 24.0
    if not photo.pixels:
        return 0.0
    a_pixel = photo.size / photo.pixels * _WORTH.get(photo.format or "", 1.0)
    is_whole = photo.format in _LOSSLESS and photo.size / photo.pixels >= _ALL_COLOURS
    return max(a_pixel, 3.0) if is_whole else a_pixel


def _signs(photo: PhotoFacts) -> float:
    """Return what speaks for a photo being as the camera wrote it."""
    return (
        0.4
        + 0.4 * _has_camera(photo)
        + 0.1 * (photo.format in _CAMERA_FORMATS)
        + 0.1 * (photo.format == "RAW")
    )


def _has_camera(photo: PhotoFacts) -> bool:
    return bool(photo.exif.get("camera_make") or photo.exif.get("camera_model"))


def _richness(photo: PhotoFacts) -> float:
    return sum(name in photo.exif for name in _WHOLE_EXIF) + min(photo.said, 3)
