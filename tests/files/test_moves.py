"""Files moved, linked and written: by each way that a system may know, and nothing is replaced."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from safelight.files import renaming, sha256
from safelight.files.moves import move, remove, replace_by_link, settle, write
from safelight.files.renaming import rename
from safelight.files.set_aside import CannotChange, put_back


def refuse(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.fixture(params=["the system's call", "links", "neither"])
def way(request, monkeypatch) -> str:
    """Renames of a file, each as on another file system."""
    if request.param != "the system's call":
        monkeypatch.setattr(renaming, "native_rename", lambda: lambda *_: errno.EINVAL)
    if request.param == "neither":
        monkeypatch.setattr("os.link", refuse)
    return request.param


def names(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_file_takes_a_free_name(tmp_path, way) -> None:
    (tmp_path / "a").write_bytes(b"1")
    rename(str(tmp_path / "a"), str(tmp_path / "b"))
    assert names(tmp_path) == {"b": b"1"}


@pytest.mark.parametrize("there", [b"2", b""])
def test_a_name_that_is_taken_stays(tmp_path, way, there) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(there)
    with pytest.raises(FileExistsError):
        rename(str(tmp_path / "a"), str(tmp_path / "b"))
    assert names(tmp_path) == {"a": b"1", "b": there}


def test_a_missing_file_leaves_nothing(tmp_path, way) -> None:
    with pytest.raises(FileNotFoundError):
        rename(str(tmp_path / "a"), str(tmp_path / "b"))
    assert names(tmp_path) == {}


def test_what_is_saved_between_link_and_unlink_survives(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(renaming, "native_rename", lambda: None)
    path, link = tmp_path / "a", os.link

    def link_and_save(source, target, **options) -> None:
        link(source, target, **options)
        if Path(source) == path:
            (tmp_path / "new").write_bytes(b"saved")
            os.replace(tmp_path / "new", path)

    path.write_bytes(b"1")
    monkeypatch.setattr("os.link", link_and_save)
    with pytest.raises(OSError, match="another program"):
        rename(str(path), str(tmp_path / "b"))
    assert names(tmp_path) == {"a": b"saved"}


def test_a_file_is_not_moved_onto_itself_or_its_alias(tmp_path, way) -> None:
    (tmp_path / "real").mkdir()
    path = tmp_path / "real/a"
    path.write_bytes(b"1")
    (tmp_path / "alias").symlink_to(tmp_path / "real")
    os.link(path, tmp_path / "twin") if way == "the system's call" else None
    for to in (path, tmp_path / "alias/a", tmp_path / "twin"):
        if os.path.lexists(to):
            with pytest.raises(CannotChange):
                move(str(path), str(to), sha256(b"1"), "part")
        assert path.read_bytes() == b"1"


def test_a_move_that_is_not_confirmed_is_taken_back(tmp_path, way) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1")

    def confirm() -> None:
        raise CannotChange("the other is gone")

    with pytest.raises(CannotChange, match="gone"):
        move(str(path), str(tmp_path / "q/a"), sha256(b"1"), "part", confirm)
    assert names(tmp_path) == {"a": b"1"}


def test_a_file_that_has_no_place_to_go_back_to_lies_beside_it(tmp_path, way) -> None:
    (tmp_path / "aside").write_bytes(b"old")
    (tmp_path / "a.jpg").write_bytes(b"new")
    (tmp_path / "a (2).jpg").write_bytes(b"another")
    assert put_back(str(tmp_path / "aside"), str(tmp_path / "a.jpg")).endswith("a (3).jpg")
    assert names(tmp_path) == {"a.jpg": b"new", "a (2).jpg": b"another", "a (3).jpg": b"old"}


def test_only_known_bytes_are_written_over_or_deleted(tmp_path, way) -> None:
    path = str(tmp_path / "a")
    write(path, b"1", None, "part")
    with pytest.raises(CannotChange):
        write(path, b"2", None, "part")
    with pytest.raises(CannotChange):
        write(path, b"2", sha256(b"other"), "part")
    with pytest.raises(CannotChange):
        remove(path, sha256(b"other"), "part")
    write(path, b"2", sha256(b"1"), "part")
    assert names(tmp_path) == {"a": b"2"}
    remove(path, sha256(b"2"), "part")
    assert names(tmp_path) == {}


def test_a_link_takes_the_place_of_the_same_bytes_only(tmp_path) -> None:
    kept, path = tmp_path / "kept", tmp_path / "a"
    kept.write_bytes(b"1")
    path.write_bytes(b"2")
    with pytest.raises(CannotChange):
        replace_by_link(str(path), str(kept), sha256(b"1"), "part")
    assert names(tmp_path) == {"kept": b"1", "a": b"2"}
    path.write_bytes(b"1")
    replace_by_link(str(path), str(kept), sha256(b"1"), "part")
    assert path.samefile(kept)
    assert names(tmp_path) == {"kept": b"1", "a": b"1"}


def test_what_a_killed_process_left_is_settled(tmp_path, way) -> None:
    path = tmp_path / "a"
    (tmp_path / "part").write_bytes(b"the only one")
    (tmp_path / "part.copy").write_bytes(b"the onl")
    settle([str(path)], "part")
    assert names(tmp_path) == {"a": b"the only one"}
    (tmp_path / "part").write_bytes(b"the only one")  # has its bytes elsewhere
    (tmp_path / "part.new").write_bytes(b"somebody's")
    settle([str(path)], "part")
    assert names(tmp_path) == {"a": b"the only one", "a (2)": b"somebody's"}
