"""What ``--model`` takes, and where each kind of name leads."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from safelight.embedding.layouts import VARIANTS
from safelight.errors import ModelUnavailable, UsageError

STARTER = "starter"

_HUB_PREFIX = "hf-hub:"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class ModelName:
    """A parsed ``--model``.

    Attributes
    ----------
    name : str
        What people call the model.
    folder : Path or None
        Where it lies; None if it comes from the hub.
    repos : tuple of str
        Where to look on the hub, one after the other.
    variant : str or None
        See :data:`safelight.embedding.layouts.VARIANTS`.
    logit_scale : float or None
        If the model is a well-known one that has it.
    """

    name: str
    folder: Path | None = None
    repos: tuple[str, ...] = ()
    variant: str | None = None
    logit_scale: float | None = None


@dataclass(frozen=True)
class KnownModel:
    """An entry of ``models.toml``, which says what the attributes mean."""

    name: str
    repo: str
    also: tuple[str, ...]
    licence: str
    megabytes: int
    logit_scale: float | None = None


def absolute_name(model: str) -> str:
    """Return `model` so that it means the same from any working directory."""
    place, variant = _split(model)
    folder = Path(place).expanduser()
    if model == STARTER or not place or not folder.is_dir():
        return model
    return f"{folder.absolute()}#{variant}" if variant else str(folder.absolute())


def parse_model_name(model: str) -> ModelName:
    """Return where a model is to be found.

    Parameters
    ----------
    model : str
        A folder; ``ARCHITECTURE/WEIGHTS`` in open_clip's words; or an id on the hub, with or
        without ``hf-hub:``. ``#VARIANT`` at the end chooses one of several variants.

    Raises
    ------
    ModelUnavailable
        It looks like a folder, but is not there.
    UsageError
        It is none of these.

    Examples
    --------
    >>> parse_model_name("ViT-B-32/openai").repos
    ('immich-app/ViT-B-32__openai',)
    >>> parse_model_name("Xenova/mobileclip_s0#fp16").variant
    'fp16'
    """
    place, variant = _split(model)
    folder = Path(place).expanduser()
    if place and folder.is_dir():
        return ModelName(
            folder.resolve().name + (f"#{variant}" if variant else ""),
            folder.resolve(),
            variant=variant or None,
        )
    if place.startswith((".", "~")) or folder.is_absolute() or "\\" in place:
        raise ModelUnavailable(
            f"The model folder {folder} does not exist.", code="no-folder", path=str(folder)
        )
    known = _known(place.removeprefix(_HUB_PREFIX))
    if known is not None:
        repos: tuple[str, ...] = (known.repo,)
    elif _is_open_clip(place):
        repos = _immich_repos(place)
    elif _HUB_ID.fullmatch(place.removeprefix(_HUB_PREFIX)):
        repos = (place.removeprefix(_HUB_PREFIX),)
    else:
        raise UsageError(
            f"{model!r} names no model. Give 'starter', a folder, ARCHITECTURE/WEIGHTS such as "
            "ViT-B-32/openai, or an id on the hub such as Xenova/clip-vit-base-patch32.",
            model=model,
        )
    return ModelName(
        model,
        repos=repos,
        variant=variant or None,
        logit_scale=known.logit_scale if known else None,
    )


@cache
def known_models() -> tuple[KnownModel, ...]:
    """Return the entries of ``models.toml``."""
    return tuple(
        KnownModel(**(entry | {"also": tuple(entry["also"])})) for entry in _table()["models"]
    )


def _known(name: str) -> KnownModel | None:
    for entry in known_models():
        if name in (entry.name, entry.repo, *entry.also):
            return entry
    return None


def _is_open_clip(name: str) -> bool:
    starts = name.startswith(tuple(_table()["architectures"]))
    return starts and (name.count("/") == 1 or ("__" in name and "/" not in name))


def _immich_repos(name: str) -> tuple[str, ...]:
    architecture, _, weights = name.replace("__", "/", 1).partition("/")
    # open_clip writes laion2b_s34b_b79k; some repositories have it with hyphens.
    spellings = dict.fromkeys((weights, weights.replace("_", "-")))
    return tuple(f"immich-app/{architecture}__{spelling}" for spelling in spellings)


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("models.toml").read_text("utf-8"))


def _split(model: str) -> tuple[str, str]:
    """Return the name and the variant, which may be empty."""
    place, mark, variant = model.rpartition("#")
    return (place, variant) if mark and variant in VARIANTS else (model, "")
