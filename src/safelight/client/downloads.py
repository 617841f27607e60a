"""Originals as files: what has arrived of one, and the end of it, checked by its sha256."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import unquote

from safelight.arguments import as_path
from safelight.errors import ServerError, SourceError, UsageError
from safelight.files import sha256_of
from safelight.files.atomic import PART, sync_folder
from safelight.files.locks import try_lock
from safelight.files.refusals import described
from safelight.files.renaming import rename

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"filename\*=UTF-8''([^;]+)|filename=\"([^\"]*)\"", re.IGNORECASE)


class PartialFile:
    """A file that is being downloaded, beside the path that it gets when it is whole.

    What a broken download left is gone on with, by this process or a later one.

    Parameters
    ----------
    path : path-like
    photo_id : str
        The sha256 of its bytes.
    overwrite : bool
        Replace a file that is there.

    Raises
    ------
    UsageError
        There is one.
    """

    def __init__(self, path: str | os.PathLike[str], photo_id: str, *, overwrite: bool) -> None:
        self.path = Path(as_path(path, "path"))
        self._photo_id = photo_id
        self._overwrite = overwrite
        # Not the name itself with something added, which may become too long.
        self._part = self.path.with_name(f".safelight-{photo_id[:32]}{PART}")
        self._file: IO[bytes] | None = None

    def open(self) -> int:
        """Open it, and return how many bytes have arrived.

        Raises
        ------
        UsageError
            Something is at its path, or another process downloads the same.
        SourceError
            It cannot be written.
        """
        if not self._overwrite and os.path.lexists(self.path):
            raise self._is_there()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self._part, "ab")  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise self._unwritable(error) from error
        if not try_lock(self._file):
            self.close()
            raise UsageError(f"Another process is downloading {self.path} now.", code="busy")
        return self._file.seek(0, os.SEEK_END)

    def restart(self) -> None:
        """Drop what has arrived."""
        assert self._file is not None
        self._file.truncate(0)

    def write(self, chunk: bytes) -> None:
        """Add what has arrived now."""
        assert self._file is not None
        try:
            self._file.write(chunk)
        except OSError as error:
            raise self._unwritable(error) from error

    def finish(self) -> Path:
        """Give it its name, and return that.

        Raises
        ------
        ServerError
            It is not the photo. What has arrived is dropped.
        """
        assert self._file is not None
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self.close()
            if sha256_of(self._part) != self._photo_id:
                self._part.unlink()
                raise ServerError(
                    f"What the server sent is not photo {self._photo_id[:12]}. Download it again.",
                    code="changed",
                )
            if self._overwrite:
                os.replace(self._part, self.path)
            else:
                rename(str(self._part), str(self.path))
            sync_folder(self.path.parent)
        except FileExistsError:
            raise self._is_there() from None
        except OSError as error:
            raise self._unwritable(error) from error
        return self.path

    def close(self) -> None:
        """Close it; what has arrived stays."""
        if self._file is not None:
            self._file.close()

    def _is_there(self) -> UsageError:
        return UsageError(
            f"{self.path} is there already. Choose another path, or give overwrite=True.",
            code="exists",
            path=str(self.path),
        )

    def _unwritable(self, error: OSError) -> SourceError:
        return SourceError(
            f"{self.path} cannot be written: {described(error)}.", path=str(self.path)
        )


def described_file(headers: Mapping[str, str]) -> tuple[int | None, int, str]:
    """Return the size of the whole file, where the answer begins in it, and the file's name."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("content-range", ""))
    length = headers.get("content-length", "")
    start, size = 0, int(length) if length.isdecimal() else None
    if found is not None:
        start, size = int(found[1]), int(found[2])
    named = _NAME.search(headers.get("content-disposition", ""))
    return size, start, (unquote(named[1]) if named[1] else named[2]) if named else ""
