"""Find the groups of a library, or the relatives of one more photo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.duplicates.candidates.feature_store import hashed, open_feature_store
from safelight.duplicates.candidates.generate import candidates_for
from safelight.duplicates.candidates.signals import Asked
from safelight.duplicates.clustering.grouping import closeness, group
from safelight.duplicates.clustering.incremental import PIXEL_LIMIT, Comparing, compare_new, related
from safelight.duplicates.model import Edge, Relation
from safelight.duplicates.photo_features import PhotoFeatures
from safelight.duplicates.thresholds import DEFAULT
from safelight.duplicates.verification.frames import Frames
from safelight.files import sha256
from safelight.imaging import decode
from safelight.library.attributes.decisions import decided_pairs
from safelight.library.attributes.edges import present_photos, read_edges, several_files
from safelight.library.spaces import default_space

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from safelight.duplicates.candidates.feature_store import FeatureStore
    from safelight.duplicates.clustering.incremental import Relate
    from safelight.duplicates.model import Group
    from safelight.duplicates.thresholds import Thresholds
    from safelight.embedding.base import Embedder
    from safelight.library.database import Database


def find_groups(
    library: Database,
    *,
    namespace: str | None = None,
    relations: Collection[Relation] | None = None,
    decided: bool = True,
    fingerprint: str | None = None,
    thresholds: Thresholds = DEFAULT,
    threads: int | None = None,
    pixel_limit: int = PIXEL_LIMIT,
    progress: Callable[[Comparing], None] = lambda _: None,
    relate: Relate = related,
) -> list[Group]:
    """Compare what is new in the library, and return its groups.

    A photo without hashes is compared with none; only that it has several files is seen.

    Parameters
    ----------
    library : Database
    namespace : str, optional
        Only photos with a present file in it.
    relations : collection of Relation, optional
        Those that make groups; see :func:`safelight.duplicates.clustering.grouping.group`.
    decided : bool
        Leave out what the user decided on.
    fingerprint : str, optional
        The space whose vectors are compared; that of searches if not given.
    thresholds : Thresholds
        What counts as related.
    threads : int, optional
        That open photos for a closer look.
    pixel_limit : int
        Of photos that are opened.
    progress : callable
        Given a :class:`Comparing` now and then.
    relate : callable
        Decides on a pair; see :func:`safelight.duplicates.verification.classify.relate`.

    Raises
    ------
    SpaceError
        The library has no such space.
    """
    version = compare_new(
        library,
        namespace=namespace,
        fingerprint=fingerprint,
        thresholds=thresholds,
        threads=threads,
        pixel_limit=pixel_limit,
        progress=progress,
        relate=relate,
    )
    edges = [
        Edge(each.a, each.b, Relation(each.relation), each.evidence)
        for each in read_edges(library, version)
    ]
    edges += [
        Edge(photo, photo, Relation.IDENTICAL, {"files": files})
        for photo, files in several_files(library, namespace).items()
    ]
    return group(
        present_photos(library, namespace).ids,
        edges,
        relations=relations,
        decided=decided_pairs(library) if decided else (),
    )


def open_all(
    library: Database, *, fingerprint: str | None = None, thresholds: Thresholds = DEFAULT
) -> FeatureStore:
    """Read all photos of a library that have hashes, to compare others with them.

    Parameters
    ----------
    fingerprint : str, optional
        The space whose vectors are compared; that of searches if not given.

    Raises
    ------
    SpaceError
        The library has no such space.
    """
    if fingerprint is None:
        space = default_space(library)
        fingerprint = space.fingerprint if space else None
    hashes = hashed(library)
    present = set(present_photos(library).keys.tolist())
    return open_feature_store(
        library,
        hashes.keys[[key in present for key in hashes.keys.tolist()]],
        hashes,
        fingerprint=fingerprint,
        thresholds=thresholds,
    )


class _WithOne(Frames):
    """Opens photos of a library, and one more whose bytes are at hand."""

    def __init__(self, pixel_limit: int, photo_id: str, data: bytes) -> None:
        super().__init__(pixel_limit)
        self._photo_id, self._data = photo_id, data

    def read(self, seen: PhotoFeatures) -> bytes:
        """Return the bytes of a photo's file."""
        return self._data if seen.id == self._photo_id else super().read(seen)


def compare_one(
    library: Database,
    data: bytes,
    *,
    embedder: Embedder | None = None,
    known: FeatureStore | None = None,
    thresholds: Thresholds = DEFAULT,
    pixel_limit: int = PIXEL_LIMIT,
    relate: Relate = related,
) -> list[Edge]:
    """Return how a photo, in the library or not, is related to those in it, the closest first.

    Parameters
    ----------
    library : Database
    data : bytes
        The photo's file.
    embedder : Embedder, optional
        Of a space of the library; without it, what only vectors tell is not found.
    known : FeatureStore, optional
        What :func:`open_all` returned, for those who ask often; its space is the embedder's.
    thresholds : Thresholds
    pixel_limit : int
    relate : callable
        As for :func:`find_groups`.

    Returns
    -------
    list of Edge
        One has the photo at both ends if the library has the same bytes.

    Raises
    ------
    DecodeError
        The photo cannot be decoded.
    SpaceError
        Nothing in the library was embedded by this model.
    """
    from safelight.hashing import hash_frame
    from safelight.hashing.hashes import MIN_SIDE

    photo_id = sha256(data)
    min_side = max(MIN_SIDE, embedder.min_side if embedder else 0)
    frame = decode(data, min_side=min_side, max_pixels=pixel_limit)
    hashes = hash_frame(frame)
    if known is None:
        fingerprint = embedder.fingerprint if embedder else None
        known = open_all(library, fingerprint=fingerprint, thresholds=thresholds)
    vector = embedder.encode_images([frame])[0] if embedder else None
    found = candidates_for(
        known.signals, Asked(hashes.dct256, hashes.words, vector, known.moment(frame.exif))
    )
    own = PhotoFeatures(
        photo_id,
        frame.format,
        frame.width,
        frame.height,
        frame.exif,
        (),
        hashes.dct256 if hashes.dct256.any() else None,
        words=hashes.words,
        places=hashes.places,
        vector=vector,
        structure=frame.structure,
    )
    look = _WithOne(pixel_limit, photo_id, data)
    edges = []
    for other in known.seen(found.earlier.tolist()).values():
        if other.id == photo_id:
            edges.append(Edge(photo_id, photo_id, Relation.IDENTICAL, {"files": len(other.paths)}))
            continue
        a, b = (own, other) if own.id < other.id else (other, own)
        if (edge := relate(a, b, look, thresholds)) is not None:
            edges.append(edge)
    return sorted(edges, key=closeness)
