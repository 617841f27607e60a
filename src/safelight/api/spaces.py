"""Spaces of a library, one for each model: list them, search in another, drop one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.library import spaces as kept
from safelight.library.files import counts
from safelight.library.spaces import Coverage, all_spaces, coverage, find_named_space

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.library.database import Database

__all__ = ["Coverage", "SpaceList", "check_drop", "drop_space", "list_spaces", "use_space"]


@dataclass(frozen=True, slots=True)
class SpaceList:
    """Spaces of a library, and whether it holds texts besides photos."""

    spaces: tuple[Coverage, ...]
    has_texts: bool


def list_spaces(library: Database) -> SpaceList:
    """Return the spaces of a library, the one that searches use first."""
    return SpaceList(tuple(all_spaces(library)), counts(library).texts > 0)


def use_space(library: Database, name: str) -> Coverage:
    """Let searches use another space from now on, and return how much that covers.

    Parameters
    ----------
    name : str
        Its name, what loads its model, or the beginning of its fingerprint.

    Raises
    ------
    SpaceError
        The library has no such space, or several.
    """
    space = find_named_space(library, name)
    kept.use_space(library, space.fingerprint)
    return coverage(library, space.fingerprint)


def check_drop(library: Database, name: str, *, force: bool = False) -> Coverage:
    """Return the space that :func:`drop_space` may remove, by the name that a person gives it.

    Parameters
    ----------
    name : str
        As for :func:`use_space`.
    force : bool
        Accept it even if it is the only one.

    Raises
    ------
    SpaceError
        There is no such space, searches use it while there are others, or it is the only one.
    """
    from safelight.library.drop_space import check_drop as check

    return check(library, find_named_space(library, name).fingerprint, force=force)


def drop_space(
    library: Database,
    fingerprint: str,
    *,
    force: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> int:
    """Remove a space and return the bytes given back.

    See :func:`safelight.library.drop_space.drop_space`, which describes the options.
    """
    from safelight.library.drop_space import drop_space as drop

    return drop(library, fingerprint, force=force, tell=tell)
