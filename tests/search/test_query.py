from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.errors import QueryError
from safelight.search.query import (
    LabelFilter,
    Query,
    Term,
    parse_query,
    parse_term,
    print_query,
)


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
    assert parse_query(query) == Query(tuple(terms))


@pytest.mark.parametrize(
    ("query", "terms", "labels"),
    [
        ("label:beach", [], ["beach"]),
        ("-label:people", [], ["-people"]),
        ("sunset label:beach -label:people", ["sunset"], ["beach", "-people"]),
        ('label:"wide shot" label:mountain', [], ["wide shot", "mountain"]),
        ("dog label:beach cat", ["dog cat"], ["beach"]),
        ("sunset - label:people", ["sunset"], ["-people"]),
        ("sunset + label:sea + boat", ["sunset", "boat"], ["sea"]),
        ("label:sea - boat", ["-boat"], ["sea"]),
        ("+label:sea", [], ["sea"]),
        (r'label:"say \"hi\""', [], ['say "hi"']),
        ("label:a:b", [], ["a:b"]),
        ("text:label:beach", ["label:beach"], []),
        ('"label:beach"', ["label:beach"], []),
        ('a "label:beach" b', ['a "label:beach" b'], []),
        ('"whitelabel:x"', ["whitelabel:x"], []),
        ("sea or land label:x", ["sea or land"], ["x"]),
    ],
)
def test_reads_filters(query: str, terms: list[str], labels: list[str]) -> None:
    found = parse_query(query)
    assert found.terms == tuple(
        Term("text", text.lstrip("-"), -1.0 if text[0] == "-" else 1.0) for text in terms
    )
    assert found.labels == tuple(LabelFilter(each.lstrip("-"), each[0] != "-") for each in labels)


@pytest.mark.parametrize(
    "query", ["label:", "label: beach", 'label:""', 'label:"wide', 'label:"a":0.5', "label:x -"]
)
def test_says_what_is_wrong_with_a_filter(query: str) -> None:
    with pytest.raises(QueryError):
        parse_query(query)


def test_a_query_takes_more_terms_and_filters() -> None:
    query = parse_query("sunset").plus("boat:0.5").plus("people", -1.0)
    assert query.terms == (
        Term("text", "sunset"), Term("text", "boat", 0.5), Term("text", "people", -1.0),
    )  # fmt: skip
    filtered = query.plus("label:wide shot").plus('label:"sea"', -1.0)
    assert filtered.terms == query.terms
    assert filtered.labels == (LabelFilter("wide shot"), LabelFilter("sea", wanted=False))
    with pytest.raises(QueryError):
        query.plus("label:")


@pytest.mark.parametrize("query", ["", "   ", "cat +", "cat - ", "cat + + dog", ":2", "a:0", '""'])
def test_says_what_is_wrong(query: str) -> None:
    with pytest.raises(QueryError):
        parse_query(query)


@given(st.text())
def test_any_text_is_terms_or_an_error(query: str) -> None:
    try:
        found = parse_query(query)
    except QueryError:
        return
    assert found.terms or found.where is not None
    assert all(term.value.strip() and term.weight != 0 for term in found.terms)
    assert all(each.label.strip() for each in found.labels)
    assert parse_query(print_query(found)) == found


@given(st.text().filter(str.strip), st.sampled_from(["", ":2", ":0.5"]))
def test_quotes_protect_everything(value: str, weight: str) -> None:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    term = parse_term(f'"{escaped}"{weight}')
    assert term == Term("text", value, float(weight[1:] or 1))


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_WORDS = st.from_regex(r"[a-z]+", fullmatch=True).filter(lambda word: word not in ("or", "and"))
_PARTS = st.one_of(
    st.tuples(st.just("word"), _WORDS, st.just(True)),
    st.tuples(st.just("label"), st.text().filter(str.strip), st.booleans()),
)


@given(st.lists(_PARTS, min_size=1), st.sampled_from([" ", "  ", "\n"]))
def test_filters_are_found_wherever_they_stand(
    parts: list[tuple[str, str, bool]], space: str
) -> None:
    written = [
        text if kind == "word" else f"{'' if wanted else '-'}label:{_quoted(text)}"
        for kind, text, wanted in parts
    ]
    found = parse_query(space.join(written))
    words = [text for kind, text, _ in parts if kind == "word"]
    assert [term.value.split() for term in found.terms] == ([words] if words else [])
    assert found.labels == tuple(
        LabelFilter(text.strip(), wanted) for kind, text, wanted in parts if kind == "label"
    )


@given(st.text(), st.text())
def test_a_filter_leaves_the_terms_as_they_were(before: str, after: str) -> None:
    try:
        plain = parse_query(f"a {before} z {after}")
        filtered = parse_query(f"label:x a {before} z {after} -label:y")
    except QueryError:
        return
    # Within a quote that does not end there, it is not a filter.
    if before.count('"') == after.count('"') == 0:
        assert filtered.terms == plain.terms
        assert filtered.labels[0] == LabelFilter("x")
        assert filtered.labels[-1] == LabelFilter("y", wanted=False)


@pytest.mark.parametrize(
    "weight",
    [
        *("inf", "-inf", "nan", "Infinity", "1e-46", "1e3", "1,5", "0.5.5", "1_0", "50%", "1/2"),
        *("0", "0.000", "0.0009", "1001", "9" * 40, "0." + "0" * 40 + "1", "٣", "２", "½", "+1"),
    ],
)
def test_a_weight_that_is_not_valid_is_refused(weight: str) -> None:
    for query in (f"beach:{weight}", f"dog + beach:{weight}", f"dog - photo:3f2a:{weight}"):
        with pytest.raises(QueryError):
            parse_query(query)
    with pytest.raises(QueryError):
        parse_query("dog").plus(f"beach:{weight}", -1.0)
    # In quotes it is a text.
    assert parse_query(f'"beach:{weight}"').terms == (Term("text", f"beach:{weight}"),)


@pytest.mark.parametrize("weight", [math.nan, math.inf, 0.0, 1e-46, -1e9])
def test_a_term_has_a_weight_that_counts(weight: float) -> None:
    with pytest.raises(QueryError):
        Term("text", "beach", weight)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("beach:0.001", Term("text", "beach", 0.001)),
        ("beach:1000", Term("text", "beach", 1000.0)),
        ("at 10:30", Term("text", "at 10:30")),
        ("photo:12345678", Term("photo", "12345678")),
        ("photo:12345678:2", Term("photo", "12345678", 2.0)),
        ("text:5", Term("text", "5")),
        ("todo: infant", Term("text", "todo: infant")),
    ],
)
def test_what_is_a_weight_and_what_is_none(query: str, expected: Term) -> None:
    assert parse_query(query).terms == (expected,)
