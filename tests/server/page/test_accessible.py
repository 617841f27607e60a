"""axe-core finds nothing serious, in light and in dark; what moves can be kept still."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.server.page.looking import check, expect_count, photo


@pytest.mark.parametrize(
    ("size", "schemes"),
    [((1200, 800), ("light", "dark")), ((390, 844), ("light",))],
    ids=["desk", "phone"],
)
def test_nothing_is_wrong_with_any_view(visit, size, schemes) -> None:
    page = visit("/?q=a+cat&minus=coins", size=size)
    expect_count(page, "1 photo")
    page.get_by_role("button", name="Scores").click()
    page.get_by_role("button", name="Filters").click()
    check(page, schemes=schemes)
    page.get_by_role("button", name="Close the filters").click()
    photo(page, "cat.jpg").click()
    expect(page.get_by_role("heading", name="Quality")).to_be_visible()
    check(page, schemes=schemes)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Menu and help").click()
    check(page, schemes=schemes)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Add").click()
    check(page, schemes=schemes)


def test_nothing_is_wrong_with_what_goes_wrong(visit) -> None:
    page = visit("/?q=./secret.jpg", refusals=True)
    expect(page.get_by_role("alert")).to_contain_text("secret.jpg")
    check(page)
    page.goto(page.url.partition("?")[0] + "?min=focus:1")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
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
