"""Any kind of pixels to 8-bit sRGB."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

#: Modes whose numbers cannot be averaged, or not by Pillow, and the mode that says the same.
_AVERAGEABLE = {
    "1": "L",
    "P": "RGB",
    "PA": "RGBA",
    "La": "LA",
    "RGBa": "RGBA",
    "RGBX": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
}

#: Ink that is on the average less than so much darker than white is shown on black: of white icons
#: and signatures nothing is left over white.
_PALE = 24

#: Floats below mean that nothing was measured there: -9999, -32768, -3.4e38.
_NO_DATA = -9999

#: Further from the identity than this, in 255ths, a profile's colours are worth converting.
_VISIBLE = 3


def averageable(image: Image.Image) -> Image.Image:
    """Return `image` in a mode whose neighbouring pixels may be averaged: 8 bits, no palette.

    The mode is ``L``, ``LA``, ``RGB``, ``RGBA``, ``CMYK`` or ``LAB``. Float pixels are taken for
    0 to 1 if none is above 1, for 0 to 255 if none is above that, and else scaled to their maximum,
    for no standard says which.
    """
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image)
        tones = Image.fromarray(_to_8_bit(values))
        clear = image.info.get("transparency")
        if isinstance(clear, int):
            tones.putalpha(Image.fromarray(((values != clear) * 255).astype(np.uint8)))
        return tones
    if "transparency" in image.info:
        return image.convert("RGBA")
    mode = _AVERAGEABLE.get(image.mode)
    return image.convert(mode) if mode else image


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return `image` as RGB in sRGB; transparent parts are shown on white, white ink on black.

    A profile that is broken, or of another kind of colour than the pixels, is passed over: the
    pixels are then taken for sRGB, as every viewer does.
    """
    image = averageable(image)
    if image.mode in ("LA", "RGBA"):
        opacity = image.getchannel("A")
        inks = _inks_to_srgb(image.convert(image.mode[:-1]), profile)
        backing = Image.new("RGB", image.size, _backing(inks, opacity))
        backing.paste(inks, mask=opacity)
        return backing
    return _inks_to_srgb(image, profile)


def opacity_of(image: Image.Image) -> Image.Image | None:
    """Return the opacity of an averageable image; None if it is opaque throughout."""
    if image.mode not in ("LA", "RGBA"):
        return None
    opacity = image.getchannel("A")
    return opacity if np.asarray(opacity).min(initial=255) < 255 else None


def _inks_to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        transform = _transform(profile, image.mode)
        if transform is not None:
            return ImageCms.applyTransform(image, transform) or image
    if image.mode == "LAB":
        return ImageCms.applyTransform(image, _from_lab()) or image
    return image if image.mode == "RGB" else image.convert("RGB")


def _backing(inks: Image.Image, opacity: Image.Image) -> str:
    """Return the colour to lay a picture over: white, unless nothing of it would be seen there."""
    weights = np.asarray(opacity, np.float32)
    total = float(weights.sum())
    if not total:
        return "white"
    darkness = 255 - np.asarray(inks.convert("L"), np.float32)
    return "black" if float((darkness * weights).sum()) / total < _PALE else "white"


def _to_8_bit(values: Any) -> Any:
    if values.dtype.itemsize == 2:
        wide = values.astype(np.uint32)
        wide *= 255
        wide += 32895
        return (wide >> 16).astype(np.uint8)  # the nearest to values / 257
    if values.dtype.kind == "f":
        return float_to_8_bit(values)
    return _scaled(values, 0.0, float(max(65535, values.max())))


def float_to_8_bit(values: Any) -> Any:
    """Return float pixels as 8 bits; see :func:`averageable` for what is taken for white."""
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    if (nothing := values <= _NO_DATA).any():  # surveys and maps say so where nothing was measured
        values = np.where(nothing, 0, values)
    low, high = min(float(values.min()), 0.0), float(values.max())
    return _scaled(values, low, 1.0 if high <= 1 else 255.0 if high <= 255 else high)


def _scaled(values: Any, low: float, top: float) -> Any:
    with np.errstate(over="ignore"):  # what is infinite then is clipped below
        scaled = np.subtract(values, low, dtype=np.float32)
        scaled *= 255 / (top - low)
    return np.clip(np.rint(scaled, out=scaled), 0, 255, out=scaled).astype(np.uint8)


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> Any:
    """Return the transform to sRGB, or None if there is nothing to do or no way to do it."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, _srgb(), mode, "RGB")
        if mode != "RGB":
            return transform
        changed = np.asarray(ImageCms.applyTransform(_swatches(), transform), np.int16)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    # By what it does and not by its name: there are dozens of sRGBs, and some are linear.
    return transform if np.abs(changed - np.asarray(_swatches())).max() > _VISIBLE else None


@lru_cache(maxsize=1)
def _swatches() -> Image.Image:
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1)
    return Image.fromarray(np.ascontiguousarray(cube.reshape(27, 27, 3)))


@lru_cache(maxsize=1)
def _from_lab() -> Any:
    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), _srgb(), "LAB", "RGB")


@lru_cache(maxsize=1)
def _srgb() -> Any:
    return ImageCms.createProfile("sRGB")
