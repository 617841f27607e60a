"""The order of identical files: folders, names, companions, ages, and what the user prefers."""

from __future__ import annotations

import os

import pytest

from safelight.duplicates.keeper.filenames import (
    in_order,
    is_binned,
    is_copy_name,
    preferences,
    secondary_folder,
    why_first,
)
from safelight.library.photo_facts import Copy

YEAR = 365 * 86_400 * 10**9


def copies(*paths: str, years: tuple[int, ...] = ()) -> list[Copy]:
    ages = years or (5,) * len(paths)
    return [
        Copy(os.path.normpath(path), 1, 10**18 + year * YEAR, ("default",))
        for path, year in zip(paths, ages, strict=True)
    ]


@pytest.mark.parametrize(
    "folder",
    [
        "Backup von Handy", "Sicherung", "Kopien", "copia de seguridad", "Cópia", "Sauvegardes",
        "Export", "lightroom exports", "WhatsApp Images", "Sent", "Telegram Desktop", "Downloads",
        "Téléchargements", "Descargas", ".thumbnails", "tmp", "cache", "Резервная копия",
        "バックアップ", "备份", "MyExports", "old_backup_2019",
    ],
)  # fmt: skip
def test_a_folder_of_copies_loses_in_every_language(folder) -> None:
    made, own = copies(f"/p/{folder}/IMG_1.jpg", "/p/2019/Wedding/Day 2/IMG_1.jpg")
    assert in_order([made, own])[0] == own
    assert "is not in a folder of" in why_first(in_order([made, own]))[0]


@pytest.mark.parametrize(
    "folder",
    ["Copenhagen", "Temple", "Presentation", "Sentosa", "Small Town", "Exposition", "Photocopiers"],
)
def test_a_folder_that_only_sounds_like_it_does_not(folder) -> None:
    assert secondary_folder(f"/p/{folder}/IMG_1.jpg") is None


@pytest.mark.parametrize(
    "folder",
    ["$Recycle.Bin/S-1-5", "#recycle", "#Recycle", ".Trash-1000/files", ".Trashes", "Papierkorb"],
)
def test_a_file_in_a_recycle_bin_is_kept_last(folder) -> None:
    binned, other = copies(f"/p/{folder}/IMG.jpg", "/p/Backup/tmp/IMG (1).jpg", years=(1, 9))
    assert is_binned(binned.path)
    wishes = preferences(["/p/" + folder.partition("/")[0]])
    assert in_order([binned, other], wishes)[0] == other


def test_the_order_is_the_documented_one() -> None:
    keep = copies(
        "/safe/z.jpg", "/liked/z.jpg", "/x/with film/z.jpg", "/x/deep/er/z.jpg", "/x/z.jpg",
        "/x/deep/z.jpg", "/x/deep/y (1).jpg", "/x/Backup/z.jpg",
        years=(9, 9, 9, 1, 2, 2, 0, 0),
    )  # fmt: skip
    wishes = preferences(["/liked"], ["/safe"])
    found = in_order(reversed(keep), wishes, lambda path: "with film" in path)
    assert found == keep
    told = why_first(found, wishes, lambda path: "with film" in path)
    assert told == ["is in a protected folder"] * (len(keep) - 1)
    assert why_first(found[4:6]) == ["is in the least deep folder"]
    assert why_first(found[3:5]) == ["is the oldest"]


def test_the_first_preferred_folder_counts_most_and_a_time_that_nobody_knows_least() -> None:
    one, other = copies("/a/x.jpg", "/b/x.jpg")
    assert in_order([one, other], preferences(["/b", "/a"]))[0] == other
    assert in_order([one, other], preferences(["/a/"]))[0] == one
    known, unknown = copies("/b/x.jpg", "/a/x.jpg")
    unknown = Copy(unknown.path, 1, 0, ("default",))
    assert in_order([unknown, known])[0] == known


def test_a_folder_is_the_same_by_whatever_link(tmp_path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    wishes = preferences(protect=[str(tmp_path / "link")])
    assert wishes.protecting(str(tmp_path / "real" / "a.jpg"))
    assert not wishes.protecting(str(tmp_path / "reality" / "a.jpg"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Kopie von IMG_1", True), ("IMG_1 - Copy (3)", True), ("Copia de IMG", True),
        ("IMG_1 - コピー", True), ("IMG (2019)", False), ("copyright", False),
    ],
)  # fmt: skip
def test_more_names_of_copies(name, expected) -> None:
    assert is_copy_name(f"/p/{name}.jpg") is expected
