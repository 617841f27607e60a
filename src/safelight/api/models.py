"""Models: the catalogue, those on this machine, fetching, verifying, exporting and removing them.

Nothing here changes a library.
"""

from __future__ import annotations

import importlib.util
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from safelight.embedding.installed.models import (
    ModelOnDisk,
    Terms,
    all_models,
    find_model,
    is_here,
    names_of,
    pull,
    removable,
    remove,
    terms_of,
)
from safelight.embedding.load import load_embedder
from safelight.embedding.names import STARTER, absolute_name, parse_model_name, plain_name
from safelight.errors import ModelUnavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from safelight.embedding.catalogue.catalogue import KnownModel as KnownModel
    from safelight.embedding.installed.integrity import Check as Check
    from safelight.embedding.installed.verify import Verification as Verification
    from safelight.embedding.torch.embedder import TorchEmbedder
    from safelight.embedding.torch.export import Dtype as Dtype
    from safelight.embedding.torch.export import Measured as Measured
    from safelight.settings import Settings

__all__ = [
    "ModelExport",
    "ModelInfo",
    "ModelOnDisk",
    "Terms",
    "export_model",
    "find_model",
    "is_here",
    "list_models",
    "model_info",
    "pull",
    "removable",
    "remove",
    "spaces_of_model",
    "terms_of",
    "verify_model",
]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model, and what was found out of one that is not in the catalogue.

    Attributes
    ----------
    model : ModelOnDisk
    details : dict
        Empty; or ``dimension``, ``runtime``, ``fingerprint`` and ``on_disk``; or ``licence``,
        ``permissive`` and ``source``; or the ``problem`` that it cannot be loaded for.
    """

    model: ModelOnDisk
    details: dict[str, Any] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {**self.model.to_dict(every=True), **self.details}


@dataclass(frozen=True, slots=True)
class ModelExport:
    """An export for ONNX Runtime, measured beside its original.

    Attributes
    ----------
    model, dtype : str
    measured : Measured
    good : bool
        Whether its vectors are near enough to the original's.
    written : bool
    least : float
        Mean cosine with the original that it needs to be good.
    """

    model: str
    dtype: Dtype
    measured: Measured
    good: bool
    written: bool
    least: float

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready, with the measurements among its own fields."""
        return {
            "model": self.model,
            "dtype": self.dtype,
            "good": self.good,
            "written": self.written,
            **asdict(self.measured),
        }


def list_models(*, on_disk: bool = False) -> list[ModelOnDisk]:
    """Return the catalogue and all other models on this machine; or those on it only."""
    return [each for each in all_models() if each.is_complete or not on_disk]


def model_info(name: str) -> ModelInfo:
    """Return everything known about a model; the hub may be asked about one not in the catalogue.

    Raises
    ------
    UsageError, ModelUnavailable
        It is not a name of a model, or names a folder that does not exist.
    """
    model = find_model(name)
    return ModelInfo(model, {} if model.known else _details(name))


def verify_model(name: str, *, photo: Path | None = None) -> Verification:
    """Compare a model on this machine with what is known about it.

    See :func:`safelight.embedding.installed.verify.verify`.
    """
    from safelight.embedding.installed.verify import verify

    return verify(name, photo=photo)


def export_model(
    name: str,
    target: Path,
    settings: Settings,
    *,
    dtype: Dtype = "fp32",
    photos: str | None = None,
    force: bool = False,
    progress: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> ModelExport:
    """Write a model for ONNX Runtime into a new folder, and compare it with the original.

    Parameters
    ----------
    name : str
        A model in PyTorch, which is fetched if need be.
    target : Path
        A folder that is not there yet.
    settings : Settings
        Photos of its library are compared, or those of the demo.
    dtype : str
    photos : str, optional
        A folder of photos to compare instead.
    force : bool
        Write an export that is not good enough.
    progress : bool
        Show a bar on standard error while downloading.
    tell : callable
        Given sentences for the user.

    Raises
    ------
    UsageError
        The folder is there, or the model has no form in PyTorch.
    ModelUnavailable
        PyTorch is not installed, or the model is not available.
    SourceError
        There are no photos to compare.
    """
    if target.exists():
        raise UsageError(f"{target} is there already. Name a new folder.", path=str(target))
    embedder = _torch_embedder(name, progress=progress, tell=tell)
    from safelight.embedding.torch.export import LEAST
    from safelight.embedding.torch.export import export_model as export
    from safelight.ingest.sources.samples import sample_photos

    sample = sample_photos(photos, settings.library, min_side=embedder.min_side)
    tell(f"Comparing on {len(sample.frames)} photos of {sample.origin}.")
    measured = export(
        embedder.model,
        absolute_name(plain_name(name)),
        target,
        sample.frames,
        dtype=dtype,
        force=force,
        tell=lambda note: tell(f"{note}."),
    )
    good = measured.is_good(dtype)
    return ModelExport(name, dtype, measured, good, good or force, LEAST[dtype])


def spaces_of_model(settings: Settings, name: str) -> list[str]:
    """Return the names of the spaces of the library, if there is one, that a model embeds."""
    if not settings.library.exists():
        return []
    from safelight.library.database import Database
    from safelight.library.spaces import all_spaces

    names = names_of(name)
    with Database(settings.library, create=False) as library:
        return [
            each.space.name for each in all_spaces(library) if names & names_of(each.space.model)
        ]


def _torch_embedder(name: str, *, progress: bool, tell: Callable[[str], None]) -> TorchEmbedder:
    """Return the embedder of a model in PyTorch, fetched if need be."""
    if name == STARTER or parse_model_name(name).runtimes == ("onnx",):
        raise UsageError(f"{name} is an ONNX model already; only one in PyTorch is exported.")
    missing = [each for each in ("torch", "onnx") if importlib.util.find_spec(each) is None]
    if missing:
        raise ModelUnavailable(
            f"An export needs {' and '.join(missing)}: pip install 'safelight[torch]'.",
            code="no-torch",
        )
    from safelight.embedding.torch.embedder import TorchEmbedder

    model = f"{plain_name(name)}#torch"
    embedder = load_embedder(model, device="cpu", progress=progress, tell=tell)
    if not isinstance(embedder, TorchEmbedder):
        raise UsageError(f"{name} holds no model in PyTorch; only one in PyTorch is exported.")
    return embedder


def _details(name: str) -> dict[str, Any]:
    try:
        embedder = load_embedder(name, device="cpu", local_files_only=True)
    except ModelUnavailable as error:
        if error.code != "offline":
            return {"problem": str(error)}
        terms = terms_of(name)
        return {"licence": terms.licence, "permissive": terms.permissive, "source": terms.source}
    return {
        "on_disk": True,
        "dimension": embedder.dimension,
        "runtime": embedder.where.runtime,
        "fingerprint": embedder.fingerprint,
    }
