"""The query grammar, one for every interface.

    query  = [sign] term { sign term }        signs stand between spaces: + or -
    term   = [kind ":"] body [":" weight]     kind: text, image, photo
    body   = words | "anything quoted"
    weight = a number above 0, 1 if not given

A body without a kind is an image if it looks like a path to one (``./a.jpg``, ``~/b``,
``c.png``), else a text. Quotes make a sign, a colon or a path part of a text:

    a dog in the snow
    beach + ./sunset.jpg:0.5 - people
    photo:3f2a... - "black - white"

A colon behind a digit belongs to the text, so that ``at 10:30`` and ``16:9`` are no weights.
Parsing is pure: whether a path may be read is for the interface to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from safelight.errors import QueryError
from safelight.imaging.formats import is_photo

Kind = Literal["text", "image", "photo"]

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(rf"(?P<sign>(?:(?<=\s)|^)[+-](?=\s|$))|{_QUOTED}|.", re.DOTALL)
_WEIGHT = re.compile(r"(?<!\d):(\d+(?:\.\d*)?|\.\d+)$")
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
        Negative for what is to be avoided, never 0.
    """

    kind: Kind
    value: str
    weight: float = 1.0


def parse_query(query: str) -> list[Term]:
    """Return the terms of `query`.

    Raises
    ------
    QueryError
        It is empty, a sign has no term, or a weight is 0.

    Examples
    --------
    >>> for term in parse_query('beach + ./a.jpg - "t - shirts":0.5'):
    ...     print(term.kind, term.value, term.weight)
    text beach 1.0
    image ./a.jpg 1.0
    text t - shirts -0.5
    """
    text = query.strip()
    if not text:
        raise QueryError("The query is empty. Say what to look for.", query=query)
    parts: list[tuple[float, str]] = [(1.0, "")]
    for token in _TOKEN.finditer(text):
        if token["sign"]:
            parts.append((1.0 if token["sign"] == "+" else -1.0, ""))
        else:
            sign, body = parts[-1]
            parts[-1] = (sign, body + token[0])
    if not parts[0][1].strip():  # the query begins with a sign
        del parts[0]
    return [parse_term(body, sign, query) for sign, body in parts]


def parse_term(body: str, sign: float = 1.0, query: str | None = None) -> Term:
    """Return the term that `body` spells, without a sign of its own.

    Raises
    ------
    QueryError
        It is empty, or its weight is 0.
    """
    query = body if query is None else query
    text = body.strip()
    weight = 1.0
    if found := _WEIGHT.search(text):
        weight = float(found[1])
        if weight == 0:
            raise QueryError(f"A weight of 0 in {query!r} does nothing; leave the term out.")
        text = text[: found.start()].rstrip()
    kind: Kind | None = None
    if found := _KIND.match(text):
        kind = found[1]  # type: ignore[assignment]
        text = text[found.end() :]
    is_quoted = re.fullmatch(_QUOTED, text, re.DOTALL) is not None
    if is_quoted:
        text = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    if not text.strip():
        raise QueryError(f"A sign or a weight without anything to look for in {query!r}.")
    if kind is None:
        is_path = not is_quoted and (_PATH.match(text) or is_photo(text))
        kind = "image" if is_path else "text"
    return Term(kind, text, sign * weight)
