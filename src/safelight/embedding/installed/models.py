"""Models on this machine: list, fetch, remove.

Models lie in the hub's cache, which other programs use as well. Nothing outside it is ever
removed: not a folder that was given as a model, and not what a link in the cache leads to.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from safelight.embedding.catalogue.catalogue import find_known, is_permissive, known_models
from safelight.embedding.devices import has_torch
from safelight.embedding.hub.cache import cached_repos, find_downloads, size_on_disk
from safelight.embedding.hub.client import cache_folder, look_up
from safelight.embedding.load import TORCH_EXTRA, load_embedder
from safelight.embedding.names import STARTER, parse_model_name, plain_name
from safelight.errors import ModelError, ModelUnavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.embedding.base import Embedder
    from safelight.embedding.catalogue.catalogue import KnownModel
    from safelight.embedding.hub.cache import Download
    from safelight.embedding.names import ModelName


#: Facts of the catalogue that a list of models shows.
_LISTED = (
    "dimension", "image_size", "megabytes", "licence", "permissive", "languages", "imagenet",
    "retrieval", "source", "use_when",
)  # fmt: skip


@dataclass(frozen=True)
class ModelOnDisk:
    """A model, and what of it is on this machine.

    Attributes
    ----------
    name : str
        What ``--model`` takes.
    known : KnownModel or None
        Its entry in the catalogue.
    downloads : tuple of Download
    bytes : int
        On disk, of all of them.
    """

    name: str
    known: KnownModel | None
    downloads: tuple[Download, ...]
    bytes: int

    @property
    def is_complete(self) -> bool:
        """True if all of its files are on this machine."""
        return self.name == STARTER or any(each.runtime for each in self.downloads)

    @property
    def lacking(self) -> str | None:
        """Extra to install for the files that are here; None if none is needed."""
        runtimes = {each.runtime for each in self.downloads if each.runtime}
        return TORCH_EXTRA if runtimes == {"torch"} and not has_torch() else None

    def to_dict(self, *, every: bool = False) -> dict[str, Any]:
        """Return it JSON-ready: what a list shows, or `every` fact of the catalogue."""
        known: dict[str, Any] = {}
        if self.known is not None:
            known = asdict(self.known)
            if not every:
                known = {key: known[key] for key in _LISTED}
        return {
            **known,
            "name": self.name,
            "on_disk": self.is_complete,
            "usable": self.is_complete and self.lacking is None,
            "lacking": self.lacking,
            "bytes": self.bytes,
            "downloads": [
                {
                    "repo": each.repo,
                    "runtime": each.runtime,
                    "bytes": each.bytes,
                    "folder": str(each.snapshot or each.folder),
                }
                for each in self.downloads
            ],
        }


@dataclass(frozen=True)
class Terms:
    """Terms on which a model is available.

    Attributes
    ----------
    licence : str or None
        None if its publisher does not say.
    permissive : bool
        Whether it allows any use, commercial use included.
    megabytes : int or None
        Of both sides in float32, where that is known; what is fetched may be smaller.
    source : str
        Where this stands.
    """

    licence: str | None
    permissive: bool
    megabytes: int | None
    source: str


def all_models() -> list[ModelOnDisk]:
    """Return the catalogue, in its order, and then every other model in the hub's cache."""
    models = [_on_disk(known.name, known, _repos_of_known(known)) for known in known_models()]
    listed = {repo for known in known_models() for repo in _repos_of_known(known)}
    for repo in sorted(cached_repos()):
        if repo not in listed:
            model = _on_disk(repo, None, (repo,))
            if model.is_complete:
                models.append(model)
    return models


def find_model(model: str) -> ModelOnDisk:
    """Return a model's files on this machine, by any name that ``--model`` takes.

    Raises
    ------
    UsageError
        It does not name a model.
    ModelUnavailable
        It looks like a folder, but is not there.
    """
    if model == STARTER:
        return _on_disk(STARTER, find_known(STARTER), ())
    name = parse_model_name(model)
    return _on_disk(model, name.known, _repos(name))


def names_of(model: str) -> frozenset[str]:
    """Return every name of a model, the given one without its runtime included."""
    plain = plain_name(model).removeprefix("hf-hub:")
    known = find_known(plain)
    return frozenset({plain, *(known.ids if known else ())})


def is_here(model: str, device: str = "auto") -> bool:
    """Tell whether a model can be loaded without the network, for a device.

    Raises
    ------
    SafelightError
        What :func:`safelight.embedding.load.load_embedder` raises.
    """
    if model != STARTER:
        name = parse_model_name(model)
        # Asking open_clip where it has weights takes seconds; of known models it is known.
        if name.known is not None and name.folder is None and not find_downloads(_repos(name)):
            return False
    try:
        load_embedder(model, device=device, local_files_only=True)
    except ModelUnavailable as error:
        if error.code in ("offline", "no-torch"):
            return False
        raise
    return True


def terms_of(model: str) -> Terms:
    """Return the licence and the size of a model, before it is fetched.

    Raises
    ------
    ModelUnavailable
        It is not in the catalogue, and the hub does not answer or has no such model.
    """
    name = parse_model_name(model)
    if (known := name.known) is not None:
        return Terms(known.licence, known.permissive, known.megabytes, "the catalogue")
    refused: list[ModelUnavailable] = []
    for repo in _repos(name):
        try:
            remote = look_up(repo)
        except ModelUnavailable as error:
            if error.code != "not-found":
                raise
            refused.append(error)
        else:
            permissive = is_permissive(remote.licence)
            return Terms(remote.licence, permissive, None, f"{remote.host}/{remote.repo}")
    if not refused:
        raise UsageError(f"{model} is on this machine; there is nothing to fetch.", model=model)
    raise refused[0]


def pull(
    model: str,
    *,
    device: str = "auto",
    progress: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Embedder:
    """Fetch a model, both sides of it, unless it is here; a download goes on where it was cut.

    Parameters
    ----------
    model, device, progress, tell
        As :func:`safelight.embedding.load.load_embedder` takes them.

    Raises
    ------
    SafelightError
        What that raises.
    """
    embedder = load_embedder(model, device=device, progress=progress, tell=tell)
    # All files that count are opened for it, or their digests are known.
    _ = embedder.fingerprint
    return embedder


def removable(model: str) -> tuple[Download, ...]:
    """Return the downloads that :func:`remove` would remove.

    That is all downloads of a model that is named by its name in the catalogue, and the one of an
    id on the hub.

    Raises
    ------
    UsageError
        It is part of safelight, a folder or a file, or one variant of several.
    ModelUnavailable
        There is nothing of it in the hub's cache.
    """
    if model == STARTER:
        raise UsageError("The starter model is part of safelight; it cannot be removed.")
    name = parse_model_name(model)
    if (own := name.folder or name.checkpoint) is not None:
        raise UsageError(
            f"{own} is not a download; only downloads are removed, and it is left alone.",
            path=str(own),
        )
    if name.variant is not None:
        raise UsageError(
            f"A download is removed with all of its variants. Leave out #{name.variant}.",
            model=model,
        )
    given = plain_name(model).removeprefix("hf-hub:")
    by_id = name.known is not None and given != name.known.name
    found = find_downloads((given,) if by_id else _repos(name))
    if name.known is not None and name.runtime is not None and not by_id:
        found = tuple(each for each in found if each.runtime in (name.runtime, None))
    if not found:
        raise ModelUnavailable(
            f"There is nothing of {model} in the hub's cache, {cache_folder()}.",
            code="not-here",
            model=model,
        )
    return found


def remove(downloads: tuple[Download, ...]) -> int:
    """Remove what :func:`removable` named from the hub's cache, and return the bytes freed.

    Raises
    ------
    ModelError
        It is not in the cache, or a link, or cannot be removed.
    """
    cache = cache_folder().resolve()
    for each in downloads:
        if each.folder.is_symlink() or each.folder.resolve().parent != cache:
            raise ModelError(
                f"{each.folder} leads out of the hub's cache, {cache}. It was not touched; remove "
                "it yourself, if you want to.",
                code="outside",
                path=str(each.folder),
            )
    freed = 0
    for each in downloads:
        try:
            # Without this a model of which the rest is there is not taken for complete.
            shutil.rmtree(each.folder / "refs", ignore_errors=True)
            shutil.rmtree(each.folder)
        except OSError as error:
            raise ModelError(
                f"{error.filename or each.folder} cannot be removed: {error.strerror}.",
                code="disk",
                path=str(each.folder),
            ) from error
        freed += each.bytes
    return freed


def _on_disk(name: str, known: KnownModel | None, repos: tuple[str, ...]) -> ModelOnDisk:
    if name == STARTER:
        from safelight.embedding.starter import DATA

        return ModelOnDisk(name, known, (), size_on_disk(DATA))
    downloads = find_downloads(repos)
    return ModelOnDisk(name, known, downloads, sum(each.bytes for each in downloads))


def _repos(name: ModelName) -> tuple[str, ...]:
    """Return every id on the hub under which files of a model may be."""
    repos = [*name.onnx_repos] if "onnx" in name.runtimes else []
    if "torch" in name.runtimes:
        repos += name.torch_repos
        repos += _tag_repo(name)
    if name.known is not None:
        exports = name.known.onnx
        repos += [
            repo
            for repo in _repos_of_known(name.known)
            if ("onnx" if repo in exports else "torch") in name.runtimes
        ]
    return tuple(dict.fromkeys(repos))


def _repos_of_known(known: KnownModel) -> tuple[str, ...]:
    single = (each for each in (known.torch, known.transformers) if each)
    return tuple(dict.fromkeys((*known.onnx, *single, *known.also)))


def _tag_repo(name: ModelName) -> tuple[str, ...]:
    """Return where open_clip has weights that the catalogue does not know."""
    if name.known or not name.architecture or not name.tag or not has_torch():
        return ()
    try:
        from safelight.embedding.torch.from_open_clip import find_tag

        return (find_tag(name.architecture, name.tag).repo,)
    except (ImportError, UsageError):
        return ()
