"""Spaces of a library: one for each model that its photos were embedded with."""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from safelight.errors import SpaceError
from safelight.files.names import expanded
from safelight.library.schema import new_epoch
from safelight.types import Space

if TYPE_CHECKING:
    import sqlite3

    from safelight.library.database import Database

_COLUMNS = "fingerprint, name, dimension, model"

#: Enough of a fingerprint to name a space by.
_PREFIX = re.compile(r"[0-9a-f]{6,}")

_NUMBER_BYTES = 4  # float32


@dataclass(frozen=True, slots=True)
class Coverage:
    """Share of a library that one space covers.

    Attributes
    ----------
    space : Space
    embeddings : int
        Vectors in it; also of photos whose files are all gone.
    default : bool
        Whether searches use it when no model is named.
    covered, lacking : int
        Photos and texts with a file that is there, with and without a vector in it.
    """

    space: Space
    embeddings: int
    default: bool
    covered: int
    lacking: int

    @property
    def bytes(self) -> int:
        """Size of its vectors' numbers; the files around them take more."""
        return self.embeddings * self.space.dimension * _NUMBER_BYTES

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready, with the fields of the space among its own."""
        return {
            **asdict(self.space),
            "default": self.default,
            "embeddings": self.embeddings,
            "covered": self.covered,
            "lacking": self.lacking,
            "bytes": self.bytes,
        }


def all_spaces(library: Database) -> list[Coverage]:
    """Return every space of the library, the default first."""
    present = "FROM files WHERE NOT gone AND item_pk IS NOT NULL"
    rows = library.connection.execute(
        f"SELECT {_COLUMNS}, is_default, coalesce(count, 0), coalesce(covered, 0), "
        f"(SELECT count(DISTINCT item_pk) {present}) FROM spaces "
        "LEFT JOIN (SELECT space_pk, count(*) AS count, "
        # With the plus, SQLite reads the one index that has both columns, and no vector.
        f"sum(item_pk IN (SELECT item_pk {present})) AS covered "
        "FROM embeddings GROUP BY +space_pk) ON space_pk = pk ORDER BY is_default DESC, pk"
    )
    return [
        Coverage(Space(*row[:4]), row[5], bool(row[4]), covered=row[6], lacking=row[7] - row[6])
        for row in rows
    ]


def sizes(library: Database) -> list[tuple[Space, int, bool]]:
    """Return every space, how many vectors it has, and whether it is the default, that one first.

    Unlike :func:`all_spaces` it looks at no file, and takes milliseconds for a million vectors.
    """
    rows = library.connection.execute(
        f"SELECT {_COLUMNS}, is_default, pk FROM spaces ORDER BY is_default DESC, pk"
    ).fetchall()
    # All together are counted at once; those of each space one by one.
    counted = "SELECT count(*) FROM embeddings" + (" WHERE space_pk = ?" if len(rows) > 1 else "")
    return [
        (
            Space(*row[:4]),
            library.connection.execute(counted, row[5:] if len(rows) > 1 else ()).fetchone()[0],
            bool(row[4]),
        )
        for row in rows
    ]


def coverage(library: Database, fingerprint: str) -> Coverage:
    """Return how much of the library a space covers.

    Raises
    ------
    SpaceError
        The library has no such space.
    """
    for each in all_spaces(library):
        if each.space.fingerprint == fingerprint:
            return each
    raise _no_space(fingerprint)


def default_space(library: Database) -> Space | None:
    """Return the space that searches use, or None in a library that was never embedded."""
    row = library.connection.execute(f"SELECT {_COLUMNS} FROM spaces WHERE is_default").fetchone()
    return Space(*row) if row else None


def find_space(library: Database, fingerprint: str) -> Space | None:
    """Return the space named by `fingerprint`, or None."""
    row = library.connection.execute(
        f"SELECT {_COLUMNS} FROM spaces WHERE fingerprint = ?", (fingerprint,)
    ).fetchone()
    return Space(*row) if row else None


def find_named_space(library: Database, text: str) -> Space:
    """Return the one space that a person means by `text`.

    Parameters
    ----------
    text : str
        Its name, what ``--model`` takes to load its model, or the first six or more hex digits of
        its fingerprint.

    Raises
    ------
    SpaceError
        It is none of these, or means several spaces. The message lists what there is.
    """
    spaces = [each.space for each in all_spaces(library)]
    # The path of a model folder is kept absolute, and people write it as they like.
    words = {text, os.path.abspath(expanded(text))} if text else set()
    prefix = text.lower() if _PREFIX.fullmatch(text.lower()) else None
    found = [
        space
        for space in spaces
        if space.name == text
        or space.model in words
        or (prefix is not None and space.fingerprint.startswith(prefix))
    ]
    if len(found) == 1:
        return found[0]
    if not spaces:
        raise SpaceError(
            f"The library {library.path} has no space yet. Fill it with `safelight ingest FOLDER`.",
            path=str(library.path),
        )
    if found:
        raise SpaceError(
            f"{text!r} means several spaces: {_listed(found)}. "
            "Name one by the beginning of its fingerprint, which stands in brackets.",
            code="ambiguous-space",
            space=text,
        )
    raise SpaceError(
        f"The library has no space {text!r}. It has: {_listed(spaces)}.",
        code="no-space",
        space=text,
    )


def _listed(spaces: list[Space]) -> str:
    return ", ".join(f"{space.name} ({space.fingerprint[:12]})" for space in spaces)


def is_empty(library: Database, space: Space) -> bool:
    """Tell whether nothing is embedded in a space."""
    row = library.connection.execute(
        "SELECT 1 FROM embeddings WHERE space_pk = "
        "(SELECT pk FROM spaces WHERE fingerprint = ?) LIMIT 1",
        (space.fingerprint,),
    ).fetchone()
    return row is None


def add_space(library: Database, space: Space) -> None:
    """Add `space` unless it is there; the first of a library becomes its default.

    So does one that is loaded by the same name as the default but is another: the name means a
    new model now, after an update, and the old one can no longer be searched.

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


def use_space(library: Database, fingerprint: str) -> None:
    """Make a space the default: the one that searches, and an ingest that names no model, use.

    Raises
    ------
    SpaceError
        The library has no such space.
    """
    with library.transaction() as connection:
        key = space_key(connection, fingerprint)
        # One after the other, since there are never two.
        connection.execute("UPDATE spaces SET is_default = 0 WHERE is_default AND pk != ?", (key,))
        connection.execute("UPDATE spaces SET is_default = 1 WHERE pk = ?", (key,))


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
        raise _no_space(fingerprint)
    return int(row[0])


def _no_space(fingerprint: str) -> SpaceError:
    return SpaceError(
        f"The library has no space {fingerprint[:12]}.", code="no-space", fingerprint=fingerprint
    )
