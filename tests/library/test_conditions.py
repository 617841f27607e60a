from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.errors import LibraryError
from safelight.library import schema
from safelight.library.attributes.scores import ScoreRecord, write_scores
from safelight.library.browse import Filter, matching
from safelight.library.database import Database
from safelight.library.spaces import add_space
from safelight.library.write import FileRecord, ItemRecord, mark_gone, write
from safelight.search.query import parse_query
from safelight.types import Space
from tests.library.older import downgrade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SPACE = Space("ab" * 32, "made up", 4, "made-up")

#: Name, path, format, width, height, EXIF.
_PHOTOS = {
    "a": ("/p/2023 Wedding Anna/IMG_1101.JPG", "JPEG", 40, 30,
          {"camera_make": "Canon", "camera_model": "Canon EOS R5", "iso": 1600, "f_number": 1.8,
           "taken_at": "2023-07-01T12:00:00", "lens": "RF50mm F1.8 STM", "exposure_time": 0.004,
           "latitude": 48.8584, "longitude": 2.2945}),
    "b": ("/p/2023 Wedding Anna/raw/img_1102.cr3", "RAW", 30, 40,
          {"camera_make": "Canon", "camera_model": "Canon EOS R5 C", "iso": 100, "f_number": 2.0,
           "taken_at": "2023-08-31T23:59:59", "focal_length": 200.0,
           "latitude": 48.9, "longitude": 2.4}),
    "c": ("/p/Café/Été.heic", "HEIF", 30, 30,
          {"camera_make": "NIKON", "camera_model": "NIKON Z 6", "taken_at": "2024-01-02T00:00:00",
           "latitude": -17.7, "longitude": 179.99}),
    "d": ("/p/scans/東京旅行 1.png", "PNG", 90, 30, {}),
    "e": ("/q/IMG_11.jpeg", "JPEG", 40, 30, {"taken_at": "2024-01-02T08:00:00"}),
}  # fmt: skip


def _id(name: str) -> str:
    return name * 64


def _fill(library: Database) -> None:
    add_space(library, _SPACE)
    for name, (path, form, width, height, exif) in _PHOTOS.items():
        vector = np.eye(4, dtype=np.float32)[0]
        item = ItemRecord(_id(name), "photo", 9, vector, form, width, height, exif)
        write(
            library,
            "far" if path.startswith("/q") else "near",
            [FileRecord(path, path, None, item.id)],
            [item],
            fingerprint=_SPACE.fingerprint,
        )
    focus = {"a": 0.9, "b": 0.3}
    write_scores(
        library,
        {_id(name): [ScoreRecord("focus", "1", score, score)] for name, score in focus.items()},
    )


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "l.db") as found:
        _fill(found)
        yield found


def _found(library: Database, text: str, **options: object) -> str:
    where = Filter(**options).with_facts(parse_query(text).where)  # type: ignore[arg-type]
    names = dict(library.connection.execute("SELECT pk, substr(id, 1, 1) FROM items"))
    return "".join(sorted(names[key] for key in matching(library, where)))


FOUND = [
    ("camera:canon", "ab"),
    ('camera:"canon eos r5"', "a"),
    ("camera:R5", "ab"),
    ("-camera:canon", "cde"),
    ("camera:canon,nikon", "abc"),
    ("camera:leica", ""),
    ("lens:50mm", "a"),
    ("-lens:50mm", "bcde"),
    ("iso:>=1600", "a"),
    ("iso:100..1600", "ab"),
    ("-iso:>=1600", "bcde"),
    ("f:<2", "a"),
    ("f:<=2", "ab"),
    ("f:1.8", "a"),
    ("shutter:1/250", "a"),
    ("focal:>=200", "b"),
    ("taken:summer-2023", "ab"),
    ("taken:2023-08-31", "b"),
    ("taken:>2023", "ce"),
    ("taken:..2023-07-01", "a"),
    ("-taken:2023", "cde"),
    ("is:undated", "d"),
    ("is:landscape", "ade"),
    ("is:portrait", "b"),
    ("is:square", "c"),
    ("is:located", "abc"),
    ("kind:raw,heic", "bc"),
    ("kind:panorama", "d"),
    ("near:48.8584,2.2945", "a"),
    ('near:"48.8584,2.2945 10km"', "ab"),
    ('near:"-17.7,-179.99 5km"', "c"),
    ('near:"90,0 1km"', ""),
    ("name:IMG_11*", "abe"),
    ("name:img_11", "abe"),
    ("name:IMG_11", "abe"),
    ("name:IMG_110?", "ab"),
    ("name:IMG_11.jpeg", "e"),
    ("name:ete", "c"),
    ("name:旅行", "d"),
    ("name:[*", ""),
    ("folder:wedding", "ab"),
    ('folder:"wedding anna"', "ab"),
    ("folder:anna", "ab"),
    ("folder:edding", ""),
    ("folder:raw", "b"),
    ("folder:/p", "abcd"),
    ('folder:"2023 wedding anna/raw"', "b"),
    ("folder:cafe", "c"),
    ("in:far", "e"),
    ("in:far,near", "abcde"),
    ("-in:far", "abcd"),
    ("score:focus>=0.5", "a"),
    ("score:focus<0.5", "b"),
    ("-score:focus>=0.5", "b"),
    ("camera:canon -score:focus>=0.5", "b"),
    ("(camera:canon is:portrait) OR in:far", "be"),
    ("-(camera:canon OR is:square)", "de"),
]


@pytest.mark.parametrize(("text", "names"), FOUND)
def test_finds_just_these(library: Database, text: str, names: str) -> None:
    assert _found(library, text) == names


@pytest.mark.parametrize("text", ["label:beach", "score:noise>=0.1"])
def test_what_was_never_computed_is_an_error(library: Database, text: str) -> None:
    with pytest.raises(LibraryError):
        _found(library, text)


def test_flags_and_filters_are_one(library: Database) -> None:
    assert _found(library, "is:landscape", camera="canon", taken_from="2023-07-01") == "a"
    assert _found(library, "in:far", namespaces=("near",)) == ""
    assert _found(library, "name:img_11*", namespaces=("near",)) == "ab"
    assert _found(library, "iso:>1", least={"focus": 0.1}, under="/p/2023 Wedding Anna/raw") == "b"


def test_files_that_move_or_go_are_found_where_they_are(library: Database) -> None:
    (key,) = library.connection.execute("SELECT pk FROM files WHERE path LIKE '/q%'").fetchone()
    with library.transaction() as connection:
        connection.execute("UPDATE files SET path = '/r/Zoo/tiger.jpg' WHERE pk = ?", (key,))
    assert _found(library, "folder:zoo") == _found(library, "name:tiger") == "e"
    assert _found(library, "name:IMG_11.jpeg") == ""
    mark_gone(library, [key])
    assert _found(library, "folder:zoo") == _found(library, "-camera:canon in:far") == ""
    with library.transaction() as connection:
        connection.execute("DELETE FROM files WHERE pk = ?", (key,))
    assert library.connection.execute("SELECT count(*) FROM file_words").fetchone() == (4,)


_BEFORE = [step.__name__ for step in schema.MIGRATIONS].index("_add_facts")


@pytest.mark.parametrize("version", [8, _BEFORE])
def test_an_older_library_is_filtered_alike(tmp_path: Path, version: int) -> None:
    path = tmp_path / "old.db"
    with Database(path) as library:
        _fill(library)
    downgrade(path, version)
    with Database(path) as library:
        for text, names in FOUND:
            assert _found(library, text) == names
        assert library.connection.execute("PRAGMA foreign_key_check").fetchall() == []
