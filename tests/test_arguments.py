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
from safelight.embedding.files import embed_files
from safelight.errors import SafelightError, UsageError
from safelight.imaging import decode
from safelight.ingest import ingest
from safelight.labels.label_set import LabelSet
from safelight.quality import score
from safelight.quality.files import score_files
from safelight.quality.registry import choose
from safelight.search import search
from safelight.sources.listing import list_photos

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def starter():
    return load_embedder("starter")


@pytest.fixture
def photo(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    return make_photo(tmp_path / "p" / "a.png")


@pytest.mark.parametrize("value", [None, 3, b"ab", {"a": 1}, ["a", 3], [b"a"], Path("a"), [None]])
def test_what_is_no_list_of_texts_is_refused(value: object) -> None:
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
    from safelight.choice import choose_for_search

    ingest(library, str(photo.parent), starter, model=said)
    choice = choose_for_search(library, Settings())
    assert choice.model == "starter"
    assert search(library, "red", choice.embedder)


def test_a_library_that_was_told_nonsense_works_again(library, starter, photo) -> None:
    from safelight.choice import choose_for_ingest, choose_for_search

    ingest(library, str(photo.parent), starter)
    library.connection.execute("UPDATE spaces SET model = 'nonsense'")
    assert choose_for_search(library, Settings()).embedder.name == "starter"
    assert choose_for_ingest(library, Settings()).model == "starter"


def test_another_model_finds_nothing_rather_than_anything(library, embedder, starter, photo):
    ingest(library, str(photo.parent), embedder)
    with pytest.raises(SafelightError):
        search(library, "red", starter)
