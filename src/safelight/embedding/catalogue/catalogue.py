"""Catalogue of well-known models, with their addresses and published facts."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


# As the hub tags licences that allow any use.
_PERMISSIVE = frozenset(
    ("mit", "apache-2.0", "bsd", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-2.0",
     "cc-by-3.0", "cc-by-4.0", "isc", "unlicense", "zlib")
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Golden:
    """Published reference output of a model for a text, or for a photo and texts.

    Attributes
    ----------
    texts : tuple of str
    tolerance : float
        By how much each number may differ.
    source : str
        Where it was published.
    vector : tuple of float
        The first numbers of the unit vector of the one text.
    photo, photo_url, photo_sha256 : str or None
        The photo that the texts are compared with: its name, where it is, the digest of its file.
    logits, probabilities : tuple of float
        One of the two has a number for each text: its cosine with the photo, scaled and shifted
        as the model does, or the softmax over these.
    """

    texts: tuple[str, ...]
    tolerance: float
    source: str
    vector: tuple[float, ...] = ()
    photo: str | None = None
    photo_url: str | None = None
    photo_sha256: str | None = None
    logits: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class KnownModel:
    """An entry of ``catalogue.toml``; what is not known for certain is None or empty.

    Attributes
    ----------
    name : str
        In open_clip's words, ``ARCHITECTURE/WEIGHTS``, where it knows the model.
    onnx : tuple of str
        Ids of ONNX exports on the hub, the best first.
    layout : str or None
        How the first of them is laid out: ``immich`` or ``transformers.js``.
    torch, transformers : str or None
        Ids of the weights that open_clip and transformers load.
    also : tuple of str
        Other ids of the same weights.
    dimension, image_size, context : int
        Length of a vector, side of an image in pixels, tokens of the longest text.
    parameters : float
        Millions, of both sides.
    megabytes : int
        Both sides in float32.
    licence : str
        Of the weights.
    permissive : bool
        Whether it allows any use, commercial use included.
    languages : str
    trained_on : str or None
    imagenet, retrieval : float or None
        Published figures in percent: zero-shot top-1 on ImageNet-1k, and retrieval as `source`
        describes it.
    source : str or None
        Where they were published.
    logit_scale : float or None
        What the model multiplies a cosine with.
    use_when : str
        One line.
    checksums : mapping of str to str
        sha256 of files, as their publisher gives them.
    golden : tuple of Golden
    """

    name: str
    dimension: int
    image_size: int
    megabytes: int
    licence: str
    use_when: str
    permissive: bool = True
    onnx: tuple[str, ...] = ()
    layout: str | None = None
    torch: str | None = None
    transformers: str | None = None
    also: tuple[str, ...] = ()
    parameters: float | None = None
    context: int | None = None
    languages: str | None = None
    trained_on: str | None = None
    imagenet: float | None = None
    retrieval: float | None = None
    source: str | None = None
    logit_scale: float | None = None
    checksums: Mapping[str, str] = field(default_factory=dict, hash=False)
    golden: tuple[Golden, ...] = ()

    @property
    def ids(self) -> frozenset[str]:
        """Every name of these weights."""
        named = (self.name, self.torch, self.transformers)
        return frozenset({*self.onnx, *self.also, *(n for n in named if n)})


@cache
def known_models() -> tuple[KnownModel, ...]:
    """Return the entries of ``catalogue.toml``, in its order."""
    text = Path(__file__).with_name("catalogue.toml").read_text("utf-8")
    entries: list[dict[str, Any]] = tomllib.loads(text)["models"]
    return tuple(
        KnownModel(
            **_frozen(entry)
            | {"golden": tuple(Golden(**_frozen(each)) for each in entry.get("golden", ()))}
        )
        for entry in entries
    )


def find_known(name: str) -> KnownModel | None:
    """Return the entry of a model by any of its names."""
    return next((each for each in known_models() if name in each.ids), None)


def is_permissive(licence: str | None) -> bool:
    """Tell whether a licence, as the hub tags it, allows any use, commercial use included."""
    return licence is not None and licence.lower() in _PERMISSIVE


def _frozen(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
