from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.errors import QueryError
from safelight.query import Term, parse_query, parse_term


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("a dog in the snow", [Term("text", "a dog in the snow")]),
        ("  beach  ", [Term("text", "beach")]),
        ("beach - people:0.5", [Term("text", "beach"), Term("text", "people", -0.5)]),
        ("+ cat + dog", [Term("text", "cat"), Term("text", "dog")]),
        ("- people", [Term("text", "people", -1.0)]),
        ("./a.jpg", [Term("image", "./a.jpg")]),
        ("/tmp/x", [Term("image", "/tmp/x")]),
        ("~/x", [Term("image", "~/x")]),
        ("C:\\p\\x.png:2", [Term("image", "C:\\p\\x.png", 2.0)]),
        ("my cat.JPG", [Term("image", "my cat.JPG")]),
        ("image:x", [Term("image", "x")]),
        ("photo:3F2a:.5", [Term("photo", "3F2a", 0.5)]),
        ("text:./a.jpg", [Term("text", "./a.jpg")]),
        ('"a + b - c"', [Term("text", "a + b - c")]),
        ('"cat.jpg":2', [Term("text", "cat.jpg", 2.0)]),
        (r'"say \"hi\""', [Term("text", 'say "hi"')]),
        ('image:"a - b.jpg"', [Term("image", "a - b.jpg")]),
        ("t-shirt", [Term("text", "t-shirt")]),
        ("black+white", [Term("text", "black+white")]),
        ("at 10:30", [Term("text", "at 10:30")]),
        ("16:9", [Term("text", "16:9")]),
        ('6" nails', [Term("text", '6" nails')]),
        ('the "red" car', [Term("text", 'the "red" car')]),
    ],
)
def test_reads_the_grammar(query: str, terms: list[Term]) -> None:
    assert parse_query(query) == terms


@pytest.mark.parametrize("query", ["", "   ", "cat +", "cat - ", "cat + + dog", ":2", "a:0", '""'])
def test_says_what_is_wrong(query: str) -> None:
    with pytest.raises(QueryError):
        parse_query(query)


@given(st.text())
def test_any_text_is_terms_or_an_error(query: str) -> None:
    try:
        terms = parse_query(query)
    except QueryError:
        return
    assert terms
    assert all(term.value.strip() and term.weight != 0 for term in terms)


@given(st.text().filter(str.strip), st.sampled_from(["", ":2", ":0.5"]))
def test_quotes_protect_everything(value: str, weight: str) -> None:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    term = parse_term(f'"{escaped}"{weight}')
    assert term == Term("text", value, float(weight[1:] or 1))
