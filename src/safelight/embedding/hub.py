"""Models from the hub, through its own client and its own cache.

What is in the cache is found by reading the cache, without the client (importing it takes longer
than a search may) and without the network.
"""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.embedding.layouts import Layout, find_layout
from safelight.errors import ModelInvalid, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# The client reads it when it is imported: the hub is told which file is wanted, and no more.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

_WAYS_OUT = (
    "Use a model that is on this machine (--model FOLDER, see docs/models.md), "
    "or the built-in one (--model starter)."
)


@dataclass(frozen=True)
class RemoteFile:
    """A file on the hub: its bytes, and its sha256 if the hub says so."""

    bytes: int
    sha256: str | None


@dataclass(frozen=True)
class RemoteModel:
    """A model on the hub.

    Attributes
    ----------
    repo : str
    host : str
        That answered.
    layout : Layout
    files : mapping of str to RemoteFile
        Those of the layout.
    """

    repo: str
    host: str
    layout: Layout
    files: Mapping[str, RemoteFile]

    @property
    def megabytes(self) -> int:
        """What a download takes."""
        return round(sum(file.bytes for file in self.files.values()) / 1e6)


def is_offline() -> bool:
    """Return whether the user has forbidden to ask the hub."""
    values = (os.environ.get(name, "") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return any(value.upper() in {"1", "ON", "YES", "TRUE"} for value in values)


def find_cached(repo: str, variant: str | None = None) -> tuple[Path, Layout] | None:
    """Return the folder and layout of a model in the hub's cache, or None if it is not complete."""
    cached = _cache_folder() / f"models--{repo.replace('/', '--')}"
    try:
        commit = (cached / "refs" / "main").read_text("utf-8").strip()
    except OSError:
        return None
    folder = cached / "snapshots" / commit
    try:
        return folder, find_layout(file_names(folder), str(folder), variant)
    except ModelInvalid:
        return None


def file_names(folder: Path) -> set[str]:
    """Return the names of all files in a folder, relative, with forward slashes."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def look_up(repo: str, variant: str | None = None, *, timeout: float = 10.0) -> RemoteModel:
    """Ask the hub which files a model has.

    Raises
    ------
    ModelUnavailable
        The hub does not answer within `timeout` seconds, or has no such ONNX model; `code` is
        ``unreachable``, ``not-found``, ``no-access``, ``offline``, ``no-onnx``, ...
    """
    if is_offline():
        raise _unavailable(repo, "HF_HUB_OFFLINE forbids to ask the hub for it", "offline")

    def ask() -> Any:
        from huggingface_hub import HfApi

        return HfApi().model_info(repo, timeout=timeout, files_metadata=True)

    try:
        info = _within(timeout, ask)
    except Exception as error:
        raise _explained(repo, error) from error
    from huggingface_hub.constants import ENDPOINT

    files = {
        entry.rfilename: RemoteFile(entry.size or 0, entry.lfs.sha256 if entry.lfs else None)
        for entry in info.siblings or ()
    }
    try:
        layout = find_layout(files, repo, variant)
    except ModelInvalid as error:
        if error.code != "no-onnx":
            raise ModelUnavailable(str(error), code=error.code, repo=repo) from error
        raise ModelUnavailable(
            f"{repo} has no ONNX export that safelight knows. Running PyTorch models needs the "
            "`torch` extra, which comes in a later release. Until then use the same weights "
            "exported, for example ViT-B-32/openai or Xenova/clip-vit-base-patch32.",
            code="no-onnx",
            repo=repo,
        ) from error
    return RemoteModel(repo, ENDPOINT, layout, {name: files[name] for name in layout.names()})


def download(model: RemoteModel, *, progress: bool = False) -> Path:
    """Bring a model into the hub's cache, checked, and return its folder.

    A download that was cut short goes on where it ended.

    Raises
    ------
    ModelUnavailable
        A file cannot be fetched, or is not what the hub said it would be.
    """
    from huggingface_hub import hf_hub_download

    bar = None if progress else _silent()
    folders = set()
    for name, file in model.files.items():
        known = find_cached_file(model.repo, name)
        try:
            path = Path(hf_hub_download(model.repo, name, tqdm_class=bar))
        except Exception as error:
            raise _explained(model.repo, error, name) from error
        if file.sha256 and path != known and _sha256(path) != file.sha256:
            path.resolve().unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise _unavailable(
                model.repo,
                f"the bytes of {name} that arrived are not those that the hub announced (sha256 "
                f"{file.sha256}); they were thrown away. Try again",
                "checksum",
                file=name,
            )
        folders.add(path.parents[name.count("/")])
    if len(folders) > 1:
        raise _unavailable(model.repo, "it changed while it was fetched. Try again", "changed")
    return folders.pop()


def find_cached_file(repo: str, name: str) -> Path | None:
    """Return a file of the hub's cache, if it is there."""
    cached = _cache_folder() / f"models--{repo.replace('/', '--')}"
    try:
        path = cached / "snapshots" / (cached / "refs" / "main").read_text("utf-8").strip() / name
    except OSError:
        return None
    return path if path.exists() else None


def _cache_folder() -> Path:
    # As the client decides it.
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if value := os.environ.get(name):
            return Path(os.path.expandvars(value)).expanduser()
    home = os.environ.get("HF_HOME")
    if not home:
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        home = os.path.join(cache, "huggingface")
    return Path(os.path.expandvars(home)).expanduser() / "hub"


def _within(seconds: float, call: Callable[[], Any]) -> Any:
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
    from huggingface_hub import errors

    what = f"{file} cannot be fetched: " if file else ""
    context = {"file": file} if file else {}
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return _unavailable(repo, f"{what}HF_HUB_OFFLINE forbids it", "offline", **context)
    if isinstance(error, errors.GatedRepoError) or status == 403:
        why = "its owner restricts access: accept the terms on its page, then `hf auth login`"
        return _unavailable(repo, what + why, "no-access", **context)
    if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 404):
        why = "the hub has no such model, or only for those who are logged in"
        return _unavailable(repo, what + why, "not-found", **context)
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    # With a status it did answer; without one it was not reached, or the line broke.
    why = "the hub cannot be reached" if status is None else "the hub did not answer as it should"
    return _unavailable(repo, f"{what}{why} ({reason})", "unreachable", **context)


def _unavailable(repo: str, why: str, code: str, **context: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"The model {repo} is not on this machine, and {why}. {_WAYS_OUT}",
        code=code,
        repo=repo,
        **context,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _silent() -> type[Any]:
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    class Silent(tqdm):  # type: ignore[type-arg, misc, unused-ignore]
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **(options | {"disable": True}))

    return Silent
