from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.embedding.load import load_embedder
from safelight.errors import UsageError
from safelight.quality.clip_iqa import ENSEMBLE, PAIRS, ClipIqa
from safelight.quality.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Sequence

DIMENSION = 32


class Words:
    """A text side that gives each text a direction of its own, all of them near each other."""

    name = "words"
    fingerprint = hashlib.sha256(b"words").hexdigest()

    def __init__(self, logit_scale: float | None = 100.0) -> None:
        self.logit_scale = logit_scale
        self.asked: list[str] = []

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        return np.stack([_unit(text) for text in texts])


def _unit(text: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    vector = np.ones(DIMENSION) + 0.2 * np.random.default_rng(seed).standard_normal(DIMENSION)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _picture(embedding: np.ndarray | None, fingerprint: str | None = Words.fingerprint) -> Picture:
    return Picture.of(np.zeros((8, 8), np.uint8), embedding=embedding, fingerprint=fingerprint)


def _softmax(photo: np.ndarray, good: str, bad: str, scale: float) -> float:
    logits = scale * np.array([_unit(good) @ photo, _unit(bad) @ photo], np.float64)
    shares = np.exp(logits - logits.max())
    return float(shares[0] / shares.sum())


@pytest.mark.parametrize("scale", [100.0, 117.33, 10.0])
def test_it_is_the_mean_of_five_softmaxes(scale: float) -> None:
    photo = _unit("a photo")
    found = ClipIqa(Words(scale)).measure(_picture(photo))
    expected = np.mean([_softmax(photo, good, bad, scale) for good, bad in ENSEMBLE])
    assert found.status == "ok"
    assert found.value == found.score == pytest.approx(expected, abs=1e-5)


def test_one_pair_alone_can_be_asked_for() -> None:
    photo = _unit("a photo")
    found = ClipIqa(Words(), prompts="quality").measure(_picture(photo))
    assert found.value == pytest.approx(
        _softmax(photo, "Good photo.", "Bad photo.", 100.0), abs=1e-5
    )


def test_named_pairs_are_told_beside_it() -> None:
    photo = _unit("a photo")
    found = ClipIqa(Words(), pairs=("brightness", "contrast")).measure(_picture(photo))
    assert found.value == ClipIqa(Words()).measure(_picture(photo)).value
    assert found.details["pairs"] == {
        name: pytest.approx(_softmax(photo, *PAIRS[name], 100.0), abs=1e-5)
        for name in ("brightness", "contrast")
    }


def test_a_photo_like_the_good_description_scores_high() -> None:
    metric = ClipIqa(Words(), prompts="quality")
    good, bad = (metric.measure(_picture(_unit(text))).score for text in PAIRS["quality"])
    assert good > 0.9 > 0.1 > bad
    assert good + bad == pytest.approx(1, abs=1e-6), "the pair is symmetric"


def test_an_unknown_scale_is_the_usual_one() -> None:
    photo = _unit("a photo")
    assert (
        ClipIqa(Words(None)).measure(_picture(photo)).value
        == ClipIqa(Words(100.0)).measure(_picture(photo)).value
    )


def test_texts_are_embedded_once_whatever_the_threads() -> None:
    model = Words()
    metric = ClipIqa(model)
    pictures = [_picture(_unit(str(number))) for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        together = [found.value for found in pool.map(metric.measure, pictures)]
    assert together == [metric.measure(picture).value for picture in pictures]
    assert len(model.asked) == 2 * len(ENSEMBLE)


@pytest.mark.parametrize(
    ("model", "picture", "says"),
    [
        (None, _picture(_unit("x")), "no CLIP model"),
        (Words(), _picture(None), "not embedded with words"),
        (Words(), _picture(_unit("x"), "0" * 64), "another space"),
    ],
)
def test_what_cannot_be_compared_is_skipped(model, picture, says) -> None:
    found = ClipIqa(model).measure(picture)
    assert (found.status, found.value, found.score) == ("skipped", None, None)
    assert says in str(found.reason)


def test_the_starter_model_is_skipped_and_it_is_said_why() -> None:
    starter = load_embedder("starter")
    vector = starter.encode_texts(["anything"])[0]
    found = ClipIqa(starter).measure(_picture(vector, starter.fingerprint))
    assert found.status == "skipped"
    assert "starter model" in str(found.reason)


def test_another_model_or_other_prompts_are_another_version() -> None:
    other = Words()
    other.fingerprint = "f" * 64  # type: ignore[misc]
    versions = [
        ClipIqa().version,
        ClipIqa(Words()).version,
        ClipIqa(Words(), prompts="quality").version,
        ClipIqa(other).version,
    ]
    assert len(set(versions)) == 4
    assert ClipIqa(Words()).version == ClipIqa(Words(), pairs=("beauty",)).version


def test_unknown_prompts_are_refused() -> None:
    for options in ({"prompts": "nonsense"}, {"pairs": ("beauty", "nonsense")}):
        with pytest.raises(UsageError, match=r"Unknown prompts 'nonsense'.*brightness"):
            ClipIqa(**options)
