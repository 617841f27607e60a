"""Read a model's preprocessing from its published configuration.

Nothing is guessed: a number that is missing, or a class or mode that is not known here, is an
error that names the file and the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from safelight.embedding.json_config import Configuration
from safelight.embedding.preprocess.preprocess import INTERPOLATIONS, Preprocessing, Resize

if TYPE_CHECKING:
    from pathlib import Path

# transformers writes Pillow's number of the filter.
_FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}

# transformers' image processors: whether one crops, and whether a plain number as size is the
# shorter side or both. Older files leave out the flags that the class implies.
_CLIP, _SQUARE, _CONVNEXT = "clip", "square", "convnext"
_PROCESSORS = {
    "CLIP": _CLIP,
    "ChineseCLIP": _CLIP,
    "MobileCLIP": _CLIP,
    "Siglip": _SQUARE,
    "ViT": _SQUARE,
    "ConvNext": _CONVNEXT,
}
_SUFFIXES = ("ImageProcessorFast", "ImageProcessorPil", "ImageProcessor", "FeatureExtractor")

# ConvNext's own rule: from this size on, an image is squashed rather than cropped.
_CONVNEXT_SQUASHED = 384


def read_open_clip(path: Path) -> Preprocessing:
    """Read ``preprocess_cfg.json``, as open_clip and Immich write it.

    Raises
    ------
    ModelInvalid
        The file is missing, or a value is missing or not known.
    """
    return parse_open_clip(Configuration.read(path))


def parse_open_clip(config: Configuration) -> Preprocessing:
    """Return what :func:`read_open_clip` does, of a configuration that has been read."""
    if config.need("mode") != "RGB":
        raise config.wrong("mode", f"is {config.values['mode']!r}, but only RGB is known")
    interpolation = config.need("interpolation")
    if interpolation == "random":  # of the training; open_clip itself then uses bicubic
        interpolation = "bicubic"
    if interpolation not in INTERPOLATIONS:
        raise config.wrong("interpolation", f"is {interpolation!r}, which is not known")
    resize = config.need("resize_mode")
    if resize not in get_args(Resize):
        raise config.wrong("resize_mode", f"is {resize!r}, which is not known")
    fill = config.need("fill_color") if resize == "longest" else 0
    if not isinstance(fill, int) or not 0 <= fill <= 255:
        raise config.wrong("fill_color", f"should be a number from 0 to 255, not {fill!r}")
    return Preprocessing(
        size=_height_and_width(config, "size"),
        resize=resize,
        interpolation=interpolation,
        mean=config.channels("mean"),
        std=_deviations(config, "std"),
        fill=fill,
        # Written by our own exports of models for transformers, which prepares them otherwise.
        scale=_scale(config),
        resize_to=_height_and_width(config, "resize_to") if "resize_to" in config else None,
        round_crop=config.flag("round_crop", True),
    )


def read_transformers(path: Path) -> Preprocessing:
    """Read ``preprocessor_config.json``, as transformers and transformers.js write it.

    Also ``processor_config.json``, in which transformers since version 5 writes the same thing
    under ``image_processor``.

    Raises
    ------
    ModelInvalid
        The file is missing, or a value is missing or not known.
    """
    config = Configuration.read(path)
    if "image_processor" in config:
        config = config.section("image_processor")
    kind = _kind(config)
    if not config.flag("do_resize", True):
        raise config.wrong("do_resize", "is false, but photos come in all sizes")
    number = config.need("resample")
    if number not in _FILTERS:
        raise config.wrong("resample", f"is {number!r}, which is not a filter of Pillow's")

    resize: Resize
    resize, resize_to = _resize(config, kind)
    size = resize_to
    if kind == _CONVNEXT and resize == "shortest":
        resize_to = (int(size[0] / config.number("crop_pct")),) * 2
    elif config.flag("do_center_crop", kind == _CLIP):
        size = _height_and_width(config, "crop_size")
    elif resize == "shortest":
        raise config.wrong("do_center_crop", "is false, which leaves images of all shapes")
    if size[0] > resize_to[0] or size[1] > resize_to[1]:
        raise config.wrong("crop_size", "is larger than what images are resized to")

    rescaled = config.flag("do_rescale", True)
    normalised = config.flag("do_normalize", True)
    return Preprocessing(
        size=size,
        resize=resize,
        interpolation=_FILTERS[number],  # type: ignore[arg-type]
        mean=config.channels("image_mean") if normalised else (0.0, 0.0, 0.0),
        std=_deviations(config, "image_std") if normalised else (1.0, 1.0, 1.0),
        scale=_scale(config) if rescaled else 1.0,
        resize_to=resize_to,
        round_crop=False,
    )


def _kind(config: Configuration) -> str:
    key = "image_processor_type" if "image_processor_type" in config else "feature_extractor_type"
    name = str(config.need(key))
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and (kind := _PROCESSORS.get(name.removesuffix(suffix))):
            return kind
    raise config.wrong(key, f"is {name!r}, which is not known")


def _resize(config: Configuration, kind: str) -> tuple[Resize, tuple[int, int]]:
    size = config.need("size")
    if not isinstance(size, dict):
        side = config.integer("size")
    elif "shortest_edge" in size:
        side = config.section("size").integer("shortest_edge")
    else:
        return "squash", _height_and_width(config, "size")
    is_squashed = kind == _SQUARE or (kind == _CONVNEXT and side >= _CONVNEXT_SQUASHED)
    return ("squash" if is_squashed else "shortest"), (side, side)


def _height_and_width(config: Configuration, key: str) -> tuple[int, int]:
    value = config.need(key)
    if isinstance(value, dict):
        sides = config.section(key)
        return sides.integer("height"), sides.integer("width")
    if isinstance(value, list):
        if len(value) != 2 or not all(type(side) is int and side > 0 for side in value):
            raise config.wrong(key, f"should be a height and a width, not {value!r}")
        return value[0], value[1]
    return (config.integer(key),) * 2


def _deviations(config: Configuration, key: str) -> tuple[float, float, float]:
    values = config.channels(key)
    if min(values) <= 0:
        raise config.wrong(key, f"should be above 0, not {list(values)}")
    return values


def _scale(config: Configuration) -> float:
    # Files from before the key existed mean the same as those that have it: 0-255 becomes 0-1.
    return config.number("rescale_factor") if "rescale_factor" in config else 1 / 255
