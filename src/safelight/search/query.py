"""The query grammar, one for every interface.

    query  = [sign] term { sign term }        signs stand between spaces: + or -
    term   = [kind ":"] body [":" weight]     kind: text, image, photo
    body   = words | "anything quoted"
    weight = a number from 0.001 to 1000, 1 if not given
    filter = ["-"] name ":" value { "," value }        anywhere, between spaces
           | ["-"] "(" filters ")"
           | filter "OR" filter

A body without a kind is an image if it looks like a path to one (``./a.jpg``, ``~/b``,
``c.png``), else a text. Quotes make a sign, a colon or a path part of a text:

    a dog in the snow
    beach + ./sunset.jpg:0.5 - people
    photo:3f2a... - "black - white"

A colon behind a digit belongs to the text, so that ``at 10:30`` and ``16:9`` are not weights. What
else looks like a number behind a colon is a weight, and an error if it is not a valid one.

A filter is not a term: it says which photos may be found, not what is near. A query may be filters
alone. All of them have to hold; ``OR`` joins its two neighbours, as in Gmail. A sign in front of
one is its own, with a space between them or without:

    sunset label:beach -label:people
    camera:canon,nikon taken:summer-2023 iso:>=1600
    dog (is:landscape OR score:focus>=0.8) -folder:"old scans"

:mod:`safelight.search.filters` has the names and the values. A name that is none of them is an
error, and not a text.

Parsing is pure: whether a path may be read is for the interface to say.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

from safelight.arguments import as_kind
from safelight.errors import QueryError
from safelight.imaging.formats import is_photo
from safelight.library.expression import (
    AnyOf,
    Expression,
    Match,
    Not,
    conjuncts,
    matches,
    together,
)
from safelight.search.filters import (
    QUOTED,
    known_filter,
    read_filter,
    split_values,
    unknown_filter,
    unquoted,
)

Kind = Literal["text", "image", "photo"]

_SIGN = re.compile(r'[+-](?=\s|"|$)')
_NAME = re.compile(r"(?P<own>[+-]\s*)?(?P<name>[^\W\d_][\w-]*):", re.ASCII)
_GROUP = re.compile(r"(?P<own>[+-]\s*|NOT\s+)?\(")
_NEGATION = re.compile(r"NOT\s+(?=\S)")
_OPERATOR = re.compile(r"(?i:or|and)(?=\s)")

#: Groups within groups, and filters of a query, at most. Nobody writes more by hand.
_DEEPEST, _MOST = 20, 200
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
    where : Expression or None
        Which photos may be found.
    """

    terms: tuple[Term, ...] = ()
    where: Expression | None = None

    @property
    def labels(self) -> tuple[LabelFilter, ...]:
        """Labels that photos must have, or must not have, apart from alternatives."""
        found = []
        for part in conjuncts(self.where):
            inner = part.part if isinstance(part, Not) else part
            if isinstance(inner, Match) and inner.name == "label":
                found.append(LabelFilter(str(inner.value), inner is part))
        return tuple(found)

    @property
    def size(self) -> int:
        """Number of terms and filters."""
        return len(self.terms) + len(matches(self.where))

    def plus(self, body: str, sign: float = 1.0) -> Query:
        """Return the query with the term or filter that `body` spells, without a sign of its own.

        Raises
        ------
        QueryError
            `body` is empty, its weight is 0, or a filter has no value.
        """
        text = body.strip()
        found = _NAME.match(text)
        if found and not found["own"] and _is_filter(text, found):
            name = known_filter(found["name"]) or ""
            part = read_filter(name, text[found.end() :].strip(), found.end("name") + 1)
            return replace(self, where=together(self.where, part if sign > 0 else _negated(part)))
        return replace(self, terms=(*self.terms, parse_term(body, sign)))


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
        It is empty, a sign has no term, a weight is 0, or a filter is unknown or cannot be read.

    Examples
    --------
    >>> found = parse_query('beach + ./a.jpg - "t - shirts":0.5 -label:people')
    >>> for term in found.terms:
    ...     print(term.kind, term.value, term.weight)
    text beach 1.0
    image ./a.jpg 1.0
    text t - shirts -0.5
    >>> found.where
    Not(part=Match(name='label', value='people'))
    """
    text = as_kind(query, "query", "a text", str)
    if not text.strip():
        raise QueryError("The query is empty. Name what to search for.", query=query)
    scanner = _Scanner(text)
    parts = scanner.scan()
    if not parts[0][1].strip():  # it begins with a sign, or is filters only
        del parts[0]
    return Query(
        tuple(parse_term(body, sign, text.strip()) for sign, body in parts), scanner.filters.found
    )


class _Filters:
    """Filters in the order in which they stand: OR joins the last one and the next."""

    def __init__(self) -> None:
        self._parts: list[Expression] = []
        self.joins = False

    def add(self, part: Expression) -> None:
        if self.joins:
            part = _any_of(self._parts.pop(), part)
        self.joins = False
        self._parts.append(part)

    @property
    def found(self) -> Expression | None:
        return together(*self._parts)


class _Scanner:
    """Split a query into signed bodies of terms, and filters."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._count = 0
        self.filters = _Filters()

    def scan(self) -> list[tuple[float, str]]:
        text = self._text
        parts: list[tuple[float, str]] = [(1.0, "")]
        behind_filter = False
        while self._at < len(text):
            at = self._at
            if at == 0 or text[at - 1].isspace():
                if self._filter(self.filters, 0) or self._operator(behind_filter):
                    behind_filter = True
                    continue
                if found := _SIGN.match(text, at):
                    parts.append((1.0 if found[0] == "+" else -1.0, ""))
                    self._at, behind_filter = found.end(), False
                    continue
            quoted = _QUOTE.match(text, at)
            body = quoted[0] if quoted else text[at]
            self._at += len(body)
            behind_filter = behind_filter and body.isspace()
            parts[-1] = (parts[-1][0], parts[-1][1] + body)
        return parts

    def _operator(self, behind_filter: bool) -> bool:
        """Take OR or AND between two filters."""
        found = _OPERATOR.match(self._text, self._at)
        if found is None:
            return False
        following = _SPACE.match(self._text, found.end()).end()  # type: ignore[union-attr]
        before_filter = self._begins_filter(following)
        if behind_filter and before_filter:
            self.filters.joins = found[0].lower() == "or"
            self._at = following
            return True
        if found[0] == "OR" and (behind_filter or before_filter):
            raise QueryError(
                f"OR at column {self._at + 1} joins two filters, and one of its sides has none. "
                'Put words in quotes: "cats OR dogs".',
                column=self._at + 1,
            )
        return False

    def _begins_filter(self, at: int) -> bool:
        if found := _NEGATION.match(self._text, at):
            at = found.end()
        if found := _GROUP.match(self._text, at):
            return self._begins_filter(_SPACE.match(self._text, found.end()).end())  # type: ignore[union-attr]
        found = _NAME.match(self._text, at)
        return found is not None and _is_filter(self._text, found)

    def _filter(self, filters: _Filters, depth: int) -> bool:
        """Take a filter or a group of them with its sign, if one begins here."""
        text, at = self._text, self._at
        is_wanted = True
        if (found := _NEGATION.match(text, at)) and self._begins_filter(found.end()):
            at, is_wanted = found.end(), False
        if (group := _GROUP.match(text, at)) and self._begins_filter(at):
            is_wanted &= (group["own"] or "+")[0] == "+"
            self._at = group.end()
            part = self._group(at, depth + 1)
        elif (name := _NAME.match(text, at)) and _is_filter(text, name):
            is_wanted &= (name["own"] or "+")[0] == "+"
            self._at = name.end()
            column = name.start("name") + 1
            known = known_filter(name["name"]) or ""
            part = read_filter(known, self._value(depth, column), column)
        else:
            return False
        self._count += 1
        if self._count > _MOST:
            raise QueryError(f"A query may have {_MOST} filters.")
        filters.add(part if is_wanted else _negated(part))
        if depth == 0:
            self._at = _SPACE.match(text, self._at).end()  # type: ignore[union-attr]
        return True

    def _group(self, start: int, depth: int) -> Expression:
        text = self._text
        if depth > _DEEPEST:
            raise QueryError(f"Parentheses may be nested {_DEEPEST} deep.", column=start + 1)
        filters = _Filters()
        while True:
            self._at = at = _SPACE.match(text, self._at).end()  # type: ignore[union-attr]
            if at >= len(text):
                raise QueryError(
                    f"The parenthesis at column {start + 1} is not closed. Put words in quotes.",
                    column=start + 1,
                )
            if text[at] == ")" and not filters.joins and filters.found:
                self._at += 1
                return filters.found
            if (found := _OPERATOR.match(text, at)) and filters.found and not filters.joins:
                self._at = found.end()
                filters.joins = found[0].lower() == "or"
                continue
            if not self._filter(filters, depth):
                raise QueryError(
                    f"Only filters, OR and - stand in parentheses with a filter; column {at + 1} "
                    "has something else. Write (camera:canon OR camera:nikon), and words outside.",
                    column=at + 1,
                )

    def _value(self, depth: int, column: int) -> str:
        """Take the value of a filter, up to a space or the end of its group."""
        text, start = self._text, self._at
        if text[start : start + 1] == "(":
            return self._alternatives(column)
        opened = 0
        while self._at < len(text) and not text[self._at].isspace():
            char = text[self._at]
            if char == '"':
                quoted = _QUOTE.match(text, self._at)
                if quoted is None:
                    raise QueryError(f"The quote at column {self._at + 1} is not closed.")
                self._at = quoted.end()
                continue
            opened += (char == "(") - (char == ")")
            if depth and opened < 0:
                break
            self._at += 1
        return text[start : self._at]

    def _alternatives(self, column: int) -> str:
        """Take ``(canon OR nikon)`` as ``canon,nikon``."""
        found = _ALTERNATIVES.match(self._text, self._at)
        if found is None:
            raise QueryError(
                f"The parenthesis behind the filter at column {column} is not closed, or holds "
                "another one. Write camera:(canon OR nikon).",
                column=column,
            )
        self._at = found.end()
        listed = _ALTERNATIVE.sub(lambda each: each[1] or ",", found[1])
        items = [item.strip() for item in split_values(listed)]
        return ",".join(item if '"' in item or not item else f'"{item}"' for item in items)


_QUOTE = re.compile(QUOTED, re.DOTALL)
_SPACE = re.compile(r"\s*")
_ALTERNATIVES = re.compile(rf"\(((?:{QUOTED}|[^\"()])*)\)(?=\s|\)|$)", re.DOTALL)
_ALTERNATIVE = re.compile(rf"({QUOTED})|\s+OR\s+", re.DOTALL)


def _is_filter(text: str, found: re.Match[str]) -> bool:
    """Tell whether a name with a colon is a filter's; raise if it is meant as one and unknown."""
    name = found["name"]
    following = text[found.end() : found.end() + 1]
    if name in get_args(Kind) or (len(name) == 1 and following in ("/", "\\")):
        return False
    if known_filter(name) is not None:
        return True
    token = text[found.start("name") :].split(None, 1)[0]
    # With a space behind the colon, it is punctuation; with a number, a weight.
    if not following.strip() or _LIKE_WEIGHT.search(token):
        return False
    raise unknown_filter(name, token, found.start("name") + 1)


def _negated(part: Expression) -> Expression:
    return part.part if isinstance(part, Not) else Not(part)


def _any_of(first: Expression, second: Expression) -> Expression:
    parts = [
        part
        for each in (first, second)
        for part in (each.parts if isinstance(each, AnyOf) else (each,))
    ]
    parts = list(dict.fromkeys(parts))
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))


def print_query(query: Query) -> str:
    """Return a query as text, which reads as the same query again.

    Examples
    --------
    >>> print_query(parse_query("beach -  people taken:summer-2023 camera:(canon OR nikon)"))
    'beach - people taken:2023-06-01..2023-08-31 camera:canon,nikon'
    """
    from safelight.search.printing import printed, printed_term

    words = ""
    for number, term in enumerate(query.terms):
        sign = " - " if term.weight < 0 else " + " if number else ""
        words += sign + printed_term(term.kind, term.value, abs(term.weight))
    return " ".join([words.strip(), *map(printed, conjuncts(query.where))]).strip()


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
    is_quoted = re.fullmatch(QUOTED, text, re.DOTALL) is not None
    if is_quoted:
        text = unquoted(text)
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
