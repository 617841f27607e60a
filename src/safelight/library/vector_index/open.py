"""Choice of a space's index: flat while that is fast, then IVF."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias

from safelight.library.spaces import space_key
from safelight.library.vector_index import flat_file, ivf_build, ivf_file
from safelight.library.vector_index.flat import ExactIndex, matrix_path, open_with_state
from safelight.library.vector_index.ivf import ClusteredIndex
from safelight.settings import CLUSTERS_FROM

if TYPE_CHECKING:
    from safelight.library.database import Database

#: An index that is on this machine, beside its library.
LocalIndex: TypeAlias = ExactIndex | ClusteredIndex


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """State of a space's index.

    Attributes
    ----------
    kind : str
        ``exact`` or ``clusters``.
    clustered : int
        Vectors in clusters; the others are compared one by one.
    running : bool
        Whether clusters are being made now.
    lacking : str or None
        What would have to be installed for clusters.
    """

    kind: str
    clustered: int
    running: bool
    lacking: str | None


def open_fastest(
    library: Database, fingerprint: str, *, clusters_from: int = CLUSTERS_FROM
) -> LocalIndex:
    """Open the index that a space of its size is best searched with.

    By clusters from `clusters_from` vectors on, where FAISS is installed. Clusters that are
    missing, or lack many vectors, are made by another process; until they are ready the search is
    exact, or compares what they lack one by one.

    Raises
    ------
    SpaceError
        The library has no such space.
    """
    exact, state = open_with_state(library, fingerprint)
    if state is None or state.count < clusters_from or not has_faiss():
        return exact
    found = ivf_build.read_current(library, fingerprint, state)
    if ivf_build.is_due(found, state.count):
        ivf_build.start(library, fingerprint)
    return exact if found is None else ClusteredIndex(found, exact)


def clusters_made_at(library: Database, fingerprint: str) -> int:
    """Return when the clusters of a space were written, in ns of its file system; 0 if never."""
    try:
        return ivf_build.clusters_path(library, fingerprint).stat().st_mtime_ns
    except OSError:
        return 0


def has_faiss() -> bool:
    """Tell whether FAISS is installed, without importing it."""
    return find_spec("faiss") is not None


def index_status(
    library: Database, fingerprint: str, *, clusters_from: int = CLUSTERS_FROM
) -> IndexStatus:
    """Return the status of a space's index, without opening it.

    Raises
    ------
    SpaceError
        The library has no such space.
    """
    space_key(library.connection, fingerprint)
    kept = flat_file.read(matrix_path(library, fingerprint))
    running = ivf_build.is_running(library, fingerprint)
    if kept is None or kept.state.count < clusters_from:
        return IndexStatus("exact", 0, running, None)
    if not has_faiss():
        return IndexStatus("exact", 0, running, "pip install 'safelight[faiss]'")
    found = ivf_file.read_state(ivf_build.clusters_path(library, fingerprint))
    if found is None or not ivf_build.belongs(library, found, kept.state):
        return IndexStatus("exact", 0, running, None)
    return IndexStatus("clusters", found.count, running, None)
