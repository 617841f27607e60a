"""Load one entry on a worker thread: read once, hash, decode once, prepare for the model."""

from __future__ import annotations

import errno
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from safelight.errors import DecodeError
from safelight.files import sha256
from safelight.hashing import hash_frame
from safelight.hashing.hashes import MIN_SIDE as HASHING_SIDE
from safelight.imaging import decode
from safelight.imaging.header import read_header
from safelight.imaging.reader import read_photo_with_stat
from safelight.ingest.sources.entry import explain, is_still_inside
from safelight.ingest.sources.sidecars import read_sidecars, stamp_of
from safelight.library.items import is_embedded, is_stale
from safelight.library.write import FactsRecord, ItemRecord
from safelight.quality.picture import MIN_SIDE as SCORING_SIDE
from safelight.types import FileStat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from safelight.embedding.base import Embedder
    from safelight.hashing import Hashes
    from safelight.ingest.score import Scoring
    from safelight.ingest.sources.entry import Entry
    from safelight.library.database import Database
    from safelight.quality import Measurement
    from safelight.types import Exif, Frame, Structure

    KeepFrame = Callable[[str, Frame], None]

#: The shorter side that frames have at least, if something else looks at them as well.
FRAME_SIDE = 320


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """Result of loading an entry.

    Attributes
    ----------
    entry : Entry
        With the stat of the bytes that were read.
    item_id : str or None
        None if nothing could be read.
    item : ItemRecord or None
        New content, still without its vector; None if it is known or being worked on already.
    prepared : array or None
        The model's input for a new photo.
    hashes : Hashes or None
        What tells which other photos it looks like; of a new photo.
    structure : Structure or None
        What its file holds beside its first picture; of a new photo.
    measured : mapping or None
        What its pixels tell of its quality, if scores are wanted.
    stamp : str or None
        Of the sidecars that were read.
    was_right : bool
        What the library has of its pixels is as it would be now.
    code, reason : str or None
        Why it failed.
    seconds : dict
        Time spent, by stage.
    """

    entry: Entry
    item_id: str | None = None
    item: ItemRecord | None = None
    prepared: npt.NDArray[Any] | None = None
    hashes: Hashes | None = None
    structure: Structure | None = None
    measured: Mapping[str, Measurement] | None = None
    stamp: str | None = None
    was_right: bool = False
    code: str | None = None
    reason: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)


class Claims:
    """Claims on content that this run already works on, so that copies are decoded once."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._lock = threading.Lock()

    def take(self, item_id: str) -> bool:
        """Return True for the first to ask."""
        with self._lock:
            if item_id in self._ids:
                return False
            self._ids.add(item_id)
            return True


def load(
    entry: Entry,
    library: Database,
    embedder: Embedder,
    claims: Claims,
    pixel_limit: int,
    scoring: Scoring | None = None,
    *,
    afresh: bool = False,
    keep_frame: KeepFrame | None = None,
) -> Loaded:
    """Read, hash, decode and prepare one entry; every failure is returned, none is raised.

    Content that the library has is only hashed, unless everything is done `afresh`.
    """
    seconds: dict[str, float] = {}
    started = time.perf_counter()
    try:
        data, entry = read_entry(entry)
    except DecodeError as exc:
        return Loaded(entry, code=exc.code, reason=str(exc), seconds=seconds)
    except OSError as exc:
        code, reason = explain(exc)
        return Loaded(entry, code=code, reason=reason, seconds=seconds)
    started = _lap(seconds, "read", started)
    item_id = sha256(data)
    _lap(seconds, "hash", started)
    is_known = not afresh and is_embedded(library, item_id, embedder.fingerprint)
    if is_known or not claims.take(item_id):
        return Loaded(entry, item_id, seconds=seconds)
    stale = not afresh and is_stale(library, item_id, embedder.fingerprint)
    return load_bytes(
        entry,
        item_id,
        data,
        embedder,
        pixel_limit,
        scoring,
        seconds=seconds,
        keep_frame=keep_frame,
        stale=stale,
    )


def load_bytes(
    entry: Entry,
    item_id: str,
    data: bytes,
    embedder: Embedder,
    pixel_limit: int,
    scoring: Scoring | None = None,
    *,
    seconds: dict[str, float] | None = None,
    keep_frame: KeepFrame | None = None,
    stale: bool = False,
) -> Loaded:
    """Decode and prepare the bytes of one entry; every failure is returned, none is raised.

    Parameters
    ----------
    item_id : str
        sha256 of `data`, hex.
    seconds : dict, optional
        Added to, and part of what is returned.
    keep_frame : callable, optional
        Called with the id and the frame of a photo that was decoded.
    stale : bool
        The library has its vector, from a decode that may have been another.
    """
    stamp = stamp_of(entry.sidecars)
    seconds = {} if seconds is None else seconds
    started = time.perf_counter()
    if entry.text is not None:
        item = ItemRecord(item_id, "text", len(data), None, text=entry.text)
        return Loaded(entry, item_id, item, seconds=seconds)
    min_side = max(
        embedder.min_side,
        HASHING_SIDE,
        SCORING_SIDE if scoring else 0,
        FRAME_SIDE if keep_frame else 0,
    )
    try:
        frame = decode(data, min_side=min_side, max_pixels=pixel_limit)
    except DecodeError as exc:
        _lap(seconds, "decode", started)
        return Loaded(entry, item_id, code=exc.code, reason=str(exc), seconds=seconds)
    started = _lap(seconds, "decode", started)
    if stale and frame.alpha is None:
        # Only what is transparent is decoded by another rule since.
        return Loaded(entry, item_id, stamp=stamp, was_right=True, seconds=seconds)
    exif = frame.exif
    if sidecars := read_sidecars(entry.sidecars, entry.roots):
        told = read_header(data, max_pixels=pixel_limit, sidecars=sidecars).exif
        exif = replace(told, orientation=exif.orientation)
    try:
        prepared = embedder.prepare(frame)
    except Exception as exc:  # noqa: BLE001 - one odd photo does not end a run over thousands
        reason = f"cannot be given to the model: {exc}"
        return Loaded(entry, item_id, code="model", reason=reason, seconds=seconds)
    started = _lap(seconds, "prepare", started)
    hashes = hash_frame(frame)
    started = _lap(seconds, "looks", started)
    measured = None
    if scoring is not None:
        measured = scoring.of_pixels(frame)
        started = _lap(seconds, "score", started)
    if keep_frame is not None:
        keep_frame(item_id, frame)
        _lap(seconds, "thumbnails", started)
    item = ItemRecord(
        item_id,
        "photo",
        len(data),
        None,
        format=frame.format,
        width=frame.width,
        height=frame.height,
        exif=facts_of(exif),
    )
    return Loaded(
        entry,
        item_id,
        item,
        prepared,
        hashes,
        frame.structure,
        measured,
        stamp=stamp,
        seconds=seconds,
    )


def facts_of(exif: Exif) -> dict[str, Any]:
    """Return EXIF data as the library keeps them: without what is not known."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(exif).items()
        if value not in (None, ()) and (key, value) != ("orientation", 1)
    }


def read_facts(entry: Entry, pixel_limit: int) -> FactsRecord | None:
    """Return the facts of a photo and of its sidecars, without decoding it; None if it is away."""
    stamp = stamp_of(entry.sidecars)
    try:
        data, entry = read_entry(entry)
        sidecars = read_sidecars(entry.sidecars, entry.roots)
        exif = read_header(data, max_pixels=pixel_limit, sidecars=sidecars).exif
    except (DecodeError, OSError):
        return None
    return FactsRecord(entry.path, sha256(data), facts_of(exif), stamp)


def read_entry(entry: Entry) -> tuple[bytes, Entry]:
    """Return the bytes of an entry, and the entry with the stat of just these.

    Raises
    ------
    DecodeError
        The file is large and not an image.
    OSError
        It cannot be read, is not a regular file, or too large for a photo.
    """
    if entry.text is not None:
        return entry.text.encode(), entry
    # The stat of the bytes that are read, should the file have changed since it was listed.
    data, found = read_photo_with_stat(entry.path)
    if entry.roots and not is_still_inside(entry.path, found, entry.roots):
        raise PermissionError(errno.EACCES, "It lies outside of the allowed folders", entry.path)
    return data, replace(entry, stat=FileStat.of(found))


def _lap(seconds: dict[str, float], stage: str, started: float) -> float:
    now = time.perf_counter()
    seconds[stage] = seconds.get(stage, 0.0) + now - started
    return now
