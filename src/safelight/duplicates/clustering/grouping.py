"""Group photos by their edges.

There are three kinds of groups, because there are three kinds of relations.

*One picture in several forms* (the strict relations): a copy of a copy is a copy, so whatever is
connected is one group.

*Only whole together* (RAW+JPEG, brackets, panoramas): also what is connected, each relation for
itself. Two photos of such a set never come into one group of the first kind, unless one is known as
a form of the other: that some copy resembles two exposures does not make them one picture.

*Alike* (burst, similar): that does not carry over. Chained, small steps would lead from the beach
at noon to the bar at night. Such a group is made by complete linkage: every two of its photos are
related. A set that is only whole together is in it as a whole or not at all; and a RAW with its
JPEG counts as one exposure, for which it is enough that one of them is related.

What the user decided about two photos keeps them apart, whatever else connects them.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.duplicates.clustering.complete_linkage import complete_linkage
from safelight.duplicates.components import Components
from safelight.duplicates.model import KEPT_TOGETHER, STRICT, Edge, Group, Relation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    Pair = tuple[str, str]

_ORDER = {relation: number for number, relation in enumerate(Relation)}
_WHOLE = tuple(relation for relation in Relation if relation in KEPT_TOGETHER)
_ALIKE = (Relation.BURST, Relation.SIMILAR)


@dataclass(frozen=True, slots=True)
class _Found:
    """Photos of a group, and the relations that its edges may have."""

    photos: frozenset[str]
    relations: frozenset[Relation]


def group(
    photos: Sequence[str],
    edges: Iterable[Edge],
    *,
    relations: Collection[Relation] | None = None,
    decided: Collection[Pair] = (),
) -> list[Group]:
    """Return the groups that edges make: the strict ones, then those of each other relation.

    No photo is in two strict groups, nor in two groups of one other relation. Which photos make a
    group depends on ids, relations and evidence alone, not on the order of anything.

    Parameters
    ----------
    photos : sequence of str
        Ids of those that can be in groups, in the order in which the library got them.
    edges : iterable of Edge
        At most one of a pair. Those of other photos are passed over.
    relations : collection of Relation, optional
        Those that make groups; all if not given. Edges of others still keep photos apart, or show
        that photos of a group are alike.
    decided : collection of (str, str)
        Pairs of ids, the smaller first, that are not to be suggested again; (a, a) is about the
        files of a.

    Examples
    --------
    >>> edges = [Edge("a", "b", Relation.RESIZED), Edge("b", "c", Relation.RE_ENCODED)]
    >>> [(found.relation.value, found.photos) for found in group("cab", edges)]
    [('resized', ('c', 'a', 'b'))]
    """
    wanted = frozenset(Relation if relations is None else relations)
    decided = frozenset(decided)
    places = {photo: number for number, photo in enumerate(photos)}
    present = [edge for edge in edges if edge.a in places and edge.b in places]
    present.sort(key=closeness)
    sets = {
        relation: _connected(edge for edge in present if edge.relation is relation)
        for relation in _WHOLE
    }
    settled = {photo for a, b in decided if a != b for photo in (a, b)}
    open_edges = [edge for edge in present if (edge.a, edge.b) not in decided]
    found = [
        *_strict(open_edges, wanted, sets, decided),
        *(
            _Found(members, frozenset([relation]))
            for relation in _WHOLE
            if relation in wanted
            for members in sets[relation]
            if not _holds_any(members, decided, settled)
        ),
        *_alike(open_edges, wanted, sets, decided),
    ]
    return _groups(_each_once(found), open_edges, places)


def group_id(photos: Iterable[str]) -> str:
    """Return the id of the group that these photos make."""
    return hashlib.sha256(",".join(sorted(photos)).encode()).hexdigest()[:12]


def closeness(edge: Edge) -> tuple[int, float, float, str, str]:
    """Return the sort key of an edge: the closest relation, then the most alike, first."""
    cosine, seconds = edge.evidence.get("cosine", -1), edge.evidence.get("seconds", 0)
    return _ORDER[edge.relation], -float(cosine), float(seconds), edge.a, edge.b


def _ordered(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


def _connected(edges: Iterable[Edge]) -> list[frozenset[str]]:
    return _frozen(Components((edge.a, edge.b) for edge in edges))


def _frozen(components: Components[str]) -> list[frozenset[str]]:
    return [frozenset(members) for members in components.sets()]


def _holds_any(
    members: frozenset[str], decided: Collection[Pair], settled: Collection[str]
) -> bool:
    photos = sorted(photo for photo in members if photo in settled)
    return any((a, b) in decided for number, a in enumerate(photos) for b in photos[number + 1 :])


def _strict(
    edges: Sequence[Edge],
    wanted: frozenset[Relation],
    sets: Mapping[Relation, Sequence[frozenset[str]]],
    decided: frozenset[Pair],
) -> list[_Found]:
    """Connect by strict edges, the closest first, unless that joins what is to stay apart."""
    linked = {(edge.a, edge.b) for edge in edges if edge.relation in STRICT}
    apart: dict[str, set[str]] = defaultdict(set)
    for a, b in decided:
        if a != b:
            apart[a].add(b)
            apart[b].add(a)
    wholes: dict[str, list[frozenset[str]]] = defaultdict(list)
    for members in (members for each in sets.values() for members in each):
        for photo in members:
            wholes[photo].append(members)

    def may_join(photo: str, others: set[str]) -> bool:
        return apart.get(photo, set()).isdisjoint(others) and all(
            _ordered(photo, other) in linked
            for members in wholes.get(photo, ())
            for other in members & others
        )

    narrowed = wanted & STRICT
    joined = Components[str]()
    for edge in edges:
        if edge.relation not in narrowed:
            continue
        fewer, more = sorted((joined.of(edge.a), joined.of(edge.b)), key=len)
        fenced = (photo for photo in fewer if photo in apart or photo in wholes)
        if all(may_join(photo, more) for photo in fenced):
            joined.join(edge.a, edge.b)
    # One alone has several files: an edge to itself is the only one that makes a group of one.
    return [_Found(members, narrowed) for members in _frozen(joined)]


def _alike(
    edges: Sequence[Edge],
    wanted: frozenset[Relation],
    sets: Mapping[Relation, Sequence[frozenset[str]]],
    decided: frozenset[Pair],
) -> list[_Found]:
    # An exposure bears the name of one of its photos.
    exposures = {min(members): members for members in sets[Relation.RAW_JPEG]}
    name_of = {photo: name for name, members in exposures.items() for photo in members}
    # A photo can be of a bracket and of a panorama: what shares an exposure is one whole.
    joined = Components[str]()
    for relation in (Relation.BRACKET, Relation.PANORAMA):
        for members in sets[relation]:
            first, *others = sorted({name_of.get(photo, photo) for photo in members})
            for other in others:
                joined.join(first, other)
    apart = {_ordered(name_of.get(a, a), name_of.get(b, b)) for a, b in decided}
    found = []
    for relation in _ALIKE:
        if relation not in wanted:
            continue
        close = frozenset(each for each in Relation if _ORDER[each] <= _ORDER[relation])
        pairs: dict[Pair, Relation] = {}
        for edge in edges:
            pair = _ordered(name_of.get(edge.a, edge.a), name_of.get(edge.b, edge.b))
            if edge.relation in close and pair[0] != pair[1] and pair not in apart:
                pairs.setdefault(pair, edge.relation)
        clusters = complete_linkage(pairs, _frozen(joined))
        number_of = {name: number for number, names in enumerate(clusters) for name in names}
        # Without such an edge of its own, a closer relation tells all of it already.
        own = {
            number_of[edge_a]
            for edge_a, edge_b in (
                (name_of.get(edge.a, edge.a), name_of.get(edge.b, edge.b))
                for edge in edges
                if edge.relation is relation
            )
            if edge_a in number_of and number_of[edge_a] == number_of.get(edge_b)
        }
        found += [
            _Found(
                frozenset(photo for name in names for photo in exposures.get(name, (name,))), close
            )
            for number, names in enumerate(clusters)
            if number in own
        ]
    return found


def _each_once(found: Iterable[_Found]) -> list[_Found]:
    """Leave out what an earlier group tells: one of the same photos, or of alike photos and more.

    A group is known by its photos, so there cannot be two of the same.
    """
    kept: list[_Found] = []
    holding: dict[str, list[frozenset[str]]] = defaultdict(list)
    for each in found:
        alike = not each.relations.isdisjoint(_ALIKE)
        held = holding[min(each.photos)]
        if any(each.photos == other or (alike and each.photos < other) for other in held):
            continue
        kept.append(each)
        for photo in each.photos:
            holding[photo].append(each.photos)
    return kept


def _groups(
    found: Iterable[_Found], edges: Iterable[Edge], places: Mapping[str, int]
) -> list[Group]:
    found = list(found)
    groups_of: dict[str, list[int]] = defaultdict(list)
    for number, each in enumerate(found):
        for photo in each.photos:
            groups_of[photo].append(number)
    edges_of: dict[int, list[Edge]] = defaultdict(list)
    for edge in edges:
        for number in groups_of.get(edge.a, ()):
            each = found[number]
            if edge.b in each.photos and edge.relation in each.relations:
                edges_of[number].append(edge)
    groups = []
    for number, each in enumerate(found):
        photos = tuple(sorted(each.photos, key=places.__getitem__))
        own = tuple(sorted(edges_of[number], key=lambda edge: (edge.a, edge.b)))
        loosest = max((edge.relation for edge in own), key=_ORDER.__getitem__)
        groups.append(Group(group_id(photos), loosest, photos, own))
    kinds = dict.fromkeys(STRICT, 0) | {
        relation: number for number, relation in enumerate((*_WHOLE, *_ALIKE), 1)
    }
    return sorted(groups, key=lambda each: (kinds[each.relation], places[each.photos[0]]))
