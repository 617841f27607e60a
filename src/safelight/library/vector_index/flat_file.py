"""The matrix file: the vectors of one space, derived from the library, memory-mapped.

A query must not read 100,000 blobs out of SQLite. So the vectors stand once more in a file beside
the library, as one matrix that the operating system pages in. The library stays the truth: the
file says which state of which library it was made from, is rewritten when that is no longer
so, and can be deleted at any time.

Layout: a 4096-byte header (JSON, padded), ``count`` item keys (int64), ``count * dimension``
numbers (float32), all little-endian.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from safelight.files import open_regular
from safelight.files.atomic import replacing, sweep

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

_HEADER_BYTES = 4096
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class State:
    """State of the library that a matrix file holds.

    Attributes
    ----------
    epoch : str
        Of the space; another one means that embeddings were removed since.
    dimension, count : int
    last : int
        Key of the last embedding in the file; later ones are not in it.
    last_id : str
        Id of that embedding's item: a library restored from a backup has the same keys again, for
        other photos.
    """

    epoch: str
    dimension: int
    count: int
    last: int
    last_id: str


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """A matrix file, opened.

    Attributes
    ----------
    state : State
    keys : (count,) int64
        Item keys.
    vectors : (count, dimension) float32
        Read-only map of the file.
    """

    state: State
    keys: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]


def read(path: Path) -> Matrix | None:
    """Open a matrix file; None if there is none, or it is damaged."""
    try:
        with open_regular(path) as file:
            header = json.loads(file.read(_HEADER_BYTES))
            if header.pop("format") != _FORMAT:
                return None
            state = State(**header)
            size = os.fstat(file.fileno()).st_size
        if size != _HEADER_BYTES + state.count * (8 + 4 * state.dimension):
            return None
        if state.count == 0:
            return Matrix(state, np.empty(0, "<i8"), np.empty((0, state.dimension), "<f4"))
        keys = np.memmap(path, "<i8", "r", _HEADER_BYTES, (state.count,))
        vectors = np.memmap(
            path, "<f4", "r", _HEADER_BYTES + 8 * state.count, (state.count, state.dimension)
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Matrix(state, keys, vectors)


def write(
    path: Path,
    state: State,
    keys: Iterable[npt.NDArray[np.int64]],
    vectors: Iterable[npt.NDArray[np.float32]],
) -> None:
    """Write a matrix file in place of the one at `path`, all at once or not at all.

    Raises
    ------
    OSError
        The folder cannot be written to, or the disk is full.
    """
    sweep(path.parent)
    header = json.dumps({"format": _FORMAT, **asdict(state)}).encode()
    # On Windows this fails while another process maps the old file; it is then kept, and the
    # rest is read from the library as before.
    with replacing(path) as file:
        file.write(header.ljust(_HEADER_BYTES))
        for numbers in keys:
            file.write(np.ascontiguousarray(numbers, "<i8").data)
        for block in vectors:
            file.write(np.ascontiguousarray(block, "<f4").data)
