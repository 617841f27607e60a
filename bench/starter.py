"""Accuracy, speed and size of the built-in model.

    SAFELIGHT_TEST_PHOTOS=... python -m bench.starter [--update docs/starter-model.md]

Accuracy needs labelled and captioned photos: the folder that SAFELIGHT_TEST_PHOTOS names holds
`imagenet-sample` with `labels.csv`, and `captioned` with `captions.jsonl`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.broad_words import BROAD_WORDS, PHRASINGS
from bench.measure import save, table
from safelight.embedding import starter
from safelight.imaging import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from safelight.embedding.starter import StarterEmbedder

_BEGIN, _END = "<!-- measured: bench/starter.py -->", "<!-- end of measured -->"
_CUTS = (1, 5, 10)
_BATCH, _ROUNDS = 16, 7

Rows = list[tuple[object, ...]]


def embed(model: StarterEmbedder, files: list[Path]) -> np.ndarray:
    parts = []
    for start in range(0, len(files), _BATCH):
        batch = files[start : start + _BATCH]
        frames = [decode(path.read_bytes(), min_side=model.min_side) for path in batch]
        parts.append(model.encode_images(frames))
    return np.concatenate(parts)


def ranks(scores: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return, for each row, the place of the first right column, from 1."""
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    return (scores > best).sum(axis=1) + 1


def class_names(model: StarterEmbedder, vectors: np.ndarray, names: list[str]) -> Rows:
    places = ranks(model.encode_texts(names) @ vectors.T, np.eye(len(names), dtype=bool))
    rows: Rows = [("class names, mean reciprocal rank", _number((1 / places).mean()), "0.88")]
    for cut in _CUTS:
        # One photo a class: of the first 5, one at most is right.
        rows.append((f"class names, precision at {cut}", _number((places <= cut).mean() / cut), ""))
        rows.append((f"class names, recall at {cut}", _number((places <= cut).mean()), ""))
    return rows


def broad_words(model: StarterEmbedder, vectors: np.ndarray, names: list[str]) -> Rows:
    precisions = {word: _precision(model, vectors, names, word, word) for word in BROAD_WORDS}
    rows: Rows = [
        ("broad words, mean precision at 8", _number(np.mean([*precisions.values()])), "0.85")
    ]
    rows += [(f"- {word}", _number(value), "") for word, value in precisions.items()]
    others = [_precision(model, vectors, names, text, word) for text, word in PHRASINGS.items()]
    rows.append(("the same in other words, mean precision at 8", _number(np.mean(others)), ""))
    return rows


def _precision(
    model: StarterEmbedder, vectors: np.ndarray, names: list[str], text: str, word: str
) -> float:
    right = np.isin(names, BROAD_WORDS[word])
    first = np.argsort(-(vectors @ model.encode_texts([text])[0]))[: min(8, right.sum())]
    return float(right[first].mean())


def captions(model: StarterEmbedder, vectors: np.ndarray, texts: list[list[str]]) -> Rows:
    owner = np.repeat(np.arange(len(texts)), [len(each) for each in texts])
    scores = model.encode_texts([text for each in texts for text in each]) @ vectors.T
    own = owner[:, None] == np.arange(len(texts))
    rows: Rows = []
    for label, places, goals in (
        ("captions to photos", ranks(scores, own), ("0.34", "0.72", "0.82")),
        ("photos to captions", ranks(scores.T, own.T), ("", "", "")),
    ):
        for cut, goal in zip(_CUTS, goals, strict=True):
            rows.append((f"{label}, recall at {cut}", _number((places <= cut).mean()), goal))
    return rows


def speeds(model: StarterEmbedder) -> Rows:
    rng = np.random.default_rng(0)
    tensors = list(rng.standard_normal((_BATCH, 3, 260, 260), dtype=np.float32))
    texts = [f"a dog and {number} cats in the snow" for number in range(_BATCH)]

    def each_text() -> None:
        for text in texts:
            model.encode_texts([text])

    photos = _per_second(lambda: model.encode_prepared(tensors), _BATCH)
    return [
        (f"photos a second, batch {_BATCH}, decoded", photos, "55"),
        ("queries a second, one at a time", _per_second(each_text, _BATCH), "200"),
        ("text side ready, seconds", _loading(), "0.2"),
    ]


def _per_second(run: Callable[[], object], count: int) -> str:
    run()
    seconds = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    low, middle, high = (count / f(seconds) for f in (max, statistics.median, min))
    return f"{middle:.0f} ({low:.0f} to {high:.0f})"


def _loading() -> str:
    """Return the seconds from nothing to the first query's vector, in new processes."""
    code = (
        "import time, onnxruntime; started = time.perf_counter();"
        "from safelight.embedding.starter import load_starter;"
        "load_starter(2).encode_texts(['a dog']); print(time.perf_counter() - started)"
    )
    command = [sys.executable, "-c", code]
    seconds = [
        float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        for _ in range(_ROUNDS)
    ]
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"


def sizes() -> Rows:
    files = sorted(starter.DATA.iterdir())
    large = [path for path in files if path.suffix in (".onnx", ".json")]
    rows: Rows = [(f"- {path.name}", f"{path.stat().st_size / 1e6:.3f}", "") for path in large]
    total = sum(path.stat().st_size for path in files)
    return [("all files, MB", f"{total / 1e6:.2f}", "30"), *rows]


def _number(value: float) -> str:
    return f"{value:.3f}"


def update(page: Path, rows: Sequence[tuple[object, ...]]) -> None:
    """Write the table into a page, between the marks."""
    text = page.read_text("utf-8")
    before, rest = text.split(_BEGIN)
    lines = [" | ".join(map(str, row)) for row in rows]
    lines.insert(1, "--- | --- | ---")
    made = "\n".join(f"| {line} |".replace("|  |", "| |") for line in lines)
    date = f"Measured on {time.strftime('%Y-%m-%d')} with {os.cpu_count()} cores."
    after = rest.split(_END)[1]
    page.write_text(f"{before}{_BEGIN}\n\n{date}\n\n{made}\n\n{_END}{after}", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--update", type=Path, metavar="PAGE", help="write the table into PAGE")
    arguments = parser.parse_args()
    model = starter.load_starter()
    rows: Rows = []
    if named := os.environ.get("SAFELIGHT_TEST_PHOTOS"):
        folder = Path(named) / "imagenet-sample"
        labels = list(csv.DictReader((folder / "labels.csv").read_text("utf-8").splitlines()))
        names = [row["class"] for row in labels]
        vectors = embed(model, [folder / row["file"] for row in labels])
        rows += broad_words(model, vectors, names) + class_names(model, vectors, names)
        folder = Path(named) / "captioned"
        lines = (folder / "captions.jsonl").read_text("utf-8").splitlines()
        about = [json.loads(line) for line in lines]
        vectors = embed(model, [folder / each["file"] for each in about])
        rows += captions(model, vectors, [each["captions"] for each in about])
    else:
        print("SAFELIGHT_TEST_PHOTOS names no photos: only speed and size are measured.")
    rows += speeds(model) + sizes()
    rows.insert(0, ("what", "measured", "target"))
    table(rows)
    save("starter", {"measured": {str(row[0]): row[1] for row in rows[1:]}})
    if arguments.update:
        update(arguments.update, rows)


if __name__ == "__main__":
    main()
