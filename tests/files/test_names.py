from __future__ import annotations

import pytest

from safelight import parse_source
from safelight.errors import LibraryError, SettingsError, SourceError, UsageError
from safelight.files.names import expanded
from safelight.labels.label_set import read_label_set
from safelight.library.database import Database
from safelight.settings import Settings

#: Homes of nobody, and what no user can be called.
NOBODY = ("~nobody-of-that-name/x.jpg", "~a\0b/x.jpg", "~\ud800/x.jpg", "~\udcff/x.jpg")


def test_the_home_folder(monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("USERPROFILE", "/home/ada")
    assert expanded("~/a").replace("\\", "/") == "/home/ada/a"
    assert expanded("a/~") == "a/~"


@pytest.mark.parametrize("path", NOBODY)
def test_the_home_of_nobody_is_not_an_error_of_its_own(path: str, tmp_path) -> None:
    assert expanded(path) == path
    with pytest.raises(SettingsError):
        read_label_set(labels=path)
    with pytest.raises((LibraryError, UsageError)):
        Database(path, create=False)
    with pytest.raises(SourceError):
        parse_source(path)
    if "\0" not in path:
        assert Settings.load({"SAFELIGHT_LIBRARY": path}).library.name == "x.jpg"


def test_a_list_of_binary_junk_is_failures(tmp_path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_bytes(b"~\0\xff.jpg\n~nobody-of-that-name/b.jpg\n\0\n~\xff\xfe\n")
    found = list(parse_source(f"image-list:{listed}").entries())
    assert len(found) == 4
    assert all(entry.code in ("missing", "bad-name") for entry in found)
