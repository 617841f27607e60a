"""Open the file of a photo, if by its sha256 it still is that photo."""

from __future__ import annotations

import contextlib
import os
from typing import IO, TYPE_CHECKING

from safelight.errors import LibraryError
from safelight.files import PHOTO_FILE, open_regular, read_bytes, sha256, sha256_of_open

if TYPE_CHECKING:
    from safelight.library.database import Database


def open_original(
    library: Database, photo_id: str, namespaces: tuple[str, ...] | None = None
) -> tuple[IO[bytes], str]:
    """Open a file of a photo, and return it with its path.

    Only a path at which the photo was seen is opened, and only if what is opened still holds the
    photo's bytes: a link that leads elsewhere by now, or another file under that name, does not.

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
    for path, size in _files(library, photo_id, namespaces):
        with contextlib.suppress(OSError), contextlib.ExitStack() as closing:
            file = closing.enter_context(open_regular(path))
            if os.fstat(file.fileno()).st_size == size and sha256_of_open(file, path) == photo_id:
                file.seek(0)
                closing.pop_all()
                return file, path
    raise _changed(photo_id)


def original_paths(
    library: Database, photo_id: str, namespaces: tuple[str, ...] | None = None
) -> list[str]:
    """Return the paths at which a photo was seen, without a look at the disk.

    Raises
    ------
    LibraryError
        With the code ``no-photo``.
    """
    return [path for path, _ in _files(library, photo_id, namespaces)]


def read_original(library: Database, photo_id: str, namespaces: tuple[str, ...] | None) -> bytes:
    """Return the bytes of a photo, from the first of its files that still holds them.

    Raises
    ------
    LibraryError
        As :func:`open_original`.
    """
    for path, _ in _files(library, photo_id, namespaces):
        with contextlib.suppress(OSError):
            data = read_bytes(path, limit=PHOTO_FILE)
            if sha256(data) == photo_id:
                return data
    raise _changed(photo_id)


def _files(
    library: Database, photo_id: str, namespaces: tuple[str, ...] | None
) -> list[tuple[str, int]]:
    marks = ",".join("?" * len(namespaces or ()))
    scope = "1" if namespaces is None else f"n.name IN ({marks})"
    rows = library.connection.execute(
        "SELECT f.path, i.size FROM files f "
        "JOIN items i ON i.pk = f.item_pk AND i.kind = 'photo' "
        "JOIN namespaces n ON n.pk = f.namespace_pk "
        f"WHERE i.id = ? AND NOT f.gone AND {scope} ORDER BY f.pk",
        (photo_id, *(namespaces or ())),
    ).fetchall()
    if not rows:
        raise LibraryError(
            f"There is no photo {photo_id[:12]} here.", code="no-photo", photo_id=photo_id
        )
    return rows


def _changed(photo_id: str) -> LibraryError:
    return LibraryError(
        f"The file of photo {photo_id[:12]} was changed, moved or unplugged since it was "
        "ingested. Ingest it again.",
        code="changed",
        photo_id=photo_id,
    )
