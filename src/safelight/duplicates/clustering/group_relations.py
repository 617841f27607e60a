"""Relations of single photos, derived from the edges of their group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.duplicates.components import Components
from safelight.duplicates.model import KEPT_TOGETHER, Relation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from safelight.duplicates.model import Edge, Group

    #: By photo id: the relation to those that it is only whole with, and their ids.
    Together = Mapping[str, tuple[Relation, frozenset[str]]]

_LOOSENESS = {relation: rank for rank, relation in enumerate(Relation)}


def parts(edges: Iterable[Edge], relations: Collection[Relation]) -> list[set[str]]:
    """Return the photos that edges of these relations connect."""
    return Components((edge.a, edge.b) for edge in edges if edge.relation in relations).sets()


def relations_to(photo: str, edges: Sequence[Edge]) -> dict[str, Relation]:
    """Return how each photo is related to one: by the edge, or by the tightest way over others.

    A way is as loose as its loosest edge; a photo that has several files is related to itself.

    Examples
    --------
    >>> from safelight.duplicates.model import Edge
    >>> edges = [Edge("a", "b", Relation.RESIZED), Edge("b", "c", Relation.IDENTICAL)]
    >>> relations_to("a", edges)["c"].value
    'resized'
    """
    found: dict[str, Relation] = {}
    reached = {photo}
    for relation in sorted({edge.relation for edge in edges}, key=_LOOSENESS.__getitem__):
        among = [each for each in Relation if _LOOSENESS[each] <= _LOOSENESS[relation]]
        for ids in parts(edges, among):
            if photo in ids:
                found |= dict.fromkeys(ids - reached, relation)
                reached |= ids
    # The edge itself tells more than a way around it.
    return found | own_relations(photo, edges)


def own_relations(photo: str, edges: Iterable[Edge]) -> dict[str, Relation]:
    """Return how each photo is related to one by an edge between them; itself is identical."""
    found = {photo: Relation.IDENTICAL}
    for edge in edges:
        if photo in (edge.a, edge.b) and edge.a != edge.b:
            found[edge.b if edge.a == photo else edge.a] = edge.relation
    return found


def together(groups: Iterable[Group]) -> dict[str, tuple[Relation, frozenset[str]]]:
    """Return the photos of groups that are only whole with others."""
    found: dict[str, tuple[Relation, frozenset[str]]] = {}
    for group in groups:
        if group.relation in KEPT_TOGETHER:
            for photo in group.photos:
                _, others = found.get(photo, (group.relation, frozenset[str]()))
                found[photo] = (group.relation, others | (set(group.photos) - {photo}))
    return found
