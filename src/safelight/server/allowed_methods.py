"""Methods that a path takes: the ``Allow`` of a 405, and the answer to OPTIONS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Match, Mount

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any

    from fastapi import Request

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def allowed_methods(request: Request) -> str:
    """Return the methods that any route takes at the path of a request."""
    found = [method for method in _METHODS if _is_taken(request, method)]
    if "GET" in found:
        found.insert(1, "HEAD")
    return ", ".join([*found, "OPTIONS"])


def _is_taken(request: Request, method: str) -> bool:
    # A copy: a route writes into what it is asked about.
    scope: MutableMapping[str, Any] = {
        name: value
        for name, value in request.scope.items()
        if name not in ("route", "endpoint", "path_params")
    }
    scope["method"] = method
    scope["root_path"] = scope.pop("app_root_path", "")  # a mount has moved it
    for route in request.app.routes:
        match, _ = route.matches(scope)
        if match is Match.FULL:
            # A mount takes whatever lies below it; ours have files only.
            return not isinstance(route, Mount) or method == "GET"
    return False
