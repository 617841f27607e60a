"""Resumable download of one large file from the hub.

The hub's own client begins a file again after an error or an interruption, and the weights of a
model are one file of up to gigabytes. So large files come by this way into the same cache, from
where the client takes them.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from safelight.files import sha256_of
from safelight.files.atomic import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

_TRIES = 6
_CHUNK = 1 << 20


class WrongBytes(Exception):
    """Download that differs from the hub's announcement; it was thrown away."""


class NotTheHub(Exception):
    """A web page came in place of a file."""


def fetch_large(
    repo: str, name: str, blob: Path, sha256: str, size: int, *, progress: bool = False
) -> None:
    """Bring a file of the hub to `blob`, checked, going on where an earlier call ended.

    Of several processes one brings it, and the others wait. Nothing is done where files cannot
    be locked (Windows): the client then brings it.

    Parameters
    ----------
    repo, name : str
    blob : Path
        Where the cache keeps the bytes.
    sha256 : str
    size : int
        Bytes, for the bar; 0 if the hub does not say.
    progress : bool

    Raises
    ------
    WrongBytes, NotTheHub
    OSError
        They cannot be written, and what there was is thrown away; or the hub refuses.
    HTTPError
        Of the client's HTTP library: the line broke again and again.
    """
    blob.parent.mkdir(parents=True, exist_ok=True)
    part = _part(blob)
    with _own(part) as file:
        if file is None:
            return
        if blob.exists():  # another process has brought it
            part.unlink(missing_ok=True)
            return
        try:
            _receive(repo, name, file, size, progress=progress)
        except OSError as error:
            if error.errno is not None:  # the disk; an answer of the hub has no number
                part.unlink(missing_ok=True)
            raise
        if sha256_of(part) != sha256:
            part.unlink()
            raise WrongBytes
        part.replace(blob)
        sync_folder(blob.parent)


def arrived(blob: Path) -> int:
    """Return how many bytes of a file are here already."""
    for path in (blob, _part(blob)):
        if path.exists():
            return path.stat().st_size
    return 0


def check_bytes(path: Path, sha256: str) -> None:
    """Throw away what the cache has at `path`, and raise WrongBytes, if it is something else."""
    if sha256_of(path) != sha256:
        path.resolve().unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        raise WrongBytes


def _receive(repo: str, name: str, file: BinaryIO, size: int, *, progress: bool) -> None:
    from huggingface_hub import errors
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    tries, furthest = 0, 0
    with tqdm(
        total=size or None, unit="B", unit_scale=True, desc=name[-40:], disable=not progress
    ) as bar:
        while True:
            try:
                for chunk in _chunks(repo, name, file):
                    file.write(chunk)
                    bar.update(file.tell() - bar.n)
                    if file.tell() > furthest:
                        tries, furthest = 0, file.tell()
                file.flush()
                return
            except OSError:
                raise
            except errors.HTTPError:  # type: ignore[attr-defined, unused-ignore]  # of httpx or httpx2
                tries += 1
                if tries == _TRIES:
                    raise
                time.sleep(1)


def _chunks(repo: str, name: str, file: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes that are missing, or all, after emptying `file`."""
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.constants import HF_HUB_DOWNLOAD_TIMEOUT
    from huggingface_hub.utils import (  # type: ignore[attr-defined, unused-ignore]
        build_hf_headers,
        hf_raise_for_status,
    )

    # As they are, so that a part of the bytes is a part of the file.
    headers = build_hf_headers() | {"Accept-Encoding": "identity"}
    start = file.seek(0, os.SEEK_END)
    if start:
        headers["Range"] = f"bytes={start}-"
    with get_session().stream(
        "GET", hf_hub_url(repo, name), headers=headers, timeout=HF_HUB_DOWNLOAD_TIMEOUT
    ) as response:
        if start and response.status_code == 416:  # there is no more of it
            return
        hf_raise_for_status(response)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise NotTheHub
        if start and response.status_code != 206:
            file.truncate(0)
        yield from response.iter_bytes(_CHUNK)


def _part(blob: Path) -> Path:
    return blob.with_name(f"{blob.name}.incomplete")


@contextmanager
def _own(part: Path) -> Iterator[BinaryIO | None]:
    """Open a file to append to it, for this process alone; None where that cannot be."""
    try:
        import fcntl
    except ImportError:
        yield None
        return
    while True:
        with part.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError:
                yield None
                return
            # Unless who had it has finished, and it lies under another name or nowhere.
            if part.exists() and os.path.samestat(part.stat(), os.fstat(file.fileno())):
                yield file
                return
