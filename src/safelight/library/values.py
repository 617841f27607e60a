"""Values of filters that exist in a library: to say what there is when a filter finds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.library.conditions import values_named
from safelight.library.expression import Match, conjuncts

if TYPE_CHECKING:
    from safelight.library.database import Database
    from safelight.library.expression import Expression

#: What photos lack if none has a value of a filter.
_LACKING = {"camera": "No photo tells its camera.", "lens": "No photo tells its lens."}


def unmatched(library: Database, expression: Expression | None) -> tuple[str, ...]:
    """Return a sentence for each filter that no photo at all meets, with values that there are."""
    return tuple(
        _explained(library, part)
        for part in conjuncts(expression)
        if isinstance(part, Match)
        and part.name in _LACKING
        and not values_named(library, part.name, str(part.value))
    )


def _explained(library: Database, match: Match) -> str:
    rows = library.connection.execute(
        f"SELECT {match.name} FROM items WHERE {match.name} IS NOT NULL GROUP BY 1 "
        "ORDER BY count(*) DESC, 1 LIMIT 8"
    ).fetchall()
    there = ", ".join(str(value) for (value,) in rows)
    said = "was taken with a camera" if match.name == "camera" else "was taken with a lens"
    return f"No photo {said} called {match.value!r}. " + (
        f"There are: {there}." if there else _LACKING[match.name]
    )
