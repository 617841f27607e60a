"""Load the embedder that ``--model`` names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from safelight.arguments import as_path
from safelight.embedding.catalogue.catalogue import is_permissive, known_models
from safelight.embedding.devices import has_torch, parse_device, usable_devices
from safelight.embedding.hub.cache import find_downloads
from safelight.embedding.hub.client import download, file_names, find_cached, is_offline, look_up
from safelight.embedding.layouts.onnx import find_layout
from safelight.embedding.names import STARTER, lasting_name, parse_model_name
from safelight.errors import ModelInvalid, ModelUnavailable, UsageError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from safelight.embedding.base import Embedder
    from safelight.embedding.description import Description
    from safelight.embedding.devices import Device, Runtime
    from safelight.embedding.hub.client import Files, RemoteModel
    from safelight.embedding.layouts.onnx import Layout
    from safelight.embedding.names import ModelName
    from safelight.embedding.onnx.embedder import OnnxEmbedder
    from safelight.embedding.torch.embedder import TorchEmbedder
    from safelight.embedding.torch.model import TorchModel

    Tell = Callable[[str], None]

#: The model of a new library, if it is available and no other is named.
DEFAULT = "ViT-B-32/openai"

#: How to run weights that are on this machine for PyTorch.
TORCH_EXTRA = "pip install 'safelight[torch]' runs it"

# Answers that leave something else to try, where other errors end the search.
_NOT_HERE = ("not-found", "no-onnx", "no-variant", "one-graph", "no-torch-model", "incomplete")


@dataclass(frozen=True)
class DefaultModel:
    """The model to use when none is named.

    Attributes
    ----------
    model : str
        What :func:`load_embedder` takes.
    note : str or None
        What the user should be told, before it is loaded.
    """

    model: str
    note: str | None = None


def load_embedder(
    model: str | os.PathLike[str],
    *,
    device: str = "auto",
    threads: int | None = None,
    batch_size: int | None = None,
    local_files_only: bool = False,
    progress: bool = False,
    tell: Tell | None = None,
) -> Embedder:
    """Return the embedder that a name stands for; weights are loaded when they are first used.

    Parameters
    ----------
    model : str or path-like
        ``starter``; a folder; ``ARCHITECTURE/WEIGHTS`` in open_clip's words, such as
        ``ViT-B-32/openai``; or an id on the hub. ``safelight docs models`` has more.
    device : str
        ``auto``, ``cpu``, ``cuda``, ``cuda:N``, ``mps``, ``coreml``, ``openvino`` or
        ``directml``. One that is named and not there is an error.
    threads : int or None
        Processor cores to use; None for all.
    batch_size : int or None
        Images to give to the model at once; None for what suits the device.
    local_files_only : bool
        Do not ask the hub for what is not on this machine.
    progress : bool
        Show a bar on standard error while downloading.
    tell : callable or None
        Given sentences for the user: what is fetched, and under which licence. None for the log.

    Raises
    ------
    UsageError
        `model` or `device` does not name one.
    ModelUnavailable
        The model is not on this machine and cannot be fetched, the device is not there, or
        the `torch` extra is needed and not installed.
    ModelInvalid
        Its files are missing, broken or not understood.
    """
    model = as_path(model, "model")
    if model == STARTER:
        from safelight.embedding.starter import load_starter

        if parse_device(device)[0] not in ("auto", "cpu"):
            raise UsageError(f"The starter model runs on the processor, not on {device}.")
        return load_starter(threads)
    name = parse_model_name(model)
    runtimes = name.runtimes
    if name.folder is not None and name.runtime is None:
        runtimes = _runtimes_of(name.folder, name.variant)
    devices = usable_devices(device, runtimes)
    order = list(dict.fromkeys(each.runtime for each in devices))
    found = _on_disk(name, order)
    if found is None:
        if local_files_only and needs_torch(model):
            raise _no_torch(name)
        if local_files_only:
            raise ModelUnavailable(
                f"The model {name.name} is not on this machine, and only local files were asked "
                "for. Fetch it once without that, or give its folder.",
                code="offline",
                repo=name.name,
            )
        try:
            found = _from_hub(name, order, progress=progress, tell=tell or _log)
        except ModelUnavailable as error:
            if needs_torch(model):
                raise _no_torch(name, error) from error
            raise
    runtime, described = found
    suitable = [each for each in devices if each.runtime == runtime]
    embedder = _embedder(name, described, suitable, threads, batch_size)
    embedder.reload_name = lasting_name(model, embedder)
    return embedder


def default_model(setting: str | None = None, *, timeout: float = 3.0) -> DefaultModel:
    """Return the model to use when none is named.

    It is `setting`; else :data:`DEFAULT` if it is on this machine or the hub answers within
    `timeout` seconds; else the starter model.

    Parameters
    ----------
    setting : str or None
        What the user has set, if anything.
    timeout : float
        Seconds to wait for the hub.
    """
    if setting is not None:
        return DefaultModel(setting)
    name = parse_model_name(DEFAULT)
    if is_default_here():
        return DefaultModel(DEFAULT)
    if is_offline():
        why = "HF_HUB_OFFLINE forbids to fetch it"
    else:
        try:
            _ask(name.onnx_repos, find_layout, timeout)
        except ModelUnavailable as error:
            why = str(error.context.get("reason", f"it cannot be fetched ({error.code})"))
        else:
            return DefaultModel(DEFAULT)
    where = f"{DEFAULT} is not on this machine"
    if needs_torch(DEFAULT):
        where = f"{DEFAULT} is here for PyTorch only ({TORCH_EXTRA})"
    return DefaultModel(
        STARTER,
        f"Using the built-in starter model, since {where} and {why}. For much better results "
        "choose another one; `safelight docs models` says how.",
    )


def is_default_here() -> bool:
    """Tell whether the default CLIP is on this machine, complete."""
    return any(find_cached(repo, find_layout) for repo in parse_model_name(DEFAULT).onnx_repos)


def needs_torch(model: str) -> bool:
    """Tell whether a model is on this machine as weights for PyTorch, which is not installed."""
    if model == STARTER or has_torch():
        return False
    name = parse_model_name(model)
    if "torch" not in name.runtimes or name.folder is not None:
        return False
    known = (name.known.torch, name.known.transformers, *name.known.also) if name.known else ()
    repos = dict.fromkeys((*name.torch_repos, *(each for each in known if each)))
    return any(each.runtime == "torch" for each in find_downloads(repos))


def is_on_disk(model: str) -> Path | None:
    """Return the folder or file of a model if it can be used without the network, else None."""
    name = parse_model_name(model)
    if name.folder is not None or name.checkpoint is not None:
        return name.folder or name.checkpoint
    for repo in name.onnx_repos:
        if "onnx" in name.runtimes and (found := find_cached(repo, _finder(name))):
            return found[0]
    if "torch" not in name.runtimes:
        return None
    from safelight.embedding.layouts.torch import find_checkpoint, find_torch_layout

    for repo in name.torch_repos:
        if found_torch := find_cached(repo, find_torch_layout):
            return found_torch[0]
    if name.known and name.known.torch:
        weights = find_cached(name.known.torch, partial(find_checkpoint, ""))
        return weights[0] if weights else None
    return None


def _embedder(
    name: ModelName,
    described: Description | TorchModel,
    devices: Sequence[Device],
    threads: int | None,
    batch_size: int | None,
) -> OnnxEmbedder | TorchEmbedder:
    from safelight.embedding.description import Description

    if isinstance(described, Description):
        from safelight.embedding.onnx.embedder import OnnxEmbedder

        scale = name.known.logit_scale if name.known else None
        if described.logit_scale is None and scale:
            described = replace(described, logit_scale=scale)
        return OnnxEmbedder(
            described, name.name, devices=devices, threads=threads, batch_size=batch_size
        )
    from safelight.embedding.torch.embedder import TorchEmbedder

    return TorchEmbedder(
        described, name.name, device=devices[0], threads=threads, batch_size=batch_size
    )


def _on_disk(
    name: ModelName, runtimes: Sequence[Runtime]
) -> tuple[Runtime, Description | TorchModel] | None:
    from safelight.embedding.description import describe

    for runtime in runtimes:
        if runtime == "torch":
            from safelight.embedding.torch.finding import on_disk

            if (model := on_disk(name)) is not None:
                return runtime, model
        elif name.folder is not None:
            layout = find_layout(file_names(name.folder), str(name.folder), name.variant)
            return runtime, describe(name.folder, layout)
        else:
            for repo in name.onnx_repos:
                if (cached := find_cached(repo, _finder(name))) is not None:
                    return runtime, describe(*cached)
    return None


def _from_hub(
    name: ModelName, runtimes: Sequence[Runtime], *, progress: bool, tell: Tell
) -> tuple[Runtime, Description | TorchModel]:
    from safelight.embedding.description import describe

    def fetch(remote: RemoteModel, files: Files) -> Path:
        _announce(name, remote, files, tell)
        return download(remote, files, progress=progress)

    refused: list[ModelUnavailable] = []
    for runtime in runtimes:
        try:
            if runtime == "torch":
                from safelight.embedding.torch.finding import from_hub

                return runtime, from_hub(name, fetch)
            remote, layout = _ask(name.onnx_repos, _finder(name), timeout=10.0)
            return runtime, describe(fetch(remote, layout), layout)
        except ModelUnavailable as error:
            if error.code not in _NOT_HERE:
                raise _named(name, error) from error
            refused.append(error)
    first = refused[0]
    if "torch" in name.runtimes and not has_torch():
        raise ModelUnavailable(
            f"{name.name}: {first.message} Models in PyTorch need the `torch` extra: "
            "pip install 'safelight[torch]'. Without it, use weights that are exported, for "
            f"example ViT-B-32/openai or Xenova/clip-vit-base-patch32.{_weights_of(name)}",
            code=first.code,
            **first.context,
        )
    raise _named(name, first)


def _no_torch(name: ModelName, error: ModelUnavailable | None = None) -> ModelUnavailable:
    reason = error.context.get("reason", error.code) if error else None
    onnx = f" An export for ONNX Runtime could not be fetched instead: {reason}." if error else ""
    return ModelUnavailable(
        f"{name.name} is on this machine as weights for PyTorch, which is not installed: "
        f"{TORCH_EXTRA}.{onnx}",
        code="no-torch",
        repo=name.name,
    )


def _named(name: ModelName, error: ModelUnavailable) -> ModelUnavailable:
    # What was asked for is not always what the hub calls it.
    called = "" if name.name in error.message else f"{name.name}: "
    message = f"{called}{error.message}{_weights_of(name)}"
    return ModelUnavailable(message, code=error.code, **error.context)


def _weights_of(name: ModelName) -> str:
    """Say which weights there are for an architecture, where those named are not among them."""
    if name.known is not None or name.architecture is None:
        return ""
    start = f"{name.architecture}/"
    known = [each.name for each in known_models() if each.name.startswith(start)]
    return f" Well-known weights of {name.architecture}: {', '.join(known)}." if known else ""


def _ask(
    repos: Sequence[str], find: Callable[[Collection[str], str], Layout], timeout: float
) -> tuple[RemoteModel, Layout]:
    """Return the first of `repos` that the hub has, with its layout."""
    for number, repo in enumerate(repos, start=1):
        try:
            remote = look_up(repo, timeout=timeout)
            return remote, find(remote.files, repo)
        except ModelInvalid as error:
            raise ModelUnavailable(str(error), code=error.code, repo=repo) from error
        except ModelUnavailable as error:
            if error.code != "not-found" or number == len(repos):
                raise
    raise ModelUnavailable("No ONNX export of it is known.", code="no-onnx")


def _finder(name: ModelName) -> Callable[[Collection[str], str], Layout]:
    return partial(find_layout, variant=name.variant)


def _runtimes_of(folder: Path, variant: str | None) -> tuple[Runtime, ...]:
    """Return the runtimes that a folder holds a model for."""
    names = file_names(folder)
    try:
        find_layout(names, str(folder), variant)
    except ModelInvalid as error:
        if error.code != "no-onnx":
            raise
        from safelight.embedding.layouts.torch import find_torch_layout

        try:
            find_torch_layout(names, str(folder))
        except ModelInvalid:
            raise error from None
        return ("torch",)
    return ("onnx",)


def _announce(name: ModelName, remote: RemoteModel, files: Files, tell: Tell) -> None:
    """Announce a download, and a licence that forbids some uses."""
    licence = name.known.licence if name.known else remote.licence
    permissive = name.known.permissive if name.known else is_permissive(licence)
    if not permissive:
        tell(
            f"The licence of {name.name} is {licence}, which does not allow every use: read it "
            f"at {remote.host}/{remote.repo}."
            if licence
            else f"{remote.repo} does not say under which licence it may be used."
        )
    tell(f"Fetching {name.name} ({remote.megabytes(files):,} MB, once) from {remote.host}.")


def _log(message: str) -> None:
    from loguru import logger

    logger.info(message)
