from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.errors import LibraryError, SpaceError
from safelight.library.attributes.label_filter import (
    count_unlabelled,
    find_label,
    with_label,
    without_label,
)
from safelight.library.attributes.label_sets import use_label_set
from safelight.library.attributes.labels import (
    LabelCounts,
    LabelledPhoto,
    LabelRecord,
    applying_labels,
    label_counts,
    lacking_labels,
    read_labels,
    vectors_of,
    write_labels,
)
from safelight.library.drop_space import drop_space
from safelight.library.spaces import add_space
from safelight.library.write import FileRecord, ItemRecord, mark_gone, write
from safelight.types import Space

if TYPE_CHECKING:
    from safelight.library.database import Database

IDS = [f"{number:064x}" for number in range(6)]
SPACE = Space("a" * 64, "old", 4, "old")
OTHER = Space("b" * 64, "new", 4, "new")
FIRST, SECOND = "1" * 64, "2" * 64


@pytest.fixture
def photos(library: Database) -> Database:
    """Photos 0 to 2 in namespace a, 3 in b, 4 a text, 5 a photo without a vector."""
    add_space(library, SPACE)
    add_space(library, OTHER)
    for number, (namespace, kind) in enumerate(
        [("a", "photo"), ("a", "photo"), ("a", "photo"), ("b", "photo"), ("a", "text")]
    ):
        vector = np.eye(4, dtype=np.float32)[number % 4]
        item = ItemRecord(IDS[number], kind, 5, vector)
        file = FileRecord(f"/{namespace}/{number}", str(number), None, item.id)
        write(library, namespace, [file], [item], fingerprint=SPACE.fingerprint)
    bare = ItemRecord(IDS[5], "photo", 5, None)
    write(library, "a", [FileRecord("/a/5", "5", None, bare.id)], [bare])
    use_label_set(library, FIRST, ["beach", "wide shot", "dog"], ["a {}"])
    use_label_set(library, SECOND, ["beach", "cat"], ["a {}"])
    return library


def _photo(*applying: str, first: str = "sky") -> LabelledPhoto:
    """Return a photo to which `applying` apply, falling by 0.1 from 0.9, and `first` does not."""
    records = [
        LabelRecord(label, 0.2, 0.5, 0.9 - number / 10, applies=True)
        for number, label in enumerate(applying)
    ]
    return LabelledPhoto((LabelRecord(first, 0.3, 0.1, 0.2, applies=False), *records), not applying)


def _write(library: Database, photos: dict[int, LabelledPhoto], version: str = FIRST) -> None:
    by_id = {IDS[number]: photo for number, photo in photos.items()}
    write_labels(library, SPACE.fingerprint, version, by_id)


def _numbers(library: Database, keys: object) -> list[int]:
    rows = library.connection.execute("SELECT pk, id FROM items").fetchall()
    return sorted(int(item_id, 16) for pk, item_id in rows if pk in keys)  # type: ignore[operator]


def test_what_is_written_is_read(photos: Database) -> None:
    _write(photos, {0: _photo("beach", "wide shot"), 1: _photo()})
    found = read_labels(photos, IDS, SPACE.fingerprint, FIRST)
    assert found == {IDS[0]: _photo("beach", "wide shot"), IDS[1]: _photo()}
    assert found[IDS[1]].abstained
    assert read_labels(photos, IDS, SPACE.fingerprint, SECOND) == {}
    assert read_labels(photos, IDS, OTHER.fingerprint, FIRST) == {}
    many = [f"{number:064x}" for number in range(100, 2000)] + IDS
    assert read_labels(photos, many, SPACE.fingerprint, FIRST) == found


def test_new_labels_replace_those_of_the_same_set(photos: Database) -> None:
    _write(photos, {0: _photo("beach", "wide shot"), 1: _photo("beach")})
    _write(photos, {0: _photo("wide shot")})
    _write(photos, {0: _photo("cat")}, SECOND)
    assert read_labels(photos, IDS, SPACE.fingerprint, FIRST) == {
        IDS[0]: _photo("wide shot"), IDS[1]: _photo("beach"),
    }  # fmt: skip
    assert read_labels(photos, IDS, SPACE.fingerprint, SECOND) == {IDS[0]: _photo("cat")}


def test_unknown_photos_are_left_out_unknown_spaces_and_sets_refused(photos: Database) -> None:
    write_labels(photos, SPACE.fingerprint, FIRST, {"f" * 64: _photo("dog"), IDS[0]: _photo("dog")})
    assert set(read_labels(photos, [*IDS, "f" * 64], SPACE.fingerprint, FIRST)) == {IDS[0]}
    with pytest.raises(SpaceError):
        write_labels(photos, "c" * 64, FIRST, {})
    with pytest.raises(LibraryError, match="no label set"):
        write_labels(photos, SPACE.fingerprint, "3" * 64, {})


def test_a_batch_is_written_whole_or_not_at_all(photos: Database) -> None:
    twice = LabelledPhoto((*_photo("beach").labels, *_photo("beach").labels), abstained=False)
    with pytest.raises(Exception, match="UNIQUE"):
        _write(photos, {0: _photo("beach"), 1: twice})
    assert read_labels(photos, IDS, SPACE.fingerprint, FIRST) == {}


def test_what_lacks_labels_is_found(photos: Database) -> None:
    def lacking(version: str = FIRST, **options: str) -> list[tuple[str, str]]:
        return lacking_labels(photos, SPACE.fingerprint, version, **options)

    everything = [(IDS[n], f"/{'b' if n == 3 else 'a'}/{n}") for n in range(4)]
    assert lacking() == everything, "no texts, and nothing without a vector"
    _write(photos, {0: _photo(), 2: _photo("dog")})
    assert lacking() == [everything[1], everything[3]], "who abstained was labelled"
    assert lacking(namespace="b") == [everything[3]]
    assert lacking(SECOND) == everything
    assert lacking("9" * 64) == everything, "a set that was never used"
    assert lacking_labels(photos, OTHER.fingerprint, FIRST) == []
    (key,) = photos.connection.execute("SELECT pk FROM files WHERE path = '/a/1'").fetchone()
    mark_gone(photos, [key])
    assert lacking() == [everything[3]]


def test_vectors_are_of_photos_in_the_space(photos: Database) -> None:
    found = vectors_of(photos, [*IDS, "f" * 64], SPACE.fingerprint)
    assert list(found) == IDS[:4]
    assert np.array_equal(found[IDS[2]], np.eye(4)[2])
    assert vectors_of(photos, IDS, OTHER.fingerprint) == {}


def test_a_label_filters_by_what_applies(photos: Database) -> None:
    _write(photos, {0: _photo("wide shot", "beach"), 1: _photo("dog", first="beach"), 2: _photo()})
    found = with_label(photos, "beach", SPACE.fingerprint)
    assert _numbers(photos, found) == [0]
    assert [*found.values()] == [pytest.approx(0.8)]
    assert _numbers(photos, without_label(photos, "beach", SPACE.fingerprint)) == [1, 2]
    assert with_label(photos, "beach", OTHER.fingerprint) == {}
    assert without_label(photos, "beach", OTHER.fingerprint) == set()
    assert count_unlabelled(photos, "beach", SPACE.fingerprint) == 1
    assert count_unlabelled(photos, "beach", SPACE.fingerprint, "a") == 0
    assert count_unlabelled(photos, "cat", SPACE.fingerprint) == 4, "that set labelled nothing"


def test_of_two_sets_the_one_used_last_counts(photos: Database) -> None:
    _write(photos, {0: _photo("beach"), 1: _photo("beach"), 2: _photo(), 3: _photo("dog")})
    _write(photos, {1: _photo("cat"), 2: _photo("beach")}, SECOND)
    space = SPACE.fingerprint
    assert _numbers(photos, with_label(photos, "beach", space)) == [0, 2]
    assert _numbers(photos, without_label(photos, "beach", space)) == [1, 3]
    # The other set does not know dogs, and takes nothing from who does.
    assert _numbers(photos, with_label(photos, "dog", space)) == [3]
    assert _numbers(photos, with_label(photos, "cat", space)) == [1]
    keys = {int(i, 16): pk for pk, i in photos.connection.execute("SELECT pk, id FROM items")}
    labels = applying_labels(photos, [keys[number] for number in range(6)], space)
    assert labels == {
        keys[0]: ["beach"], keys[1]: ["cat"], keys[2]: ["beach"], keys[3]: ["dog"],
    }  # fmt: skip
    use_label_set(photos, FIRST, ["beach", "wide shot", "dog"], ["a {}"])
    assert _numbers(photos, with_label(photos, "beach", space)) == [0, 1]
    assert applying_labels(photos, [keys[2]], space) == {keys[2]: []}


def test_labels_are_told_most_probable_first(photos: Database) -> None:
    _write(photos, {0: _photo("wide shot", "dog", "beach", first="x")})
    (key,) = with_label(photos, "beach", SPACE.fingerprint)
    assert applying_labels(photos, [key], SPACE.fingerprint) == {
        key: ["wide shot", "dog", "beach"]
    }  # fmt: skip


def test_a_label_is_found_however_it_is_written(photos: Database) -> None:
    space = SPACE.fingerprint
    with pytest.raises(LibraryError, match="was labelled yet"):
        find_label(photos, "beach", space)
    _write(photos, {0: _photo("beach")})
    for text in ("wide shot", "Wide Shot", "wide-shot", "WIDE_shot", " wide  shot "):
        assert find_label(photos, text, space) == "wide shot"
    for text, near in (("beech", "'beach'"), ("wide", "'wide shot'"), ("dgo", "'dog'")):
        with pytest.raises(LibraryError, match=near) as caught:
            find_label(photos, text, space)
        assert caught.value.code == "no-label"
    with pytest.raises(LibraryError, match="--labels FILE"):
        find_label(photos, "quantum", space)
    with pytest.raises(LibraryError, match="label 'cat'"):  # of a set that labelled nothing yet
        find_label(photos, "cat", space)


def test_labelled_photos_are_counted(photos: Database) -> None:
    assert label_counts(photos) == []
    _write(photos, {0: _photo("beach"), 1: _photo(), 3: _photo()})
    _write(photos, {0: _photo("cat")}, SECOND)
    first, second = LabelCounts(FIRST, "old", 3, 3, 2), LabelCounts(SECOND, "old", 2, 1, 0)
    assert label_counts(photos) == [second, first]
    assert label_counts(photos, "b") == [LabelCounts(FIRST, "old", 3, 1, 1)]


def test_labels_go_with_their_photo_and_their_space(photos: Database) -> None:
    _write(photos, {0: _photo("beach"), 1: _photo("dog")})
    with photos.transaction() as connection:
        connection.execute("DELETE FROM files WHERE path = '/a/0'")
        connection.execute("DELETE FROM items WHERE id = ?", (IDS[0],))
    assert set(read_labels(photos, IDS, SPACE.fingerprint, FIRST)) == {IDS[1]}
    with photos.transaction() as connection:
        connection.execute("UPDATE spaces SET is_default = 0")
        connection.execute("UPDATE spaces SET is_default = 1 WHERE name = 'new'")
    drop_space(photos, SPACE.fingerprint)
    for table in ("labelled", "labels"):
        assert photos.connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
