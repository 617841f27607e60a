"""Decisions on pairs, grouped as they were made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.duplicates.clustering.grouping import group_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from safelight.library.attributes.decisions import Decision


@dataclass(frozen=True, slots=True)
class DecidedGroup:
    """Photos that were decided on at once.

    Attributes
    ----------
    id : str
        That of the group of these photos.
    decision, decided_at : str
    photos : tuple of str
        Photo ids, sorted.
    pairs : tuple of (str, str)
    """

    id: str
    decision: str
    decided_at: str
    photos: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]


def decided_groups(decisions: Iterable[Decision]) -> list[DecidedGroup]:
    """Return decisions as they were made, in their order.

    Of a group of which some pairs were decided on once more later, there are two.
    """
    at_once: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for each in decisions:
        at_once.setdefault((each.decided_at, each.decision), []).append((each.a, each.b))
    found = []
    for (decided_at, decision), pairs in at_once.items():
        photos = tuple(sorted({photo for pair in pairs for photo in pair}))
        found.append(DecidedGroup(group_id(photos), decision, decided_at, photos, tuple(pairs)))
    return found
