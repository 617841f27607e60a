"""Response of the metrics to damage: blur, noise, wrong exposure by known amounts.

A photo counts if a metric puts its versions in the order of their damage, every one of them: once
with the photo as it is among them, and once the damaged ones alone, because a dark photo is better
for one stop more, and the noise of a compressed photo is not known. Values are compared, not
scores, which end at 0 and 1; a version that was not measured is left out.

Then whether other weights of the parts of exposure would rank its damage better.

Then what JPEG does to the estimate of noise, on uncompressed photos with known noise: how many are
skipped, and how far the others are from what was measured before compression.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tests.quality.damage import blurred, compressed, exposed, noised

from bench.measure import save, table
from safelight.imaging import decode
from safelight.quality import choose, score

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.quality import Report

DAMAGE: dict[str, tuple[Callable[[np.ndarray, float], np.ndarray], tuple[float, ...]]] = {
    "blurred, sigma 1, 2, 4 pixels": (blurred, (1, 2, 4)),
    "noised, sigma 5, 10, 20, 40 levels": (noised, (5, 10, 20, 40)),
    "over-exposed, 1, 2, 3 stops": (exposed, (1, 2, 3)),
    "under-exposed, 1, 2, 3 stops": (exposed, (-1, -2, -3)),
}

#: What each metric's value does when a photo gets better.
RISES = {"brisque": False, "niqe": False, "noise": False}


def recovered(folder: Path, count: int | None) -> dict[str, dict[str, dict[str, float]]]:
    """Return, by damage and metric, the share of photos whose damage was ranked."""
    metrics = [metric for metric in choose() if metric.name != "clip_iqa"]
    seen: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    for path in sorted(folder.glob("*.jpg"))[:count]:
        pixels = decode(path.read_bytes()).pixels
        whole = score(pixels, metrics)
        for name, (damage, amounts) in DAMAGE.items():
            reports = [whole, *(score(damage(pixels, amount), metrics) for amount in amounts)]
            for metric in metrics:
                values = [report.measurements[metric.name].value for report in reports]
                sign = 1 if RISES.get(metric.name, True) else -1
                for kind, part in (("with the photo", values), ("damaged", values[1:])):
                    ranked = [sign * value for value in part if value is not None]
                    if len(ranked) > 1:
                        in_order = all(better > worse for better, worse in pairwise(ranked))
                        seen[name, metric.name, kind].append(in_order)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for (name, metric_name, kind), outcomes in seen.items():
        of_metric = found.setdefault(name, {}).setdefault(metric_name, {})
        of_metric[kind] = round(float(np.mean(outcomes)), 3)
        of_metric[f"photos, {kind}"] = len(outcomes)
    return found


def other_weights(folder: Path, count: int | None) -> list[dict[str, float]]:
    """Return, by weight of the midtones and cost of clipping, how well exposure ranks its damage.

    The shares are of the worse of both directions, over and under.
    """
    metric = choose(["exposure"])
    stops = (-3, -2, -1, 0, 1, 2, 3)
    parts = np.array(
        [
            [_parts(score(exposed(pixels, stop) if stop else pixels, metric)) for stop in stops]
            for path in sorted(folder.glob("*.jpg"))[:count]
            for pixels in [decode(path.read_bytes()).pixels]
        ]
    )  # (photos, stops, 3)
    midtone, dynamic_range, clipped = np.moveaxis(parts, 2, 0)
    rows = []
    for weight in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        for cost in (1.0, 2.0, 3.0, 4.0, 8.0):
            values = (weight * midtone + (1 - weight) * dynamic_range) * np.exp(-cost * clipped)
            falls_over, rises_under = np.diff(values) < 0, np.diff(values) > 0
            over, under = falls_over[:, 4:].all(axis=1), rises_under[:, :2].all(axis=1)
            over_too, under_too = over & falls_over[:, 3], under & rises_under[:, 2]
            rows.append(
                {
                    "midtone": weight,
                    "clipping": cost,
                    "damaged ones": round(float(min(over.mean(), under.mean())), 3),
                    "with the photo": round(float(min(over_too.mean(), under_too.mean())), 3),
                }
            )
    return rows


def _parts(report: Report) -> tuple[float, float, float]:
    found = report.measurements["exposure"].details
    clipped = found["clipped"]["high"]["any"] + found["clipped"]["low"]["all"]
    return found["midtone"], found["dynamic_range"], clipped


def compression(folder: Path) -> list[dict[str, float]]:
    """Return how the estimate of noise fares after JPEG, by noise and quality."""
    metric = choose(["noise"])
    photos = [decode(path.read_bytes()).pixels for path in sorted(folder.glob("*.png"))]
    rows = []
    for sigma in (0, 3, 8, 15):
        noisy = [noised(pixels, sigma) if sigma else pixels for pixels in photos]
        before = [score(pixels, metric).measurements["noise"].value for pixels in noisy]
        for quality in (95, 90, 85, 75, 50):
            after = [
                score(compressed(pixels, quality), metric).measurements["noise"] for pixels in noisy
            ]
            ratios = [
                found.value / was for found, was in zip(after, before, strict=True) if found.value
            ]
            guesses = [
                found.details["sigma"] / was for found, was in zip(after, before, strict=True)
            ]
            rows.append(
                {
                    "noise": sigma,
                    "quality": quality,
                    "skipped": round(1 - len(ratios) / len(photos), 2),
                    "lowest": round(min(ratios), 2) if ratios else None,
                    "highest": round(max(ratios), 2) if ratios else None,
                    "lowest, unskipped": round(min(guesses), 2),
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int)
    options = parser.parse_args()
    photos = os.environ.get("SAFELIGHT_TEST_PHOTOS")
    if not photos:
        raise SystemExit("SAFELIGHT_TEST_PHOTOS names no folder of real photos")
    found = recovered(Path(photos) / "imagenet-sample", options.count)
    for name, metrics in found.items():
        print(f"\n{name}: share of photos whose damage is ranked")
        table(
            [("metric", "with the photo as it is", "damaged ones")]
            + [(m, each.get("with the photo"), each.get("damaged")) for m, each in metrics.items()]
        )
    weights = other_weights(Path(photos) / "imagenet-sample", options.count)
    print("\nexposure with other weights: share of photos whose damage is ranked")
    table([tuple(weights[0]), *(tuple(row.values()) for row in weights)])
    rows = compression(Path(photos) / "kodak")
    print("\nnoise after JPEG, as a share of the noise before it:")
    table([tuple(rows[0]), *(tuple(row.values()) for row in rows)])
    save("quality_damage", {"ranked": found, "weights": weights, "compressed": rows})


if __name__ == "__main__":
    main()
