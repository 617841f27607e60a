"""Labels of photos in a library, while they are ingested and after, and of any file."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from safelight.errors import DecodeError, LibraryError, ModelError, QueryError, SpaceError
from safelight.ingest import Summary, ingest
from safelight.ingest.label import LabelledFile, label_files, label_known, label_lacking
from safelight.ingest.sources import parse_source
from safelight.labels import Classifier, LabelSet
from safelight.library.attributes.labels import lacking_labels, read_labels
from safelight.search import search, search_labels
from safelight.search.query import parse_query
from tests.fakes import ColourEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from safelight.library.database import Database

COLOURS = LabelSet(("red", "green", "blue"), ("{}",))


@pytest.fixture
def classifier(embedder: ColourEmbedder) -> Classifier:
    return Classifier.open(COLOURS, embedder, cache=None)


@pytest.fixture
def folder(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    for number in range(4):
        make_photo(tmp_path / "photos" / f"red {number}.png", "red", seed=number)
        make_photo(tmp_path / "photos" / f"blue {number}.png", "blue", seed=number)
    return tmp_path / "photos"


def _ingest(
    library: Database, folder: Path, embedder: ColourEmbedder, **options: object
) -> Summary:
    source = parse_source(str(folder))
    return ingest(library, [source], embedder, model="colours", **options)  # type: ignore[arg-type]


def _applying(library: Database, classifier: Classifier) -> dict[str, list[str]]:
    """Return the labels that apply, by the photo's file."""
    rows = library.connection.execute(
        "SELECT i.id, f.source_path FROM files f JOIN items i ON i.pk = f.item_pk"
    ).fetchall()
    version = classifier.label_set.version
    found = read_labels(library, [row[0] for row in rows], classifier.fingerprint, version)
    return {
        path: [each.label for each in found[photo_id].labels if each.applies]
        for photo_id, path in rows
        if photo_id in found
    }


def test_an_ingest_labels_what_is_new(library, folder, embedder, classifier) -> None:
    summary = _ingest(library, folder, embedder, classifier=classifier)
    assert (summary.new, summary.labelled) == (8, 8)
    found = _applying(library, classifier)
    assert found == {path.name: [path.name.split()[0]] for path in folder.iterdir()}
    again = _ingest(library, folder, embedder, classifier=classifier)
    assert (again.unchanged, again.labelled) == (8, 0)


def test_an_ingest_labels_what_was_embedded_before(
    library, folder, embedder, classifier, make_photo
) -> None:
    assert _ingest(library, folder, embedder).labelled == 0
    make_photo(folder / "green.png", "green")
    (folder / "bad.png").write_bytes(b"bad")
    summary = _ingest(library, folder, embedder, classifier=classifier)
    assert (summary.new, summary.failed, summary.labelled) == (1, 1, 9)
    assert embedder.encoded == 9, "labels come from the vector"
    assert len(_applying(library, classifier)) == 9


def test_texts_are_not_labelled(library, tmp_path, embedder, classifier) -> None:
    (tmp_path / "t.txt").write_text("red\nblue\n")
    source = parse_source(f"text:{tmp_path / 't.txt'}")
    summary = ingest(library, [source], embedder, model="colours", classifier=classifier)
    assert (summary.new, summary.labelled) == (2, 0)


def test_an_ingest_of_nothing_labels_nothing(library, tmp_path, embedder, classifier) -> None:
    (tmp_path / "empty").mkdir()
    assert _ingest(library, tmp_path / "empty", embedder, classifier=classifier).labelled == 0


def test_labels_of_another_model_are_refused(library, folder, embedder) -> None:
    other = Classifier.open(COLOURS, ColourEmbedder("other"), cache=None)
    with pytest.raises(SpaceError, match="another model"):
        _ingest(library, folder, embedder, classifier=other)


def test_ctrl_c_leaves_whole_batches(library, folder, embedder, classifier) -> None:
    _ingest(library, folder, embedder)

    def stop(progress: object) -> None:
        raise KeyboardInterrupt

    assert label_lacking(library, classifier, "default", stop, at_once=3) == (3, True)
    assert len(_applying(library, classifier)) == 3
    assert label_lacking(library, classifier, "default") == (5, False)
    assert len(_applying(library, classifier)) == 8


def test_a_killed_process_loses_at_most_a_batch(library, folder, embedder, classifier) -> None:
    _ingest(library, folder, embedder)
    script = f"""
import os, signal
from safelight.ingest.label import label_known
from safelight.labels import Classifier, LabelSet
from safelight.library.attributes.labels import lacking_labels
from safelight.library.database import Database
from tests.fakes import ColourEmbedder

library = Database({str(library.path)!r})
classifier = Classifier.open(LabelSet(("red", "green", "blue"), ("{{}}",)), ColourEmbedder(),
                             cache=None)
ids = [i for i, _ in lacking_labels(library, classifier.fingerprint, classifier.label_set.version)]
for number, _ in enumerate(label_known(library, classifier, ids, at_once=3), start=1):
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert len(_applying(library, classifier)) == 6
    wanted = lacking_labels(library, classifier.fingerprint, COLOURS.version)
    assert len(wanted) == 2
    for _ in label_known(library, classifier, [photo_id for photo_id, _ in wanted]):
        pass
    assert len(_applying(library, classifier)) == 8


def test_more_labels_are_shown_than_are_kept(library, folder, embedder) -> None:
    _ingest(library, folder, embedder)
    label_set = LabelSet(tuple(f"red {number}" for number in range(9)), ("{}",))
    many = Classifier.open(label_set, embedder, cache=None)
    ids = [photo_id for photo_id, _ in lacking_labels(library, many.fingerprint, label_set.version)]
    (shown,) = label_known(library, many, ids, top=7)
    assert {len(each.labels) for each in shown.values()} == {7}
    kept = read_labels(library, ids, many.fingerprint, label_set.version)
    for photo_id, each in kept.items():
        applying = {score.label for score in shown[photo_id].applying}
        assert {record.label for record in each.labels if record.applies} == applying
        assert len(each.labels) == 9 if applying else 5
    (fewer,) = label_known(library, many, ids, top=2)
    assert {len(each.labels) for each in fewer.values()} == {2}
    assert read_labels(library, ids, many.fingerprint, label_set.version) == kept


def test_files_of_the_library_are_not_decoded(library, folder, embedder, classifier, make_photo):
    _ingest(library, folder, embedder)
    before = embedder.encoded
    new = make_photo(folder / "green.png", "green")
    paths = [str(folder / "red 0.png"), str(new), str(folder / "blue 1.png")]
    found = list(label_files(paths, embedder, classifier, library))
    assert [each.path for each in found] == paths
    assert [each.labelling.labels[0].label for each in found] == ["red", "green", "blue"]
    assert [each.stored for each in found] == [True, False, True]
    assert embedder.encoded == before + 1
    assert set(_applying(library, classifier)) == {"red 0.png", "blue 1.png"}


def test_bad_files_are_named_and_the_run_goes_on(folder, embedder, classifier, tmp_path) -> None:
    (folder / "bad.png").write_bytes(b"bad")
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(folder / "black.png")
    names = ("red 0.png", "bad.png", "none.png", "black.png", "blue 0.png", "red 0.png")
    found = list(label_files([str(folder / name) for name in names], embedder, classifier))
    kinds = [LabelledFile, DecodeError, FileNotFoundError, ModelError, LabelledFile, LabelledFile]
    assert [type(each) for each in found] == kinds
    assert "bad.png" in str(found[1])
    assert "black.png" in str(found[3])
    assert found[0].labelling == found[5].labelling
    assert not found[0].stored


def test_many_files_come_in_order(tmp_path, embedder, classifier, make_photo) -> None:
    colours = [("red", "green", "blue")[number % 3] for number in range(40)]
    paths = [
        str(make_photo(tmp_path / f"{number}.png", colour, seed=number))
        for number, colour in enumerate(colours)
    ]
    found = list(label_files(paths, embedder, classifier, threads=3))
    assert [each.labelling.labels[0].label for each in found] == colours


@pytest.fixture
def labelled(library, folder, embedder, classifier) -> Database:
    _ingest(library, folder, embedder, classifier=classifier)
    return library


def _found(library: Database, query: str, embedder: ColourEmbedder, **options: object) -> list[str]:
    hits = search(library, query, embedder, **options)  # type: ignore[arg-type]
    return [hit.metadata["filename"] for hit in hits]


def test_a_search_finds_only_what_has_the_label(labelled, embedder) -> None:
    assert {name.split()[0] for name in _found(labelled, "red", embedder, top=8)} == {
        "red", "blue",
    }  # fmt: skip
    assert {name.split()[0] for name in _found(labelled, "red label:blue", embedder)} == {"blue"}
    assert {name.split()[0] for name in _found(labelled, "red -label:red", embedder)} == {"blue"}
    assert _found(labelled, "red label:red label:blue", embedder) == []
    assert len(_found(labelled, "red label:RED", embedder, top=3)) == 3


def test_filters_alone_need_no_model(labelled, embedder, monkeypatch) -> None:
    monkeypatch.setattr(embedder, "encode_texts", None)
    hits = search(labelled, "label:blue", embedder)
    assert {hit.metadata["filename"].split()[0] for hit in hits} == {"blue"}
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0.5 <= score <= 1 for score in scores)
    assert len(search(labelled, "label:blue", embedder, top=2)) == 2
    assert {hit.score for hit in search(labelled, "-label:blue", embedder)} == {1.0}
    assert search(labelled, "label:blue", embedder, min_score=1.01) == []
    with pytest.raises(LibraryError, match="default"):
        search(labelled, "label:blue", embedder, namespace="none")
    with pytest.raises(QueryError):
        search_labels(labelled, (), embedder.fingerprint)
    with pytest.raises(QueryError):
        search(labelled, "label:blue", embedder, top=0)


def test_hits_tell_their_labels(labelled, folder, embedder, make_photo) -> None:
    make_photo(folder / "green.png", "green")
    _ingest(labelled, folder, embedder)
    labels = {
        hit.metadata["filename"].split()[0]: hit.metadata.get("labels")
        for hit in search(labelled, "red", embedder, top=9)
    }
    assert labels == {"red": ["red"], "blue": ["blue"], "green.png": None}
    assert _found(labelled, "red -label:red", embedder) == _found(
        labelled, "red label:blue", embedder
    ), "what was not labelled is not known to lack a label"


def test_an_unknown_label_is_an_error_that_names_near_ones(labelled, embedder) -> None:
    for query in ("label:blu", "red label:blu"):
        with pytest.raises(LibraryError, match="'blue'"):
            search(labelled, query, embedder)


def test_labels_of_a_list_are_metadata_and_nothing_else(library, folder, embedder) -> None:
    (folder / "list.csv").write_text("red 0.png,label of mine\n")
    source = parse_source(f"image-list:{folder / 'list.csv'}")
    ingest(library, [source], embedder, model="colours")
    with pytest.raises(LibraryError):
        search(library, "label:mine", embedder)
    classifier = Classifier.open(COLOURS, embedder, cache=None)
    ingest(library, [source], embedder, model="colours", classifier=classifier)
    (hit,) = search(library, parse_query("label:red"), embedder)
    assert hit.metadata["label"] == "label of mine"
    assert hit.metadata["labels"] == ["red"]
