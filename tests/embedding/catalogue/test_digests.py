from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

from safelight.embedding.catalogue.digests import file_digest

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def _write(path: Path, content: bytes, age: float = 100.0) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age,) * 2)
    return hashlib.sha256(content).hexdigest()


def test_is_the_sha256_and_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    digest = _write(path, b"weights")
    assert file_digest(path) == digest
    monkeypatch.setattr(hashlib, "file_digest", None)  # it cannot be computed a second time
    assert file_digest(path) == digest


def test_a_changed_file_has_a_new_digest(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    for content, age in ((b"one", 100), (b"two", 90), (b"two and more", 90)):
        digest = _write(path, content, age)
        assert file_digest(path) == digest


def test_a_file_just_written_is_not_trusted_to_stay(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    now = time.time_ns()
    for content in (b"one", b"two"):  # of one size, and changed in one tick of the clock
        path.write_bytes(content)
        os.utime(path, ns=(now, now))
        assert file_digest(path) == hashlib.sha256(content).hexdigest()


def test_a_damaged_cache_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    path = tmp_path / "model.onnx"
    digest = _write(path, b"weights")
    assert file_digest(path) == digest
    for kept in (p for p in cache.rglob("*") if p.is_file()):
        kept.write_bytes(b"\xff nonsense")
    assert file_digest(path) == digest


def test_works_without_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    digest = _write(tmp_path / "model.onnx", b"weights")
    assert file_digest(tmp_path / "model.onnx") == digest


def test_believes_the_names_of_the_hubs_cache(tmp_path: Path) -> None:
    name = "ab" * 32
    repo = tmp_path / "models--a--b"
    _write(repo / "blobs" / name, b"whatever")
    link = repo / "snapshots" / "c" / "onnx" / "model.onnx"
    link.parent.mkdir(parents=True)
    link.symlink_to(f"../../../blobs/{name}")
    assert file_digest(link) == name


def test_believes_no_other_names(tmp_path: Path) -> None:
    sha1 = "cd" * 20  # what the hub names small files by
    repo = tmp_path / "models--a--b"
    small = _write(repo / "blobs" / sha1, b"small")
    (repo / "config.json").symlink_to(repo / "blobs" / sha1)
    assert file_digest(repo / "config.json") == small

    elsewhere = _write(tmp_path / "blobs" / ("ef" * 32), b"large")
    (tmp_path / "model.onnx").symlink_to(tmp_path / "blobs" / ("ef" * 32))
    assert file_digest(tmp_path / "model.onnx") == elsewhere
