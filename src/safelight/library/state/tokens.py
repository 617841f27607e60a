"""Tokens: rights on the server. The library stores their digests, never the tokens."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from safelight.errors import UsageError
from safelight.library.damage import stored_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from safelight.library.database import Database

#: So that a token that turns up in a log or a repository is known for what it is.
PREFIX = "safelight_"

_BYTES = 32


@dataclass(frozen=True, slots=True)
class Token:
    """A token and its rights.

    Attributes
    ----------
    id : str
        To name it by.
    name : str
        Whose it is, or what it is for.
    digest : str
        sha256, hex, of the token.
    may_write : bool
        Whoever may write may read as well.
    namespaces : tuple of str or None
        None: all.
    created_at : str
        UTC, ISO 8601.
    revoked_at : str or None
    """

    id: str
    name: str
    digest: str
    may_write: bool
    namespaces: tuple[str, ...] | None
    created_at: str
    revoked_at: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready, without its digest."""
        values = asdict(self)
        del values["digest"]
        return values


def create_token(
    library: Database,
    name: str,
    *,
    may_write: bool = False,
    namespaces: Sequence[str] | None = None,
) -> tuple[str, Token]:
    """Return a new token, which nobody can be told again, and what the library keeps of it.

    Raises
    ------
    UsageError
        `namespaces` is empty.
    """
    if namespaces is not None and not namespaces:
        raise UsageError("A token for an empty list of namespaces would allow nothing.")
    text = PREFIX + secrets.token_urlsafe(_BYTES)
    token = Token(
        id=secrets.token_hex(4),
        name=name,
        digest=digest(text),
        may_write=may_write,
        namespaces=None if namespaces is None else tuple(dict.fromkeys(namespaces)),
        created_at=_now(),
    )
    with library.transaction() as connection:
        connection.execute(
            "INSERT INTO tokens (id, name, digest, may_write, namespaces, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (
                token.id,
                token.name,
                token.digest,
                token.may_write,
                None if token.namespaces is None else json.dumps(token.namespaces),
                token.created_at,
            ),
        )
    return text, token


def tokens(library: Database) -> list[Token]:
    """Return all tokens, also those that were revoked, in the order of their making."""
    rows = library.connection.execute(
        "SELECT id, name, digest, may_write, namespaces, created_at, revoked_at FROM tokens "
        "ORDER BY rowid"
    )
    return [
        Token(
            token_id,
            name,
            kept,
            bool(may_write),
            None if namespaces is None else tuple(stored_json(namespaces)),
            created_at,
            revoked_at,
        )
        for token_id, name, kept, may_write, namespaces, created_at, revoked_at in rows
    ]


def revoke_token(library: Database, token_id: str) -> Token:
    """Let a token allow nothing any more, and return it.

    Raises
    ------
    UsageError
        There is none of that id that is still valid.
    """
    found = [each for each in tokens(library) if each.id == token_id and not each.revoked_at]
    if not found:
        raise UsageError(
            f"There is no valid token {token_id!r}; `safelight token list` shows them.",
            code="no-token",
            token=token_id,
        )
    with library.transaction() as connection:
        connection.execute("UPDATE tokens SET revoked_at = ? WHERE id = ?", (_now(), token_id))
    return found[0]


def find_token(known: Iterable[Token], text: str) -> Token | None:
    """Return the valid token that `text` is, or None; in the same time whichever it is."""
    offered = digest(text)
    found = None
    for each in known:
        if hmac.compare_digest(each.digest, offered) and each.revoked_at is None:
            found = each
    return found


def digest(text: str) -> str:
    """Return the digest of a token.

    256 random bits cannot be guessed from their digest, so it needs no salt and no stretching.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
