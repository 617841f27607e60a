"""A copy whose clock was set right is one exposure; a series from a tripod is not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data

from safelight import Deduplicator, parse_source
from safelight.duplicates.model import STRICT
from safelight.ingest import ingest

PICTURE = data.coffee()


def taken(moment: str) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "R5"
    inner = exif.get_ifd(0x8769)
    inner[0x9003], inner[0x829A], inner[0x829D], inner[0x8827] = moment, 0.01, 8.0, 100
    return exif


def related(folder, library, embedder) -> set[str]:
    ingest(library, [parse_source(str(folder))], embedder, model="colours")
    return {each.group.relation.value for each in Deduplicator(library).groups(STRICT)}


@pytest.mark.parametrize(
    ("moment", "name", "size", "expected"),
    [
        ("2024:05:01 11:00:00", "b.jpg", None, {"re-encoded"}),
        ("2024:05:01 04:30:00", "b.jpg", None, {"re-encoded"}),
        ("2021:05:01 10:00:00", "b.jpg", None, {"re-encoded"}),
        ("2024:05:01 12:00:00", "b.jpg", (300, 200), {"resized"}),
        ("2024:05:01 10:07:00", "IMG_0001 (1).png", None, {"re-encoded"}),
        ("2024:05:01 10:00:07", "b.jpg", None, set()),
    ],
)
def test_a_corrected_clock_makes_no_second_exposure(
    tmp_path, library, embedder, moment, name, size, expected
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    first = folder / ("IMG_0001.jpg" if "IMG" in name else "a.jpg")
    Image.fromarray(PICTURE).save(first, quality=94, exif=taken("2024:05:01 10:00:00"))
    with Image.open(first) as image:
        copy = image.convert("RGB")
    copy = copy.resize(size) if size else copy
    if name.endswith("png"):
        copy = Image.fromarray(np.asarray(copy) ^ 1)
    options = {"quality": 90} if name.endswith("jpg") else {}
    copy.save(folder / name, exif=taken(moment), **options)
    assert related(folder, library, embedder) == expected


@pytest.mark.parametrize("moment", ["2024:05:01 10:01:00", "2024:05:01 11:00:00"])
def test_a_series_from_a_tripod_is_of_several_exposures(
    tmp_path, library, embedder, moment
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    draw = np.random.default_rng(1)
    for name, time in (("DSC_0001.jpg", "2024:05:01 10:00:00"), ("DSC_0002.jpg", moment)):
        noisy = np.clip(PICTURE + draw.normal(0, 4, PICTURE.shape), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / name, quality=92, exif=taken(time))
    assert related(folder, library, embedder) == set()
