"""Answers that the server keeps by ``Idempotency-Key``, so that nothing is done twice."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from safelight.library.damage import stored_json
from safelight.library.state.owners import is_alive, this_process

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.library.database import Database

#: How long an answer is kept, and how many of one token.
KEPT_FOR = timedelta(hours=24)
KEPT = 10_000


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A request that came with a key, and its answer.

    Attributes
    ----------
    request : str
        Digest of the request.
    status : int or None
        None: it has no answer yet; another process, which lives, is at work.
    headers : mapping of str to str
    body : bytes
    """

    request: str
    status: int | None
    headers: Mapping[str, str]
    body: bytes


def claim(
    library: Database,
    token: str,
    key: str,
    request: str,
    *,
    now: datetime | None = None,
    most: int = KEPT,
) -> KeptAnswer | None:
    """Note that this process does what a request asks for; or return the one that came before.

    A request whose process died before there was an answer is done again.

    Parameters
    ----------
    request : str
        Digest of the request.
    now : datetime, optional
    most : int
        Answers of one token that are kept.
    """
    now = now or datetime.now(UTC)
    with library.transaction() as connection:
        connection.execute("DELETE FROM answers WHERE created_at < ?", (_text(now - KEPT_FOR),))
        row = connection.execute(
            "SELECT request, owner, status, headers, body FROM answers WHERE token = ? AND key = ?",
            (token, key),
        ).fetchone()
        if row is not None:
            digest, owner, status, headers, body = row
            if status is not None:
                return KeptAnswer(digest, status, stored_json(headers), zlib.decompress(body))
            if digest != request or (owner != this_process() and is_alive(owner)):
                return KeptAnswer(digest, None, {}, b"")
        connection.execute(
            "INSERT OR REPLACE INTO answers (token, key, request, owner, created_at) "
            "VALUES (?, ?, ?, ?, ?)",
            (token, key, request, this_process(), _text(now)),
        )
        connection.execute(
            "DELETE FROM answers WHERE token = ? AND created_at < (SELECT created_at FROM answers "
            "WHERE token = ? ORDER BY created_at DESC LIMIT 1 OFFSET ?)",
            (token, token, most - 1),
        )
    return None


def keep_answer(
    library: Database, token: str, key: str, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    """Keep the answer to a request that this process claimed."""
    with library.transaction() as connection:
        connection.execute(
            "UPDATE answers SET status = ?, headers = ?, body = ? WHERE token = ? AND key = ?",
            (status, json.dumps(dict(headers)), zlib.compress(body, 1), token, key),
        )


def give_up(library: Database, token: str, key: str) -> None:
    """Forget a request that was refused or failed: the next one of its key is done."""
    with library.transaction() as connection:
        connection.execute(
            "DELETE FROM answers WHERE token = ? AND key = ? AND status IS NULL", (token, key)
        )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
