"""Choice of the model for an ingest or a search, with or without a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.errors import LibraryError, ModelUnavailable, SpaceError, UsageError
from safelight.library.spaces import (
    all_spaces,
    default_space,
    find_named_space,
    find_space,
    is_empty,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.embedding.base import Embedder
    from safelight.embedding.torch.without_positions import WithoutPositions
    from safelight.library.database import Database
    from safelight.settings import Settings
    from safelight.types import Space


#: Some CLIP, whichever the library or the settings have; never the starter model.
CLIP = "clip"


@dataclass(frozen=True, slots=True)
class Choice:
    """A model that was chosen.

    Attributes
    ----------
    embedder : Embedder
    model : str
        What ``--model`` takes to choose it again.
    """

    embedder: Embedder
    model: str


def choose_for_ingest(
    library: Database,
    settings: Settings,
    model: str | None = None,
    *,
    tell: Callable[[str], None] = lambda _: None,
    progress: bool = False,
) -> Choice:
    """Return the model to embed with.

    It is `model` (:data:`CLIP` is the library's own or the default one, and nothing else will do);
    else the library's own; else the setting; else the default CLIP if it is on this machine or the
    hub answers in time; else the starter model.

    Parameters
    ----------
    tell : callable
        Given a sentence for the user, before a default is downloaded or done without.
    progress : bool
        Show a bar on standard error while downloading.

    Raises
    ------
    ModelError
        The named model, or the library's own, cannot be loaded.
    """
    from safelight.embedding.load import load_embedder
    from safelight.embedding.names import name_to_reload

    model = _resolve(library, settings, model, tell)
    embedder = load_embedder(
        model,
        device=settings.device,
        threads=settings.threads,
        batch_size=settings.batch_size,
        progress=progress,
        tell=tell,
    )
    return Choice(embedder, name_to_reload(embedder, model))


def choose_for_scoring(
    model: str, settings: Settings, *, full_size: bool = False, progress: bool = False
) -> Embedder | WithoutPositions:
    """Return the model that looks at the quality of photos.

    OpenAI's RN50 is used as CLIP-IQA was published, at the photo's resolution and without its
    positional embedding, if PyTorch is installed; any other model as it is.

    Parameters
    ----------
    full_size : bool
        Whether photos are measured at their own size.
    progress : bool
        Show a bar on standard error while downloading.

    Raises
    ------
    ModelError
        The model cannot be loaded.
    """
    from safelight.embedding.devices import has_torch
    from safelight.embedding.load import load_embedder
    from safelight.embedding.names import STARTER, parse_model_name, plain_name
    from safelight.quality.picture import EVALUATION_SIDE

    # One core for each thread that decodes and measures.
    options: dict[str, Any] = {"device": settings.device, "threads": 1, "progress": progress}
    name = None if model == STARTER else parse_model_name(model)
    is_rn50 = name is not None and name.architecture == "RN50" and "torch" in name.runtimes
    if not is_rn50 or not has_torch():
        return load_embedder(model, **options)
    from safelight.embedding.torch.embedder import TorchEmbedder
    from safelight.embedding.torch.without_positions import WithoutPositions

    embedder = load_embedder(f"{plain_name(model)}#torch", **options)
    if not isinstance(embedder, TorchEmbedder):
        return embedder
    return WithoutPositions(embedder, None if full_size else EVALUATION_SIDE)


def choose_for_labels(
    library: Database | None,
    settings: Settings,
    model: str | None = None,
    *,
    tell: Callable[[str], None] = lambda _: None,
    progress: bool = False,
) -> Embedder:
    """Return the model whose labels photos are given that need not be in a library.

    It is chosen as for an ingest, with a library or without; `tell` and `progress` are as there.

    Raises
    ------
    ModelError
        The named model, or the library's own, cannot be loaded.
    """
    from safelight.embedding.load import default_model, load_embedder

    if library is not None:
        model = _resolve(library, settings, model, tell)
    elif model is None:
        default = default_model(settings.model, timeout=settings.hub_timeout)
        if default.note:
            tell(default.note)
        model = default.model
    return load_embedder(
        model,
        device=settings.device,
        threads=settings.threads,
        batch_size=settings.batch_size,
        progress=progress,
        tell=tell,
    )


def choose_space(library: Database, model: str | None = None) -> Space:
    """Return the space to look for labels in: that of `model`, or the default; loads no model.

    Raises
    ------
    LibraryError
        Nothing was ingested yet.
    SpaceError
        The library has no space that `model` names.
    """
    if model is not None:
        return find_named_space(library, _known_as(library, model))
    space = default_space(library)
    if space is None:
        raise _empty(library)
    return space


def choose_for_preview(
    library: Database, settings: Settings, model: str | None = None
) -> tuple[str, str]:
    """Return fingerprint and name of what :func:`choose_for_ingest` would choose.

    Nothing is downloaded: a model that is not on this machine has no fingerprint yet, an empty
    one is returned, and no photo counts as embedded with it.
    """
    from safelight.embedding.load import load_embedder

    model = _resolve(library, settings, model, lambda _: None)
    try:
        embedder = load_embedder(model, device=settings.device, local_files_only=True)
    except ModelUnavailable as exc:
        if exc.code != "offline":
            raise
        return "", model
    return embedder.fingerprint, embedder.name


def _known_as(library: Database, model: str) -> str:
    """Return the name that loads the model of the library's space with this name; else `model`."""
    from safelight.embedding.names import absolute_name, plain_name

    absolute = absolute_name(model)
    for each in all_spaces(library):
        if absolute in (each.space.model, plain_name(each.space.model)):
            return each.space.model
    return model


def clip_model(space: Space | None, settings: Settings) -> str:
    """Return the CLIP that somebody insists on: the library's, the setting's or the default."""
    from safelight.embedding.load import DEFAULT
    from safelight.embedding.names import STARTER

    own = space.model if space is not None and STARTER not in (space.model, space.name) else None
    set_ = settings.model if settings.model not in (None, STARTER, CLIP) else None
    return own or set_ or DEFAULT


def better_model(library: Database, settings: Settings, *, timeout: float = 1.0) -> str | None:
    """Return a hint for a library with only the starter model, if CLIP is available now.

    Nothing is told to those who chose the starter model in the settings.
    """
    from safelight.embedding.names import STARTER

    spaces = [each.space for each in all_spaces(library)]
    if not spaces or settings.model is not None:
        return None
    if any(STARTER not in (space.model, space.name) for space in spaces):
        return None
    from safelight.embedding.offer import can_have_clip, offer

    return offer() if can_have_clip(timeout) else None


def _loadable(space: Space) -> str:
    """Return the name that loads the model of a space: the stored one, or the space's name.

    Older versions let a program keep anything with a space. Whether the model is the right one is
    decided by its fingerprint.
    """
    from safelight.embedding.names import STARTER, parse_model_name

    for model in (space.model, space.name):
        try:
            if model != STARTER:
                parse_model_name(model)
        except (ModelUnavailable, UsageError):
            continue
        return model
    return space.model


def _resolve(
    library: Database, settings: Settings, model: str | None, tell: Callable[[str], None]
) -> str:
    from safelight.embedding.load import default_model

    if model == CLIP:
        return clip_model(default_space(library), settings)
    if model is not None:
        return _known_as(library, model)
    if (space := default_space(library)) is not None:
        return _loadable(space)
    if settings.model == CLIP:
        return clip_model(None, settings)
    default = default_model(settings.model, timeout=settings.hub_timeout)
    if default.note:
        tell(default.note)
    return default.model


def choose_for_search(library: Database, settings: Settings, model: str | None = None) -> Choice:
    """Return the model to search with: `model`, or the one of the library's default space.

    Raises
    ------
    LibraryError
        Nothing was ingested yet.
    SpaceError
        The library has no vectors of this model.
    ModelError
        The model cannot be loaded.
    """
    from safelight.embedding.load import load_embedder

    space = default_space(library)
    if space is None or is_empty(library, space):
        raise _empty(library)
    named = _known_as(library, model) if model else _loadable(space)
    embedder = load_embedder(named, device=settings.device, threads=settings.threads)
    if model is None and embedder.fingerprint != space.fingerprint:
        raise SpaceError(
            f"The model {named} is not the one that this library was embedded with: its files "
            "were changed or replaced, as an update does. Embed the photos again with "
            "`safelight ingest`, or put the files back.",
            model=named,
        )
    if find_space(library, embedder.fingerprint) is None:
        raise SpaceError(
            f"No photo of this library was embedded with {named} yet. "
            f"Do that with `safelight ingest --model {named}`.",
            model=named,
        )
    return Choice(embedder, named)


def _empty(library: Database) -> LibraryError:
    return LibraryError(
        f"The library {library.path} is empty. Fill it with `safelight ingest FOLDER`.",
        code="empty-library",
        path=str(library.path),
    )
