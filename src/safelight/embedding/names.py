"""Model names as ``--model`` takes them, and the loader of each kind of name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.embedding.catalogue.catalogue import find_known
from safelight.embedding.layouts.onnx import VARIANTS
from safelight.errors import ModelUnavailable, UsageError
from safelight.files.names import expanded

if TYPE_CHECKING:
    from safelight.embedding.base import Embedder
    from safelight.embedding.catalogue.catalogue import KnownModel
    from safelight.embedding.devices import Runtime

STARTER = "starter"

_HUB_PREFIX = "hf-hub:"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_RUNTIMES: tuple[Runtime, ...] = ("onnx", "torch")

# How the names of open_clip's architectures begin.
_ARCHITECTURES = (
    "ViT-", "RN", "convnext_", "coca_", "EVA0", "MobileCLIP", "nllb-clip", "ViTamin-", "PE-Core",
    "roberta-", "xlm-roberta-", "XLM-Roberta-", "vit_", "swin_", "mt5-",
)  # fmt: skip


@dataclass(frozen=True)
class ModelName:
    """A parsed ``--model``.

    Attributes
    ----------
    name : str
        What people call the model.
    folder : Path or None
        Where it lies, if it is a folder.
    architecture, tag : str or None
        In open_clip's words.
    checkpoint : Path or None
        A file of weights of `architecture`.
    onnx_repos, torch_repos : tuple of str
        Where to look on the hub for either kind, one after the other.
    variant : str or None
        See :data:`safelight.embedding.layouts.onnx.VARIANTS`.
    runtime : str or None
        If the name says which; None for what is there and suits the device.
    known : KnownModel or None
        Its entry in the catalogue.
    """

    name: str
    folder: Path | None = None
    architecture: str | None = None
    tag: str | None = None
    checkpoint: Path | None = None
    onnx_repos: tuple[str, ...] = ()
    torch_repos: tuple[str, ...] = ()
    variant: str | None = None
    runtime: Runtime | None = None
    known: KnownModel | None = None

    @property
    def runtimes(self) -> tuple[Runtime, ...]:
        """Runtimes that may be able to run it."""
        if self.runtime is not None:
            return (self.runtime,)
        if self.variant is not None:
            return ("onnx",)
        return ("torch",) if self.checkpoint is not None else _RUNTIMES


def name_to_reload(embedder: Embedder, otherwise: str | None = None) -> str:
    """Return the ``--model`` value that loads an embedder again.

    Parameters
    ----------
    otherwise : str, optional
        For an embedder that does not know it; its name if not given.
    """
    known: str | None = getattr(embedder, "reload_name", None)
    return known or otherwise or embedder.name


def lasting_name(model: str, embedder: Embedder) -> str:
    """Return `model` so that it means the same weights from any folder and on any device.

    Without a name for the runtime, a GPU that is added later could change what is loaded.
    """
    if model != STARTER:
        name = parse_model_name(model)
        if name.folder is None and len(name.runtimes) > 1:
            return f"{model}#{embedder.where.runtime}"
    return absolute_name(model)


def absolute_name(model: str) -> str:
    """Return `model` so that it means the same from any working directory."""
    place, suffix = _split(model)
    if model == STARTER or not place:
        return model
    ending = f"#{suffix}" if suffix else ""
    folder = _expanded(place)
    if folder.is_dir():
        return f"{folder.absolute()}{ending}"
    architecture, file = _checkpoint(place)
    return f"{architecture}/{file.absolute()}{ending}" if file else model


def plain_name(model: str) -> str:
    """Return `model` without the runtime, if it says one.

    >>> plain_name("ViT-B-32/openai#torch"), plain_name("Xenova/clip-vit-base-patch32#fp16")
    ('ViT-B-32/openai', 'Xenova/clip-vit-base-patch32#fp16')
    """
    place, suffix = _split(model)
    return place if suffix in _RUNTIMES else model


def parse_model_name(model: str) -> ModelName:
    """Return where a model is to be found.

    Parameters
    ----------
    model : str
        A folder; ``ARCHITECTURE/WEIGHTS`` in open_clip's words, where the weights may also be a
        file; or an id on the hub, with or without ``hf-hub:``. At the end, ``#onnx`` or
        ``#torch`` chooses what runs it, ``#VARIANT`` one of several ONNX exports.

    Raises
    ------
    ModelUnavailable
        It looks like a folder, but is not there.
    UsageError
        It is none of these.

    Examples
    --------
    >>> parse_model_name("ViT-B-16/laion400m_e31").onnx_repos[0]
    'immich-app/ViT-B-16__laion400m_e31'
    >>> parse_model_name("Xenova/mobileclip_s0#fp16").variant
    'fp16'
    """
    place, suffix = _split(model)
    variant = suffix if suffix in VARIANTS else None
    runtime = next((each for each in _RUNTIMES if each == suffix), None)
    folder = _expanded(place)
    if place and folder.is_dir():
        ending = f"#{suffix}" if suffix else ""
        return ModelName(
            folder.resolve().name + ending, folder.resolve(), variant=variant, runtime=runtime
        )
    of, checkpoint = _checkpoint(place)
    if checkpoint is not None:
        return ModelName(
            f"{of}/{checkpoint.name}",
            architecture=of,
            checkpoint=checkpoint.resolve(),
            runtime=runtime,
        )
    if place.startswith((".", "~")) or folder.is_absolute() or "\\" in place:
        raise ModelUnavailable(
            f"The model folder {folder} does not exist.", code="no-folder", path=str(folder)
        )
    given = place.removeprefix(_HUB_PREFIX)
    known = find_known(given)
    in_open_clips_words = known.name if known else place
    architecture: str | None = None
    tag: str | None = None
    if _is_open_clip(in_open_clips_words):
        architecture, _, tag = in_open_clips_words.replace("__", "/", 1).partition("/")
    if known is not None:
        onnx = (given,) if given in known.onnx else known.onnx or _immich_repos(architecture, tag)
        # An id that was given itself is what is wanted, whatever else holds the same weights.
        torch: tuple[str, ...] = () if given in (known.name, *known.onnx) else (given,)
        if architecture is None and not torch:
            torch = (known.transformers or known.name,)
    elif architecture is not None:
        onnx, torch = _immich_repos(architecture, tag), ()
    elif _HUB_ID.fullmatch(given):
        onnx = torch = (given,)
    else:
        raise UsageError(
            f"{model!r} names no model. Give 'starter', a folder, ARCHITECTURE/WEIGHTS such as "
            "ViT-B-32/openai, or an id on the hub such as Xenova/clip-vit-base-patch32. "
            "`safelight models list` shows well-known ones.",
            model=model,
        )
    return ModelName(
        model,
        architecture=architecture,
        tag=tag,
        onnx_repos=onnx,
        torch_repos=torch,
        variant=variant,
        runtime=runtime,
        known=known,
    )


def _is_open_clip(name: str) -> bool:
    starts = name.startswith(_ARCHITECTURES)
    return starts and (name.count("/") == 1 or ("__" in name and "/" not in name))


def _immich_repos(architecture: str | None, tag: str | None) -> tuple[str, ...]:
    if architecture is None or tag is None:
        return ()
    # open_clip writes laion2b_s34b_b79k; some repositories have it with hyphens.
    spellings = dict.fromkeys((tag, tag.replace("_", "-")))
    return tuple(f"immich-app/{architecture}__{spelling}" for spelling in spellings)


def _checkpoint(place: str) -> tuple[str, Path | None]:
    """Return an architecture and its file of weights, as in ``ViT-B-32/weights/mine.pt``."""
    architecture, _, rest = place.partition("/")
    if rest and architecture.startswith(_ARCHITECTURES):
        file = _expanded(rest)
        if file.is_file():
            return architecture, file
    return architecture, None


def _split(model: str) -> tuple[str, str]:
    """Return the name and what follows the mark, which may be empty."""
    place, mark, suffix = model.rpartition("#")
    return (place, suffix) if mark and suffix in (*VARIANTS, *_RUNTIMES) else (model, "")


def _expanded(place: str) -> Path:
    return Path(expanded(place))
