"""Finding duplicates among 100,000 photos: time and memory, and whether what was planted is found.

The photos are hashes, words, vectors and times without files, in a real library. So pairs are
decided by what is known about them; those that would be opened for a closer look are counted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import made_library
from bench.measure import Run, median, run, save, table
from safelight.duplicates.candidates.generate import candidates_for
from safelight.duplicates.candidates.signals import Asked
from safelight.duplicates.find import compare_one, find_groups, open_all
from safelight.duplicates.model import STRICT, Edge, Relation
from safelight.duplicates.verification import capture_rules
from safelight.duplicates.verification.descriptors import resemble
from safelight.library.attributes.edges import compared, forget_comparisons
from safelight.library.database import Database

if TYPE_CHECKING:
    from safelight.duplicates.photo_features import Look, PhotoFeatures
    from safelight.duplicates.thresholds import Thresholds

_ASKED = 10


class ByNumbers:
    """Relates by what is known alone; counts what relate() would open, and what for nothing."""

    def __init__(self) -> None:
        self.opened = self.strangers = 0

    def __call__(
        self,
        a: PhotoFeatures,
        b: PhotoFeatures,
        look: Look,  # noqa: ARG002
        limits: Thresholds,
    ) -> Edge | None:
        alike = resemble(a, b)
        evidence = alike.evidence
        if alike.worth_looking(limits):
            self.opened += 1
            # What a closer look says about chance: a few words or a cosine are not enough.
            if alike.bits <= limits.hash_bits:
                return Edge(a.id, b.id, Relation.RE_ENCODED, evidence)
            if alike.turned_bits <= limits.turned_hash_bits:
                return Edge(a.id, b.id, Relation.ROTATED, evidence)
            if max(alike.words, alike.mirrored_words) >= 15:
                return Edge(a.id, b.id, Relation.CROPPED, evidence)
            self.strangers += 1
        seconds = capture_rules.seconds_apart(a.exif, b.exif)
        if (
            capture_rules.same_camera(a.exif, b.exif)
            and seconds is not None
            and seconds <= limits.burst_seconds
            and alike.of_a_burst(limits)
        ):
            return Edge(a.id, b.id, Relation.BURST, evidence | {"seconds": seconds})
        if alike.cosine is not None and alike.cosine >= limits.similar_cosine:
            return Edge(a.id, b.id, Relation.SIMILAR, evidence)
        return None


def groups(path: str, planted: str) -> dict[str, Any]:
    """Find the groups of the library, and check them against what was planted."""
    relate, told = ByNumbers(), []
    started = time.perf_counter()
    with Database(path) as library:
        found = find_groups(library, relate=relate, progress=told.append)
    seconds = time.perf_counter() - started
    missing = _missing(found, json.loads(Path(planted).read_text()))
    if missing:
        raise RuntimeError(f"planted groups are missing: {missing}")
    strict = sum(each.relation in STRICT for each in found)
    return {
        "seconds": round(seconds, 3),
        "processor_seconds": round(time.process_time(), 1),
        "pairs": told[-1].pairs,
        "opened": relate.opened,
        "strangers": relate.strangers,
        "edges": told[-1].edges,
        "groups": len(found),
        "strict": strict,
    }


def _missing(found: list[Any], planted: dict[str, list[list[int]]]) -> dict[str, int]:
    kinds = {"bursts": {Relation.BURST}, "similar": {Relation.SIMILAR}}
    missing = {}
    for kind, wanted in planted.items():
        relations = kinds.get(kind, STRICT)
        # A photo that happens to be alike may have joined; nobody may be lost.
        holding = {
            photo: set(each.photos)
            for each in found
            if each.relation in relations
            for photo in each.photos
        }
        ids = [[made_library.photo_id(each) for each in members] for members in wanted]
        lost = sum(not set(members) <= holding.get(members[0], set()) for members in ids)
        if lost > len(ids) * (0.01 if kind in kinds else 0):
            missing[kind] = lost
    return missing


class _Vectors:
    """An embedder that has its vectors ready: the model's time is another question."""

    fingerprint, dimension, min_side = made_library.SPACE.fingerprint, made_library.DIMENSION, 224

    def encode_images(self, frames: list[Any]) -> Any:
        vectors = np.random.default_rng(7).standard_normal((len(frames), self.dimension))
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def one(path: str) -> dict[str, Any]:
    """Compare single photos with the library: the first, and then more of them."""
    data = made_library.pictures(_ASKED)
    embedder: Any = _Vectors()
    whole, searching, working = [], [], []
    with Database(path) as library:
        started = time.perf_counter()
        known = open_all(library)
        _check(compare_one(library, data[0], embedder=embedder, known=known, relate=ByNumbers()), 0)
        cold = time.perf_counter() - started
        known.warm()
        for number in [*range(_ASKED)] * 2:
            started = time.perf_counter()
            edges = compare_one(
                library, data[number], embedder=embedder, known=known, relate=ByNumbers()
            )
            whole.append(time.perf_counter() - started)
            _check(edges, number)
            hashes = made_library.hashes_of(data[number])
            asked = Asked(hashes.dct256, hashes.words, embedder.encode_images([None])[0], (0, 0))
            started, worked = time.perf_counter(), time.process_time()
            found = candidates_for(known.signals, asked)
            known.seen(found.earlier.tolist())
            searching.append(time.perf_counter() - started)
            working.append(time.process_time() - worked)
    return {
        "cold": round(cold, 3),
        "searching_ms": round(1000 * statistics.median(searching[_ASKED:]), 1),
        "searching_worst_ms": round(1000 * max(searching[_ASKED:]), 1),
        "searching_processor_ms": round(1000 * statistics.median(working[_ASKED:]), 1),
        "whole_ms": round(1000 * statistics.median(whole[_ASKED:]), 1),
    }


def _check(edges: list[Edge], position: int) -> None:
    if made_library.photo_id(position) not in {each for edge in edges for each in (edge.a, edge.b)}:
        raise RuntimeError(f"the photo planted at {position} was not found")


def _again(path: Path, planted: Path) -> tuple[Run, dict[str, Any]]:
    done = run(
        [sys.executable, "-m", "bench.duplicates", "--groups", path, planted], dict(os.environ)
    )
    return done, json.loads(done.output.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--groups", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.groups:
        print(json.dumps(groups(*options.groups)))
        return
    if options.one:
        print(json.dumps(one(options.one)))
        return
    found: dict[str, Any] = {"photos": options.photos, "dimension": made_library.DIMENSION}
    with tempfile.TemporaryDirectory() as name:
        path, planted = Path(name) / "library.db", Path(name) / "planted.json"
        photos = made_library.make(options.photos)
        asked = [made_library.hashes_of(data) for data in made_library.pictures(_ASKED)]
        busy = {each for kind in photos.planted.values() for members in kind for each in members}
        for kind, members in photos.planted.items():
            # Places that are taken by the photos asked about hold no planted group.
            photos.planted[kind] = [each for each in members if min(each) >= _ASKED]
        with Database(path) as library:
            made_library.put(library, photos, asked)
        planted.write_text(json.dumps(photos.planted))
        del photos
        runs: dict[str, list[Run]] = {"all": [], "ten": [], "none": []}
        for _ in range(options.rounds):
            with Database(path) as library:
                forget_comparisons(library, compared(library))
            done, found["all"] = _again(path, planted)
            runs["all"].append(done)
            with Database(path) as library:
                forget_comparisons(library, sorted(compared(library))[-10:])
            done, found["ten"] = _again(path, planted)
            runs["ten"].append(done)
            done, found["none"] = _again(path, planted)
            runs["none"].append(done)
        command = [sys.executable, "-m", "bench.duplicates", "--one", path]
        asking = run(command, dict(os.environ))
        found["one"] = json.loads(asking.output.splitlines()[-1])
    found["in_planted_groups"] = len(busy)
    rows: list[tuple[object, ...]] = [
        (("new photos", "s", "lowest", "highest", "processor s", "MB", "pairs"))
    ]
    for kind, label in (("all", options.photos), ("ten", 10), ("none", 0)):
        middle = median(runs[kind])
        found[kind]["process"] = middle
        rows.append(
            (
                f"{label:,}",
                middle.seconds,
                middle.lowest,
                middle.highest,
                found[kind]["processor_seconds"],
                middle.megabytes,
                found[kind]["pairs"],
            )
        )
    table(rows)
    print(
        "groups {groups}, strict {strict}; edges {edges}; pairs to be opened {opened}, "
        "of them strangers {strangers}".format(**found["all"])
    )
    print(
        "one photo: cold {cold} s; warm, the search {searching_ms} ms (worst {searching_worst_ms},"
        " processor {searching_processor_ms}),"
        " with decoding and hashing 12 megapixels {whole_ms} ms".format(**found["one"])
    )
    save("duplicates", found)


if __name__ == "__main__":
    sys.exit(main())
