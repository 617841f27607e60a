"""Build the clusters file of a space, in a process of its own that nobody waits for."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from safelight.library.vector_index import ivf_file
from safelight.library.vector_index.flat import item_of, matrix_path, open_with_state
from safelight.library.vector_index.ivf_file import SPREAD, Centres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from safelight.library.database import Database
    from safelight.library.vector_index.flat import ExactIndex
    from safelight.library.vector_index.flat_file import State
    from safelight.library.vector_index.ivf_file import Clusters

#: Clusters are made again when more rows than this, and more than one in 32, are in none.
TAIL = 10_000

#: Their centres are chosen again when there are so many times the rows there were.
_GROWTH = 2

#: Rows from which the centres are chosen, for each centre.
_SAMPLE = 64

#: Rows compared with all centres at once.
_BLOCK = 8192

#: Seconds after which what failed to be made is tried again.
_PAUSE = 60.0


def clusters_path(library: Database, fingerprint: str) -> Path:
    """Return where the clusters file of a space lies: beside its matrix file."""
    return matrix_path(library, fingerprint).with_suffix(".clusters")


def read_current(library: Database, fingerprint: str, state: State) -> Clusters | None:
    """Return the clusters of a space if they are of the first rows of the matrix in `state`."""
    found = ivf_file.read(clusters_path(library, fingerprint))
    if found is None or not belongs(library, found.state, state):
        return None
    return found


def belongs(library: Database, clustered: State, state: State) -> bool:
    """Tell whether what was clustered are the first rows of the matrix that is in `state`."""
    return (
        clustered.epoch == state.epoch
        and clustered.dimension == state.dimension
        and clustered.count <= state.count
        # A library restored from a backup has the same keys again, for other photos.
        and clustered.last_id == item_of(library.connection, clustered.last)
    )


def is_due(found: Clusters | None, count: int) -> bool:
    """Tell whether clusters should be made of `count` rows, given those that there are."""
    if found is None:
        return True
    return count - found.state.count > max(TAIL, found.state.count // 32)


def make(library: Database, fingerprint: str) -> bool:
    """Bring the clusters file of a space up to date, unless another process does.

    Returns
    -------
    bool
        Whether it is up to date now.

    Raises
    ------
    SpaceError
        The library has no such space.
    OSError
        The folder cannot be written to, or the disk is full.
    """
    with _only_one(library, fingerprint) as alone:
        if not alone:
            return False
        index, state = open_with_state(library, fingerprint)
        if state is None:
            return False
        known = read_current(library, fingerprint, state)
        if known is None or known.state.count < state.count:
            _make(clusters_path(library, fingerprint), index, state, known)
        return True


def _make(path: Path, index: ExactIndex, state: State, known: Clusters | None) -> None:
    vectors = index.blocks[0][1]
    if known is not None and state.count < _GROWTH * known.chosen.rows:
        chosen = known.chosen
        new = _nearest(vectors[known.state.count :], chosen.centres)
        members = np.concatenate([known.members, new])
    else:
        chosen = _choose(vectors)
        members = _nearest(vectors, chosen.centres)
    ivf_file.write(path, state, chosen, members, _parts(vectors, members, chosen))


def _choose(vectors: npt.NDArray[np.float32]) -> Centres:
    import faiss

    count, dimension = vectors.shape
    number = max(1, min(round(count**0.5), count // 40))
    random = np.random.default_rng(0)
    rows = np.sort(random.choice(count, min(count, _SAMPLE * number), replace=False))
    sample = np.ascontiguousarray(vectors[rows], np.float32)
    means = faiss.Kmeans(
        dimension,
        number,
        niter=8,
        seed=1,
        min_points_per_centroid=1,
        max_points_per_centroid=_SAMPLE,
    )
    means.train(sample)
    centres: npt.NDArray[np.float32] = means.centroids
    strayed = sample - centres[_nearest(sample, centres)]
    spread = sample.std(axis=0)
    step = SPREAD / 127 * np.maximum(spread, 1e-3 * spread.max() + 1e-9)
    covariance = (strayed.T @ strayed / len(strayed)).astype(np.float32)
    return Centres(count, centres, sample.mean(axis=0), step.astype(np.float32), covariance)


def _nearest(
    vectors: npt.NDArray[np.float32], centres: npt.NDArray[np.float32]
) -> npt.NDArray[np.int32]:
    found = np.empty(len(vectors), np.int32)
    half = (centres**2).sum(axis=1) / 2
    for start in range(0, len(vectors), _BLOCK):
        part = vectors[start : start + _BLOCK]
        found[start : start + _BLOCK] = np.argmax(part @ centres.T - half, axis=1)
    return found


def _parts(
    vectors: npt.NDArray[np.float32], members: npt.NDArray[np.int32], chosen: Centres
) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]]:
    order = np.argsort(members, kind="stable").astype(np.int64)
    ends = np.cumsum(np.bincount(members, minlength=len(chosen.centres)))
    for rows in np.split(order, ends[:-1]):
        codes = np.rint((vectors[rows] - chosen.middle) / chosen.step)
        yield (np.clip(codes, -127, 127) + 128).astype(np.uint8), rows


@contextlib.contextmanager
def _only_one(library: Database, fingerprint: str) -> Iterator[bool]:
    """Run the block as the only one that clusters this space; False if another does.

    The lock is one of SQLite's on a file of its own, which goes with the process.
    """
    path = _lock_path(library, fingerprint)
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            yield False
            return
        os.utime(path)
        yield True
    finally:
        connection.close()


def _lock_path(library: Database, fingerprint: str) -> Path:
    return clusters_path(library, fingerprint).with_suffix(".clustering")


def is_running(library: Database, fingerprint: str) -> bool:
    """Tell whether a process makes the clusters of a space now."""
    path = _lock_path(library, fingerprint)
    if not path.exists():
        return False
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()
    return False


def start(library: Database, fingerprint: str) -> bool:
    """Let another process make the clusters of a space; tell whether one was started.

    None is if one was within the last minute: it is at work, or it failed.
    """
    path = _lock_path(library, fingerprint)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and time.time() - path.stat().st_mtime < _PAUSE:
            return False
        path.touch()
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(library.path), fingerprint],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # closing the terminal does not end it
        )
    except OSError:  # a folder that cannot be written to: searches stay exact
        return False
    threading.Thread(target=process.wait, daemon=True).start()
    return True


def main() -> None:
    """Make the clusters of the space and library that the command line names."""
    from safelight.library.database import Database

    path, fingerprint = sys.argv[1:]
    if hasattr(os, "nice"):
        os.nice(10)
    with Database(path, create=False) as library:
        make(library, fingerprint)


if __name__ == "__main__":
    main()
