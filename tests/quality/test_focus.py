from __future__ import annotations

import json

import numpy as np
import pytest
from skimage import data

from safelight.quality.focus import Focus, tile_map
from safelight.quality.gradient import tile_energies
from safelight.quality.picture import Picture
from tests.quality.damage import blurred, noised


def test_a_subject_before_a_blurred_background_is_in_focus() -> None:
    sharp = data.astronaut()
    portrait = blurred(sharp, 6)
    portrait[128:384, 128:384] = sharp[128:384, 128:384]
    score = {
        name: Focus().measure(Picture.of(pixels)).score
        for name, pixels in (
            ("sharp", sharp),
            ("portrait", portrait),
            ("blurred", blurred(sharp, 6)),
        )
    }
    assert score["portrait"] > 0.9 * score["sharp"]
    assert score["blurred"] < 0.35 * score["sharp"]


@pytest.mark.parametrize("place", [(0, 0), (2, 5), (7, 7)])
def test_the_map_shows_where_it_is_sharp(place: tuple[int, int]) -> None:
    bricks = np.tile(data.brick()[:64, :64], (8, 8))
    photo = blurred(bricks, 5)
    part = tuple(slice(64 * index, 64 * index + 64) for index in place)
    photo[part] = bricks[part]
    tiles = tile_map(Picture.of(photo))
    assert tiles.shape == (8, 8)
    assert np.unravel_index(tiles.argmax(), tiles.shape) == place


def test_noise_does_not_pass_for_sharpness() -> None:
    photo = blurred(data.astronaut(), 3)
    clean = Focus().measure(Picture.of(photo)).value
    for sigma in (5, 10, 20):
        noisy = Picture.of(noised(photo, sigma))
        raw = float(np.percentile(tile_energies(noisy.gray, 8), 90))
        left = Focus().measure(noisy).value
        assert abs(left - clean) < 0.25 * (raw - clean)


def test_pure_noise_and_flat_pictures_are_not_in_focus() -> None:
    flat = np.full((256, 256, 3), 128, np.uint8)
    assert Focus().measure(Picture.of(flat)).score == 0.0
    assert Focus().measure(Picture.of(noised(flat, 20))).score < 0.25


def test_the_details_hold_the_map_and_are_json() -> None:
    picture = Picture.of(data.chelsea())
    details = json.loads(json.dumps(Focus().measure(picture).details))
    assert np.allclose(details["tiles"], tile_map(picture), atol=0.051)
    assert details["noise_sigma"] == pytest.approx(picture.noise_sigma)


def test_a_picture_without_room_for_tiles_is_skipped() -> None:
    found = Focus().measure(Picture.of(np.zeros((7, 100), np.uint8)))
    assert (found.status, found.value, found.score) == ("skipped", None, None)
    assert "8 pixels" in str(found.reason)
