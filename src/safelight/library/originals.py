"""The files of photos: opened only if they still are what was ingested."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, BinaryIO

from safelight.errors import LibraryError

if TYPE_CHECKING:
    from safelight.library.store import Library


def open_original(
    library: Library, photo_id: str, namespaces: tuple[str, ...] | None = None
) -> tuple[BinaryIO, str]:
    """Open a file of a photo, and return it with its path.

    Only a path at which the photo was seen is opened, and only if what is opened has the size,
    the time of change and the inode that it had then: a link that leads elsewhere by now, or
    another file under that name, is not.

    Parameters
    ----------
    namespaces : tuple of str, optional
        Only files in these.

    Raises
    ------
    LibraryError
        With the code ``no-photo``: the library has no such photo there; with ``changed``: none
        of its files is what it was.
    """
    marks = ",".join("?" * len(namespaces or ()))
    scope = "1" if namespaces is None else f"n.name IN ({marks})"
    rows = library.connection.execute(
        "SELECT f.path, f.size, f.mtime_ns, f.inode FROM files f "
        "JOIN items i ON i.pk = f.item_pk AND i.kind = 'photo' "
        "JOIN namespaces n ON n.pk = f.namespace_pk "
        f"WHERE i.id = ? AND NOT f.gone AND {scope} ORDER BY f.pk",
        (photo_id, *(namespaces or ())),
    ).fetchall()
    if not rows:
        raise LibraryError(
            f"There is no photo {photo_id[:12]} here.", code="no-photo", photo_id=photo_id
        )
    for path, *known in rows:
        try:
            # Without O_NONBLOCK, a pipe that somebody put there would keep us for ever.
            descriptor = os.open(
                path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
            )
        except (OSError, ValueError):
            continue
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and known == [
            found.st_size,
            found.st_mtime_ns,
            found.st_ino,
        ]:
            return os.fdopen(descriptor, "rb"), path
        os.close(descriptor)
    raise LibraryError(
        f"The file of photo {photo_id[:12]} was changed, moved or unplugged since it was "
        "ingested. Ingest it again.",
        code="changed",
        photo_id=photo_id,
    )
