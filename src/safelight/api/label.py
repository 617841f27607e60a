"""Labels: of the photos of a library, and of any file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from safelight.api.progress import Reporting, Step, as_progress, reporting
from safelight.api.score import explained
from safelight.arguments import as_list, as_path
from safelight.errors import UsageError
from safelight.files.names import expanded
from safelight.labels import LabelScore, LabelSet, read_label_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from safelight.api.opened import Opened
    from safelight.embedding.base import Embedder
    from safelight.labels import Classifier, Labelling
    from safelight.settings import Settings

__all__ = [
    "FileLabels",
    "LabelScore",
    "LabelSet",
    "LibraryLabels",
    "PhotoLabels",
    "as_label_set",
    "label_files",
    "label_library",
    "open_classifier",
    "read_label_set",
]

#: Words as they are, or the path of a file that holds them.
Words = str | os.PathLike[str] | Sequence[str]


@dataclass(frozen=True, slots=True)
class PhotoLabels:
    """Labels of one photo.

    Attributes
    ----------
    path, photo_id : str
    abstained : bool
        No label of the set applies.
    applying : tuple of str
    labels : tuple of LabelScore
        The first ones by confidence.
    model : str
        Its name.
    label_set : str
        Its version.
    stored : bool
        The library keeps them.
    """

    path: str
    photo_id: str
    abstained: bool
    applying: tuple[str, ...]
    labels: tuple[LabelScore, ...]
    model: str
    label_set: str
    stored: bool

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {
            "path": self.path,
            "photo_id": self.photo_id,
            "abstained": self.abstained,
            "applying": list(self.applying),
            "labels": [
                {
                    "label": each.label,
                    "confidence": each.confidence,
                    "cosine_score": each.cosine_score,
                    "calibrated": each.calibrated,
                    "applies": each.applies,
                }
                for each in self.labels
            ],
            "model": self.model,
            "label_set": self.label_set,
            "stored": self.stored,
        }


@dataclass(frozen=True, slots=True)
class LibraryLabels:
    """Labels that photos of a library are given, computed and kept as they are iterated.

    Attributes
    ----------
    model : str
        Its name.
    label_set : LabelSet
    total : int
        Photos that lack them.
    """

    model: str
    label_set: LabelSet
    total: int
    _results: Callable[[], Iterator[PhotoLabels]]

    def __iter__(self) -> Iterator[PhotoLabels]:
        return self._results()


@dataclass(frozen=True, slots=True)
class FileLabels:
    """Labels of files, computed as they are iterated.

    Attributes
    ----------
    model : str
        Its name.
    label_set : LabelSet
    paths : tuple of str
        Files that are opened.
    failures : list of (str, str)
        Path, and path with reason, of what could not be read; complete after the iteration.
    """

    model: str
    label_set: LabelSet
    paths: tuple[str, ...]
    failures: list[tuple[str, str]] = field(hash=False)
    _results: Callable[[], Iterator[PhotoLabels]]

    def __iter__(self) -> Iterator[PhotoLabels]:
        return self._results()


@dataclass(frozen=True, slots=True)
class Labelled:
    """Outcome of labelling the photos of a library.

    Attributes
    ----------
    labelled : int
        Photos labelled now; the others were labelled with this set before.
    abstained : int
        Those of them to which no label applies.
    model : str
        Its name.
    label_set : LabelSet
    """

    labelled: int
    abstained: int
    model: str
    label_set: LabelSet


def as_label_set(library: Opened, labels: Words | None, templates: Words | None) -> LabelSet:
    """Return the label set of arguments: words, the path of a file of them, or the settings'.

    Raises
    ------
    SettingsError
        A file cannot be read, or holds no words.
    """
    settings = library.settings
    files: dict[str, Any] = {"labels": settings.labels, "templates": settings.templates}
    words: dict[str, tuple[str, ...]] = {}
    for name, given in (("labels", labels), ("templates", templates)):
        if isinstance(given, str) and not os.path.lexists(expanded(given)):
            raise UsageError(
                f"{name} takes a list of words, or the path of a file of them; there is no file "
                f"{given!r}.",
                argument=name,
            )
        if isinstance(given, str | os.PathLike):
            files[name] = as_path(given, name)
        elif given is not None:
            words[name] = tuple(as_list(given, name, str))
    known = read_label_set(**{name: path for name, path in files.items() if name not in words})
    if not words:
        return known
    return LabelSet(words.get("labels", known.labels), words.get("templates", known.templates))


def label(
    library: Opened,
    *,
    labels: Words | None = None,
    templates: Words | None = None,
    namespace: str | None = None,
    model: str | None = None,
    progress: Reporting | None = None,
) -> Labelled:
    """Label the photos of a library that lack labels of this set, and keep them.

    See :meth:`safelight.api.library.Library.label` for what it takes.

    Raises
    ------
    LibraryError
        Nothing was ingested yet, or there is no such namespace.
    SettingsError
        The labels or templates cannot be used.
    """
    found = label_library(
        library,
        as_label_set(library, labels, templates),
        namespace=namespace,
        model=model,
        progress=progress,
    )
    labelled = abstained = 0
    for each in found:
        labelled += 1
        abstained += each.abstained
    return Labelled(labelled, abstained, found.model, found.label_set)


def label_library(
    library: Opened,
    label_set: LabelSet,
    *,
    namespace: str | None = None,
    model: str | None = None,
    top: int = 5,
    progress: Reporting | None = None,
) -> LibraryLabels:
    """Return the labels of the photos that lack them; iterating computes and keeps them."""
    from safelight.ingest.label import label_known
    from safelight.library.attributes.labels import lacking_labels
    from safelight.library.files import require_namespace

    database = library.database
    require_namespace(database, namespace)
    embedder = library.embedder(model)
    classifier = open_classifier(label_set, embedder, tell=library.tell)
    at = dict(lacking_labels(database, embedder.fingerprint, label_set.version, namespace))
    shown = library.progress if progress is None else as_progress(progress)

    def results() -> Iterator[PhotoLabels]:
        done = 0
        with reporting(shown) as step:
            for batch in label_known(database, classifier, [*at], top):
                done += len(batch)
                step(Step("Labelling", done, len(at)))
                for photo_id, labelling in batch.items():
                    yield _photo_labels(
                        at[photo_id], photo_id, labelling, embedder, label_set, stored=True
                    )

    return LibraryLabels(embedder.name, label_set, len(at), results)


def label_files(
    library: Opened | None,
    photos: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    label_set: LabelSet,
    *,
    settings: Settings,
    model: str | None = None,
    top: int = 5,
    temperature: float | None = None,
    tell: Callable[[str], None] = lambda _: None,
    progress: Reporting = True,
) -> FileLabels:
    """Return the labels of files and of the photos in folders, computed as they are iterated.

    Parameters
    ----------
    library : Opened, optional
        Keeps the labels of photos that it has.
    model : str, optional
        The model to ask; chosen as for an ingest if not given.
    temperature : float, optional
        Divides cosines before the softmax; nothing is kept then.
    """
    from safelight.ingest.label import label_files as find_labels
    from safelight.ingest.sources.listing import list_photos
    from safelight.model_choice import choose_for_labels

    given: list[Any] = as_list(photos, "photos", str, os.PathLike)
    entries = list(list_photos(given, settings.exclude))
    failures = [(entry.path, f"{entry.path} {entry.reason}") for entry in entries if entry.code]
    paths = tuple(os.path.abspath(entry.path) for entry in entries if not entry.code)
    if library is not None:
        embedder = library.choose_for_ingest(model).embedder
    else:
        embedder = choose_for_labels(
            None, settings, model, tell=tell, progress=progress is not False
        )
    classifier = open_classifier(label_set, embedder, temperature=temperature, tell=tell)

    def results() -> Iterator[PhotoLabels]:
        found = find_labels(
            paths,
            embedder,
            classifier,
            library.database if library is not None and temperature is None else None,
            top=top,
            pixel_limit=settings.pixel_limit,
            threads=settings.threads,
        )
        with reporting(progress) as step:
            for done, (path, each) in enumerate(zip(paths, found, strict=True), start=1):
                if isinstance(each, Exception):
                    failures.append((path, explained(path, each)))
                else:
                    yield _photo_labels(
                        path, each.photo_id, each.labelling, embedder, label_set, stored=each.stored
                    )
                step(Step("Labelling", done, len(paths), len(failures)))

    return FileLabels(embedder.name, label_set, paths, failures, results)


def open_classifier(
    label_set: LabelSet,
    embedder: Embedder,
    *,
    temperature: float | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Classifier:
    """Return the classifier, with the user's cache; tell what there is to know about it."""
    from safelight.labels import CacheFiles, Classifier, caveat

    cache = CacheFiles.of_user(label_set, embedder)
    if note := caveat(embedder):
        tell(note)
    elif not cache.labels.exists():
        tell(f"Embedding labels with {embedder.name}, once for this list and model.")
    return Classifier.open(label_set, embedder, cache=cache, temperature=temperature)


def _photo_labels(
    path: str,
    photo_id: str,
    labelling: Labelling,
    embedder: Embedder,
    label_set: LabelSet,
    *,
    stored: bool,
) -> PhotoLabels:
    return PhotoLabels(
        path,
        photo_id,
        labelling.abstained,
        tuple(each.label for each in labelling.applying),
        tuple(labelling.labels),
        embedder.name,
        label_set.version,
        stored,
    )
