"""Options of a search, the same for every interface."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Integral

from safelight.arguments import as_kind, as_number
from safelight.errors import QueryError
from safelight.library.browse import Filter

#: From this probability on a hit is a match: there, sets were most like the right ones by F1
#: (bench/matches.py).
MATCHES = 0.35


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """Options of a search besides its query.

    Attributes
    ----------
    top : int
        Maximum number of hits.
    where : Filter
        Only photos to which it applies. Labels of the query are added to it.
    min_score : float or None
        Only hits with at least this score.
    order : str or None
        ``taken``, ``added`` or ``score:METRIC``, with a minus the other way; by score if None.
    expand : bool
        Each photo of a stack is a hit of its own.
    names : bool
        What a query names, a file or folder, comes first.
    relevance : bool
        Tell matches from what is merely nearest; that needs the vectors of unrelated words.
    strict : bool
        A namespace that there is not is an error, and not without photos.
    """

    top: int = 10
    where: Filter = field(default_factory=Filter)
    min_score: float | None = None
    order: str | None = None
    expand: bool = False
    names: bool = True
    relevance: bool = True
    strict: bool = True

    def __post_init__(self) -> None:
        as_kind(self.top, "top", "an integer", Integral)
        if self.top < 1:
            raise QueryError(f"The number of hits must be at least 1, not {self.top}.")
        if self.min_score is not None:
            as_number(self.min_score, "min_score")
        for name, score in self.where.least.items():
            as_number(score, name)


@dataclass(frozen=True, slots=True)
class Found:
    """A photo or text that a search found.

    Attributes
    ----------
    key : int
        Its item's row key.
    item_id : str
    score : float
    stack : int
        Photos in its stack, itself included.
    matched : str or None
        ``file name``, ``folder name``, ``keyword``, ``title`` or ``caption`` if found by it.
    path : str or None
        Of the file that is called so.
    probability : float or None
        That it is what was asked for, 0 to 1; None where that cannot be told.
    """

    key: int
    item_id: str
    score: float
    stack: int = 1
    matched: str | None = None
    path: str | None = None
    probability: float | None = None

    @property
    def match(self) -> bool:
        """Tell whether it is taken for what was asked for; yes where that cannot be told."""
        return self.probability is None or self.probability >= MATCHES


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits of a search, with notes for the person who asked.

    Attributes
    ----------
    found : tuple of Found
        Best first, unless another order was asked for.
    weak : bool
        None of them is a match.
    more : bool
        There are more matches than were wanted.
    notes : tuple of str
        Sentences for people.
    """

    found: tuple[Found, ...]
    weak: bool = False
    more: bool = False
    notes: tuple[str, ...] = ()
