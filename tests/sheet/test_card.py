from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from safelight.quality import Weights, choose, score
from safelight.quality.focus import HALF
from safelight.sheet import Listed, cards


def card_of(path, metrics=("focus",), **options):
    (found,) = cards([Listed(str(path))], choose(list(metrics)), **options)
    return found


def test_scores_are_those_of_score(every) -> None:
    for card in every:
        if card.reason is None:
            expected = score(card.path, choose(["focus", "exposure", "noise"]))
            assert card.report.to_dict(details=True) == expected.to_dict(details=True)
    assert sum(card.reason is None for card in every) == 4


def test_a_bad_file_has_its_reason_and_the_others_go_on(every, tmp_path) -> None:
    (bad,) = [card for card in every if card.reason]
    assert "is not an image" in bad.reason
    assert (bad.thumbnail, bad.report, bad.score("focus")) == (None, None, None)
    assert card_of(tmp_path / "none.jpg").reason == "is not there"
    (known,) = cards([Listed("/x.jpg", reason="is a folder")], choose(["focus"]))
    assert known.reason == "is a folder"


def test_thumbnails_are_upright_and_small(tmp_path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn right
    pixels = np.zeros((400, 600, 3), np.uint8)
    pixels[:, :300] = (255, 0, 0)  # the left half; seen upright it is the upper one
    Image.fromarray(pixels).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    small = card_of(tmp_path / "turned.jpg", thumb=120).thumbnail
    assert (small.width, small.height) == (80, 120)
    shown = np.asarray(Image.open(io.BytesIO(small.jpeg)))
    assert shown.shape == (120, 80, 3)
    assert shown[10, 40, 0] > 200 > 60 > shown[110, 40, 0]
    assert not Image.open(io.BytesIO(small.jpeg)).getexif()


def test_small_photos_are_not_enlarged(tmp_path) -> None:
    Image.new("RGB", (30, 20)).save(tmp_path / "small.png")
    small = card_of(tmp_path / "small.png").thumbnail
    assert (small.width, small.height) == (30, 20)


def test_the_focus_map_shows_where_it_is_sharp(tmp_path) -> None:
    pixels = np.full((240, 320), 128, np.uint8)
    pixels[150:180, 40:80] = data.camera()[200:230, 200:240]  # in row 6, and column 2
    Image.fromarray(pixels).save(tmp_path / "spot.png")
    card = card_of(tmp_path / "spot.png")
    assert card.focus_map.sharpest == (6, 2)
    assert np.argmax(card.focus_map.tiles) == 5 * 8 + 1
    tiles = np.array(card.report.measurements["focus"].details["tiles"])
    np.testing.assert_allclose(card.focus_map.tiles, tiles / (tiles + HALF))
    assert (card.focus_map.across, card.focus_map.down) == (8, 8)


def test_tiles_that_do_not_cover_the_photo_are_placed_where_they_are(tmp_path) -> None:
    Image.fromarray(data.camera()[:23, :100]).save(tmp_path / "odd.png")
    found = card_of(tmp_path / "odd.png").focus_map
    assert found.across == pytest.approx(100 / 12)
    assert found.down == pytest.approx(23 / 2)


def test_there_is_no_map_where_focus_was_not_measured(tmp_path) -> None:
    Image.new("RGB", (300, 7)).save(tmp_path / "low.png")
    assert card_of(tmp_path / "low.png").focus_map is None
    Image.new("RGB", (300, 70)).save(tmp_path / "high.png")
    assert card_of(tmp_path / "high.png", ["noise"]).focus_map is None


def test_weights_and_limits_are_passed_on(folder) -> None:
    path = folder / "sharp 10.png"
    card = card_of(path, ["focus", "exposure"], weights=Weights.parse("focus=0"))
    assert card.score("combined") == card.score("exposure")
    assert "more than the limit" in card_of(path, max_pixels=1000).reason


def test_the_model_is_given_each_photo_once(folder, embedder) -> None:
    metrics = choose(["clip_iqa", "focus"], model=embedder)
    (card,) = cards([Listed(str(folder / "sharp 10.png"))], metrics, model=embedder)
    expected = score(card.path, metrics, model=embedder)
    assert card.score("clip_iqa") == expected.score("clip_iqa") is not None
    assert embedder.encoded == 2  # once for each of both


def test_threads_change_nothing(listed, every) -> None:
    metrics = choose(["focus", "exposure", "noise"])
    assert list(cards(listed, metrics, threads=1)) == list(cards(listed, metrics, threads=4))


def test_what_the_disk_refuses_is_told(tmp_path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    assert card_of(tmp_path / "folder.jpg").reason == "is a folder, not a photo"
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    assert "leads back to itself" in card_of(tmp_path / "loop.jpg").reason
