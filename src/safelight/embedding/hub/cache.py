"""Models in the hub's cache, recognised by their file names.

Other programs use that cache as well, so it holds more than models that safelight can load.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from safelight.embedding.catalogue.catalogue import find_known
from safelight.embedding.hub.client import cache_folder, cached_folder, file_names, repo_folder
from safelight.embedding.layouts.onnx import find_layout
from safelight.embedding.layouts.torch import find_checkpoint, find_torch_layout
from safelight.errors import ModelInvalid
from safelight.files import SMALL_FILE, read_bytes
from safelight.files.bounded_json import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from safelight.embedding.devices import Runtime

# Of the models that transformers writes, those with two sides that meet in one space say so by
# one of these. A config.json of a language model has neither.
_TWO_SIDES = ("text_config", "vision_config")
_SAME_LENGTH = ("siglip", "siglip2")


@dataclass(frozen=True)
class Download:
    """Files of one id in the hub's cache.

    Attributes
    ----------
    repo : str
        The id.
    folder : Path
        All of it in the cache.
    snapshot : Path or None
        The folder of the files that are used, if there is one.
    runtime : str or None
        What runs it; None if it is not complete, or nothing that safelight loads.
    bytes : int
        On disk.
    """

    repo: str
    folder: Path
    snapshot: Path | None
    runtime: Runtime | None
    bytes: int


def find_downloads(repos: Iterable[str]) -> tuple[Download, ...]:
    """Return the downloads of each of these ids, complete or not."""
    found = []
    for repo in repos:
        folder = repo_folder(repo)
        if folder.is_dir():
            snapshot = cached_folder(repo)
            runtime = _runtime(repo, snapshot) if snapshot else None
            found.append(Download(repo, folder, snapshot, runtime, size_on_disk(folder)))
    return tuple(found)


def cached_repos() -> Iterator[str]:
    """Yield the id of every model in the cache, of whatever kind."""
    try:
        folders = list(cache_folder().iterdir())
    except OSError:
        return
    for folder in folders:
        kind, _, rest = folder.name.partition("--")
        if kind == "models" and rest and folder.is_dir():
            yield rest.replace("--", "/")


def size_on_disk(folder: Path) -> int:
    """Return the size of the files in a folder, without those that links lead to."""
    found = 0
    for path in folder.rglob("*"):
        try:
            status = path.lstat()
        except OSError:  # another process may be at it
            continue
        if stat.S_ISREG(status.st_mode):
            found += status.st_size
    return found


def _runtime(repo: str, folder: Path) -> Runtime | None:
    """Return the runtime of the model in a folder of the cache, if it is complete."""
    names = file_names(folder)
    try:
        find_layout(names, repo)
    except ModelInvalid:
        pass
    else:
        return "onnx"
    known = find_known(repo)
    finders = [find_torch_layout]
    if known is not None and repo == known.torch:
        # open_clip has the configuration itself; the weights are enough.
        finders.append(partial(find_checkpoint, ""))
    for find in finders:
        try:
            layout = find(names, repo)
        except ModelInvalid:
            continue
        if known is None and layout.kind == "transformers" and not _has_two_sides(folder):
            continue
        if all(name in names for name in layout.names()):
            return "torch"
    return None


def _has_two_sides(folder: Path) -> bool:
    try:
        config = parse_json(read_bytes(folder / "config.json", limit=SMALL_FILE))
    except (OSError, ValueError):
        return False
    if not isinstance(config, dict) or not all(key in config for key in _TWO_SIDES):
        return False
    return "projection_dim" in config or config.get("model_type") in _SAME_LENGTH
