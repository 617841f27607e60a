"""Filters and completions in a library of made rows: are the sets right, how long do they take?

The rows have cameras, lenses, exposures, positions, names, folders, keywords and ratings at random.
Each intent is asked as a query, and answered a second time from the rows themselves in Python: the
sets must be equal. ``python -m bench.search_sets --photos 100000``
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.made_library import DIMENSION, SPACE, photo_id
from bench.measure import table
from safelight.library.browse import Filter, matching
from safelight.library.database import Database
from safelight.library.nearby import distances
from safelight.library.spaces import add_space
from safelight.library.write import FileRecord, ItemRecord, write
from safelight.search.completion import complete
from safelight.search.query import parse_query

if TYPE_CHECKING:
    from collections.abc import Callable

_CAMERAS = [("Canon", "EOS R5"), ("NIKON", "NIKON Z 6"), ("Apple", "iPhone 15"), ("SONY", "A7")]
_KEYWORDS = ["Beach", "Été", "Wedding Anna", "東京旅行", "Dog"]
_FOLDERS = ["2023 Wedding", "Scans", "Phone", "Trip to Peru"]

Row = dict[str, Any]


def rows(count: int, rng: random.Random) -> list[Row]:
    """Return facts of photos at random; some of each kind are missing."""
    found = []
    for number in range(count):
        make, model = rng.choice(_CAMERAS)
        exif: Row = {
            "camera_make": make,
            "camera_model": model,
            "lens": rng.choice(["RF 50mm F1.8", "24-70mm f/2.8"]),
            "iso": rng.choice([100, 200, 400, 800, 1600, 3200]),
            "f_number": rng.choice([1.8, 2.0, 2.8, 5.6]),
            "exposure_time": 1 / rng.choice([30, 60, 125, 250, 500]),
            "focal_length": float(rng.choice([24, 35, 50, 200])),
            "taken_at": f"20{rng.randint(10, 24)}-{rng.randint(1, 12):02}-"
            f"{rng.randint(1, 28):02}T12:00:00",
            "latitude": rng.uniform(35, 60),
            "longitude": rng.uniform(-10, 30),
            "rating": rng.randint(1, 5),
            "keywords": rng.sample(_KEYWORDS, rng.randint(1, 2)),
        }
        for names in (("camera_make", "camera_model"), ("taken_at",), ("latitude", "longitude"),
                      ("rating",), ("keywords",), ("iso",)):  # fmt: skip
            if rng.random() < 0.3:
                for name in names:
                    del exif[name]
        folder = f"/made/{rng.choice(_FOLDERS)}/{number // 500}"
        width, height = rng.choice([(4000, 3000), (3000, 4000), (3000, 3000)])
        found.append(
            {"exif": exif, "folder": folder, "name": f"IMG_{number}.jpg", "width": width,
             "height": height, "format": rng.choice(["JPEG", "JPEG", "RAW"])}
        )  # fmt: skip
    return found


def fill(library: Database, made: list[Row]) -> None:
    """Write the rows, a thousand a transaction."""
    add_space(library, SPACE)
    rng = np.random.default_rng(0)
    for start in range(0, len(made), 1000):
        part = made[start : start + 1000]
        vectors = rng.standard_normal((len(part), DIMENSION)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        items, files = [], []
        for number, (row, vector) in enumerate(zip(part, vectors, strict=True), start):
            item = ItemRecord(
                photo_id(number), "photo", 1, vector, row["format"], row["width"], row["height"],
                row["exif"],
            )  # fmt: skip
            items.append(item)
            files.append(FileRecord(f"{row['folder']}/{row['name']}", "", None, item.id))
        write(library, "default", files, items, fingerprint=SPACE.fingerprint)


def _has(name: str, test: Callable[[Any], bool]) -> Callable[[Row], bool]:
    return lambda row: name in row["exif"] and test(row["exif"][name])


def _near(latitude: float, longitude: float, kilometres: float) -> Callable[[Row], bool]:
    def test(row: Row) -> bool:
        exif = row["exif"]
        if "latitude" not in exif:
            return False
        at = np.array([exif["latitude"]]), np.array([exif["longitude"]])
        return bool(distances(latitude, longitude, *at)[0] <= kilometres)

    return test


INTENTS: list[tuple[str, Callable[[Row], bool]]] = [
    ("camera:canon", _has("camera_make", lambda make: make == "Canon")),
    ("camera:iphone,sony", _has("camera_make", lambda make: make in ("Apple", "SONY"))),
    ("lens:50mm", _has("lens", lambda lens: "50mm" in lens)),
    ("iso:>=1600", _has("iso", lambda iso: iso >= 1600)),
    ("iso:100..400", _has("iso", lambda iso: 100 <= iso <= 400)),
    ("f:<2", _has("f_number", lambda stop: stop < 2)),
    ("shutter:<=1/250", _has("exposure_time", lambda time: time <= 1 / 250)),
    ("focal:200", _has("focal_length", lambda length: length == 200)),
    ("taken:2015-06..2015-08", _has("taken_at", lambda at: "2015-06" <= at < "2015-09")),
    ("taken:winter-2019", _has("taken_at", lambda at: "2019-12" <= at < "2020-03")),
    ("is:undated", lambda row: "taken_at" not in row["exif"]),
    ("is:landscape", lambda row: row["width"] > row["height"]),
    ("is:located", lambda row: "latitude" in row["exif"]),
    ("kind:raw", lambda row: row["format"] == "RAW"),
    ("rating:>=4", _has("rating", lambda rating: rating >= 4)),
    ("rating:<=2", lambda row: row["exif"].get("rating", 0) <= 2),
    ("keyword:beach", _has("keywords", lambda words: "Beach" in words)),
    ("keyword:ete", _has("keywords", lambda words: "Été" in words)),
    ("keyword:anna", _has("keywords", lambda words: "Wedding Anna" in words)),
    ("keyword:旅行", _has("keywords", lambda words: "東京旅行" in words)),
    ("name:IMG_11*", lambda row: row["name"].startswith("IMG_11")),
    ("name:99", lambda row: "99" in row["name"]),
    ("folder:wedding", lambda row: "Wedding" in row["folder"]),
    ('folder:"trip peru"', lambda row: "Peru" in row["folder"]),
    ('near:"48.85,2.35 50km"', _near(48.85, 2.35, 50)),
    ('near:"50,10 800km"', _near(50, 10, 800)),
    ("is:duplicate", lambda _: False),
]

COMPLETIONS = ("camera:", "lens:5", "keyword:we", "taken:20", "folder:tr", "name:img_12", "kind:",
               "is:", "iso:", "cam")  # fmt: skip


def combined(rng: random.Random, count: int) -> list[tuple[str, Callable[[Row], bool]]]:
    """Return intents of two filters each, some negated or alternative."""
    found = []
    for _ in range(count):
        (one, is_one), (two, is_two) = rng.sample(INTENTS, 2)
        kind = rng.choice(("and", "or", "not"))
        text = {"and": f"{one} {two}", "or": f"{one} OR {two}", "not": f"{one} -{two}"}[kind]

        def test(row: Row, kind: str = kind, a: Any = is_one, b: Any = is_two) -> bool:
            return (a(row) or b(row)) if kind == "or" else a(row) and b(row) == (kind == "and")

        found.append((text, test))
    return found


def _milliseconds(call: Callable[[], object], times: int = 5) -> tuple[float, float]:
    """Return the processor time of the first call, and the median of more."""
    spent = []
    for _ in range(times + 1):
        started = time.process_time()
        call()
        spent.append(1000 * (time.process_time() - started))
    return spent[0], statistics.median(spent[1:])


def main() -> None:
    """Print which sets are right, and the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--intents", type=int, default=100, help="of two filters each")
    chosen = parser.parse_args()
    rng = random.Random(0)
    made = rows(chosen.photos, rng)
    with tempfile.TemporaryDirectory() as folder, Database(Path(folder) / "made.db") as library:
        fill(library, made)
        keys = dict(library.connection.execute("SELECT pk, id FROM items"))
        scores: list[float] = []
        lines: list[tuple[object, ...]] = []
        for text, is_wanted in [*INTENTS, *combined(rng, chosen.intents)]:
            where = Filter(photos_only=True).with_facts(parse_query(text).where)
            found = {int(keys[key], 16) for key in matching(library, where)}
            wanted = {number for number, row in enumerate(made) if is_wanted(row)}
            both = len(found & wanted)
            scores.append(2 * both / (len(found) + len(wanted)) if found or wanted else 1.0)
            first, again = _milliseconds(lambda where=where: matching(library, where))
            lines.append((text, len(wanted), f"{scores[-1]:.3f}", f"{first:.1f}", f"{again:.1f}"))
        for text in COMPLETIONS:
            first, again = _milliseconds(lambda text=text: complete(library, text))
            lines.append((f"complete {text}", "", "", f"{first:.1f}", f"{again:.1f}"))
    table([("query", "photos", "F1", "first, ms", "again, ms"), *lines])
    print(f"{len(scores)} sets, mean F1 {statistics.mean(scores):.4f}, least {min(scores):.4f}")


if __name__ == "__main__":
    main()
