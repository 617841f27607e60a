"""Deduplicator: find, explain, decide and plan the duplicates of a library, for programs."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

from safelight.arguments import as_kind, as_list
from safelight.duplicates.candidates.redundant_pairs import MANY_COPIES
from safelight.duplicates.clustering.backfill import hash_lacking
from safelight.duplicates.clustering.group_relations import own_relations, together
from safelight.duplicates.clustering.incremental import compare_pairs
from safelight.duplicates.find import compare_one, find_groups
from safelight.duplicates.keeper import Suggestion, judge
from safelight.duplicates.keeper.derivation import lineage_of
from safelight.duplicates.keeper.filenames import preferences
from safelight.duplicates.keeper.policy import DEFAULT, parse_policy
from safelight.duplicates.keeper.scores import focus_maps, known_scores, measure_lacking
from safelight.duplicates.keeper.select import is_id
from safelight.duplicates.model import KEPT_TOGETHER, STRICT, Group, Relation
from safelight.duplicates.plans.build import plan_changes
from safelight.duplicates.plans.companions import Companions
from safelight.duplicates.plans.model import ACTIONS, DEFAULT_RELATIONS
from safelight.duplicates.thresholds import Thresholds
from safelight.errors import UsageError
from safelight.files import sha256
from safelight.imaging import DEFAULT_MAX_PIXELS, read_photo
from safelight.library.attributes.decisions import Decision, decide, decided_pairs
from safelight.library.database import as_database
from safelight.library.photo_facts import photo_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from os import PathLike

    from safelight.duplicates.clustering.group_relations import Together
    from safelight.duplicates.model import Edge
    from safelight.duplicates.plans.model import Plan
    from safelight.embedding.base import Embedder
    from safelight.library.database import Database
    from safelight.library.photo_facts import PhotoFacts


#: What makes groups unless relations are named: photos that only look alike are not duplicates.
DUPLICATES = frozenset(Relation) - {Relation.SIMILAR}

#: How often photos are compared with the one to keep, and groups are judged again.
_KEEPER_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Related:
    """A file of the library that is related to a photo.

    Attributes
    ----------
    photo_id, path : str
    edge : Edge
        Between the two photos.
    """

    photo_id: str
    path: str
    edge: Edge


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Deduplicator:
    """Finds the duplicates of a library, chooses which to keep, and plans what to do.

    Nothing here changes a photo's file; :mod:`safelight.duplicates.plans.apply` does.

    Attributes
    ----------
    library : Library or Database
    policy : str
        ``original``, ``sharpest`` or ``smallest``, and weights that differ, as in
        ``original,metadata=8``.
    look : bool
        Open photos to see from their pixels which was made from which: an upscale, or a copy that
        was saved again. Without, that is told from sizes, formats and data alone.
    pixel_limit : int
        A photo with more is not opened.
    threads : int or None
        One a processor core if None.
    limits : str
        What counts as related, where that differs from the usual: see
        :meth:`safelight.duplicates.thresholds.Thresholds.parse`.
    prefer : tuple of str
        Folders whose files are kept where the picture itself does not decide; the first most.
    protect : tuple of str
        Folders of which no file is ever planned to go.
    instead : tuple of str
        Photo ids and paths that the user chose to keep, in whatever groups they are.

    Examples
    --------
    >>> from safelight import Deduplicator, Library
    >>> with Library("photos.db") as library:                        # doctest: +SKIP
    ...     for found in Deduplicator(library).groups():
    ...         if found.keeper is not None:
    ...             print(found.group.relation, found.keeper.path, found.keeper.reasons)
    """

    library: Database
    policy: str = DEFAULT
    look: bool = True
    pixel_limit: int = DEFAULT_MAX_PIXELS
    threads: int | None = None
    limits: str = ""
    prefer: tuple[str, ...] = ()
    protect: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
    progress: Callable[[str, int, int], None] = field(default=_nothing, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "library", as_database(self.library))
        for name in ("prefer", "protect", "instead"):
            given: list[Any] = as_list(getattr(self, name), name, str, os.PathLike)
            object.__setattr__(self, name, tuple(os.fspath(each) for each in given))

    def groups(
        self,
        relations: Collection[Relation | str] | str | None = None,
        *,
        namespace: str | None = None,
    ) -> list[Suggestion]:
        """Return the groups, each with the file to keep and why.

        Parameters
        ----------
        relations : collection of Relation, optional
            Only those that these make; all but ``similar`` if not given: photos that look alike
            are not duplicates, and nothing of them is chosen.
        namespace : str, optional
            Only files in it.

        Raises
        ------
        UsageError
            There is no such relation.
        SettingsError
            The policy is not usable.
        """
        wanted = DUPLICATES if relations is None else named_relations(relations)
        suggestions = self._compared_with_keepers(wanted, namespace)[0]
        self._require_chosen(suggestions)
        return suggestions

    def group(self, beginning: str, *, namespace: str | None = None) -> Suggestion:
        """Return one group, by the beginning of its id.

        Raises
        ------
        UsageError
            There is none, or more than one.
        """
        groups = [
            group
            for group in self._find(None, namespace)
            if group.id.startswith(as_kind(beginning, "beginning", "a text", str).lower())
            and beginning
        ]
        if len(groups) != 1:
            raise UsageError(
                f"There is {'no group' if not groups else 'more than one group'} {beginning!r}. "
                "`safelight duplicates` lists them.",
                code="no-group",
            )
        suggestions = self._judged(groups, namespace)[0]
        self._require_chosen(suggestions)
        return suggestions[0]

    def against(
        self,
        source: str | PathLike[str] | bytes,
        *,
        embedder: Embedder | None = None,
        namespace: str | None = None,
    ) -> list[Related]:
        """Return the relatives of a photo, in the library or not, the closest first.

        Parameters
        ----------
        source : path-like or bytes
            The photo's file, or all of its bytes.
        embedder : Embedder, optional
            Of a space of the library; without it, what only vectors tell is not found.
        namespace : str, optional
            Only files in it.

        Raises
        ------
        OSError
            The file cannot be read.
        DecodeError
            It cannot be decoded.
        """
        data = source if isinstance(source, bytes) else read_photo(source)
        own = sha256(data)
        itself = None if isinstance(source, bytes) else os.path.abspath(source)
        edges = compare_one(
            self.library,
            data,
            embedder=embedder,
            thresholds=Thresholds.parse(self.limits),
            pixel_limit=self.pixel_limit,
        )
        others = [edge.b if edge.a == own else edge.a for edge in edges]
        facts = photo_facts(self.library, others, namespace)
        return [
            Related(other, copy.path, edge)
            for other, edge in zip(others, edges, strict=True)
            if other in facts
            for copy in facts[other].copies
            if copy.path != itself
        ]

    def decide(
        self,
        beginning: str,
        decision: Literal["not-duplicates", "keep-both", "resolved"],
        photos: str | Sequence[str] = (),
    ) -> list[Decision]:
        """Keep a decision on a group, so that it is not suggested again.

        Parameters
        ----------
        beginning : str
            Of the group's id.
        decision : str
        photos : sequence of str, optional
            Beginnings of photo ids: only these are decided on, against all others of the group.

        Raises
        ------
        UsageError
            There is no such group, photo or decision.
        """
        group = self.group(beginning).group
        return decide(self.library, _pairs(group, photos), decision)

    def plan(
        self,
        relations: Collection[Relation | str] | str = DEFAULT_RELATIONS,
        *,
        namespace: str | None = None,
        action: str = "quarantine",
        quarantine: str | None = None,
    ) -> Plan:
        """Return a plan of file operations for duplicates; no file is touched.

        Parameters
        ----------
        relations : collection of Relation
            The plan goes by these.
        namespace : str, optional
            Only files in it.
        action : str
            ``quarantine``, ``hardlink`` or ``trash``.
        quarantine : str, optional
            The folder to move files into; one in the folder that was ingested if not given.

        Raises
        ------
        UsageError
            A relation or action is not one that can be planned by.
        """
        wanted = named_relations(relations)
        if wanted & KEPT_TOGETHER:
            names = ", ".join(sorted(wanted & KEPT_TOGETHER))
            raise UsageError(f"What belongs together is never taken apart: not by {names}.")
        if action not in ACTIONS:
            raise UsageError(f"Unknown action {action!r}. Choose from: {', '.join(ACTIONS)}.")
        suggestions, facts, whole = self._compared_with_keepers(
            wanted, namespace, choose_alike=Relation.SIMILAR in wanted
        )
        self._require_chosen(suggestions)
        return plan_changes(
            self.library,
            suggestions,
            facts,
            action=action,
            policy=parse_policy(self.policy).name,
            relations=wanted,
            namespace=namespace,
            together=whole,
            decided=decided_pairs(self.library),
            quarantine=quarantine,
            protect=preferences(protect=self.protect),
        )

    def judged(self, groups: Sequence[Group], *, namespace: str | None = None) -> list[Suggestion]:
        """Return the suggestions for groups that were found before, by the preferences of now.

        Parameters
        ----------
        groups : sequence of Group
        namespace : str, optional
            Only files in it.
        """
        suggestions = self._judged(as_list(groups, "groups", Group), namespace)[0]
        self._require_chosen(suggestions)
        return suggestions

    def _find(self, relations: Collection[Relation] | None, namespace: str | None) -> list[Group]:
        hash_lacking(
            self.library,
            namespace=namespace,
            threads=self.threads,
            pixel_limit=self.pixel_limit,
            progress=lambda now: self.progress("Hashing", now.done, now.total),
        )
        return find_groups(
            self.library,
            thresholds=Thresholds.parse(self.limits),
            namespace=namespace,
            relations=relations,
            threads=self.threads,
            pixel_limit=self.pixel_limit,
            progress=lambda now: self.progress("Comparing", now.done, now.total),
        )

    def _together(self) -> list[Group]:
        # In all namespaces, and whatever was decided: they are only whole together all the same.
        return find_groups(
            self.library,
            thresholds=Thresholds.parse(self.limits),
            relations=KEPT_TOGETHER,
            decided=False,
            threads=self.threads,
            pixel_limit=self.pixel_limit,
            progress=lambda now: self.progress("Comparing", now.done, now.total),
        )

    def _judged(
        self, groups: Sequence[Group], namespace: str | None, *, choose_alike: bool = False
    ) -> tuple[list[Suggestion], dict[str, PhotoFacts], Together]:
        policy = parse_policy(self.policy)
        whole = together(self._together())
        ids = list(dict.fromkeys(photo for group in groups for photo in group.photos))
        facts = photo_facts(self.library, ids, namespace)
        partners = photo_facts(
            self.library,
            sorted({other for photo in ids if photo in whole for other in whole[photo][1]}),
        )
        scores = known_scores(self.library, ids)
        shots = [
            facts[photo]
            for group in groups
            if group.relation is Relation.BURST
            or (group.relation in STRICT and policy.copies.focus > policy.copies.resolution)
            for photo in group.photos
            if photo in facts
        ]
        scores = measure_lacking(
            self.library,
            list({photo.id: photo for photo in shots}.values()),
            scores,
            pixel_limit=self.pixel_limit,
            threads=self.threads,
            progress=lambda done, total: self.progress("Measuring", done, total),
        )
        everything = {**partners, **facts}
        lineage = lineage_of(
            self.library,
            groups,
            facts,
            look=self.look,
            pixel_limit=self.pixel_limit,
            threads=self.threads,
            progress=lambda done, total: self.progress("Looking", done, total),
        )
        alike = [
            photo
            for group in groups
            if group.relation in (Relation.BURST, Relation.SIMILAR)
            for photo in group.photos
        ]
        maps = focus_maps(self.library, alike)
        beside = Companions()
        wishes = preferences(self.prefer, self.protect)
        judged = [
            Suggestion(
                group,
                judge(
                    group,
                    everything,
                    policy,
                    scores=scores,
                    maps=maps,
                    lineage=lineage,
                    together=whole,
                    wishes=wishes,
                    companion=beside.companion,
                    instead=self.instead,
                    choose_alike=choose_alike,
                ),
            )
            for group in groups
        ]
        suggestions = [each for each in judged if each.photos]
        return suggestions, facts, whole

    def _require_chosen(self, suggestions: Sequence[Suggestion]) -> None:
        """Raise if a photo that was chosen to be kept is in none of the groups."""
        for wanted in self.instead:
            if not any(
                photo.path == wanted or (is_id(wanted) and photo.photo_id.startswith(wanted))
                for each in suggestions
                for photo in each.photos
            ):
                raise UsageError(
                    f"No group has a photo {wanted!r} to keep. `safelight duplicates` lists them.",
                    code="keeper",
                )

    def _compared_with_keepers(
        self,
        relations: Collection[Relation] | None,
        namespace: str | None,
        *,
        choose_alike: bool = False,
    ) -> tuple[list[Suggestion], dict[str, PhotoFacts], Together]:
        """Judge groups; photos of many copies are first compared with the one to keep.

        What the comparison finds can make another photo the one to keep, so it is repeated, but not
        forever: a photo without an edge to the keeper stays where it is.
        """
        groups = self._find(relations, namespace)
        for _ in range(_KEEPER_ROUNDS):
            suggestions, facts, whole = self._judged(groups, namespace, choose_alike=choose_alike)
            found = compare_pairs(
                self.library,
                (pair for each in suggestions for pair in _unseen_pairs(each)),
                thresholds=Thresholds.parse(self.limits),
                threads=self.threads,
                pixel_limit=self.pixel_limit,
            )
            if not found:
                break
            groups = self._find(relations, namespace)
        else:
            suggestions, facts, whole = self._judged(groups, namespace, choose_alike=choose_alike)
        return suggestions, facts, whole


def named_relations(names: Collection[Relation | str]) -> frozenset[Relation]:
    """Return relations by their names.

    Raises
    ------
    UsageError
        There is no such relation.
    """
    known = {relation.value: relation for relation in Relation}
    names = as_list(names, "relations", str)
    for name in names:
        if name not in known:
            raise UsageError(f"Unknown relation {name!r}. Choose from: {', '.join(known)}.")
    return frozenset(known[name] for name in names)


def _unseen_pairs(suggestion: Suggestion) -> list[tuple[str, str]]:
    """Return the keeper with each photo of a large group that it was not compared with."""
    group = suggestion.group
    if suggestion.keeper is None:
        return []
    keeper = suggestion.keeper.photo_id
    if group.relation not in STRICT or len(group.photos) <= MANY_COPIES:
        return []
    known = own_relations(keeper, group.edges)
    return [(keeper, photo) for photo in group.photos if photo not in known]


def _pairs(group: Group, beginnings: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of a group that a decision is about."""
    chosen: list[str] = []
    for beginning in as_list(beginnings, "photos", str):
        photos = [photo for photo in group.photos if photo.startswith(beginning.lower())]
        if len(photos) != 1:
            raise UsageError(
                f"Group {group.id} has {'no photo' if not photos else 'more than one photo'} "
                f"{beginning!r}; `safelight duplicates show {group.id}` lists them.",
                code="no-photo",
            )
        chosen += photos
    own = [(edge.a, edge.b) for edge in group.edges if edge.a == edge.b]
    others = [photo for photo in group.photos if photo not in chosen]
    if chosen and others:
        of_chosen = [pair for pair in own if pair[0] in chosen]
        return of_chosen + [(photo, other) for photo in chosen for other in others]
    return own + list(combinations(group.photos, 2))
