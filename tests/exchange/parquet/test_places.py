"""Unfinished, broken and foreign parts are named; whole parts are used all the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from safelight.errors import SourceError, SpaceError, UsageError
from safelight.exchange.parquet.export import export_library
from safelight.exchange.parquet.load import import_data_set
from safelight.exchange.parquet.locations import open_place
from safelight.library.database import Database
from safelight.library.spaces import add_space
from safelight.library.write import FileRecord, ItemRecord, write
from tests.exchange.parquet.made import SPACE, held

if TYPE_CHECKING:
    from pathlib import Path


def _fill(library: Database, count: int = 60) -> None:
    add_space(library, SPACE)
    items = [ItemRecord(f"{n % 3:x}{n:063x}", "photo", n, None) for n in range(count)]
    files = [FileRecord(f"/{item.id}", "x", None, item.id) for item in items]
    bad = FileRecord("/bad", "bad", None, None, code="empty", reason="is empty")
    write(library, "default", [*files, bad], items)


@pytest.fixture
def exported(tmp_path: Path, library: Database) -> Path:
    """A data set of three files with 20 photos each, and one with a failure."""
    _fill(library)
    assert export_library(library, tmp_path / "set", digits=1).files == 4
    return tmp_path / "set"


def _truncate(part: Path) -> None:
    part.write_bytes(part.read_bytes()[:-100])


def _spoil(part: Path) -> None:
    data = bytearray(part.read_bytes())
    data[: len(data) // 2] = bytes(len(data) // 2)
    part.write_bytes(data)


def _replace(part: Path) -> None:
    part.write_bytes(b"PAR1" + b"certainly no Parquet" * 9 + b"PAR1")


def _foreign(part: Path) -> None:
    pq.write_table(pa.table({"url": ["http://x"], "caption": ["a dog"]}), part)


@pytest.mark.parametrize(
    "harm", [_truncate, _spoil, _replace, _foreign, lambda part: part.unlink()]
)
@pytest.mark.parametrize("listed", [True, False])
def test_one_broken_file_keeps_no_other_out(
    tmp_path: Path, exported: Path, harm, listed: bool
) -> None:
    (part,) = (exported / "photos" / "prefix=1").iterdir()
    harm(part)
    if not listed:  # as of a data set that others wrote
        said = json.loads((exported / "safelight.json").read_text(encoding="utf-8"))
        (exported / "safelight.json").write_text(json.dumps({**said, "parts": None}))
        if not part.exists():
            return  # nothing says that there ever was one
    with Database(tmp_path / "b.db") as other:
        done = import_data_set(other, exported)
        (problem,) = done.problems
        assert problem.message.startswith(
            f"{exported}/photos/prefix=1/{part.name} cannot be used: "
        )
        assert problem.message.endswith("Copy or export it again; the other files do not need it.")
        assert (done.new, done.failures) == (40, 1)
        dry = import_data_set(other, exported, dry_run=True)
        assert len(dry.problems) == 1
        assert (dry.photos, dry.new) == (40, 0)


def test_a_broken_file_of_failures(tmp_path: Path, exported: Path) -> None:
    (part,) = (exported / "failures").iterdir()
    _truncate(part)
    with Database(tmp_path / "b.db") as other:
        done = import_data_set(other, exported)
        assert [part.name in each.message for each in done.problems] == [True]
        assert done.new == 60


def test_values_that_cannot_be_are_of_their_file_only(tmp_path: Path, exported: Path) -> None:
    (part,) = (exported / "photos" / "prefix=1").iterdir()
    table = pq.read_table(part)
    ids = pa.array(["no id"] * 20)
    pq.write_table(table.set_column(0, "photo_id", ids), part)
    said = json.loads((exported / "safelight.json").read_text(encoding="utf-8"))
    (exported / "safelight.json").write_text(json.dumps({**said, "parts": None}))
    with Database(tmp_path / "b.db") as other:
        done = import_data_set(other, exported)
        assert done.new == 40
        (problem,) = done.problems
        assert "not a sha256" in problem.message


def test_a_dry_run_writes_nothing(tmp_path: Path, exported: Path) -> None:
    with Database(tmp_path / "b.db") as other:
        done = import_data_set(other, exported, dry_run=True)
        assert (done.photos, done.new, done.dry_run) == (60, 60, True)
        assert not any(held(other).values())
        assert other.connection.execute("SELECT count(*) FROM spaces").fetchone() == (0,)


def test_what_is_there_is_not_replaced_unasked(
    tmp_path: Path, library: Database, exported: Path
) -> None:
    before = {path: path.read_bytes() for path in exported.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match="Replace it"):
        export_library(library, exported)
    assert {path: path.read_bytes() for path in exported.rglob("*") if path.is_file()} == before
    write(library, "default", [], [ItemRecord("f" * 64, "photo", 1, None)])
    assert export_library(library, exported, overwrite=True).photos == 61
    assert not before.keys() - {exported / "safelight.json"} & set(exported.rglob("*.parquet"))
    with Database(tmp_path / "b.db") as other:
        assert import_data_set(other, exported).new == 61


def test_other_folders_and_files_are_left_alone(tmp_path: Path, library: Database) -> None:
    _fill(library)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for place in (tmp_path / "mine", tmp_path / "mine" / "thesis.txt"):
        with pytest.raises(UsageError, match="not empty"):
            export_library(library, place, overwrite=True)
    assert [each.name for each in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_failed_export_is_not_a_data_set(tmp_path: Path, library: Database) -> None:
    _fill(library)

    def fail(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_library(library, tmp_path / "set", progress=fail)
    with Database(tmp_path / "b.db") as other, pytest.raises(SourceError, match="not finished"):
        import_data_set(other, tmp_path / "set")
    # The same again does it, and leaves nothing of the first.
    assert export_library(library, tmp_path / "set").photos == 60
    assert sorted(each.name for each in (tmp_path / "set").iterdir()) == [
        "failures",
        "photos",
        "safelight.json",
    ]


def test_what_was_killed_at_its_first_file_can_be_done_again(
    tmp_path: Path, library: Database
) -> None:
    _fill(library)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "safelight.unfinished.0123.unfinished").write_text("")
    assert export_library(library, tmp_path / "set").photos == 60
    (tmp_path / "set" / "safelight.json.0123.unfinished").write_text("")
    (tmp_path / "set" / "safelight.json.mine").write_text("")
    export_library(library, tmp_path / "set", overwrite=True)
    assert sorted(each.name for each in (tmp_path / "set").iterdir()) == [
        "failures",
        "photos",
        "safelight.json",
        "safelight.json.mine",
    ]


def test_two_exports_to_one_place_are_never_one_data_set(tmp_path: Path, library: Database) -> None:
    _fill(library, 900)  # of which 500 are done when one file is there, and others are not
    second = []

    def meanwhile(done: int, total: int) -> None:
        if done and not second:
            second.append(export_library(library, tmp_path / "set", digits=1))

    with pytest.raises(SourceError, match="was removed or changed"):
        export_library(library, tmp_path / "set", digits=1, progress=meanwhile)
    with Database(tmp_path / "b.db") as other:
        assert import_data_set(other, tmp_path / "set").problems == ()
        assert held(other) == held(library)


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"schema": 1}', "is damaged"),
        ('{"schema": 99, "safelight": "9.0"}', "newer safelight .9.0."),
    ],
)
def test_a_description_that_is_none(
    tmp_path: Path, library: Database, said: str, what: str
) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "safelight.json").write_text(said)
    with pytest.raises(SourceError, match=what):
        import_data_set(library, tmp_path / "set")


def test_there_is_nothing(tmp_path: Path, library: Database) -> None:
    with pytest.raises(SourceError, match="no data set at"):
        import_data_set(library, tmp_path / "nowhere")
    with pytest.raises(SourceError, match="cannot be reached: Protocol not known"):
        import_data_set(library, "nonsense://x")


def test_a_library_without_what_is_asked_for(tmp_path: Path, library: Database) -> None:
    with pytest.raises(SpaceError, match="has no space yet"):
        export_library(library, tmp_path / "set")
    _fill(library)
    with pytest.raises(SpaceError, match=r"has no space 'ViT-L-14/openai'\. It has: made"):
        export_library(library, tmp_path / "set", space="ViT-L-14/openai")
    with pytest.raises(UsageError, match=r"no namespace 'holliday'\. It has: default"):
        export_library(library, tmp_path / "set", namespaces=["holliday"])
    assert not (tmp_path / "set").exists()


def test_passwords_are_not_repeated(tmp_path: Path, library: Database) -> None:
    with pytest.raises(SourceError) as caught:
        open_place("nonsense://me:secret@host/photos")
    assert "secret" not in caught.value.message


def test_a_place_that_cannot_be_written(tmp_path: Path, library: Database) -> None:
    _fill(library)
    (tmp_path / "file").write_text("x")
    with pytest.raises((SourceError, UsageError), match="file/set"):
        export_library(library, tmp_path / "file" / "set")
