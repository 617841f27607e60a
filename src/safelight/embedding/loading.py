"""From what ``--model`` says to an embedder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.embedding.hub import download, file_names, find_cached, is_offline, look_up
from safelight.embedding.layouts import find_layout
from safelight.embedding.names import STARTER, parse_model_name
from safelight.errors import ModelUnavailable, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from safelight.embedding.hub import RemoteModel
    from safelight.embedding.layouts import Layout
    from safelight.embedding.names import ModelName
    from safelight.embedding.protocol import Embedder

#: What is used if it can be had and nothing else is named.
DEFAULT = "ViT-B-32/openai"


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
    model: str,
    *,
    device: str = "auto",
    threads: int | None = None,
    local_files_only: bool = False,
    progress: bool = False,
) -> Embedder:
    """Return the embedder that a name stands for; weights are loaded when they are first used.

    Parameters
    ----------
    model : str
        ``starter``; a folder; ``ARCHITECTURE/WEIGHTS`` in open_clip's words, such as
        ``ViT-B-32/openai``; or an id on the hub. See ``docs/models.md``.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``. One that is named and not there is an error.
    threads : int or None
        Processor cores to use; None for all.
    local_files_only : bool
        Do not ask the hub for what is not on this machine.
    progress : bool
        Show a bar on standard error while downloading.

    Raises
    ------
    UsageError
        `model` or `device` is no name of one.
    ModelUnavailable
        The model is not on this machine and cannot be fetched.
    ModelInvalid
        Its files are missing, broken or not understood.
    """
    if model == STARTER:
        if device.startswith("cuda"):
            raise UsageError(f"The starter model runs on the processor, not on {device}.")
        from safelight.embedding.starter import load_starter

        return load_starter(threads)
    from safelight.embedding.description import describe
    from safelight.embedding.onnx import OnnxEmbedder

    name = parse_model_name(model)
    folder, layout = _locate(name, local_files_only=local_files_only, progress=progress)
    return OnnxEmbedder(
        describe(folder, layout),
        name.name,
        device=device,
        threads=threads,
        logit_scale=name.logit_scale,
    )


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
    if any(find_cached(repo, name.variant) for repo in name.repos):
        return DefaultModel(DEFAULT)
    if is_offline():
        why = "HF_HUB_OFFLINE forbids to fetch it"
    else:
        try:
            found = _first_remote(name, timeout)
        except ModelUnavailable as error:
            why = (
                f"the hub was not reached within {timeout:g} s"
                if error.code == "unreachable"
                else f"it cannot be fetched ({error.code})"
            )
        else:
            return DefaultModel(
                DEFAULT, f"Fetching {DEFAULT} ({found.megabytes} MB, once) from {found.host}."
            )
    return DefaultModel(
        STARTER,
        f"Using the built-in starter model, since {DEFAULT} is not on this machine and {why}. "
        "For much better results choose another with --model; docs/models.md says how.",
    )


def _locate(name: ModelName, *, local_files_only: bool, progress: bool) -> tuple[Path, Layout]:
    if name.folder is not None:
        names = file_names(name.folder)
        return name.folder, find_layout(names, str(name.folder), name.variant)
    for repo in name.repos:
        if (cached := find_cached(repo, name.variant)) is not None:
            return cached
    if local_files_only:
        raise ModelUnavailable(
            f"The model {name.name} is not on this machine, and only local files were asked for. "
            "Fetch it once without that, or give its folder.",
            code="offline",
            repo=name.repos[0],
        )
    try:
        remote = _first_remote(name, timeout=10.0)
        return download(remote, progress=progress), remote.layout
    except ModelUnavailable as error:
        if name.name in error.message:
            raise
        # What was asked for is not what the hub calls it.
        raise ModelUnavailable(
            f"{name.name}: {error.message}", code=error.code, **error.context
        ) from error


def _first_remote(name: ModelName, timeout: float) -> RemoteModel:
    for repo in name.repos[:-1]:
        try:
            return look_up(repo, name.variant, timeout=timeout)
        except ModelUnavailable as error:
            if error.code != "not-found":
                raise
    return look_up(name.repos[-1], name.variant, timeout=timeout)
