"""Score each photo of a group on every keeper criterion: 0 to 1, unweighted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.duplicates.keeper.explain import SCORES, oldest
from safelight.duplicates.keeper.families import (
    CLEARLY_FEWER,
    families_of,
    has_camera,
    least_depth,
)
from safelight.duplicates.keeper.filenames import (
    Preferences,
    is_binned,
    is_made_name,
    secondary_depth,
)
from safelight.duplicates.model import STRICT, Relation
from safelight.duplicates.thresholds import SAME_LOSS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.duplicates.keeper.derivation import Lineage
    from safelight.duplicates.model import Group
    from safelight.library.photo_facts import PhotoFacts

# What cameras and phones write themselves.
_CAMERA_FORMATS = frozenset({"JPEG", "HEIF", "RAW", "TIFF"})
_LOSSLESS = frozenset({"PNG", "TIFF", "BMP"})

# What others make of these, with some loss: bytes tell nothing of one against the other.
_MADE_FORMATS = frozenset({"WEBP", "AVIF", "GIF"})

# Bytes a pixel. A photo of few colours or none, packed without loss, has fewer than one with all.
_ALL_COLOURS = 1.0

# Relations that no edit stands between, and no turn either.
_UPRIGHT = STRICT - {Relation.EDITED, Relation.ROTATED, Relation.MIRRORED}

# How many bytes of JPEG one byte of these is worth, roughly; only tells clear cases apart.
_WORTH = {"JPEG": 1.0, "WEBP": 1.5, "HEIF": 2.0, "AVIF": 2.0, "PNG": 0.4, "TIFF": 0.4, "BMP": 0.1}

# What a RAW file counts as, in bytes of a JPEG a pixel; at least, what is packed without loss.
_RAW_WORTH, _LOSSLESS_WORTH = 24.0, 3.0

_WHOLE_EXIF = (
    "taken_at", "camera_make", "camera_model", "lens", "exposure_time", "f_number", "iso",
    "focal_length", "latitude", "altitude",
)  # fmt: skip

# Labels and further columns beyond so many make nothing richer.
_MOST_SAID = 3

# A photo that lies otherwise than the others of its group is less likely the original.
_TURNED = 0.75

# One that was copied as it is, while others were made, is more likely it.
_COPIED = 0.1


def score_criteria(
    photos: Sequence[PhotoFacts],
    scores: Mapping[str, Mapping[str, float]],
    lineage: Lineage,
    group: Group,
    wishes: Preferences,
) -> dict[str, dict[str, float]]:
    """Return the score of each photo of a group on each criterion, by id and criterion.

    Parameters
    ----------
    photos : sequence of PhotoFacts
    scores : mapping
        By photo id and metric; a metric counts if all photos have it.
    lineage : Lineage
    group : Group
    wishes : Preferences
    """
    pixels = true_pixels(photos, lineage)
    kept = _saturated(_kept(photos, pixels, lineage))
    turned, copied = _turned(photos, group), _copied(photos)
    eldest = min(oldest(photo) for photo in photos)
    smallest = min(photo.size for photo in photos)
    least = least_depth(photos)
    values = {
        photo.id: {
            "original": 0.0
            if photo.id in lineage.derivations
            else _signs(photo) * (_TURNED if photo.id in turned else 1)
            + _COPIED * (photo.id == copied),
            "resolution": _share(pixels, photo.id),
            "compression": _share(kept, photo.id),
            "metadata": _richness(photo),
            "folder": _folder(photo, wishes, least),
            "name": float(not all(is_made_name(copy.path) for copy in photo.copies)),
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


def true_pixels(photos: Sequence[PhotoFacts], lineage: Lineage) -> dict[str, float]:
    """Return the pixels of photos as far as they hold detail: no more than what each came from."""
    own = {photo.id: float(photo.pixels) for photo in photos}
    return {
        photo.id: min(
            [own[photo.id], *(own[above] for above in lineage.ancestors(photo.id) if above in own)]
        )
        for photo in photos
    }


def _kept(
    photos: Sequence[PhotoFacts], pixels: Mapping[str, float], lineage: Lineage
) -> dict[str, float]:
    """Return how little each photo lost when it was saved, in bytes of a JPEG a pixel."""
    own = {photo.id: _kept_share(photo, lineage) for photo in photos}
    # Saved again, with whatever care, it is not better than what it was made from.
    kept = {
        photo: min([share, *(own[above] for above in lineage.ancestors(photo) if above in own)])
        for photo, share in own.items()
    }
    most = max(pixels.values())
    large = [photo for photo in photos if pixels[photo.id] >= CLEARLY_FEWER * most]
    sources = [photo for photo in photos if photo.id not in lineage.derivations]
    sound = [
        kept[photo.id] for photo in large if photo.format in _CAMERA_FORMATS and photo in sources
    ]
    for photo in photos:
        # A small picture takes more bytes a pixel, whatever was lost.
        is_small = photo not in large
        made = lineage.derivations.get(photo.id)
        if sound and (is_small or made or photo.format in _MADE_FORMATS):
            kept[photo.id] = min(kept[photo.id], max(sound))
        elif is_small:
            kept[photo.id] = min(kept[photo.id], max(kept[each.id] for each in large))
        if made and made.how in ("edited", "framed") and sources:
            # Its bytes tell nothing of what was lost: a sharpened picture takes more.
            kept[photo.id] = min(kept[photo.id], min(kept[each.id] for each in sources))
    return kept


def _saturated(kept: Mapping[str, float]) -> dict[str, float]:
    most = max(kept.values()) / SAME_LOSS
    return {photo: min(share, most) for photo, share in kept.items()}


def _copied(photos: Sequence[PhotoFacts]) -> str | None:
    """Return the photo of which there are more files than of any other, if there is one."""
    least = least_depth(photos)
    counts = {
        photo.id: sum(secondary_depth(copy.path) <= least for copy in photo.copies)
        for photo in photos
    }
    most = max(counts.values())
    if most < 2 or list(counts.values()).count(most) > 1:
        return None
    return max(counts, key=counts.__getitem__)


def _turned(photos: Sequence[PhotoFacts], group: Group) -> frozenset[str]:
    """Return the photos that lie otherwise than most of the group's files."""
    if group.relation not in STRICT:
        return frozenset()
    edges = [edge.relation for edge in group.edges]
    if not {Relation.ROTATED, Relation.MIRRORED} & set(edges):
        return frozenset()
    families = families_of(photos, group, _UPRIGHT)
    counts = [sum(len(photo.copies) for photo in family) for family in families]
    if counts.count(max(counts)) > 1:
        return frozenset()
    upright = families[counts.index(max(counts))]
    return frozenset(photo.id for photo in photos if photo not in upright)


def _share(of: Mapping[str, float], photo_id: str) -> float:
    most = max(of.values())
    return of[photo_id] / most if most else 0.0


def _kept_share(photo: PhotoFacts, lineage: Lineage) -> float:
    """Return how little was lost when it was saved: bytes a pixel, as if all were JPEG."""
    if photo.format == "RAW":
        return _RAW_WORTH
    if not photo.pixels:
        return 0.0
    read = lineage.pictures.get(photo.id)
    share = (read.bytes if read else photo.size) / photo.pixels
    is_whole = photo.format in _LOSSLESS and share >= _ALL_COLOURS
    a_pixel = share * _WORTH.get(photo.format or "", 1.0)
    return max(a_pixel, _LOSSLESS_WORTH) if is_whole else a_pixel


def _signs(photo: PhotoFacts) -> float:
    """Return the evidence that a photo is as the camera wrote it."""
    return (
        0.3
        + 0.4 * has_camera(photo)
        + 0.1 * (photo.format in _CAMERA_FORMATS)
        + 0.1 * (photo.format == "RAW")
    )


def _folder(photo: PhotoFacts, wishes: Preferences, least: int) -> float:
    """Return how good the best place of a photo's files is: protected, preferred, plain, other."""
    best = 0.0
    for copy in photo.copies:
        if is_binned(copy.path):
            continue
        if wishes.protecting(copy.path):
            return 1.0
        place = wishes.preference(copy.path)
        if place < len(wishes.prefer):
            best = max(best, 0.9 - 0.2 * place / len(wishes.prefer))
        else:
            best = max(best, 0.2 if secondary_depth(copy.path) > least else 0.5)
    return best


def _richness(photo: PhotoFacts) -> float:
    """Return how much is known about a photo; all of it would be 1."""
    known = sum(name in photo.exif for name in _WHOLE_EXIF) + min(photo.said, _MOST_SAID)
    return known / (len(_WHOLE_EXIF) + _MOST_SAID)
