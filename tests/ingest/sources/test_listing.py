from __future__ import annotations

import os

from safelight.ingest.sources.listing import list_photos


def test_files_by_any_name_and_photos_in_folders(tmp_path, make_photo, monkeypatch) -> None:
    folder = tmp_path / "My Photos"
    make_photo(folder / "b.jpg")
    make_photo(folder / "deep" / "a.PNG")
    make_photo(folder / ".hidden" / "c.jpg")
    (folder / "notes.txt").write_text("no photo")
    make_photo(tmp_path / "photo.png").rename(tmp_path / "photo.unknown")
    monkeypatch.chdir(tmp_path)
    found = list(list_photos(["photo.unknown", "My Photos"], [".*"]))
    assert [entry.code for entry in found] == [None] * 3
    # A file stays as it was named; those in a folder have no name yet that somebody gave.
    assert [entry.path for entry in found] == [
        "photo.unknown", str(folder / "b.jpg"), str(folder / "deep" / "a.PNG"),
    ]  # fmt: skip


def test_what_cannot_be_read_is_listed_with_its_failure(tmp_path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe.jpg")
    found = list(
        list_photos([str(tmp_path / name) for name in ("none.jpg", "loop", "pipe.jpg", "\udcff")])
    )
    assert [entry.code for entry in found] == [
        "missing", "symlink-loop", "not-a-file", "bad-name",
    ]  # fmt: skip
    assert all(entry.reason for entry in found)


def test_the_home_folder(tmp_path, make_photo, monkeypatch) -> None:
    make_photo(tmp_path / "a.jpg")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert [entry.path for entry in list_photos(["~"])] == [str(tmp_path / "a.jpg")]
