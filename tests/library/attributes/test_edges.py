from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from safelight.library.attributes.edges import (
    EdgeRecord,
    compared,
    embedded_photos,
    forget_comparisons,
    moments,
    photo_records,
    present_paths,
    present_photos,
    raw_photos,
    read_edges,
    several_files,
    write_comparisons,
)
from safelight.library.items import item_keys
from safelight.library.write import FileRecord, ItemRecord, mark_gone, write

if TYPE_CHECKING:
    from safelight.library.database import Database

IDS = [f"{number:064x}" for number in range(6)]
EXIF = {"taken_at": "2024-05-01T12:00:00+02:00", "camera_make": "Maker", "iso": 100}


@pytest.fixture
def photos(library: Database) -> Database:
    """Photos 0 to 3, of which 1 has three files in two namespaces, and a text."""
    for number, form in enumerate(("JPEG", "RAW", "PNG", "JPEG")):
        exif = EXIF if number < 2 else {}
        item = ItemRecord(IDS[number], "photo", 5, None, form, 40, 30, exif)
        write(library, "a", [FileRecord(f"/a/{number}", "", None, item.id)], [item])
    write(library, "a", [FileRecord("/a/copy", "", None, IDS[1])])
    write(library, "b", [FileRecord(path, "", None, IDS[1]) for path in ("/b/1", "/a/1")])
    text = ItemRecord(IDS[4], "text", 5, None, text="words")
    write(library, "a", [FileRecord("/a/text#1", "", None, text.id)], [text])
    return library


def _gone(library: Database, *paths: str) -> None:
    for path in paths:
        keys = library.connection.execute("SELECT pk FROM files WHERE path = ?", (path,))
        mark_gone(library, [key for (key,) in keys.fetchall()])


def test_photos_that_are_there(photos: Database) -> None:
    found = present_photos(photos)
    assert found.ids == IDS[:4]
    assert found.keys.tolist() == [1, 2, 3, 4]
    assert present_photos(photos, "b").ids == [IDS[1]]
    assert present_photos(photos, "c").ids == []
    _gone(photos, "/a/0", "/a/copy")
    assert present_photos(photos).ids == IDS[1:4]


def test_a_path_in_two_namespaces_is_one_file(photos: Database) -> None:
    assert several_files(photos) == {IDS[1]: 3}
    assert several_files(photos, "a") == {IDS[1]: 2}
    assert several_files(photos, "b") == {IDS[1]: 2}
    _gone(photos, "/b/1")
    assert several_files(photos) == {IDS[1]: 2}
    assert several_files(photos, "b") == {}


def test_records_of_photos(photos: Database) -> None:
    found = photo_records(photos, [2, 3, 99])
    assert set(found) == {2, 3}
    assert found[2].paths == ("/a/1", "/a/copy", "/b/1")
    assert (found[2].id, found[2].format, found[2].width, found[2].height, found[2].size) == (
        IDS[1], "RAW", 40, 30, 5,
    )  # fmt: skip
    assert found[2].exif == EXIF
    assert moments(photos) == [
        (1, "Maker", "", "2024-05-01T12:00:00"),
        (2, "Maker", "", "2024-05-01T12:00:00"),
    ]
    assert raw_photos(photos) == [2]
    assert (2, "/a/copy") in present_paths(photos)
    assert len(present_paths(photos)) == 6
    assert item_keys(photos.connection, IDS[1:3]) == {IDS[1]: 2, IDS[2]: 3}
    assert embedded_photos(photos, None) == embedded_photos(photos, "f" * 64) == set()


def test_edges_are_kept_for_one_version(photos: Database) -> None:
    edges = [
        EdgeRecord(IDS[0], IDS[1], "resized", {"cosine": 0.5, "part": "ä", "unchecked": True}),
        EdgeRecord(IDS[0], IDS[2], "similar"),
        EdgeRecord(IDS[0], IDS[5], "similar"),  # of a photo that is not there
    ]
    write_comparisons(photos, "1", edges, {1: "1 v", 2: "1 -", 99: "1 v"})
    assert sorted(read_edges(photos, "1"), key=lambda edge: edge.b) == edges[:2]
    assert read_edges(photos, "2") == []
    assert compared(photos) == {1: "1 v", 2: "1 -"}
    replaced = EdgeRecord(IDS[0], IDS[2], "burst")
    write_comparisons(photos, "2", [replaced], {1: "2 v"})
    assert read_edges(photos, "2") == [replaced]
    assert read_edges(photos, "1") == edges[:1]
    assert compared(photos) == {1: "2 v", 2: "1 -"}


def test_nothing_is_written_if_something_cannot_be(photos: Database) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_comparisons(
            photos, "1", [EdgeRecord(IDS[0], IDS[1], "similar", {"cosine": float("nan")})], {1: "1"}
        )
    assert compared(photos) == {}


def test_forgetting(photos: Database) -> None:
    edges = [
        EdgeRecord(IDS[a], IDS[b], "similar") for a, b in ((0, 1), (0, 2), (1, 2), (2, 3), (1, 3))
    ]
    write_comparisons(photos, "1", edges, dict.fromkeys((1, 2, 3, 4), "1"))
    forget_comparisons(photos, [1])
    assert set(compared(photos)) == {2, 3, 4}
    assert {(edge.a, edge.b) for edge in read_edges(photos, "1")} == {
        (IDS[1], IDS[2]),
        (IDS[2], IDS[3]),
        (IDS[1], IDS[3]),
    }
    # A photo without files is forgotten with what is asked for; one with another file is not.
    _gone(photos, "/a/2", "/a/1")
    forget_comparisons(photos)
    assert set(compared(photos)) == {2, 4}
    assert [(edge.a, edge.b) for edge in read_edges(photos, "1")] == [(IDS[1], IDS[3])]


def test_photos_that_were_compared_with_some_copies_are_told_when_one_is_forgotten(
    photos: Database,
) -> None:
    edges = [EdgeRecord(IDS[a], IDS[b], "resized") for a, b in ((0, 1), (0, 2), (2, 3))]
    write_comparisons(photos, "1", edges, {1: "1", 2: "1~", 3: "1", 4: "1~"})
    assert forget_comparisons(photos, [1]) == 1
    assert compared(photos) == {2: "1~!", 3: "1", 4: "1~"}
    assert forget_comparisons(photos, [3]) == 1
    assert forget_comparisons(photos) == 0
    assert compared(photos) == {2: "1~!", 4: "1~!"}


def test_many(photos: Database) -> None:
    assert photo_records(photos, list(range(1, 3000))).keys() == {1, 2, 3, 4, 5}
    assert item_keys(photos.connection, [f"{number:064x}" for number in range(3000)]).keys() == set(
        IDS[:5]
    )
