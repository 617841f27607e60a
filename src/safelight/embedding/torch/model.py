"""A PyTorch model, before and after its weights are in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

    from safelight.embedding.preprocess.preprocess import Preprocessing


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model in memory, on the processor and in float32.

    Attributes
    ----------
    module : torch.nn.Module
        All of it, to be moved to a device.
    image : callable
        (n, 3, h, w) to (n, d), not normalised.
    text : callable
        (n, length) token ids to (n, d), not normalised.
    tokenize : callable
        Texts to (n, length) token ids, and how many of the texts were cut.
    save_tokenizer : callable
        Writes ``tokenizer.json`` and ``tokenizer_config.json`` to a folder.
    dimension : int
    logit_scale, logit_bias : float or None
        What a cosine is multiplied with, and what is then added; a bias is there only in models
        that were trained with a sigmoid for each pair (SigLIP).
    """

    module: torch.nn.Module
    image: Callable[[torch.Tensor], torch.Tensor]
    text: Callable[[torch.Tensor], torch.Tensor]
    tokenize: Callable[[Sequence[str]], tuple[torch.Tensor, int]]
    save_tokenizer: Callable[[str], None]
    dimension: int
    logit_scale: float | None
    logit_bias: float | None


@dataclass(frozen=True, eq=False)
class TorchModel:
    """A model on disk.

    Attributes
    ----------
    identity : mapping
        Everything that decides what the model computes, JSON-ready, for its fingerprint.
    preprocessing : Preprocessing
    context : int
        Tokens of the longest text.
    config : mapping
        open_clip's description of the architecture, or what of it Immich's layout needs.
    dimension : int
    load : callable
        Brings it into memory; takes seconds.
    """

    identity: Mapping[str, Any]
    preprocessing: Preprocessing
    context: int
    config: Mapping[str, Any]
    dimension: int
    load: Callable[[], LoadedModel]
