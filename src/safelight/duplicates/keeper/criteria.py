"""What speaks for each photo of a group, in numbers, before they are weighed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.duplicates.keeper.explain import SCORES, oldest
from safelight.duplicates.model import STRICT, Relation
from safelight.duplicates.relations import parts as components
from safelight.duplicates.relations import parts_of_others

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.duplicates.keeper.traces import Origin
    from safelight.duplicates.model import Group
    from safelight.library.copies import PhotoFacts

# What cameras and phones write themselves.
_CAMERA_FORMATS = frozenset({"JPEG", "HEIF", "RAW", "TIFF"})
_LOSSLESS = frozenset({"PNG", "TIFF", "BMP"})

# What others make of these, with some loss: bytes tell nothing of one against the other.
_MADE_FORMATS = frozenset({"WEBP", "AVIF", "GIF"})

# Bytes a pixel. A photo of few colours or none, packed without loss, has fewer than one with all.
_ALL_COLOURS = 1.0

# Relations that no edit stands between, and no turn either.
_UNEDITED = STRICT - {Relation.EDITED}
_UPRIGHT = _UNEDITED - {Relation.ROTATED, Relation.MIRRORED}

# How many bytes of JPEG one byte of these is worth, roughly; only tells clear cases apart.
_WORTH = {"JPEG": 1.0, "WEBP": 1.5, "HEIF": 2.0, "AVIF": 2.0, "PNG": 0.4, "TIFF": 0.4, "BMP": 0.1}

_WHOLE_EXIF = (
    "taken_at", "camera_make", "camera_model", "lens", "exposure_time", "f_number", "iso",
    "focal_length", "latitude", "altitude",
)  # fmt: skip

# Labels and further columns beyond so many make nothing richer.
_MOST_SAID = 3

# Fewer pixels than this share of the most are clearly fewer: a border adds some, an export to the
# web takes most away.
_CLEARLY_FEWER = 0.6

# A photo that lies otherwise than the others of its group is less likely the original.
_TURNED = 0.75

# One that was copied as it is, while others were made, is more likely it.
_COPIED = 0.1


def consider(
    photos: Sequence[PhotoFacts],
    scores: Mapping[str, Mapping[str, float]],
    origins: Mapping[str, Origin],
    group: Group,
) -> dict[str, dict[str, float]]:
    """Return what speaks for each photo of a group: by id and consideration, 0 to 1.

    Parameters
    ----------
    photos : sequence of PhotoFacts
    scores : mapping
        By photo id and metric; a metric counts if all photos have it.
    origins : mapping
        The photos that were made from others.
    group : Group
    """
    parts = parts_of_others(group.edges)
    pixels = {photo.id: _true_pixels(photo, photos, origins) for photo in photos}
    kept = {photo.id: _kept_share(photo) for photo in photos}
    edits = _edits(photos, group)
    for photo in photos:
        # Saved again, with whatever care, it is no better than what it was made from.
        if photo.id in origins and origins[photo.id].source in kept:
            kept[photo.id] = min(kept[photo.id], kept[origins[photo.id].source])
    most = max(pixels.values())
    large = [photo for photo in photos if pixels[photo.id] >= _CLEARLY_FEWER * most]
    sound = [
        kept[photo.id]
        for photo in large
        if photo.format in _CAMERA_FORMATS and photo.id not in {*origins, *edits}
    ]
    for photo in photos:
        # A small picture takes more bytes a pixel, whatever was lost.
        is_small = photo not in large
        if sound and (is_small or photo.id in origins or photo.format in _MADE_FORMATS):
            kept[photo.id] = min(kept[photo.id], max(sound))
        elif is_small:
            kept[photo.id] = min(kept[photo.id], max(kept[each.id] for each in large))
    sources = [photo.id for photo in photos if photo.id not in edits]
    for edit in edits:
        # Its bytes and pixels tell nothing of what was lost: a sharpened picture takes more.
        kept[edit] = min(kept[edit], min(kept[source] for source in sources))
        pixels[edit] = min(pixels[edit], max(pixels[source] for source in sources))
    turned = _turned(photos, group)
    copied = _copied(photos)
    made = {*origins, *parts, *edits}
    eldest = min(oldest(photo) for photo in photos)
    smallest = min(photo.size for photo in photos)
    values = {
        photo.id: {
            "original": 0.0
            if photo.id in made
            else _signs(photo) * (_TURNED if photo.id in turned else 1)
            + _COPIED * (photo.id == copied),
            "resolution": _share(pixels, photo.id),
            "compression": _share(kept, photo.id),
            "metadata": _richness(photo),
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
    family; the original's is the one with a camera's data, then with clearly more pixels, then with
    more files, then with the oldest.
    """
    if group.relation not in STRICT:
        return frozenset()
    families = _families(photos, group, _UNEDITED)
    most = max(photo.pixels for photo in photos)

    def rank(family: list[PhotoFacts]) -> tuple[bool, bool, int, int, list[str]]:
        return (
            not any(map(_has_camera, family)),
            max(photo.pixels for photo in family) < _CLEARLY_FEWER * most,
            -sum(len(photo.copies) for photo in family),
            min(map(oldest, family)),
            # Their ids only for one answer where nothing else tells.
            sorted(photo.id for photo in family),
        )

    source = min(families, key=rank)
    return frozenset(photo.id for photo in photos if photo not in source)


def _copied(photos: Sequence[PhotoFacts]) -> str | None:
    """Return the photo of which there are more files than of any other, if there is one."""
    most, *others = sorted(photos, key=lambda photo: -len(photo.copies))
    if others and len(most.copies) == len(others[0].copies):
        return None
    return most.id if len(most.copies) > 1 else None


def _turned(photos: Sequence[PhotoFacts], group: Group) -> frozenset[str]:
    """Return the photos that lie otherwise than most of the group's files."""
    if group.relation not in STRICT:
        return frozenset()
    edges = [edge.relation for edge in group.edges]
    if not {Relation.ROTATED, Relation.MIRRORED} & set(edges):
        return frozenset()
    families = _families(photos, group, _UPRIGHT)
    counts = [sum(len(photo.copies) for photo in family) for family in families]
    if counts.count(max(counts)) > 1:
        return frozenset()
    upright = families[counts.index(max(counts))]
    return frozenset(photo.id for photo in photos if photo not in upright)


def _families(
    photos: Sequence[PhotoFacts], group: Group, relations: frozenset[Relation]
) -> list[list[PhotoFacts]]:
    """Return the photos that edges of these relations connect; also those that none does."""
    found = [
        [photo for photo in photos if photo.id in ids] for ids in components(group.edges, relations)
    ]
    joined = {photo.id for family in found for photo in family}
    return [family for family in found if family] + [
        [photo] for photo in photos if photo.id not in joined
    ]


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
        0.3
        + 0.4 * _has_camera(photo)
        + 0.1 * (photo.format in _CAMERA_FORMATS)
        + 0.1 * (photo.format == "RAW")
    )


def _has_camera(photo: PhotoFacts) -> bool:
    return bool(photo.exif.get("camera_make") or photo.exif.get("camera_model"))


def _richness(photo: PhotoFacts) -> float:
    """Return how much is known of a photo; all of it would be 1."""
    known = sum(name in photo.exif for name in _WHOLE_EXIF) + min(photo.said, _MOST_SAID)
    return known / (len(_WHOLE_EXIF) + _MOST_SAID)
