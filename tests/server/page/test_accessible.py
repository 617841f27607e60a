"""axe-core finds nothing serious, in light and in dark; what moves can be kept still."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.server.page.looking import expect_count, photo

AXE = Axe()


def check(page) -> None:
    found = AXE.run(page, options={"resultTypes": ["violations"]})
    serious = [
        (each["id"], [node["target"] for node in each["nodes"]])
        for each in found.response["violations"]
        if each["impact"] in ("serious", "critical", "moderate")
    ]
    assert serious == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1200, 800), (390, 844)], ids=["desk", "phone"])
def test_nothing_is_wrong_with_any_view(visit, scheme, size) -> None:
    page = visit("/?q=a+cat&minus=coins", color_scheme=scheme, size=size)
    expect_count(page, "6 photos")
    page.get_by_role("button", name="Scores").click()
    check(page)
    page.get_by_role("button", name="Filters").click()
    check(page)
    page.get_by_role("button", name="Close the filters").click()
    photo(page, "cat.jpg").click()
    expect(page.get_by_role("heading", name="Quality")).to_be_visible()
    check(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Menu and help").click()
    check(page)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Add").click()
    check(page)


def test_nothing_moves_for_those_who_do_not_want_it(visit) -> None:
    page = visit()
    expect_count(page, "6 photos")
    moving = page.evaluate(
        "[...document.querySelectorAll('*')].filter((e) => "
        "!['0s', ''].includes(getComputedStyle(e).transitionDuration)).length"
    )
    assert moving == 0


def test_the_page_can_be_passed_over_to_the_photos(visit) -> None:
    page = visit()
    expect_count(page, "6 photos")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the photos")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
