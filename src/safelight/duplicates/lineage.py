"""Which photos of groups were made from which: looked at once, and kept in the library."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from safelight.duplicates.grouping import group_id
from safelight.duplicates.model import STRICT, Relation
from safelight.duplicates.origin import VERSION, Origin, origins
from safelight.duplicates.relations import parts
from safelight.library.origins import read_origins, write_origins
from safelight.quality.files import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from safelight.duplicates.model import Group
    from safelight.library.copies import PhotoFacts
    from safelight.library.store import Library

# Of what was looked at, so many are written at once.
_AT_ONCE = 16

# Relations within which it can be told from the pixels which photo was made from which.
_SAME_VIEW = frozenset({Relation.SAME_PIXELS, Relation.RE_ENCODED, Relation.RESIZED})


def origins_of(
    library: Library,
    groups: Sequence[Group],
    facts: Mapping[str, PhotoFacts],
    *,
    pixel_limit: int,
    threads: int | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, Origin]:
    """Return the origins of photos of groups, by photo id; nothing of those that tell nothing.

    Parameters
    ----------
    library : Library
    groups : sequence of Group
    facts : mapping
        Of their photos, by id.
    pixel_limit : int
        A photo with more is not opened.
    threads : int, optional
        One a processor core if not given.
    progress : callable
        Called with the number of groups looked at, and that of those to be.
    """
    forms = {
        group_id(ids): [facts[photo] for photo in group.photos if photo in ids]
        for group in groups
        if group.relation in STRICT
        for ids in parts(group.edges, _SAME_VIEW)
        if ids <= facts.keys()
    }
    known = read_origins(library, VERSION)
    wanted = [group for group in forms if group not in known]
    looked = in_order(lambda group: origins(forms[group], max_pixels=pixel_limit), wanted, threads)
    waiting: dict[str, dict[str, tuple[str, str]]] = {}
    try:
        for number, (group, made) in enumerate(zip(wanted, looked, strict=True), start=1):
            progress(number, len(wanted))
            known[group] = {photo: (each.source, each.how) for photo, each in made.items()}
            # What cannot be read now may be there the next time.
            if all(os.path.exists(photo.copies[0].path) for photo in forms[group]):
                waiting[group] = known[group]
            if len(waiting) >= _AT_ONCE:
                write_origins(library, VERSION, waiting)
                waiting = {}
    finally:
        looked.close()
        write_origins(library, VERSION, waiting)
    return {
        photo: Origin(source, how)
        for group in forms
        for photo, (source, how) in known[group].items()
    }
