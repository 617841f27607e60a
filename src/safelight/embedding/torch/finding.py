"""Locate the files of a PyTorch model, on this machine or on the hub."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from safelight.embedding.hub.client import cached_folder, file_names, find_cached, look_up
from safelight.embedding.layouts.torch import find_checkpoint, find_tokenizer, find_torch_layout
from safelight.embedding.torch import from_open_clip, from_transformers
from safelight.errors import ModelInvalid, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from safelight.embedding.hub.client import Files, RemoteModel
    from safelight.embedding.layouts.torch import TorchLayout
    from safelight.embedding.names import ModelName
    from safelight.embedding.torch.model import TorchModel

    Fetch = Callable[[RemoteModel, Files], Path]


def on_disk(name: ModelName) -> TorchModel | None:
    """Return the model if it is on this machine.

    Raises
    ------
    ModelInvalid
        It is, but its files are not understood.
    UsageError
        open_clip knows no such architecture or weights.
    """
    if name.checkpoint is not None and name.architecture is not None:
        return from_open_clip.describe_checkpoint(name.architecture, name.checkpoint)
    if name.folder is not None:
        return _describe(name.folder, find_torch_layout(file_names(name.folder), str(name.folder)))
    for repo in name.torch_repos:
        if (cached := find_cached(repo, find_torch_layout)) is not None:
            return _describe(*cached)
    if name.architecture is None or name.tag is None:
        return None
    if name.known and name.known.torch and cached_folder(name.known.torch) is None:
        return None  # without importing open_clip, which takes seconds
    tag = from_open_clip.find_tag(name.architecture, name.tag)
    weights = find_cached(tag.repo, partial(find_checkpoint, tag.filename))
    if weights is None:
        return None
    tokenizer = None
    if (source := from_open_clip.tokenizer_repo(name.architecture)) is not None:
        found = find_cached(source, find_tokenizer)
        if found is None:
            return None
        tokenizer = found[0]
    folder, layout = weights
    return from_open_clip.describe_tag(
        name.architecture, tag, folder / layout.weights[0], tokenizer
    )


def from_hub(name: ModelName, fetch: Fetch) -> TorchModel:
    """Fetch the model and return it.

    Parameters
    ----------
    fetch : callable
        Brings files of a model to this machine and returns their folder.

    Raises
    ------
    ModelUnavailable
        The hub has no such model, or it cannot be fetched.
    UsageError
        open_clip knows no such architecture or weights.
    """
    if name.torch_repos:
        return _describe(*_fetch(name.torch_repos[0], find_torch_layout, fetch))
    if name.architecture is None or name.tag is None:
        raise ModelUnavailable("No weights for PyTorch of it are known.", code="no-torch-model")
    tag = from_open_clip.find_tag(name.architecture, name.tag)
    tokenizer = None
    if (source := from_open_clip.tokenizer_repo(name.architecture)) is not None:
        tokenizer, _ = _fetch(source, find_tokenizer, fetch)
    folder, layout = _fetch(tag.repo, partial(find_checkpoint, tag.filename), fetch)
    return from_open_clip.describe_tag(
        name.architecture, tag, folder / layout.weights[0], tokenizer
    )


def _describe(folder: Path, layout: TorchLayout) -> TorchModel:
    if layout.kind == "open_clip":
        return from_open_clip.describe_folder(folder, layout)
    return from_transformers.describe_folder(folder, layout)


def _fetch(
    repo: str, find: Callable[[Collection[str], str], TorchLayout], fetch: Fetch
) -> tuple[Path, TorchLayout]:
    remote = look_up(repo)
    try:
        layout = find(remote.files, repo)
    except ModelInvalid as error:
        raise ModelUnavailable(str(error), code=error.code, repo=repo) from error
    return fetch(remote, layout), layout
