"""The view of photos: search, filters, the address, the keyboard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx2
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.server.page.conftest import PHOTOS
from tests.server.page.looking import (
    expect_count,
    expect_first,
    hand_over,
    is_loaded,
    names,
    photo,
)
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_all_photos_are_there(visit) -> None:
    page = visit()
    expect_count(page, "6 photos")
    until(lambda: sorted(names(page)) == sorted(PHOTOS), why=lambda: names(page))
    for image in page.locator("#grid img").all():
        assert is_loaded(image)
    expect(photo(page, "cat.jpg")).to_have_attribute("aria-label", "cat.jpg, 3 May 2021, 14:05")
    assert page.title() == "Photos — safelight"


def test_it_is_found_while_one_types(visit) -> None:
    page = visit()
    box = page.locator("#query")  # a combobox as soon as it offers values
    box.press_sequentially("a cup of coffee", delay=20)
    expect_first(page, "coffee.jpg")
    expect(page.get_by_role("status").filter(has_text="found")).to_have_count(1)
    assert "q=a+cup+of+coffee" in page.url
    box.fill("a cat")
    expect_first(page, "cat.jpg")
    # What is only half typed is not a mistake.
    for begun in ("a cat -", "a cat - label:", 'a cat "', "a cat:", "-", "a cat"):
        box.fill(begun)
        page.wait_for_timeout(300)
        expect(page.locator("#failure")).to_be_hidden()
        expect(page.locator("#grid li")).to_have_count(6)
    expect_first(page, "cat.jpg")
    # One spell of typing is one step back.
    page.go_back()
    expect_count(page, "6 photos")
    expect(box).to_have_value("")
    page.go_forward()
    expect_first(page, "cat.jpg")
    expect(box).to_have_value("a cat")


def test_the_address_holds_the_search(visit) -> None:
    page = visit("/?q=a+cat&minus=a+cup&camera=Canon+EOS+5D&min=focus:0.05")
    expect_first(page, "cat.jpg")
    expect_count(page, "2 photos")
    expect(page.get_by_role("searchbox")).to_have_value("a cat")
    expect(page.locator(".chip.less")).to_have_text(re.compile("a cup"))
    expect(page.get_by_role("button", name="Filters, 2 set")).to_be_visible()
    page.reload()
    expect_count(page, "2 photos")


def test_scores_are_shown_on_demand(visit) -> None:
    page = visit("/?q=a+cat")
    expect_first(page, "cat.jpg")
    score = page.locator("#grid .match").first
    expect(score).to_be_hidden()
    page.get_by_role("button", name="Scores").click()
    expect(score).to_be_visible()
    shown = [float(text) for text in page.locator("#grid .match").all_text_contents()]
    assert shown == sorted(shown, reverse=True)
    assert len(shown) == 6


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_is_searched_with(visit, folder, kind) -> None:
    page = visit()
    expect_count(page, "6 photos")
    hand_over(page, kind, folder / "rocket.jpg")
    expect_first(page, "rocket.jpg")
    picture = page.get_by_role("img", name="your picture rocket.jpg")
    assert is_loaded(picture)
    expect(page.locator("#veil")).to_be_hidden()
    page.get_by_role("button", name="Remove your picture").click()
    expect(picture).to_be_hidden()
    expect(page.locator("#scores")).to_be_hidden()


def test_a_picture_is_chosen_and_mixed_with_words(visit, folder) -> None:
    page = visit("/?minus=an+astronaut")
    page.get_by_label("Search with a picture").set_input_files(folder / "astronaut.jpg")
    expect(page.locator(".chip")).to_have_count(2)
    expect_count(page, "6 photos")
    page.locator(".chip.less .away").click()
    expect_first(page, "astronaut.jpg")


def test_what_is_not_a_picture_is_not_searched_with(visit, tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    page = visit()
    page.get_by_label("Search with a picture").set_input_files(tmp_path / "notes.txt")
    expect(page.locator("#notes")).to_contain_text("“notes.txt” is not a picture.")


def test_signs_become_chips_that_can_be_turned(visit) -> None:
    page = visit()
    box = page.get_by_role("searchbox")
    box.fill("a cat - a cup of coffee")
    box.press("Enter")
    expect(box).to_have_value("a cat")
    chip = page.locator(".chip")
    expect(chip).to_have_class(re.compile("less"))
    assert "minus=a+cup+of+coffee" in page.url
    expect_first(page, "cat.jpg")
    box.fill("")
    expect(page.locator("#grid .name").last).to_have_text("coffee.jpg")
    chip.get_by_role("button", name=re.compile("Without a cup of coffee")).click()
    expect_first(page, "coffee.jpg")
    assert "plus=a+cup+of+coffee" in page.url
    assert "q=" not in page.url  # what was typed last counts, however quickly one clicks
    box.focus()
    box.press("Backspace")
    expect(chip).to_have_count(0)
    assert page.url.endswith("/")


def test_words_are_added_without_any_grammar(visit) -> None:
    page = visit()
    box = page.get_by_role("searchbox")
    box.fill("coins")
    page.get_by_role("button", name="Less of these words").click()
    expect(page.locator(".chip.less")).to_have_text(re.compile("coins"))
    expect(box).to_have_value("")
    box.fill("the moon")
    page.get_by_role("button", name="More of these words").click()
    expect(page.locator(".chip")).to_have_count(2)


def test_filters(visit) -> None:
    page = visit()
    expect_count(page, "6 photos")
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Camera").select_option("NIKON D750")
    expect_count(page, "2 photos")
    until(lambda: sorted(names(page)) == ["astronaut.jpg", "rocket.jpg"], why=lambda: names(page))
    page.get_by_label("from").fill("2023-09-02")
    expect_count(page, "1 photo")
    until(lambda: names(page) == ["astronaut.jpg"], why=lambda: names(page))
    page.get_by_role("button", name="Clear the filters").click()
    expect_count(page, "6 photos")
    slider = page.get_by_role("slider", name="exposure")
    slider.fill("0.7")
    expect(page.locator("#count")).not_to_have_text("6 photos")
    expect(page.locator("#count")).not_to_have_text("0 photos")
    expect(page.locator("output[for=least-exposure]")).to_have_text("≥ 0.70")
    slider.press("End")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    page.locator("#empty").get_by_role("button", name="Clear the filters").click()
    expect_count(page, "6 photos")
    page.go_back()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()


def test_labels_filter(visit) -> None:
    page = visit()
    expect_count(page, "6 photos")
    page.get_by_role("button", name="Filters").click()
    choice = page.get_by_role("combobox", name="Label", exact=True)
    label, count = choice.locator("option").nth(1).text_content().rsplit(" ", 1)
    choice.select_option(label)
    expect_count(page, f"{count[1:-1]} photo" + ("" if count == "(1)" else "s"))
    assert f"label={label.replace(' ', '+')}" in page.url


def test_sorting(visit, serving) -> None:
    asked = httpx2.get(serving.url + "/api/v1/photos?sort=-score:exposure")
    best = [each["name"] for each in asked.json()["photos"]]
    page = visit()
    expect_count(page, "6 photos")
    choice = page.get_by_label("Sort")
    expect(choice.locator("option:checked")).to_have_text("newest first")
    newest = ["astronaut.jpg", "rocket.jpg", "coffee.jpg", "cat.jpg"]
    until(lambda: names(page)[:4] == newest, why=lambda: names(page))
    choice.select_option("added first")
    until(lambda: names(page) == sorted(PHOTOS), why=lambda: names(page))
    choice.select_option("oldest first")
    expect_first(page, "cat.jpg")
    choice.select_option("exposure, best first")
    until(lambda: names(page) == best, why=lambda: names(page))
    choice.select_option("exposure, worst first")
    expect_first(page, best[-1])
    # Hits have an order of their own, and can be sorted by all others.
    page.get_by_role("searchbox").fill("a cat")
    expect_first(page, "cat.jpg")
    expect(choice.locator("option:checked")).to_have_text("best match first")
    choice.select_option("newest first")
    expect_first(page, "astronaut.jpg")
    choice.select_option("exposure, best first")
    until(lambda: names(page) == best, why=lambda: names(page))
    page.reload()
    expect_first(page, best[0])
    expect(choice.locator("option:checked")).to_have_text("exposure, best first")
    page.get_by_role("searchbox").fill("")
    expect(choice.locator("option:checked")).to_have_text("newest first")


@pytest.fixture(scope="module")
def many(serve, command, tmp_path_factory) -> Iterator[str]:
    """The address of a server of 230 photos, one of them large. Nothing of it is to be changed."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(229):
        Image.new("RGB", (64, 48), (number, 90, 200)).save(folder / f"{number}.png")
    Image.new("RGB", (2600, 1300), (200, 30, 30)).save(folder / "large.png")
    command("ingest", "--library", folder / "many.db", "--model", "starter", folder)
    with serve(folder / "many.db") as found:
        yield found.url


def test_one_leafs_through_more_than_a_page_brings(many, visit) -> None:
    # Hits in an order are the nearest few: else what fits worst would stand first only because it
    # was taken last.
    page = visit("/?q=the+sea&sort=-added", at=many)
    expect_count(page, "50 photos, the nearest")
    page.get_by_role("button", name="Show more").click()
    expect_count(page, "200 photos, the nearest")
    # In the order of the match they go on by themselves.
    page.goto(many + "/?q=the+sea")
    expect_count(page, "200 photos, the nearest")
    page.locator("#more").scroll_into_view_if_needed()
    expect_count(page, "230 photos")
    # A photo that no page has brought yet has its place all the same, and neighbours.
    cards = httpx2.get(many + "/api/v1/photos?limit=1000").json()["photos"][155:157]
    page.goto(f"{many}/?photo={cards[0]['photo_id']}")
    expect(page.locator("#photo-place")).to_have_text("156 of 230 photos")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#photo-name")).to_have_text(cards[1]["name"])
    # From the last hit that was asked for one comes to the next.
    hits = httpx2.post(many + "/api/v1/images/search", json={"query": "the sea", "limit": 230})
    last, following = hits.json()["hits"][199:201]
    page.goto(f"{many}/?q=the+sea&photo={last['photo_id']}")
    expect(page.locator("#photo-place")).to_have_text("200 of 200 photos")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#photo-name")).to_have_text(following["name"])


def test_zoom_shows_all_pixels(many, visit) -> None:
    cards = httpx2.get(many + "/api/v1/photos?limit=300").json()["photos"]
    (large,) = [card for card in cards if card["name"] == "large.png"]
    page = visit(f"/?photo={large['photo_id']}", at=many)
    image = page.locator("#photo-image")
    until(lambda: image.evaluate("(e) => e.naturalWidth") == 2048)
    page.keyboard.press("z")
    until(lambda: image.evaluate("(e) => e.naturalWidth") == 2600)
    until(lambda: (image.bounding_box() or {}).get("width") == 2600)


def test_from_the_box_to_a_photo_and_back_with_the_keyboard(visit) -> None:
    page = visit()
    expect_count(page, "6 photos")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("a cat")
    expect_first(page, "cat.jpg")
    page.keyboard.press("ArrowDown")
    expect(photo(page, "cat.jpg")).to_be_focused()
    page.keyboard.press("ArrowRight")
    second = names(page)[1]
    expect(photo(page, second)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=second)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#photo")).to_be_hidden()
    expect(photo(page, second)).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator("#grid li").last.locator("a")).to_be_focused()
    # The grid is one stop of the tabulator, however many photos it has.
    assert page.locator("#grid a[tabindex='0']").count() == 1


def test_a_refused_query_is_told_in_the_server_s_words(visit) -> None:
    page = visit("/?q=a+cat", refusals=True)
    expect_first(page, "cat.jpg")
    page.get_by_role("searchbox").fill("./secret.jpg")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("secret.jpg")
    # Photos of another search do not answer this one.
    expect(page.locator("#grid li")).to_have_count(0)
    expect(page.locator("#count")).to_be_empty()
    page.get_by_role("searchbox").fill("a cat")
    expect_first(page, "cat.jpg")
    expect(page.locator("#failure")).to_be_hidden()


def test_a_server_that_is_gone_and_comes_back(visit, serve, copy_of, ingested) -> None:
    with serve(copy_of(ingested)) as own:
        page = visit(at=own.url, refusals=True)
        expect_count(page, "6 photos")
        own.stop()
        page.get_by_role("searchbox").fill("a cat")
        expect(page.get_by_role("alert")).to_contain_text("The server does not answer.")
        own.start()
        page.get_by_role("button", name="Try again").click()
        expect_first(page, "cat.jpg")
        expect(page.locator("#failure")).to_be_hidden()


def test_a_library_without_photos(visit, serve, tmp_path) -> None:
    with serve(tmp_path / "empty.db") as own:
        page = visit(at=own.url)
        expect(page.get_by_role("heading", name="No photos yet")).to_be_visible()
        page.locator("#empty").get_by_role("link", name="Add photos").click()
        expect(page.get_by_role("heading", name="Add photos")).to_be_visible()
        # Only what can work is offered: the server was given no folder.
        expect(page.get_by_text("safelight serve --root FOLDER")).to_be_visible()
        expect(page.get_by_role("button", name="Add the folder")).to_be_hidden()
        expect(page.get_by_label("Choose photos")).to_be_enabled()


def test_the_link_to_the_photos_leads_back_to_the_search(visit) -> None:
    page = visit("/?q=a+cat&camera=Canon+EOS+5D")
    expect_count(page, "2 photos")
    page.get_by_role("link", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Add photos")).to_be_visible()
    page.get_by_role("link", name="Photos", exact=True).click()
    expect_count(page, "2 photos")
    expect(page.get_by_role("searchbox")).to_have_value("a cat")
    page.locator(".mark").click()
    expect_count(page, "6 photos")


def test_an_address_with_mistakes_shows_what_it_can(visit) -> None:
    page = visit("/?sort=best&photo=xyz&from=yesterday&relation=<b>&min=focus:high&view=nowhere")
    expect_count(page, "6 photos")
    expect(page.locator("#failure")).to_be_hidden()
    expect(page.locator("#photo")).to_be_hidden()


def test_pictures_that_did_not_come_are_asked_for_again(visit) -> None:
    """As when the server is started again: no reload is needed."""
    page = visit("/?view=add", refusals=True)
    page.route("**/thumbnail?*", lambda route: route.abort())
    page.get_by_role("link", name="Photos", exact=True).click()
    expect(page.locator("#grid li.lost")).to_have_count(6)
    page.unroute("**/thumbnail?*")
    expect(page.locator("#grid li.lost")).to_have_count(0)
    expect(page.locator("#grid li.loaded")).to_have_count(6)


def test_a_picture_that_the_browser_cannot_show_is_named(visit, tmp_path) -> None:
    (tmp_path / "beach.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(60))
    page = visit(refusals=True)
    page.get_by_label("Search with a picture").set_input_files(tmp_path / "beach.heic")
    expect(page.locator(".chip")).to_contain_text("beach.heic")
    expect(page.locator(".chip img")).to_have_count(0)


@pytest.mark.parametrize("path", ["/", "/?q=a+cat", "/?view=add"])
def test_it_fits_on_a_phone(visit, path) -> None:
    page = visit(path, size=(360, 740), has_touch=True)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    expect(page.get_by_role("navigation")).to_be_in_viewport()


def test_light_or_dark_is_kept(visit) -> None:
    page = visit(color_scheme="dark")
    back = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(back)
    page.get_by_role("button", name="Menu and help").click()
    page.get_by_label("light", exact=True).check()
    light = page.evaluate(back)
    assert light != dark
    page.reload()
    assert page.evaluate(back) == light
