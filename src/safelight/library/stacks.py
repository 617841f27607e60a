"""Stacks: photos of one moment, among those already compared.

Copies, a RAW file and its JPEG, the frames of a burst, of a bracket or a panorama are one stack.
Nothing is compared here: edges are what ``safelight duplicates`` found, without the pairs that a
person said are not duplicates.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from safelight.library.database import Database

#: Relations, as edges spell them, of photos that show one moment.
STACKED = (
    *("identical", "same-pixels", "raw+jpeg", "bracket", "panorama", "re-encoded", "resized"),
    *("rotated", "mirrored", "burst"),
)

#: Relations of copies of one picture.
COPIES = ("identical", "same-pixels", "raw+jpeg", "re-encoded", "resized", "rotated", "mirrored")

#: Steps from photo to photo; a longer chain is not one moment.
_STEPS = 8


def stacks(
    library: Database, keys: Iterable[int], relations: Iterable[str] = STACKED
) -> dict[int, frozenset[int]]:
    """Return the stack of each item by key, itself included; without those that stand alone."""
    kept = json.dumps(list(relations))
    beside: dict[int, set[int]] = {}
    asked: set[int] = set()
    new = set(keys)
    for _ in range(_STEPS):
        if not new:
            break
        asked |= new
        pairs = library.connection.execute(_EDGES, (json.dumps(sorted(new)), kept)).fetchall()
        for a, b in pairs:
            beside.setdefault(a, set()).add(b)
            beside.setdefault(b, set()).add(a)
        new = beside.keys() - asked
    found: dict[int, frozenset[int]] = {}
    for key in beside:
        if key not in found:
            stack, waiting = {key}, [key]
            while waiting:
                more = beside[waiting.pop()] - stack
                stack |= more
                waiting += more
            found |= dict.fromkeys(stack, frozenset(stack))
    return found


_EDGES = """
WITH asked(pk) AS (SELECT value FROM json_each(?)),
    kept(relation) AS (SELECT value FROM json_each(?))
SELECT e.a_pk, e.b_pk FROM
    (SELECT a_pk, b_pk, relation FROM edges WHERE a_pk IN (SELECT pk FROM asked)
     UNION SELECT a_pk, b_pk, relation FROM edges WHERE b_pk IN (SELECT pk FROM asked)) e
JOIN items a ON a.pk = e.a_pk JOIN items b ON b.pk = e.b_pk
WHERE e.a_pk != e.b_pk AND e.relation IN (SELECT relation FROM kept)
AND EXISTS (SELECT 1 FROM files f WHERE f.item_pk = e.a_pk AND NOT f.gone)
AND EXISTS (SELECT 1 FROM files f WHERE f.item_pk = e.b_pk AND NOT f.gone)
AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.decision = 'not-duplicates'
    AND (d.a_id, d.b_id) = (min(a.id, b.id), max(a.id, b.id)))
"""
