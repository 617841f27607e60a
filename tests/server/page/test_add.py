"""Adding photos: a folder of the server as a job with progress, files from this device."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import httpx2
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.server.page.looking import expect_count, expect_first, hand_over

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def more(tmp_path_factory) -> Path:
    """A folder of four photos that the server may ingest."""
    folder = tmp_path_factory.mktemp("add") / "more"
    folder.mkdir()
    for number in range(4):
        Image.effect_noise((64, 48), 20 + number).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def own(serve, copy_of, ingested, more):
    """A server whose library is to be changed."""
    with serve(copy_of(ingested), "--root", more) as found:
        yield found


def test_a_folder_is_added_with_progress(visit, own, more) -> None:
    page = visit(at=own.url)
    page.get_by_role("link", name="Add").click()
    page.get_by_label("Folder", exact=True).fill(str(more))
    page.get_by_role("textbox", name="Namespace").fill("more")
    page.get_by_role("button", name="Add the folder").click()
    job = page.locator("#jobs-list li")
    expect(job.get_by_role("heading")).to_have_text("ingest into more: done")
    expect(job).to_contain_text("4 new")
    # Photos that the library has already are counted as well.
    page.get_by_role("textbox", name="Namespace").fill("once more")
    page.get_by_role("button", name="Add the folder").click()
    again = page.locator("#jobs-list li").first
    expect(again.get_by_role("heading")).to_have_text("ingest into once more: done")
    expect(again).to_contain_text("4 known already")
    expect(again).not_to_contain_text("0 files")
    page.get_by_role("link", name="Photos", exact=True).click()
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("combobox", name="Namespace").select_option("more")
    expect_count(page, "4 photos")


def test_a_folder_that_may_not_be_added(visit, own) -> None:
    page = visit("/?view=add", at=own.url, refusals=True)
    folder = page.get_by_label("Folder", exact=True)
    folder.fill("/etc")
    folder.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="may read")).to_be_visible()
    expect(folder).to_be_focused()


def test_photos_of_this_device_are_added(visit, own, folder, tmp_path, make_photo) -> None:
    make_photo(tmp_path / "sent" / "new.png", "red", seed=9)
    (tmp_path / "sent" / "broken.jpg").write_bytes(b"\xff\xd8\xff no photo")
    page = visit("/?view=add", at=own.url, refusals=True)
    page.get_by_role("textbox", name="Namespace").fill("sent")
    page.get_by_label("Choose photos").set_input_files(
        [tmp_path / "sent" / "new.png", folder / "cat.jpg", tmp_path / "sent" / "broken.jpg"]
    )
    expect(page.locator("#upload-told")).to_have_text("3 files of 3 sent, 1 new, 1 refused")
    sent = hashlib.sha256((tmp_path / "sent" / "new.png").read_bytes()).hexdigest()
    new = httpx2.get(f"{own.url}/api/v1/photos/{sent}").json()
    assert new["scores"]
    assert new["labels"]
    expect(page.locator("#upload-failures")).to_contain_text("broken.jpg")
    # Dropped here, a photo is added and not searched with.
    hand_over(page, "drop", folder / "coffee.jpg", "#upload-zone")
    expect(page.locator("#upload-told")).to_have_text("1 file of 1 sent, 0 new")
    page.get_by_role("link", name="Photos", exact=True).click()
    page.get_by_label("Sort").select_option("added last")
    expect_first(page, "new.png")


def test_a_dropped_folder_is_read_with_all_in_it(visit, own) -> None:
    """Browsers give a folder's entries a hundred at a time, and a folder as one unreadable file."""
    page = visit("/?view=add", at=own.url)
    names = page.evaluate(
        """async () => {
          const { filesOf } = await import('/static/js/dropped.js');
          const file = (name) => ({ isFile: true, file: (done) => done(new File(['x'], name)) });
          const folder = (...entries) => ({
            isDirectory: true,
            createReader: () => {
              const parts = [entries.slice(0, 2), entries.slice(2), []];
              return { readEntries: (done) => done(parts.shift()) };
            },
          });
          const tree = folder(file('a.jpg'), folder(file('b.jpg'), folder()), file('c.jpg'));
          const item = (entry) => ({ webkitGetAsEntry: () => entry });
          const carried = { items: [item(tree), item(file('d.jpg'))], files: [] };
          return (await filesOf(carried)).map(({ name }) => name);
        }"""
    )
    assert names == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
