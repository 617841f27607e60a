"""The query grammar, one for every interface.

    query  = [sign] term { sign term }        signs stand between spaces: + or -
    term   = [kind ":"] body [":" weight]     kind: text, image, photo
    body   = words | "anything quoted"
    weight = a number from 0.001 to 1000, 1 if not given
    filter = ["-"] "label:" (word | "anything quoted")      anywhere, between spaces

A body without a kind is an image if it looks like a path to one (``./a.jpg``, ``~/b``,
``c.png``), else a text. Quotes make a sign, a colon or a path part of a text:

    a dog in the snow
    beach + ./sunset.jpg:0.5 - people
    photo:3f2a... - "black - white"

A colon behind a digit belongs to the text, so that ``at 10:30`` and ``16:9`` are not weights. What
else looks like a number behind a colon is a weight, and an error if it is not a valid one.

A filter is not a term: it says which photos may be found, not what is near. A query may be filters
alone. A sign in front of one is its own, with a space between them or without:

    sunset label:beach -label:people
    label:"wide shot" label:mountain

Parsing is pure: whether a path may be read is for the interface to say.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, get_args

from safelight.arguments import as_kind
from safelight.errors import QueryError
from safelight.imaging.formats import is_photo

Kind = Literal["text", "image", "photo"]

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_FILTER = rf'(?:(?P<own>[+-])\s*)?label:(?P<label>{_QUOTED}(?!\S)|[^\s"]\S*|)'
_TOKEN = re.compile(
    rf"(?P<filter>(?:(?<=\s)|^){_FILTER})\s*"
    rf"|(?P<sign>(?:(?<=\s)|^)[+-](?=\s|$))|{_QUOTED}|.",
    re.DOTALL,
)
_WEIGHT = re.compile(r"(?:[0-9]{1,12}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})")
# Whatever may be meant as a number: other digits, exponents, commas, percents, signs.
_LIKE_WEIGHT = re.compile(
    r"(?<!\d):([+-]?(?:inf(?:inity)?|nan|[\d.,]*\d[\d.,_]*(?:e[+-]?\d+)?%?|\d+/\d+|[½¼¾⅓⅔]))$",
    re.IGNORECASE,
)
# An id ends in a digit mostly, and what stands behind it can be a weight only.
_PHOTO_WEIGHT = re.compile(r"photo:\s*[0-9a-fA-F]+(?=:):([^\s:]+)$")

#: The smallest and the largest weight of a term.
WEIGHTS = 0.001, 1000.0
_KIND = re.compile(r"(text|image|photo):\s*(?=\S)")
_PATH = re.compile(r"(\.{0,2}[/\\]|~[/\\]|[A-Za-z]:[/\\])")


@dataclass(frozen=True, slots=True)
class Term:
    """One signed part of a query.

    Attributes
    ----------
    kind : str
        ``text``; ``image``, a path; ``photo``, an id or the beginning of one.
    value : str
    weight : float
        Negative for a term to avoid, never 0.
    """

    kind: Kind
    value: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not WEIGHTS[0] <= abs(self.weight) <= WEIGHTS[1]:  # nan is refused as well
            raise _weight_error(f"{self.weight:g}", self.value)


@dataclass(frozen=True, slots=True)
class LabelFilter:
    """A label that photos must have, or must not have.

    Attributes
    ----------
    label : str
    wanted : bool
        False for one that they must not have.
    """

    label: str
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query.

    Attributes
    ----------
    terms : tuple of Term
        What photos should be near to; may be empty if there are filters.
    labels : tuple of LabelFilter
        Which photos may be found; all of them must hold.
    """

    terms: tuple[Term, ...] = ()
    labels: tuple[LabelFilter, ...] = ()

    def plus(self, body: str, sign: float = 1.0) -> Query:
        """Return the query with the term or filter that `body` spells, without a sign of its own.

        Raises
        ------
        QueryError
            `body` is empty, its weight is 0, or ``label:`` has no label.
        """
        kind, colon, label = body.strip().partition(":")
        if kind == "label" and colon:
            return Query(self.terms, (*self.labels, _filter(label, body, sign > 0)))
        return Query((*self.terms, parse_term(body, sign)), self.labels)


def names_image(text: str) -> bool:
    """Return whether a text without a kind, a weight and quotes is taken for the path of an image.

    Examples
    --------
    >>> [names_image(text) for text in ("./a", "photo - Copy.jpg", "a cat")]
    [True, True, False]
    """
    return _PATH.match(text) is not None or is_photo(text)


def parse_query(query: str) -> Query:
    """Return the terms and filters of `query`.

    Raises
    ------
    QueryError
        It is empty, a sign has no term, a weight is 0, or ``label:`` has no label.

    Examples
    --------
    >>> found = parse_query('beach + ./a.jpg - "t - shirts":0.5 -label:people')
    >>> for term in found.terms:
    ...     print(term.kind, term.value, term.weight)
    text beach 1.0
    image ./a.jpg 1.0
    text t - shirts -0.5
    >>> found.labels
    (LabelFilter(label='people', wanted=False),)
    """
    text = as_kind(query, "query", "a text", str).strip()
    if not text:
        raise QueryError("The query is empty. Name what to search for.", query=query)
    parts: list[tuple[float, str]] = [(1.0, "")]
    filters: list[LabelFilter] = []
    for token in _TOKEN.finditer(text):
        if token["filter"]:
            filters.append(_filter(token["label"], query, token["own"] != "-"))
        elif token["sign"]:
            parts.append((1.0 if token["sign"] == "+" else -1.0, ""))
        else:
            sign, body = parts[-1]
            parts[-1] = (sign, body + token[0])
    if not parts[0][1].strip():  # it begins with a sign, or is filters only
        del parts[0]
    return Query(tuple(parse_term(body, sign, query) for sign, body in parts), tuple(filters))


def _filter(label: str, query: str, wanted: bool) -> LabelFilter:
    if re.fullmatch(_QUOTED, label, re.DOTALL):
        label = _unquoted(label)
    if not label.strip():
        raise QueryError(
            f"label: is followed by no label in {query!r}. Write label:beach or "
            'label:"wide shot", without a space behind the colon or a weight behind the quotes.'
        )
    return LabelFilter(label.strip(), wanted)


def parse_term(body: str, sign: float = 1.0, query: str | None = None) -> Term:
    """Return the term that `body` spells, without a sign of its own.

    Raises
    ------
    QueryError
        It is empty, its weight is 0, or its kind is followed by nothing.
    """
    query = body if query is None else query
    text = body.strip()
    weight = 1.0
    found = _PHOTO_WEIGHT.match(text) or _LIKE_WEIGHT.search(text)
    # What follows a kind is what is looked for: an id may be digits only.
    if found and text[: found.start(1) - 1] not in get_args(Kind):
        weight = _weight(found[1], query)
        text = text[: found.start(1) - 1].rstrip()
    kind: Kind | None = None
    if text.endswith(":") and text.removesuffix(":") in get_args(Kind):
        raise QueryError(f"{text} is followed by nothing in {query!r}.")
    if found := _KIND.match(text):
        kind = found[1]  # type: ignore[assignment]
        text = text[found.end() :]
    is_quoted = re.fullmatch(_QUOTED, text, re.DOTALL) is not None
    if is_quoted:
        text = _unquoted(text)
    if not text.strip():
        raise QueryError(f"A sign or a weight without anything to look for in {query!r}.")
    if kind is None:
        kind = "image" if not is_quoted and names_image(text) else "text"
    return Term(kind, text, sign * weight)


def _weight(text: str, query: str) -> float:
    weight = float(text) if _WEIGHT.fullmatch(text) else math.nan
    if weight == 0:
        raise QueryError(f"A weight of 0 in {query!r} does nothing; leave the term out.")
    if not WEIGHTS[0] <= weight <= WEIGHTS[1]:
        raise _weight_error(text, query)
    return weight


def _weight_error(text: str, query: str) -> QueryError:
    shown = text if len(text) <= 20 else f"{text[:17]}..."
    return QueryError(
        f"The weight {shown!r} in {query[:80]!r} is not a number from 0.001 to 1000, such as 0.5. "
        "Put words that end like this in quotes."
    )


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
