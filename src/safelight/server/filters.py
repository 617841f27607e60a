"""Filters as requests spell them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from safelight.arguments import named_numbers
from safelight.errors import SettingsError
from safelight.library.browse import Filter
from safelight.library.files import require_namespace
from safelight.server.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.library.expression import Expression
    from safelight.server.auth import Access
    from safelight.server.state import ServerState


def filter_of(
    access: Access,
    *,
    namespace: str | None,
    camera: str | None = None,
    label: str | None = None,
    facts: Expression | None = None,
    taken_from: str | None = None,
    taken_to: str | None = None,
    least: Mapping[str, float] | None = None,
) -> Filter:
    """Return the filter for photos; what is empty does not matter.

    Raises
    ------
    Problem
        The namespace is not for this token, or a score is not a number.
    """
    for metric, score in (least or {}).items():
        if not math.isfinite(score):
            raise Problem(400, f"The least score of {metric!r} should be a number.", "usage")
    return Filter(
        namespaces=access.within(namespace or None),
        camera=camera or None,
        labels=((label, True),) if label else (),
        taken_from=taken_from or None,
        taken_to=taken_to or None,
        least=dict(least or {}),
        photos_only=True,
    ).with_facts(facts)


async def known_namespace(served: ServerState, access: Access, namespace: str | None) -> None:
    """Raise if a namespace is named that there is not; a token's own may have no photos yet.

    Raises
    ------
    LibraryError
        With those that there are.
    """
    if namespace and access.namespaces is None:
        await served.reading.run(require_namespace, served.library, namespace)


def least_of(given: Sequence[str]) -> dict[str, float]:
    """Return the least scores that ``min=focus:0.6`` asks for.

    Raises
    ------
    Problem
        One is not METRIC:NUMBER.
    """
    try:
        return named_numbers(given, "metric", signs=":=")
    except SettingsError as exc:
        raise Problem(400, f"min: {exc}", "usage") from exc
