"""Uploaded photos: checked, stored beside the library, ingested; whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote, unquote

from safelight.errors import DecodeError
from safelight.files import read_bytes
from safelight.files.atomic import write_new
from safelight.files.format import size_text
from safelight.imaging import decode, is_photo
from safelight.ingest.sources.entry import entry
from safelight.library.files import present_paths
from safelight.server.client_texts import for_clients

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from safelight.ingest.sources.entry import Entry
    from safelight.library.database import Database

#: By the name of the format that the decoder gives it.
_SUFFIXES = {
    "AVIF": ".avif",
    "BMP": ".bmp",
    "GIF": ".gif",
    "HEIF": ".heic",
    "JPEG": ".jpg",
    "PNG": ".png",
    "RAW": ".dng",
    "TIFF": ".tif",
    "WEBP": ".webp",
}

_LONGEST = 150  # characters of a name, far below what file systems take

# Enough to see whether the data are whole.
_CHECKED_SIDE = 64


@dataclass(frozen=True, slots=True)
class Upload:
    """Outcome for one uploaded file.

    Attributes
    ----------
    name : str
        As the client called it.
    photo_id : str or None
    path : str or None
        Where it was put, or is already.
    code, reason : str or None
        Why it was not taken.
    """

    name: str
    photo_id: str | None = None
    path: str | None = None
    code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class UploadedSource:
    """Some photos of an upload folder.

    It is remembered as the folder, so that a later ingest finds what was changed in it.
    """

    folder: str
    paths: tuple[str, ...]
    scope: str | None = None

    @property
    def spec(self) -> str:
        """``images:`` and the folder."""
        return f"images:{self.folder}"

    @property
    def options(self) -> dict[str, Any]:
        """Those of the folder."""
        return {"recursive": True, "exclude": []}

    def entries(self) -> Iterator[Entry]:
        """List the photos."""
        for path in self.paths:
            yield entry(path, os.path.basename(path))


def uploads_folder(library: Database) -> Path:
    """Return where uploaded photos lie: beside the library. These are originals: keep them."""
    return library.path.with_name(library.path.name + ".uploads")


def namespace_folder(library: Database, namespace: str) -> Path:
    """Return where uploaded photos of a namespace lie."""
    name = quote(namespace, safe=" ")
    # What a file system would take for something else.
    name = re.sub(r"^[. ]|[. ]$", lambda found: f"%{ord(found[0]):02X}", name)
    return uploads_folder(library) / name


def uploaded_namespaces(library: Database) -> list[str]:
    """Return the namespaces that photos were uploaded to."""
    with contextlib.suppress(OSError):
        return sorted(unquote(each.name) for each in uploads_folder(library).iterdir())
    return []


def take(
    library: Database,
    namespace: str,
    name: str,
    file: BinaryIO,
    *,
    max_bytes: int,
    max_pixels: int,
) -> Upload:
    """Check a photo and put it into the folder of its namespace, if it is not there already.

    Parameters
    ----------
    name : str
        As the client called it.
    file : binary file
    """
    file.seek(0)
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        reason = f"is larger than {size_text(max_bytes)}"
        return Upload(name, code="too-large", reason=reason)
    photo_id = hashlib.sha256(data).hexdigest()
    try:
        frame = decode(data, min_side=_CHECKED_SIDE, max_pixels=max_pixels)
    except DecodeError as error:
        return Upload(name, photo_id, code=error.code, reason=for_clients(str(error)))
    known = _present(library, namespace, photo_id)
    if known is not None:
        return Upload(name, photo_id, known)
    folder = namespace_folder(library, namespace)
    try:
        path = _store(folder, _file_name(name, frame.format), data, photo_id)
    except OSError as error:
        reason = f"cannot be kept: {error.strerror}"
        return Upload(name, photo_id, code="io", reason=reason)
    return Upload(name, photo_id, str(path))


def _present(library: Database, namespace: str, photo_id: str) -> str | None:
    paths = present_paths(library, photo_id, namespace)
    return next((path for path in paths if os.path.isfile(path)), None)


def _holds(path: Path, data: bytes) -> bool:
    try:
        return read_bytes(path, limit=len(data)) == data
    except OSError:
        return False


def _store(folder: Path, name: str, data: bytes, photo_id: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    stem, suffix = os.path.splitext(name)
    for candidate in (name, f"{stem}-{photo_id[:12]}{suffix}", f"{photo_id}{suffix}"):
        path = folder / candidate
        try:
            write_new(path, data)
        except FileExistsError:
            if not _holds(path, data):
                continue
        return path
    raise FileExistsError(errno.EEXIST, "there are other files of its name", name)


def _file_name(name: str, form: str) -> str:
    """Return a name for a file that is one on every system, and says what is in it."""
    # Clients send paths, of their own system.
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(c for c in name if c.isprintable() and c not in '<>:"|?*').strip(" .")
    stem, suffix = os.path.splitext(name)
    if not is_photo(name):
        stem, suffix = name, _SUFFIXES.get(form, ".jpg")
    stem = stem.encode("utf-8", "ignore")[:_LONGEST].decode("utf-8", "ignore").strip(" .")
    if re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)?", stem):
        stem = f"photo{stem}"
    return stem + suffix
