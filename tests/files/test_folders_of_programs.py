from pathlib import Path

import pytest

from safelight.files.packages import is_package, is_recycle_bin, package_of, recycle_bin_of


@pytest.mark.parametrize(
    "name",
    "$RECYCLE.BIN $Recycle.Bin #Recycle #recycle @Recycle @RECYCLE .Trash-1000 .Trashes .Trash "
    "lost+found LOST+FOUND .@__thumb @eaDir @EADIR .thumbnails RECYCLER .recycle".split(),
)
def test_recycle_bins_are_known_in_any_case(name: str) -> None:
    assert is_recycle_bin(name)
    assert recycle_bin_of(f"/media/disk/{name}/x/a.jpg") == name


@pytest.mark.parametrize(
    "name", ["Recycle", "trash", "#recycled art", ".Trash-art", "lost", "@Home"]
)
def test_folders_of_people_are_not_bins(name: str) -> None:
    assert not is_recycle_bin(name)
    assert recycle_bin_of(f"/media/{name}/a.jpg") is None


def test_packages_are_known_by_their_ending() -> None:
    for name in ("a.photoslibrary", "A.PhotosLibrary", "b.aplibrary", "c.lrdata", "d.cocatalog"):
        assert is_package(name)
    assert not is_package("photoslibrary")


@pytest.mark.parametrize("name", ["Photo Booth Library", "iPhoto Library", "APERTURE LIBRARY"])
def test_packages_without_an_ending_are_known_by_their_whole_name(name: str) -> None:
    assert is_package(name)
    assert package_of(f"/p/{name}/Pictures/a.jpg") == name
    assert not is_package(f"{name} prints")


def test_a_package_is_not_in_itself() -> None:
    assert package_of("/p/a.photoslibrary") is None, "it is not in itself"
    assert package_of("/p/a.lrlibrary/x/y.lrdata/z.jpg") == "a.lrlibrary"
    assert recycle_bin_of(str(Path("/home/ann/.local/share/Trash/files/a.jpg"))) is not None
