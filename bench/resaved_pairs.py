"""Is the original kept of JPEGs that were saved again at nearly the same or a higher quality?

Each of 100 pairs is an original of a quality from 85 to 97 and what was made from it: saved again
once or twice, turned or not, cropped by a multiple of eight pixels or by any number, at a quality
from two less to ten more. The two have no camera data, equal times, and names that say nothing, so
that only the pixels tell. Each photo's pairs are ingested into a library of its own, and the
keeper is asked for as everybody does.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from PIL import Image

from bench.measure import save, table
from safelight import Database, Deduplicator, load_embedder, parse_source
from safelight.duplicates.model import STRICT
from safelight.ingest import ingest

_TURNS = (
    None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_LEFT_RIGHT,
)  # fmt: skip

# When all files are said to have been changed.
_MOMENT = 1_600_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="?", default=os.environ.get("SAFELIGHT_TEST_PHOTOS"))
    parser.add_argument("--count", type=int, default=100, help="pairs")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not options.photos:
        parser.error("name a folder of photos")
    paths: list[Path] = []
    for folder in ("captioned", "kodak", "imagenet-sample"):
        found = sorted(p for p in (Path(options.photos) / folder).rglob("*.*") if is_photo(p))
        paths += found[: options.count]
    draw = random.Random(options.seed)
    draw.shuffle(paths)
    right: Counter[str] = Counter()
    told: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        kinds = {}
        for number, path in enumerate(paths[: options.count]):
            folder = Path(name) / f"{number:03}"
            folder.mkdir()
            kinds[folder] = make_pair(draw, path, folder)
        started = time.process_time()
        kept = keepers(Path(name))
        seconds = time.process_time() - started
        for folder, (kind, original) in kinds.items():
            told[kind] += 1
            right[kind] += kept.get(folder) == original
            if kept.get(folder) != original:
                print(folder.name, kind, kept.get(folder, "no group"))
    rows: list[tuple[object, ...]] = [("made by", "pairs", "original kept")]
    rows += [(kind, told[kind], right[kind]) for kind in sorted(told)]
    rows.append(("all", told.total(), right.total()))
    table(rows)
    print(f"{seconds:.0f} s of processor time, ingest and all")
    save("resaved_pairs", {"pairs": dict(told), "right": dict(right), "seconds": seconds})


def is_photo(path: Path) -> bool:
    return path.suffix.lower() in (".jpg", ".png", ".jpeg")


def make_pair(draw: random.Random, path: Path, folder: Path) -> tuple[str, str]:
    """Write an original and what was made from it; return how, and the original's name."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    quality = draw.randint(85, 97)
    again = min(99, max(85, quality + draw.randint(-2, 10)))
    original, shown = encoded(draw, image, quality)
    kind = []
    if draw.random() < 0.5:
        between = min(98, max(85, quality + draw.randint(-3, 6)))
        _, shown = encoded(draw, shown, between)
        kind.append("twice")
    else:
        kind.append("once")
    turn = draw.choice(_TURNS)
    if turn is not None:
        shown = shown.transpose(turn)
        kind.append("turned")
    crop = draw.choice(("", "", "cropped by 8s", "cropped"))
    if crop:
        step = 8 if crop.endswith("8s") else 1
        left, top = (draw.randint(1, 64 // step) * step for _ in range(2))
        right, below = (draw.randint(0, 32 // step) * step for _ in range(2))
        shown = shown.crop((left, top, shown.width - right, shown.height - below))
        kind.append(crop)
    made, _ = encoded(draw, shown, again)
    names = ["a.jpg", "b.jpg"]
    draw.shuffle(names)
    for each, data in zip(names, (original, made), strict=True):
        (folder / each).write_bytes(data)
        os.utime(folder / each, (_MOMENT, _MOMENT))
    return ", ".join(kind), names[0]


def encoded(draw: random.Random, image: Image.Image, quality: int) -> tuple[bytes, Image.Image]:
    """Save a picture as JPEG in one of several ways, and return the file and what it shows."""
    out = io.BytesIO()
    sampling, progressive = draw.choice((0, 1, 2, 2)), draw.random() < 0.3
    image.save(out, "JPEG", quality=quality, subsampling=sampling, progressive=progressive)
    with Image.open(out) as opened:
        return out.getvalue(), opened.convert("RGB")


def keepers(folder: Path) -> dict[Path, str]:
    """Return the name of the file that is kept of each pair, by its folder."""
    kept = {}
    with Database(folder / "library.db") as library:
        embedder = load_embedder("starter")
        ingest(library, [parse_source(str(folder))], embedder, model="starter")
        for each in Deduplicator(library).groups(STRICT):
            if each.keeper is not None:
                path = Path(each.keeper.path)
                kept[path.parent] = path.name
    return kept


if __name__ == "__main__":
    main()
