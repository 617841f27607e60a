"""Select the keeper of a group: criteria, weighed by a policy, explained in words."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from safelight.duplicates.clustering.group_relations import relations_to
from safelight.duplicates.keeper.criteria import score_criteria
from safelight.duplicates.keeper.derivation import Lineage, lineage_by_facts
from safelight.duplicates.keeper.explain import (
    about_scores,
    called,
    why_chosen,
    why_it_stays,
    why_kept,
    why_not,
)
from safelight.duplicates.keeper.filenames import (
    Preferences,
    in_order,
    is_binned,
    is_plain_copy,
    why_first,
)
from safelight.duplicates.keeper.focus_maps import choose_by_focus
from safelight.duplicates.model import KEPT_TOGETHER, STRICT, Relation
from safelight.duplicates.verification.completeness import fuller_first, why_it_is_fuller
from safelight.types import FURTHER_PICTURES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from safelight.duplicates.clustering.group_relations import Together
    from safelight.duplicates.keeper.focus_maps import FocusMap
    from safelight.duplicates.keeper.policy import Policy
    from safelight.duplicates.model import Group
    from safelight.library.photo_facts import PhotoFacts


_ID = re.compile(r"[0-9a-f]{6,64}")

# Bits a channel of most pictures.
_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Judged:
    """One file of a group.

    Attributes
    ----------
    photo_id, path : str
    keeper : bool
        It is kept; in a group of what belongs together all are, and in one of which nothing
        is chosen, none.
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
    def keeper(self) -> Judged | None:
        """The file to keep; of what belongs together the first. None if none was chosen."""
        return self.photos[0] if self.photos[0].keeper else None

    @property
    def others(self) -> tuple[Judged, ...]:
        """The files that need not be kept; none if no keeper was chosen."""
        if self.keeper is None:
            return ()
        return tuple(photo for photo in self.photos if not photo.keeper)

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
    maps: Mapping[str, FocusMap] | None = None,
    lineage: Lineage | None = None,
    together: Together | None = None,
    wishes: Preferences = Preferences(),  # noqa: B008 - frozen
    companion: Callable[[str], object] = lambda _: None,
    instead: Collection[str] = (),
    choose_alike: bool = False,
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
    maps : mapping, optional
        Where photos are in focus, by photo id.
    lineage : Lineage, optional
        What is known about which photo was made from which; what facts tell if not given.
    together : mapping, optional
        The photos that are only whole with others, and so stay in any case.
    wishes : Preferences, optional
        What the user says about folders.
    companion : callable, optional
        Given a path, what lies beside it and belongs to it, if anything does.
    instead : collection of str, optional
        Photo ids and paths that the user chose to keep, in whatever group they are.
    choose_alike : bool
        Choose also of similar photos, which are not duplicates.

    Returns
    -------
    tuple of Judged
        The one to keep first, then the others, best first; a photo's files one after another.
    """
    photos = [
        replace(facts[photo], copies=tuple(in_order(facts[photo].copies, wishes, companion)))
        for photo in group.photos
        if photo in facts
    ]
    if not photos:
        return ()
    if group.relation in KEPT_TOGETHER:
        return _all_kept(group, photos)
    photos, chosen = _chosen(photos, instead)
    if group.relation is Relation.SIMILAR and not choose_alike and chosen is None:
        return _none_chosen(photos, ("looks alike; not a duplicate, so none is chosen",))
    scores, maps, together = scores or {}, maps or {}, together or {}
    if lineage is None:
        lineage = lineage_by_facts(group, photos)
    lineage = _within(lineage, photos)
    weights = policy.copies if group.relation in STRICT else policy.shots
    values = score_criteria(photos, scores, lineage, group, wishes)
    totals = {
        photo.id: sum(getattr(weights, name) * value for name, value in values[photo.id].items())
        for photo in photos
    }
    # What is equal in everything stays in the order in which the library got it.
    ranked = sorted(
        photos,
        key=lambda photo: (
            photo is not chosen,
            # A photo that somebody threw away is not kept while there is another, and a RAW file
            # does not go for one that is none.
            all(is_binned(copy.path) for copy in photo.copies),
            photo.format != "RAW",
            not _is_fuller(photo, lineage),
            -totals[photo.id],
        ),
    )
    if chosen is None:
        ranked = fuller_first(ranked, group.edges)
    best, focus = ranked[0], ""
    if chosen is None and group.relation not in STRICT and weights.by_focus:
        best, focus, is_clear = choose_by_focus(ranked, maps, lineage.pictures)
        if not is_clear:
            return _none_chosen(ranked, (focus,))
        ranked = [best, *(photo for photo in ranked if photo is not best)]
    related = relations_to(best.id, group.edges)
    judged: list[Judged] = []
    for photo in ranked:
        stays = why_it_stays(photo, together, facts)
        stays += why_it_is_fuller(photo, best, called(best), group.edges)
        if photo is best:
            own = why_kept(best, ranked, values, weights, lineage, focus)
            own += about_scores(group, ranked, scores, weights)
            if chosen is not None:
                own = why_chosen(best, ranked, lineage, values, weights)
        else:
            relation = related.get(photo.id, group.relation)
            own = why_not(photo, best, relation, values, weights, lineage, scores)
        first_copy, *other_copies = photo.copies
        ahead = why_first(photo.copies, wishes, companion)
        kept = own
        if photo is best and other_copies:
            told = " and ".join(dict.fromkeys(ahead)) if chosen is None else "chosen by you"
            kept = (*own, f"of {len(photo.copies)} files with these bytes, the one that {told}")
            if chosen is not None:
                kept = own
        judged.append(Judged(photo.id, first_copy.path, photo is best, (*kept, *stays)))
        for copy, reason in zip(other_copies, ahead, strict=True):
            same = f"the same bytes as {called(photo)}"
            if chosen is not best or photo is not best:
                same += f", which {reason}"
            reasons = (same,) if photo is best else (*own, same)
            spare = photo is best and _is_spare(photo, copy.path, together, companion)
            told_to_stay = () if spare else stays
            judged.append(Judged(photo.id, copy.path, False, (*reasons, *told_to_stay)))
    return tuple(judged)


def is_id(text: str) -> bool:
    """Tell whether a text can be a photo's id, or the beginning of one."""
    return _ID.fullmatch(text.lower()) is not None


def _chosen(
    photos: Sequence[PhotoFacts], instead: Collection[str]
) -> tuple[list[PhotoFacts], PhotoFacts | None]:
    """Return photos with the file first that the user chose, and the photo that it is of."""
    for number, photo in enumerate(photos):
        copies = [copy for copy in photo.copies if copy.path in instead]
        if copies or any(photo.id.startswith(each) for each in instead if is_id(each)):
            first = copies[0] if copies else photo.copies[0]
            others = [copy for copy in photo.copies if copy is not first]
            chosen = replace(photo, copies=(first, *others))
            return [*photos[:number], chosen, *photos[number + 1 :]], chosen
    return list(photos), None


def _is_spare(
    photo: PhotoFacts, path: str, together: Together, companion: Callable[[str], object]
) -> bool:
    whole = together.get(photo.id, (None,))[0]
    return whole is Relation.RAW_JPEG and is_plain_copy(photo.copies[0].path, path, companion)


def _is_fuller(photo: PhotoFacts, lineage: Lineage) -> bool:
    """Tell whether a file has more than a picture of 8 bits: frames, pages, views, depth."""
    structure = photo.structure
    if structure is None or photo.id in lineage.derivations:
        return False
    return structure.depth > _DEPTH or any(
        part.kind in FURTHER_PICTURES for part in structure.parts
    )


def _within(lineage: Lineage, photos: Sequence[PhotoFacts]) -> Lineage:
    """Return the part of a lineage about photos and their descendants."""
    ids = {photo.id for photo in photos}
    return Lineage(
        {
            child: made
            for child, made in lineage.derivations.items()
            if child in ids and (made.parent is None or made.parent in ids)
        },
        lineage.pictures,
    )


def _none_chosen(photos: Sequence[PhotoFacts], reasons: tuple[str, ...]) -> tuple[Judged, ...]:
    return tuple(
        Judged(photo.id, copy.path, False, reasons) for photo in photos for copy in photo.copies
    )


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
