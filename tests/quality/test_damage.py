"""On real photos: the metric made for a kind of damage recovers how great it is."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from safelight.imaging import decode
from safelight.quality import choose, score
from tests.quality.damage import blurred, exposed, noised

if TYPE_CHECKING:
    from pathlib import Path

# Metric, whether its value falls with damage, the damage and its amounts; 0 is the photo as it is.
CASES = [
    ("focus", True, blurred, (0, 1, 2, 4)),
    ("sharpness", True, blurred, (0, 1, 2, 4)),
    # The noise of a compressed photo is not known until more is added.
    ("noise", False, noised, (5, 10, 20, 40)),
    # A dark photo may be the better for one stop more, and a bright one for one less.
    ("exposure", True, exposed, (1, 2, 3)),
    ("exposure", True, exposed, (-1, -2, -3)),
]


@pytest.mark.parametrize(("name", "falls", "damage", "amounts"), CASES)
def test_the_rank_of_the_damage_is_recovered(
    real_photos: Path, name: str, falls: bool, damage, amounts
) -> None:
    photos = sorted((real_photos / "imagenet-sample").glob("*.jpg"))[::6]
    metrics = choose([name])
    in_order = 0
    for path in photos:
        pixels = decode(path.read_bytes()).pixels
        values = [
            score(damage(pixels, amount) if amount else pixels, metrics).measurements[name].value
            for amount in amounts
        ]
        in_order += all((a > b) == falls and a != b for a, b in pairwise(values))
    assert len(photos) >= 50
    assert in_order >= 0.95 * len(photos)


def test_the_mean_level_tells_over_from_under_exposure(real_photos: Path) -> None:
    for path in sorted((real_photos / "imagenet-sample").glob("*.jpg"))[::15]:
        pixels = decode(path.read_bytes()).pixels
        means = [
            score(exposed(pixels, stops), choose(["exposure"]))
            .measurements["exposure"]
            .details["mean"]
            for stops in (-3, -2, -1, 0, 1, 2, 3)
        ]
        assert all(a < b for a, b in pairwise(means))
