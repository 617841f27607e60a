"""Contents of a library: photos, models, labels, stores, sources, and files that failed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from safelight.library.attributes.labels import label_counts
from safelight.library.files import counts, failures, namespaces, require_namespace
from safelight.library.ingested_sources import remembered, unread_files
from safelight.library.outbox import stores
from safelight.library.spaces import sizes
from safelight.library.vector_index.open import index_status
from safelight.model_choice import better_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.library.attributes.labels import LabelCounts
    from safelight.library.database import Database
    from safelight.library.files import Counts
    from safelight.library.vector_index.open import IndexStatus
    from safelight.settings import Settings
    from safelight.types import Failure, Space


@dataclass(frozen=True, slots=True)
class SpaceStatus:
    """A space of a library: its vectors, whether searches use it, and its index."""

    space: Space
    embeddings: int
    default: bool
    index: IndexStatus

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready, with the fields of the space among its own."""
        return {
            **asdict(self.space),
            "embeddings": self.embeddings,
            "default": self.default,
            "index": asdict(self.index),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryStatus:
    """Contents of a library, or of one namespace of it.

    Attributes
    ----------
    library : str
        Its path.
    bytes : int
        Of its file.
    counts : Counts
    namespaces : mapping of str to Counts
    spaces : tuple of SpaceStatus
    labels : tuple of LabelCounts
    stores : mapping of str to int
        Changes that are queued for each vector store, by address.
    clusters_from : int
        Vectors from which on a space is searched by clusters.
    unread : mapping of str to int
        Pictures of kinds that are not read, by suffix.
    sources : tuple of (str, str)
        Namespace and specification.
    note : str or None
        Advice for a library that has the starter model only.
    """

    library: str
    bytes: int
    counts: Counts
    namespaces: Mapping[str, Counts] = field(hash=False)
    spaces: tuple[SpaceStatus, ...]
    labels: tuple[LabelCounts, ...]
    stores: Mapping[str, int] = field(hash=False)
    clusters_from: int
    unread: Mapping[str, int] = field(hash=False)
    sources: tuple[tuple[str, str], ...]
    note: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {
            "library": self.library,
            "bytes": self.bytes,
            **asdict(self.counts),
            "namespaces": {name: asdict(each) for name, each in self.namespaces.items()},
            "spaces": [each.to_dict() for each in self.spaces],
            "labels": [asdict(each) for each in self.labels],
            "stores": [{"store": name, "queued": queued} for name, queued in self.stores.items()],
            "clusters_from": self.clusters_from,
            "unread": dict(self.unread),
            "sources": [{"namespace": name, "source": spec} for name, spec in self.sources],
            "note": self.note,
        }


def library_status(
    library: Database, settings: Settings, namespace: str | None = None
) -> LibraryStatus:
    """Return the contents of a library, or of a namespace.

    Raises
    ------
    LibraryError
        It has no such namespace.
    """
    require_namespace(library, namespace)
    names = [name for name in namespaces(library) if namespace in (None, name)]
    total = counts(library, namespace)
    return LibraryStatus(
        library=str(library.path),
        bytes=library.path.stat().st_size,
        counts=total,
        namespaces={name: total if len(names) == 1 else counts(library, name) for name in names},
        spaces=tuple(
            SpaceStatus(
                space,
                embeddings,
                default,
                index_status(library, space.fingerprint, clusters_from=settings.clusters_from),
            )
            for space, embeddings, default in sizes(library)
        ),
        labels=tuple(label_counts(library, namespace)),
        stores=dict(stores(library)),
        clusters_from=settings.clusters_from,
        unread=unread_files(library, namespace),
        sources=tuple((name, spec) for name, spec, _ in remembered(library, namespace)),
        note=better_model(library, settings),
    )


def failed_files(library: Database, namespace: str | None = None) -> list[Failure]:
    """Return the files that could not be ingested, by path.

    Raises
    ------
    LibraryError
        The library has no such namespace.
    """
    require_namespace(library, namespace)
    return failures(library, namespace)
