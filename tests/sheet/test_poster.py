from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageChops

from safelight.errors import UsageError
from safelight.sheet import Card, Sheet, check_size, poster
from safelight.sheet.poster import MOST_SIDE, _cut, _font
from tests.sheet.conftest import HOSTILE

METRICS = ("focus", "exposure", "noise")


def picture(sheet: Sheet) -> Image.Image:
    image = Image.open(io.BytesIO(poster(sheet)))
    image.load()
    assert (image.format, image.mode) == ("PNG", "RGB")
    return image


def test_every_thumbnail_is_in_it(every) -> None:
    pixels = np.asarray(picture(Sheet(HOSTILE, every, METRICS, columns=2)))
    for card in every:
        if card.thumbnail is None:
            continue
        small = np.asarray(Image.open(io.BytesIO(card.thumbnail.jpeg)))
        if card.path.endswith("flat.png"):
            continue  # found anywhere
        strip = small[small.shape[0] // 2]
        windows = np.lib.stride_tricks.sliding_window_view(pixels, strip.shape, axis=(1, 2))
        assert (windows[:, :, 0] == strip).all(axis=(2, 3)).any(), card.path


def test_columns_make_it_wide(every) -> None:
    one, two = (picture(Sheet("x", every, METRICS, columns=n)).size for n in (1, 2))
    assert two[0] > 1.9 * one[0]
    assert two[1] < one[1]


def test_a_longer_bar_for_a_better_score(every) -> None:
    # Of two photos that are alike but for one score, the pictures differ in its bar and number.
    card = next(card for card in every if card.path.endswith("sharp 10.png"))

    def filled(score: float) -> int:
        from safelight.quality.combined import Combined
        from safelight.quality.report import Report

        report = Report(card.path, None, {}, {}, Combined(score, {}))
        shown = Card(card.path, thumbnail=card.thumbnail, report=report)
        pixels = np.asarray(picture(Sheet("x", [shown], ())))
        return int((pixels == (0xB3, 0x5C, 0x00)).all(axis=2).sum())

    lengths = [filled(score) for score in (0.0, 0.25, 0.5, 1.0)]
    assert lengths[0] == 0
    assert lengths[2] / lengths[1] == pytest.approx(2, rel=0.05)
    assert lengths[3] / lengths[1] == pytest.approx(4, rel=0.05)


def test_reasons_and_names_are_drawn(every) -> None:
    bad = [Card("/p/a.jpg", reason="is not an image: no image format begins like this")]
    worse = [Card("/p/a.jpg", reason="")]
    one, other = picture(Sheet("x", bad, ())), picture(Sheet("x", worse, ()))
    assert one.size == other.size
    assert ImageChops.difference(one, other).getbbox() is not None
    renamed = picture(Sheet("x", [Card("/p/b.jpg", reason=bad[0].reason)], ()))
    assert ImageChops.difference(one, renamed).getbbox() is not None


def test_long_names_lose_their_middle() -> None:
    font = _font(14)
    name = "holiday " * 30 + "0042.jpg"
    cut = _cut(name, font, 200)
    assert cut.startswith("holiday")
    assert cut.endswith("0042.jpg")
    assert font.getlength(cut) <= 200 < font.getlength(cut + "mm")
    assert _cut("short.jpg", font, 200) == "short.jpg"
    assert _cut("anything", font, 0) == "…"


def test_nothing_that_few_programs_open_is_made(every) -> None:
    check_size(500, 320)
    with pytest.raises(UsageError, match="Take fewer"):
        check_size(5000, 320)
    with pytest.raises(UsageError, match="or a page"):
        check_size(200, 320, columns=1)
    with pytest.raises(UsageError):
        poster(Sheet("x", every * 40, METRICS, columns=1))


def test_the_forecast_of_its_size_is_never_too_small(every) -> None:
    # The largest count that is allowed, of the highest thumbnails, does fit.
    counts = range(1, 2000)
    largest = max(n for n in counts if _fits(n))
    assert 20 < largest < 200
    tall = next(card for card in every if card.path.endswith("flat.png"))
    image = picture(Sheet("x", [tall] * largest, METRICS, columns=1))
    assert image.height <= MOST_SIDE


def _fits(count: int) -> bool:
    try:
        check_size(count, 320, columns=1, scores=4)
    except UsageError:
        return False
    return True


def test_no_photo_at_all() -> None:
    assert picture(Sheet("nothing", [], ())).width > 0


def test_it_is_the_same_each_time(every) -> None:
    sheet = Sheet("x", every, METRICS)
    assert poster(sheet) == poster(sheet)
