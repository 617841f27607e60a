"""Facts of photos by id: format, size, EXIF data, and every present file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from safelight.library.among import among
from safelight.library.damage import stored_json
from safelight.types import Structure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from safelight.library.database import Database
    from safelight.types import FileStat


@dataclass(frozen=True, slots=True)
class Copy:
    """A present file of a photo.

    Attributes
    ----------
    path : str
    size : int
        Bytes.
    mtime_ns : int
        When it was last changed, as the library last saw it.
    namespaces : tuple of str
        All that it is in.
    """

    path: str
    size: int
    mtime_ns: int
    namespaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """Facts about a photo.

    Attributes
    ----------
    id : str
    size : int
        Bytes.
    format : str or None
    width, height : int or None
        Upright, in pixels.
    exif : mapping
        The fields of :class:`safelight.types.Exif` that are set.
    said : int
        How many labels and further columns sources gave to its files.
    copies : tuple of Copy
        By path; the present ones, of the namespace that was asked for.
    structure : Structure or None
        Of its file; None if it is not known.
    """

    id: str
    size: int
    format: str | None = None
    width: int | None = None
    height: int | None = None
    exif: Mapping[str, Any] = field(default_factory=dict, hash=False)
    said: int = 0
    copies: tuple[Copy, ...] = ()
    structure: Structure | None = None

    @property
    def pixels(self) -> int:
        """Number of pixels; 0 if it is not known."""
        return (self.width or 0) * (self.height or 0)


def photo_facts(
    library: Database, photo_ids: Sequence[str], namespace: str | None = None
) -> dict[str, PhotoFacts]:
    """Return the facts of photos by id, of those that have a present file.

    Parameters
    ----------
    namespace : str, optional
        Only files in it.
    """
    found: dict[str, PhotoFacts] = {}
    condition, ids = among("i.id", photo_ids)
    rows = library.connection.execute(
        "SELECT i.id, f.path, coalesce(f.size, i.size), coalesce(f.mtime_ns, 0), n.name "
        "FROM items i JOIN files f ON f.item_pk = i.pk AND NOT f.gone "
        "JOIN namespaces n ON n.pk = f.namespace_pk AND (? IS NULL OR n.name = ?) "
        f"WHERE i.kind = 'photo' AND {condition} ORDER BY f.path, n.name",
        (namespace, namespace, ids),
    )
    copies: dict[str, dict[str, Copy]] = {}
    for photo_id, path, size, mtime_ns, name in rows:
        of_photo = copies.setdefault(photo_id, {})
        before = of_photo[path].namespaces if path in of_photo else ()
        of_photo[path] = Copy(path, size, mtime_ns, (*before, name))
    rows = library.connection.execute(
        "SELECT i.id, i.size, i.format, i.width, i.height, i.exif, "
        "(SELECT count(DISTINCT m.key) FROM files f JOIN metadata m ON m.file_pk = f.pk "
        "WHERE f.item_pk = i.pk AND NOT f.gone), "
        "(SELECT s.structure FROM structures s WHERE s.item_pk = i.pk) "
        f"FROM items i WHERE {condition}",
        (ids,),
    )
    for photo_id, size, form, width, height, exif, said, structure in rows:
        if photo_id in copies:
            found[photo_id] = PhotoFacts(
                photo_id,
                size,
                form,
                width,
                height,
                stored_json(exif),
                said,
                tuple(copies[photo_id].values()),
                None if structure is None else Structure.from_dict(stored_json(structure)),
            )
    return found


def is_known(library: Database, path: str, photo_id: str) -> bool:
    """Tell whether the library ever saw a photo at a path, in whatever namespace."""
    row = library.connection.execute(
        "SELECT 1 FROM files f JOIN items i ON i.pk = f.item_pk "
        "WHERE f.path = ? AND i.id = ? AND i.kind = 'photo'",
        (path, photo_id),
    ).fetchone()
    return row is not None


def mark_paths_gone(library: Database, paths: Iterable[str]) -> None:
    """Record that files are no longer at their paths, in whatever namespace they are."""
    with library.transaction() as connection:
        connection.executemany(
            "UPDATE files SET gone = 1 WHERE path = ?", ((path,) for path in paths)
        )


def mark_paths_back(
    library: Database,
    stats: Mapping[str, tuple[str, FileStat]],
    former: Mapping[str, str] | None = None,
) -> None:
    """Record that files are at their paths again, with these photo ids and stats.

    A path at which the library saw another photo since is left as it is.

    Parameters
    ----------
    former : mapping of str to str, optional
        Of files whose folder has another name now, the path that they had.
    """
    moved = [(path, old) for path, old in (former or {}).items() if path != old]
    with library.transaction() as connection:
        # In a namespace that knows the new path already, that one stays.
        connection.executemany(
            "UPDATE OR IGNORE files SET path = ?, source_path = CASE source_path WHEN path THEN ? "
            "ELSE source_path END WHERE path = ? AND gone",
            ((path, path, old) for path, old in moved),
        )
        connection.executemany(
            "UPDATE files SET gone = 0, size = ?, mtime_ns = ?, ctime_ns = ?, inode = ? "
            "WHERE path = ? AND item_pk = (SELECT pk FROM items WHERE id = ?)",
            (
                (stat.size, stat.mtime_ns, stat.ctime_ns, stat.inode, path, photo_id)
                for path, (photo_id, stat) in stats.items()
            ),
        )
