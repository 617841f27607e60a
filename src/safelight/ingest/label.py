"""Label photos: those of the library from their vectors, and any file."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.arguments import as_list
from safelight.errors import DecodeError, ModelError, ModelInvalid, ModelUnavailable
from safelight.files import sha256
from safelight.imaging import DEFAULT_MAX_PIXELS, decode, read_photo
from safelight.ingest.summary import Progress
from safelight.library.attributes.label_sets import use_label_set
from safelight.library.attributes.labels import (
    LabelledPhoto,
    LabelRecord,
    lacking_labels,
    vectors_of,
    write_labels,
)
from safelight.quality.files import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Generator, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from safelight.embedding.base import Embedder
    from safelight.labels import Classifier, Labelling
    from safelight.library.database import Database

    Vector = npt.NDArray[np.float32]

# Of each photo the library keeps this many of the first labels, and all that apply.
_KEPT = 5

#: Written at once of what the library has: a tenth of a second of work.
AT_ONCE = 512

# Files that are read before the model is given what is new among them.
_FILES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """The labels of a file.

    Attributes
    ----------
    path : str
        As it was given.
    photo_id : str
    labelling : Labelling
    stored : bool
        Whether the library has the photo, and now its labels; never where it cannot be written.
    """

    path: str
    photo_id: str
    labelling: Labelling
    stored: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """A file that was read: its vector if the library has it, else the model's input."""

    path: str
    photo_id: str
    vector: Vector | None = None
    prepared: npt.NDArray[Any] | None = None


def write_labelled(
    library: Database, classifier: Classifier, vectors: Mapping[str, Vector], top: int = _KEPT
) -> dict[str, Labelling]:
    """Label photos of the library by their vectors, keep the labels, and return them.

    Parameters
    ----------
    vectors : mapping
        By photo id, of the classifier's space.
    top : int
        How many labels to return of each, ranked by confidence; the library keeps 5.
    """
    found = classifier.classify(np.stack([*vectors.values()]), max(top, _KEPT)) if vectors else []
    label_set = classifier.label_set
    use_label_set(library, label_set.version, label_set.labels, label_set.templates)
    write_labels(
        library,
        classifier.fingerprint,
        label_set.version,
        {photo_id: as_record(each) for photo_id, each in zip(vectors, found, strict=True)},
    )
    return {
        photo_id: replace(each, labels=each.labels[:top])
        for photo_id, each in zip(vectors, found, strict=True)
    }


def label_known(
    library: Database,
    classifier: Classifier,
    photo_ids: Sequence[str],
    top: int = _KEPT,
    *,
    at_once: int = AT_ONCE,
) -> Iterator[dict[str, Labelling]]:
    """Label photos that the library has vectors of; yield `at_once` at a time, written.

    The label set becomes the one that was used last, even if there is nothing to label.
    """
    label_set = classifier.label_set
    use_label_set(library, label_set.version, label_set.labels, label_set.templates)
    for start in range(0, len(photo_ids), at_once):
        vectors = vectors_of(library, photo_ids[start : start + at_once], classifier.fingerprint)
        yield write_labelled(library, classifier, vectors, top)


def label_lacking(
    library: Database,
    classifier: Classifier,
    namespace: str,
    progress: Callable[[Progress], None] = lambda _: None,
    *,
    only: Container[str] | None = None,
    at_once: int = AT_ONCE,
) -> tuple[int, bool]:
    """Label the photos of a namespace, or `only` some, that the label set has not labelled yet.

    Returns
    -------
    int, bool
        How many were labelled, and whether Ctrl-C cut it short.
    """
    wanted = lacking_labels(
        library, classifier.fingerprint, classifier.label_set.version, namespace
    )
    ids = [photo_id for photo_id, _ in wanted if only is None or photo_id in only]
    done = 0
    try:
        for some in label_known(library, classifier, ids, at_once=at_once):
            done += len(some)
            progress(Progress(done, len(ids), 0))
    except KeyboardInterrupt:
        return done, True
    return done, False


def label_files(
    paths: Sequence[str],
    embedder: Embedder,
    classifier: Classifier,
    library: Database | None = None,
    *,
    top: int = _KEPT,
    pixel_limit: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
) -> Generator[LabelledFile | DecodeError | OSError | ModelError]:
    """Yield the labels of each file, or the reason why there are none, in order.

    What the library has a vector of is not decoded, and its labels are kept there, unless it
    cannot be written. Everything else is decoded and embedded, and nothing of it is kept.

    Parameters
    ----------
    paths : sequence of str
    embedder : Embedder
    classifier : Classifier
        For vectors of `embedder`.
    library : Database, optional
        Without one, nothing is looked up and nothing kept.
    top : int
        How many labels of each file, ranked by confidence.

    Raises
    ------
    ModelInvalid, ModelUnavailable
        The model cannot be loaded.
    """

    def work(path: str) -> _Read | DecodeError | OSError:
        try:
            return _read(path, embedder, library, pixel_limit)
        except DecodeError as error:
            return DecodeError(f"{path} {error}", code=error.code)
        except OSError as error:
            return error

    waiting: list[_Read | DecodeError | OSError] = []
    reads = in_order(
        work, [os.fspath(path) for path in as_list(paths, "paths", str, os.PathLike)], threads
    )
    try:
        for read in reads:
            waiting.append(read)
            if len(waiting) == _FILES_AT_ONCE:
                yield from _label(waiting, embedder, classifier, library, top)
                waiting = []
        yield from _label(waiting, embedder, classifier, library, top)
    finally:
        reads.close()


def _read(path: str, embedder: Embedder, library: Database | None, pixel_limit: int) -> _Read:
    data = read_photo(path)
    photo_id = sha256(data)
    if library is not None:
        vector = vectors_of(library, [photo_id], embedder.fingerprint).get(photo_id)
        if vector is not None:
            return _Read(path, photo_id, vector)
    frame = decode(data, min_side=embedder.min_side, max_pixels=pixel_limit)
    return _Read(path, photo_id, prepared=embedder.prepare(frame))


def _label(
    waiting: Sequence[_Read | DecodeError | OSError],
    embedder: Embedder,
    classifier: Classifier,
    library: Database | None,
    top: int,
) -> Iterator[LabelledFile | DecodeError | OSError | ModelError]:
    reads = [read for read in waiting if isinstance(read, _Read)]
    known = {read.photo_id: read.vector for read in reads if read.vector is not None}
    kept = None if library is None or library.is_read_only else library
    labels: dict[str, Labelling] = {}
    if kept is not None and known:
        labels = write_labelled(kept, classifier, known, top)
    inputs = {read.photo_id: read.prepared for read in reads if read.prepared is not None}
    new, refused = _embed(embedder, inputs)
    shown = new if kept is not None else known | new
    if shown:
        found = classifier.classify(np.stack([*shown.values()]), top)
        labels |= zip(shown, found, strict=True)
    for read in waiting:
        if not isinstance(read, _Read):
            yield read
        elif read.photo_id in refused:
            yield ModelError(f"{read.path}: {refused[read.photo_id]}")
        else:
            stored = kept is not None and read.photo_id in known
            yield LabelledFile(read.path, read.photo_id, labels[read.photo_id], stored)


def _embed(
    embedder: Embedder, inputs: Mapping[str, npt.NDArray[Any]]
) -> tuple[dict[str, Vector], dict[str, str]]:
    """Return the vectors by photo id, and the reason for each that the model cannot take."""
    if not inputs:
        return {}, {}
    try:
        vectors = [*embedder.encode_prepared([*inputs.values()])]
    except (ModelInvalid, ModelUnavailable):
        raise
    except ModelError as error:
        if len(inputs) == 1:
            return {}, {photo_id: str(error) for photo_id in inputs}
        parts = [_embed(embedder, {photo_id: each}) for photo_id, each in inputs.items()]
        found: dict[str, Vector] = {}
        refused: dict[str, str] = {}
        for some, others in parts:
            found |= some
            refused |= others
        return found, refused
    finite = {
        photo_id: vector
        for photo_id, vector in zip(inputs, vectors, strict=True)
        if np.isfinite(vector).all()
    }
    reason = f"the model {embedder.name} gave no finite vector for it"
    return finite, {photo_id: reason for photo_id in inputs if photo_id not in finite}


def as_record(labelling: Labelling) -> LabelledPhoto:
    """Return the labels of a photo to store: the first few, and all that apply."""
    kept = dict.fromkeys((*labelling.labels[:_KEPT], *labelling.applying))
    return LabelledPhoto(
        tuple(
            LabelRecord(
                each.label, each.confidence, each.cosine_score, each.calibrated, each.applies
            )
            for each in kept
        ),
        labelling.abstained,
    )
