"""The photo of a group to keep, and why: considerations, weighed by a policy, told in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.duplicates.keeper.criteria import consider
from safelight.duplicates.keeper.explain import (
    about_scores,
    called,
    which,
    why_it_stays,
    why_kept,
    why_not,
)
from safelight.duplicates.keeper.filenames import in_order
from safelight.duplicates.model import KEPT_TOGETHER, STRICT, Relation
from safelight.duplicates.relations import relations_to

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.duplicates.keeper.policy import Policy
    from safelight.duplicates.keeper.traces import Origin
    from safelight.duplicates.model import Group
    from safelight.duplicates.relations import Together
    from safelight.library.copies import PhotoFacts


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
        What :func:`safelight.duplicates.keeper.traces.origins` found of the group.
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
    values = consider(photos, scores, origins, group)
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
