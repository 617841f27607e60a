"""Tokens: asked for, refused, kept; what a token may not do is not offered."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.server.page.looking import check, expect_count, expect_first, is_loaded, photo


@pytest.fixture(scope="module")
def guarded(serve, command, copy_of, ingested):
    """A server that asks for tokens, one that may write and one that may not."""
    library = copy_of(ingested)
    made = [
        command("token", "create", "--library", library, name, *options)
        for name, options in (("desk", ["--write"]), ("wall", []))
    ]
    writing, reading = (max(re.findall(r"\S+", each), key=len) for each in made)
    with serve(library, "--require-token") as own:
        yield own.url, writing, reading


def sign_in(page, token: str) -> None:
    page.get_by_label("Token", exact=True).fill(token)
    page.get_by_role("button", name="Go on").click()


def test_signing_in(visit, guarded) -> None:
    url, writing, _ = guarded
    page = visit("/?q=a+cat", at=url, refusals=True)
    dialog = page.get_by_role("dialog", name="A token is needed")
    expect(dialog).to_be_visible()
    expect(page.locator("#grid li")).to_have_count(0)
    check(page)
    for _ in range(3):  # a browser closes a dialog at the second one, whatever a page says
        page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    sign_in(page, "wrong")
    expect(dialog.get_by_role("alert")).to_have_text("The server does not know this token.")
    sign_in(page, writing)
    expect(dialog).to_be_hidden()
    expect_first(page, "cat.jpg")
    image = page.locator("#grid img").first
    assert is_loaded(image)
    assert image.get_attribute("src").startswith("blob:")
    photo(page, "cat.jpg").click()
    assert is_loaded(page.locator("#photo-image"))
    page.get_by_role("button", name="Focus map").click()
    assert is_loaded(page.locator("#photo-map"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "cat.jpg"
    # The tab remembers it; another one does not.
    page.reload()
    expect(page.get_by_role("dialog", name="cat.jpg")).to_be_visible()
    other = page.context.new_page()
    other.goto(url)
    expect(other.get_by_role("dialog", name="A token is needed")).to_be_visible()


def test_a_token_is_remembered_and_forgotten(visit, guarded) -> None:
    url, _, reading = guarded
    page = visit(at=url, refusals=True)
    page.get_by_label("remember it on this device").check()
    sign_in(page, reading)
    expect_count(page, "6 photos")
    other = page.context.new_page()
    other.goto(url)
    expect_count(other, "6 photos")
    other.get_by_role("button", name="Menu and help").click()
    expect(other.get_by_text("read only")).to_be_visible()
    other.get_by_role("button", name="Forget the token").click()
    expect(other.get_by_role("dialog", name="A token is needed")).to_be_visible()
    page.reload()
    expect(page.get_by_role("dialog", name="A token is needed")).to_be_visible()


def test_who_may_only_read_is_offered_no_more(visit, guarded) -> None:
    url, _, reading = guarded
    page = visit("/?view=add", at=url, refusals=True)
    sign_in(page, reading)
    expect(page.get_by_text("Your token may read, but not add photos.")).to_be_visible()
    expect(page.get_by_role("button", name="Add the folder")).to_be_disabled()
