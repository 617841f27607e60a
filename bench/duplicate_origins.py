"""Accuracy of derivations: real photos, scaled and saved again.

Each photo is saved as a JPEG of some quality, which is taken for the original; forms of it are made
from what that shows. An enlarged form, or one that was saved again, must be told to come from it;
of one that was made smaller, neither may be said to come from the other. Then the time of a look
at photos of 12 megapixels.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from bench.measure import save, table
from safelight.duplicates.clustering.grouping import group_id
from safelight.duplicates.keeper.derivation import derive
from safelight.duplicates.keeper.photo_bytes import ProvenBytes
from safelight.duplicates.model import Edge, Group, Relation
from safelight.files import sha256_of
from safelight.library.photo_facts import Copy, PhotoFacts

if TYPE_CHECKING:
    from collections.abc import Callable

#: (what it is called, the photo's side, the filter or None, format and options), by what is right.
FORMS: dict[str, list[tuple[str, float, str | None, str, dict[str, Any]]]] = {
    "made from it": [
        ("enlarged 1.25, bilinear, JPEG 90", 1.25, "BILINEAR", "JPEG", {"quality": 90}),
        ("enlarged 1.5, bicubic, JPEG 75", 1.5, "BICUBIC", "JPEG", {"quality": 75}),
        ("enlarged 2, Lanczos, JPEG 95", 2, "LANCZOS", "JPEG", {"quality": 95}),
        ("enlarged 3, bicubic, PNG", 3, "BICUBIC", "PNG", {}),
        ("enlarged 2, repeated pixels, PNG", 2, "NEAREST", "PNG", {}),
        ("saved again, JPEG 95", 1, None, "JPEG", {"quality": 95}),
        ("saved again, JPEG 98, 4:4:4", 1, None, "JPEG", {"quality": 98, "subsampling": 0}),
        ("saved again, JPEG 40", 1, None, "JPEG", {"quality": 40}),
        ("saved again, PNG", 1, None, "PNG", {}),
        ("saved again, WebP 90", 1, None, "WEBP", {"quality": 90}),
        ("saved again, AVIF 80", 1, None, "AVIF", {"quality": 80}),
    ],
    "not to be told": [
        ("reduced 0.8, bicubic, JPEG 90", 0.8, "BICUBIC", "JPEG", {"quality": 90}),
        ("reduced 0.5, Lanczos, JPEG 90", 0.5, "LANCZOS", "JPEG", {"quality": 90}),
        ("reduced 0.25, bilinear, PNG", 0.25, "BILINEAR", "PNG", {}),
    ],
}

QUALITIES = (75, 85, 92)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="?", default=os.environ.get("SAFELIGHT_TEST_PHOTOS"))
    parser.add_argument("--count", type=int, default=40, help="photos of each folder")
    options = parser.parse_args()
    if not options.photos:
        parser.error("name a folder of photos")
    paths: list[Path] = []
    for folder in ("kodak", "imagenet-sample", "captioned"):
        found = sorted(p for p in (Path(options.photos) / folder).glob("*.*") if is_photo(p))
        paths += found[:: max(1, len(found) // options.count)]
    with tempfile.TemporaryDirectory() as name:
        told = tell(paths, Path(name))
        seconds = look(Path(name))
    rows: list[tuple[object, ...]] = [("form of a JPEG of quality", *QUALITIES, "wrong")]
    for right, forms in FORMS.items():
        for form, *_ in forms:
            shares = [f"{told[form, quality, True] / len(paths):.1%}" for quality in QUALITIES]
            wrong = sum(told[form, quality, False] for quality in QUALITIES)
            rows.append((f"{form} ({right})", *shares, wrong))
    print(f"{len(paths)} photos: told to come from the original, and the reverse")
    table(rows)
    print()
    table([("a look at 12 megapixels", "seconds"), *seconds.items()])
    save(
        "duplicate_origins",
        {
            "photos": len(paths),
            "told": {f"{form}, of JPEG {q}": told[form, q, True] for form, q, _ in told},
            "wrong": {f"{form}, of JPEG {q}": told[form, q, False] for form, q, _ in told},
            "seconds": seconds,
        },
    )


def is_photo(path: Path) -> bool:
    return path.suffix in (".jpg", ".png")


def tell(paths: list[Path], folder: Path) -> Counter[tuple[str, int, bool]]:
    """Count, by form and quality of the original, what was told, right (True) and reversed."""
    told: Counter[tuple[str, int, bool]] = Counter()
    for path in paths:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        for quality in QUALITIES:
            original, shown = put(folder / "0", image, "JPEG", {"quality": quality})
            for form, factor, kernel, kind, given in (
                each for all_ in FORMS.values() for each in all_
            ):
                made = shown
                if kernel:
                    size = (round(image.width * factor), round(image.height * factor))
                    made = shown.resize(size, Image.Resampling[kernel])
                other, _ = put(folder / "1", made, kind, given)
                found = origins([original, other])
                told[form, quality, True] += other.id in found
                told[form, quality, False] += original.id in found
    return told


def origins(photos: list[PhotoFacts]) -> set[str]:
    """Return the photos that were made from another; they are forms of one picture."""
    first, *others = [photo.id for photo in photos]
    edges = tuple(Edge(min(first, each), max(first, each), Relation.RESIZED) for each in others)
    group = Group(group_id({first, *others}), Relation.RESIZED, (first, *others), edges)
    return {each.child for each in derive(group, photos, ProvenBytes())}


def look(folder: Path) -> dict[str, float]:
    """Return how long a look takes at photos of 12 megapixels, made from a demo photo."""
    from skimage import data

    image = Image.fromarray(data.astronaut()).resize((4000, 3000), Image.Resampling.BICUBIC)
    first, shown = put(folder / "a", image, "JPEG", {"quality": 88})
    half, _ = put(folder / "b", shown.resize((2000, 1500)), "JPEG", {"quality": 88})
    again, _ = put(folder / "c", shown, "JPEG", {"quality": 96})

    def best(work: Callable[[], object]) -> float:
        times = []
        for _ in range(5):
            started = time.perf_counter()
            work()
            times.append(time.perf_counter() - started)
        return round(sorted(times)[2], 2)

    return {
        "and one of 3": best(lambda: origins([first, half])),
        "twice": best(lambda: origins([first, again])),
    }


def put(
    path: Path, image: Image.Image, form: str, given: dict[str, Any]
) -> tuple[PhotoFacts, Image.Image]:
    """Save a picture, and return its facts and what the file shows."""
    out = io.BytesIO()
    image.save(out, form, **given)
    path.write_bytes(out.getvalue())
    with Image.open(out) as opened:
        shown = opened.convert("RGB")
    copy = Copy(str(path), out.tell(), 0, ("default",))
    return PhotoFacts(sha256_of(path), out.tell(), form, *image.size, copies=(copy,)), shown


if __name__ == "__main__":
    main()
