from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from safelight.errors import SafelightError, UsageError
from safelight.ingest import ingest
from safelight.ingest.forget import forget
from safelight.ingest.move_source import move_source
from safelight.ingest.sources import parse_source
from safelight.library.attributes.decisions import decide, decisions
from safelight.library.derived import thumbnails_folder
from safelight.library.files import counts, namespaces
from safelight.library.ingested_sources import remembered
from safelight.library.photo_facts import photo_facts
from safelight.library.sources import read_sources, source_status
from safelight.search import search

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from safelight.library.database import Database
    from tests.fakes import ColourEmbedder

TABLES = ("items", "embeddings", "files", "hashes", "sources", "scores")


@pytest.fixture
def photos(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    folder = tmp_path / "photos"
    for number in range(4):
        make_photo(folder / f"{'sub/' * (number % 2)}{number}.png", "red", seed=number)
    return folder


@pytest.fixture
def run(library: Database, embedder: ColourEmbedder) -> Callable[..., None]:
    def run(*specs: object, namespace: str = "default", **options) -> None:
        sources = [parse_source(str(spec), **options) for spec in specs]
        ingest(library, sources, embedder, model="colours", namespace=namespace)

    return run


def _rows(library: Database) -> dict[str, int]:
    count = "SELECT count(*) FROM {}"
    return {
        table: library.connection.execute(count.format(table)).fetchone()[0] for table in TABLES
    }


def _paths(library: Database, embedder: ColourEmbedder) -> set[str]:
    return {hit.path for hit in search(library, "red", embedder, top=99)}


def test_a_file_is_forgotten_and_comes_back(library, embedder, photos, run) -> None:
    run(photos)
    would = forget(library, photos / "0.png", dry_run=True)
    assert (would.files, would.photos, would.vectors, would.hashes) == (1, 1, 1, 1)
    assert _rows(library)["items"] == 4
    assert forget(library, str(photos / "0.png")).returning == (f"images:{photos}",)
    assert len(_paths(library, embedder)) == 3
    assert _rows(library)["items"] == _rows(library)["embeddings"] == 3
    assert (photos / "0.png").exists()
    run(photos)
    assert len(_paths(library, embedder)) == 4


def test_what_another_file_holds_is_kept(library, embedder, photos, run) -> None:
    shutil.copy(photos / "0.png", photos / "copy.png")
    run(photos)
    run(photos / "sub", namespace="other")
    result = forget(library, [photos / "0.png", photos / "sub"], namespace="default")
    assert (result.files, result.photos) == (3, 0)
    assert len(_paths(library, embedder)) == 4


@pytest.mark.parametrize("target", ["{}", "images:{}", "{}/", "{}/../photos"])
def test_a_source_is_forgotten_with_its_files(library, photos, run, target, tmp_path) -> None:
    run(photos, photos / "sub")
    shutil.rmtree(photos)  # it need not be there
    result = forget(library, target.format(photos))
    names_source = target.startswith("images:")
    assert result.files == (2 if names_source else 4)
    assert result.sources == (1 if names_source else 2)
    assert _rows(library)["items"] == 4 - result.files
    assert [spec for _, spec, _ in remembered(library)] == (
        [f"images:{photos}/sub"] if names_source else []
    )


def test_neighbours_by_name_are_not_part_of_a_folder(library, photos, run, make_photo) -> None:
    make_photo(photos.parent / "photos2" / "a.png", seed=9)
    make_photo(photos.parent / "photos#1.png", seed=10)
    run(photos.parent)
    assert forget(library, photos).files == 4
    assert counts(library).photos == 2


def test_lists_texts_and_single_photos_are_sources_too(library, photos, run, tmp_path) -> None:
    (tmp_path / "list.txt").write_text(f"{photos}/0.png\n{photos}/sub/1.png\n")
    (tmp_path / "notes.txt").write_text("red\nred car\n")
    run(f"image-list:{tmp_path}/list.txt", f"text:{tmp_path}/notes.txt", photos / "2.png")
    assert forget(library, tmp_path / "notes.txt").texts == 2
    assert forget(library, f"image-list:{tmp_path}/list.txt").photos == 2
    assert forget(library, photos / "2.png").photos == 1
    assert set(_rows(library).values()) == {0}


def test_what_a_remaining_source_lists_as_well_stays(library, photos, run, tmp_path) -> None:
    (tmp_path / "list.txt").write_text(f"{photos}/0.png\n")
    run(photos, f"image-list:{tmp_path}/list.txt")
    run(photos / "sub", namespace="other")
    assert forget(library, f"image-list:{tmp_path}/list.txt").files == 0
    assert forget(library, f"images:{photos}").files == 4, (
        "a source of another namespace keeps none"
    )
    assert counts(library).files == 2


def test_a_namespace_is_forgotten_as_a_whole(library, embedder, photos, run) -> None:
    run(photos)
    run(photos / "sub", namespace="other")
    assert forget(library, namespace="other").photos == 0, "the default has them"
    assert namespaces(library) == ["default"]
    assert len(_paths(library, embedder)) == 4


def test_all_that_is_missing_is_forgotten(library, embedder, photos, run) -> None:
    run(photos)
    (photos / "0.png").unlink()
    run(photos)
    assert forget(library, missing=True).photos == 1
    assert (counts(library).gone, counts(library).photos) == (0, 3)


def test_decisions_are_kept_by_content_unless_they_are_named(library, photos, run) -> None:
    run(photos)
    a, b = sorted(key for (key,) in library.connection.execute("SELECT id FROM items LIMIT 2"))
    decide(library, [(a, b)], "not-duplicates")
    forget(library, photos)
    assert len(decisions(library)) == 1
    run(photos)
    forget(library, photos, decisions=True)
    assert not decisions(library)


def test_thumbnails_go_with_a_photo(library, photos, run) -> None:
    run(photos)
    (photo_id,) = library.connection.execute("SELECT id FROM items LIMIT 1").fetchone()
    thumbnail = thumbnails_folder(library) / photo_id[:2] / f"{photo_id}.160.1.webp"
    thumbnail.parent.mkdir(parents=True)
    thumbnail.write_bytes(b"x")
    forget(library, photos)
    assert not thumbnail.exists()


def test_nothing_is_forgotten_by_accident(library, photos, run, tmp_path) -> None:
    run(photos)
    for wrong in ("", "  ", tmp_path / "nowhere", f"images:{tmp_path}/nowhere", None, 3):
        with pytest.raises(SafelightError):
            forget(library, wrong)
    for wrong in ({}, {"namespace": "nope"}, {"label_set": "abcdef"}, {"label_set": "a"}):
        with pytest.raises(SafelightError):
            forget(library, **wrong)
    assert _rows(library)["files"] == 4


@pytest.mark.parametrize("touched", [False, True])
def test_a_source_is_moved_without_reading(library, embedder, photos, run, touched) -> None:
    run(photos, exclude=["*.tmp.png"])
    new = photos.rename(photos.parent / "new")
    (new / "0.png").unlink()
    (new / "2.png").write_bytes(b"another")
    if touched:
        os.utime(new / "sub" / "1.png")
    would = move_source(library, photos, new, dry_run=True)
    assert _paths(library, embedder) == {
        str(photos / f"{n}.png") for n in ("0", "sub/1", "2", "sub/3")
    }
    moved = move_source(library, f"images:{photos}", new)
    assert (moved.files, moved.missing, moved.changed) == (2, 1, 1)
    assert (would.files, would.missing, would.changed) == (2, 1, 1)
    assert _paths(library, embedder) == {str(new / "sub" / "1.png"), str(new / "sub" / "3.png")}
    ((_, spec, options),) = remembered(library)
    assert (spec, options["exclude"]) == (f"images:{new}", ["*.tmp.png"])
    before = embedder.encoded
    run(new)
    assert embedder.encoded == before, "the sub folder was not embedded again"


def test_a_folder_in_a_source_may_move_out_of_it(library, embedder, photos, run, tmp_path) -> None:
    run(photos)
    (photos / "sub").rename(tmp_path / "elsewhere")
    move_source(library, photos / "sub", tmp_path / "elsewhere")
    assert {spec for _, spec, _ in remembered(library)} == {
        f"images:{photos}",
        f"images:{tmp_path}/elsewhere",
    }
    run(photos, tmp_path / "elsewhere")
    assert embedder.encoded == 4
    ids = [key for (key,) in library.connection.execute("SELECT id FROM items")]
    assert [len(each.copies) for each in photo_facts(library, ids).values()] == [1] * 4


def test_a_move_after_both_were_ingested_leaves_one(library, photos, run) -> None:
    run(photos)
    shutil.copytree(photos, photos.parent / "new")
    run(photos.parent / "new")
    shutil.rmtree(photos)
    move_source(library, photos, photos.parent / "new")
    assert (counts(library).files, counts(library).gone) == (4, 0)
    assert len(read_sources(library)) == 1


def test_a_copy_or_nothing_is_not_a_move(library, photos, run, tmp_path) -> None:
    run(photos)
    shutil.copytree(photos, tmp_path / "copy")
    for old, new in (
        (photos, tmp_path / "copy"),
        (photos, photos),
        (photos, tmp_path / "nowhere"),
        (tmp_path / "nowhere", photos),
        ("", photos),
        (photos, " "),
    ):
        with pytest.raises(SafelightError):
            move_source(library, old, new)
    assert counts(library).files == 4


def test_sources_tell_what_is_there(library, photos, run) -> None:
    run(photos)
    run(photos, exclude=["sub"])
    (photos / "0.png").unlink()
    run(photos, exclude=["sub"])
    (record,) = read_sources(library)
    status = source_status(library, record)
    assert (status.is_there, status.files, status.missing, status.excluded) == (True, 1, 1, 2)
    shutil.rmtree(photos)
    assert not source_status(library, record).is_there


@pytest.mark.parametrize(("old", "new"), [("list.txt", "sub"), ("sub", "list.txt"), ("", "0.png")])
def test_a_folder_becomes_no_file_and_a_list_no_folder(
    library, embedder, photos, run, old, new
) -> None:
    (photos / "list.txt").write_text("0.png,x\n")
    run(photos, f"image-list:{photos / 'list.txt'}")
    shutil.copytree(photos, photos.parent / "elsewhere")
    before = [each.spec for each in read_sources(library)]
    with pytest.raises(SafelightError):
        move_source(library, photos / old, photos.parent / "elsewhere" / new)
    assert [each.spec for each in read_sources(library)] == before


def test_what_is_missing_is_not_said_to_come_back(library, embedder, photos, run) -> None:
    run(photos)
    (photos / "0.png").unlink()
    run(photos)
    assert forget(library, missing=True).returning == ()


def test_an_empty_mount_point_is_told_as_away(library, embedder, photos, run) -> None:
    run(photos)
    (source,) = read_sources(library)
    assert source_status(library, source).is_there
    shutil.rmtree(photos)
    photos.mkdir()
    assert not source_status(library, source).is_there
    assert source_status(library, source).files == 4


def test_a_file_of_another_namespace_is_named_with_the_namespace(library, photos, run) -> None:
    run(photos)
    run(photos / "0.png", namespace="one")
    with pytest.raises(SafelightError, match="one"):
        forget(library, photos / "2.png", namespace="one")


@pytest.mark.parametrize(
    "name", ["a\nb", " lead", "trail ", "x" * 201, "tab\tx", "\u202eabc", "\0"]
)
def test_a_new_namespace_has_a_name_that_can_be_typed(library, photos, embedder, name) -> None:
    with pytest.raises(UsageError, match="namespace"):
        ingest(library, [parse_source(str(photos))], embedder, namespace=name)
    assert namespaces(library) == []


@pytest.mark.parametrize(
    "name", ["a/b", "../x", "ünï", "%' OR 1=1 --", "🙂", "-n", "x" * 200, "NUL"]
)
def test_any_other_name_works_and_is_forgotten(library, photos, embedder, name) -> None:
    ingest(library, [parse_source(str(photos))], embedder, model="colours", namespace=name)
    assert {hit.namespace for hit in search(library, "red", embedder, namespace=name)} == {name}
    assert forget(library, namespace=name).files > 0
    assert namespaces(library) == []
