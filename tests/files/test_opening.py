"""Regular files are opened; anything that would block is refused."""

from __future__ import annotations

import os
import pickle
import socket
import sys
import threading
from pathlib import Path

import pytest

from safelight.errors import FileError, SafelightError
from safelight.files import open_regular, read_bytes, read_head, read_text, read_with_stat
from safelight.files.opening import chunks

posix = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices as files")


def _chunked(path: str | Path) -> bytes:
    with open_regular(path) as file:
        return b"".join(chunks(file, path))


def _readers(path: str | Path) -> dict[str, object]:
    """Return what each reader makes of a path: its error, or what it read."""
    made: dict[str, object] = {}
    for name, read in {
        "bytes": lambda: read_bytes(path, limit=1000),
        "text": lambda: read_text(path, limit=1000),
        "stat": lambda: read_with_stat(path, limit=1000)[0],
        "head": lambda: read_head(path, 10),
        "chunks": lambda: _chunked(path),
    }.items():
        try:
            made[name] = read()
        except OSError as exc:
            made[name] = exc
    return made


def test_a_file_is_read_whole_or_in_part(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    found = _readers(path)
    assert found["bytes"] == found["stat"] == found["chunks"] == path.read_bytes()
    assert found["text"] == "one\ntwo\nthree\n"
    assert found["head"] == path.read_bytes()[:10]
    (tmp_path / "empty").touch()
    assert set(_readers(tmp_path / "empty").values()) == {b"", ""}
    data, stat = read_with_stat(path, limit=100)
    assert stat.st_size == len(data)


@posix
def test_what_is_not_a_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "tty").symlink_to("/dev/tty")
    (tmp_path / "folder").mkdir()
    kinds = {"pipe": "pipe", "socket": "socket", "zero": "device", "folder": "folder"}
    for name, kind in kinds.items():
        for error in _readers(tmp_path / name).values():
            assert isinstance(error, FileError)
            assert error.code == "not-a-file"
            assert kind in str(error)
            assert kind in str(error.strerror)
    for error in _readers(tmp_path / "tty").values():
        assert isinstance(error, OSError)


@posix
def test_a_path_exchanged_at_the_last_moment_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"photo")
    opened = os.open

    def exchange(name: str, flags: int) -> int:
        os.unlink(path)
        os.mkfifo(path)
        return opened(name, flags)

    monkeypatch.setattr(os, "open", exchange)
    with pytest.raises(FileError) as raised:
        read_bytes(path, limit=1000)
    assert raised.value.code == "not-a-file"


@pytest.mark.parametrize("path", ["a\0b", b"a\0b", "\ud800", "", None, 0, 3.5, ["a"]])
def test_what_can_be_no_path_is_an_error_of_ours(path: object) -> None:
    for error in _readers(path).values():  # type: ignore[arg-type]
        if path == "":
            assert isinstance(error, FileNotFoundError)
        else:
            assert isinstance(error, FileError)
            assert error.code == "bad-name"


def test_reading_stops_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * 1001)
    found = _readers(path)
    for name in ("bytes", "text", "stat"):
        error = found[name]
        assert isinstance(error, FileError)
        assert (error.code, "1,000 bytes" in str(error)) == ("too-large", True)
    with path.open("r+b") as file:
        file.truncate(10 * 1024**3)  # sparse: nothing of it is on the disk
    with pytest.raises(FileError):
        read_bytes(path, limit=1000)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="/proc of Linux")
def test_files_whose_size_says_nothing_are_read_to_their_end_or_limit() -> None:
    assert read_bytes("/proc/self/status", limit=10**6).startswith(b"Name:")
    with pytest.raises(FileError):
        read_bytes("/proc/self/status", limit=10)
    with pytest.raises(FileError):
        _chunked("/proc/self/status")
    if os.access("/proc/kmsg", os.R_OK):  # it makes readers wait that do not say they will not
        done = threading.Thread(target=_readers, args=("/proc/kmsg",), daemon=True)
        done.start()
        done.join(10)
        assert not done.is_alive()


def test_the_error_is_one_of_ours_and_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileError) as raised:
        open_regular(tmp_path)
    error = pickle.loads(pickle.dumps(raised.value))
    assert isinstance(error, SafelightError)
    assert isinstance(error, OSError)
    assert (str(error), error.code, error.strerror, error.filename, error.errno) == (
        str(raised.value),
        raised.value.code,
        raised.value.strerror,
        str(tmp_path),
        raised.value.errno,
    )
    assert error.code == "not-a-file"


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    try:
        (tmp_path / "b").symlink_to("a")
        (tmp_path / "c").symlink_to("c")
        (tmp_path / "d").symlink_to("nowhere")
    except OSError:
        pytest.skip("no right to make links")
    assert read_bytes(tmp_path / "b", limit=10) == b"x"
    for name in ("c", "d"):
        assert all(isinstance(each, OSError) for each in _readers(tmp_path / name).values())
