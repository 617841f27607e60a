"""Order of the cards."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from safelight.errors import UsageError
from safelight.sheet.file_names import by_name, display_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from safelight.sheet.card import Card


def order_keys(metrics: Sequence[str], *, has_query: bool) -> tuple[str, ...]:
    """Return all that the cards can be sorted by."""
    return ("combined", *metrics, "name", *(("query",) if has_query else ()))


def arrange(cards: Iterable[Card], by: str = "combined", worst: int | None = None) -> list[Card]:
    """Return cards in order.

    Parameters
    ----------
    cards : iterable of Card
        Held only as far as they are returned.
    by : str
        ``combined`` or a metric, best first; ``query``, nearest first; ``name``.
    worst : int, optional
        Only so many, the worst, worst first.

    Returns
    -------
    list of Card
        Those without a score behind those with one, and last, and however many are asked for,
        those that could not be read.

    Raises
    ------
    UsageError
        The worst are asked for by name.
    """
    if by == "name" and worst is not None:
        raise UsageError("No name is worse than another: sort the worst by a metric.")
    unread: list[Card] = []

    def readable() -> Iterable[Card]:
        for card in cards:
            if card.reason is None:
                yield card
            else:
                unread.append(card)

    direction = -1 if worst is None else 1

    def key(card: Card) -> tuple[bool, float]:
        found = card.score(by)
        return found is None, direction * (found or 0.0)

    if by == "name":
        found = _by_name(list(readable()))
    elif worst is None:
        found = sorted(readable(), key=key)
    else:
        found = heapq.nsmallest(worst, readable(), key=key)
    return found + _by_name(unread)


def _by_name(cards: list[Card]) -> list[Card]:
    names = display_names([card.path for card in cards])
    ordered = sorted(
        zip(names, range(len(cards)), strict=True), key=lambda n: (by_name(n[0]), n[1])
    )
    return [cards[index] for _, index in ordered]
