from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.errors import SettingsError
from safelight.quality import combined
from safelight.quality.combined import Combined, Weights, combine
from safelight.quality.metric import Measurement

scores = st.floats(0, 1)
measurements = st.dictionaries(
    st.sampled_from(
        ["focus", "exposure", "noise", "brisque", "niqe", "clip_iqa", "sharpness", "x"]
    ),
    st.one_of(
        scores.map(lambda score: Measurement(score, score)),
        st.sampled_from(["failed", "skipped"]).map(lambda s: Measurement(None, None, s, "why")),
    ),
)


def test_examples_in_docstrings_run() -> None:
    assert doctest.testmod(combined).failed == 0


@given(measurements)
def test_it_is_the_weighted_mean_of_what_took_part(found: dict[str, Measurement]) -> None:
    weights = Weights()
    result = combine(found, weights)
    counted = {n: m for n, m in found.items() if m.status == "ok" and getattr(weights, n, 0) > 0}
    assert set(result.parts) == set(counted)
    if not counted:
        assert result == Combined(None)
        return
    assert sum(result.parts.values()) == pytest.approx(1)
    expected = sum(share * counted[name].score for name, share in result.parts.items())
    assert result.score == pytest.approx(expected)
    low, *_, high = sorted(m.score for m in [*counted.values(), *counted.values()])
    assert low - 1e-12 <= result.score <= high + 1e-12
    for name, share in result.parts.items():
        total = sum(getattr(weights, other) for other in result.parts)
        assert share == pytest.approx(getattr(weights, name) / total)


def test_weak_metrics_do_not_dominate() -> None:
    fine, awful = Measurement(1.0, 1.0), Measurement(99.0, 0.0)
    found = dict.fromkeys(("focus", "exposure", "noise"), fine)
    assert combine({**found, "brisque": awful, "niqe": awful}, Weights()).score > 0.8
    assert max(Weights().brisque, Weights().niqe) < min(Weights().clip_iqa, Weights().focus) / 2


def test_weights_are_read_from_text() -> None:
    assert Weights.parse("focus=2, noise = 0") == Weights(focus=2.0, noise=0.0)
    assert Weights.parse("") == Weights()


@pytest.mark.parametrize(
    "text", ["focus", "focus=much", "colour=1", "focus=-1", "focus=nan", "focus=inf"]
)
def test_impossible_weights_are_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        Weights.parse(text)
