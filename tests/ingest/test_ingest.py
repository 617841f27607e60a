from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from safelight.errors import LibraryError, ModelError
from safelight.ingest import Summary, ingest, preview
from safelight.ingest.sources import parse_source
from safelight.library.database import Database
from safelight.library.files import counts, failures
from safelight.library.spaces import all_spaces, default_space
from safelight.library.vector_index.flat import open_index
from safelight.search import search
from tests.fakes import ColourEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _run(library: Database, embedder: ColourEmbedder, *specs: object, **options) -> Summary:
    recursive = options.pop("recursive", True)
    sources = [parse_source(str(spec), recursive=recursive) for spec in specs]
    model = embedder.name.split()[0]
    return ingest(library, sources, embedder, model=model, **options)


def _found(library: Database, embedder: ColourEmbedder, query: str, **options) -> list[str]:
    return [Path(hit.path).name for hit in search(library, query, embedder, **options)]


@pytest.fixture
def photos(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    folder = tmp_path / "photos"
    for number, colour in enumerate(("red", "green", "blue")):
        make_photo(folder / f"{colour}.png", colour, seed=number)
    return folder


def test_photos_in_answers_out(library, embedder, photos) -> None:
    summary = _run(library, embedder, photos)
    assert (summary.new, summary.failed, summary.unchanged) == (3, 0, 0)
    assert _found(library, embedder, "blue")[0] == "blue.png"
    (hit,) = search(library, "green", embedder, top=1)
    assert hit.score > 0.9
    assert hit.metadata["path"] == "green.png"
    assert (hit.metadata["width"], hit.metadata["format"]) == (32, "PNG")
    assert len(hit.photo_id) == 64


def test_what_a_new_model_cannot_take_stays_where_another_has_it(library, photos) -> None:
    class Pale(ColourEmbedder):
        def prepare(self, frame):
            return super().prepare(frame) + 0.01

    Image.new("RGB", (20, 20)).save(photos / "black.png")
    old, new = Pale("pale"), ColourEmbedder()
    _run(library, old, photos)
    assert _run(library, new, photos).failed == 1
    assert [(Path(f.path).name, f.code) for f in failures(library)] == [("black.png", "model")]
    assert "black.png" in _found(library, old, "red")
    assert "black.png" not in _found(library, new, "red")
    # It is not a failure of the model that has it, and the other tries again.
    assert _run(library, old, photos).unchanged == 4
    assert _run(library, new, photos).failed == 1


def test_a_second_run_opens_nothing(library, embedder, photos, monkeypatch) -> None:
    _run(library, embedder, photos)
    opened: list[str] = []
    monkeypatch.setattr(
        "safelight.ingest.load.open", lambda *a, **k: opened.append(a), raising=False
    )
    summary = _run(library, embedder, photos)
    assert (summary.new, summary.unchanged, opened) == (0, 3, [])


def test_moved_renamed_and_copied_files_are_not_embedded_again(library, embedder, photos) -> None:
    _run(library, embedder, photos)
    (photos / "sub").mkdir()
    (photos / "red.png").rename(photos / "sub" / "rot.png")
    (photos / "copy.png").write_bytes((photos / "blue.png").read_bytes())
    summary = _run(library, embedder, photos)
    assert (summary.new, summary.known, summary.moved, summary.gone) == (0, 2, 1, 0)
    assert embedder.encoded == 3
    assert _found(library, embedder, "red", top=1) == ["rot.png"]
    assert len(_found(library, embedder, "blue")) == 3, "one hit a photo, not one a file"


def test_a_changed_file_is_embedded_again(library, embedder, photos, make_photo) -> None:
    _run(library, embedder, photos)
    make_photo(photos / "red.png", "green", seed=9)
    assert _run(library, embedder, photos).new == 1
    assert sorted(_found(library, embedder, "green", top=2)) == ["green.png", "red.png"]


def test_a_vanished_file_is_not_found_and_costs_nothing_when_it_is_back(
    library, embedder, photos, tmp_path
) -> None:
    _run(library, embedder, photos)
    (photos / "red.png").rename(tmp_path / "away.png")
    assert _run(library, embedder, photos).gone == 1
    assert "red.png" not in _found(library, embedder, "red")
    assert counts(library).gone == 1
    (tmp_path / "away.png").rename(photos / "red.png")
    summary = _run(library, embedder, photos)
    assert (summary.new, summary.gone, embedder.encoded) == (0, 0, 3)
    assert _found(library, embedder, "red", top=1) == ["red.png"]


def test_what_lies_outside_the_listing_is_not_called_gone(library, embedder, photos, make_photo):
    make_photo(photos / "sub" / "deep.png", "red", seed=8)
    make_photo(photos.parent / "photos2" / "other.png", "blue", seed=7)
    _run(library, embedder, photos.parent)
    assert _run(library, embedder, photos, recursive=False).gone == 0
    assert "deep.png" in _found(library, embedder, "red")
    (photos.parent / "photos2" / "other.png").unlink()
    assert _run(library, embedder, photos).gone == 0
    assert _run(library, embedder, photos.parent).gone == 1


@pytest.fixture
def bad(photos: Path) -> Path:
    good = (photos / "red.png").read_bytes()
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "text.jpg").write_text("no photo")
    (photos / "cut.png").write_bytes(good[: len(good) // 2])
    (photos / "folder.jpg").mkdir()
    return photos


def test_bad_files_are_recorded_and_stop_nothing(library, embedder, bad) -> None:
    summary = _run(library, embedder, bad)
    assert (summary.new, summary.failed) == (3, 4)
    assert {Path(each.path).name: each.code for each in failures(library)} == {
        "empty.jpg": "empty",
        "text.jpg": "not-an-image",
        "cut.png": "truncated",
        "folder.jpg": "not-a-file",
    }
    assert all(each.reason for each in summary.failures)


def test_bad_files_are_tried_again_only_when_they_change(library, embedder, bad) -> None:
    _run(library, embedder, bad)
    summary = _run(library, embedder, bad)
    assert (summary.failed, summary.failing, summary.unchanged) == (0, 4, 3)
    assert _run(library, embedder, bad, retry_failed=True).failed == 4
    (bad / "cut.png").write_bytes((bad / "red.png").read_bytes())
    summary = _run(library, embedder, bad)
    assert (summary.known, summary.failing) == (1, 3)
    assert "cut.png" not in {Path(each.path).name for each in failures(library)}


def test_what_wanted_an_extra_is_tried_again_once_it_is_there(
    library, embedder, tmp_path, monkeypatch
) -> None:
    from safelight.imaging import formats

    folder = tmp_path / "p"
    folder.mkdir()
    for name in ("a.heic", "named wrongly.jpg"):
        (folder / name).write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + name.encode())
    for module in ("safelight.imaging.open", "safelight.ingest.worklist"):
        monkeypatch.setattr(f"{module}.available_extras", frozenset)
    assert {each.code for each in _run(library, embedder, folder).failures} == {"missing-extra"}
    assert _run(library, embedder, folder).failing == 2
    monkeypatch.undo()
    assert formats.available_extras() >= {"heif"}
    assert {each.code for each in _run(library, embedder, folder).failures} <= {
        "corrupt",
        "truncated",
    }


@pytest.fixture
def ordinary_folder(tmp_path: Path, make_photo: Callable[..., Path]) -> Iterator[Path]:
    """A folder, and a user to whom permissions apply: root may read everything."""
    # All that an ingest imports is imported first: Python itself may lie where only root reads.
    with Database(tmp_path / "first.db") as first:
        _run(first, ColourEmbedder(), make_photo(tmp_path / "first.png"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if is_root:
                os.seteuid(0)


def test_a_file_that_may_not_be_read_is_tried_again_after_chmod(
    embedder, ordinary_folder, make_photo
) -> None:
    photo = make_photo(ordinary_folder / "p" / "red.png")
    (ordinary_folder / "p" / "locked").mkdir()
    inside = make_photo(ordinary_folder / "p" / "locked" / "blue.png", "blue")
    with Database(ordinary_folder / "library.db") as library:
        assert _run(library, embedder, photo.parent).new == 2
        photo.write_bytes(photo.read_bytes() + b" ")
        photo.chmod(0)
        inside.parent.chmod(0)
        summary = _run(library, embedder, photo.parent)
        assert [each.code for each in summary.failures] == ["permission", "permission"]
        assert summary.gone == 0, "a folder that cannot be read is not empty"
        assert _run(library, embedder, photo.parent).failing == 2
        photo.chmod(0o644)
        inside.parent.chmod(0o755)
        assert _run(library, embedder, photo.parent).new == 1
        assert sorted(_found(library, embedder, "red")) == ["blue.png", "red.png"]


def test_a_photo_that_the_model_cannot_take_is_a_failure(library, embedder, photos) -> None:
    Image.new("RGB", (20, 20)).save(photos / "black.png")
    summary = _run(library, embedder, photos)
    assert summary.new == 3
    assert [(Path(each.path).name, each.code) for each in summary.failures] == [
        ("black.png", "model")
    ]


def test_a_model_that_takes_nothing_stops_the_run(library, embedder, tmp_path) -> None:
    (tmp_path / "dark").mkdir()
    for number in range(4):
        Image.new("RGB", (20 + number, 20)).save(tmp_path / "dark" / f"{number}.png")
    with pytest.raises(ModelError):
        _run(library, embedder, tmp_path / "dark")
    assert failures(library) == []


def test_vectors_that_are_not_numbers_are_never_stored(library, photos) -> None:
    class Broken(ColourEmbedder):
        def encode_prepared(self, inputs):
            vectors = super().encode_prepared(inputs)
            vectors[0] = np.nan
            return vectors

    embedder = Broken()
    summary = _run(library, embedder, photos)
    assert (summary.new, summary.failed) == (2, 1)
    index = open_index(library, embedder.fingerprint)
    assert np.isfinite(index.search(np.eye(3, dtype=np.float32)[0], 9).scores).all()


def test_a_run_of_copies_is_written_as_it_goes(
    library, embedder, tmp_path, make_photo, monkeypatch
) -> None:
    monkeypatch.setattr("safelight.ingest.pipeline.SECONDS_BETWEEN_WRITES", 0.0)
    first = make_photo(tmp_path / "p" / "00.png", "red")
    for number in range(1, 30):
        (tmp_path / "p" / f"{number:02}.png").write_bytes(first.read_bytes())
    seen: list[int] = []

    def look(progress) -> None:
        seen.append(counts(library).files)

    assert _run(library, embedder, tmp_path / "p", progress=look).new == 1
    assert seen[10] > 5, "one new photo must not hold back all that follow it"


def test_copies_in_one_run_are_embedded_once(library, embedder, tmp_path, make_photo) -> None:
    first = make_photo(tmp_path / "p" / "0.png", "red")
    for number in range(1, 60):
        (tmp_path / "p" / f"{number}.png").write_bytes(first.read_bytes())
    (tmp_path / "p" / "bad1.png").write_bytes(b"bad")
    (tmp_path / "p" / "bad2.png").write_bytes(b"bad")
    summary = _run(library, embedder, tmp_path / "p", batch_size=4, threads=8)
    assert (summary.new, summary.known, summary.failed, embedder.encoded) == (1, 59, 2, 1)
    assert counts(library).files == 60


def test_two_models_live_side_by_side(library, embedder, photos) -> None:
    other = ColourEmbedder("other", dimension=5)
    _run(library, embedder, photos)
    assert _run(library, other, photos).new == 3
    assert [(each.embeddings, each.default) for each in all_spaces(library)] == [
        (3, True),
        (3, False),
    ]
    assert default_space(library).name == "colours"
    assert _found(library, other, "blue", top=1) == ["blue.png"]
    assert _run(library, embedder, photos).unchanged == 3


def test_a_model_that_was_replaced_under_its_name_becomes_the_default(library, photos) -> None:
    old, new = ColourEmbedder("colours 1"), ColourEmbedder("colours 2")
    _run(library, old, photos)
    _run(library, ColourEmbedder("another"), photos)
    assert _run(library, new, photos).new == 3
    assert default_space(library).fingerprint == new.fingerprint


def test_namespaces_hold_files_apart_and_share_the_work(library, embedder, photos) -> None:
    _run(library, embedder, photos, namespace="one")
    summary = _run(library, embedder, photos / "red.png", namespace="two")
    assert (summary.new, summary.known, embedder.encoded) == (0, 1, 3)
    assert _found(library, embedder, "blue", namespace="two") == ["red.png"]
    assert len(_found(library, embedder, "blue", namespace="one")) == 3
    with pytest.raises(LibraryError, match="one, two"):
        _found(library, embedder, "blue", namespace="three")
    assert len(_found(library, embedder, "blue")) == 3


def test_a_list_labels_photos_and_changed_labels_are_taken_over(
    library, embedder, photos, tmp_path
) -> None:
    photo_list = tmp_path / "list.txt"
    photo_list.write_text("photos/red.png,warm\nphotos/nowhere.png\n")
    summary = _run(library, embedder, f"image-list:{photo_list}")
    assert (summary.new, [each.code for each in summary.failures]) == (1, ["missing"])
    photo_list.write_text("photos/red.png,hot\n")
    assert _run(library, embedder, f"image-list:{photo_list}").unchanged == 1
    (hit,) = search(library, "red", embedder)
    assert hit.metadata["label"] == "hot"
    assert hit.metadata["path"] == str(photos / "red.png")
    _run(library, embedder, photos)
    (hit,) = search(library, "red", embedder, top=1)
    assert hit.metadata["label"] == "hot", "a folder says nothing of labels"


def test_texts_are_found_beside_photos(library, embedder, photos, tmp_path) -> None:
    (tmp_path / "t.txt").write_text("red\nblue green\n")
    summary = _run(library, embedder, photos, f"text:{tmp_path / 't.txt'}")
    assert summary.new == 5
    hits = search(library, "blue green", embedder, top=1)
    assert hits[0].metadata["type"] == "text"
    assert hits[0].metadata["text"] == "blue green"
    assert (counts(library).photos, counts(library).texts) == (3, 2)


def test_rows_that_left_a_text_file_are_gone(library, embedder, tmp_path) -> None:
    texts = tmp_path / "t.txt"
    texts.write_text("red\nblue\ngreen\n")
    _run(library, embedder, f"text:{texts}")
    texts.write_text("red\n")
    assert _run(library, embedder, f"text:{texts}").gone == 2
    assert [hit.metadata["text"] for hit in search(library, "blue", embedder)] == ["red"]


def test_a_dry_run_tells_and_touches_nothing(library, embedder, bad) -> None:
    summary = preview(
        library,
        [parse_source(str(bad))],
        fingerprint=embedder.fingerprint,
        name=embedder.name,
    )
    assert (summary.new, summary.failed, summary.dry_run) == (6, 1, True)
    assert counts(library).files == 0
    assert all_spaces(library) == []


def test_ctrl_c_keeps_what_is_done(library, embedder, tmp_path, make_photo) -> None:
    for number in range(40):
        make_photo(tmp_path / "p" / f"{number}.png", "red", seed=number)

    def stop(progress) -> None:
        if progress.done == 10:
            raise KeyboardInterrupt

    summary = _run(library, embedder, tmp_path / "p", batch_size=4, progress=stop)
    assert summary.interrupted
    assert 10 <= summary.new < 40
    again = _run(library, embedder, tmp_path / "p")
    assert again.new == 40 - summary.new
    assert embedder.encoded == 40


def test_two_ingests_at_once_double_nothing(tmp_path, make_photo) -> None:
    for number in range(60):
        make_photo(tmp_path / "p" / f"{number}.png", "red", seed=number)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with Database(tmp_path / "l.db") as library:
                _run(library, ColourEmbedder(), tmp_path / "p", batch_size=4)
        except BaseException as exc:  # noqa: BLE001
            errors.append(exc)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    with Database(tmp_path / "l.db") as library:
        assert counts(library).photos == 60
        assert len(open_index(library, ColourEmbedder().fingerprint)) == 60


def test_a_plus_and_a_minus_move_the_query(library, embedder, photos) -> None:
    _run(library, embedder, photos)
    found = _found(library, embedder, f"red + {photos / 'blue.png'}:3")
    assert found[0] == "blue.png"
    assert _found(library, embedder, "white - red - green")[0] == "blue.png"
    photo = search(library, "green", embedder, top=1)[0].photo_id
    assert _found(library, embedder, f"photo:{photo[:12]}")[0] == "green.png"


def test_a_search_can_stay_in_a_folder(library, embedder, photos, make_photo) -> None:
    make_photo(photos.parent / "photos2" / "r.png", "red", seed=5)
    _run(library, embedder, photos.parent)
    assert len(_found(library, embedder, "red", under=photos)) == 3
    assert len(_found(library, embedder, "red")) == 4
    assert _found(library, embedder, "red", min_score=0.9, under=photos) == ["red.png"]
