"""Models that open_clip builds: by architecture and tag, from a checkpoint, or from a folder."""

from __future__ import annotations

import copy
import json
import logging
import os
import warnings
import zipfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from safelight.embedding.catalogue.digests import file_digest
from safelight.embedding.devices import missing_extra
from safelight.embedding.json_config import Configuration
from safelight.embedding.layouts.torch import OPEN_CLIP_CONFIG
from safelight.embedding.preprocess.config import parse_open_clip
from safelight.embedding.preprocess.tokenizer import clean
from safelight.embedding.torch.clip_tokenizer import save_clip_tokenizer
from safelight.embedding.torch.model import LoadedModel, TorchModel
from safelight.errors import ModelInvalid, UsageError
from safelight.files import check_regular

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import torch

    from safelight.embedding.layouts.torch import TorchLayout

_DEFAULT_CONTEXT = 77

# What of a tag's or a folder's settings decides how images are prepared.
_PREPROCESSING = ("mean", "std", "interpolation", "resize_mode", "fill_color")


@dataclass(frozen=True)
class Tag:
    """Weights that open_clip knows.

    Attributes
    ----------
    repo, filename : str
        Where they lie on the hub; an empty name stands for open_clip's usual ones.
    settings : mapping
        How they were trained: `quick_gelu`, and how images are prepared.
    """

    repo: str
    filename: str
    settings: Mapping[str, Any]


def find_tag(architecture: str, tag: str) -> Tag:
    """Return open_clip's tag of weights.

    Raises
    ------
    UsageError
        It knows no such architecture, or no such weights of it; the message lists what it knows.
    """
    open_clip = _open_clip()
    settings = open_clip.get_pretrained_cfg(architecture, tag)
    if not settings:
        tags = open_clip.list_pretrained_tags_by_model(architecture)
        if not tags:
            raise UsageError(f"open_clip knows no architecture {architecture!r} with weights.")
        raise UsageError(
            f"open_clip knows no weights {tag!r} of {architecture}; it knows {', '.join(tags)}.",
            architecture=architecture,
            tag=tag,
        )
    repo, _, filename = settings["hf_hub"].rpartition("/")
    return Tag(repo, filename, settings)


def tokenizer_repo(architecture: str) -> str | None:
    """Return where on the hub an architecture's tokenizer lies; None if it is CLIP's own."""
    name = _architecture(architecture)["text_cfg"].get("hf_tokenizer_name")
    return str(name) if name else None


def describe_tag(architecture: str, tag: Tag, weights: Path, tokenizer: Path | None) -> TorchModel:
    """Return the model of an architecture with weights that open_clip knows.

    Parameters
    ----------
    weights : Path
        The file of `tag`.
    tokenizer : Path or None
        The folder of :func:`tokenizer_repo`.
    """
    config = _architecture(architecture)
    if tag.settings.get("quick_gelu"):  # OpenAI's weights were trained with it, for one
        config["quick_gelu"] = True
    return _describe(config, tag.settings, weights, tokenizer)


def describe_checkpoint(architecture: str, weights: Path) -> TorchModel:
    """Return the model of an architecture with a file of weights, OpenAI's own archives included.

    Images are prepared as for all weights of the architecture that open_clip knows, or, where
    these disagree, as open_clip does by default.
    """
    open_clip = _open_clip()
    config = _architecture(architecture)
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    all_settings = [open_clip.get_pretrained_cfg(architecture, tag) for tag in tags]
    prepared = [{key: each.get(key) for key in _PREPROCESSING} for each in all_settings]
    settings = prepared[0] if prepared and all(each == prepared[0] for each in prepared) else {}
    if _is_torchscript(weights):
        config["quick_gelu"] = True
    if config["text_cfg"].get("hf_tokenizer_name"):
        tokenizer = weights.parent
        if not any(tokenizer.glob("tokenizer*")):
            raise ModelInvalid(
                f"{architecture} needs a tokenizer, and there is none beside {weights}. Put its "
                "tokenizer.json and tokenizer_config.json there.",
                path=str(weights),
            )
        return _describe(config, settings, weights, tokenizer)
    return _describe(config, settings, weights, None)


def describe_folder(folder: Path, layout: TorchLayout) -> TorchModel:
    """Return the model of a folder with ``open_clip_config.json``.

    Raises
    ------
    ModelInvalid
        The file is not what open_clip writes.
    """
    configuration = Configuration.read(folder / OPEN_CLIP_CONFIG)
    config = configuration.section("model_cfg").values
    if not {"embed_dim", "vision_cfg", "text_cfg"} <= set(config):
        raise configuration.wrong("model_cfg", "lacks embed_dim, vision_cfg or text_cfg")
    settings = configuration.section("preprocess_cfg").values
    return _describe(copy.deepcopy(config), settings, folder / layout.weights[0], folder)


def _describe(
    config: dict[str, Any], settings: Mapping[str, Any], weights: Path, tokenizer: Path | None
) -> TorchModel:
    from open_clip.transform import PreprocessCfg

    text = config["text_cfg"]
    given = {key: settings[key] for key in _PREPROCESSING if settings.get(key) is not None}
    prepared = asdict(PreprocessCfg()) | given | {"size": config["vision_cfg"]["image_size"]}
    # Lists, as in a file.
    values = json.loads(json.dumps(prepared))
    preprocessing = parse_open_clip(Configuration(weights, values))
    tokenizer = tokenizer if text.get("hf_tokenizer_name") else None
    return TorchModel(
        identity={
            "architecture": config,
            "weights": [file_digest(weights)],
            "tokenizer": _tokenizer_digests(tokenizer) if tokenizer else "clip",
            "preprocessing": preprocessing.describe(),
            "dtype": "float32",
        },
        preprocessing=preprocessing,
        context=int(text.get("context_length", _DEFAULT_CONTEXT)),
        config=config,
        dimension=int(config["embed_dim"]),
        load=partial(_load, config, weights, tokenizer),
    )


def _load(config: dict[str, Any], weights: Path, tokenizer: Path | None) -> LoadedModel:
    with _quiet():
        try:
            check_regular(weights)
            module = _build(copy.deepcopy(config), weights)
        except Exception as error:  # of PyTorch, pickle and safetensors; they share no other base
            first = str(error).strip().splitlines() or [type(error).__name__]
            raise ModelInvalid(
                f"{weights} does not hold the weights of this architecture: {first[0]}",
                path=str(weights),
            ) from error
    module.eval()
    logit_bias = getattr(module, "logit_bias", None)
    tokenize, save = _tokenizer(config["text_cfg"], tokenizer)
    return LoadedModel(
        module=module,
        image=module.encode_image,
        text=module.encode_text,
        tokenize=tokenize,
        save_tokenizer=save,
        dimension=int(config["embed_dim"]),
        logit_scale=float(module.logit_scale.detach().exp()),
        logit_bias=None if logit_bias is None else float(logit_bias.detach()),
    )


def _build(config: dict[str, Any], weights: Path) -> torch.nn.Module:
    """Do what open_clip's create_model does, of a configuration in memory and a file."""
    from open_clip.coca_model import CoCa
    from open_clip.factory import load_checkpoint
    from open_clip.model import CLIP, CustomTextCLIP

    # The weights of whole models contain these parts; nothing is fetched for them.
    if "timm_model_name" in config["vision_cfg"]:
        config["vision_cfg"]["timm_model_pretrained"] = False
    if "hf_model_name" in config["text_cfg"]:
        config["text_cfg"]["hf_model_pretrained"] = False
    custom = config.pop("custom_text", False) or "hf_model_name" in config["text_cfg"]
    kind = CLIP if not custom else CoCa if "multimodal_cfg" in config else CustomTextCLIP
    module: torch.nn.Module = kind(**config)
    if _is_torchscript(weights):
        import torch

        archive = torch.jit.load(str(weights), map_location="cpu")
        state = {k: v.float() for k, v in archive.state_dict().items()}
        for key in ("input_resolution", "context_length", "vocab_size"):
            state.pop(key, None)
        module.load_state_dict(state)
    else:
        load_checkpoint(module, str(weights), strict=True, weights_only=True)
    return module.float()


def _is_torchscript(weights: Path) -> bool:
    try:
        with zipfile.ZipFile(weights) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _architecture(name: str) -> dict[str, Any]:
    open_clip = _open_clip()
    config: dict[str, Any] | None = open_clip.get_model_config(name)
    if config is None:
        raise UsageError(
            f"open_clip knows no architecture {name!r}; `python -c 'import open_clip; "
            "print(open_clip.list_models())'` lists those it knows.",
            architecture=name,
        )
    return config


def _tokenizer(text: Mapping[str, Any], folder: Path | None) -> tuple[Any, Any]:
    """Return the functions `tokenize` and `save_tokenizer` of a LoadedModel."""
    context = int(text.get("context_length", _DEFAULT_CONTEXT))
    options = dict(text.get("tokenizer_kwargs", {}))
    tokenizer: Any
    if folder is None:
        from open_clip.tokenizer import SimpleTokenizer

        tokenizer = SimpleTokenizer(context_length=context, **options)
        pad, measure = 0, tokenizer.encode
        around = 2
        save = partial(save_clip_tokenizer, tokenizer)
    else:
        from open_clip.tokenizer import HFTokenizer

        tokenizer = HFTokenizer(
            str(folder),
            context_length=context,
            tokenizer_mode=text.get("tokenizer_mode"),
            local_files_only=True,
            **options,
        )
        pad = tokenizer.tokenizer.pad_token_id
        around = 0

        def measure(content: str) -> Sequence[int]:
            ids: Sequence[int] = tokenizer.tokenizer(tokenizer.clean_fn(content)).input_ids
            return ids

        save = tokenizer.save_pretrained

    def tokenize(texts: Sequence[str]) -> tuple[torch.Tensor, int]:
        given = [clean(content, "none") for content in texts]
        ids = tokenizer(given)
        full = [content for content, row in zip(given, ids, strict=True) if int(row[-1]) != pad]
        return ids, sum(len(measure(content)) + around > context for content in full)

    return tokenize, save


def _tokenizer_digests(folder: Path) -> dict[str, str]:
    names = ("tokenizer.json", "spiece.model", "sentencepiece.bpe.model", "vocab.txt", "vocab.json",
             "merges.txt", "tokenizer_config.json", "special_tokens_map.json")  # fmt: skip
    return {name: file_digest(folder / name) for name in names if (folder / name).exists()}


def _open_clip() -> Any:
    # It is imported where it is used: that takes seconds.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        with _quiet():
            import open_clip
    except ImportError as error:
        raise missing_extra(error) from error
    return open_clip


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep open_clip's and timm's remarks on how they load things from the terminal."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
