"""Hashing the photos that came into a library before it kept hashes, or before these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.errors import DecodeError
from safelight.hashing import HASH_VERSION, Hashes, hash_frame
from safelight.hashing.hashes import MIN_SIDE
from safelight.imaging import DEFAULT_MAX_PIXELS, decode, read_verified
from safelight.library.hashes import HashRecord, lacking_hashes, write_hashes
from safelight.quality.files import in_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.library.store import Library

# Written at once: little is lost when the process is killed.
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Hashing:
    """How far it is.

    Attributes
    ----------
    done, total : int
        Photos.
    failed : int
        Of those done: not readable, or no longer the photo that the library knows. They are tried
        again the next time.
    """

    done: int
    total: int
    failed: int = 0


def hash_lacking(
    library: Library,
    *,
    namespace: str | None = None,
    threads: int | None = None,
    pixel_limit: int = DEFAULT_MAX_PIXELS,
    progress: Callable[[Hashing], None] = lambda _: None,
) -> Hashing:
    """Hash the photos that have no hashes of this version.

    Photos are hashed by every ingest; this opens those once more that were ingested by an older
    safelight.

    Parameters
    ----------
    library : Library
    namespace : str, optional
        Only photos with a file in it.
    threads : int, optional
        One a processor core if not given.
    pixel_limit : int
        A photo with more pixels is left without.
    progress : callable
        Called from this thread after each photo.
    """
    wanted = lacking_hashes(library, HASH_VERSION, namespace)
    waiting: dict[str, HashRecord] = {}
    state = Hashing(0, len(wanted))

    def work(item: tuple[str, str]) -> tuple[str, Hashes | None]:
        photo_id, path = item
        try:
            # Another photo by now is for the next ingest to see to.
            data = read_verified(photo_id, (path,))
            return photo_id, hash_frame(decode(data, min_side=MIN_SIDE, max_pixels=pixel_limit))
        except (DecodeError, OSError):
            return photo_id, None

    results = in_order(work, wanted, threads)
    try:
        for photo_id, found in results:
            if found is not None:
                waiting[photo_id] = HashRecord(
                    HASH_VERSION, found.dct256, found.words, found.places
                )
            if len(waiting) >= _AT_ONCE:
                write_hashes(library, waiting)
                waiting = {}
            state = Hashing(state.done + 1, state.total, state.failed + (found is None))
            progress(state)
    finally:
        results.close()
        write_hashes(library, waiting)
    return state
