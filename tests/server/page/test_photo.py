"""One photo, large."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.server.page.looking import expect_count, expect_first, is_loaded, names, photo
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page


def shown(page):
    return page.get_by_role("dialog", name=re.compile(r"\.(jpg|png)$"))


def test_everything_about_a_photo(visit) -> None:
    page = visit("/?q=a+cat")
    expect_first(page, "cat.jpg")
    photo(page, "cat.jpg").click()
    about = page.get_by_role("complementary", name="About this photo")
    for text in ("3 May 2021, 14:05", "451 × 300", "Canon EOS 5D", "1/250 s  f/2.8  ISO 200"):
        expect(about.get_by_text(text, exact=True)).to_be_visible()
    for metric in ("sharpness", "focus", "exposure", "combined"):
        expect(about.locator("dt", has_text=metric).first).to_be_visible()
    expect(about.get_by_text("cosine")).to_be_visible()
    expect(about.get_by_role("heading", name="File")).to_be_visible()
    assert is_loaded(page.locator("#photo-image"))
    expect(page.locator("#photo-place")).to_have_text("1 of 1 photo")
    # So it is after the page was loaded again.
    page.reload()
    expect(page.locator("#photo-place")).to_have_text("1 of 1 photo")
    expect(page.locator("#photo-next")).to_be_disabled()
    expect(shown(page)).to_have_accessible_name("cat.jpg")
    assert page.title() == "cat.jpg — safelight"


def test_next_previous_and_back(visit) -> None:
    page = visit()
    expect_count(page, "6 photos")
    first, second, third = names(page)[:3]
    photo(page, first).click()
    expect(shown(page)).to_have_accessible_name(first)
    expect(page.locator("#photo-previous")).to_be_disabled()
    page.keyboard.press("ArrowRight")
    expect(shown(page)).to_have_accessible_name(second)
    page.get_by_role("button", name="Next photo").click()
    expect(shown(page)).to_have_accessible_name(third)
    page.keyboard.press("ArrowLeft")
    expect(shown(page)).to_have_accessible_name(second)
    # However far one has leafed, it is one step back.
    page.go_back()
    expect(page.locator("#photo")).to_be_hidden()
    assert page.url.endswith("/")


def test_the_photo_of_an_address(visit, folder) -> None:
    photo_id = hashlib.sha256((folder / "coins.png").read_bytes()).hexdigest()
    page = visit(f"/?photo={photo_id}")
    expect(shown(page)).to_have_accessible_name("coins.png")
    page.keyboard.press("Escape")
    expect(page.locator("#photo")).to_be_hidden()
    expect_count(page, "6 photos")


def test_the_map_of_focus_lies_on_the_photo(visit) -> None:
    page = visit()
    photo(page, "cat.jpg").click()
    page.get_by_role("button", name="Focus map").click()
    focus = page.locator("#photo-map")
    expect(focus).to_be_visible()
    assert is_loaded(focus)
    until(lambda: focus.bounding_box() == page.locator("#photo-image").bounding_box())
    page.keyboard.press("f")
    expect(focus).to_be_hidden()


def width(page: Page) -> float:
    """Return how wide the photo is; for a moment, when a larger one takes its place, none is."""
    return until(page.locator("#photo-image").bounding_box)["width"]


def test_zoom(visit) -> None:
    page = visit(size=(820, 800))
    photo(page, "cat.jpg").click()
    expect(shown(page)).to_have_accessible_name("cat.jpg")
    assert is_loaded(page.locator("#photo-image"))
    before = width(page)
    page.keyboard.press("z")
    until(lambda: width(page) >= 1.9 * before)
    # It is moved with the mouse; arrows move it too, and no longer lead on.
    stage = page.locator("#stage")
    middle = stage.evaluate("(e) => e.scrollLeft")
    page.mouse.move(300, 400)
    page.mouse.down()
    page.mouse.move(220, 400)
    page.mouse.up()
    assert stage.evaluate("(e) => e.scrollLeft") == pytest.approx(middle + 80, abs=2)
    page.keyboard.press("ArrowRight")
    expect(shown(page)).to_have_accessible_name("cat.jpg")
    page.get_by_role("button", name="Zoom").click()
    until(lambda: width(page) == before)


def test_more_like_this_and_less(visit, folder) -> None:
    photo_id = hashlib.sha256((folder / "coffee.jpg").read_bytes()).hexdigest()
    page = visit()
    photo(page, "coffee.jpg").click()
    page.get_by_role("button", name="More like this").click()
    expect(page.locator("#photo")).to_be_hidden()
    expect_first(page, "coffee.jpg")
    assert f"plus=photo%3A{photo_id}" in page.url
    assert is_loaded(page.locator(".chip img"))
    photo(page, "coffee.jpg").click()
    page.get_by_role("button", name="Less like this").click()
    expect(page.locator("#grid .name").last).to_have_text("coffee.jpg")
    expect(page.locator(".chip.less")).to_have_count(1)


def test_labels_lead_on(visit, folder) -> None:
    page = visit("/?q=a+cat")
    expect_first(page, "cat.jpg")
    photo(page, "cat.jpg").click()
    page.get_by_role("button", name=re.compile("^Without ")).first.click()
    expect(page.locator("#photo")).to_be_hidden()
    expect(page.locator(".chip.less")).to_have_count(1)
    expect(page.get_by_role("searchbox")).to_have_value("a cat")


def test_the_original_is_downloaded(visit, folder) -> None:
    page = visit()
    photo(page, "moon.png").click()
    expect(shown(page)).to_have_accessible_name("moon.png")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "moon.png"
    assert download.value.path().read_bytes() == (folder / "moon.png").read_bytes()


def test_keys_of_one_letter_can_be_switched_off(visit) -> None:
    page = visit()
    page.keyboard.press("?")
    page.get_by_label("keys of one letter or sign").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#menu")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).not_to_be_focused()
    photo(page, "cat.jpg").click()
    expect(shown(page)).to_have_accessible_name("cat.jpg")
    page.keyboard.press("z")
    expect(page.get_by_role("button", name="Zoom")).to_have_attribute("aria-pressed", "false")


def test_a_photo_that_is_not_there(visit) -> None:
    page = visit(f"/?photo={'0' * 64}", refusals=True)
    expect(page.locator("#photo").get_by_role("alert")).not_to_be_empty()
    page.get_by_role("button", name="Close the photo").click()
    expect_count(page, "6 photos")
