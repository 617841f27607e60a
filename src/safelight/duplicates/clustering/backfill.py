"""Backfill: hashes and structures of photos that came into a library before it kept these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.errors import DecodeError
from safelight.hashing import HASH_VERSION, Hashes, hash_frame
from safelight.hashing.hashes import MIN_SIDE
from safelight.imaging import DEFAULT_MAX_PIXELS, decode, read_verified
from safelight.imaging.containers.structure import STRUCTURE_VERSION, read_structure
from safelight.imaging.formats import sniff
from safelight.library.attributes.hashes import HashRecord, lacking_hashes, write_hashes
from safelight.library.attributes.structures import lacking_structures, write_structures
from safelight.quality.files import in_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.library.database import Database
    from safelight.types import Structure

# Written at once: little is lost when the process is killed.
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Hashing:
    """Progress of hashing.

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
    library: Database,
    *,
    namespace: str | None = None,
    threads: int | None = None,
    pixel_limit: int = DEFAULT_MAX_PIXELS,
    progress: Callable[[Hashing], None] = lambda _: None,
) -> Hashing:
    """Hash the photos that have no hashes of this version, and read structures likewise.

    Every ingest does both; this opens those photos once more that were ingested by an older
    safelight.

    Parameters
    ----------
    library : Database
    namespace : str, optional
        Only photos with a file in it.
    threads : int, optional
        One a processor core if not given.
    pixel_limit : int
        A photo with more pixels is left without.
    progress : callable
        Called from this thread after each photo.
    """
    unhashed = dict(lacking_hashes(library, HASH_VERSION, namespace))
    wanted = unhashed | dict(lacking_structures(library, STRUCTURE_VERSION, namespace))
    hashes: dict[str, HashRecord] = {}
    structures: dict[str, Structure] = {}
    state = Hashing(0, len(wanted))

    def work(item: tuple[str, str]) -> tuple[str, Hashes | None, Structure | None]:
        photo_id, path = item
        try:
            # Another photo by now is for the next ingest to see to.
            data = read_verified(photo_id, (path,))
            if photo_id not in unhashed and sniff(data) == "JPEG":  # never transparent
                return photo_id, None, read_structure(data)
            frame = decode(data, min_side=MIN_SIDE, max_pixels=pixel_limit)
        except (DecodeError, OSError):
            return photo_id, None, None
        # Transparent pictures were shown on white before, whatever its ink.
        again = photo_id in unhashed or frame.alpha is not None
        return photo_id, hash_frame(frame) if again else None, frame.structure

    results = in_order(work, list(wanted.items()), threads)
    try:
        for photo_id, found, structure in results:
            if found is not None:
                hashes[photo_id] = HashRecord(HASH_VERSION, found.dct256, found.words, found.places)
            if structure is not None:
                structures[photo_id] = structure
            if len(structures) >= _AT_ONCE:
                write_hashes(library, hashes)
                write_structures(library, structures, STRUCTURE_VERSION)
                hashes, structures = {}, {}
            state = Hashing(state.done + 1, state.total, state.failed + (structure is None))
            progress(state)
    finally:
        results.close()
        write_hashes(library, hashes)
        write_structures(library, structures, STRUCTURE_VERSION)
    return state
