"""Explanation of a query: how it was read, part by part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from safelight.library.browse import Filter, matching
from safelight.library.expression import conjuncts, matches
from safelight.search.filters import FILTERS
from safelight.search.printing import printed, printed_term

if TYPE_CHECKING:
    from safelight.api.opened import Opened
    from safelight.library.expression import Expression
    from safelight.search.query import Query, Term

__all__ = ["Part", "chips", "explain"]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a query.

    Attributes
    ----------
    text : str
        As the query grammar writes it.
    kind : str
        ``wanted`` or ``avoided`` words and images, or ``filter``.
    meaning : str
        In words.
    photos : int or None
        Number of photos that meet a filter by itself.
    """

    text: str
    kind: str
    meaning: str
    photos: int | None = None

    def to_dict(self) -> dict[str, object]:
        """Return it JSON-ready."""
        return {
            "text": self.text,
            "kind": self.kind,
            "meaning": self.meaning,
            "photos": self.photos,
        }


def chips(query: Query) -> tuple[Part, ...]:
    """Return the parts of a query: its terms, then its filters.

    Examples
    --------
    >>> from safelight.search.query import parse_query
    >>> [part.text for part in chips(parse_query("dog - cat camera:canon taken:summer-2023"))]
    ['dog', '- cat', 'camera:canon', 'taken:2023-06-01..2023-08-31']
    """
    return (
        *(_term(term) for term in query.terms),
        *(Part(printed(part), "filter", _meaning(part)) for part in conjuncts(query.where)),
    )


def explain(library: Opened, query: str | Query) -> tuple[Part, ...]:
    """Return the parts of a query, with how many photos each of its filters lets pass.

    Raises
    ------
    QueryError
        The query cannot be parsed.
    LibraryError
        It names a namespace, a label or a metric that there is not.
    """
    from safelight.api.search import as_query
    from safelight.search.engine import require_named

    asked = as_query(query)
    parts = list(chips(asked))
    for number, part in enumerate(conjuncts(asked.where), len(asked.terms)):
        where = Filter(photos_only=True).with_facts(part)
        require_named(library.database, where)
        parts[number] = replace(parts[number], photos=len(matching(library.database, where)))
    return tuple(parts)


def _term(term: Term) -> Part:
    text = printed_term(term.kind, term.value, abs(term.weight))
    what = {"text": "words", "image": "an image", "photo": "a photo of the library"}[term.kind]
    if term.weight < 0:
        return Part(f"- {text}", "avoided", f"away from {what}")
    return Part(text, "wanted", f"near to {what}")


def _meaning(part: Expression) -> str:
    names = dict.fromkeys(match.name for match in matches(part))
    return "photos " + ", or ".join(FILTERS[name].meaning for name in names)
