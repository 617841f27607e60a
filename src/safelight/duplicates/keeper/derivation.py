"""Which photos of groups were made from others: looked at once, and kept in the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.duplicates.keeper.losses import losses
from safelight.duplicates.keeper.traces import VERSION, Origin, origins
from safelight.duplicates.model import STRICT, Relation
from safelight.duplicates.relations import parts
from safelight.imaging import PhotoReader
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
    every = {
        group.id: (group, [facts[photo] for photo in group.photos])
        for group in groups
        if group.relation in STRICT and len(group.photos) > 1 and facts.keys() >= {*group.photos}
    }
    known = read_origins(library, VERSION)
    wanted = [name for name in every if name not in known]
    reader = PhotoReader()
    looked = in_order(lambda name: _look(*every[name], pixel_limit, reader), wanted, threads)
    waiting: dict[str, dict[str, tuple[str, str]]] = {}
    try:
        for number, (name, made) in enumerate(zip(wanted, looked, strict=True), start=1):
            progress(number, len(wanted))
            known[name] = {photo: (each.source, each.how) for photo, each in made.items()}
            # What cannot be read now, or is another photo by now, may be there the next time.
            if reader.away.isdisjoint(every[name][0].photos):
                waiting[name] = known[name]
            if len(waiting) >= _AT_ONCE:
                write_origins(library, VERSION, waiting)
                waiting = {}
    finally:
        looked.close()
        write_origins(library, VERSION, waiting)
    return {
        photo: Origin(source, how) for name in every for photo, (source, how) in known[name].items()
    }


def _look(
    group: Group, photos: Sequence[PhotoFacts], pixel_limit: int, reader: PhotoReader
) -> dict[str, Origin]:
    lost = losses(photos, max_pixels=pixel_limit, reader=reader)
    found = {photo: Origin("", how) for photo, how in lost.items()}
    for ids in parts(group.edges, _SAME_VIEW):
        found |= origins(
            [each for each in photos if each.id in ids], max_pixels=pixel_limit, reader=reader
        )
    return found
