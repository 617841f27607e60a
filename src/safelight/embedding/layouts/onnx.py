"""Folder layouts of ONNX models with an image and a text side.

Two are in wide use: Immich's, exported from open_clip, with a folder for each side; and
transformers.js's, with several variants of each graph in ``onnx/``. A layout is found from names
alone, so that the same code decides for a folder and for a listing of the hub.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from safelight.errors import ModelInvalid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

#: Variants of transformers.js graphs, in the order in which they are taken if none is named.
VARIANTS = ("fp32", "fp16", "quantized", "int8", "uint8", "q4", "q4f16", "bnb4")

# In Immich's folders these lie beside the graph; anything else holds weights of it.
_NO_WEIGHTS = frozenset({".json", ".txt", ".md", ".model", ".armnn", ".rknn", ".onnx"})


@dataclass(frozen=True)
class Layout:
    """Names of a model's files, relative to its folder, with forward slashes.

    Attributes
    ----------
    kind : str
        ``immich`` or ``transformers.js``.
    image, text : str
        The graphs.
    image_weights, text_weights : tuple of str
        Files that hold weights of them, for graphs larger than ONNX's limit.
    preprocessing, tokenizer, tokenizer_config, config : str
        JSON files.
    """

    kind: Literal["immich", "transformers.js"]
    image: str
    text: str
    image_weights: tuple[str, ...]
    text_weights: tuple[str, ...]
    preprocessing: str
    tokenizer: str
    tokenizer_config: str
    config: str

    def names(self) -> Iterator[str]:
        """Yield every file, the graphs last: where they are, the rest is."""
        yield from (self.preprocessing, self.tokenizer, self.tokenizer_config, self.config)
        yield from (*self.image_weights, *self.text_weights, self.image, self.text)


def find_layout(names: Collection[str], where: str, variant: str | None = None) -> Layout:
    """Return the layout of the files in a folder.

    Parameters
    ----------
    names : collection of str
        Relative paths with forward slashes.
    where : str
        What to call the folder in an error.
    variant : str or None
        One of :data:`VARIANTS`; None for the first that is there.

    Raises
    ------
    ModelInvalid
        The layout is none of the known ones, or files of it are missing.
    """
    if any(name.startswith(("visual/", "textual/")) for name in names):
        if variant not in (None, "fp32"):
            raise ModelInvalid(
                f"{where} has no variant {variant!r}: models in this layout have one only.",
                code="no-variant",
            )
        layout = _immich(names)
    elif any(name.startswith("onnx/") for name in names):
        layout = _transformers_js(names, where, variant)
    else:
        raise ModelInvalid(
            f"{where} holds no ONNX model that safelight knows: neither visual/model.onnx and "
            "textual/model.onnx, nor onnx/vision_model.onnx and onnx/text_model.onnx.",
            code="no-onnx",
        )
    missing = [name for name in layout.names() if name not in names]
    if missing:
        raise ModelInvalid(
            f"{where} lacks {', '.join(missing)}. Every file of the model is needed; "
            "fetch the missing ones from where it was published.",
            code="incomplete",
            missing=missing,
        )
    return layout


def _immich(names: Collection[str]) -> Layout:
    def weights(folder: str) -> tuple[str, ...]:
        inside = (PurePosixPath(name) for name in names)
        return tuple(
            sorted(
                str(path)
                for path in inside
                if str(path.parent) == folder and path.suffix.lower() not in _NO_WEIGHTS
            )
        )

    return Layout(
        "immich",
        "visual/model.onnx",
        "textual/model.onnx",
        weights("visual"),
        weights("textual"),
        "visual/preprocess_cfg.json",
        "textual/tokenizer.json",
        "textual/tokenizer_config.json",
        "config.json",
    )


def _transformers_js(names: Collection[str], where: str, variant: str | None) -> Layout:
    def graphs(variant: str) -> tuple[str, str]:
        suffix = "" if variant == "fp32" else f"_{variant}"
        return f"onnx/vision_model{suffix}.onnx", f"onnx/text_model{suffix}.onnx"

    def weights(graph: str) -> tuple[str, ...]:
        return tuple(sorted(name for name in names if name.startswith(f"{graph}_data")))

    there = [v for v in VARIANTS if all(graph in names for graph in graphs(v))]
    if variant is not None and variant not in there:
        raise ModelInvalid(
            f"{where} has no variant {variant!r}; it has {', '.join(there) or 'none'}.",
            code="no-variant",
        )
    if not there and "onnx/model.onnx" in names:
        raise ModelInvalid(
            f"{where} has both sides in one graph, onnx/model.onnx. safelight needs them apart, "
            "as onnx/vision_model.onnx and onnx/text_model.onnx.",
            code="one-graph",
        )
    image, text = graphs(variant or (there or ["fp32"])[0])
    return Layout(
        "transformers.js",
        image,
        text,
        weights(image),
        weights(text),
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "config.json",
    )
