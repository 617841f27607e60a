"""Relations between photos, and the groups that they make."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Relation(StrEnum):
    """Relation of two photos; of several that hold, the first in this order counts.

    But of two that differ by an edit, whatever else was done, that is what is said: who has done
    with turned copies has not done with grey ones.
    """

    IDENTICAL = "identical"  # the same bytes, in two files
    SAME_PIXELS = "same-pixels"  # only metadata or lossless packing differ
    RAW_JPEG = "raw+jpeg"  # one exposure, as the sensor's data and as the camera's JPEG
    BRACKET = "bracket"  # one scene, exposed differently on purpose
    PANORAMA = "panorama"  # neighbouring views, to be joined
    RE_ENCODED = "re-encoded"  # the same picture, compressed again
    RESIZED = "resized"  # the same picture at another size
    ROTATED = "rotated"  # by a multiple of 90 degrees
    MIRRORED = "mirrored"  # with or without a rotation
    CROPPED = "cropped"  # one shows a part of the other
    EDITED = "edited"  # tone, filter, border, text, a turn by a few degrees
    BURST = "burst"  # the same camera within seconds, the same subject
    SIMILAR = "similar"  # the same scene or subject, by the embedding


#: One picture in two forms: a group of them can be joined through others of the group.
STRICT = frozenset(
    {
        Relation.IDENTICAL,
        Relation.SAME_PIXELS,
        Relation.RE_ENCODED,
        Relation.RESIZED,
        Relation.ROTATED,
        Relation.MIRRORED,
        Relation.CROPPED,
        Relation.EDITED,
    }
)

#: Photos that are only whole together: never offered for deletion, never split.
KEPT_TOGETHER = frozenset({Relation.RAW_JPEG, Relation.BRACKET, Relation.PANORAMA})


@dataclass(frozen=True, slots=True)
class Edge:
    """A relation between two photos.

    Attributes
    ----------
    a, b : str
        Photo ids, `a` before `b` in order; the same twice if one photo has several files.
    relation : Relation
    evidence : mapping
        What it was concluded from, JSON-ready: distances, cosines, seconds, a matched area.
    """

    a: str
    b: str
    relation: Relation
    evidence: Mapping[str, float | int | str | bool] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Group:
    """Photos that belong together.

    Attributes
    ----------
    id : str
        The first 12 hex digits of the sha256 of its photo ids, sorted and joined by commas: the
        same photos make the same group, in every library.
    relation : Relation
        The loosest among its edges: what can be said about all of them.
    photos : tuple of str
        Photo ids, in the order in which the library got them.
    edges : tuple of Edge
    """

    id: str
    relation: Relation
    photos: tuple[str, ...]
    edges: tuple[Edge, ...]
