"""Any kind of pixels to 8-bit sRGB."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

#: Modes that a box filter can halve as they are.
REDUCIBLE = frozenset(("L", "RGB", "CMYK", "YCbCr"))

_ALPHA = frozenset(("RGBA", "LA", "PA", "RGBa", "La"))
_INK_AND_LIGHT = frozenset(("L", "RGB", "CMYK", "LAB"))


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return `image` as RGB in sRGB; transparent parts are laid over white.

    A profile that is broken, or of another kind of colour than the pixels, is passed over: the
    pixels are then taken for sRGB, as every viewer does.
    """
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bit(image)
    elif image.mode in _ALPHA or "transparency" in image.info:
        image = _over_white(image)
    if image.mode in ("1", "P", "YCbCr", "HSV", "RGBX"):
        image = image.convert("RGB")
    if profile and image.mode in _INK_AND_LIGHT:
        transform = _transform(profile, image.mode)
        if transform is not None:
            return ImageCms.applyTransform(image, transform) or image
    if image.mode == "LAB":
        transform = _from_lab()
        return ImageCms.applyTransform(image, transform) or image
    return image if image.mode == "RGB" else image.convert("RGB")


def _over_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(rgba, mask=rgba.getchannel("A"))
    return white


def _to_8_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if image.mode == "F":
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        # No standard says what 1 means: files hold 0..1, 0..255 or physical values.
        low, high = float(min(values.min(), 0)), float(values.max())
        top = 1.0 if high <= 1 else 255.0 if high <= 255 else high
        scaled = (values - low) * (255.0 / (top - low))
    else:
        # 16-bit grey comes as I;16 or as I; anything above is scaled by what is there.
        top = max(65535, int(values.max()))
        scaled = values.astype(np.float32) * (255.0 / top)
    return Image.fromarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8))


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> Any:
    """Return the transform to sRGB, or None if there is nothing to do or no way to do it."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        described = (ImageCms.getProfileDescription(source) or "").strip().lower()
        if described.startswith("srgb"):
            return None
        return ImageCms.buildTransform(source, _srgb(), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@lru_cache(maxsize=1)
def _from_lab() -> Any:
    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), _srgb(), "LAB", "RGB")


@lru_cache(maxsize=1)
def _srgb() -> Any:
    return ImageCms.createProfile("sRGB")
