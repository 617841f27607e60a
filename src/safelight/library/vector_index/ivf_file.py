"""The clusters file: the vectors of one space once more, small and sorted by likeness.

A query over a million vectors must not read two gigabytes. So the rows of the matrix file are
put into clusters, and stand here with eight bits a number: FAISS scans the clusters that lie near
to a query, and what looks best is compared exactly, with the vectors of the matrix file. Like that
file this one is derived, says what it was made from, and can be deleted at any time.

Layout, all little-endian: a 4096-byte header (JSON, padded); the centres, the middle and the step
of each dimension, the covariance (float32); how many rows each cluster has (int64); the cluster of
each row (int32); all that under the header's checksum. Then for each cluster the codes of its rows
(bytes, ``dimension`` a row) and their row numbers (int64).
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from safelight.files import open_regular
from safelight.files.atomic import replacing, sweep
from safelight.library.vector_index.flat_file import State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

_HEADER_BYTES = 4096
_FORMAT = 1

#: 127 steps are so many standard deviations of a dimension: what lies farther out counts as 127.
SPREAD = 4.5


@dataclass(frozen=True, slots=True, eq=False)
class Centres:
    """Quantiser learnt from a sample of the vectors; valid until there are twice as many.

    Attributes
    ----------
    rows : int
        How many vectors there were.
    centres : (c, dimension) float32
    middle, step : (dimension,) float32
        A code of 128 stands for the middle, and each one more for a step more.
    covariance : (dimension, dimension) float32
        Of vectors around the centre of their cluster.
    """

    rows: int
    centres: npt.NDArray[np.float32]
    middle: npt.NDArray[np.float32]
    step: npt.NDArray[np.float32]
    covariance: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """A clusters file, opened.

    Attributes
    ----------
    path : Path
    state : State
        Which embeddings it was made from: the first rows of the matrix file.
    chosen : Centres
    sizes : (c,) int64
        Rows in each cluster.
    members : (state.count,) int32
        The cluster of each row.
    """

    path: Path
    state: State
    chosen: Centres
    sizes: npt.NDArray[np.int64]
    members: npt.NDArray[np.int32]

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """Offset of each cluster in the file."""
        count, dimension = self.state.count, self.state.dimension
        first = _HEADER_BYTES + _head_bytes(len(self.sizes), dimension, count)
        return first + (np.cumsum(self.sizes) - self.sizes) * (dimension + 8)


def _head_bytes(clusters: int, dimension: int, count: int) -> int:
    return 4 * (clusters + 2 + dimension) * dimension + 8 * clusters + 4 * count


def read_state(path: Path) -> State | None:
    """Return the origin of a clusters file, from its header only; None without a file."""
    found = _header(path)
    return None if found is None else found[0]


def read(path: Path) -> Clusters | None:
    """Open a clusters file; None if there is none, or it is damaged."""
    found = _header(path)
    if found is None:
        return None
    state, rows, clusters, checksum = found
    count, dimension = state.count, state.dimension
    try:
        size = _head_bytes(clusters, dimension, count)
        if path.stat().st_size != _HEADER_BYTES + size + count * (dimension + 8):
            return None
        with open_regular(path) as file:
            file.seek(_HEADER_BYTES)
            head = file.read(size)
        if zlib.crc32(head) != checksum:
            return None
        vectors = np.frombuffer(head, "<f4", (clusters + 2 + dimension) * dimension)
        vectors = vectors.reshape(-1, dimension)
        sizes = np.frombuffer(head, "<i8", clusters, vectors.nbytes)
        members = np.frombuffer(head, "<i4", count, vectors.nbytes + sizes.nbytes)
    except (OSError, ValueError):
        return None
    centres, middle, step = vectors[:clusters], vectors[clusters], vectors[clusters + 1]
    chosen = Centres(rows, centres, middle, step, vectors[clusters + 2 :])
    return Clusters(path, state, chosen, sizes, members)


def _header(path: Path) -> tuple[State, int, int, int] | None:
    try:
        with open_regular(path) as file:
            header = json.loads(file.read(_HEADER_BYTES))
        if header["format"] != _FORMAT:
            return None
        numbers = header["rows"], header["clusters"], header["checksum"]
        state = State(**header["state"])
        if state.count < 1 or not all(isinstance(each, int) for each in numbers):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return state, *numbers


def write(
    path: Path,
    state: State,
    chosen: Centres,
    members: npt.NDArray[np.int32],
    parts: Iterable[tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]],
) -> None:
    """Write a clusters file in place of the one at `path`, all at once or not at all.

    Parameters
    ----------
    members : (state.count,) int32
        The cluster of each row.
    parts : iterable of (codes (n, dimension) uint8, rows (n,) int64)
        One for each cluster, in order.

    Raises
    ------
    OSError
        The folder cannot be written to, or the disk is full.
    """
    sweep(path.parent)
    numbers = (
        np.vstack([chosen.centres, chosen.middle, chosen.step, chosen.covariance]).astype("<f4"),
        np.bincount(members, minlength=len(chosen.centres)).astype("<i8"),
        members.astype("<i4"),
    )
    head = b"".join(each.tobytes() for each in numbers)
    about = {
        "format": _FORMAT,
        "state": asdict(state),
        "rows": chosen.rows,
        "clusters": len(chosen.centres),
        "checksum": zlib.crc32(head),
    }
    with replacing(path) as file:
        file.write(json.dumps(about).encode().ljust(_HEADER_BYTES))
        file.write(head)
        for codes, rows in parts:
            file.write(np.ascontiguousarray(codes).data)
            file.write(np.ascontiguousarray(rows, "<i8").data)
