"""Preprocess images: from a photo's pixels to a model's input tensor."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image

Resize = Literal["shortest", "squash", "longest"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]

INTERPOLATIONS: frozenset[str] = frozenset(get_args(Interpolation))

# Beyond this, the ends of a strip are cut off before it is resized: a photo of 60000 x 1 pixels
# would become one of 13 million x 224, of which the crop keeps the middle.
_MAX_ASPECT = 32


@dataclass(frozen=True)
class Preprocessing:
    """Image preprocessing of a model.

    Attributes
    ----------
    size : (int, int)
        Height and width of the tensor.
    resize : str
        ``shortest``: the shorter side is brought to ``resize_to``, then the centre is cropped;
        ``squash``: brought to ``resize_to`` regardless of its shape, then the centre is cropped;
        ``longest``: made to fit into ``size``, then padded with ``fill`` on both sides.
    interpolation : str
        One of :data:`INTERPOLATIONS`, always with Pillow's antialiasing.
    mean, std : (float, float, float)
        Of each channel, subtracted and divided after scaling.
    scale : float
        What the 0-255 pixel values are multiplied with first.
    resize_to : (int, int) or None
        Height and width to resize to; None for ``size``.
    fill : int
        0 to 255, the value of padding.
    round_crop : bool
        Where a crop falls between two pixels: to the nearest even one as torchvision does, or
        (False) to the upper left as transformers does.
    """

    size: tuple[int, int]
    resize: Resize
    interpolation: Interpolation
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    scale: float = 1 / 255
    resize_to: tuple[int, int] | None = None
    fill: int = 0
    round_crop: bool = True

    @property
    def min_side(self) -> int:
        """Pixels that the shorter side of a frame should have: twice what the model takes.

        With just as many, scaled decoding changes embeddings by up to 0.05 in cosine; with twice
        as many by less than 0.01 (docs/decisions/0003-decoding.md).
        """
        return 2 * max(self.resize_to or self.size)

    def describe(self) -> dict[str, Any]:
        """Return everything that changes the tensor, JSON-ready, for a fingerprint."""
        return asdict(self) | {"resize_to": self.resize_to or self.size}

    def apply(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return the input tensor of one image.

        Parameters
        ----------
        pixels : (h, w, 3) uint8
            RGB, any size.

        Returns
        -------
        (3, height, width) float32
            C-contiguous; ``height, width`` are :attr:`size`.
        """
        tensor = np.empty((3, *self.size), np.float32)
        np.multiply(self.fit(pixels).transpose(2, 0, 1), self.gain, out=tensor)
        np.subtract(tensor, self.offset, out=tensor)
        return tensor

    def fit(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return an image as large as the tensor, (height, width, 3) uint8.

        ``fit(pixels).transpose(2, 0, 1) * gain - offset`` is :meth:`apply`.
        """
        # Not at the top: a text query needs this module for the fingerprint, but loads no images.
        from PIL import Image

        image = Image.fromarray(pixels)
        if self.resize == "longest":
            image = self._padded(self._resized(image, self._within(image.size)))
        elif self.resize == "squash":
            height, width = self.resize_to or self.size
            image = self._cropped(self._resized(image, (width, height)))
        else:
            image = _without_ends(image)
            image = self._cropped(self._resized(image, self._cover(image.size)))
        return np.asarray(image)

    # (value * scale - mean) / std, with one multiplication and one subtraction a value.
    @cached_property
    def gain(self) -> npt.NDArray[np.float32]:
        """Factor of each channel, (3, 1, 1) float32."""
        return np.array([self.scale / s for s in self.std], np.float32)[:, None, None]

    @cached_property
    def offset(self) -> npt.NDArray[np.float32]:
        """Number subtracted from each channel after that, (3, 1, 1) float32."""
        offsets = [m / s for m, s in zip(self.mean, self.std, strict=True)]
        return np.array(offsets, np.float32)[:, None, None]

    def _cover(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height that cover the target, the shorter side exactly."""
        width, height = size
        to_height, to_width = self.resize_to or self.size
        if to_height != to_width:
            ratio = min(height / to_height, width / to_width)
            return round(width / ratio), round(height / ratio)
        if width <= height:
            return to_width, int(to_width * height / width)
        return int(to_height * width / height), to_height

    def _within(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height that fit into the tensor, the longer side exactly."""
        width, height = size
        ratio = max(height / self.size[0], width / self.size[1])
        return max(1, round(width / ratio)), max(1, round(height / ratio))

    def _resized(self, image: Image.Image, size: tuple[int, int]) -> Image.Image:
        if image.size == size:
            return image
        from PIL import Image

        return image.resize(size, Image.Resampling[self.interpolation.upper()])

    def _cropped(self, image: Image.Image) -> Image.Image:
        height, width = self.size
        if image.size == (width, height):
            return image
        spare = image.width - width, image.height - height
        left, top = (round(s / 2) if self.round_crop else s // 2 for s in spare)
        return image.crop((left, top, left + width, top + height))

    def _padded(self, image: Image.Image) -> Image.Image:
        height, width = self.size
        if image.size == (width, height):
            return image
        from PIL import Image

        canvas = Image.new("RGB", (width, height), (self.fill,) * 3)
        canvas.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
        return canvas


def _without_ends(image: Image.Image) -> Image.Image:
    """Cut a very long strip to its middle."""
    width, height = image.size
    longest = _MAX_ASPECT * min(width, height)
    if max(width, height) <= longest:
        return image
    left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
    return image.crop((left, top, left + min(width, longest), top + min(height, longest)))
