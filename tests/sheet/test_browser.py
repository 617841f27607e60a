"""The page in a real browser: nothing asked for, nothing complained of, all of it usable."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from safelight.sheet import Sheet, arrange, page
from tests.sheet.browser import CHROMIUM, Browser, browsing
from tests.sheet.conftest import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

METRICS = ("focus", "exposure", "noise")
MAP = "getComputedStyle(document.querySelectorAll('.map')[{}]).opacity"
NAMES = "[...document.querySelectorAll('li h2')].map(e => e.textContent)"


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def show(browser, every, tmp_path) -> Iterator[Callable[..., Browser]]:
    """Open a sheet: ``show(by="focus")``; nothing may be complained of until the end."""

    def call(*, scripts: bool = True, by: str = "combined", **options: object) -> Browser:
        worst_first = bool(options.get("worst_first"))
        found = arrange(every, by, 99 if worst_first else None)
        path: Path = tmp_path / "sheet.html"
        path.write_text(page(Sheet(HOSTILE, found, METRICS, by=by, **options)), "utf-8")
        browser.prefer("light")
        browser.resize(1200, 900)
        browser.open(path, scripts=scripts)
        return browser

    yield call
    assert browser.complaints == []
    assert all(address.startswith(("data:image/jpeg;", "file:///")) for address in browser.requests)
    assert sum(address.startswith("file:") for address in browser.requests) == 1


def test_it_loads_whole(show, every) -> None:
    browser = show()
    images = browser.value(
        "[...document.images].map(e => [e.complete, e.naturalWidth, e.width, e.height])"
    )
    expected = [c.thumbnail for c in arrange(every) if c.thumbnail]
    assert images == [[True, each.width, each.width, each.height] for each in expected]
    assert browser.value("document.title") == HOSTILE.replace("\u202e", "\\u202e")
    assert browser.value("document.querySelectorAll('[onerror], img[src=x]').length") == 0
    # Nothing sticks out of its card, and no card out of the page.
    assert browser.value("document.documentElement.scrollWidth <= innerWidth")
    assert browser.value(
        "[...document.querySelectorAll('li')].every(li => [...li.querySelectorAll('*')].every("
        "e => e.getBoundingClientRect().right <= li.getBoundingClientRect().right + 1))"
    )


def test_bars_are_drawn_as_long_as_scores(show, every) -> None:
    browser = show()
    shares = browser.value(
        "[...document.querySelectorAll('.combined .bar')].map(e => e.firstElementChild ?"
        "e.firstElementChild.getBoundingClientRect().width / e.getBoundingClientRect().width : 0)"
    )
    scores = [card.score("combined") for card in arrange(every) if card.report]
    assert shares == pytest.approx(scores, abs=0.01)


@pytest.mark.parametrize("by", ["focus", "noise", "exposure", "name"])
def test_the_page_sorts_as_the_command_does(show, every, by) -> None:
    browser = show()
    first = browser.value(NAMES)
    choose = f"const b = document.querySelector('#by'); b.value = '{by}';"
    browser.value(f"{{ {choose} b.dispatchEvent(new Event('change')) }}")
    shown = browser.value(NAMES)
    expected = [card.path for card in arrange(every, by)]
    assert len(shown) == len(expected)
    for name, path in zip(shown, expected, strict=True):
        assert path.replace("\u202e", "\\u202e").endswith(name)
    if by != "name":
        browser.value("document.querySelector('#worst').click()")
        assert "worst first" in browser.value("document.querySelector('header').textContent")
        expected = [card.path for card in arrange(every, by, worst=99)]
        for name, path in zip(browser.value(NAMES), expected, strict=True):
            assert path.replace("\u202e", "\\u202e").endswith(name)
        browser.value("document.querySelector('#worst').click()")
    browser.value("{ const b = document.querySelector('#by'); b.value = 'combined';"
                  "b.dispatchEvent(new Event('change')) }")  # fmt: skip
    assert browser.value(NAMES) == first


def test_the_map_shows_under_the_mouse(show) -> None:
    browser = show()
    browser.point("h1")
    assert browser.value(MAP.format(0)) == "0"
    browser.point("li .frame")
    assert float(browser.value(MAP.format(0))) > 0.5
    assert browser.value(MAP.format(1)) == "0"


def test_the_map_lies_on_the_photo(show, every) -> None:
    browser = show(by="focus")
    box = "(e => { const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height] })"
    image = browser.value(f"{box}(document.querySelector('.frame img'))")
    assert browser.value(f"{box}(document.querySelector('.map'))") == pytest.approx(image)
    before = np.asarray(Image.open(io.BytesIO(browser.screenshot())).convert("RGB"), float)
    browser.value("document.querySelector('#maps').click()")
    after = np.asarray(Image.open(io.BytesIO(browser.screenshot())).convert("RGB"), float)
    x, y, wide, high = map(round, image)
    found = arrange(every, "focus")[0].focus_map
    amber = [
        [
            after[
                y + row * high // 8 + 3 : y + (row + 1) * high // 8 - 3,
                x + column * wide // 8 + 3 : x + (column + 1) * wide // 8 - 3,
            ].mean(axis=(0, 1))
            for column in range(8)
        ]
        for row in range(8)
    ]
    # Beneath it is grey, so what is redder than blue is the map's, as much as the tile is sharp.
    colour = np.array(amber)[..., 0] - np.array(amber)[..., 2]
    assert np.corrcoef(colour.ravel(), np.ravel(found.tiles))[0, 1] > 0.9
    assert not np.array_equal(before, after)


def test_all_can_be_done_with_the_keyboard(show) -> None:
    browser = show()
    reached = []
    for _ in range(8):
        browser.press("Tab", "Tab", 9)
        reached.append(
            browser.value("document.activeElement.id || document.activeElement.ariaLabel")
        )
    assert reached[:3] == ["by", "worst", "maps"]
    assert reached[3].startswith("Focus map of ")
    browser.value("document.querySelector('#maps').focus()")
    browser.press("Tab", "Tab", 9)
    assert float(browser.value(MAP.format(0))) > 0.5  # shown where the keyboard is
    browser.press(" ", "Space", 32, " ")
    browser.press("Tab", "Tab", 9)
    assert float(browser.value(MAP.format(0))) > 0.5  # and kept there by the space bar


def test_without_scripts_all_but_the_choice_of_order_is_there(show) -> None:
    browser = show(scripts=False, by="focus", worst_first=True)
    # The page's own scripts are off; what the test asks is answered all the same.
    shown = "document.querySelector('#by').checkVisibility()"
    assert browser.value(shown) is False
    assert "by focus, worst first" in browser.value("document.body.innerText")
    browser.point("li .frame")
    assert float(browser.value(MAP.format(0))) > 0.5
    browser.point("h1")
    browser.value("document.querySelector('#maps').click()")
    assert float(browser.value(MAP.format(2))) > 0.5


def test_dark_and_light(show) -> None:
    browser = show()

    def contrast(selector: str) -> tuple[float, float]:
        """Return the lightness of the card, and how a text on it contrasts with that."""
        colours = browser.value(
            f"[getComputedStyle(document.querySelector('{selector}')).color,"
            "getComputedStyle(document.querySelector('li')).backgroundColor]"
        )
        light = []
        for colour in colours:
            levels = np.array([float(n) for n in colour[4:-1].split(",")]) / 255
            linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
            light.append(float(linear @ [0.2126, 0.7152, 0.0722]))
        high, low = max(light), min(light)
        return light[1], (high + 0.05) / (low + 0.05)

    for scheme, is_dark in (("light", False), ("dark", True)):
        browser.prefer(scheme)
        for selector in ("h2", "dt", ".number", ".reason", "details", ".folder"):
            card, ratio = contrast(selector)
            assert (card < 0.2) == is_dark
            assert ratio >= 4.5, (scheme, selector)  # WCAG 2.2, AA


def test_columns_and_narrow_windows(show) -> None:
    browser = show(columns=4)
    columns = (
        "getComputedStyle(document.querySelector('#photos')).gridTemplateColumns.split(' ').length"
    )
    assert browser.value(columns) == 4
    browser.resize(360, 800)
    assert browser.value(columns) == 1
    assert browser.value("document.documentElement.scrollWidth <= 360")


def test_it_prints_without_its_controls(show) -> None:
    browser = show()
    browser.prefer("dark", media="print")
    assert browser.value("getComputedStyle(document.querySelector('.choices')).display") == "none"
    assert (
        browser.value("getComputedStyle(document.querySelector('li')).backgroundColor")
        == "rgb(255, 255, 255)"
    )
    pdf = base64.b64decode(browser.send("Page.printToPDF", printBackground=False)["data"])
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Subtype /Image") >= 4
