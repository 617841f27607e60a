"""Answers of a hub: validation, and errors in words.

Whatever answers at the hub's address names files, digests and sizes, and the client makes paths of
them. So nothing of it becomes a path before it was looked at.
"""

from __future__ import annotations

import errno
import json
import re
import urllib.parse
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from safelight.embedding.hub.transfer import NotTheHub, WrongBytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SHA256 = re.compile(r"[0-9a-f]{64}")

# The digests that git and the hub name files by; the client makes a file name of them.
_ETAG = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{5,127}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

#: No file of a model is larger.
_MAX_BYTES = 1 << 42

# Names that Windows takes for devices, or that begin with a drive.
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*:.*")

# What the disk may refuse, and the way out.
DISK = {
    errno.ENOSPC: "Free some space, or name another folder with HF_HOME",
    errno.EDQUOT: "Free some space, or name another folder with HF_HOME",
    errno.EFBIG: "Name a folder on another file system with HF_HOME",
    errno.EACCES: "Make it writable, or name another folder with HF_HOME",
    errno.EPERM: "Make it writable, or name another folder with HF_HOME",
    errno.EROFS: "Name another folder with HF_HOME",
    errno.ENOTDIR: "Name another folder with HF_HOME",
}


class BadAnswer(Exception):
    """An answer with file names, digests or sizes that no hub sends; nothing was written."""


def is_safe_name(name: object) -> bool:
    """Tell whether a name that a hub gives stays inside the folder that it is put into.

    Examples
    --------
    >>> is_safe_name("onnx/model.onnx"), is_safe_name("../model.onnx"), is_safe_name("/a")
    (True, False, False)
    """
    if not isinstance(name, str) or not name or len(name) > 1024 or name.startswith("/"):
        return False
    if any(ord(char) < 32 or char == "\\\\" for char in name):
        return False
    parts = name.split("/")
    return (
        all(
            part not in ("", ".", "..")
            and len(part.encode()) <= 255
            and not _DEVICE.fullmatch(part)
            for part in parts
        )
        and not PurePosixPath(name).is_absolute()
    )


def checked_digest(digest: object) -> str | None:
    """Return a sha256 that a hub gives, or None if it gives none.

    Raises
    ------
    BadAnswer
        It gives something else.
    """
    if digest is None or digest == "":
        return None
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise BadAnswer(f"a digest {str(digest)[:40]!r}")
    return digest


def checked_size(size: object) -> int:
    """Return a size that a hub gives; 0 if it gives none.

    Raises
    ------
    BadAnswer
        No file has this size.
    """
    if size is None:
        return 0
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= _MAX_BYTES:
        raise BadAnswer(f"a size of {str(size)[:40]}")
    return size


def check_metadata(etag: object, commit: object, location: object) -> None:
    """Raise unless the client may make paths of what a hub says about a file.

    Raises
    ------
    NotTheHub
        It says nothing of the kind.
    BadAnswer
    """
    if etag is None or commit is None:
        raise NotTheHub
    if not isinstance(etag, str) or not _ETAG.fullmatch(etag):
        raise BadAnswer(f"a digest {str(etag)[:40]!r}")
    if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        raise BadAnswer(f"a commit {str(commit)[:40]!r}")
    if not isinstance(location, str) or not location.lower().startswith(("http://", "https://")):
        raise BadAnswer(f"an address {str(location)[:40]!r}")


def explain(error: Exception, repo: str, cache: Path, file: str | None = None) -> tuple[str, str]:
    """Return why a hub could not be used, in words that continue a sentence, and a code."""
    from huggingface_hub import constants, errors

    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # why it asked the cache at all
    host = constants.ENDPOINT
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE forbids it", "offline"
    if isinstance(error, WrongBytes):
        return (
            "the bytes that arrived are not those that the hub announced (by their sha256); they "
            "were thrown away. Try again",
            "checksum",
        )
    if isinstance(error, BadAnswer):
        return (
            f"what answers at {host} is not to be trusted: it names {error}. Nothing was written. "
            "Is HF_ENDPOINT right?",
            "bad-answer",
        )
    if isinstance(error, OSError) and error.errno in DISK:
        way = DISK[error.errno]
        return f"the cache {cache} cannot be written ({error.strerror}). {way}", "disk"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return "the hub has no such file any more. Try again", "changed"
    # JSON that lacks what the hub's has ends in huggingface_hub with one of the last three.
    foreign = (NotTheHub, errors.FileMetadataError, json.JSONDecodeError)
    if isinstance(error, (*foreign, KeyError, TypeError, AttributeError)) or _is_page(error):
        return (
            f"what answers at {host} is not the hub, but perhaps a page to log in to the network, "
            "or HF_ENDPOINT is wrong",
            "unreachable",
        )
    if isinstance(error, errors.GatedRepoError):
        return (
            f"its owner restricts access: accept the terms at {host}/{repo}, then `hf auth login`",
            "no-access",
        )
    if status is not None:
        return _of_status(status, error, repo, host)
    return _of_line(error, host, bool(file))


def _of_status(status: int, error: Exception, repo: str, host: str) -> tuple[str, str]:
    from huggingface_hub import errors, get_token

    number = f"HTTP {status}"
    if status == 403:
        return (
            f"the hub refuses access ({number}): accept the terms at {host}/{repo}, then "
            "`hf auth login`",
            "no-access",
        )
    if status == 401 and get_token():
        return (
            f"the hub has no such model, or does not accept your token for it ({number}): "
            "`hf auth login` makes a new one",
            "not-found",
        )
    if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 404):
        return (
            f"the hub has no such model, or only for those who are logged in ({number})",
            "not-found",
        )
    if status == 407:
        return (
            f"the proxy wants a name and a password ({number}); put them in HTTPS_PROXY",
            "unreachable",
        )
    if status == 429:
        return (
            f"the hub was asked too often from here ({number}). Wait some minutes, or log in with "
            "`hf auth login`",
            "busy",
        )
    if status >= 500:
        return f"the hub fails at the moment ({number}). Try again later", "unreachable"
    return f"the hub did not answer as it should ({number})", "unreachable"


def _of_line(error: Exception, host: str, is_file: bool) -> tuple[str, str]:
    """Return code and reason of a failure before any answer."""
    # Searches load this module for nothing: these take 0.04 s of 0.4.
    import socket
    import ssl

    causes = list(_causes(error))
    names = " ".join(type(each).__name__ for each in causes)
    text = " ".join(str(each) for each in causes)
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    if any(isinstance(each, ssl.SSLError) for each in causes) or "CERTIFICATE_VERIFY" in text:
        return (
            f"the connection to {host} cannot be trusted ({reason}): something between reads it, "
            "or this machine's clock is wrong. Name your network's certificate with SSL_CERT_FILE",
            "unreachable",
        )
    proxy = _proxy(host)
    if "ProxyError" in names or "roxy" in reason:
        return f"the proxy {proxy or ''} does not let it through ({reason})", "unreachable"
    if any(isinstance(each, socket.gaierror) for each in causes) or "resolv" in text:
        return (
            f"the address of {host} cannot be found: is there no network? ({reason})",
            "unreachable",
        )
    if isinstance(error, TimeoutError):
        return f"the hub did not answer in time ({reason})", "unreachable"
    what = "the line to the hub broke" if is_file else f"the hub cannot be reached at {host}"
    if proxy:
        what += f" through the proxy {proxy}"
    return f"{what} ({reason})", "unreachable"


def _proxy(host: str) -> str | None:
    """Return the proxy that requests to an address go through, without its password."""
    from urllib.request import getproxies, proxy_bypass

    parts = urllib.parse.urlsplit(host)
    found = getproxies().get(parts.scheme)
    if not found or proxy_bypass(parts.hostname or ""):
        return None
    return re.sub(r"//[^/]*@", "//", found)


def _is_page(error: Exception) -> bool:
    response = getattr(error, "response", None)
    headers: Any = getattr(response, "headers", None) or {}
    status = getattr(response, "status_code", 0)
    is_html = str(headers.get("Content-Type", "")).startswith("text/html")
    # A network's own page comes with 200, a redirect or 511; the hub has pages for its errors.
    return is_html and (status < 400 or status == 511)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
