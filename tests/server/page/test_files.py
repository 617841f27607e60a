"""Files of the page: nothing from elsewhere, nothing inline, every part there."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest

PAGE = Path(str(files("safelight.server") / "page"))
SCRIPTS = sorted((PAGE / "js").glob("*.js"))
STYLES = sorted((PAGE / "css").glob("*.css"))


class Markup(HTMLParser):
    """All elements with their attributes, and the text within scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, tag) -> None:
        self._open = ""

    def handle_data(self, data) -> None:
        if self._open in ("script", "style"):
            self.inline += data.strip()


@pytest.fixture(scope="module")
def markup() -> Markup:
    return Markup((PAGE / "index.html").read_text(encoding="utf-8"))


def test_nothing_is_inline(markup) -> None:
    assert markup.inline == ""
    for _, attributes in markup.elements:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_all_that_is_named_is_there(markup) -> None:
    named = [
        attributes.get("src") or attributes["href"]
        for tag, attributes in markup.elements
        if tag in ("script", "link")
    ]
    for path in named:
        assert (PAGE / path.removeprefix("static/")).is_file()
    assert {Path(path).name for path in named if path.endswith(".css")} == {p.name for p in STYLES}


def test_every_icon_that_is_used_is_drawn(markup) -> None:
    drawn = {a["id"] for tag, a in markup.elements if tag == "symbol"}
    used = {a["href"].removeprefix("#") for tag, a in markup.elements if tag == "use"}
    for script in SCRIPTS:
        used |= {
            f"icon-{name}" for name in re.findall(r'\bicon\("(\w+)"\)', script.read_text("utf-8"))
        }
    assert used == drawn


def test_ids_are_given_once_and_each_that_is_asked_for(markup) -> None:
    given = [a["id"] for _, a in markup.elements if "id" in a]
    assert len(given) == len(set(given))
    for script in SCRIPTS:
        for name in re.findall(r'byId\("([^"]+)"\)', script.read_text("utf-8")):
            assert name in given, f"{script.name} asks for {name}"


@pytest.mark.parametrize("path", [*SCRIPTS, *STYLES, PAGE / "index.html"], ids=lambda p: p.name)
def test_nothing_comes_from_elsewhere_and_nothing_is_made_of_text(path) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.findall(r"//\w|:\s*//", text)
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write"):
        assert forbidden not in text


def test_every_module_is_used() -> None:
    imported = {"main.js"}
    for script in SCRIPTS:
        imported |= set(re.findall(r'from "\./(\S+)"', script.read_text("utf-8")))
    assert imported == {script.name for script in SCRIPTS}
