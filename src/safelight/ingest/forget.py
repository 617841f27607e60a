"""Forget files, sources, a namespace or a label set.

No photo file is ever touched: an ingest brings everything back that can be computed. What people
decided about photos is kept by content, unless they say so.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from safelight.arguments import as_list
from safelight.errors import LibraryError, SourceError, UsageError
from safelight.files.names import expanded
from safelight.ingest.sources import parse_source
from safelight.library.database import as_database
from safelight.library.file_keys import (
    file_keys,
    file_keys_at,
    file_keys_below,
    file_keys_of,
    paths_of_files,
)
from safelight.library.files import require_namespace
from safelight.library.forget import Forgotten, forget_files, forget_label_set
from safelight.library.sources import KINDS, is_inside, place_of, read_sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.library.database import AnyLibrary, Database
    from safelight.library.sources import SourceRecord


def forget(
    library: AnyLibrary,
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    *,
    namespace: str | None = None,
    missing: bool = False,
    label_set: str | None = None,
    decisions: bool = False,
    dry_run: bool = False,
) -> Forgotten:
    """Forget files, folders and sources; or a namespace; or a label set.

    Parameters
    ----------
    library : Library or Database
    paths : path-like or sequence of path-like
        Files and folders, which need not be there any more, or sources as they were ingested
        (``images:DIR``). A source in a forgotten folder is forgotten as well.
    namespace : str, optional
        Only files in it; without `paths`, `missing` and `label_set`, all of it.
    missing : bool
        Only files that are missing; without `paths`, all of them.
    label_set : str, optional
        The version of a label set, or its first six or more digits: its labels on all photos.
    decisions : bool
        Also what was decided about photos that no known file holds any more.
    dry_run : bool
        Only count.

    Raises
    ------
    LibraryError
        Nothing of the kind is known.
    UsageError
        Nothing was named, or a label set together with something else.
    """
    library = as_database(library)
    named: list[str | os.PathLike[str]] = as_list(paths, "paths", str, os.PathLike)
    targets = [os.fspath(path) for path in named]
    if any(not target.strip() for target in targets):
        raise UsageError("The path to forget is empty. Is a variable unset?")
    if label_set is not None:
        if targets or missing or namespace is not None:
            raise UsageError("A label set is forgotten by itself, without paths and namespace.")
        return forget_label_set(library, label_set, dry_run=dry_run)
    if not targets and not missing and namespace is None:
        raise UsageError("Name what to forget: a path, a source, a namespace or a label set.")
    require_namespace(library, namespace)
    sources = read_sources(library, namespace)
    is_all = namespace is not None and not targets and not missing
    gone = sources if is_all else _sources_of(sources, [] if missing else targets)
    kept = [source for source in sources if source not in gone]
    keys: set[int] = set()
    if is_all or (missing and not targets):
        keys = file_keys(library, namespace=namespace, missing=missing)
    for target in targets:
        found = _keys_of(library, target, namespace, missing, kept)
        if not found and not any(_is_meant(source, target) for source in gone):
            where = "" if namespace is None else f" in namespace {namespace}"
            raise LibraryError(
                f"The library knows nothing at {target}{where}. `safelight sources` lists what it "
                "knows.",
                code="unknown-path",
                path=target,
            )
        keys |= found
    return forget_files(
        library,
        keys,
        gone,
        kept,
        namespace=namespace if is_all else None,
        decisions=decisions,
        dry_run=dry_run,
    )


def forget_photo(
    library: AnyLibrary,
    photo_id: str,
    *,
    namespaces: tuple[str, ...] | None = None,
    decisions: bool = False,
    dry_run: bool = False,
) -> Forgotten:
    """Forget one photo: all its files, and what was computed of it; no file is touched.

    Parameters
    ----------
    library : Library or Database
    photo_id : str
    namespaces : tuple of str, optional
        Only its files in these; what is known about it goes with its last file.
    decisions, dry_run : bool
        As for :func:`forget`.

    Raises
    ------
    LibraryError
        With the code ``no-photo``: there is none, in these namespaces.
    """
    database = as_database(library)
    keys = file_keys_of(database, photo_id, namespaces)
    if not keys:
        raise LibraryError(
            f"There is no photo {photo_id[:12]} here.", code="no-photo", photo_id=photo_id
        )
    kept = read_sources(database)
    return forget_files(database, keys, [], kept, decisions=decisions, dry_run=dry_run)


def _sources_of(sources: Sequence[SourceRecord], targets: Sequence[str]) -> list[SourceRecord]:
    return [each for each in sources if any(_is_meant(each, target) for target in targets)]


def _is_meant(source: SourceRecord, target: str) -> bool:
    if source.spec == target:
        return True
    kind, place = place_of(source.spec)
    named_kind, named = place_of(target)
    if place is None or named is None:
        return False
    if named_kind in KINDS:  # this very source, however its path is written
        return kind == named_kind and place == _absolute(named)
    return place == _absolute(named) or is_inside(place, _absolute(named))


def _keys_of(
    library: Database,
    target: str,
    namespace: str | None,
    missing: bool,
    kept: Sequence[SourceRecord],
) -> set[int]:
    """Return the files that a target means; those of a source that another lists as well stay."""
    kind, place = place_of(target)
    if place is None:  # the demo, or a list that has a name
        return file_keys_at(library, _listed(target), namespace=namespace, missing=missing)
    path = _absolute(place)
    if kind == "image-list":
        paths = _listed(f"image-list:{path}")
        found = file_keys_at(library, paths, namespace=namespace, missing=missing)
    else:
        found = file_keys_below(library, path, namespace=namespace, missing=missing)
    if kind not in KINDS or missing:
        return found
    folders = [
        (each.namespace, place)
        for each in kept
        if place_of(each.spec)[0] == "images" and (place := place_of(each.spec)[1]) is not None
    ]
    return {
        key
        for key, where, name in paths_of_files(library, found)
        if not any(name == other and is_inside(where, folder) for other, folder in folders)
    }


def _absolute(path: str) -> str:
    return os.path.abspath(expanded(path))


def _listed(spec: str) -> list[str]:
    """Return the paths that a list, or the demo, names now; none if it cannot be read."""
    try:
        return [entry.path for entry in parse_source(spec).entries()]
    except SourceError:
        return []
