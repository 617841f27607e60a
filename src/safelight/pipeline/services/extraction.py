"""Extract features of photo files; each file is read once and decoded once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.errors import DecodeError, ModelError, ModelInvalid, ModelUnavailable
from safelight.files import sha256
from safelight.imaging import DEFAULT_MAX_PIXELS, decode, read_photo
from safelight.pipeline.services.problem import Problem
from safelight.quality import Measurement, Picture, choose, measure
from safelight.quality.clip_iqa import ClipIqa
from safelight.quality.files import in_order
from safelight.quality.picture import MIN_SIDE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from safelight.embedding.base import Embedder
    from safelight.labels import Classifier, Labelling
    from safelight.quality import Metric

#: The metrics of the features, in the order of their JSON.
TECH = ("sharpness", "exposure", "noise", "clip_iqa", "brisque")

#: How many labels a photo is given.
TOP = 5


@dataclass(frozen=True, slots=True, eq=False)
class Extracted:
    """Features of one photo.

    Attributes
    ----------
    measurements : mapping
        By name, those of :data:`TECH`; empty if the photo could not be read.
    labelling : Labelling or None
        None if there are no labels.
    problem : Problem or None
        Why the photo could not be read, or not be embedded.
    content : str or None
        sha256 of the bytes that were read, hex.
    seconds : dict
        Time spent, by stage; what the model took is an equal share of its batch.
    """

    measurements: Mapping[str, Measurement] = field(default_factory=dict)
    labelling: Labelling | None = None
    problem: Problem | None = None
    content: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    number: int
    of_pixels: Mapping[str, Measurement]
    prepared: npt.NDArray[Any] | None
    problem: Problem | None
    content: str | None
    seconds: dict[str, float]


def tech_metrics(embedder: Embedder) -> tuple[tuple[Metric, ...], ClipIqa]:
    """Return the metrics of :data:`TECH`: those of the pixels, and the one of the vector."""
    return choose([name for name in TECH if name != ClipIqa.name]), ClipIqa(embedder)


class Extractor:
    """Features of photos with one model. Any thread may use it.

    Parameters
    ----------
    embedder : Embedder
    classifier : Classifier
        Of the embedder's space.
    threads : int, optional
        That read, decode and measure; one a processor core if not given.
    pixel_limit : int
        A photo with more is refused.
    """

    def __init__(
        self,
        embedder: Embedder,
        classifier: Classifier,
        *,
        threads: int | None = None,
        pixel_limit: int = DEFAULT_MAX_PIXELS,
    ) -> None:
        self._embedder = embedder
        self._classifier = classifier
        self._threads = threads
        self._pixel_limit = pixel_limit
        self._of_pixels, self._clip_iqa = tech_metrics(embedder)

    def extract(self, paths: Sequence[Path]) -> Iterator[tuple[int, Extracted]]:
        """Yield the features of each photo, with its place in `paths`, in no certain order.

        Raises
        ------
        ModelError
            The model cannot be used at all. What is wrong with a photo is told in its place.
        """
        batch = self._embedder.batch_size
        # While the model works on one batch, the threads fill the next.
        loaded = in_order(self._load, enumerate(paths), self._threads, ahead=2 * batch)
        waiting: list[_Loaded] = []
        for one in loaded:
            if one.prepared is None:
                yield one.number, Extracted(problem=one.problem, seconds=one.seconds)
                continue
            waiting.append(one)
            if len(waiting) == batch:
                yield from self._finish(waiting)
                waiting = []
        if waiting:
            yield from self._finish(waiting)

    def _load(self, item: tuple[int, Path]) -> _Loaded:
        number, path = item
        seconds: dict[str, float] = {}
        started = time.perf_counter()

        def lap(stage: str) -> None:
            nonlocal started
            now = time.perf_counter()
            seconds[stage] = now - started
            started = now

        try:
            data = read_photo(path)
            content = sha256(data)
            lap("read")
            side = max(self._embedder.min_side, MIN_SIDE)
            frame = decode(data, min_side=side, max_pixels=self._pixel_limit)
        except (DecodeError, OSError) as exc:
            return _Loaded(number, {}, None, Problem.of(exc, str(path)), None, seconds)
        lap("decode")
        prepared = self._embedder.prepare(frame)
        lap("prepare")
        of_pixels = measure(Picture.of(frame), self._of_pixels).measurements
        lap("measure")
        return _Loaded(number, of_pixels, prepared, None, content, seconds)

    def _finish(self, batch: Sequence[_Loaded]) -> Iterator[tuple[int, Extracted]]:
        started = time.perf_counter()
        vectors = self._vectors([one.prepared for one in batch if one.prepared is not None])
        good = [number for number, vector in enumerate(vectors) if not isinstance(vector, Problem)]
        labellings: dict[int, Labelling] = {}
        if good:
            stacked = np.stack([np.asarray(vectors[number]) for number in good])
            labellings = dict(zip(good, self._classifier.classify(stacked, TOP), strict=True))
        each = (time.perf_counter() - started) / len(batch)
        for number, (one, vector) in enumerate(zip(batch, vectors, strict=True)):
            problem = vector if isinstance(vector, Problem) else None
            yield (
                one.number,
                Extracted(
                    {**one.of_pixels, **self._of_vector(vector)},
                    labellings.get(number),
                    problem,
                    one.content,
                    {**one.seconds, "model": each},
                ),
            )

    def _vectors(
        self, prepared: Sequence[npt.NDArray[Any]]
    ) -> list[npt.NDArray[np.float32] | Problem]:
        """Return a vector of each, or why there is none: one odd photo spoils no other."""
        try:
            vectors = self._embedder.encode_prepared(prepared)
        except (ModelInvalid, ModelUnavailable):
            raise
        except ModelError as exc:
            if len(prepared) == 1:
                return [Problem("model", str(exc))]
            return [self._vectors([one])[0] for one in prepared]
        reason = f"the model {self._embedder.name} gave no finite vector for it"
        return [
            vector if np.isfinite(vector).all() else Problem("model", reason) for vector in vectors
        ]

    def _of_vector(self, vector: npt.NDArray[np.float32] | Problem) -> Mapping[str, Measurement]:
        if isinstance(vector, Problem):
            return {ClipIqa.name: Measurement(None, None, "failed", vector.reason)}
        picture = Picture(
            np.zeros((1, 1, 3), np.uint8),
            width=1,
            height=1,
            embedding=vector,
            fingerprint=self._embedder.fingerprint,
        )
        return measure(picture, (self._clip_iqa,)).measurements
