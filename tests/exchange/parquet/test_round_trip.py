"""Library to Parquet to library: nothing is lost, doubled or changed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings

from safelight import Deduplicator
from safelight.exchange.parquet.description import parts_of, read_description
from safelight.exchange.parquet.export import export_library
from safelight.exchange.parquet.load import import_data_set
from safelight.exchange.parquet.locations import open_place
from safelight.exchange.parquet.parts import digits_for, read_failures, read_photos
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.library.database import Database
from safelight.library.files import counts
from safelight.library.merge import Merger
from safelight.library.snapshot import snapshot
from safelight.library.spaces import default_space
from safelight.search import search
from tests.exchange.parquet.made import SETS, SPACE, held, knowledge, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.library.rows import FailureRow, PhotoRow
    from tests.fakes import ColourEmbedder


@given(knowledge())
@settings(max_examples=20)
def test_nothing_is_lost(known: tuple[list[PhotoRow], list[FailureRow]]) -> None:
    photos, failures = known
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Database(folder / "a.db") as library:
            merger = Merger(library, SPACE, SETS)
            merger.photos(photos)
            merger.failures(failures)
            first = held(library)
            with snapshot(library, SPACE) as found:
                assert list(map(plain, found.photos())) == list(map(plain, photos))
                assert sorted(found.failures(), key=repr) == sorted(failures, key=repr)
            export_library(library, folder / "set")
        place = open_place(folder / "set")
        description = read_description(place)
        read = [
            row
            for part in parts_of(place, description, "photos")
            for rows in read_photos(place, part)
            for row in rows
        ]
        assert list(map(plain, read)) == list(map(plain, photos))
        again = [
            row
            for part in parts_of(place, description, "failures")
            for rows in read_failures(place, part)
            for row in rows
        ]
        assert sorted(again, key=repr) == sorted(failures, key=repr)
        with Database(folder / "b.db") as library:
            done = import_data_set(library, folder / "set")
            assert not done.problems
            assert (done.photos, done.new) == (len(photos), len(photos))
            # A set that labelled no photo is not part of what is known about photos.
            used = {version for row in photos for version in row.labels}
            first["label_sets"] = [row for row in first["label_sets"] if row[0] in used]
            assert held(library) == first
            twice = import_data_set(library, folder / "set")
            assert (twice.new, twice.vectors, twice.files, twice.failures) == (0, 0, 0, 0)
            assert held(library) == first


def test_what_was_imported_is_used_without_a_photo(
    tmp_path: Path, make_photo: Callable[..., Path], embedder: ColourEmbedder
) -> None:
    red = make_photo(tmp_path / "p" / "red.jpg", "red", size=128)
    (tmp_path / "p" / "copy.jpg").write_bytes(red.read_bytes())
    make_photo(tmp_path / "p" / "again.png", "red", size=128)
    make_photo(tmp_path / "p" / "blue.jpg", "blue", seed=3, size=128)
    (tmp_path / "p" / "bad.jpg").write_bytes(b"no photo")
    with Database(tmp_path / "a.db") as library:
        ingest(library, [parse_source(str(tmp_path / "p"))], embedder, model="colours")
        expected = held(library)
        hits = search(library, "red", embedder)
        groups = _groups(library)
        counted = counts(library)
        export_library(library, tmp_path / "set")
    (tmp_path / "p").rename(tmp_path / "elsewhere")
    with Database(tmp_path / "b.db") as library:
        import_data_set(library, tmp_path / "set")
        assert held(library) == expected
        assert default_space(library).name == "colours"
        assert search(library, "red", embedder) == hits
        assert len(hits) == 3
        assert counts(library) == counted
        # Copies; how alike what looks alike by the hashes is, only a look at the photos tells.
        assert [relation for _, relation, _ in _groups(library)] == ["identical"]
    assert embedder.encoded == 3
    assert len(groups) == 1
    # Back where they were, nothing is opened, let alone embedded, again.
    (tmp_path / "elsewhere").rename(tmp_path / "p")
    with Database(tmp_path / "b.db") as library:
        done = ingest(library, [parse_source(str(tmp_path / "p"))], embedder, model="colours")
        assert (done.new, done.known, done.unchanged) == (0, 0, 4)
        assert _groups(library) == groups


def _groups(library: Database) -> list[tuple[str, str, str]]:
    return [
        (found.group.id, found.group.relation, found.keeper.path)
        for found in Deduplicator(library, look=False).groups()
    ]


def test_only_some_namespaces(tmp_path: Path, library: Database) -> None:
    from safelight.library.spaces import add_space
    from safelight.library.write import FileRecord, ItemRecord, write

    add_space(library, SPACE)
    both, one = "a" * 64, "b" * 64
    items = [ItemRecord(each, "photo", 1, None) for each in (both, one)]
    write(
        library, "x", [FileRecord("/1", "1", None, both), FileRecord("/2", "2", None, one)], items
    )
    bad = FileRecord("/bad", "bad", None, None, code="empty", reason="is empty")
    write(library, "y", [FileRecord("/3", "3", None, both), bad])
    done = export_library(library, tmp_path / "set", namespaces=["y"])
    assert (done.photos, done.failures) == (1, 1)
    with Database(tmp_path / "b.db") as other:
        import_data_set(other, tmp_path / "set", namespace="z")
        query = "SELECT name, path FROM files f JOIN namespaces n ON n.pk = f.namespace_pk"
        assert sorted(other.connection.execute(query)) == [("z", "/3"), ("z", "/bad")]
    said = json.loads((tmp_path / "set" / "safelight.json").read_text(encoding="utf-8"))
    assert said["space"]["fingerprint"] == SPACE.fingerprint
    assert [part["rows"] for part in said["parts"]] == [1, 1]


def test_an_export_is_of_one_moment(tmp_path: Path, library: Database) -> None:
    from safelight.library.spaces import add_space
    from safelight.library.write import ItemRecord, write

    add_space(library, SPACE)
    write(library, "x", [], [ItemRecord(f"{n:064x}", "photo", 1, None) for n in range(0, 4000, 2)])

    def meanwhile(done: int, total: int) -> None:
        if done == 1000:
            more = [ItemRecord(f"{n:064x}", "photo", 1, None) for n in range(1, 4000, 2)]
            write(library, "x", [], more)

    assert export_library(library, tmp_path / "set", progress=meanwhile).photos == 2000
    assert export_library(library, tmp_path / "later").photos == 4000


def test_many_photos_go_into_folders_by_id(tmp_path: Path, library: Database) -> None:
    from safelight.library.spaces import add_space
    from safelight.library.write import ItemRecord, write

    assert [digits_for(count) for count in (20_000, 20_001, 1_000_001)] == [0, 1, 2]
    add_space(library, SPACE)
    ids = [f"{n % 3:x}{n:063x}" for n in range(150)]
    write(library, "x", [], [ItemRecord(each, "photo", 1, None) for each in ids])
    assert export_library(library, tmp_path / "set", digits=1, file_rows=20).files == 9
    folders = sorted(each.name for each in (tmp_path / "set" / "photos").iterdir())
    assert folders == ["prefix=0", "prefix=1", "prefix=2"]
    with Database(tmp_path / "b.db") as other:
        assert import_data_set(other, tmp_path / "set").new == 150
        assert held(other) == held(library)
