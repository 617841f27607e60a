from __future__ import annotations

import hashlib
import os
import sys
from typing import TYPE_CHECKING

import pytest

from safelight.errors import FileError
from safelight.files import sha256, sha256_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("size", [0, 1, 1024**2, 1024**2 + 1])
def test_the_digest_is_that_of_all_bytes(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "a").write_bytes(data)
    assert sha256_of(tmp_path / "a") == sha256(data) == hashlib.sha256(data).hexdigest()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes as files")
def test_a_pipe_has_no_digest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError):
        sha256_of(tmp_path / "pipe")
