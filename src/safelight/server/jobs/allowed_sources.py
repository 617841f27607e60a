"""Sources that clients may ingest: files in the allowed folders, after following all links."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from safelight.files.names import expanded
from safelight.ingest.sources import parse_source, remembered_source
from safelight.ingest.sources.entry import is_inside
from safelight.ingest.sources.folder import FolderSource
from safelight.ingest.sources.lists import ListSource, PhotoSource
from safelight.library.ingested_sources import remembered
from safelight.server.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.ingest.sources import Source
    from safelight.library.database import Database

_KINDS = ("images", "image-list", "text")


def guarded(source: Source, roots: Sequence[str]) -> Source:
    """Return a source that looks at nothing outside of some real folders, wherever links lead."""
    if isinstance(source, FolderSource | ListSource | PhotoSource):
        return replace(source, roots=tuple(roots))
    return source  # a file of texts names no files


def allowed_source(
    library: Database,
    spec: str,
    roots: Sequence[str],
    *,
    recursive: bool = True,
    exclude: Sequence[str] = (),
    usual: Sequence[str] = (),
    namespaces: tuple[str, ...] | None = None,
) -> Source:
    """Return the source that a client names.

    It has to lie in one of the roots, or to have been ingested before: that was allowed then by
    somebody at this machine, or by the roots of that time.

    Parameters
    ----------
    spec : str
        See :func:`safelight.ingest.sources.parse_source`; a relative path is one in a root.
    roots : sequence of str
        Real folders, without links.
    recursive, exclude, usual
        See :func:`safelight.ingest.sources.parse_source`; a source that was ingested before keeps
        its own exclusions if none are given.
    namespaces : tuple of str, optional
        Only what was ingested into these before.

    Raises
    ------
    Problem
        With 403: it does not.
    SourceError
        It does, and is not there.
    """
    if "\0" in spec:
        raise Problem(400, "A path cannot have a NUL in it.", "source")
    for namespace, known, options in remembered(library):
        if known == spec and (namespaces is None or namespace in namespaces):
            if exclude:
                source = parse_source(known, usual=usual, **{**options, "exclude": exclude})
            else:
                source = remembered_source(known, options, usual)
            own = _path(known)
            folder = own if os.path.isdir(own) else os.path.dirname(own)
            return guarded(source, (os.path.realpath(folder), *roots))
    if spec == "demo":
        return parse_source(spec)
    if namespaces is not None:
        raise Problem(
            403,
            "A token for some namespaces may upload photos and bring up to date what was ingested "
            "into these, but not name folders of the server.",
            "outside",
        )
    kind, _, rest = spec.partition(":")
    prefix, path = (f"{kind}:", rest) if kind in _KINDS else ("", spec)
    path = expanded(path)
    for candidate in [path] if os.path.isabs(path) else [os.path.join(r, path) for r in roots]:
        found = os.path.abspath(candidate)
        if is_inside(found, roots) and (os.path.lexists(found) or os.path.isabs(path)):
            source = parse_source(
                prefix + found, recursive=recursive, exclude=tuple(exclude), usual=tuple(usual)
            )
            return guarded(source, roots)
    raise Problem(
        403,
        "This does not lie in a folder that the server may read. Start it with --root FOLDER to "
        "allow one.",
        "outside",
    )


def _path(spec: str) -> str:
    kind, _, rest = spec.partition(":")
    return rest if kind in _KINDS else spec
