"""URIs of photos, as batches name them: ``file:`` URIs and paths."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from safelight.errors import UsageError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # one letter is a drive of Windows


def to_path(uri: str, root: str | os.PathLike[str] = ".") -> Path:
    """Return the path that a URI names.

    Parameters
    ----------
    uri : str
        ``file:///a/b.jpg`` (percent-encoded), ``file:b.jpg``, or a path as it is.
    root : path-like
        What a relative one is relative to.

    Raises
    ------
    UsageError
        It names nothing on this machine.

    Examples
    --------
    >>> to_path("./data/input/a b.jpg", "/srv").as_posix()
    '/srv/data/input/a b.jpg'
    >>> to_path("file:///data/a%20b.jpg").as_posix()
    '/data/a b.jpg'
    """
    if not uri or "\0" in uri:
        raise UsageError(f"{uri!r} names no file.", code="bad-uri", uri=uri)
    if not _SCHEME.match(uri):
        return Path(root, uri)
    # A path may hold ? and #; as parts of a file: URI they would have no meaning.
    parts = urlsplit(uri.replace("?", "%3F").replace("#", "%23"))
    is_local = parts.netloc in ("", "localhost") or os.name == "nt"
    if parts.scheme.lower() != "file" or not is_local:
        raise UsageError(
            f"{uri} cannot be read: a URI must be file:///PATH or a path on this machine.",
            code="bad-uri",
            uri=uri,
        )
    path = windows_path(parts.netloc, parts.path) if os.name == "nt" else unquote(parts.path)
    if "\0" in path:
        raise UsageError(f"{uri!r} names no file.", code="bad-uri", uri=uri)
    return Path(root, path)


def windows_path(host: str, path: str) -> str:
    """Return the path that host and path of a ``file:`` URI are on Windows (RFC 8089, appendix E).

    Examples
    --------
    >>> windows_path("", "/C:/My%20Photos/a.jpg")
    'C:/My Photos/a.jpg'
    >>> windows_path("nas", "/photos/a.jpg")
    '//nas/photos/a.jpg'
    """
    path = unquote(path)
    if host not in ("", "localhost"):
        return f"//{host}{path}"
    # Old programs write C| for C:.
    drive = re.match(r"/([A-Za-z])[:|](?=/|$)", path)
    return f"{drive.group(1)}:{path[drive.end() :]}" if drive else path


def to_uri(path: str | os.PathLike[str], root: str | os.PathLike[str] = ".") -> str:
    """Return ``./PATH`` for a path under `root`, else the absolute path.

    Examples
    --------
    >>> to_uri("/srv/data/a b.jpg", "/srv")
    './data/a b.jpg'
    >>> to_uri("/elsewhere/a.jpg", "/srv")
    '/elsewhere/a.jpg'
    """
    # Not resolved: what a link is called is what its user knows it by.
    path, root = Path(os.path.abspath(path)), Path(os.path.abspath(root))
    if path.is_relative_to(root):
        return f"./{path.relative_to(root).as_posix()}"
    return path.as_posix()
