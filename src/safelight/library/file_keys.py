"""Row keys of files: all, at paths, or in a folder."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from safelight.library.among import among
from safelight.library.files import MISSING, beginning, in_namespaces

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from safelight.library.database import Database


def file_keys(
    library: Database, *, namespace: str | None = None, missing: bool = False
) -> set[int]:
    """Return the keys of all files; with `missing`, only of those called missing."""
    return _keys(library, "1", (), namespace, missing)


def file_keys_at(
    library: Database,
    paths: Iterable[str],
    *,
    namespace: str | None = None,
    missing: bool = False,
) -> set[int]:
    """Return the keys of the files at some paths; with `missing`, only of those called missing."""
    condition, value = among("f.path", paths)
    return _keys(library, condition, (value,), namespace, missing)


def file_keys_below(
    library: Database, path: str, *, namespace: str | None = None, missing: bool = False
) -> set[int]:
    """Return the keys of a file, of all files in a folder, or of the rows of a file of texts.

    Parameters
    ----------
    path : str
        Absolute.
    missing : bool
        Only of files that are called missing.
    """
    condition, values = beginning("f.path", path.rstrip(os.sep) + os.sep)
    rows, more = beginning("f.path", f"{path}#")
    return _keys(
        library,
        # The rows of a file of texts are FILE#NUMBER.
        f"(f.path = ? OR {condition} OR ({rows} AND substr(f.path, ?) NOT GLOB '*[^0-9]*'))",
        (path, *values, *more, len(path) + 2),
        namespace,
        missing,
    )


def paths_of_files(library: Database, keys: Collection[int]) -> list[tuple[int, str, str]]:
    """Return key, path and namespace of files."""
    return library.connection.execute(
        "SELECT f.pk, f.path, n.name FROM files f JOIN namespaces n ON n.pk = f.namespace_pk "
        "WHERE f.pk IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(keys)),),
    ).fetchall()


def _keys(
    library: Database,
    condition: str,
    values: tuple[str | int, ...],
    namespace: str | None,
    missing: bool,
) -> set[int]:
    scope = f"AND f.gone = {MISSING}" if missing else ""
    rows = library.connection.execute(
        "SELECT f.pk FROM files f JOIN namespaces n ON n.pk = f.namespace_pk "
        f"WHERE {condition} {scope} AND (? IS NULL OR n.name = ?)",
        (*values, namespace, namespace),
    )
    return {key for (key,) in rows}


def file_keys_of(
    library: Database, photo_id: str, namespaces: tuple[str, ...] | None = None
) -> set[int]:
    """Return the row keys of the files of a photo, or text, the missing ones as well."""
    scope, names = in_namespaces(namespaces)
    rows = library.connection.execute(
        f"SELECT f.pk FROM files f JOIN items i ON i.pk = f.item_pk WHERE i.id = ? AND {scope}",
        (photo_id, *names),
    )
    return {key for (key,) in rows}
