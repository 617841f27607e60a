"""Models from the hub, through its own client and its own cache.

What is in the cache is found by reading the cache, without the client (importing it takes longer
than a search may) and without the network.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from safelight.embedding.hub.answers import (
    DISK,
    BadAnswer,
    check_metadata,
    checked_digest,
    checked_size,
    explain,
    is_safe_name,
)
from safelight.embedding.hub.transfer import arrived, check_bytes, fetch_large
from safelight.errors import ModelInvalid, ModelUnavailable
from safelight.files import SMALL_FILE, read_text
from safelight.files.format import size_text
from safelight.files.names import expanded

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    L = TypeVar("L", bound="Files")

# The client reads it when it is imported: the hub is told which file is wanted, and no more.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

_WAYS_OUT = (
    "Use a model that is on this machine (name its folder; see `safelight docs models`), "
    "or the built-in one (starter)."
)


class Files(Protocol):
    """The files of a model, as a layout names them."""

    def names(self) -> Iterator[str]:
        """Yield every file, relative, with forward slashes."""
        ...


@dataclass(frozen=True)
class RemoteFile:
    """A file on the hub: its bytes, and its sha256 if the hub says so."""

    bytes: int
    sha256: str | None


@dataclass(frozen=True)
class RemoteModel:
    """Files of one id on the hub.

    Attributes
    ----------
    repo : str
    host : str
        That answered.
    licence : str or None
        As the publisher tagged it.
    files : mapping of str to RemoteFile
    """

    repo: str
    host: str
    licence: str | None
    files: Mapping[str, RemoteFile]

    def megabytes(self, files: Files) -> int:
        """Return the size of a download of `files`."""
        return round(sum(self.files[name].bytes for name in files.names()) / 1e6)


def is_offline() -> bool:
    """Return whether the user has forbidden to ask the hub."""
    values = (os.environ.get(name, "") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return any(value.upper() in {"1", "ON", "YES", "TRUE"} for value in values)


def find_cached(repo: str, find: Callable[[Collection[str], str], L]) -> tuple[Path, L] | None:
    """Return the folder and layout of a model in the hub's cache, or None if it is not complete.

    Parameters
    ----------
    repo : str
    find : callable
        Given the names of files and what to call the folder, returns the layout or raises
        :class:`ModelInvalid`.
    """
    folder = cached_folder(repo)
    if folder is None:
        return None
    try:
        return folder, find(file_names(folder), str(folder))
    except ModelInvalid:
        return None


def cached_folder(repo: str) -> Path | None:
    """Return the folder of what the cache has of a model, or None."""
    cached = repo_folder(repo)
    try:
        commit = read_text(cached / "refs" / "main", limit=SMALL_FILE).strip()
    except OSError:
        return None
    if not is_safe_name(commit) or "/" in commit:
        return None
    folder = cached / "snapshots" / commit
    return folder if folder.is_dir() else None


def repo_folder(repo: str) -> Path:
    """Return where the cache keeps all of a model: blobs, snapshots, refs."""
    return cache_folder() / f"models--{repo.replace('/', '--')}"


def file_names(folder: Path) -> set[str]:
    """Return the names of all files in a folder, relative, with forward slashes."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def look_up(repo: str, *, timeout: float = 10.0) -> RemoteModel:
    """Ask the hub which files a model has.

    Raises
    ------
    ModelUnavailable
        The hub does not answer within `timeout` seconds, or has no such model; `code` is
        ``unreachable``, ``not-found``, ``no-access`` or ``offline``.
    """
    if is_offline():
        raise _unavailable(repo, "HF_HUB_OFFLINE forbids to ask the hub for it", "offline")

    # Importing it may take longer than the hub may; that is not the hub's fault.
    from huggingface_hub import HfApi

    def ask() -> Any:
        return HfApi().model_info(repo, timeout=timeout, files_metadata=True)

    try:
        info = within(timeout, ask)
    except Exception as error:
        raise _explained(repo, error) from error
    from huggingface_hub.constants import ENDPOINT

    licences = [tag.removeprefix("license:") for tag in info.tags or () if "license:" in tag]
    try:
        files = {
            entry.rfilename: RemoteFile(
                checked_size(entry.size), checked_digest(entry.lfs.sha256 if entry.lfs else None)
            )
            for entry in info.siblings or ()
            # Who names files outside of a model's folder can have a model all the same.
            if is_safe_name(entry.rfilename)
        }
    except BadAnswer as error:
        raise _explained(repo, error) from error
    return RemoteModel(repo, ENDPOINT, licences[0] if licences else None, files)


def download(model: RemoteModel, files: Files, *, progress: bool = False) -> Path:
    """Bring files of a model into the hub's cache, checked, and return their folder.

    A download that was cut short goes on where it ended.

    Raises
    ------
    ModelUnavailable
        A file cannot be fetched, or is not what the hub said it would be; `code` is as for
        :func:`look_up`, or ``disk``, ``checksum`` or ``changed``.
    """
    _check_room(model, files)
    folders = set()
    for name in files.names():
        try:
            path = _fetch(model.repo, name, model.files[name], progress=progress)
        except Exception as error:
            raise _explained(model.repo, error, name) from error
        folders.add(path.parents[name.count("/")])
    if len(folders) > 1:
        raise _unavailable(model.repo, "it changed while it was fetched. Try again", "changed")
    return folders.pop()


def _fetch(repo: str, name: str, file: RemoteFile, *, progress: bool) -> Path:
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    blob = _blob(repo, file)
    if blob is not None and not blob.exists():
        fetch_large(repo, name, blob, blob.name, file.bytes, progress=progress)
    is_checked = blob is None or blob.exists()
    about = get_hf_file_metadata(hf_hub_url(repo, name))
    check_metadata(about.etag, about.commit_hash, about.location)
    # Where the bytes are there, the client only gives them their name.
    path = Path(hf_hub_download(repo, name, tqdm_class=None if progress else _silent()))
    if blob is not None and not is_checked:
        check_bytes(path, blob.name)
    return path


def _blob(repo: str, file: RemoteFile) -> Path | None:
    """Return where the cache keeps a file of which the hub tells the sha256, as its name."""
    return repo_folder(repo) / "blobs" / file.sha256 if file.sha256 else None


def _check_room(model: RemoteModel, files: Files) -> None:
    """Raise if what is not in the cache yet cannot fit there."""
    missing = 0
    try:
        for name in files.names():
            file = model.files[name]
            blob = _blob(model.repo, file)
            if blob is not None:
                missing += file.bytes - arrived(blob)
        folder = cache_folder()
        while not folder.exists():
            folder = folder.parent
        free = shutil.disk_usage(folder).free
    except OSError:  # it will be explained when the first file is fetched
        return
    if missing > free:
        raise _unavailable(
            model.repo,
            f"it needs {size_text(missing)} more in the cache {cache_folder()}, where "
            f"{size_text(free)} are free. {DISK[errno.ENOSPC]}",
            "disk",
        )


def cache_folder() -> Path:
    """Return the hub's cache, where its own client has it."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if value := os.environ.get(name):
            return Path(expanded(os.path.expandvars(value)))
    home = os.environ.get("HF_HOME")
    if not home:
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        home = os.path.join(cache, "huggingface")
    return Path(expanded(os.path.expandvars(home))) / "hub"


def within(seconds: float, call: Callable[[], Any]) -> Any:
    """Return what `call` returns, or raise TimeoutError; looking up a host has no timeout."""
    results: list[Any] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            results.append(call())
        except Exception as error:  # noqa: BLE001  # raised again by the caller's thread
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True, name="safelight-hub")
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return results[0]


def _explained(repo: str, error: Exception, file: str | None = None) -> ModelUnavailable:
    why, code = explain(error, repo, cache_folder(), file)
    what = f"{file} cannot be fetched: " if file else ""
    is_line = file is not None and code in ("unreachable", "busy")
    kept = f". What has arrived is kept in {cache_folder()}; try again to go on" if is_line else ""
    context = {"file": file} if file else {}
    return _unavailable(repo, f"{what}{why}{kept}", code, reason=why, **context)


def _unavailable(repo: str, why: str, code: str, **context: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"The model {repo} is not on this machine, and {why}. {_WAYS_OUT}",
        code=code,
        repo=repo,
        **context,
    )


def _silent() -> type[Any]:
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    class Silent(tqdm):  # type: ignore[type-arg, misc, unused-ignore]
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **(options | {"disable": True}))

    return Silent
