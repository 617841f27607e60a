"""One value where a list belongs is a list of one, or an error; never a list of letters."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight import CLIPEmbedder, Settings, load_embedder, parse_source
from safelight.arguments import as_list
from safelight.client import calls
from safelight.duplicates.deduplicator import Deduplicator, named_relations
from safelight.embedding.base import require_embedder
from safelight.embedding.image_files import embed_files
from safelight.errors import SafelightError, UsageError
from safelight.imaging import decode
from safelight.ingest import ingest
from safelight.ingest.sources.listing import list_photos
from safelight.labels.label_set import LabelSet
from safelight.quality import score
from safelight.quality.files import score_files
from safelight.quality.registry import choose
from safelight.search import search

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def starter():
    return load_embedder("starter")


@pytest.fixture
def photo(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    return make_photo(tmp_path / "p" / "a.png")


@pytest.mark.parametrize("value", [None, 3, b"ab", {"a": 1}, ["a", 3], [b"a"], Path("a"), [None]])
def test_what_is_not_a_list_of_texts_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match="texts"):
        as_list(value, "texts", str)


def test_a_single_text_or_frame_is_embedded_as_one(starter, photo) -> None:
    assert starter.encode_texts("cat").shape == (1, 512)
    assert np.array_equal(starter.encode_texts("cat"), starter.encode_texts(["cat"]))
    assert starter.encode_texts(name for name in ("cat", "dog")).shape == (2, 512)
    frame = decode(photo.read_bytes())
    assert starter.encode_images(frame).shape == (1, 512)
    for wrong in (str(photo), [str(photo)], photo, None, photo.read_bytes()):
        with pytest.raises(UsageError):
            starter.encode_images(wrong)
    for wrong in (None, 3, b"cat", [b"cat"], ["cat", None]):
        with pytest.raises(UsageError):
            starter.encode_texts(wrong)
    assert starter.encode_texts([]).shape == (0, 512)


def test_a_single_path_is_one_photo(starter, photo) -> None:
    with CLIPEmbedder("starter") as embedder:
        for path in (str(photo), photo):
            vectors = asyncio.run(embedder.generate_embeddings_batch(path, show_progress=False))
            assert [vector.shape for vector in vectors] == [(512,)]
        assert embedder.encode_text(("a", "b")).shape == (2, 512)
    assert len(list(embed_files(starter, str(photo)))) == 1
    assert len(list(score_files(str(photo)))) == 1
    assert len(list(list_photos(str(photo)))) == 1


def test_so_it_is_with_names_everywhere(photo, library) -> None:
    assert parse_source(str(photo.parent), exclude="*.png").exclude == ("*.png",)
    assert LabelSet("cat", "a photo of a {}").prompts == ("a photo of a cat",)
    assert named_relations("identical") == named_relations(["identical"])
    assert Deduplicator(library).groups(relations="identical") == []
    assert [metric.name for metric in choose("sharpness")] == ["sharpness"]
    assert list(score(photo, "sharpness").measurements) == ["sharpness"]
    assert list(score(photo, choose("noise")[0]).measurements) == ["noise"]
    assert Settings(exclude="*.png").exclude == ("*.png",)
    assert len(calls.upload("/x.jpg").files) == 1
    assert len(calls.upload(("x.jpg", b"x")).files) == 1
    assert calls.images_search("a", plus="dog").json["plus"] == ["dog"]
    assert calls.make_plan("abc").json["groups"] == [{"group": "abc"}]
    assert calls.make_plan({"group": "abc"}).json["groups"] == [{"group": "abc"}]
    assert calls.start_ingest("/p", exclude="*.tmp").json["exclude"] == ["*.tmp"]


@pytest.mark.parametrize("form", [str, Path, lambda path: parse_source(str(path))])
def test_an_ingest_takes_one_source(library, embedder, photo, form) -> None:
    assert ingest(library, form(photo.parent), embedder).new == 1


@pytest.mark.parametrize("said", ["nonsense", "/nowhere/at all", "ViT-B-32/openai", "", None])
def test_an_embedder_knows_what_loads_it(library, starter, photo, said) -> None:
    from safelight.model_choice import choose_for_search

    ingest(library, str(photo.parent), starter, model=said)
    choice = choose_for_search(library, Settings())
    assert choice.model == "starter"
    assert search(library, "red", choice.embedder)


def test_a_library_that_was_told_nonsense_works_again(library, starter, photo) -> None:
    from safelight.model_choice import choose_for_ingest, choose_for_search

    ingest(library, str(photo.parent), starter)
    library.connection.execute("UPDATE spaces SET model = 'nonsense'")
    assert choose_for_search(library, Settings()).embedder.name == "starter"
    assert choose_for_ingest(library, Settings()).model == "starter"


def test_another_model_finds_nothing_rather_than_anything(library, embedder, starter, photo):
    ingest(library, str(photo.parent), embedder)
    with pytest.raises(SafelightError):
        search(library, "red", starter)


@pytest.mark.parametrize("wrong", [None, 3, 2.5, True, ["a"], {"a": 1}, object()])
def test_an_argument_of_another_kind_is_refused_by_every_public_function(
    library, starter, photo, wrong
) -> None:
    from safelight import Database, index_local_images, parse_query, retrieve_local
    from safelight.client import Client

    rows = np.eye(2, 512, dtype=np.float32)
    calls_ = [
        lambda: Database(wrong),
        lambda: load_embedder(wrong),
        lambda: load_embedder("starter", device=wrong),
        lambda: parse_query(wrong),
        lambda: decode(wrong),
        lambda: ingest(library, [[wrong]], starter),
        lambda: ingest(wrong, str(photo.parent), starter),
        lambda: ingest(library, str(photo.parent), wrong),
        lambda: search(library, wrong, starter),
        lambda: search(wrong, "red", starter),
        lambda: search(library, "red", wrong),
        lambda: index_local_images(wrong, embedder=starter),
        lambda: retrieve_local("red", rows, ["a"], embedder=starter),
        lambda: retrieve_local("red", rows * np.nan, ["a", "b"], embedder=starter),
        lambda: retrieve_local(wrong, rows, ["a", "b"], embedder=starter),
        lambda: Deduplicator(wrong),
        lambda: Deduplicator(library).group(wrong),
        lambda: Client(wrong),
        lambda: calls.photo(wrong),
        lambda: calls.features(wrong) if not isinstance(wrong, dict) else parse_query(wrong),
    ]
    for call in calls_:
        with pytest.raises(SafelightError):
            call()
    assert library.connection.execute("SELECT count(*) FROM namespaces").fetchone() == (0,)


@pytest.mark.parametrize(
    "wrong", [{"namespace": ""}, {"namespace": 5}, {"batch_size": "4"}, {"threads": 0}]
)
def test_an_option_of_another_kind_is_never_stored(library, starter, photo, wrong) -> None:
    with pytest.raises(UsageError):
        ingest(library, str(photo.parent), starter, **wrong)
    assert library.connection.execute("SELECT count(*) FROM namespaces").fetchone() == (0,)


@pytest.mark.parametrize(
    "wrong",
    [
        {"top": "3"},
        {"top": None},
        {"min_score": float("nan")},
        {"min_score": "x"},
        {"least": {"focus": float("inf")}},
        {"namespace": ["a"]},
        {"where": "canon"},
        {"under": 5},
    ],
)
def test_an_option_of_a_search_of_another_kind_is_refused(library, starter, photo, wrong) -> None:
    ingest(library, str(photo.parent), starter)
    with pytest.raises(UsageError):
        search(library, "red", starter, **wrong)


def test_numbers_of_numpy_and_paths_are_fine(library, starter, photo) -> None:
    from safelight import retrieve_local
    from safelight.client.multipart import Form
    from safelight.client.sending import request_of

    assert ingest(library, photo.parent, starter, batch_size=np.int64(4)).new == 1
    assert len(search(library, np.str_("red"), starter, top=np.int32(3))) == 1
    assert decode(memoryview(photo.read_bytes())).width
    rows = np.eye(2, 512, dtype=np.float32)
    found = retrieve_local("red", rows.tolist(), ("a", "b"), top_k=np.int64(1), embedder=starter)
    assert len(found) == 1
    sent = request_of(calls.images_search("a", limit=np.int64(3)), 1.0, Form)
    assert '"limit": 3' in sent["content"]
    with pytest.raises(UsageError):
        request_of(calls.images_search(b"a"), 1.0, Form)


def test_a_similarity_is_of_two_vectors_of_one_model() -> None:
    with CLIPEmbedder("starter") as embedder:
        vector = embedder.encode_text("cat")
        assert embedder.compute_similarity(vector, vector[None]) == pytest.approx(1.0)
        assert embedder.compute_similarity(vector.tolist(), vector) == pytest.approx(1.0)
        for wrong in (None, "cat", vector[:3], vector * np.nan, [], 5):
            with pytest.raises(UsageError):
                embedder.compute_similarity(vector, wrong)


def test_an_embedder_of_ones_own_is_told_what_it_lacks() -> None:
    class Half:
        name, fingerprint, dimension, min_side, workers = "half", "f" * 64, 8, 224, 1

        @property
        def batch_size(self) -> int:
            raise AssertionError("asking loads weights")

        def prepare(self) -> None: ...

    with pytest.raises(UsageError, match=r"Half, which lacks encode_prepared, encode_images") as at:
        require_embedder(Half())
    assert "batch_size" not in str(at.value)
    for stranger in ("starter", None, Half, object()):
        with pytest.raises(UsageError, match="embedder"):
            require_embedder(stranger)
