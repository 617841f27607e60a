"""Picture: one photo at evaluation size, with values that several metrics share."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from safelight.errors import UsageError
from safelight.quality.averaging import average, fit
from safelight.quality.wavelet import finest_detail, sigma_of
from safelight.types import Frame

if TYPE_CHECKING:
    import numpy.typing as npt

#: The longer side of a picture at evaluation size. A number of sharpness or noise is comparable
#: only among pictures of about one size; smaller photos are measured as they are, never enlarged.
EVALUATION_SIDE = 1024

#: The shorter side that a frame needs for its picture to be the same as that of the whole photo:
#: what :func:`safelight.imaging.decode` gets as ``min_side``.
MIN_SIDE = EVALUATION_SIDE

#: The longer side of the grey preview.
PREVIEW_SIDE = 512

# MATLAB's rgb2gray, in units of 1 / 2**22: for each of the 16.7 million colours this rounds as
# double precision does, at half the time.
_GREY_BITS = 22
_GREY = tuple(
    round(weight * 2**_GREY_BITS)
    for weight in (0.298936021293775, 0.587043074451121, 0.114020904255103)
)
_PIXELS_AT_A_TIME = 32_768


class Picture:
    """One photo's pixels, and what several metrics need of them, each computed once.

    Made by :meth:`of`; used by one thread at a time.

    Attributes
    ----------
    pixels : (h, w, 3) uint8
        sRGB, C-contiguous; at evaluation size, or at the photo's own.
    width, height : int
        The photo's own size.
    full_size : bool
        Whether it was asked to be measured at its own size.
    embedding : (dimension,) float32 or None
        The photo's unit vector, if somebody computed it already.
    fingerprint : str or None
        The space of the embedding.
    """

    def __init__(
        self,
        pixels: npt.NDArray[np.uint8],
        *,
        width: int,
        height: int,
        full_size: bool = False,
        embedding: npt.NDArray[np.float32] | None = None,
        fingerprint: str | None = None,
    ) -> None:
        self.pixels = pixels
        self.width = width
        self.height = height
        self.full_size = full_size
        self.embedding = embedding
        self.fingerprint = fingerprint

    @classmethod
    def of(
        cls,
        source: Frame | npt.NDArray[np.uint8],
        full_size: bool = False,
        *,
        embedding: npt.NDArray[np.float32] | None = None,
        fingerprint: str | None = None,
    ) -> Self:
        """Return the picture of a frame, or of an array of pixels.

        Parameters
        ----------
        source : Frame or array
            A frame whose shorter side has at least :data:`MIN_SIDE` pixels (or the photo's own,
            if that has fewer); or (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) uint8, of which a
            fourth channel is transparency, shown on white.
        full_size : bool
            Measure at the photo's own size, which is what published values mean.
        embedding, fingerprint
            The photo's vector and its space.

        Raises
        ------
        UsageError
            The array is not a picture, or `full_size` was given for a frame smaller than its photo.

        Examples
        --------
        >>> Picture.of(np.zeros((1500, 2048), np.uint8)).pixels.shape
        (750, 1024, 3)
        """
        frame = source if isinstance(source, Frame) else frame_of(source)
        pixels = frame.pixels
        if full_size and pixels.shape[:2] != (frame.height, frame.width):
            raise UsageError(
                f"A frame of {pixels.shape[1]}x{pixels.shape[0]} pixels cannot be measured at "
                f"the photo's own size, {frame.width}x{frame.height}: decode it without min_side."
            )
        if not full_size:
            pixels = average(pixels, fit(pixels.shape[1], pixels.shape[0], EVALUATION_SIDE))
        return cls(
            np.ascontiguousarray(pixels),
            width=frame.width,
            height=frame.height,
            full_size=full_size,
            embedding=embedding,
            fingerprint=fingerprint,
        )

    @cached_property
    def channels(self) -> npt.NDArray[np.uint8]:
        """(3, h, w) uint8: the pixels, one colour after the other."""
        return np.ascontiguousarray(np.moveaxis(self.pixels, 2, 0))

    @cached_property
    def gray(self) -> npt.NDArray[np.uint8]:
        """(h, w) uint8: MATLAB's rgb2gray, rounded half up."""
        return gray_of(self.channels)

    @cached_property
    def preview(self) -> npt.NDArray[np.uint8]:
        """(h, w) uint8: :attr:`gray` with the longer side at most :data:`PREVIEW_SIDE`."""
        height, width = self.gray.shape
        return average(self.gray, fit(width, height, PREVIEW_SIDE))

    @cached_property
    def finest_detail(self) -> npt.NDArray[np.float64]:
        """See :func:`safelight.quality.wavelet.finest_detail`."""
        return finest_detail(self.gray)

    @cached_property
    def noise_sigma(self) -> float:
        """The standard deviation of the noise in :attr:`gray`, of a range of 1."""
        return sigma_of(self.finest_detail)


def gray_of(channels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the grey of each pixel of (3, h, w) uint8, as MATLAB's rgb2gray has it.

    Examples
    --------
    >>> gray_of(np.array([[[255, 0, 0]], [[0, 255, 0]], [[0, 0, 255]]], np.uint8))
    array([[ 76, 150,  29]], dtype=uint8)
    """
    flat = channels.reshape(3, -1)
    result = np.empty(flat.shape[1], np.uint8)
    total, term = np.empty((2, _PIXELS_AT_A_TIME), np.uint32)
    red, green, blue = (np.uint32(weight) for weight in _GREY)
    for start in range(0, len(result), _PIXELS_AT_A_TIME):
        part = flat[:, start : start + _PIXELS_AT_A_TIME]
        here, other = total[: part.shape[1]], term[: part.shape[1]]
        np.multiply(part[0], red, out=here)
        np.multiply(part[1], green, out=other)
        here += other
        np.multiply(part[2], blue, out=other)
        here += other
        here += np.uint32(1 << _GREY_BITS - 1)
        here >>= np.uint32(_GREY_BITS)
        result[start : start + len(here)] = here
    return result.reshape(channels.shape[1:])


def frame_of(array: npt.NDArray[np.uint8]) -> Frame:
    """Return the frame of (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) uint8.

    Raises
    ------
    UsageError
        It is not a picture.
    """
    pixels = np.ascontiguousarray(_colours(array))
    return Frame(pixels, pixels.shape[1], pixels.shape[0], "array")


def _colours(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    array = np.asarray(array)
    is_picture = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))
    if array.dtype != np.uint8 or not is_picture or array.size == 0:
        raise UsageError(
            f"An array of shape {array.shape} and type {array.dtype} is not a picture. Use "
            "(height, width) or (height, width, 1, 3 or 4), of uint8."
        )
    if array.ndim == 2:
        array = array[..., None]
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    if array.shape[2] == 3:
        return array
    colour, alpha = array[..., :3].astype(np.uint16), array[..., 3:].astype(np.uint16)
    # Rounded to nearest: 255 is odd, so nothing lies half way.
    return ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
