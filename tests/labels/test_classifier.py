from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.embedding.starter import load_starter
from safelight.errors import SettingsError, SpaceError
from safelight.labels import APPLIES, Classifier, LabelSet, caveat, read_label_set
from safelight.labels.embeddings import UNRELATED
from tests.labels.words import WordModel

SET = LabelSet(("dog", "beach", "wide shot", "food"), ("a photo of {}", "a {} scene"))
PROMPTS = [f"a photo of {thing}" for thing in json.loads(UNRELATED.read_text("utf-8"))["prompts"]]


def _vectors(count: int = 20, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, WordModel.dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _label_vectors(model: WordModel, label_set: LabelSet = SET) -> np.ndarray:
    rows = []
    for label in label_set.labels:
        texts = [template.replace("{}", label) for template in label_set.templates]
        mean = model.encode_texts(texts).astype(np.float64).mean(axis=0)
        rows.append(mean / np.linalg.norm(mean))
    return np.array(rows)


@pytest.mark.parametrize("scale", [1.0, 20.0, 100.0])
def test_confidence_is_a_plain_softmax_over_all_labels(scale: float) -> None:
    model = WordModel(logit_scale=scale)
    found = Classifier.open(SET, model, cache=None).classify(_vectors(), top=4)
    cosines = _vectors() @ _label_vectors(model).T
    powers = np.exp(scale * cosines)
    softmax = powers / powers.sum(axis=1, keepdims=True)
    for row, each in enumerate(found):
        for score in each.labels:
            column = SET.labels.index(score.label)
            assert score.confidence == pytest.approx(softmax[row, column], rel=1e-5)
            assert score.cosine_score == pytest.approx(cosines[row, column], abs=1e-6)
        assert sum(score.confidence for score in each.labels) == pytest.approx(1)


def test_labels_come_by_confidence_and_no_more_than_asked_for() -> None:
    classifier = Classifier.open(SET, WordModel(), cache=None)
    for top in (1, 3, 4, 99):
        for each in classifier.classify(_vectors(), top):
            confidences = [score.confidence for score in each.labels]
            assert len(confidences) == min(top, 4)
            assert confidences == sorted(confidences, reverse=True)
    assert classifier.classify(np.empty((0, 64), np.float32)) == []


def test_ties_follow_the_order_of_the_set() -> None:
    model = WordModel()
    same = np.tile(_label_vectors(model)[:1], (4, 1)).astype(np.float32)
    (found,) = Classifier(SET, model, same, model.encode_texts(PROMPTS)).classify(_vectors(1))
    assert tuple(score.label for score in found.labels) == SET.labels
    assert {score.confidence for score in found.labels} == {0.25}


def test_the_temperature_is_the_models_unless_set() -> None:
    assert Classifier.open(SET, WordModel(logit_scale=50), cache=None).temperature == 1 / 50
    assert Classifier.open(SET, WordModel(logit_scale=None), cache=None).temperature == 1 / 100
    hot = Classifier.open(SET, WordModel(), cache=None, temperature=5.0)
    assert hot.temperature == 5.0
    (found,) = hot.classify(_vectors(1), top=4)
    assert all(0.2 < score.confidence < 0.3 for score in found.labels)
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(SettingsError, match="temperature"):
            Classifier.open(SET, WordModel(), cache=None, temperature=wrong)


def test_calibrated_is_how_far_a_label_stands_above_unrelated_prompts() -> None:
    model = WordModel()
    vectors = np.concatenate([_vectors(), _label_vectors(model).astype(np.float32)])
    null = vectors.astype(np.float64) @ model.encode_texts(PROMPTS).astype(np.float64).T
    cosines = vectors @ _label_vectors(model).T
    z = (cosines - null.mean(axis=1, keepdims=True)) / null.std(axis=1, keepdims=True)
    expected = 1 / (1 + np.exp(3.5 - 1.4 * z))
    found = Classifier.open(SET, model, cache=None).classify(vectors, top=4)
    for row, each in enumerate(found):
        for score in each.labels:
            probability = expected[row, SET.labels.index(score.label)]
            assert score.calibrated == pytest.approx(probability, abs=1e-4)
            assert score.applies == (score.calibrated >= APPLIES)


def test_several_labels_may_apply_or_none() -> None:
    model = WordModel()
    dog, beach, *_ = _label_vectors(model)
    both = (dog + beach) / np.linalg.norm(dog + beach)
    far = np.mean(model.encode_texts(PROMPTS), axis=0) - _label_vectors(model).mean(axis=0)
    vectors = np.stack([both, dog, far / np.linalg.norm(far)]).astype(np.float32)
    two, one, none = Classifier.open(SET, model, cache=None).classify(vectors, top=1)
    assert {score.label for score in two.applying} >= {"dog", "beach"}
    assert not two.abstained
    assert len(two.labels) == 1, "all that apply are told, however few are ranked"
    assert one.applying[0].label == "dog"
    probabilities = [score.calibrated for score in two.applying]
    assert probabilities == sorted(probabilities, reverse=True)
    assert none.abstained
    assert none.applying == ()
    assert none.labels, "the first by confidence is told all the same"


def test_the_others_do_not_change_a_labels_probability() -> None:
    model = WordModel()
    fewer = LabelSet(SET.labels[:2], SET.templates)
    many = Classifier.open(SET, model, cache=None).classify(_vectors(), top=4)
    few = Classifier.open(fewer, model, cache=None).classify(_vectors(), top=4)
    for one, other in zip(many, few, strict=True):
        known = {score.label: score for score in one.labels}
        for score in other.labels:
            assert score.calibrated == pytest.approx(known[score.label].calibrated, abs=1e-9)
            assert score.confidence > known[score.label].confidence


def test_a_model_with_a_bias_uses_its_own_sigmoid_and_no_null() -> None:
    model = WordModel(logit_scale=10.0, logit_bias=-4.0)
    classifier = Classifier.open(SET, model, cache=None)
    assert model.embedded == len(SET.prompts), "unrelated prompts were embedded for nothing"
    vectors = np.concatenate([_vectors(), _label_vectors(model).astype(np.float32)])
    expected = 1 / (1 + np.exp(4.0 - 10.0 * (vectors @ _label_vectors(model).T)))
    found = classifier.classify(vectors, top=4)
    for row, each in enumerate(found):
        for score in each.labels:
            probability = expected[row, SET.labels.index(score.label)]
            assert score.calibrated == pytest.approx(probability, rel=1e-5)
    assert not any(each.abstained for each in found[-4:])
    # A temperature is of the softmax alone.
    hot = Classifier.open(SET, model, cache=None, temperature=3.0).classify(vectors, top=4)
    assert {s.label: s.calibrated for s in hot[0].labels} == {
        s.label: s.calibrated for s in found[0].labels
    }


def test_a_photo_gets_the_same_alone_and_among_others() -> None:
    classifier = Classifier.open(SET, WordModel(), cache=None)
    together = classifier.classify(_vectors(33))
    alone = [classifier.classify(row[None])[0] for row in _vectors(33)]
    for one, other in zip(together, alone, strict=True):
        assert [s.cosine_score for s in one.labels] == [s.cosine_score for s in other.labels]
        assert [s.label for s in one.labels] == [s.label for s in other.labels]


def test_threads_share_a_classifier() -> None:
    classifier = Classifier.open(SET, WordModel(), cache=None)
    expected = classifier.classify(_vectors(200))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: classifier.classify(_vectors(200)), range(16)))
    assert all(each == expected for each in found)


def test_a_model_to_which_all_is_one_divides_by_nothing(embedder) -> None:
    # The fake embeds every unrelated prompt alike.
    classifier = Classifier.open(LabelSet(("red", "stone"), ("{}",)), embedder, cache=None)
    red, white = classifier.classify(embedder.encode_texts(["red", "stone"]), top=2)
    assert [score.label for score in red.applying] == ["red"]
    assert white.abstained


def test_vectors_of_another_length_are_refused() -> None:
    classifier = Classifier.open(SET, WordModel(), cache=None)
    for wrong in (np.zeros((2, 63), np.float32), np.zeros(64, np.float32)):
        with pytest.raises(SpaceError):
            classifier.classify(wrong)


def test_the_version_tells_all_that_decides() -> None:
    other = LabelSet(SET.labels, ("{}",))
    versions = {
        Classifier.open(SET, WordModel(), cache=None).version,
        Classifier.open(SET, WordModel("other"), cache=None).version,
        Classifier.open(other, WordModel(), cache=None).version,
        Classifier.open(SET, WordModel(), cache=None, temperature=0.1).version,
    }
    assert len(versions) == 4
    assert Classifier.open(SET, WordModel(), cache=None).version in versions


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.floats(0.001, 1000))
def test_probabilities_are_probabilities(seed: int, temperature: float) -> None:
    classifier = Classifier.open(SET, WordModel(), cache=None, temperature=temperature)
    for each in classifier.classify(_vectors(5, seed), top=4):
        assert sum(score.confidence for score in each.labels) == pytest.approx(1)
        for score in each.labels:
            assert 0 <= score.confidence <= 1
            assert 0 <= score.calibrated <= 1
        assert each.abstained == (not each.applying)


def test_the_starter_model_labels_what_it_knows_and_says_what_it_is() -> None:
    model = load_starter()
    texts = ["a sandy beach by the sea", "a plate of food", "a wild animal", "a street with cars"]
    found = Classifier.open(read_label_set(), model, cache=None).classify(model.encode_texts(texts))
    assert [each.labels[0].label for each in found] == ["beach", "food", "animal", "road"]
    assert all(len(each.labels) == 5 for each in found)
    assert "starter" in (caveat(model) or "")
    assert caveat(WordModel()) is None
