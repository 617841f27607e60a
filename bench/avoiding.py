"""Less of something, and no good match: what the rules of search/avoiding and relevance do.

    SAFELIGHT_TEST_PHOTOS=... python -m bench.avoiding

With the starter model on the 411 photos of `label_truth`. "- people" is measured on the first 20
hits of the 15 other labels that are judged there, and "less like this" by subtracting each of the
first 20 hits of ten words.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np

from bench.label_truth import TRUTH
from bench.labels import read
from safelight.embedding.starter import load_starter
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.library.database import Database
from safelight.search import find, options_of, search

WORDS = "beach,dog,car,food,bird,building,flower,boat,snow,tree".split(",")
PRESENT = (
    "tench,cock,jay,vulture,bullfrog,black swan,golden retriever,red fox,lynx,cheetah,ant,zebra,"
    "bison,otter,puffer,ambulance,balloon,banjo,barber chair,bookcase,castle,church,crane,desk,"
    "dumbbell,flagpole,go-kart,hammer,jersey,laptop,limousine,mailbox,monastery,motor scooter,"
    "mouse,organ,paddle,park bench,pickup,pill bottle,plate,pole,quilt,radiator,refrigerator,"
    "running shoe,schooner,slot,sports car,stove,submarine,swing,tank,throne,tricycle,unicycle,"
    "vase,volleyball,wig,pizza"
).split(",")
ABSENT = (
    "asdfgh,qwertz uiop,xkcd blorp,Katze,Hund,Strand,Berge,coche,perro,montagne,zzzz,"
    "lorem ipsum dolor,12345,foo bar,!!!,猫,кот"
).split(",")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    photos = Path(os.environ["SAFELIGHT_TEST_PHOTOS"])
    files, names = read(photos)
    truth = {
        os.path.realpath(file): {label: each.judge(name) for label, each in TRUTH.items()}
        for file, name in zip(files, names, strict=True)
    }
    model = load_starter()
    with tempfile.TemporaryDirectory() as folder, Database(Path(folder) / "l.db") as library:
        sources = [parse_source(str(photos / name)) for name in ("imagenet-sample", "captioned")]
        ingest(library, sources, model, model="starter")

        def judged(query: str, label: str) -> int:
            hits = search(library, query, model, top=20)
            return sum(truth[os.path.realpath(hit.path)][label] is True for hit in hits)

        labels = [label for label in TRUTH if label != "people"]
        rows = {}
        for name, suffix in (("before", ""), ("after", " - people")):
            rows[f"people {name}"] = sum(judged(label + suffix, "people") for label in labels)
            rows[f"right {name}"] = sum(judged(label + suffix, label) for label in labels)
        stay, near = [], []
        for word in WORDS:
            before = [hit.photo_id for hit in search(library, word, model, top=20)]
            for photo_id in before:
                hits = search(library, f"{word} - photo:{photo_id}", model, top=20)
                after = {hit.photo_id for hit in hits}
                stay.append(len(after & set(before)))
                near.append(photo_id in after)
        weak = {
            kind: sum(find(library, word, model, options_of(names=False)).weak for word in words)
            for kind, words in (("weak of things on photos", PRESENT), ("weak of others", ABSENT))
        }
    rows |= {
        "less like this: least of 20 that stay": min(stay),
        "less like this: median that stay": float(np.median(stay)),
        "less like this: photo still there": sum(near),
        **weak,
        "things": len(PRESENT),
        "others": len(ABSENT),
    }
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
