"""The page as a parser sees it: whole, closed in itself, and nobody's to take over."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from safelight.sheet import Card, Listed, Sheet, arrange, cards, page
from tests.sheet.conftest import HOSTILE

VOID = {"meta", "img", "input"}
# What would ask somebody for something, or run.
TAGS = set(
    "html head meta title style body header h1 h2 bdi p span div label select option input ol li "
    "img svg rect dl dt dd details summary footer script".split()
)


class Page(HTMLParser):
    """The elements of a page, with the texts in them; fails where they are not closed in turn."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs) -> None:
        assert len(dict(attrs)) == len(attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data) -> None:
        if data.strip():
            self.texts.append((self._open[-1], data))

    def handle_comment(self, data) -> None:
        raise AssertionError(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


def made(every, **options) -> Page:
    return Page(page(Sheet("Holiday", every, ("focus", "exposure", "noise"), **options)))


def check_is_harmless(parsed: Page) -> None:
    assert {tag for tag, _ in parsed.tags} <= TAGS
    assert len(parsed.all("script")) == len(parsed.all("style")) == 1
    for tag, attributes in parsed.tags:
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in ("href", "srcset", "style", "srcdoc", "action", "formaction")
            if name == "src":
                assert tag == "img"
                assert re.fullmatch(r"data:image/jpeg;base64,[A-Za-z0-9+/]+=*", value or "")


def test_it_is_closed_in_itself(every) -> None:
    html = page(Sheet(HOSTILE, every, ("focus", "exposure", "noise")))
    check_is_harmless(Page(html))
    assert "http:" not in html
    assert "https:" not in html
    assert "url(" not in html
    assert "@import" not in html


def test_the_policy_allows_this_script_and_this_style_and_nothing_else(every) -> None:
    parsed = made(every, columns=3, thumb=200)
    (policy,) = (each["content"] for each in parsed.all("meta") if each.get("http-equiv"))
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    digests = {
        tag: base64.b64encode(hashlib.sha256("".join(parsed.text(tag)).encode()).digest()).decode()
        for tag in ("script", "style")
    }
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": f"'sha256-{digests['style']}'",
        "script-src": f"'sha256-{digests['script']}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    # It counts from where it stands: nothing that it is to bind comes before.
    tags = [tag for tag, _ in parsed.tags]
    assert tags[:5] == ["html", "head", "meta", "meta", "meta"]


def test_each_photo_is_there_with_its_scores(every) -> None:
    parsed = made(arrange(every, "focus"), by="focus")
    assert len(parsed.all("li")) == 5
    assert len(parsed.all("img")) == 4
    for item, card in zip(parsed.all("li"), arrange(every, "focus"), strict=True):
        for key in ("combined", "focus", "exposure", "noise"):
            score = card.score(key)
            shown = item.get(f"data-{key}")
            assert (shown is None) == (score is None)
            assert score is None or float(shown) == pytest.approx(score, rel=1e-5)
    assert parsed.text("dt")[:4] == ["combined", "focus", "exposure", "noise"]
    for image, card in zip(
        parsed.all("img"), [c for c in arrange(every, "focus") if c.thumbnail], strict=True
    ):
        data = base64.b64decode(image["src"].partition(",")[2])
        assert data == card.thumbnail.jpeg
        assert Image.open(io.BytesIO(data)).size == (int(image["width"]), int(image["height"]))


def test_bars_are_as_long_as_scores(every) -> None:
    card = next(card for card in every if card.path.endswith("sharp 10.png"))
    parsed = made([card])
    widths = [float(each["width"]) for each in parsed.all("rect") if each["width"] != "1"]
    scores = [card.score(key) for key in ("combined", "focus", "exposure", "noise")]
    assert widths == pytest.approx([100 * score for score in scores], rel=0.01)
    assert parsed.text("span")[-4:] == [f"{score:.2f}" for score in scores]


def test_what_could_not_be_read_or_measured_says_why(every) -> None:
    parsed = made(every)
    texts = parsed.text("p")
    assert "It is not an image: no image format begins like this." in texts
    assert any(text.startswith("noise skipped: ") for text in texts)
    assert "4 photos, 1 that could not be read, " in "".join(texts)
    assert [item.get("class") for item in parsed.all("li")].count("bad") == 1


def test_the_map_of_focus_lies_over_the_photo(every) -> None:
    card = next(card for card in every if card.path.endswith("sharp 10.png"))
    parsed = made([card])
    (found,) = (each for each in parsed.all("svg") if each["class"] == "map")
    assert found["viewbox"] == "0 0 8 8"  # 600 by 400
    tiles = [each for each in parsed.all("rect") if each["width"] == "1"]
    for tile in tiles:
        expected = card.focus_map.tiles[int(tile["y"])][int(tile["x"])]
        assert float(tile["fill-opacity"]) == pytest.approx(expected, abs=0.006)
    assert len(tiles) == sum(tile >= 0.005 for row in card.focus_map.tiles for tile in row)


def test_options_that_need_the_script_are_hidden_without_it(every) -> None:
    parsed = made(every, by="exposure", worst_first=True)
    scripted = [each for each in parsed.all("label") if each.get("class") == "scripted"]
    assert len(scripted) == 2
    assert all("hidden" in each for each in scripted)
    (selected,) = (each["value"] for each in parsed.all("option") if "selected" in each)
    assert selected == "exposure"
    assert "by exposure, worst first" in parsed.text("span")


def test_the_query_is_told_where_there_is_one(every) -> None:
    matched = [replace(card, match=0.25) for card in every if card.thumbnail]
    parsed = made(matched, by="query")
    assert [each["data-query"] for each in parsed.all("li")] == ["0.25"] * 4
    assert parsed.text("dt").count("query") == 4
    assert "nearest to the query first" in parsed.text("span")
    assert "query" not in made(every).text("option")


def test_columns_of_dashes_are_left_out(every) -> None:
    flat = [card for card in every if card.path.endswith("flat.png")]
    assert "noise" not in made(flat).text("dt")
    assert "noise" not in made(flat).text("option")


def test_folders_on_the_way_are_nobodys_business(every, folder) -> None:
    html = page(Sheet("Holiday", every, ("focus",)))
    assert str(folder) not in html
    assert str(folder.parent) not in html


def test_it_is_the_same_each_time(every) -> None:
    sheet = Sheet("Holiday", every, ("focus",))
    assert page(sheet) == page(sheet)


def test_no_photo_at_all() -> None:
    parsed = Page(page(Sheet("", [], ())))
    assert parsed.all("li") == []


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1), st.text())
def test_no_name_title_or_reason_becomes_markup(name, reason) -> None:
    path = os.path.join("/photos", name)
    sheet = Sheet(name, [Card(path, reason=reason), Card("/photos/x.jpg", reason="is bad")], ())
    parsed = Page(page(sheet))
    check_is_harmless(parsed)
    plain = Page(page(replace(sheet, title="x", cards=[replace(sheet.cards[1])] * 2)))
    assert [tag for tag, _ in parsed.tags if tag != "span"] == [
        tag for tag, _ in plain.tags if tag != "span"
    ]


@pytest.mark.parametrize("name", ["\udcff.png", "a\nb.png", "</script><script>.png"])
def test_odd_names_on_the_disk(tmp_path, name) -> None:
    from safelight.quality import choose

    path = tmp_path / name.replace("/", "\N{DIVISION SLASH}")
    Image.new("RGB", (40, 30), "teal").save(path)
    found = list(cards([Listed(str(path))], choose(["exposure"])))
    html = page(Sheet(name, found, ("exposure",)))
    html.encode()
    check_is_harmless(Page(html))
