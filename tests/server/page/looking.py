"""Helpers that look at the page."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page

_AXE = Axe()


def names(page: Page) -> list[str]:
    """Return the names of the photos in the grid, in order."""
    return page.locator("#grid a .name").all_text_contents()


def photo(page: Page, name: str) -> Locator:
    """Return the tile of a photo."""
    return page.locator("#grid a").filter(has=page.locator(".name", has_text=name))


def expect_first(page: Page, name: str) -> None:
    """Wait until this photo stands first."""
    expect(page.locator("#grid li").first.locator(".name")).to_have_text(name)


def expect_count(page: Page, text: str) -> None:
    """Wait until so many photos are there."""
    expect(page.locator("#count")).to_have_text(text)


def is_loaded(image: Locator) -> bool:
    """Tell whether a picture is shown, if need be after a few seconds."""
    # Looked for again each time: a large one takes the place of a small one.
    return until(lambda: image.evaluate("(e) => e.naturalWidth > 0"))


def hand_over(page: Page, kind: str, path: Path, selector: str = "body") -> None:
    """Drop a file, or paste it."""
    page.evaluate(
        """([kind, name, data, selector]) => {
          const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
          const carried = new DataTransfer();
          carried.items.add(new File([bytes], name, {type: 'image/jpeg'}));
          const at = document.querySelector(selector);
          const options = {bubbles: true, cancelable: true};
          if (kind === 'paste') {
            at.dispatchEvent(new ClipboardEvent('paste', {...options, clipboardData: carried}));
            return;
          }
          for (const each of ['dragenter', 'dragover', 'drop']) {
            at.dispatchEvent(new DragEvent(each, {...options, dataTransfer: carried}));
          }
        }""",
        [kind, path.name, base64.b64encode(path.read_bytes()).decode(), selector],
    )


def check(page: Page, *, schemes: tuple[str, ...] = ("light", "dark")) -> None:
    """Let axe look at the page, in both of its colours."""
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = _AXE.run(page, options={"resultTypes": ["violations"]})
        wrong = [
            (scheme, each["id"], [node["target"] for node in each["nodes"]])
            for each in found.response["violations"]
            if each["impact"] in ("moderate", "serious", "critical")
        ]
        assert wrong == []
