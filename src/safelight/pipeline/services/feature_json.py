"""Features as batches have them: ``tech``, ``clip_labels``, and ``status`` if one is missing."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from safelight.pipeline.services.extraction import TECH, TOP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.pipeline.services.extraction import Extracted
    from safelight.pipeline.services.problem import Problem
    from safelight.quality import Measurement

LABELS = "clip_labels"

# What stands for a measurement or a label that is not there, for readers of the original
# service's output; only on demand.
_FALLBACK = 0.5


def as_features(extracted: Extracted) -> dict[str, Any]:
    """Return the features, JSON-ready.

    ``tech`` has the score of each metric, 0 to 1, where 1 is better, and ``clip_labels`` the
    labels, likeliest first. What is not there is null, and then ``status`` says about each whether
    it is ``ok``, ``failed`` or ``skipped``, and why.
    """
    problem, found = extracted.problem, extracted.measurements
    status = {name: _status(found.get(name), problem) for name in TECH}
    labels = None
    if extracted.labelling is None:
        status[LABELS] = _failed(problem)
    else:
        status[LABELS] = _OK
        labels = [
            {
                "label": each.label,
                "confidence": each.confidence,
                "cosine_score": each.cosine_score,
            }
            for each in extracted.labelling.labels
        ]
    tech = {name: found[name].score if name in found else None for name in TECH}
    features: dict[str, Any] = {"tech": tech, LABELS: labels}
    if any(each["status"] != "ok" for each in status.values()):
        features["status"] = copy.deepcopy(status)
    return features


def is_failed(features: Mapping[str, Any]) -> bool:
    """Tell whether another try might find more; what was skipped would be skipped again."""
    return any(each["status"] == "failed" for each in features.get("status", {}).values())


def fall_back(features: Mapping[str, Any], labels: Sequence[str]) -> dict[str, Any]:
    """Return the features with defaults where nothing is, each marked as ``fallback``.

    Parameters
    ----------
    labels : sequence of str
        The first of them are the default labels.
    """
    filled = copy.deepcopy(dict(features))
    for name, each in filled.get("status", {}).items():
        if each["status"] == "ok":
            continue
        each["fallback"] = True
        if name == LABELS:
            filled[LABELS] = [
                {"label": label, "confidence": _FALLBACK, "cosine_score": _FALLBACK}
                for label in labels[:TOP]
            ]
        else:
            filled["tech"][name] = _FALLBACK
    return filled


def merge(before: object, features: Mapping[str, Any]) -> dict[str, Any]:
    """Return features over those that an artifact had; what others put there stays.

    Examples
    --------
    >>> merge({"faces": 2, "tech": {"noise": 0, "skew": 1}}, {"tech": {"noise": 1}})
    {'faces': 2, 'tech': {'noise': 1, 'skew': 1}}
    """
    merged = copy.deepcopy(dict(features))
    if not isinstance(before, dict):
        return merged
    if isinstance(before.get("tech"), dict):
        merged["tech"] = {**before["tech"], **merged["tech"]}
    kept = {name: value for name, value in before.items() if name != "status"}
    return {**kept, **merged}


_OK = {"status": "ok", "code": None, "reason": None}


def _status(measurement: Measurement | None, problem: Problem | None) -> dict[str, str | None]:
    if measurement is None:
        return _failed(problem)
    if measurement.status == "ok":
        return _OK
    return {"status": measurement.status, "code": None, "reason": measurement.reason}


def _failed(problem: Problem | None) -> dict[str, str | None]:
    code, reason = (problem.code, problem.reason) if problem else (None, None)
    return {"status": "failed", "code": code, "reason": reason}
