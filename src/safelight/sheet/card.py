"""Card of a contact sheet: one photo, read once, decoded once, measured and made small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safelight.errors import DecodeError
from safelight.files import sha256
from safelight.imaging import DEFAULT_MAX_PIXELS, decode, read_photo
from safelight.imaging.thumbnails import as_jpeg
from safelight.ingest.sources.entry import explain
from safelight.quality import Picture, measure
from safelight.quality.averaging import average, fit
from safelight.quality.files import in_order
from safelight.quality.focus import GRID, HALF
from safelight.quality.picture import MIN_SIDE

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from safelight.quality import Metric, Report, Weights
    from safelight.quality.scoring import ImageModel

#: The usual longer side of a thumbnail, in pixels. They are made from pictures at evaluation size.
THUMB = 320

# Small enough for hundreds on a page, and no artefacts that a score could be blamed for.
_JPEG_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that is to be on the sheet.

    Attributes
    ----------
    path : str
    match : float or None
        How near it is to the query, if there is one.
    reason : str or None
        Why it cannot be read, to follow its name, if whoever listed it knows already.
    """

    path: str
    match: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A photo made small, upright.

    Attributes
    ----------
    jpeg : bytes
    width, height : int
    """

    jpeg: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class FocusMap:
    """Sharpness of a photo, tile by tile.

    Attributes
    ----------
    tiles : tuple
        Rows of 8 numbers from 0 to 1: what each tile would score as a photo of its own.
    across, down : float
        How many tiles it would take to cover the whole photo: 8 and a little, because tiles are
        of whole pixels and the rest lies in none.
    """

    tiles: tuple[tuple[float, ...], ...]
    across: float
    down: float

    @property
    def sharpest(self) -> tuple[int, int]:
        """Row and column of the sharpest tile, counted from 1."""
        row, column = divmod(int(np.argmax(self.tiles)), GRID)
        return row + 1, column + 1


@dataclass(frozen=True, slots=True)
class Card:
    """One photo of the sheet, or one that could not be read.

    Attributes
    ----------
    path : str
    match : float or None
        How near it is to the query, if there is one.
    thumbnail : Thumbnail or None
    report : Report or None
    focus_map : FocusMap or None
        None as well if focus was not measured.
    reason : str or None
        Why there is nothing to show.
    """

    path: str
    match: float | None = None
    thumbnail: Thumbnail | None = None
    report: Report | None = None
    focus_map: FocusMap | None = None
    reason: str | None = None

    def score(self, name: str) -> float | None:
        """Return the score of a metric, or ``combined``, or ``query``; None if there is none."""
        if name == "query":
            return self.match
        return None if self.report is None else self.report.score(name)


def cards(
    listed: Iterable[Listed],
    metrics: Sequence[Metric],
    *,
    thumb: int = THUMB,
    weights: Weights | None = None,
    model: ImageModel | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
) -> Generator[Card]:
    """Yield the card of each file, in order; one that cannot be read has its reason on it.

    Parameters
    ----------
    listed : iterable of Listed
    metrics : sequence of Metric
        What :func:`safelight.quality.choose` returns.
    thumb : int
        The longer side of a thumbnail, in pixels; smaller photos stay as they are.
    weights, model, max_pixels, threads
        As for :func:`safelight.quality.score_files`.
    """

    def work(item: Listed) -> Card:
        if item.reason is not None:
            return Card(item.path, item.match, reason=item.reason)
        try:
            return _card(item, metrics, thumb, weights, model, max_pixels)
        except DecodeError as exc:
            return Card(item.path, item.match, reason=str(exc))
        except OSError as exc:
            return Card(item.path, item.match, reason=explain(exc)[1])

    return in_order(work, listed, threads)


def _card(
    item: Listed,
    metrics: Sequence[Metric],
    thumb: int,
    weights: Weights | None,
    model: ImageModel | None,
    max_pixels: int,
) -> Card:
    data = read_photo(item.path)
    side = max(MIN_SIDE, model.min_side if model else 0)
    frame = decode(data, min_side=side, max_pixels=max_pixels)
    vector = model.encode_images([frame])[0] if model else None
    picture = Picture.of(frame, embedding=vector, fingerprint=model.fingerprint if model else None)
    report = measure(
        picture,
        metrics,
        weights=weights,
        path=item.path,
        photo_id=sha256(data),
    )
    return Card(
        item.path, item.match, _thumbnail(picture, thumb), report, _focus_map(picture, report)
    )


def _thumbnail(picture: Picture, side: int) -> Thumbnail:
    height, width = picture.pixels.shape[:2]
    small = average(picture.pixels, fit(width, height, side))
    return Thumbnail(as_jpeg(small, _JPEG_QUALITY), small.shape[1], small.shape[0])


def _focus_map(picture: Picture, report: Report) -> FocusMap | None:
    focus = report.measurements.get("focus")
    if focus is None or focus.status != "ok":
        return None
    height, width = picture.gray.shape
    return FocusMap(
        tuple(tuple(tile / (tile + HALF) for tile in row) for row in focus.details["tiles"]),
        across=width / (width // GRID),
        down=height / (height // GRID),
    )
