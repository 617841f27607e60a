"""Folder layouts of PyTorch models with an image and a text side.

As for ONNX, a layout is found from names alone: of a folder, or of a listing of the hub.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from safelight.errors import ModelInvalid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

OPEN_CLIP_CONFIG = "open_clip_config.json"

# As open_clip itself prefers them.
_OPEN_CLIP_WEIGHTS = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
)
_TRANSFORMERS_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_SHARD = re.compile(r"(?:model|pytorch_model)-\d+-of-(\d+)\.(?:safetensors|bin)")

_TOKENIZERS = ("tokenizer", "vocab", "spiece", "sentencepiece")

# Configurations, and the files of all kinds of tokenizers.
_SMALL = (".json", ".txt", ".model")


@dataclass(frozen=True)
class TorchLayout:
    """Names of a model's files, relative to its folder, with forward slashes.

    Attributes
    ----------
    kind : str
        ``open_clip``: `open_clip_config.json` and weights; ``transformers``: `config.json` and
        weights; ``checkpoint``: weights of an architecture that open_clip knows; ``tokenizer``:
        what transformers makes a tokenizer from.
    weights : tuple of str
    others : tuple of str
        Configurations and tokenizer files.
    """

    kind: Literal["open_clip", "transformers", "checkpoint", "tokenizer"]
    weights: tuple[str, ...]
    others: tuple[str, ...]

    def names(self) -> Iterator[str]:
        """Yield every file, the weights last: where they are, the rest is."""
        yield from (*self.others, *self.weights)


def find_torch_layout(names: Collection[str], where: str) -> TorchLayout:
    """Return the layout of the files in a folder.

    Parameters
    ----------
    names : collection of str
        Relative paths with forward slashes.
    where : str
        What to call the folder in an error.

    Raises
    ------
    ModelInvalid
        The layout is none of the known ones; `code` is ``no-torch-model``.
    """
    others = _small_files(names)
    if OPEN_CLIP_CONFIG in names and (found := _first(_OPEN_CLIP_WEIGHTS, names)):
        return TorchLayout("open_clip", (found,), others)
    if "config.json" in names and (found := _first(_TRANSFORMERS_WEIGHTS, names)):
        weights = _shards(names, where, found) if found.endswith(".index.json") else (found,)
        return TorchLayout("transformers", weights, others)
    raise ModelInvalid(
        f"{where} holds no PyTorch model that safelight knows: neither {OPEN_CLIP_CONFIG} nor "
        "config.json with weights beside it.",
        code="no-torch-model",
    )


def find_checkpoint(filename: str, names: Collection[str], where: str) -> TorchLayout:
    """Return the file of weights called `filename`, or what stands for it as safetensors.

    Parameters
    ----------
    filename : str
        Empty for the name that open_clip gives to weights.
    names, where
        As :func:`find_torch_layout` takes them.

    Raises
    ------
    ModelInvalid
        There is none.
    """
    wanted: tuple[str, ...] = _OPEN_CLIP_WEIGHTS
    if filename:
        wanted = (re.sub(r"\.\w+$", ".safetensors", filename), filename)
    found = _first(wanted, names)
    if found is None:
        raise ModelInvalid(f"{where} has no file {' or '.join(wanted)}.", code="no-torch-model")
    return TorchLayout("checkpoint", (found,), ())


def find_tokenizer(names: Collection[str], where: str) -> TorchLayout:
    """Return the files of a tokenizer, in the form of :func:`find_torch_layout`."""
    others = _small_files(names)
    if not any(name.startswith(_TOKENIZERS) for name in others):
        raise ModelInvalid(f"{where} has no tokenizer.", code="no-torch-model")
    return TorchLayout("tokenizer", (), others)


def _shards(names: Collection[str], where: str, index: str) -> tuple[str, ...]:
    """Return the parts that weights are in; not all of them are models."""
    suffix = ".safetensors" if "safetensors" in index else ".bin"
    found = {n: m for n in names if n.endswith(suffix) and (m := _SHARD.fullmatch(n))}
    if not found or any(int(match[1]) != len(found) for match in found.values()):
        raise ModelInvalid(
            f"{where} lacks some of the files that {index} names.", code="incomplete", index=index
        )
    return tuple(sorted(found))


def _small_files(names: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(n for n in names if "/" not in n and n.endswith(_SMALL)))


def _first(wanted: tuple[str, ...], names: Collection[str]) -> str | None:
    return next((name for name in wanted if name in names), None)
