from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.labels import CacheFiles, Classifier, LabelSet
from safelight.labels.embeddings import embed_labels, embed_unrelated
from tests.labels.words import WordModel

if TYPE_CHECKING:
    from pathlib import Path

SET = LabelSet(("dog", "beach"), ("a photo of {}", "a {} scene"))


def _count(label_set: LabelSet, model: WordModel, cache: Path | CacheFiles) -> int:
    """Return how many texts were embedded to open a classifier; warnings are errors."""
    before = model.embedded
    Classifier.open(label_set, model, cache=cache)
    return model.embedded - before


def test_a_label_is_the_normalised_mean_of_its_templates() -> None:
    model = WordModel()
    found = embed_labels(SET, model)
    for row, label in enumerate(SET.labels):
        one, other = model.encode_texts([f"a photo of {label}", f"a {label} scene"])
        mean = (one.astype(np.float64) + other) / 2
        assert found[row] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    assert found.dtype == np.float32


def test_embeddings_are_made_once(tmp_path: Path) -> None:
    model = WordModel()
    first = Classifier.open(SET, model, cache=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "label_embeddings.npz", "unrelated_embeddings.npz",
    }  # fmt: skip
    assert _count(SET, model, tmp_path) == 0
    assert _count(SET, WordModel(), tmp_path) == 0, "another process has the same model"
    vectors = model.encode_texts(["a dog", "a beach"])
    again = Classifier.open(SET, model, cache=tmp_path)
    assert again.classify(vectors) == first.classify(vectors)


@pytest.mark.parametrize(
    ("label_set", "name", "embedded"),
    [
        (LabelSet(("dog", "sea"), SET.templates), "words", 4),
        (LabelSet(SET.labels[::-1], SET.templates), "words", 4),
        (LabelSet(SET.labels, ("a {}", "the {}")), "words", 4),
        (SET, "another", 4 + 240),
    ],
)
def test_other_labels_templates_or_weights_are_made_again(
    tmp_path: Path, label_set: LabelSet, name: str, embedded: int
) -> None:
    Classifier.open(SET, WordModel(), cache=tmp_path)
    model = WordModel(name)
    found = Classifier.open(label_set, model, cache=tmp_path)
    assert model.embedded == embedded
    assert _count(label_set, model, tmp_path) == 0
    vectors = model.encode_texts(["a dog", "a beach"])
    plain = Classifier.open(label_set, model, cache=None)
    assert found.classify(vectors) == plain.classify(vectors)


def _spoil(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "numbers":
        with np.load(path) as file:
            key, vectors = file["key"], file["embeddings"]
        vectors[0, 0] = np.nan
        np.savez(path, key=key, embeddings=vectors)
    elif how == "shape":
        with np.load(path) as file:
            np.savez(path, key=file["key"], embeddings=file["embeddings"][:1])
    elif how == "pickle":
        np.savez(path, key=np.array({"a": 1}, dtype=object), embeddings=np.zeros(1))
    else:
        path.write_bytes(
            {
                "empty": b"",
                "cut": data[: len(data) // 2],
                "text": b"not an archive",
                "flipped": data[:400] + bytes([data[400] ^ 255]) + data[401:],
            }[how]
        )


@pytest.mark.parametrize("how", ["empty", "cut", "text", "flipped", "numbers", "shape", "pickle"])
def test_a_damaged_file_is_made_again(tmp_path: Path, how: str) -> None:
    Classifier.open(SET, WordModel(), cache=tmp_path)
    _spoil(tmp_path / "label_embeddings.npz", how)
    model = WordModel()
    with pytest.warns(UserWarning, match=r"label_embeddings\.npz is damaged"):
        found = Classifier.open(SET, model, cache=tmp_path)
    assert model.embedded == 4
    assert _count(SET, WordModel(), tmp_path) == 0
    vectors = model.encode_texts(["a dog"])
    assert found.classify(vectors) == Classifier.open(SET, model, cache=None).classify(vectors)


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    model = WordModel()
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what lies there is damaged, if anything
            Classifier.open(SET, model, cache=tmp_path / "file")
    assert model.embedded == 2 * (4 + 240)
    assert (tmp_path / "file").read_text() == "in the way"


def test_the_users_cache_has_a_file_for_each_set_and_one_null_for_each_model() -> None:
    model, other = WordModel(), WordModel("other")
    more = LabelSet(("dog", "cat"), SET.templates)
    files = [CacheFiles.of_user(*each) for each in ((SET, model), (more, model), (SET, other))]
    assert len({each.labels for each in files}) == 3
    assert files[0].unrelated == files[1].unrelated != files[2].unrelated
    assert _count(SET, model, files[0]) == 4 + 240
    assert _count(more, model, files[1]) == 4
    assert _count(SET, model, files[0]) == 0


def test_nothing_is_left_beside_the_files(tmp_path: Path) -> None:
    cache = CacheFiles.in_folder(tmp_path / "deep" / "er")
    embed_labels(SET, WordModel(), cache.labels)
    embed_unrelated(WordModel(), cache.unrelated)
    assert sorted(cache.labels.parent.iterdir()) == [cache.labels, cache.unrelated]
