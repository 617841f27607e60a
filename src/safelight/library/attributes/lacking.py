"""Photos that a condition holds for, each with a file to read: those that lack an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.library.database import Database


def photos_where(
    library: Database, condition: str, values: Sequence[object], namespace: str | None
) -> list[tuple[str, str]]:
    """Return the photos that a condition holds for.

    Parameters
    ----------
    condition : str
        SQL over the item ``i``, with a ``?`` for each of `values`.
    namespace : str or None
        Only photos with a file in it.

    Returns
    -------
    list of (str, str)
        Photo id, and the path of a file that is not missing; in the order in which they were added.
    """
    rows = library.connection.execute(
        "SELECT i.id, min(f.path) FROM items i JOIN files f ON f.item_pk = i.pk AND NOT f.gone "
        "JOIN namespaces n ON n.pk = f.namespace_pk AND (? IS NULL OR n.name = ?) "
        f"WHERE i.kind = 'photo' AND {condition} GROUP BY i.pk ORDER BY i.pk",
        (namespace, namespace, *values),
    )
    return [(photo_id, path) for photo_id, path in rows]
