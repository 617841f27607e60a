"""Accuracy of the labels, choice of `calibrated`, and the time that labels take.

    SAFELIGHT_TEST_PHOTOS=... python -m bench.labels [--update docs/labels.md] [--vit-b-32]

Truth is in `label_truth`: 16 of the 50 labels, judged by eye on 411 photos. Every other photo is
fitted on; all figures are of the rest. --vit-b-32 also times the labels of a model of that size
with random weights, which needs PyTorch.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.label_truth import TRUTH
from bench.measure import save, table
from bench.starter import embed
from safelight.embedding.load import load_embedder
from safelight.embedding.starter import load_starter
from safelight.ingest.label import label_known
from safelight.labels import APPLIES, Classifier, read_label_set
from safelight.labels.embeddings import embed_labels, embed_unrelated
from safelight.library.attributes.labels import lacking_labels
from safelight.library.database import Database
from safelight.library.spaces import add_space
from safelight.library.write import FileRecord, ItemRecord, write
from safelight.search import search_labels
from safelight.search.query import parse_query
from safelight.types import Space

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.embedding.base import Embedder

# Labels for things: whoever asks for nothing else should get no answer on other photos.
THINGS = (
    "animal, people, food, beach, ocean, flower, building, sports, road, mountain"
).split(", ")  # fmt: skip

_BINS = 10
_ROUNDS = 7
_FEW = 3

Rows = list[tuple[object, ...]]


def read(folder: Path) -> tuple[list[Path], list[str]]:
    """Return the photos and what `label_truth` calls them."""
    with (folder / "imagenet-sample" / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    files = [folder / "imagenet-sample" / row["file"] for row in rows]
    names = [row["class"] for row in rows]
    for line in (folder / "captioned" / "captions.jsonl").read_text("utf-8").splitlines():
        name = json.loads(line)["file"]
        files.append(folder / "captioned" / name)
        names.append(str(int(Path(name).stem)))
    return files, names


def fit(scores: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return slope and intercept of the logistic map of greatest likelihood."""
    columns = np.stack([scores, np.ones_like(scores)], axis=1)
    found = np.zeros(2)
    for _ in range(50):  # Newton's method; the likelihood has one summit
        p = sigmoid(columns @ found)
        slope = columns.T @ (truth - p)
        curve = (columns * (p * (1 - p))[:, None]).T @ columns
        found += np.linalg.solve(curve + 1e-9 * np.eye(2), slope)
    return float(found[0]), float(found[1])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def area(scores: np.ndarray, truth: np.ndarray) -> float:
    """Return how often a right label scores above a wrong one (the area under the ROC curve)."""
    right, wrong = scores[truth == 1], scores[truth == 0]
    above = (right[:, None] > wrong).mean() + (right[:, None] == wrong).mean() / 2
    return float(above)


def error(p: np.ndarray, truth: np.ndarray) -> float:
    """Return the expected calibration error over ten equal bins."""
    bins = np.minimum((p * _BINS).astype(int), _BINS - 1)
    total = 0.0
    for each in range(_BINS):
        inside = bins == each
        if inside.any():
            total += inside.mean() * abs(p[inside].mean() - truth[inside].mean())
    return total


def loss(p: np.ndarray, truth: np.ndarray) -> float:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(truth == 1, np.log(p), np.log1p(-p))))


def agreement(p: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return precision and recall of the labels that are said to apply."""
    said = p >= APPLIES
    precision = float(truth[said].mean()) if said.any() else float("nan")
    return precision, float(said[truth == 1].mean())


class Photos:
    """The judged photos: their vectors, what is true of them, and which half they are in."""

    def __init__(self, folder: Path) -> None:
        files, names = read(folder)
        self.model = load_starter()
        self.label_set = read_label_set()
        self.vectors = embed(self.model, files).astype(np.float64)
        self.labels = embed_labels(self.label_set, self.model).astype(np.float64)
        self.unrelated = embed_unrelated(self.model).astype(np.float64)
        judged = [[each.judge(name) for each in TRUTH.values()] for name in names]
        self.truth = np.array([[-1 if each is None else each for each in row] for row in judged])
        self.columns = [self.label_set.labels.index(label) for label in TRUTH]
        self.fitted = np.arange(len(names)) % 2 == 0

    def pairs(self, scores: np.ndarray, *, fitted: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return scores and truth of the judged pairs of photo and label in one half."""
        chosen = scores[:, self.columns] if scores.shape[1] != len(TRUTH) else scores
        inside = (self.truth >= 0) & (self.fitted if fitted else ~self.fitted)[:, None]
        return chosen[inside], self.truth[inside]


def z_scores(photos: Photos, prompts: np.ndarray) -> np.ndarray:
    null = photos.vectors @ prompts.T
    cosines = photos.vectors @ photos.labels.T
    return (cosines - null.mean(1, keepdims=True)) / null.std(1, keepdims=True)


def tried(photos: Photos) -> Rows:
    """Compare ways to a probability, each fitted on one half and judged on the other."""
    cosines = photos.vectors @ photos.labels.T
    z = z_scores(photos, photos.unrelated)
    middle = np.median(z, axis=0)
    spread = 1.4826 * np.median(np.abs(z - middle), axis=0)
    logits = 20 * cosines
    softmax = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    ways = {
        "z against 240 unrelated prompts": z,
        "- against 120 of them": z_scores(photos, photos.unrelated[::2]),
        "- against 40 of them": z_scores(photos, photos.unrelated[::6]),
        "- less the label's median over the photos": z - middle,
        "- and divided by its spread over the photos": (z - middle) / spread,
        "the cosine alone": cosines,
        "logarithm of the confidence": softmax,
    }
    rows: Rows = [("what the map is fitted to", "area", "cross entropy", "slope", "intercept")]
    for name, scores in ways.items():
        slope, intercept = fit(*photos.pairs(scores, fitted=True))
        found, truth = photos.pairs(scores, fitted=False)
        p = sigmoid(slope * found + intercept)
        rows.append(
            (name, f"{area(found, truth):.3f}", f"{loss(p, truth):.4f}", f"{slope:.2f}",
             f"{intercept:.2f}")
        )  # fmt: skip
    return rows


def shipped(photos: Photos) -> tuple[Rows, Rows]:
    """Judge what the classifier says on the half that nothing was fitted on."""
    everything = len(photos.label_set.labels)
    classifier = Classifier(
        photos.label_set,
        photos.model,
        photos.labels.astype(np.float32),
        photos.unrelated.astype(np.float32),
    )
    found = classifier.classify(photos.vectors.astype(np.float32), top=everything)
    calibrated, confidence = np.empty((2, len(found), len(TRUTH)))
    for number, each in enumerate(found):
        by_label = {score.label: score for score in each.labels}
        calibrated[number] = [by_label[label].calibrated for label in TRUTH]
        confidence[number] = [by_label[label].confidence for label in TRUTH]
    p, truth = photos.pairs(calibrated, fitted=False)
    q, _ = photos.pairs(confidence, fitted=False)
    of_p, of_q = agreement(p, truth), agreement(q, truth)
    things = [list(TRUTH).index(label) for label in THINGS]
    said = (calibrated[:, things] >= APPLIES).any(axis=1)[~photos.fitted]
    judged = photos.truth[:, things][~photos.fitted]
    nothing, something = (judged == 0).all(axis=1), (judged == 1).any(axis=1)
    rows: Rows = [
        ("on the half that nothing was fitted on", "calibrated", "confidence"),
        ("pairs of photo and label, of which right", f"{len(truth)}, {int(truth.sum())}", ""),
        ("expected calibration error", f"{error(p, truth):.3f}", f"{error(q, truth):.3f}"),
        ("precision at 0.5", f"{of_p[0]:.2f}", f"{of_q[0]:.2f}"),
        ("recall at 0.5", f"{of_p[1]:.2f}", f"{of_q[1]:.2f}"),
        (
            f"abstains from the {len(things)} labels of things where none applies",
            f"{(~said[nothing]).mean():.2f} of {nothing.sum()}",
            "",
        ),
        ("- where at least one does", f"{(~said[something]).mean():.2f} of {something.sum()}", ""),
    ]
    each_label: Rows = [("label", "photos", "area", "precision", "recall")]
    for column, label in enumerate(TRUTH):
        inside = (photos.truth[:, column] >= 0) & ~photos.fitted
        some, right = calibrated[inside, column], photos.truth[inside, column]
        count = f"{int(right.sum())} of {len(right)}"
        if right.sum() < _FEW:
            each_label.append((label, count, "too few", "–", "–"))
            continue
        precision, recall = agreement(some, right)
        told = "none said" if np.isnan(precision) else f"{precision:.2f}"
        each_label.append((label, count, f"{area(some, right):.2f}", told, f"{recall:.2f}"))
    return rows, each_label


def speeds(model: Embedder, name: str) -> Rows:
    """Time the labels of a model, with a cache and without."""
    label_set = read_label_set()
    model.encode_texts(["warm"])
    with tempfile.TemporaryDirectory() as folder:
        first = _seconds(lambda: Classifier.open(label_set, model, cache=None), 3)
        classifier = Classifier.open(label_set, model, cache=Path(folder))
        cached = _seconds(lambda: Classifier.open(label_set, model, cache=Path(folder)))
    chance = np.random.default_rng(0)
    vectors = chance.standard_normal((1000, model.dimension), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    one = _seconds(lambda: classifier.classify(vectors[:1]))
    thousand = _seconds(lambda: classifier.classify(vectors))
    return [
        (f"{name}: labels and prompts embedded, once, s", f"{first:.2f}"),
        (f"{name}: read from the cache, ms", f"{1000 * cached:.1f}"),
        (f"{name}: one photo, ms", f"{1000 * one:.2f}"),
        (f"{name}: a photo of a thousand, ms", f"{thousand:.3f}"),
    ]


def in_library(count: int = 10_000) -> Rows:
    """Time labelling photos of a library, writing included, and finding them by labels."""
    model, label_set = load_starter(), read_label_set()
    classifier = Classifier.open(label_set, model, cache=None)
    words = model.encode_texts([*label_set.labels, *("a dog", "a car", "a chair", "a hammer")])
    chance = np.random.default_rng(0)
    vectors = words[chance.integers(0, len(words), count)]
    vectors = vectors + chance.standard_normal(vectors.shape, np.float32) / 50
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with tempfile.TemporaryDirectory() as folder, Database(Path(folder, "library.db")) as library:
        add_space(library, Space(model.fingerprint, "starter", model.dimension, "starter"))
        items = [
            ItemRecord(f"{number:064x}", "photo", 1, vector)
            for number, vector in enumerate(vectors)
        ]
        files = [FileRecord(f"/{item.id}", item.id, None, item.id) for item in items]
        write(library, "default", files, items, fingerprint=model.fingerprint)
        started = time.perf_counter()
        wanted = lacking_labels(library, model.fingerprint, label_set.version)
        for _ in label_known(library, classifier, [photo_id for photo_id, _ in wanted]):
            pass
        all_of_them = time.perf_counter() - started
        filters = parse_query("label:beach -label:people").labels
        found = _seconds(lambda: search_labels(library, filters, model.fingerprint))
    return [
        (f"a library of {count:,} labelled, s", f"{all_of_them:.1f}"),
        (f"label:beach -label:people in a library of {count:,}, ms", f"{1000 * found:.0f}"),
    ]


def _seconds(run: Callable[[], object], rounds: int = _ROUNDS) -> float:
    run()
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def update(page: Path, name: str, rows: Rows) -> None:
    """Write a table into a page, between its marks."""
    begin, end = f"<!-- measured: bench/labels.py {name} -->", f"<!-- end of {name} -->"
    before, rest = page.read_text("utf-8").split(begin)
    after = rest.split(end)[1]
    lines = [" | ".join(map(str, row)) for row in rows]
    lines.insert(1, " | ".join("---" for _ in rows[0]))
    made = "\n".join(f"| {line} |".replace("|  |", "| |") for line in lines)
    page.write_text(f"{before}{begin}\n\n{made}\n\n{end}{after}", "utf-8")


def vit_b_32() -> Embedder:
    """Return a model of the size of ViT-B/32 with random weights, as ONNX in float32."""
    from bench.models import write

    return load_embedder(str(write("ViT-B-32")["fp32"]), device="cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--update", type=Path, metavar="PAGE", help="write the tables into PAGE")
    parser.add_argument("--vit-b-32", action="store_true", help="time a model of that size, too")
    arguments = parser.parse_args()
    tables: dict[str, Rows] = {}
    if named := os.environ.get("SAFELIGHT_TEST_PHOTOS"):
        photos = Photos(Path(named))
        tables["shipped"], tables["each"] = shipped(photos)
        tables["tried"] = tried(photos)
    else:
        print("SAFELIGHT_TEST_PHOTOS names no photos: only speed is measured.", file=sys.stderr)
    rows: Rows = [("how long", "measured"), *speeds(load_starter(), "starter"), *in_library()]
    if arguments.vit_b_32:
        rows += speeds(vit_b_32(), "ViT-B/32")
    tables["speed"] = rows
    for each in tables.values():
        table(each)
        print()
    save("labels", tables)
    if arguments.update:
        for name, each in tables.items():
            update(arguments.update, name, each)


if __name__ == "__main__":
    main()
