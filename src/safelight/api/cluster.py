"""Data sets too large for one machine: ingest on a Ray cluster, and candidate pairs in them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from safelight.arguments import as_list
from safelight.cluster.engine import cluster, need_ray
from safelight.cluster.options import ClusterOptions as ClusterOptions  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from safelight.cluster.candidate_run import Found as Found
    from safelight.cluster.run import Summary as Summary
    from safelight.embedding.base import Embedder
    from safelight.ingest import Progress
    from safelight.labels import Classifier
    from safelight.settings import Settings


def ingest_on_cluster(
    settings: Settings,
    specs: str | Sequence[str],
    options: ClusterOptions,
    *,
    label: bool = False,
    tell: Callable[[str], None] = lambda _: None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Summary:
    """Bring a data set up to date; see :func:`safelight.cluster.command.ingest`.

    Parameters
    ----------
    label : bool
        Label photos with the label set of the settings.

    Raises
    ------
    UsageError
        Ray is not installed, or a source cannot be used with it.
    """
    specs = as_list(specs, "specs", str)
    need_ray()
    from safelight.api.label import open_classifier
    from safelight.cluster.command import ingest
    from safelight.labels import read_label_set

    classify: Callable[[Embedder], Classifier] | None = None
    if label:
        label_set = read_label_set(settings.labels, settings.templates)
        classify = partial(open_classifier, label_set, tell=tell)
    return ingest(settings, specs, options, classify=classify, tell=tell, progress=progress)


def find_candidates(data_set: str, *, bits: int | None = None, address: str | None = None) -> Found:
    """Write pairs of photos that look the same to DATASET/candidates, on a cluster.

    Parameters
    ----------
    data_set : str
        A folder or URL.
    bits : int, optional
        Maximum number of differing bits of their hashes, of 256.
    address : str, optional
        Of the cluster, HOST:PORT.

    Raises
    ------
    UsageError
        Ray is not installed.
    SafelightError
        The data set cannot be read or written.
    """
    need_ray()
    from safelight.cluster import candidate_run

    radius = candidate_run.RADIUS if bits is None else bits
    return candidate_run.find_candidates(data_set, lambda: cluster(address), radius=radius)
