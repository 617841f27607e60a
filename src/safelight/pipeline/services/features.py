"""Features service: add labels and quality to batches of artifacts."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from loguru import logger

from safelight.errors import FileError, UsageError
from safelight.files import sha256_of
from safelight.forks import after_fork
from safelight.library.database import as_database
from safelight.pipeline.messages.artifacts import (
    artifacts_of,
    photo_id_of,
    picture_of,
    with_artifacts,
)
from safelight.pipeline.paths import PipelinePaths
from safelight.pipeline.services.extraction import TECH, Extracted, Extractor, tech_metrics
from safelight.pipeline.services.feature_cache import FeatureCache, Kept
from safelight.pipeline.services.feature_json import as_features, fall_back, is_failed, merge
from safelight.pipeline.services.problem import Problem
from safelight.quality.files import in_order
from safelight.settings import Settings

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from safelight.embedding.base import Embedder
    from safelight.labels import Classifier, LabelSet
    from safelight.library.database import AnyLibrary

#: Changes whenever the same photo, model, metrics and labels would give other features.
_FORMAT = 1

_log = logger.bind(service="features_service")


class FeaturesService:
    """Adds ``features`` to the artifacts of batches. One object serves any number of threads.

    Parameters
    ----------
    embedder : Embedder, optional
        If not given, `model`; else what the settings name; else the default CLIP, or the starter
        model where that is not available.
    model : str, optional
        See :func:`safelight.embedding.load.load_embedder`.
    label_set : LabelSet, optional
        If not given, the files that the settings name; else ``config/labels.json`` and
        ``config/templates.json`` under `root`, each if it is there; else the 50 labels and 6
        templates that safelight brings.
    temperature : float, optional
        Of the softmax over labels; the model's own if not given.
    root : path-like
        What relative URIs are relative to.
    places : PipelinePaths
        Where the cache is, under `root`.
    library : Library or Database, optional
        Keeps features as well, of every version.
    compat_fallbacks : bool
        Put 0.5 and default labels where there is no measurement, as the service that this one
        replaces did. They are marked in ``status``, and never cached.
    settings : Settings, optional
        From the environment if not given.

    Raises
    ------
    ModelError
        The model cannot be loaded.
    SettingsError
        Labels or templates cannot be read.

    Examples
    --------
    >>> service = FeaturesService(model="starter")
    >>> service.process({"batch_id": "b1", "artifacts": []})
    {'batch_id': 'b1', 'artifacts': []}
    """

    name = "features"

    def __init__(
        self,
        embedder: Embedder | None = None,
        *,
        model: str | None = None,
        label_set: LabelSet | None = None,
        temperature: float | None = None,
        root: str | os.PathLike[str] = ".",
        places: PipelinePaths | None = None,
        library: AnyLibrary | None = None,
        compat_fallbacks: bool = False,
        settings: Settings | None = None,
    ) -> None:
        self._settings = settings or Settings.load()
        self._root = Path(root)
        self._places = PipelinePaths(self._root / (places or PipelinePaths()).data)
        self._embedder = embedder or _load(model, self._settings)
        self._label_set = label_set or _label_set(self._root, self._settings)
        self._temperature = temperature
        self._compat_fallbacks = compat_fallbacks
        _log.info(
            "Loaded {} labels and {} templates",
            len(self._label_set.labels),
            len(self._label_set.templates),
        )
        database = None if library is None else as_database(library)
        self._cache = FeatureCache(self._places.feature_cache, self.version, database)
        self._forget()
        after_fork(self, FeaturesService._forget)

    def _forget(self) -> None:
        self._lock = Lock()
        self._extractor: Extractor | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in ("_lock", "_extractor")
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()
        after_fork(self, FeaturesService._forget)

    @property
    def version(self) -> dict[str, Any]:
        """Everything that features depend on, JSON-ready; features of another are made again."""
        of_pixels, clip_iqa = tech_metrics(self._embedder)
        versions = {metric.name: metric.version for metric in (*of_pixels, clip_iqa)}
        return {
            "format": _FORMAT,
            "model": self._embedder.fingerprint,
            "model_name": self._embedder.name,
            "metrics": {name: versions[name] for name in TECH},
            "labels": self._label_set.version,
            "temperature": self._temperature,
        }

    def process(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Return the batch with ``features`` in each artifact; `batch` itself is not changed.

        Parameters
        ----------
        batch : mapping
            With ``artifacts``, as preprocess leaves them, or ``photo_index``, as ingest does. See
            the schemas ``features-input`` and ``features-output``.

        Raises
        ------
        UsageError
            It is not a batch.
        ModelError
            The model cannot be used. What is wrong with one photo is told in that artifact.
        """
        started = time.perf_counter()
        artifacts = artifacts_of(batch)
        batch_id = batch.get("batch_id")
        log = _log.bind(batch_id=batch_id)
        ids = [photo_id_of(artifact) for artifact in artifacts]
        made, cached = self._make(artifacts, ids, batch_id)
        failed = sum(map(is_failed, made))
        if self._compat_fallbacks:
            made = [fall_back(features, self._label_set.labels) for features in made]
        processed = [
            {**artifact, "features": merge(artifact.get("features"), features)}
            for artifact, features in zip(artifacts, made, strict=True)
        ]
        seconds = time.perf_counter() - started
        log.bind(seconds=round(seconds, 3), artifacts=len(ids), cached=cached, failed=failed).info(
            "Batch {}: {} artifacts, {} of them cached, {} with failures, in {:.2f} s",
            batch_id, len(ids), cached, failed, seconds,
        )  # fmt: skip
        return with_artifacts(batch, processed)

    def _make(
        self,
        artifacts: Sequence[Mapping[str, Any]],
        ids: Sequence[str | None],
        batch_id: object,
    ) -> tuple[list[dict[str, Any]], int]:
        """Return the features of each artifact, and of how many they were known already."""
        places = [self._place(artifact) for artifact in artifacts]
        made = self._known(ids, places)
        cached = sum(features is not None for features in made)
        first: dict[tuple[str, Path | Problem], int] = {}  # one photo may be in a batch twice
        lacking: list[int] = []
        for number, (photo_id, place) in enumerate(zip(ids, places, strict=True)):
            if made[number] is not None:
                continue
            if photo_id is not None and first.setdefault((photo_id, place), number) != number:
                continue
            lacking.append(number)
        fresh: dict[str, Kept] = {}
        for number, extracted in self._extract(artifacts, places, lacking, batch_id):
            features = as_features(extracted)
            made[number] = features
            photo_id = ids[number]
            if photo_id is not None and extracted.content and not is_failed(features):
                fresh[photo_id] = Kept(extracted.content, features)
        self._cache.write(fresh)
        return [
            found if found is not None else made[first[photo_id or "", place]] or {}
            for found, photo_id, place in zip(made, ids, places, strict=True)
        ], cached

    def _place(self, artifact: Mapping[str, Any]) -> Path | Problem:
        try:
            return picture_of(artifact, self._root)
        except UsageError as exc:
            return Problem(exc.code, str(exc))

    def _known(
        self, ids: Sequence[str | None], places: Sequence[Path | Problem]
    ) -> list[dict[str, Any] | None]:
        """Return the features that were found before of just the file that is there now."""
        kept = self._cache.read(list(dict.fromkeys(each for each in ids if each is not None)))
        asked = [
            (number, photo_id, place)
            for number, (photo_id, place) in enumerate(zip(ids, places, strict=True))
            if photo_id in kept and isinstance(place, Path)
        ]
        paths = list(dict.fromkeys(place for _, _, place in asked))
        digests = dict(zip(paths, in_order(_digest, paths, self._settings.threads), strict=True))
        made: list[dict[str, Any] | None] = [None] * len(ids)
        for number, photo_id, place in asked:
            entry = kept[photo_id or ""]
            if digests[place] == entry.content:
                made[number] = entry.features
        return made

    def _extract(
        self,
        artifacts: Sequence[Mapping[str, Any]],
        places: Sequence[Path | Problem],
        lacking: Sequence[int],
        batch_id: object,
    ) -> Iterator[tuple[int, Extracted]]:
        paths: list[Path] = []
        numbers: list[int] = []
        for number in lacking:
            place = places[number]
            if isinstance(place, Problem):
                self._tell(artifacts[number], Extracted(problem=place), batch_id)
                yield number, Extracted(problem=place)
            else:
                paths.append(place)
                numbers.append(number)
        if not paths:
            return
        for number in numbers:
            photo_id = photo_id_of(artifacts[number]) or "?"
            log = _log.bind(batch_id=batch_id, photo_id=photo_id)
            log.info("Extracting features for {}...", photo_id[:8])
        for at, extracted in self._opened().extract(paths):
            self._tell(artifacts[numbers[at]], extracted, batch_id)
            yield numbers[at], extracted

    def _opened(self) -> Extractor:
        """Return the extractor; a batch that is cached as a whole never needs it."""
        with self._lock:
            if self._extractor is None:
                self._extractor = Extractor(
                    self._embedder,
                    self._classifier(),
                    threads=self._settings.threads,
                    pixel_limit=self._settings.pixel_limit,
                )
            return self._extractor

    def _classifier(self) -> Classifier:
        from safelight.labels import Classifier

        return Classifier.open(
            self._label_set,
            self._embedder,
            cache=self._places.feature_cache,
            temperature=self._temperature,
        )

    def _tell(self, artifact: Mapping[str, Any], extracted: Extracted, batch_id: object) -> None:
        photo_id = photo_id_of(artifact) or "?"
        seconds = {stage: round(took, 4) for stage, took in extracted.seconds.items()}
        log = _log.bind(batch_id=batch_id, photo_id=photo_id, seconds=seconds)
        if extracted.problem is not None:
            log.bind(code=extracted.problem.code).error(
                "✗ No features for {}: {}", photo_id[:8], extracted.problem.reason
            )
            return
        labels = extracted.labelling.labels if extracted.labelling else ()
        log.info(
            "✓ Features extracted for {}: {}...",
            photo_id[:8],
            [each.label for each in labels[:3]],
        )


def _digest(path: Path) -> str | None:
    try:
        return sha256_of(path)
    except (FileError, OSError):
        return None


def _load(model: str | None, settings: Settings) -> Embedder:
    from safelight.embedding.load import default_model, load_embedder

    if model is None:
        default = default_model(settings.model, timeout=settings.hub_timeout)
        model = default.model
        if default.note:
            _log.warning("{}", default.note)
    _log.info("Loading model: {}", model)
    embedder = load_embedder(
        model,
        device=settings.device,
        threads=settings.threads,
        batch_size=settings.batch_size,
        tell=_log.info,
    )
    _log.info("Using {}", embedder.where)
    return embedder


def _label_set(root: Path, settings: Settings) -> LabelSet:
    from safelight.labels import read_label_set

    labels, templates = (root / "config" / f"{name}.json" for name in ("labels", "templates"))
    return read_label_set(
        settings.labels or (labels if labels.exists() else None),
        settings.templates or (templates if templates.exists() else None),
    )
