"""Runs into a data set, the cluster being this process: what is done, and what not again."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from safelight.cluster import command, flow, run, workers
from safelight.embedding.load import load_embedder
from safelight.errors import SourceError, UsageError
from safelight.exchange.parquet.export import export_library
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.library.database import Database
from tests.cluster.rows import assert_same_failures, assert_same_photos, failures, photos

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from safelight.cluster.run import Summary

    Ingest = Callable[..., Summary]


@pytest.fixture
def folder(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    """Eleven files: eight photos, two of them copies, and a broken and an empty one."""
    place = tmp_path / "photos"
    for number in range(7):
        make_photo(place / f"{number}.png", ["red", "green", "blue"][number % 3], seed=number)
    make_photo(place / "deep" / "er" / "7.png", "blue", seed=70)
    shutil.copy(place / "1.png", place / "deep" / "again.png")
    (place / "bad.jpg").write_bytes(b"no photo")
    (place / "empty.jpg").write_bytes(b"")
    return place


def test_rows_are_those_of_an_ordinary_ingest(
    folder: Path, tmp_path: Path, ingest_here: Ingest, library: Database
) -> None:
    summary = ingest_here(folder)
    assert (summary.new, summary.known, summary.failed) == (8, 1, 2)
    assert (summary.photos, summary.failures) == (8, 2)
    ingest(library, [parse_source(str(folder))], load_embedder("starter"), model="starter")
    export_library(library, tmp_path / "exported")
    assert_same_photos(photos(tmp_path / "set"), photos(tmp_path / "exported"))
    assert_same_failures(failures(tmp_path / "set"), failures(tmp_path / "exported"))


def test_a_second_run_does_only_what_is_new(
    folder: Path, tmp_path: Path, ingest_here: Ingest, make_photo: Callable[..., Path]
) -> None:
    ingest_here(folder)
    before = photos(tmp_path / "set")
    again = ingest_here(folder)
    assert (again.new, again.unchanged, again.failing, again.failed) == (0, 9, 2, 0)
    assert again.workers == 0, "nothing was to be done"

    make_photo(folder / "new.png", "red", seed=99)
    shutil.copy(folder / "2.png", folder / "another.png")
    grown = ingest_here(folder)
    assert (grown.new, grown.known, grown.unchanged, grown.photos) == (1, 1, 9, 9)
    after = photos(tmp_path / "set")
    assert len(after) == 9
    for photo_id, row in before.items():
        assert after[photo_id].added_at == row.added_at, "it was not embedded again"
    names = {tuple(sorted(os.path.basename(f.path) for f in row.files)) for row in after.values()}
    assert ("2.png", "another.png") in names


def test_what_has_changed_takes_the_place_of_what_was(
    folder: Path, tmp_path: Path, ingest_here: Ingest, make_photo: Callable[..., Path]
) -> None:
    ingest_here(folder)
    make_photo(folder / "0.png", "green", seed=1000)  # another photo; the old one is nowhere now
    make_photo(folder / "bad.jpg", "red", seed=1001)
    (folder / "3.png").write_bytes(b"broken since")
    make_photo(folder / "1.png", "red", seed=1002)  # of the old one there is a copy
    for name in ("0.png", "1.png", "3.png"):
        os.utime(folder / name, ns=(1, 1))
    changed = ingest_here(folder)
    assert (changed.new, changed.failed) == (3, 1)
    paths = [
        os.path.basename(f.path) for row in photos(tmp_path / "set").values() for f in row.files
    ]
    assert sorted(paths) == sorted(
        ["0.png", "1.png", "2.png", "4.png", "5.png", "6.png", "7.png", "again.png", "bad.jpg"]
    )
    assert {os.path.basename(path) for path in failures(tmp_path / "set")} == {"3.png", "empty.jpg"}
    assert (changed.photos, changed.failures) == (9, 2)


def test_failures_are_tried_again_when_asked(
    folder: Path, tmp_path: Path, ingest_here: Ingest
) -> None:
    ingest_here(folder)
    again = ingest_here(folder, retry_failed=True)
    assert (again.failed, again.failing, again.unchanged) == (2, 0, 9)
    assert len(failures(tmp_path / "set")) == 2


@pytest.mark.parametrize("where", ["listing", "second chunk", "merging", "describing"])
def test_stopped_anywhere_the_next_run_goes_on(
    where: str,
    tmp_path: Path,
    ingest_here: Ingest,
    make_photo: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = tmp_path / "photos"
    for number in range(20):  # three chunks
        make_photo(source / f"{number:02}.png", "red", seed=number)
    shutil.copy(source / "00.png", source / "zz.png")
    (source / "bad.jpg").write_bytes(b"no photo")
    wanted = tmp_path / "whole"
    ingest_here(source, output=wanted)

    calls = 0
    original: dict[str, Any] = {
        "listing": (run, "digits_for"),
        "second chunk": (workers, "write_rows"),
        "merging": (flow, "merge_prefix"),
        "describing": (run, "write_description"),
    }
    module, name = original[where]
    function = getattr(module, name)

    def stop(*given: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == (1 if where in ("listing", "describing") else 2):
            raise KeyboardInterrupt
        return function(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, stop)
        assert ingest_here(source).interrupted
    with pytest.raises(SourceError, match=r"not finished|no data set"):
        photos(tmp_path / "set")
    embedded = 0

    def count(*given: Any, **more: Any) -> Any:
        nonlocal embedded
        embedded += len(given[2].photos)
        return original_write(*given, **more)

    original_write = workers.write_rows
    monkeypatch.setattr(workers, "write_rows", count)
    summary = ingest_here(source)
    assert not summary.interrupted
    assert (summary.new, summary.known, summary.failed) == (20, 1, 1)
    assert embedded == {"listing": 21, "second chunk": 13, "merging": 0, "describing": 0}[where]
    assert_same_photos(photos(tmp_path / "set"), photos(wanted))
    assert_same_failures(failures(tmp_path / "set"), failures(wanted))
    left = [each for each in (tmp_path / "set" / "_run").rglob("*") if "parts" in each.parts]
    assert not [each for each in left if each.is_file()], "parts are removed once they are merged"


def test_a_data_set_is_made_in_one_way(folder: Path, tmp_path: Path, ingest_here: Ingest) -> None:
    ingest_here(folder)
    with pytest.raises(UsageError, match="other scores"):
        ingest_here(folder, score=True)
    with Database(tmp_path / "other.db") as library:
        ingest(library, [parse_source(str(folder))], load_embedder("starter"), model="starter")
        export_library(library, tmp_path / "exported")
    with pytest.raises(UsageError, match="not made by a cluster"):
        ingest_here(folder, output=tmp_path / "exported")


def test_scores_and_labels_come_in_the_same_pass(
    folder: Path, tmp_path: Path, ingest_here: Ingest
) -> None:
    from safelight.labels import Classifier, read_label_set

    labels = read_label_set(None, None)
    ingest_here(
        folder,
        score=True,
        classify=lambda embedder: Classifier.open(labels, embedder, cache=None),
    )
    for row in photos(tmp_path / "set").values():
        assert {"sharpness", "combined", "clip_iqa"} <= {each.metric for each in row.scores}
        assert list(row.labels) == [labels.version]
    said = json.loads((tmp_path / "set" / "safelight.json").read_text())
    assert [each["version"] for each in said["label_sets"]] == [labels.version]


def test_parquet_of_bytes_and_of_addresses(
    folder: Path, tmp_path: Path, ingest_here: Ingest
) -> None:
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    table = pa.table(
        {
            "image": [each.read_bytes() for each in files],
            "where": [str(each) for each in files],
            "caption": [f"number {number}" for number in range(len(files))],
        }
    )
    pq.write_table(table, tmp_path / "photos.parquet", row_group_size=4)
    ingest_here(folder, output=tmp_path / "plain")
    plain = photos(tmp_path / "plain")

    summary = ingest_here(tmp_path / "photos.parquet", bytes_column="image")
    assert (summary.new, summary.known, summary.failed) == (8, 1, 2)
    found = photos(tmp_path / "set")
    assert found.keys() == plain.keys()
    said = {file.path: file.metadata for row in found.values() for file in row.files}
    assert said[f"{tmp_path}/photos.parquet#0"] == {"where": str(files[0]), "caption": "number 0"}

    addressed = ingest_here(
        f"parquet:{tmp_path}/photos.parquet", url_column="where", output=tmp_path / "addressed"
    )
    assert (addressed.new, addressed.known, addressed.failed) == (8, 1, 2)
    paths = {file.path for row in photos(tmp_path / "addressed").values() for file in row.files}
    assert paths == {str(each) for each in files if each.name not in ("bad.jpg", "empty.jpg")}

    with pytest.raises(SourceError, match="has no column picture"):
        ingest_here(tmp_path / "photos.parquet", bytes_column="picture", output=tmp_path / "x")
    with pytest.raises(UsageError, match="which column"):
        ingest_here(tmp_path / "photos.parquet", output=tmp_path / "x")


def test_sources_that_are_not_there(tmp_path: Path, ingest_here: Ingest, bucket: str) -> None:
    with pytest.raises(SourceError, match="no such file or folder"):
        ingest_here(tmp_path / "nowhere")
    with pytest.raises(SourceError, match="nothing there"):
        ingest_here(f"s3://{bucket}/nowhere")
    with pytest.raises(SourceError, match="no-such-bucket"):
        ingest_here("s3://no-such-bucket/photos")
    assert not (tmp_path / "set" / "safelight.json").exists()


def test_texts_and_lists_of_photos_work_too(
    folder: Path, tmp_path: Path, ingest_here: Ingest
) -> None:
    (tmp_path / "list.csv").write_text("photos/0.png,dog\nphotos/nowhere.png\n")
    (tmp_path / "texts.txt").write_text("a dog in the snow\n")
    summary = ingest_here(f"image-list:{tmp_path}/list.csv", f"text:{tmp_path}/texts.txt")
    assert (summary.new, summary.failed) == (2, 1)
    rows = photos(tmp_path / "set").values()
    assert {row.kind: row.text for row in rows} == {"photo": None, "text": "a dog in the snow"}
    assert [row.code for row in failures(tmp_path / "set").values()] == ["missing"]


def test_nothing_is_found_in_an_empty_folder(tmp_path: Path, ingest_here: Ingest) -> None:
    (tmp_path / "empty").mkdir()
    summary = ingest_here(tmp_path / "empty")
    assert (summary.new, summary.photos) == (0, None)


def test_the_model_of_the_data_set_is_used_again(
    folder: Path, tmp_path: Path, ingest_here: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_here(folder)
    loaded: list[str] = []

    def load(model: str, **more: Any) -> Any:
        loaded.append(model)
        return load_embedder(model, **more)

    monkeypatch.setattr(command, "load_embedder", load)
    ingest_here(folder, model=None)
    assert loaded == ["starter"]
