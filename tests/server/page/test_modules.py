"""The pure parts of the page, run where they will run: in the browser."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

import pytest

from safelight.search.filters import ALIASES, FILTERS, known_filter
from safelight.search.query import parse_query

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def module(chromium, serving) -> Callable[[str, str, Any], Any]:
    """Call into a module: ``module("format", "m.bytes(given)", 1000)``."""
    page = chromium.new_page()
    page.goto(serving.url)

    def call(name: str, expression: str, given: Any = None) -> Any:
        source = f"async (given) => {{ const m = await import('/static/js/{name}.js'); "
        return page.evaluate(source + f"return {expression}; }}", given)

    return call


WANTED = {"width": 1000, "height": 200, "gap": 4}


def shapes(seed: int, count: int) -> list[float]:
    chance = random.Random(seed)
    return [chance.choice([0.4, 0.67, 0.75, 1.0, 1.33, 1.5, 1.78, 4.0]) for _ in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("ends", [False, True])
def test_rows_end_at_the_edge_and_are_about_as_high_as_wanted(module, count, ends) -> None:
    given = {"shapes": shapes(count, count), "wanted": {**WANTED, "ends": ends}}
    laid = module("justified", "m.justify(given.shapes, given.wanted)", given)
    assert sum(row["count"] for row in laid["rows"]) == len(laid["boxes"]) == count
    y = 0
    for number, row in enumerate(laid["rows"]):
        assert row["y"] == y
        y += row["height"] + WANTED["gap"]
        boxes = laid["boxes"][row["first"] : row["first"] + row["count"]]
        assert boxes[0]["x"] == 0
        for left, right in itertools.pairwise(boxes):
            assert abs(right["x"] - left["x"] - left["width"] - WANTED["gap"]) <= 1
        edge = boxes[-1]["x"] + boxes[-1]["width"]
        if ends and number == len(laid["rows"]) - 1 and edge != WANTED["width"]:
            assert edge < WANTED["width"]
            assert row["height"] == WANTED["height"]
        else:
            assert edge == WANTED["width"]
        # Within the row, each photo keeps its shape, but for whole pixels.
        for box, shape in zip(boxes, given["shapes"][row["first"] :], strict=False):
            assert box["width"] == pytest.approx(shape * row["height"], rel=0.02, abs=2)
    assert laid["height"] == y
    if count == 100:
        assert all(130 < row["height"] < 300 for row in laid["rows"])


def test_no_better_rows_can_be_made(module) -> None:
    import math

    given = shapes(5, 9)
    laid = module("justified", "m.justify(given, {width: 700, height: 200, gap: 0, ends: false})", given)  # fmt: skip # noqa: E501

    def cost(rows: list[list[float]]) -> float:
        return sum(math.log(700 / sum(row) / 200) ** 2 for row in rows)

    found = [given[row["first"] : row["first"] + row["count"]] for row in laid["rows"]]
    every = []
    for cuts in itertools.product([False, True], repeat=len(given) - 1):
        rows = [[given[0]]]
        for cut, shape in zip(cuts, given[1:], strict=True):
            rows.append([shape]) if cut else rows[-1].append(shape)
        every.append(cost(rows))
    assert cost(found) == pytest.approx(min(every))


def test_panoramas_and_towers_stay_within_bounds(module) -> None:
    found = module("justified", "given.map(([w, h]) => m.shape(w, h))", [[9000, 300], [10, 900], [0, 0], [3, 2]])  # fmt: skip # noqa: E501
    assert found == [4, 0.4, 1.5, 1.5]


def test_of_very_many_photos_only_those_in_sight_are_placed(module) -> None:
    found = module(
        "blocks",
        """(() => {
          const b = new m.Blocks(100_000, {width: 1000, height: 200, gap: 4});
          const seen = b.between(b.height / 2, b.height / 2 + 800);
          const [block, first] = [500, b.tops[500]];
          b.learn(block, Array(m.BLOCK).fill(0.67));
          return {
            height: b.height, seen: seen.length, from: seen[0].index,
            tops: [first, b.tops[500], b.tops[501] - b.tops[500]],
            all: [b.box(0), b.box(99_999)],
            row: b.between(b.tops[500], b.tops[500] + 1).map(({index, y}) => [index, y]),
            steps: [b.beside(0, -1), b.beside(b.beside(70_000, 1), -1), b.beside(99_999, 1)],
          };
        })()""",
    )
    assert found["height"] > 3_000_000
    assert 10 < found["seen"] < 60
    assert 45_000 < found["from"] < 55_000
    before, after, height = found["tops"]
    assert before == after  # what is learnt of a block moves nothing above it
    assert 2_000 < height < 4_000
    first, last = found["all"]
    assert (first["x"], first["y"]) == (0, 0)
    assert last["y"] + last["height"] == pytest.approx(found["height"], abs=100_000)
    assert [index for index, _ in found["row"]] == list(range(50_000, 50_000 + len(found["row"])))
    assert found["steps"][0] == 0
    assert abs(found["steps"][1] - 70_000) <= 1
    assert found["steps"][2] == 99_999


QUERIES = [
    "a dog in the snow",
    "beach + ./a.jpg:0.5 - people",
    "- people",
    '"black - white" + "say \\"hi\\" - now"',
    "t-shirt + 16:9 -weather",
    "a + b - c:2 + photo:3f2a",
    "über + 山 - 'x'",
    "sunset label:beach -label:people",
    "dog camera:canon,nikon -is:portrait (iso:>=1600 OR kind:raw) - cat",
    'a + b taken:"last week" OR folder:x -(name:a* (is:square OR is:undated)) - c:0.5',
    'label:"wide shot" + sea - label:"a b" label:mountain - boats',
]


@pytest.mark.parametrize("query", QUERIES)
def test_chips_split_a_query_where_the_grammar_does(module, query) -> None:
    found = module("query", "m.split(given)", query)
    joined = [found["text"]] if found["text"] else []
    joined += [f"{t['sign']} {t['body']}" for t in found["terms"]]
    assert parse_query(" ".join(joined)) == parse_query(query)
    signed = [term for term in parse_query(query).terms if term.weight < 0]
    assert len([term for term in found["terms"] if term["sign"] == "-"]) == len(signed)


def test_the_page_knows_every_filter(module) -> None:
    known = {name for name in (*FILTERS, *ALIASES) if known_filter(name)}
    assert set(module("query", "m.NAMES", "")) == known


def test_a_query_can_be_searched_before_it_is_finished(module) -> None:
    typed = "beach + sun - people"
    for end in range(1, len(typed) + 1):
        sofar = module("query", "m.sofar(given)", typed[:end])
        assert parse_query(sofar).terms
    assert module("query", "m.sofar(given)", "beach - ") == "beach"
    assert module("query", "m.sofar(given)", " - ") == ""
    for begun in ("dog camera:", "dog -iso:>=", "dog (kind:"):
        assert module("query", "m.sofar(given)", begun) == "dog"


@pytest.mark.parametrize("words", ["a dog", "at 10:30", "a - b", 'say "hi"', "c:\\x", "list.txt"])
def test_words_become_one_text_of_the_grammar(module, words) -> None:
    (term,) = parse_query(module("query", "m.asTerm(given)", words)).terms
    assert (term.kind, term.value, term.weight) == ("text", words, 1.0)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("people", "people"),
        ("people:0.5", "people ×0.5"),
        ('"t - shirts":2', "t - shirts ×2"),
        ("text:a.jpg", "a.jpg"),
        ("at 10:30", "at 10:30"),
    ],
)
def test_terms_are_shown_without_their_quotes(module, body, shown) -> None:
    assert module("query", "m.told(given)", body) == shown


def test_a_state_survives_its_address(module) -> None:
    state = {
        "view": "photos", "q": "a & b", "image": "", "namespace": "ü", "camera": "X/1",
        "label": "", "from": "2020-01-01", "to": "", "sort": "-taken", "relation": "",
        "terms": [{"sign": "+", "body": "x:0.5"}, {"sign": "-", "body": "photo:3f"}],
        "min": {"focus": 0.6}, "photo": "3f" * 32,
    }  # fmt: skip
    assert module("address", "m.read(m.write(given))", state) == state
    assert module("address", "m.write(m.read('?nonsense=1&min=focus:7&view=x'))") == ""


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_events_are_whole_however_they_arrive(module, end, size) -> None:
    lines = [": hello", "", "event: progress", 'data: {"a": 1}', "", "data: one", "data:two", "", "data: half"]  # fmt: skip # noqa: E501
    stream = end.join(lines)
    parts = [stream[i : i + size] for i in range(0, len(stream), size)]
    found = module("events", "(() => { const t = m.parser(); return given.flatMap(t); })()", parts)
    assert found == [
        {"event": "progress", "data": '{"a": 1}'},
        {"event": "message", "data": "one\ntwo"},
    ]


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("m.bytes(1)", "1 byte"),
        ("m.bytes(999)", "999 bytes"),
        ("m.bytes(1000)", "1.0 kB"),
        ("m.bytes(9_960)", "10 kB"),
        ("m.bytes(999_700)", "1.0 MB"),
        ("m.bytes(34_000_000)", "34 MB"),
        ("m.time('2021-05-03T14:05:09+02:00')", "3 May 2021, 14:05"),
        ("m.time('2021-05-03')", "3 May 2021"),
        ("m.time(null)", ""),
        ("m.exposure(0.004)", "1/250 s"),
        ("m.exposure(2.5)", "2.5 s"),
        ("m.exposure(30)", "30 s"),
        ("m.count(1, 'photo')", "1 photo"),
        ("m.count(100000, 'photo')", "100,000 photos"),
        ("m.parts('/a/b c/d.jpg').name", "d.jpg"),
        ("m.parts('C:\\\\x\\\\d.jpg').name", "d.jpg"),
    ],
)
def test_numbers_in_words(module, expression, shown) -> None:
    assert module("format", expression) == shown


def test_a_grid_of_very_many_photos_holds_few_and_keeps_what_is_in_sight(module) -> None:
    found = module(
        "grid",
        """(async () => {
          document.body.replaceChildren();
          const list = document.body.appendChild(document.createElement('ul'));
          list.id = 'grid';
          list.style.position = 'relative';
          const held = new Map();
          const asked = [];
          const photos = {
            total: 100_000,
            at: (i) => held.get(i),
            has: (block) => held.has(block * 100),
            load: async (block) => {
              asked.push(block);
              for (let i = block * 100; i < block * 100 + 100; i += 1) {
                held.set(i, {photo_id: '0', path: `/x/${i}.jpg`, width: 2 + (i % 3), height: 3});
              }
            },
            indexOf: () => -1,
          };
          const wait = (ms) => new Promise((done) => setTimeout(done, ms));
          const fails = [];
          const grid = new m.Grid(list, {onFail: (error) => fails.push(error.message)});
          grid.show(photos);
          await wait(200);
          const counts = [];
          for (let y = 0; y < 4_000_000; y += 40_000) {
            scrollTo(0, y);
            await new Promise(requestAnimationFrame);
            counts.push(list.children.length);
          }
          const look = () => [...list.children].filter((item) => {
            const box = item.getBoundingClientRect();
            return box.bottom > 0 && box.top < innerHeight;
          });
          const names = (items) => items.filter((item) => item.querySelector('.name')).length;
          const are = () => look().length > 0 && names(look()) === look().length;
          for (let turn = 0; turn < 300 && !are(); turn += 1) await wait(100);
          const inSight = look();
          const named = names(inSight);
          const order = [...list.children].map((item) => Number(item.ariaPosInSet));
          const above = inSight[0].ariaPosInSet;
          const top = inSight[0].getBoundingClientRect().top;
          await photos.load(Math.floor(above / 100) - 3);
          grid.render();
          await wait(100);
          return {
            most: Math.max(...counts), asked: asked.length, fails,
            inSight: inSight.length, named, order,
            moved: inSight[0].getBoundingClientRect().top - top,
          };
        })()""",
    )
    assert found["fails"] == []
    assert found["most"] < 150
    assert found["asked"] < 20  # a scrollbar that flies past asks for nothing
    assert found["named"] == found["inSight"] > 5
    assert found["order"] == sorted(found["order"])
    assert found["moved"] == 0
