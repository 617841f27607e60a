"""Files that move, vanish, are excluded and come back: what an ingest makes of it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from safelight.ingest import Summary, ingest
from safelight.ingest.sources import parse_source
from safelight.library.files import counts
from safelight.library.ingested_sources import remembered
from safelight.library.photo_facts import photo_facts
from safelight.search import search
from tests.disks import case_blind_disk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from safelight.library.database import Database
    from tests.fakes import ColourEmbedder


def _run(library: Database, embedder: ColourEmbedder, *specs: object, **options) -> Summary:
    names = ("exclude", "recursive")
    given = {name: options.pop(name) for name in names if name in options}
    sources = [parse_source(str(spec), **given) for spec in specs]
    return ingest(library, sources, embedder, model="colours", **options)


def _paths(library: Database, embedder: ColourEmbedder, **options) -> list[str]:
    return sorted(hit.path for hit in search(library, "red", embedder, top=99, **options))


def _specs(library: Database) -> list[str]:
    return [spec for _, spec, _ in remembered(library)]


def _copies(library: Database) -> list[int]:
    ids = [photo_id for (photo_id,) in library.connection.execute("SELECT id FROM items")]
    return [len(facts.copies) for facts in photo_facts(library, ids).values()]


@pytest.fixture
def photos(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    folder = tmp_path / "disk" / "photos"
    for number in range(6):
        make_photo(folder / f"{'sub/' * (number % 2)}{number}.png", "red", seed=number)
    return folder


@pytest.mark.parametrize("name", ["renamed", "PHOTOS", "photo\u0301s"])
def test_a_renamed_folder_is_followed(library, embedder, photos, name) -> None:
    _run(library, embedder, photos)
    new = photos.rename(photos.parent / name)
    summary = _run(library, embedder, new)
    assert (summary.new, summary.moved, summary.kept, embedder.encoded) == (0, 6, 0, 6)
    assert all(path.startswith(f"{new}{os.sep}") for path in _paths(library, embedder))
    assert len(_paths(library, embedder)) == 6
    assert _copies(library) == [1] * 6, "no photo is its own copy"
    assert _specs(library) == [f"images:{new}"]
    assert counts(library).gone == 0
    assert summary.notes, "it is said"


def test_a_part_that_moved_into_another_source_is_followed(library, embedder, photos) -> None:
    other = photos.parent / "other"
    other.mkdir()
    _run(library, embedder, photos, other)
    (photos / "sub").rename(other / "sub")
    summary = _run(library, embedder, photos, other)
    assert (summary.moved, summary.kept, summary.gone) == (3, 0, 0)
    assert _copies(library) == [1] * 6
    assert sorted(_specs(library)) == [f"images:{other}", f"images:{photos}"]


def test_everything_moved_within_a_source_is_not_an_empty_disk(library, embedder, photos) -> None:
    _run(library, embedder, photos)
    (photos / "2024").mkdir()
    for path in list(photos.iterdir()):
        if path.name != "2024":
            path.rename(photos / "2024" / path.name)
    summary = _run(library, embedder, photos)
    assert (summary.moved, summary.kept, summary.gone) == (6, 0, 0)
    assert _copies(library) == [1] * 6


def test_words_of_a_list_go_with_a_photo_that_moves(library, embedder, photos, tmp_path) -> None:
    (tmp_path / "list.csv").write_text(f"{photos}/0.png,beach\n")
    _run(library, embedder, f"image-list:{tmp_path / 'list.csv'}")
    photos.rename(photos.parent / "new")
    _run(library, embedder, photos.parent / "new")
    labels = {hit.metadata.get("label") for hit in search(library, "red", embedder, top=9)}
    assert labels == {None, "beach"}


def test_a_copy_of_a_few_is_not_a_move_of_a_disk_that_is_away(library, embedder, photos) -> None:
    _run(library, embedder, photos)
    backup = photos.parent / "backup"
    backup.mkdir()
    shutil.copy2(photos / "0.png", backup / "0.png")
    away = photos.rename(photos.parent / "unplugged")
    summary = _run(library, embedder, backup)
    assert summary.moved == 1
    assert f"images:{photos}" in _specs(library)
    assert len(_paths(library, embedder)) == 6, "what is on the disk is kept"
    away.rename(photos)
    assert _run(library, embedder, photos).new == 0
    assert sorted(_copies(library)) == [1, 1, 1, 1, 1, 2]


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_source_that_lost_most_is_kept_until_it_is_accepted(
    library, embedder, photos, left
) -> None:
    _run(library, embedder, photos)
    files = sorted(photos.rglob("*.png"))
    for path in files[left:]:
        path.unlink()
    summary = _run(library, embedder, photos)
    assert (summary.gone, summary.kept) == (0, 6 - left)
    assert "--accept-missing" in " ".join(summary.notes)
    assert len(_paths(library, embedder)) == 6
    summary = _run(library, embedder, photos, accept_missing=True)
    assert (summary.gone, summary.kept) == (6 - left, 0)
    assert len(_paths(library, embedder)) == left


def test_a_list_whose_disk_is_away_keeps_what_is_known(library, embedder, photos, tmp_path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"{path}\n" for path in photos.rglob("*.png")))
    _run(library, embedder, f"image-list:{listed}")
    photos.rename(photos.parent / "away")
    summary = _run(library, embedder, f"image-list:{listed}")
    assert (summary.failed, summary.kept) == (6, 6)
    assert len(_paths(library, embedder)) == 6
    (photos.parent / "away").rename(photos)
    assert _run(library, embedder, f"image-list:{listed}").unchanged == 6


@pytest.mark.parametrize(
    ("options", "hidden"),
    [
        ({"exclude": ["sub"]}, 3),
        ({"exclude": "0.png"}, 1),
        ({"exclude": ["sub/*"]}, 3),
        ({"recursive": False}, 3),
    ],
)
def test_an_exclusion_acts_on_what_is_known_and_can_be_lifted(
    library, embedder, photos, options, hidden
) -> None:
    _run(library, embedder, photos)
    summary = _run(library, embedder, photos, **options)
    assert (summary.excluded, summary.gone, summary.kept) == (hidden, 0, 0)
    assert summary.notes
    assert len(_paths(library, embedder)) == 6 - hidden
    assert (counts(library).excluded, counts(library).files) == (hidden, 6 - hidden)
    assert _run(library, embedder, photos, **options).excluded == 0, "said once"
    summary = _run(library, embedder, photos)
    assert (summary.new, embedder.encoded) == (0, 6)
    assert len(_paths(library, embedder)) == 6


@pytest.mark.parametrize("name", [".nomedia", "sub.photoslibrary", "#Recycle"])
def test_so_do_a_nomedia_and_a_folder_that_becomes_a_bin(library, embedder, photos, name) -> None:
    where = photos / "sub" if name == ".nomedia" else photos
    _run(library, embedder, photos)
    if name == ".nomedia":
        (where / name).touch()
    else:
        (photos / "sub").rename(photos / name)
    summary = _run(library, embedder, photos)
    assert summary.excluded + summary.gone + summary.kept == 3
    if name == ".nomedia":
        assert len(_paths(library, embedder)) == 3


def test_what_another_source_lists_is_not_excluded(library, embedder, photos, tmp_path) -> None:
    (tmp_path / "list.txt").write_text(f"{photos}/sub/1.png\n")
    _run(library, embedder, photos / "sub", photos)
    assert _run(library, embedder, photos, exclude=["sub"]).excluded == 0
    _run(library, embedder, f"image-list:{tmp_path / 'list.txt'}")
    assert _run(library, embedder, photos / "sub", exclude=["*.png"]).excluded == 2


def test_a_folder_by_a_second_name_adds_no_copies(library, embedder, photos, tmp_path) -> None:
    _run(library, embedder, photos)
    (tmp_path / "link").symlink_to(photos)
    summary = _run(library, embedder, tmp_path / "link")
    assert (summary.new, summary.known, summary.unchanged) == (0, 0, 6)
    assert _copies(library) == [1] * 6
    assert _specs(library) == [f"images:{photos}"]
    assert summary.notes


@pytest.mark.parametrize("inside", [False, True])
def test_a_change_that_keeps_the_time_is_seen(library, embedder, photos, make_photo, inside):
    path = photos / "0.png"
    _run(library, embedder, photos)
    before = path.stat()
    data = bytearray(path.read_bytes())
    other = make_photo(photos.parent / "x.png", "green", seed=3).read_bytes()
    if inside:  # of the same length, in place
        data[-13] ^= 1
        with path.open("r+b") as file:
            file.write(data)
    else:
        path.write_bytes(other)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    summary = _run(library, embedder, photos)
    assert summary.new + summary.failed == 1
    assert summary.unchanged == 5


def test_a_chmod_costs_no_embedding(library, embedder, photos) -> None:
    _run(library, embedder, photos)
    (photos / "0.png").chmod(0o600)
    assert _run(library, embedder, photos).new == 0
    assert _run(library, embedder, photos).unchanged == 6
    assert embedder.encoded == 6


def test_packages_are_reported(library, embedder, photos) -> None:
    (photos / "sub").rename(photos / "Mine.photoslibrary")
    summary = _run(library, embedder, photos)
    assert summary.new == 3
    assert any("Mine.photoslibrary" in note for note in summary.notes)


def test_on_a_case_blind_disk_a_folder_has_one_spelling(
    library, embedder, make_photo, tmp_path
) -> None:
    with case_blind_disk(tmp_path) as disk:
        if disk is None:
            pytest.skip("no case-blind disk can be mounted here")
        for number in range(3):
            make_photo(disk / "DCIM" / f"IMG_{number}.png", "red", seed=number)
        _run(library, embedder, disk / "DCIM")
        for spec in (disk / "dcim", f"images:{disk}/DcIm"):
            assert _run(library, embedder, spec).unchanged == 3
        (tmp_path / "list.txt").write_text(f"{disk}/dcim/img_1.PNG\n{disk}/DCIM/IMG_1.png\n")
        assert _run(library, embedder, f"image-list:{tmp_path}/list.txt").unchanged == 1
        (disk / "DCIM" / "IMG_0.png").rename(disk / "DCIM" / "img_0.png")
        (disk / "DCIM").rename(disk / "x")
        (disk / "x").rename(disk / "Dcim")
        summary = _run(library, embedder, disk / "dcim")
        assert (summary.moved, summary.new, summary.kept) == (3, 0, 0)
        assert _copies(library) == [1] * 3
        assert _paths(library, embedder)[0].startswith(f"{disk}/Dcim/")
        assert f"images:{disk}/Dcim" in _specs(library)
        assert _run(library, embedder, disk / "Dcim", exclude=["img_1*"]).excluded == 0, "listed"
        assert _run(library, embedder, disk / "Dcim", exclude=["img_2*"]).excluded == 1
