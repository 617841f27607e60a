"""The key that signed addresses are made with, in a file beside the library.

Not in the library, which others may be allowed to read, and which is copied: who has the key can
make addresses with the rights of any token.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from typing import TYPE_CHECKING

from loguru import logger

from safelight.files import open_regular
from safelight.files.atomic import write_new

if TYPE_CHECKING:
    from pathlib import Path

    from safelight.library.database import Database

_BYTES = 32


def key_path(library: Database) -> Path:
    """Return where the key of a library lies."""
    return library.path.with_name(library.path.name + ".signing-key")


def signing_key(library: Database) -> bytes:
    """Return the key, made if there is none that only this user can read.

    Where it cannot be kept, it is good until this process ends.
    """
    path = key_path(library)
    for _ in range(3):
        try:
            key = _read(path)
            if key is not None:
                return key
            path.unlink()  # others could read it, or it is not whole
        except FileNotFoundError:
            pass
        except OSError as error:
            logger.warning("The key for signed addresses cannot be read: {}", error.strerror)
            break
        key = secrets.token_bytes(_BYTES)
        try:
            write_new(path, key, is_private=True)
        except FileExistsError:
            continue  # another server made it meanwhile
        except OSError as error:
            logger.warning("The key for signed addresses cannot be kept: {}", error.strerror)
            break
        return key
    return secrets.token_bytes(_BYTES)


def _read(path: Path) -> bytes | None:
    with contextlib.closing(open_regular(path)) as file:
        found = os.fstat(file.fileno())
        if os.name == "posix" and (found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)):
            return None
        key = file.read(_BYTES + 1)
    return key if len(key) == _BYTES else None
