"""Equal vectors score the same, on every row, in every index, under every BLAS kernel."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from safelight.cosine import DECIMALS, candidates, cosines, rounded

# A fresh process for each kernel: OpenBLAS chooses one when it is loaded.
_PROGRAM = """
import json, numpy as np
from safelight.duplicates.candidates.cosine_index import CosineIndex
from safelight.library.vector_index.flat import ExactIndex
from safelight.retrieval import retrieve_local
from safelight.server.estimates import Estimates

class Words:
    def __init__(self, vector): self.vector = vector
    def encode_texts(self, texts): return self.vector[None]

answers, wrong = [], []
for seed in range(12):
    rng = np.random.default_rng(seed)
    dimension = (8, 33, 512, 768)[seed % 4]
    wide = rng.standard_normal((120, dimension))
    wide[20:90] = wide[20]
    wide /= np.sqrt((wide ** 2).sum(axis=1, keepdims=True))
    query = wide[20] + 0.3 * wide[100]
    vectors, query = wide.astype(np.float32), (query / (query**2).sum() ** 0.5).astype(np.float32)
    keys = np.arange(120, dtype=np.int64)
    queries = np.stack([query, vectors[5], -query])
    for cuts in ([], [31], [7, 50, 88]):
        parts = np.split(np.arange(120), cuts)
        index = ExactIndex(dimension, [(keys[part], vectors[part]) for part in parts])
        several = index.search_many(queries, [9, 9, 9], [None] * 3)[0]
        alone = index.search(query, 9)
        some = index.search(query, 9, allowed=keys[::2])
        for name, got, first in (
            ("several", several, range(20, 29)),
            ("alone", alone, range(20, 29)),
            ("some", some, range(20, 38, 2)),
        ):
            if got.keys.tolist() != list(first) or len(set(got.scores.tolist())) != 1:
                wrong.append((seed, name, cuts, got.keys.tolist()))
    hastened = ExactIndex(dimension, [(keys, vectors)])
    estimates = Estimates(vectors)
    list(estimates.prepare())
    hastened.hasten(estimates)
    if hastened.search(query, 9).keys.tolist() != list(range(20, 29)):
        wrong.append((seed, "estimates"))
    order = [int(path) for path, _ in
        retrieve_local("x", vectors, list(map(str, keys)), 9, embedder=Words(query))]
    if order != list(range(20, 29)):
        wrong.append((seed, "retrieval", order))
    join = CosineIndex([vectors], keys, 0.9)
    near = join.near(query[None], np.array([120]), 200)
    if len(near.found) not in (0, 70) and len(set(near.measured.tolist())) != 1:
        wrong.append((seed, "join", near.found.tolist()))
    answers.append([alone.keys.tolist(), alone.scores.tolist()])
print(json.dumps({"answers": answers, "wrong": wrong}))
"""

_KERNELS = (
    ("", "Prescott", "Nehalem", "Sandybridge", "Haswell", "Zen", "SkylakeX")
    if platform.machine() in ("x86_64", "AMD64")
    else ("", "ARMV8", "NEOVERSEN1")
)


def _answer(kernel: str) -> dict[str, object]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS")
    }
    if kernel:
        environment["OPENBLAS_CORETYPE"] = kernel
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True
    )
    if done.returncode < 0:
        pytest.skip(f"this processor cannot run the kernel {kernel}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_equal_vectors_tie_under_every_kernel() -> None:
    expected = _answer("")
    assert expected["wrong"] == []
    for kernel in _KERNELS[1:]:
        found = _answer(kernel)
        assert found["wrong"] == [], kernel
        assert found["answers"] == expected["answers"], kernel


@pytest.mark.parametrize("dimension", [1, 2, 7, 512, 1152])
def test_a_cosine_does_not_depend_on_its_row(dimension: int) -> None:
    rng = np.random.default_rng(dimension)
    vector = rng.standard_normal(dimension).astype(np.float32)
    query = rng.standard_normal(dimension).astype(np.float32)
    vector, query = vector / np.linalg.norm(vector), query / np.linalg.norm(query)
    many = np.repeat(vector[None], 3001, axis=0)
    expected = round(float(vector.astype(np.float64) @ query.astype(np.float64)), DECIMALS)
    assert set(cosines(many, query).tolist()) == {expected}
    assert set(cosines(many, query, np.arange(5, 3000, 7)).tolist()) == {expected}
    pairs = np.repeat(query[None], 3001, axis=0)
    assert set(cosines(many, pairs).tolist()) == {expected}


def test_rounding_has_no_negative_zero() -> None:
    assert str(rounded([-1e-9])[0]) == "0.0"


def test_candidates_hold_all_that_may_tie() -> None:
    scores = np.array([0.5, 0.5 + 4e-7, 0.1, 0.5 - 4e-7], np.float32)
    assert candidates(scores, 1).tolist() == [0, 1, 3]
    assert candidates(scores, 9).tolist() == [0, 1, 2, 3]
    assert candidates(scores[:0], 3).tolist() == []
