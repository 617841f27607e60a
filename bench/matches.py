"""Matches: how like the right sets the sets are that a search finds, and what it refuses.

    SAFELIGHT_TEST_PHOTOS=... python -m bench.matches

With the starter model on the 411 labelled photos: names of the 300 classes (one photo each), what
is on the captioned photos, broad words and their phrasings, and the labels judged by eye. Of each
group: F1 of the set of matches; F1 of the best cut-off that a query could have, with the truth in
hand; and the share of queries that lose all. Then queries for what is on no photo.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from bench.avoiding import ABSENT
from bench.broad_words import BROAD_WORDS, PHRASINGS
from bench.label_truth import TRUTH
from safelight.embedding.image_files import embed_files
from safelight.embedding.starter import load_starter
from safelight.search.matches import null_queries, probabilities
from safelight.search.options import MATCHES
from safelight.search.query import Term
from safelight.search.relevance import unrelated_to

NOWHERE = (
    *ABSENT,
    *(
        "tax return 2019,the meaning of life,invoice,my grandmother's birthday,democracy,"
        "happiness,next tuesday,Taj Mahal,MRI scan,northern lights,world map,passport,"
        "x-ray of a hand,spaceship interior,chess tournament,lightning over the city,giraffe,"
        "parking meter,surfboard,Eiffel Tower at night"
    ).split(","),
)

#: Unknown of a photo is -1; it counts for nothing.
Query = tuple[str, str, np.ndarray]


def queries(photos: Path) -> tuple[list[Path], list[Query]]:
    with (photos / "imagenet-sample" / "labels.csv").open() as table:
        rows = list(csv.DictReader(table))
    lines = (photos / "captioned" / "captions.jsonl").read_text().splitlines()
    captioned = [json.loads(line) for line in lines]
    files = [photos / "imagenet-sample" / row["file"] for row in rows]
    files += [photos / "captioned" / each["file"] for each in captioned]
    classes = np.array([row["class"] for row in rows] + [""] * len(captioned))
    objects = [set[str]()] * len(rows) + [set(each["labels"]) for each in captioned]
    keys = [*classes[: len(rows)], *(str(int(each["file"][:-4])) for each in captioned)]
    is_class = np.arange(len(files)) < len(rows)

    def of_classes(names: Any) -> np.ndarray:
        return np.where(is_class, np.isin(classes, names).astype(int), -1)

    found: list[Query] = [
        (name, "class names", of_classes([name])) for name in sorted(set(classes[is_class]))
    ]
    for name in sorted(set().union(*objects)):
        shown = [int(name in each) for each in objects]
        found.append((name, "things on captioned photos", np.where(is_class, -1, shown)))
    found += [(word, "broad words", of_classes(names)) for word, names in BROAD_WORDS.items()]
    found += [
        (text, "phrasings", of_classes(BROAD_WORDS[word])) for text, word in PHRASINGS.items()
    ]
    for label, truth in TRUTH.items():
        judged = [truth.judge(key) for key in keys]
        found.append(
            (label, "labels", np.array([-1 if each is None else int(each) for each in judged]))
        )
    return files, found


def f1(chosen: np.ndarray, truth: np.ndarray) -> float:
    judged = truth >= 0
    right = int((chosen & (truth == 1))[judged].sum())
    return 2 * right / max(1, int(chosen[judged].sum()) + int((truth == 1).sum()))


def best_f1(scores: np.ndarray, truth: np.ndarray) -> float:
    judged = truth >= 0
    right = np.cumsum(truth[judged][np.argsort(-scores[judged])])
    return float((2 * right / (np.arange(1, len(right) + 1) + right[-1])).max())


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    files, asked = queries(Path(os.environ["SAFELIGHT_TEST_PHOTOS"]))
    model = load_starter()
    photos = np.stack(list(embed_files(model, files)))
    null = null_queries([Term("text", "words")], unrelated_to(model), None)
    assert null is not None

    def matches(text: str) -> tuple[np.ndarray, np.ndarray]:
        vector = model.encode_texts([text])[0]
        scores = photos @ vector
        nearest = photos[np.argsort(-scores)[:8]]
        return probabilities(photos, vector, null, nearest) >= MATCHES, scores

    groups: dict[str, list[tuple[float, float, bool]]] = {}
    for text, group, truth in asked:
        chosen, scores = matches(text)
        groups.setdefault(group, []).append(
            (f1(chosen, truth), best_f1(scores, truth), not chosen.any())
        )
    print(f"{'':28}{'queries':>8}{'F1':>8}{'best cut-off':>14}{'lost all':>10}")
    for group, rows in groups.items():
        mean = np.mean(np.array(rows, float), axis=0)
        print(f"{group:28}{len(rows):8}{mean[0]:8.3f}{mean[1]:14.3f}{mean[2]:10.1%}")
    refused = [text for text in NOWHERE if not matches(text)[0].any()]
    print(f"refused, of what is nowhere: {len(refused)} of {len(NOWHERE)}")
    print("not refused:", ", ".join(text for text in NOWHERE if text not in refused))


if __name__ == "__main__":
    main()
