from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.errors import QueryError
from safelight.library.expression import AllOf, AnyOf, Circle, Days, Match, Not, Range, Score
from safelight.search.filters import FILTERS
from safelight.search.periods import read_days
from safelight.search.query import Query, Term, parse_query, print_query

_CANON, _NIKON, _WIDE = Match("camera", "canon"), Match("camera", "nikon"), Match("is", "landscape")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("camera:canon", _CANON),
        ("Camera:canon", _CANON),
        ("-camera:canon", Not(_CANON)),
        ("NOT camera:canon", Not(_CANON)),
        ("camera:canon,nikon", AnyOf((_CANON, _NIKON))),
        ("camera:(canon OR nikon)", AnyOf((_CANON, _NIKON))),
        ("camera:canon OR camera:nikon", AnyOf((_CANON, _NIKON))),
        ("camera:canon or camera:nikon", AnyOf((_CANON, _NIKON))),
        ("(camera:canon OR camera:nikon)", AnyOf((_CANON, _NIKON))),
        ("camera:canon AND is:landscape", AllOf((_CANON, _WIDE))),
        ("camera:canon is:landscape", AllOf((_CANON, _WIDE))),
        # As in Gmail, OR binds its neighbours.
        ("is:landscape camera:canon OR camera:nikon", AllOf((_WIDE, AnyOf((_CANON, _NIKON))))),
        ("(is:landscape camera:canon) OR camera:nikon", AnyOf((AllOf((_WIDE, _CANON)), _NIKON))),
        ("-(camera:canon is:landscape)", Not(AllOf((_CANON, _WIDE)))),
        ("-camera:canon,nikon", Not(AnyOf((_CANON, _NIKON)))),
        ('camera:"EOS R5, II"', Match("camera", "EOS R5, II")),
        ("name:a(1).jpg", Match("name", "a(1).jpg")),
        ("(name:a(1).jpg OR is:landscape)", AnyOf((Match("name", "a(1).jpg"), _WIDE))),
        ("iso:>=1600", Match("iso", Range(1600.0))),
        ("iso:100..400", Match("iso", Range(100.0, 400.0))),
        ("f:<2", Match("f", Range(None, 2.0, below=True))),
        ("aperture:f/2.8", Match("f", Range(2.8, 2.8))),
        ("shutter:<=1/250s", Match("shutter", Range(None, 0.004))),
        ("focal:>200mm", Match("focal", Range(200.0, None, above=True))),
        ("near:48.85,2.35", Match("near", Circle(48.85, 2.35, 1.0))),
        ('near:"48.85, 2.35 500m"', Match("near", Circle(48.85, 2.35, 0.5))),
        ("score:focus>=0.6", Match("score", Score("focus", Range(0.6)))),
        ("score:focus=0.2..0.5", Match("score", Score("focus", Range(0.2, 0.5)))),
        ("kind:HEIF", Match("kind", "heic")),
        ("taken:2024", Match("taken", Days("2024-01-01", "2024-12-31"))),
    ],
)
def test_reads_filters(text: str, where: object) -> None:
    found = parse_query(f"{text} a dog")
    assert found.where == where
    assert found.terms == (Term("text", "a dog"),)
    assert parse_query(print_query(found)) == found


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("camra:canon", ["camra", "camera:", "column 1", '"camra:canon"']),
        ("a dog http://x.org", ["http", "column 7", '"http://x.org"']),
        ("taken:2024-13", ["2024-13", "2024-12"]),
        ("taken:2023-02-30", ["2023-02-30", "2023-02-28"]),
        ("taken:2024-08..2024-06", ["2024-06..2024-08"]),
        ("taken:summer", ["summer-20"]),
        ("taken:yesteryear", ["yesteryear", "last week"]),
        ("iso:400..100", ["100..400"]),
        ("iso:100-400", ["100..400"]),
        ("iso:fast", ["fast", "iso:>=1600"]),
        ("score:focus", ["score:focus>=0.6"]),
        ("score:focus>=6", ["6", "1"]),
        ("kind:rwa", ["rwa", "kind:raw"]),
        ("is:blurry", ["blurry", "landscape"]),
        ('near:"2.35 km"', ["near:"]),
        ("near:148.85,2.35", ["148.85", "latitude"]),
        ("camera:", ["camera:canon", "column 1"]),
        ("camera:canon,,nikon", ["camera"]),
        ("camera:canon OR dogs", ["OR", "column 14"]),
        ("(camera:canon OR dogs)", ["column 18"]),
        ("(camera:canon", ["column 1", "closed"]),
        ("shutter:1/0", ["1/0"]),
    ],
)
def test_says_what_is_wrong_and_the_nearest_form(text: str, names: list[str]) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(text)
    for name in names:
        assert name in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        '"http://x.org"', "at 12:30", "16:9", "todo: milk", "C:\\a\\b", "beach:0.5",
        "a (brown) dog", "cats OR dogs", "f:\\photos\\a.jpg", '"camera:canon"', "B&B:x",
        "salt or pepper", ":)",
    ],
)  # fmt: skip
def test_other_colons_and_parentheses_are_words(text: str) -> None:
    found = parse_query(text)
    assert found.where is None
    assert len(found.terms) == 1
    assert parse_query(print_query(found)) == found


@pytest.mark.parametrize("text", ['dog -"wet street"', '-"wet street" dog', "dog - wet street"])
def test_a_minus_before_quotes_is_a_sign(text: str) -> None:
    assert any(term.weight < 0 for term in parse_query(text).terms)


def test_every_example_is_read_and_every_meaning_said() -> None:
    for name, kind in FILTERS.items():
        found = parse_query(kind.example)
        assert isinstance(found.where, Match)
        assert found.where.name == name
        assert kind.meaning
        with pytest.raises(QueryError):
            parse_query(f"{name}:")


_TODAY = date(2024, 3, 13)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2024-2-9", "2024-02-09", "2024-02-09"),
        ("winter-2023", "2023-12-01", "2024-02-29"),
        ("June 2023", "2023-06-01", "2023-06-30"),
        ("24 dec 2023", "2023-12-24", "2023-12-24"),
        ("today", "2024-03-13", "2024-03-13"),
        ("last week", "2024-03-04", "2024-03-10"),
        ("this week", "2024-03-11", "2024-03-17"),
        ("last month", "2024-02-01", "2024-02-29"),
        ("last summer", "2023-06-01", "2023-08-31"),
        ("last winter", "2023-12-01", "2024-02-29"),
        ("last 7 days", "2024-03-07", "2024-03-13"),
        ("2024-06..", "2024-06-01", None),
        ("..2024-06", None, "2024-06-30"),
        (">2024-06", "2024-07-01", None),
        ("<2024-06", None, "2024-05-31"),
        (">=2024-06-15", "2024-06-15", None),
        ("summer-2023..2024-01", "2023-06-01", "2024-01-31"),
    ],
)
def test_reads_periods(text: str, first: str | None, last: str | None) -> None:
    assert read_days(text, _TODAY) == Days(first, last)


_VALUE = st.text().filter(lambda text: any(char.isalnum() for char in text)).map(str.strip)
_NUMBER = st.integers(0, 10**6).map(lambda number: number / 1000)


def _rounded(number: float) -> float:
    return round(number, 6)


_RANGE = st.one_of(
    st.builds(lambda low, more: Range(low, round(low + more, 3)), _NUMBER, _NUMBER),
    st.builds(lambda low, above: Range(low, None, above=above), _NUMBER, st.booleans()),
    st.builds(lambda high, below: Range(None, high, below=below), _NUMBER, st.booleans()),
)
_DAY = st.dates(min_value=date(1, 1, 1)).map(date.isoformat)
_LEAF = st.one_of(
    st.builds(Match, st.sampled_from(["camera", "lens", "name", "folder", "label", "in"]), _VALUE),
    st.builds(Match, st.sampled_from(["iso", "f", "shutter", "focal"]), _RANGE),
    st.builds(Match, st.just("taken"), _DAY.map(lambda day: Days(day, day))),
    st.builds(Match, st.just("taken"), _DAY.map(lambda day: Days(None, day))),
    st.builds(Match, st.just("is"), st.sampled_from(["landscape", "duplicate"])),
    st.builds(
        Match,
        st.just("near"),
        st.builds(Circle, st.floats(-90, 90).map(_rounded), st.just(2.35), st.just(0.5)),
    ),
)  # fmt: skip


def _any_of(parts: list[object]) -> object:
    flat = [each for part in parts for each in (part.parts if isinstance(part, AnyOf) else [part])]
    unique = tuple(dict.fromkeys(flat))
    return unique[0] if len(unique) == 1 else AnyOf(unique)


def _all_of(parts: list[object]) -> object:
    flat = [each for part in parts for each in (part.parts if isinstance(part, AllOf) else [part])]
    return flat[0] if len(flat) == 1 else AllOf(tuple(flat))


_TREE = st.recursive(
    _LEAF,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(_any_of),
        st.lists(inner, min_size=2, max_size=3).map(_all_of),
        inner.map(lambda part: part.part if isinstance(part, Not) else Not(part)),
    ),
    max_leaves=6,
)


@given(_TREE, st.sampled_from([(), (Term("text", "a dog"),), (Term("text", "x:y OR z", -0.5),)]))
def test_a_printed_query_reads_as_itself(where: object, terms: tuple[Term, ...]) -> None:
    query = Query(terms, where)
    assert parse_query(print_query(query)) == query


_PIECES = st.lists(
    st.sampled_from(
        ["camera:", "iso:", ">=", "100", "..", "(", ")", " ", '"', ",", " OR ", "-", "NOT ", "dog",
         "taken:", "2024", "near:", "1,2", "score:", "focus", "\\", "é", "*", ":", "is:",
         "landscape"]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(_PIECES)
def test_any_pieces_are_a_query_or_an_error(text: str) -> None:
    try:
        found = parse_query(text)
    except QueryError:
        return
    assert parse_query(print_query(found)) == found
