from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from safelight.embedding.preprocess.config import read_open_clip, read_transformers
from safelight.embedding.preprocess.preprocess import Preprocessing
from safelight.errors import ModelInvalid
from tests.embedding.tiny import preprocess_cfg, preprocessor_config, write_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


def test_reads_open_clips(tmp_path: Path) -> None:
    path = tmp_path / "preprocess_cfg.json"
    write_json(path, preprocess_cfg(size=224, resize_mode="longest", fill_color=127))
    assert read_open_clip(path) == Preprocessing(
        (224, 224), "longest", "bicubic", MEAN, STD, fill=127
    )
    write_json(path, preprocess_cfg(size=[240, 320], interpolation="random", fill_color=None))
    assert read_open_clip(path) == Preprocessing((240, 320), "shortest", "bicubic", MEAN, STD)


_SIGLIP = {
    "image_processor_type": "SiglipImageProcessor",
    "size": {"height": 224, "width": 224},
    "do_center_crop": None,
    "crop_size": None,
}
_OLD_CLIP = {
    "image_processor_type": None,
    "feature_extractor_type": "CLIPFeatureExtractor",
    "size": 224,
    "crop_size": 224,
    "do_rescale": None,
    "rescale_factor": None,
}
_MOBILE = {
    "image_processor_type": "CLIPImageProcessorFast",
    "size": {"shortest_edge": 256},
    "crop_size": {"height": 256, "width": 256},
    "do_normalize": False,
    "resample": 2,
}
_CONVNEXT = {
    "image_processor_type": "ConvNextFeatureExtractor",
    "size": {"shortest_edge": 256},
    "crop_pct": 0.875,
    "do_center_crop": None,
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Preprocessing((16, 16), "shortest", "bicubic", MEAN, STD, 1 / 255, (16, 16))),
        (
            _OLD_CLIP,
            Preprocessing((224,) * 2, "shortest", "bicubic", MEAN, STD, 1 / 255, (224,) * 2),
        ),
        (_SIGLIP, Preprocessing((224,) * 2, "squash", "bicubic", MEAN, STD, 1 / 255, (224,) * 2)),
        (
            _MOBILE,
            Preprocessing(
                (256,) * 2, "shortest", "bilinear", (0.0,) * 3, (1.0,) * 3, 1 / 255, (256,) * 2
            ),
        ),
        (
            _CONVNEXT,
            Preprocessing((256,) * 2, "shortest", "bicubic", MEAN, STD, 1 / 255, (292,) * 2),
        ),
        (
            _CONVNEXT | {"size": {"shortest_edge": 384}, "crop_pct": None},
            Preprocessing((384,) * 2, "squash", "bicubic", MEAN, STD, 1 / 255, (384,) * 2),
        ),
        (
            {"do_rescale": False},
            Preprocessing((16, 16), "shortest", "bicubic", MEAN, STD, 1.0, (16, 16)),
        ),
    ],
    ids=["clip", "old clip", "siglip", "mobileclip", "convnext", "convnext 384", "no rescaling"],
)
def test_reads_transformers(
    tmp_path: Path, changes: dict[str, Any], expected: Preprocessing
) -> None:
    path = tmp_path / "preprocessor_config.json"
    write_json(path, preprocessor_config(**changes))
    read = read_transformers(path)
    assert read.describe() == (expected.describe() | {"round_crop": False})


@pytest.mark.parametrize(
    ("read", "values", "key"),
    [
        *(
            (read_open_clip, preprocess_cfg(**{key: None}), key)
            for key in ("size", "mode", "mean", "std", "interpolation", "resize_mode")
        ),
        (read_open_clip, preprocess_cfg(resize_mode="longest", fill_color=None), "fill_color"),
        (read_open_clip, preprocess_cfg(resize_mode="longest", fill_color=300), "fill_color"),
        (read_open_clip, preprocess_cfg(mode="BGR"), "mode"),
        (read_open_clip, preprocess_cfg(resize_mode="stretch"), "resize_mode"),
        (read_open_clip, preprocess_cfg(interpolation="magic"), "interpolation"),
        (read_open_clip, preprocess_cfg(size=[224]), "size"),
        (read_open_clip, preprocess_cfg(size=0), "size"),
        (read_open_clip, preprocess_cfg(mean=[0.5, 0.5]), "mean"),
        (read_open_clip, preprocess_cfg(std=[0.5, 0.5, 0]), "std"),
        *(
            (read_transformers, preprocessor_config(**{key: None}), key)
            for key in ("size", "crop_size", "resample", "image_mean", "image_std")
        ),
        (
            read_transformers,
            preprocessor_config(image_processor_type=None),
            "feature_extractor_type",
        ),
        (
            read_transformers,
            preprocessor_config(image_processor_type="Siglip2ImageProcessor"),
            "image_processor_type",
        ),
        (read_transformers, preprocessor_config(do_resize=False), "do_resize"),
        (read_transformers, preprocessor_config(do_resize="yes"), "do_resize"),
        (read_transformers, preprocessor_config(do_center_crop=False), "do_center_crop"),
        (read_transformers, preprocessor_config(crop_size=17), "crop_size"),
        (read_transformers, preprocessor_config(resample=9), "resample"),
        (read_transformers, preprocessor_config(size={"longest_edge": 16}), "height"),
        (read_transformers, preprocessor_config(**(_CONVNEXT | {"crop_pct": None})), "crop_pct"),
    ],
)
def test_names_file_and_key_of_what_is_missing_or_unknown(
    tmp_path: Path, read: Callable[[Path], Preprocessing], values: dict[str, Any], key: str
) -> None:
    path = tmp_path / "config.json"
    write_json(path, values)
    with pytest.raises(ModelInvalid, match=rf"{re.escape(str(path))}: '{key}'") as caught:
        read(path)
    assert caught.value.context["key"] == key


@pytest.mark.parametrize("read", [read_open_clip, read_transformers])
@pytest.mark.parametrize("content", [None, "", "[1]", "{", b"\xff\xfe"])
def test_names_a_file_that_is_missing_or_no_json(
    tmp_path: Path, read: Callable[[Path], Preprocessing], content: str | bytes | None
) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ModelInvalid, match=re.escape(str(path))):
        read(path)
