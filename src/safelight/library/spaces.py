"""The spaces of a library: which models its photos were embedded with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from safelight.errors import SpaceError
from safelight.library.schema import new_epoch
from safelight.model import Space

if TYPE_CHECKING:
    import sqlite3

    from safelight.library.store import Library

_COLUMNS = "fingerprint, name, dimension, model"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a library one space covers.

    Attributes
    ----------
    space : Space
    embeddings : int
        Items that have a vector in it.
    default : bool
        Whether searches use it when no model is named.
    """

    space: Space
    embeddings: int
    default: bool


def all_spaces(library: Library) -> list[Coverage]:
    """Return every space of the library, the default first."""
    rows = library.connection.execute(
        f"SELECT {_COLUMNS}, is_default, "
        "(SELECT count(*) FROM embeddings WHERE space_pk = spaces.pk) "
        "FROM spaces ORDER BY is_default DESC, pk"
    )
    return [Coverage(Space(*row[:4]), row[5], bool(row[4])) for row in rows]


def default_space(library: Library) -> Space | None:
    """Return the space that searches use, or None in a library that was never embedded."""
    row = library.connection.execute(f"SELECT {_COLUMNS} FROM spaces WHERE is_default").fetchone()
    return Space(*row) if row else None


def find_space(library: Library, fingerprint: str) -> Space | None:
    """Return the space named by `fingerprint`, or None."""
    row = library.connection.execute(
        f"SELECT {_COLUMNS} FROM spaces WHERE fingerprint = ?", (fingerprint,)
    ).fetchone()
    return Space(*row) if row else None


def is_empty(library: Library, space: Space) -> bool:
    """Tell whether nothing is embedded in a space."""
    row = library.connection.execute(
        "SELECT 1 FROM embeddings WHERE space_pk = "
        "(SELECT pk FROM spaces WHERE fingerprint = ?) LIMIT 1",
        (space.fingerprint,),
    ).fetchone()
    return row is None


def add_space(library: Library, space: Space) -> None:
    """Add `space` unless it is there; the first of a library becomes its default.

    So does one that is loaded by the same name as the default but is another: the name means a
    new model now, after an update, and nothing can be asked of the old one any more.

    Raises
    ------
    SpaceError
        The fingerprint is known, with another dimension.
    """
    with library.transaction() as connection:
        connection.execute(
            f"INSERT INTO spaces ({_COLUMNS}, is_default, epoch, added_at) "
            "VALUES (?, ?, ?, ?, NOT EXISTS (SELECT 1 FROM spaces WHERE is_default), ?, ?) "
            # The same weights may lie elsewhere now; the newest place is the one to load from.
            "ON CONFLICT (fingerprint) DO UPDATE SET model = excluded.model",
            (
                space.fingerprint,
                space.name,
                space.dimension,
                space.model,
                new_epoch(),
                datetime.now(UTC).isoformat(timespec="seconds"),
            ),
        )
        replaced = connection.execute(
            "SELECT pk FROM spaces WHERE is_default AND model = ? AND fingerprint != ?",
            (space.model, space.fingerprint),
        ).fetchone()
        if replaced:
            connection.execute("UPDATE spaces SET is_default = 0 WHERE pk = ?", replaced)
            connection.execute(
                "UPDATE spaces SET is_default = 1 WHERE fingerprint = ?", (space.fingerprint,)
            )
        known = find_space(library, space.fingerprint)
        if known is None or known.dimension != space.dimension:
            raise SpaceError(
                f"The model {space.name} gives vectors of {space.dimension} numbers, but the "
                f"library {library.path} knows it with {known and known.dimension}. "
                "Its files are damaged, or were edited in place.",
                space=space.name,
            )


def space_key(connection: sqlite3.Connection, fingerprint: str) -> int:
    """Return the row key of a space.

    Raises
    ------
    SpaceError
        The library has no such space.
    """
    row = connection.execute(
        "SELECT pk FROM spaces WHERE fingerprint = ?", (fingerprint,)
    ).fetchone()
    if row is None:
        raise SpaceError(f"The library has no space {fingerprint[:12]}.", fingerprint=fingerprint)
    return int(row[0])
