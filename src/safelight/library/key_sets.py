"""Sets of item keys: fetched as one text, combined as masks, kept while the library is unchanged.

A filter may let 100,000 photos pass. Fetching a row each would take 30 ms, one text of all keys
takes 10 (2026-11-28, ``bench/search_sets.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Hashable, Iterable, Sequence

    import numpy.typing as npt

    from safelight.library.database import Database

    Mask: TypeAlias = npt.NDArray[np.bool_]
    Keys: TypeAlias = npt.NDArray[np.int64]

#: Values of a connection that hold as long as nothing was written.
_KEPT: WeakKeyDictionary[sqlite3.Connection, tuple[object, dict[Hashable, Any]]] = (
    WeakKeyDictionary()
)

#: Of values kept for one state of a library, the first are dropped beyond these.
_MOST_KEPT = 32


def keys_of(library: Database, statement: str, values: Sequence[object] = ()) -> Keys:
    """Return the keys that a statement with one column finds, in its order."""
    (text,) = library.connection.execute(
        f"SELECT group_concat(key) FROM (SELECT NULL AS key WHERE 0 UNION ALL {statement})", values
    ).fetchone()
    return np.empty(0, np.int64) if text is None else np.fromstring(text, np.int64, sep=",")


def masked(keys: Keys | Iterable[int], size: int) -> Mask:
    """Return which of the keys below `size` are among these."""
    found = np.zeros(size, np.bool_)
    chosen = np.asarray(keys if isinstance(keys, np.ndarray) else list(keys), np.int64)
    found[chosen[chosen < size]] = True
    return found


def kept(library: Database, key: Hashable, make: Callable[[], Any]) -> Any:
    """Return a value that was made before, if nothing was written to the library since."""
    connection = library.connection
    state = (
        connection.execute("PRAGMA data_version").fetchone()[0],
        connection.total_changes,
    )
    former, values = _KEPT.get(connection, (None, {}))
    if former != state:
        values = {}
        _KEPT[connection] = (state, values)
    if key not in values:
        while len(values) >= _MOST_KEPT:
            del values[next(iter(values))]
        values[key] = make()
    return values[key]
