"""Vectors of clients, beside those of photos and texts: read, list, count, delete."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
from fastapi import Response

from safelight.errors import LibraryError
from safelight.library.browse import Filter
from safelight.library.cursors import list_query, read_cursor, write_cursor
from safelight.library.photos import read_photo
from safelight.library.state.client_vectors import (
    count_vectors,
    delete_vector,
    find_vector,
    list_vectors,
)
from safelight.server.vector_search import Match, items

if TYPE_CHECKING:
    import numpy.typing as npt
    from fastapi import Request

    from safelight.server.state import Searched, ServerState


def read_either(
    served: ServerState,
    searched: Searched | None,
    vector_id: str,
    namespaces: tuple[str, ...] | None,
) -> Match:
    """Return the vector of an id, a client's or that of a photo or text; LibraryError if none."""
    try:
        found = find_vector(served.library, vector_id, namespaces)
    except LibraryError:
        if searched is None:
            raise
        try:
            photo = read_photo(served.library, vector_id, namespaces)
        except LibraryError:
            photo = None
        some: list[Match] = []
        if photo is not None:
            fingerprint = searched.choice.embedder.fingerprint
            some = items(served, [photo.key], namespaces, fingerprint).get(photo.key, [])
        if not some:
            raise
        return some[0]
    return Match(
        found.id,
        found.namespace,
        found.metadata,
        found.created_at,
        found.updated_at,
        found.embedding,
    )


def delete_brought(served: ServerState, vector_id: str, namespaces: tuple[str, ...] | None) -> None:
    """Forget a client's vector; LibraryError for another's, or a photo's."""
    try:
        delete_vector(served.library, vector_id, namespaces)
    except LibraryError:
        try:
            read_photo(served.library, vector_id, namespaces)
        except LibraryError:
            pass
        else:
            raise LibraryError(
                f"{vector_id[:12]} is a photo or text of the library. Delete its file, and ingest.",
                code="conflict",
            ) from None
        raise


def _keys(served: ServerState, searched: Searched | None, where: Filter) -> npt.NDArray[np.int64]:
    if searched is None:
        return np.empty(0, np.int64)
    return served.matching(where)


def count_all(
    served: ServerState, searched: Searched | None, namespaces: tuple[str, ...] | None
) -> int:
    """Count the vectors of clients, photos and texts."""
    keys = _keys(served, searched, Filter(namespaces=namespaces))
    return count_vectors(served.library, namespaces) + len(keys)


def listed(
    request: Request,
    served: ServerState,
    searched: Searched | None,
    namespaces: tuple[str, ...] | None,
    cursor: str | None,
    limit: int,
    shape: Any,
) -> Response:
    """Return a page: first what clients brought, then what was ingested; a link to the next."""
    query = list_query(served.library, "vectors", namespaces)
    # Of a vector, its place; of what was ingested, which comes behind them, the key.
    space, name, last = -1, "", -1
    if cursor is not None:
        space, name, last = read_cursor(query, cursor, int, str, int)
    found: list[tuple[tuple[int, str, int], Match]] = []
    if last < 0:
        rows = list_vectors(served.library, namespaces, after=(space, name), limit=limit + 1)
        for place, each in rows:
            match = Match(each.id, each.namespace, each.metadata, each.created_at,
                          each.updated_at, each.embedding)  # fmt: skip
            found.append(((*place, -1), match))
    keys = _keys(served, searched, Filter(namespaces=namespaces))
    start = int(np.searchsorted(keys, last, side="right"))
    while searched is not None and len(found) <= limit and start < len(keys):
        part = keys[start : start + limit + 1 - len(found)].tolist()
        some = items(served, part, namespaces, searched.choice.embedder.fingerprint)
        found += [((-1, "", key), some[key][0]) for key in part if key in some]
        start += len(part)
    headers = {"X-Total-Count": str(count_vectors(served.library, namespaces) + len(keys))}
    if len(found) > limit:
        onward = write_cursor(query, found[limit - 1][0])
        following = {**request.query_params, "limit": limit, "cursor": onward}
        headers["Link"] = f'<{request.url.path}?{urlencode(following)}>; rel="next"'
    body = json.dumps([shape(each) for _, each in found[:limit]], ensure_ascii=False)
    return Response(body.encode(), media_type="application/json", headers=headers)


def whole(match: Match) -> dict[str, Any]:
    """Return a vector as JSON has it."""
    return match.to_dict()


def brief(match: Match) -> dict[str, Any]:
    """Return the same, with how many numbers it has instead of them."""
    found = match.to_dict()
    numbers = found.pop("embedding", ())
    return {**found, "length": len(numbers)}
