"""Contents of a contact sheet, before they become a page or a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safelight.sheet.card import THUMB
from safelight.sheet.file_names import display_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.sheet.card import Card

#: How each sheet says what it is, and what another sheet may therefore replace.
GENERATOR = "safelight sheet"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Contents of a contact sheet.

    Attributes
    ----------
    title : str
    cards : sequence of Card
        In the order in which they are shown at first.
    metrics : sequence of str
        Those whose scores are shown, in order.
    by : str
        What the cards are sorted by; see :func:`safelight.sheet.order.arrange`.
    worst_first : bool
    columns : int or None
        None: as many as fit.
    thumb : int
        The longer side of a thumbnail, in pixels.
    folder : str or None
        Where names are seen from; None: the last folder that all photos lie in.
    """

    title: str
    cards: Sequence[Card] = field(hash=False)
    metrics: Sequence[str] = field(hash=False)
    by: str = "combined"
    worst_first: bool = False
    columns: int | None = None
    thumb: int = THUMB
    folder: str | None = None

    @property
    def names(self) -> list[str]:
        """Name of each photo on the sheet."""
        return display_names([card.path for card in self.cards], self.folder)

    @property
    def scored(self) -> tuple[str, ...]:
        """The metrics that measured at least one photo: a column of dashes tells nothing."""
        return tuple(
            name
            for name in self.metrics
            if any(card.score(name) is not None for card in self.cards)
        )

    @property
    def count(self) -> str:
        """Number of photos shown, and of photos that could not be read."""
        failed = sum(card.reason is not None for card in self.cards)
        shown = len(self.cards) - failed
        photos = f"{shown:,} {'photo' if shown == 1 else 'photos'}"
        return f"{photos}, {failed:,} that could not be read" if failed else photos

    @property
    def order(self) -> str:
        """Sort order, in words."""
        if self.by == "name":
            return "by name"
        if self.by == "query":
            return f"{'farthest from' if self.worst_first else 'nearest to'} the query first"
        return f"by {self.by}, {'worst' if self.worst_first else 'best'} first"
