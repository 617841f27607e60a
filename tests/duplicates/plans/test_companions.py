"""Companion files go along, or the photo stays and the plan says so."""

from __future__ import annotations

import os
import time

import pytest

from safelight.duplicates.plans.apply import apply_plan
from safelight.duplicates.plans.companions import Companions
from safelight.duplicates.plans.takeout import belongs_to
from safelight.duplicates.plans.undo import undo_plan

LONG = "a very long name of a photo that somebody once gave it"


@pytest.fixture
def pair(shelf):
    """One photo in two files."""

    def make(name: str):
        photo = shelf.add("kept.jpg", b"the same", days=-9)
        shelf.add(f"copies/{name}", b"the same")
        shelf.relate("identical", photo)
        return shelf.folder / "copies"

    return make


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("IMG_1.jpg", "IMG_1.AAE"),
        ("IMG_1.jpg", "IMG_1.xmp"),
        ("IMG_1.jpg", "IMG_1.jpg.XMP"),
        ("IMG_1.jpg", "IMG_1.jpg.pp3"),
        ("IMG_1.jpg", "IMG_1.JPG.dop"),
        ("IMG_1.jpg", "IMG_1.jpg.arp"),
        ("IMG_1.jpg", "IMG_1.jpg.some-program"),
        ("IMG_1.jpg", "IMG_1.jpg_original"),
        ("IMG_1.jpg", "._IMG_1.jpg"),
        ("IMG_1.jpg", "IMG_1.on1"),
        ("IMG_1.jpg", "IMG_1.vrd"),
        ("IMG_1.jpg", "IMG_1.acr"),
        ("IMG_1.jpg", "IMG_1.THM"),
        ("IMG_1.jpg", "IMG_1.WAV"),
        ("IMG_1.jpg", "NKSC_PARAM/IMG_1.jpg.nksc"),
        ("IMG_1.jpg", "CaptureOne/Settings153/IMG_1.jpg.cos"),
        ("IMG_1.jpg", "IMG_1.json"),
        ("IMG_1.jpg", "IMG_1.jpg.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("IMG_1.jpg", "IMG_1.jpg.suppl.json"),
        ("IMG_1.jpg", "IMG_1.jpg..json"),
        ("IMG_1(2).jpg", "IMG_1.jpg(2).json"),
        ("IMG_1(2).jpg", "IMG_1.jpg.supplemental-metadata(2).json"),
        ("IMG_1-edited.jpg", "IMG_1.jpg.json"),
        (f"{LONG}.jpg", f"{LONG[:46]}.json"),
    ],
)
def test_what_belongs_to_a_photo_goes_along(pair, shelf, library, name, beside) -> None:
    folder = pair(name)
    (folder / beside).parent.mkdir(parents=True, exist_ok=True)
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/"
    xmp += b"22-rdf-syntax-ns#'></rdf:RDF></x:xmpmeta>"
    (folder / beside).write_bytes(xmp)
    before = shelf.state()
    plan = shelf.plan()
    assert [sidecar.path for sidecar in plan.changes[0].sidecars] == [str(folder / beside)]
    assert apply_plan(library, plan).changed == 1
    assert not (folder / name).exists()
    assert not (folder / beside).exists()
    assert undo_plan(library.path)[1].left == []
    assert shelf.state() == before


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("IMG_1.heic", "IMG_1.MOV"),
        ("IMG_1.heic", "IMG_1.HEIC.MOV"),
        ("PXL_1.MP.jpg", "PXL_1.MP"),
        ("MVIMG_1.jpg", "MVIMG_1.MP4"),
        ("IMG_1.jpg", "IMG_1.DNG"),
        ("IMG_1.jpg", "IMG_1.psd"),
        ("IMG_1.jpg", "IMG_1.pdf"),
        ("IMG_1.jpg", "IMG_1.txt"),
    ],
)
def test_a_photo_that_is_one_of_several_stays(pair, shelf, name, beside) -> None:
    folder = pair(name)
    (folder / beside).write_bytes(b"a part of it")
    (shelf.folder / "kept.MOV").write_bytes(b"a part of the kept file")
    plan = shelf.plan()
    assert plan.changes == []
    assert os.path.basename(beside) in plan.left[0].why


def test_the_file_with_the_companion_is_kept_and_its_plain_copy_goes(pair, shelf) -> None:
    folder = pair("IMG_1.heic")
    (folder / "IMG_1.MOV").write_bytes(b"a part of it")
    (group,) = shelf.plan().groups
    assert group.keeper == str(folder / "IMG_1.heic")
    assert [change.path for change in group.changes] == [str(shelf.folder / "kept.jpg")]


@pytest.mark.parametrize(
    ("other", "beside"),
    [
        ("IMG_1.png", "IMG_1.AAE"),
        ("IMG_1.png", "IMG_1.xmp"),
        ("IMG_1-edited.jpg", "IMG_1.jpg.json"),
    ],
)
def test_what_belongs_to_two_photos_keeps_both(pair, shelf, other, beside) -> None:
    folder = pair("IMG_1.jpg")
    (folder / other).write_bytes(b"another photo")
    (folder / beside).write_bytes(b"of both")
    plan = shelf.plan()
    assert plan.changes == []
    assert other in plan.left[0].why


def test_a_link_beside_a_photo_keeps_it(pair, shelf) -> None:
    folder = pair("IMG_1.jpg")
    (folder / "IMG_1.jpg.pp3").symlink_to(shelf.folder / "elsewhere.pp3")
    plan = shelf.plan()
    assert plan.changes == []
    assert "is a link" in plan.left[0].why


def test_others_files_stay(pair, shelf) -> None:
    folder = pair("IMG_1.jpg")
    for name in ("IMG_10.xmp", "IMG_10.jpg.json", "IMG_1.jpg(1).json", "IMG_1 copy.AAE", "x.pdf"):
        (folder / name).write_bytes(b"of another")
    assert shelf.plan().changes[0].sidecars == ()


def test_a_companion_that_cannot_go_keeps_its_photo(pair, shelf, library) -> None:
    folder = pair("IMG_1.jpg")
    (folder / "IMG_1.AAE").write_bytes(b"edits")
    plan = shelf.plan()
    target = plan.changes[0].sidecars[0].to
    os.makedirs(target)  # something has its place
    before = shelf.state()
    outcome = apply_plan(library, plan)
    assert outcome.changed == 0
    assert shelf.state() == before


def test_a_companion_that_came_since_keeps_its_photo(pair, shelf, library) -> None:
    folder = pair("IMG_1.jpg")
    plan = shelf.plan()
    (folder / "IMG_1.AAE").write_bytes(b"edits")
    assert apply_plan(library, plan).changed == 0
    assert (folder / "IMG_1.jpg").exists()


def test_hard_links_leave_what_lies_beside(pair, shelf, library) -> None:
    folder = pair("IMG_1.jpg")
    (folder / "IMG_1.AAE").write_bytes(b"edits")
    assert apply_plan(library, shelf.plan(action="hardlink")).changed == 1
    assert (folder / "IMG_1.AAE").exists()


def test_takeout_names_that_were_cut() -> None:
    assert belongs_to(f"{LONG[:46]}.json", f"{LONG}.jpg")
    assert not belongs_to("IMG_.json", "IMG_1.jpg")
    assert not belongs_to("IMG_1.jpg.json", "IMG_1.png")


def test_a_folder_of_thousands_takes_no_square(tmp_path) -> None:
    for number in range(1500):
        (tmp_path / f"IMG_{number}.jpg").touch()
        (tmp_path / f"IMG_{number}.jpg.supplemental-metadata.json").touch()
    started, beside = time.process_time(), Companions()
    for number in range(1500):
        path = str(tmp_path / f"IMG_{number}.jpg")
        assert len(beside.attached(path)) == 1
        assert beside.obstacle(path) is None
    assert time.process_time() - started < 6
