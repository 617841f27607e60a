"""Rows of photos and failed files, as values for exports and imports."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from safelight.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from safelight.library.attributes.hashes import HashRecord
    from safelight.library.attributes.labels import LabelledPhoto
    from safelight.library.attributes.scores import ScoreRecord
    from safelight.types import Space

#: By how much the length of a vector of float32 may miss 1; half precision misses it by 0.0005.
_TOLERANCE = 0.01

_PHOTO_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FileRow:
    """A path at which a photo was seen.

    Attributes
    ----------
    namespace, path, source_path : str
        The path absolute, or a URL; and as its source named it.
    size, mtime_ns, ctime_ns, inode : int or None
        As the file system, or the object store, had them.
    gone : bool
        Whether it was seen to be there no longer.
    metadata : mapping
        What its source said about it.
    """

    namespace: str
    path: str
    source_path: str
    size: int | None = None
    mtime_ns: int | None = None
    ctime_ns: int | None = None
    inode: int | None = None
    gone: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A file that could not be read, decoded or embedded.

    Attributes
    ----------
    file : FileRow
    photo_id : str or None
        Where the content is known, and it is the model that could not take it.
    code, reason : str or None
        See :data:`safelight.types.FAILURE_CODES`. None of a file that was never opened.
    failed_at : str or None
        UTC, ISO 8601.
    """

    file: FileRow
    photo_id: str | None
    code: str | None
    reason: str | None
    failed_at: str | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Provenance of a vector.

    Attributes
    ----------
    fingerprint : str
        Of the space.
    model : str
    runtime : str or None
        As in ``onnx:cpu``.
    safelight : str or None
        The version.
    embedded_at : str or None
        UTC, ISO 8601.
    """

    fingerprint: str
    model: str
    runtime: str | None = None
    safelight: str | None = None
    embedded_at: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PhotoRow:
    """One photo or text, with all data about it.

    Attributes
    ----------
    photo_id : str
        sha256 of the bytes, hex.
    kind : str
        ``photo`` or ``text``.
    size : int
        Bytes.
    vector : (dimension,) float32 or None
        Of unit length.
    format, width, height, taken_at : optional
        As in :class:`safelight.types.Frame` and :class:`safelight.types.Exif`.
    exif : str
        JSON object of the fields that are set.
    text : str or None
        Of a text.
    added_at : str or None
        UTC, ISO 8601.
    scores : tuple of ScoreRecord
    labels : mapping
        By version of the label set.
    hashes : HashRecord or None
    files : tuple of FileRow
    provenance : Provenance or None
    """

    photo_id: str
    kind: str
    size: int
    vector: npt.NDArray[np.float32] | None
    format: str | None = None
    width: int | None = None
    height: int | None = None
    taken_at: str | None = None
    exif: str = "{}"
    text: str | None = None
    added_at: str | None = None
    scores: tuple[ScoreRecord, ...] = ()
    labels: Mapping[str, LabelledPhoto] = field(default_factory=dict)
    hashes: HashRecord | None = None
    files: tuple[FileRow, ...] = ()
    provenance: Provenance | None = None


def check_rows(rows: Sequence[PhotoRow], space: Space) -> None:
    """Check what no photo can be without.

    Raises
    ------
    SourceError
        A row has no photo id, another kind, a vector of another space or length, ...
    """
    for row in rows:
        if why := _wrong(row, space):
            raise SourceError(f"{why}, at {row.photo_id[:80]!r}", code="data-set")
    vectors = [row.vector for row in rows if row.vector is not None]
    if vectors:
        lengths = np.linalg.norm(np.stack(vectors), axis=1)
        if not (np.abs(lengths - 1) < _TOLERANCE).all():
            raise SourceError("it has vectors that are not of unit length", code="data-set")


def _wrong(row: PhotoRow, space: Space) -> str | None:
    if not _PHOTO_ID.fullmatch(row.photo_id):
        return "it has a photo_id that is not a sha256 in hex"
    if row.kind not in ("photo", "text"):
        return f"it has a row of kind {row.kind!r}"
    if row.vector is not None and row.vector.shape != (space.dimension,):
        return f"it has vectors of {len(row.vector)} numbers, {space.name} of {space.dimension}"
    if row.provenance is not None and row.provenance.fingerprint != space.fingerprint:
        return (
            f"it has vectors of the space {row.provenance.fingerprint[:12]}, not of "
            f"{space.fingerprint[:12]}"
        )
    hashes = row.hashes
    if hashes and (hashes.dct256.shape != (4,) or hashes.words.shape != hashes.places.shape):
        return "it has hashes of a wrong length"
    return None if row.exif == "{}" or _is_object(row.exif) else "its exif is not a JSON object"


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
