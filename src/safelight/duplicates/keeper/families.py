"""Families: tell from facts which photo of a group is the source of parts and edits.

An edge does not say which of two pictures is the edit. Photos that no edit stands between make a
family; the source is the family for which the first fact speaks that tells families apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safelight.duplicates.clustering.group_relations import parts as components
from safelight.duplicates.keeper.filenames import (
    age_of,
    is_made_name,
    is_screenshot_name,
    secondary_depth,
)
from safelight.duplicates.model import STRICT, Relation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from safelight.duplicates.keeper.picture_data import PictureData
    from safelight.duplicates.model import Edge, Group
    from safelight.library.photo_facts import PhotoFacts

# Relations that no edit stands between.
_UNEDITED = STRICT - {Relation.EDITED}

# Fewer pixels than this share of the most are clearly fewer: a border adds some, an export to the
# web takes most away.
CLEARLY_FEWER = 0.6

# What cameras write themselves, the fullest first: nobody exports a photo as HEIC or RAW.
_CAMERA_RANKS = {"RAW": 0, "HEIF": 1}

# A frame around a picture is not its source, unless the picture in it has clearly more pixels.
_MORE_DETAIL = 1.5

# Pixels across of phones' screens, and how much taller than wide they are.
_SCREENS = frozenset(
    (640, 720, 750, 828, 1080, 1125, 1170, 1179, 1206, 1242, 1260, 1284, 1290, 1320, 1440)
)
_LEAST_TALL, _MOST_TALL = 1.7, 2.4


def parts(photos: Sequence[PhotoFacts], edges: Iterable[Edge]) -> Iterator[tuple[str, str, str]]:
    """Yield pairs of which one shows only a part of the other: parent, child, and how.

    A crop was made from the whole. But what shows a whole photo among other things (a screenshot, a
    collage, a frame) was made from that photo.
    """
    of = {photo.id: photo for photo in photos}
    for edge in edges:
        sides = {"a": edge.a, "b": edge.b, edge.a: edge.a, edge.b: edge.b}
        part = sides.get(str(edge.evidence.get("part")))
        inside = sides.get(str(edge.evidence.get("inside")))
        one = part or inside
        if one is None or edge.a not in of or edge.b not in of or edge.a == edge.b:
            continue
        other = edge.b if one == edge.a else edge.a
        covers = float(edge.evidence.get("covers", 1))
        shown = of[other].pixels * covers
        if (
            inside is not None
            and shown > _MORE_DETAIL * of[one].pixels
            and not _is_shown_in(of[one], of[other])
        ):
            continue  # the larger one may have been cut: whoever trims a scan makes less of it
        if inside is not None or _is_shown_in(of[one], of[other]):
            yield one, other, "framed"
        else:
            yield other, one, "cropped"


def _is_shown_in(photo: PhotoFacts, other: PhotoFacts) -> bool:
    """Tell whether a photo is shown in a picture of a screen, rather than cut from it."""
    return not has_camera(other) and _is_of_a_screen(other) and not _is_of_a_screen(photo)


def _is_of_a_screen(photo: PhotoFacts) -> bool:
    if any(is_screenshot_name(copy.path) for copy in photo.copies):
        return True
    sides = sorted((photo.width or 1, photo.height or 1))
    return sides[0] in _SCREENS and _LEAST_TALL <= sides[1] / sides[0] <= _MOST_TALL


def edits(
    photos: Sequence[PhotoFacts],
    group: Group,
    made: Mapping[str, str | None],
    pictures: Mapping[str, PictureData],
) -> Iterator[tuple[str, str, str]]:
    """Yield the photos that were edited, each with its source, and the fact that tells.

    Parameters
    ----------
    photos : sequence of PhotoFacts
    group : Group
    made : mapping
        The photos that are known to be made from others, and from which.
    pictures : mapping
        By photo id, as far as files were read.
    """
    if group.relation not in STRICT:
        return
    families = families_of(photos, group, _UNEDITED)
    if len(families) < 2:
        return
    most = max(photo.pixels for photo in photos)
    facts = [_facts(family, most, least_depth(photos), made, pictures) for family in families]
    first = min(range(len(families)), key=lambda number: list(facts[number].values()))
    source = min(
        families[first], key=lambda photo: (photo.id in made, not has_camera(photo), -photo.pixels)
    )
    for number, family in enumerate(families):
        told = next(
            (name for name in facts[number] if facts[number][name] != facts[first][name]), None
        )
        if number == first or told is None:
            continue  # nothing tells which of two is the edit
        for photo in family:
            yield source.id, photo.id, told


def _facts(
    family: Sequence[PhotoFacts],
    most: int,
    least: int,
    made: Mapping[str, str | None],
    pictures: Mapping[str, PictureData],
) -> dict[str, Any]:
    """Return the facts of a family as they count, in order; less is likelier the source."""
    ids = {photo.id for photo in family}
    known = [pictures[photo.id] for photo in family if photo.id in pictures]
    copies = [copy for photo in family for copy in photo.copies]
    camera = [photo for photo in family if has_camera(photo)]
    return {
        "pixels": all(photo.id in made and made[photo.id] not in ids for photo in family),
        "camera": not camera,
        "camera file": min((_CAMERA_RANKS.get(p.format or "", 2) for p in camera), default=3),
        "maker note": not any(each.maker_note for each in known),
        "editor": bool(known) and all(each.editor for each in known),
        "name": all(is_made_name(copy.path) or is_screenshot_name(copy.path) for copy in copies),
        "size": max(photo.pixels for photo in family) < CLEARLY_FEWER * most,
        "folder": all(secondary_depth(copy.path) > least for copy in copies),
        "files": -sum(secondary_depth(copy.path) <= least for copy in copies),
        "time": min((age_of(copy) for copy in copies), default=0),
    }


def families_of(
    photos: Sequence[PhotoFacts], group: Group, relations: Collection[Relation]
) -> list[list[PhotoFacts]]:
    """Return the photos that edges of these relations connect; also those that none does."""
    found = [
        [photo for photo in photos if photo.id in ids] for ids in components(group.edges, relations)
    ]
    joined = {photo.id for family in found for photo in family}
    return [family for family in found if family] + [
        [photo] for photo in photos if photo.id not in joined
    ]


def least_depth(photos: Sequence[PhotoFacts]) -> int:
    """Return in how many folders of backups, exports, messages ... all files of photos lie."""
    depths = (secondary_depth(copy.path) for photo in photos for copy in photo.copies)
    return min(depths, default=0)


def has_camera(photo: PhotoFacts) -> bool:
    """Tell whether a photo has the data of the camera that took it."""
    return bool(photo.exif.get("camera_make") or photo.exif.get("camera_model"))
