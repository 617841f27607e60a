"""The report: one file with everything in it, safe whatever files are called, seen in a browser."""

from __future__ import annotations

import base64
import io
import re
from html import unescape
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from skimage import data

from safelight.duplicates.report.page import GROUPS, Report, check_report, report_page, write_report
from safelight.errors import UsageError
from safelight.library.photo_facts import photo_facts
from tests.sheet.browser import CHROMIUM, Browser, browsing

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = '"><img src=x onerror=alert(1)><!--&lt;\u202egpj.jpg'


def jpeg(pixels: np.ndarray, quality: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.fixture
def report(shelf, library) -> Report:
    cat, coffee = data.chelsea(), data.coffee()
    size = {"width": 451, "height": 300}
    best = shelf.add(
        "deep/cat.jpg", jpeg(cat, 90), exif={"taken_at": "2020-01-01T10:00:00"}, **size
    )
    worse = shelf.add(HOSTILE, jpeg(cat, 20), **size)
    broken = shelf.add("broken <i>.jpg", b"no photo at all")
    shelf.relate("re-encoded", best, worse, broken)
    one = shelf.add("c.cr2", b"raw", format="RAW", width=600, height=400)
    other = shelf.add("c.jpg", jpeg(coffee, 80), width=600, height=400)
    shelf.relate("raw+jpeg", one, other)
    found = shelf.suggest()
    ids = [photo for group in shelf.groups for photo in group.photos]
    scores = {best: {"focus": 0.7}, worse: {"focus": 0.4}}
    return Report(found, photo_facts(library, ids), scores)


def pictures(html: str) -> list[Image.Image]:
    found = re.findall(r'<img src="data:image/jpeg;base64,([^"]*)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(each))) for each in found]


def test_everything_is_on_the_page(report, tmp_path) -> None:
    html = report_page(report)
    assert html == report_page(report, threads=1)
    assert html.count("<section") == 2
    # Three that can be shown, and one difference.
    assert [image.size for image in pictures(html)] == [
        (256, 170), (256, 170), (256, 170), (256, 171),
    ]  # fmt: skip
    text = unescape(re.sub(r"<[^>]*>", " ", html))
    for each in ("2 groups", "re-encoded", "raw+jpeg", "all are kept", "2020-01-01 10:00:00"):
        assert each in text
    assert "No picture: it is not an image" in text
    assert "lost more when it was saved" in text
    assert "0.70" in text
    assert str(tmp_path) not in html
    assert HOSTILE not in html
    assert "\u202e" not in html


def test_the_difference_shows_where_they_differ(shelf, library) -> None:
    cat = data.chelsea()
    marked = cat.copy()
    marked[20:80, 30:120] = 255 - marked[20:80, 30:120]
    size = {"width": 451, "height": 300}
    first = shelf.add("a.jpg", jpeg(cat, 95), **size)
    second = shelf.add("b.jpg", jpeg(marked, 94), days=1, **size)
    shelf.relate("edited", first, second)
    html = report_page(Report(shelf.suggest(), photo_facts(library, [first, second])))
    difference = np.asarray(pictures(html)[2].convert("L"), float)
    scale = 256 / 451
    inside = difference[int(25 * scale) : int(75 * scale), int(35 * scale) : int(115 * scale)]
    assert inside.mean() > 150
    assert difference[int(100 * scale) :].mean() < 40


def test_none_is_a_page_too() -> None:
    assert "There are none." in report_page(Report([], {}))


def test_more_groups_than_a_page_holds_are_told(report) -> None:
    many = Report([report.suggestions[1]] * (GROUPS + 1), report.facts)
    html = report_page(many)
    assert html.count("<section") == GROUPS
    assert f"The first {GROUPS} are here" in html


def test_where_it_may_be_written(report, tmp_path) -> None:
    path = tmp_path / "page.html"
    write_report(str(path), report_page(report))
    check_report(str(path))
    (tmp_path / "mine.html").write_text("mine")
    with pytest.raises(UsageError, match="is not a report"):
        check_report(str(tmp_path / "mine.html"))
    check_report(str(tmp_path / "mine.html"), force=True)
    for bad in (tmp_path / "page.png", tmp_path / "nowhere" / "page.html"):
        with pytest.raises(UsageError):
            check_report(str(bad))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_in_a_browser(report, browser, tmp_path) -> None:
    path = tmp_path / "report.html"
    write_report(str(path), report_page(report))
    for scheme, width in (("light", 1200), ("dark", 1200), ("light", 360)):
        browser.prefer(scheme)
        browser.resize(width, 900)
        browser.open(path)
        assert browser.complaints == []
        assert sum(not each.startswith("data:") for each in browser.requests) == 1
        assert browser.value("[...document.images].every(e => e.complete && e.naturalWidth > 0)")
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        assert browser.value(
            "[...document.querySelectorAll('.photos > li')].every(li =>"
            "[...li.querySelectorAll('*')].every(e => e.getBoundingClientRect().right"
            " <= li.getBoundingClientRect().right + 1))"
        )
        assert browser.value("document.querySelectorAll('[onerror], img[src=x]').length") == 0
        assert browser.value("document.querySelectorAll('.keeper').length") == 3
        for selector in ("h3", "dt", "dd.other", ".reasons", ".mark", "summary"):
            assert contrast(browser, selector) >= 4.5, (scheme, selector)  # WCAG 2.2, AA
    # Side by side where there is room, one below the other where there is not.
    tops = "[...document.querySelectorAll('section')[0].querySelectorAll('.photos > li')]"
    tops += ".map(e => e.getBoundingClientRect().top)"
    assert len(set(browser.value(tops))) == 3
    browser.resize(1200, 900)
    assert len(set(browser.value(tops))) == 1


def contrast(browser: Browser, selector: str) -> float:
    colours = browser.value(
        f"(e => {{ const own = getComputedStyle(e).color; let at = e;"
        "while (getComputedStyle(at).backgroundColor === 'rgba(0, 0, 0, 0)') at = at.parentElement;"
        "return [own, getComputedStyle(at).backgroundColor] })"
        f"(document.querySelector('{selector}'))"
    )
    light = []
    for colour in colours:
        levels = np.array([float(n) for n in colour[4:-1].split(",")]) / 255
        linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
        light.append(float(linear @ [0.2126, 0.7152, 0.0722]))
    return (max(light) + 0.05) / (min(light) + 0.05)
