"""Which files of the server clients can have ingested: those in the allowed folders, wherever a
link in them may lead.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from safelight.library.remembered import remembered
from safelight.server.problems import Problem
from safelight.sources import parse_source
from safelight.sources.entry import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from safelight.library.store import Library
    from safelight.sources import Source

_KINDS = ("images", "image-list", "text")


@dataclass(frozen=True)
class GuardedSource:
    """A source without what its links, or the lines of its list, lead to elsewhere.

    Parameters
    ----------
    source : Source
    roots : tuple of str
        Folders, absolute and without links.
    """

    source: Source
    roots: tuple[str, ...]

    @property
    def spec(self) -> str:
        """As the source has it."""
        return self.source.spec

    @property
    def options(self) -> dict[str, Any]:
        """As the source has them."""
        return self.source.options

    @property
    def scope(self) -> str | None:
        """As the source has it."""
        return self.source.scope

    def entries(self) -> Iterator[Entry]:
        """List what the source lists; what lies elsewhere is a failure."""
        folder_of = lru_cache(maxsize=4096)(os.path.realpath)
        for each in self.source.entries():
            if each.code is not None or each.text is not None:
                yield each
                continue
            folder, name = os.path.split(each.path)
            real = os.path.join(folder_of(folder), name)
            if os.path.islink(real):
                real = os.path.realpath(real)
            if is_within(real, self.roots):
                yield each
            else:
                yield Entry(
                    each.path,
                    each.source_path,
                    each.stat,
                    each.metadata,
                    code="permission",
                    reason="lies outside of the folders that the server may read",
                )


def is_within(real: str, roots: Sequence[str]) -> bool:
    """Tell whether a path without links is one of some folders, or lies in one."""
    return any(real == root or real.startswith(root.rstrip(os.sep) + os.sep) for root in roots)


def allowed_source(
    library: Library,
    spec: str,
    roots: Sequence[str],
    *,
    recursive: bool = True,
    exclude: Sequence[str] = (),
    namespaces: tuple[str, ...] | None = None,
) -> Source:
    """Return the source that a client names.

    It has to lie in one of the roots, or to have been ingested before: that was allowed then by
    somebody at this machine, or by the roots of that time.

    Parameters
    ----------
    spec : str
        See :func:`safelight.sources.parse_source`; a relative path is one in a root.
    roots : sequence of str
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
            source = parse_source(known, **options)
            own = _path(known)
            folder = own if os.path.isdir(own) else os.path.dirname(own)
            return GuardedSource(source, (os.path.realpath(folder), *_real(roots)))
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
    path = os.path.expanduser(path)
    real_roots = _real(roots)
    for candidate in [path] if os.path.isabs(path) else [os.path.join(r, path) for r in roots]:
        found = os.path.abspath(candidate)
        if is_within(os.path.realpath(found), real_roots) and (
            os.path.lexists(found) or os.path.isabs(path)
        ):
            source = parse_source(prefix + found, recursive=recursive, exclude=tuple(exclude))
            return GuardedSource(source, tuple(real_roots))
    raise Problem(
        403,
        "This does not lie in a folder that the server may read. Start it with --root FOLDER to "
        "allow one.",
        "outside",
    )


def _path(spec: str) -> str:
    kind, _, rest = spec.partition(":")
    return rest if kind in _KINDS else spec


def _real(roots: Sequence[str]) -> list[str]:
    return [os.path.realpath(root) for root in roots]
