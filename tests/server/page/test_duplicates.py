"""The view of duplicates: decided with the keyboard, planned, applied to real files, undone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx2
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.server.page.looking import check, expect_count, is_loaded

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def doubles(tmp_path_factory, folder) -> Path:
    """A cat and a smaller one, a cup of coffee and one compressed again, a rocket alone."""
    place = tmp_path_factory.mktemp("doubles") / "Pictures"
    place.mkdir()
    for name in ("cat.jpg", "coffee.jpg", "rocket.jpg"):
        (place / name).write_bytes((folder / name).read_bytes())
    cat = Image.open(folder / "cat.jpg")
    cat.resize((cat.width // 2, cat.height // 2)).save(place / "cat small.jpg", quality=90)
    Image.open(folder / "coffee.jpg").save(place / "coffee again.jpg", quality=55)
    return place


@pytest.fixture(scope="module")
def own(serve, command, doubles):
    """A server of these photos. Each test leaves them, and what is decided, as it found them."""
    library = doubles.parent / "library.db"
    command("ingest", "--library", library, "--model", "starter", doubles)
    with serve(library) as found:
        yield found


def group(page, name: str):
    return page.get_by_role("article").filter(has=page.get_by_role("heading", name=name))


def test_a_plan_is_previewed_applied_and_undone(visit, own, doubles) -> None:
    before = {path.name: path.read_bytes() for path in doubles.iterdir() if path.is_file()}
    page = visit("/?view=duplicates", at=own.url)
    expect(page.locator("#groups-count")).to_have_text("2 groups")
    cats = group(page, "cat small.jpg")
    kept = cats.locator("li.kept")
    expect(kept.get_by_role("heading")).to_have_text(re.compile(r"cat\.jpg$"))
    expect(kept.locator(".reasons li")).not_to_have_count(0)
    for image in cats.locator("img").all():
        assert is_loaded(image)
    cats.get_by_role("button", name="Accept").click()
    expect(page.locator("#plan-sum")).to_have_text(re.compile(r"Plan: 1 group, 1 file, .* kB"))
    expect(page.locator("#groups-count")).to_have_text("2 groups, 1 open")
    page.reload()  # what was accepted outlives it
    expect(page.locator("#plan-sum")).to_have_text(re.compile("Plan: 1 group"))
    page.get_by_role("button", name="Preview").click()
    dialog = page.get_by_role("dialog", name=re.compile("1 file, .* to save"))
    expect(dialog.get_by_role("row")).to_have_count(2)
    expect(dialog).to_contain_text(str(doubles / "cat small.jpg"))
    assert (doubles / "cat small.jpg").exists()
    dialog.get_by_role("button", name="Apply").click()
    expect(page.locator("#notes")).to_contain_text("Applied: 1 file.")
    assert not (doubles / "cat small.jpg").exists()
    expect(page.locator("#groups-count")).to_have_text("1 group")
    expect(page.locator("#plan-bar")).to_be_hidden()
    page.get_by_role("link", name="Photos", exact=True).click()
    expect_count(page, "4 photos")
    page.go_back()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#notes")).to_contain_text("Undone: every file is where it was.")
    assert {p.name: p.read_bytes() for p in doubles.iterdir() if p.is_file()} == before
    expect(page.locator("#groups-count")).to_have_text("2 groups")
    page.get_by_text("Earlier plans").click()
    page.locator("#plans-list button").click()
    expect(page.locator("#plan-state")).to_have_text("Undone: every file is where it was.")


def test_deciding_with_the_keyboard(visit, own) -> None:
    page = visit("/?view=duplicates", at=own.url)
    expect(page.locator("#groups-count")).to_have_text("2 groups")
    first, second = page.get_by_role("article").all()
    page.get_by_label("Relation").focus()
    page.keyboard.press("Tab")
    expect(first).to_be_focused()
    other = first.locator("li.going h3").text_content()
    kept = first.locator(".side-by-side > li").first.get_attribute("class") == "kept"
    page.keyboard.press("2" if kept else "1")
    expect(first.locator("li.kept h3")).to_have_text(other)
    page.keyboard.press("a")
    expect(first).to_have_attribute("data-state", "accepted")
    expect(second).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(first).to_be_focused()
    page.keyboard.press("u")
    expect(first).to_have_attribute("data-state", "open")
    page.keyboard.press("n")
    expect(first).to_contain_text("Not duplicates; they are not suggested again.")
    expect(second).to_be_focused()
    page.keyboard.press("b")
    expect(second).to_contain_text("Kept; they are not suggested again.")
    expect(page.locator("#groups-count")).to_have_text("2 groups, 0 open")
    page.keyboard.press("u")
    expect(second).to_have_attribute("data-state", "open")
    page.wait_for_load_state("networkidle")
    decided = first.get_attribute("data-group")
    page.reload()
    expect(page.locator("#groups-count")).to_have_text("1 group")
    taken_back = httpx2.delete(f"{own.url}/api/v1/duplicates/{decided}/decision")
    assert taken_back.is_success
    # Looked at large, one after the other, in the same place.
    page.get_by_role("article").get_by_role("button", name=re.compile("^Look at")).first.click()
    expect(page.locator("#photo-place")).to_have_text("1 of 2 photos")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#photo-place")).to_have_text("2 of 2 photos")
    page.keyboard.press("Escape")
    expect(page.locator("#photo")).to_be_hidden()


def test_nothing_is_wrong_with_groups_and_plans(visit, own) -> None:
    page = visit("/?view=duplicates", at=own.url)
    expect(page.locator("#groups-count")).to_have_text("2 groups")
    page.get_by_text("How they are related").first.click()
    page.get_by_role("button", name="Accept").first.click()
    check(page)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("button", name="Apply")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Close", exact=True).click()
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    # However long a name in a reason is, it stays in its photo's half.
    reason = page.locator(".reasons li").first
    reason.evaluate("(e) => { e.textContent = 'x'.repeat(60) + '.jpg'; }")
    assert reason.evaluate("(e) => e.closest('.side-by-side > li').offsetWidth") <= 180
    check(page)
    page.get_by_role("button", name="Discard").click()
    expect(page.locator("#plan-bar")).to_be_hidden()
    expect(page.locator("#groups-count")).to_have_text("2 groups")


def test_without_duplicates(visit, serving) -> None:
    page = visit("/?view=duplicates")
    expect(page.get_by_role("heading", name="No duplicates")).to_be_visible()
