"""Texts for clients: one place decides what a client of the API may read.

Messages are written for people at the machine: they name commands and files. A client of the API
types no commands, so where a call does the same, the call is named. A client with a token for some
namespaces reads neither commands nor where on the server's disk something lies. Nobody reads a
token.
"""

from __future__ import annotations

import re

from safelight.imaging.damage import RAISE_LIMIT
from safelight.library.state.tokens import PREFIX

#: Calls that do what a command does, the longest command first.
_CALLS = (
    ("ingest --score", "POST /api/v1/ingest` with `score"),
    ("ingest FOLDER", "PUT /api/v1/photos` or `POST /api/v1/ingest"),
    ("ingest", "POST /api/v1/ingest"),
    ("label", "POST /api/v1/ingest` with `label"),
    ("score", "POST /api/v1/ingest` with `score"),
    ("duplicates", "GET /api/v1/duplicates"),
    ("plan", "POST /api/v1/plans"),
    ("sources", "GET /api/v1/sources"),
    ("status", "GET /api/v1/facets"),
    ("search", "POST /api/v1/images/search"),
    ("forget", "POST /api/v1/forget"),
)

_COMMAND = re.compile(r"`safelight ([^`]*)`")

#: What only those at the machine can do.
_AT_THE_MACHINE = re.compile(
    r"`safelight |\bsafelight (docs|doctor|models|serve|token)\b|pip install|SAFELIGHT_[A-Z]|"
    r"(?<![\w-])--[a-z]"
)

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`'\"])")

#: An absolute path of at least two parts; a call of the API is none.
_PATH = re.compile(
    r"(?<![\w/.:])(?!/api/|/docs\b|/health\b)(?:/|[A-Za-z]:[\\/]|\\\\)[^\s'\"`,;:()]+"
    r"(?:[\\/][^\s'\"`,;:()]*)+"
)

_TOKEN = re.compile(re.escape(PREFIX) + r"[\w%+/=-]{8,}")

_NOTHING_ELSE = "Whoever runs the server can tell more."


def for_clients(text: str, *, restricted: bool = False) -> str:
    """Return a message as a client may read it.

    Parameters
    ----------
    text : str
    restricted : bool
        The client has a token for some namespaces.

    Examples
    --------
    >>> for_clients("No photo has scores. `safelight ingest --score` measures the photos.")
    'No photo has scores. `POST /api/v1/ingest` with `score` measures the photos.'
    """
    text = without_tokens(text.replace(RAISE_LIMIT, "whoever runs the server can raise it"))
    text = _COMMAND.sub(_call, text)
    return _without_places(text) if restricted else text


def without_tokens(text: str) -> str:
    """Return a text without the tokens that it quotes."""
    return _TOKEN.sub("(a token)", text) if PREFIX in text else text


def name_for(path: str, *, restricted: bool) -> str:
    """Return how a file that failed is called for a client: by its path, or by its name alone."""
    return _name(path) if restricted else path


def _call(found: re.Match[str]) -> str:
    for command, call in _CALLS:
        if found[1] == command or found[1].startswith(f"{command} "):
            return f"`{call}`"
    return found[0]


def _without_places(text: str) -> str:
    sentences = [each for each in _SENTENCE.split(text) if not _AT_THE_MACHINE.search(each)]
    kept = " ".join(sentences) or _NOTHING_ELSE
    return _PATH.sub(lambda found: _name(found[0].rstrip(".")) + _end(found[0]), kept)


def _name(path: str) -> str:
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]


def _end(path: str) -> str:
    return "." if path.endswith(".") else ""
