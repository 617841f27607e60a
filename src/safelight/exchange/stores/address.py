"""Addresses of vector stores, as people write them.

    qdrant://HOST[:PORT][/NAME]        a Qdrant server
    qdrants://HOST[:PORT][/NAME]       the same, with TLS
    qdrant:FOLDER                      Qdrant's local mode, without a server
    postgresql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE[?OPTIONS]

Passwords may stand in the last only, as PostgreSQL has it, and go no further than to the server:
what is kept and shown is the address without them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from safelight.errors import SettingsError
from safelight.files.names import expanded

#: What collections are called by if the address names nothing.
NAME = "safelight"

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PORT = 6333
_SECRET = frozenset({"password", "sslpassword", "oauth_client_secret"})

_HOW = (
    "It should be qdrant://HOST:6333, qdrants://HOST for TLS, qdrant:FOLDER, or "
    "postgresql://USER@HOST/DATABASE; `safelight docs stores` has more."
)


@dataclass(frozen=True, slots=True)
class Address:
    """Address of a store.

    Attributes
    ----------
    kind : str
        ``qdrant``, ``qdrant-folder`` or ``postgresql``.
    shown : str
        The address without passwords.
    place : str
        What the engine's client takes: a URL, or a folder. May hold a password.
    name : str
        What the names of its collections begin with.
    """

    kind: Literal["qdrant", "qdrant-folder", "postgresql"]
    shown: str
    place: str = field(repr=False)
    name: str = NAME


def parse_address(text: str) -> Address:
    """Return the address that `text` spells.

    Raises
    ------
    SettingsError
        It is not an address of a store. The message repeats nothing that may be a password.

    Examples
    --------
    >>> parse_address("postgresql://me:secret@db/photos?sslmode=require").shown
    'postgresql://me@db/photos?sslmode=require'
    >>> parse_address("qdrant://localhost").shown
    'qdrant://localhost:6333/safelight'
    """
    scheme, colon, rest = text.strip().partition(":")
    scheme = scheme.lower()
    if colon and scheme in ("postgresql", "postgres") and rest.startswith("//"):
        return _postgresql(rest)
    if colon and scheme in ("qdrant", "qdrants") and rest.startswith("//"):
        return _qdrant(scheme, rest)
    if colon and scheme == "qdrant" and rest:
        folder = os.path.abspath(expanded(rest))
        return Address("qdrant-folder", f"qdrant:{folder}", folder)
    raise SettingsError(f"This is not an address of a vector store. {_HOW}", setting="store")


def _qdrant(scheme: str, rest: str) -> Address:
    try:
        parts = urlsplit(f"http:{rest}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None:
        raise SettingsError(f"The store's address names no host. {_HOW}", setting="store")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise SettingsError(
            f"The address of the Qdrant server {host} has parts that it cannot have. An API key "
            "belongs into SAFELIGHT_STORE_KEY, where no message and no list of processes shows it.",
            setting="store",
        )
    name = parts.path.strip("/") or NAME
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"Collections cannot be called {name!r}: letters, digits, - and _ are possible.",
            setting="store",
        )
    place = f"{f'[{host}]' if ':' in host else host}:{port or _PORT}"
    secure = "https" if scheme == "qdrants" else "http"
    return Address("qdrant", f"{scheme}://{place}/{name}", f"{secure}://{place}", name)


def _postgresql(rest: str) -> Address:
    place = f"postgresql:{rest}"
    try:
        parts = urlsplit(place)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        _ = [int(port) for port in _ports(parts.netloc) if port]
    except ValueError:
        # Not what is wrong with it: a password with an @ or a / in it looks like a bad port.
        raise SettingsError(
            "The PostgreSQL address cannot be understood. Characters such as @ : / ? # % in a "
            "password are written as %40 %3A %2F %3F %23 %25.",
            setting="store",
        ) from None
    user, at, hosts = parts.netloc.rpartition("@")
    plain = [(key, value) for key, value in options if key.lower() not in _SECRET]
    shown = urlunsplit(
        (
            "postgresql",
            user.partition(":")[0] + at + hosts,
            parts.path,
            urlencode(plain, quote_via=quote, safe="/,=-"),
            "",
        )
    )
    if not parts.netloc:  # urlunsplit() leaves out the slashes of an empty one
        shown = shown.replace("postgresql:", "postgresql://", 1)
    return Address("postgresql", shown, place)


def _ports(netloc: str) -> list[str]:
    hosts = netloc.rpartition("@")[2].split(",")
    return [re.sub(r"^\[[^\]]*\]", "", host).partition(":")[2] for host in hosts]
