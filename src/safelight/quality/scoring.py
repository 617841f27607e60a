"""Score one photo with every metric, from one decode."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from safelight.errors import DecodeError, SafelightError
from safelight.files import sha256
from safelight.imaging import DEFAULT_MAX_PIXELS, decode, read_photo
from safelight.quality.combined import Weights, combine
from safelight.quality.metric import Measurement
from safelight.quality.picture import MIN_SIDE, Picture, frame_of
from safelight.quality.registry import chosen_metrics
from safelight.quality.report import Report
from safelight.types import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from safelight.quality.metric import Metric


class ImageModel(Protocol):
    """The image side of an embedder."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def min_side(self) -> int: ...

    def encode_images(self, frames: Sequence[Frame]) -> npt.NDArray[np.float32]:
        """Embed frames; (n, dimension) float32, rows of unit length."""
        ...


def score(
    source: str | os.PathLike[str] | Frame | npt.NDArray[np.uint8],
    metrics: Sequence[Metric] | None = None,
    full_size: bool = False,
    *,
    weights: Weights | None = None,
    model: ImageModel | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Report:
    """Measure the technical quality of one photo.

    Parameters
    ----------
    source : path-like, Frame or array
        A file; a frame, see :meth:`safelight.quality.picture.Picture.of`; or (h, w) or (h, w, 3)
        uint8.
    metrics : sequence of Metric, optional
        What :func:`safelight.quality.registry.choose` returns; every one that needs no model if
        not given.
    full_size : bool
        Measure at the photo's own size, which is what published values mean, instead of at most
        1,024 pixels a side.
    weights : Weights, optional
        For the combined score.
    model : ImageModel, optional
        The model to embed the photo with, for metrics that look at its vector.
    max_pixels : int
        A file with more is refused.

    Raises
    ------
    OSError
        The file cannot be read.
    DecodeError
        It cannot be decoded.
    UsageError
        The array is not a picture.

    Examples
    --------
    >>> import numpy as np
    >>> report = score(np.full((64, 64), 128, np.uint8))
    >>> report.measurements["noise"].status, round(report.score("exposure"), 2)
    ('skipped', 0.4)
    """
    path = photo_id = None
    if isinstance(source, (str, os.PathLike)):
        path = str(source)
        data = read_photo(source)
        photo_id = sha256(data)
        side = max(MIN_SIDE, model.min_side if model else 0)
        try:
            source = decode(data, min_side=None if full_size else side, max_pixels=max_pixels)
        except DecodeError as exc:
            raise DecodeError(f"{path} {exc}", code=exc.code, path=path) from exc
    frame = source if isinstance(source, Frame) else frame_of(source)
    vector = model.encode_images([frame])[0] if model else None
    picture = Picture.of(
        frame, full_size, embedding=vector, fingerprint=model.fingerprint if model else None
    )
    return measure(picture, metrics, weights=weights, path=path, photo_id=photo_id)


def measure(
    picture: Picture,
    metrics: Sequence[Metric] | None = None,
    *,
    weights: Weights | None = None,
    path: str | None = None,
    photo_id: str | None = None,
) -> Report:
    """Measure a picture; what cannot be measured stands in the report, and nothing is raised.

    Only what a model raises on purpose is: it would fail for every photo.
    """
    chosen = chosen_metrics(metrics)
    measurements = {metric.name: _measured(metric, picture) for metric in chosen}
    ending = "-full" if picture.full_size else ""
    return Report(
        path=path,
        photo_id=photo_id,
        measurements=measurements,
        versions={metric.name: metric.version + ending for metric in chosen},
        combined=combine(measurements, weights or Weights()),
    )


def _measured(metric: Metric, picture: Picture) -> Measurement:
    try:
        found = metric.measure(picture)
    except SafelightError:
        raise
    except Exception as exc:  # noqa: BLE001 - one odd photo does not end a run over thousands
        return Measurement(None, None, "failed", f"{type(exc).__name__}: {exc}")
    numbers = (found.value, found.score)
    if found.status == "ok" and not all(n is not None and math.isfinite(n) for n in numbers):
        return replace(
            found, value=None, score=None, status="failed", reason="gave no finite number"
        )
    return found
