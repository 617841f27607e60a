from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.embedding.tokenizing import TextRules, TextTokenizer, clean
from safelight.errors import ModelInvalid
from tests.embedding.tiny import write_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

_RULES = TextRules(cleaning="none", pad="<pad>", context=6, fill=False)


@pytest.fixture
def tokenizer(tmp_path: Path) -> TextTokenizer:
    write_tokenizer(tmp_path)
    return TextTokenizer(tmp_path / "tokenizer.json", _RULES, 6, fixed=False)


def test_pads_to_the_longest(tokenizer: TextTokenizer) -> None:
    ids, mask = tokenizer(["a dog", "cat", ""])
    np.testing.assert_array_equal(ids, [[1, 4, 5, 2], [1, 6, 2, 0], [1, 2, 0, 0]])
    np.testing.assert_array_equal(mask, [[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0]])


@pytest.mark.parametrize(("fixed", "fill"), [(True, False), (False, True)])
def test_pads_to_the_context_where_the_graph_or_the_model_needs_it(
    tmp_path: Path, fixed: bool, fill: bool
) -> None:
    write_tokenizer(tmp_path)
    rules = TextRules(cleaning="none", pad="<unk>", context=6, fill=fill)
    ids, mask = TextTokenizer(tmp_path / "tokenizer.json", rules, 6, fixed=fixed)(["cat"])
    np.testing.assert_array_equal(ids, [[1, 6, 2, 3, 3, 3]])
    np.testing.assert_array_equal(mask, [[1, 1, 1, 0, 0, 0]])


def test_cuts_long_texts_and_says_so_once(tokenizer: TextTokenizer) -> None:
    long = "a dog in the snow " * 300
    with pytest.warns(UserWarning, match="2 of 3 texts are longer than the 6 tokens") as caught:
        ids, _ = tokenizer([long, "cat", long])
    assert len(caught) == 1
    np.testing.assert_array_equal(ids[0], [1, 4, 5, 7, 8, 2])  # the end token stays


def test_does_not_warn_of_a_text_that_just_fits(tokenizer: TextTokenizer) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ids, _ = tokenizer(["a dog in the"])
    assert ids.shape == (1, 6)


def test_names_a_file_that_is_no_tokenizer(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    for content in (None, "{}"):
        if content is not None:
            path.write_text(content)
        with pytest.raises(ModelInvalid, match=r"tokenizer\.json is not a tokenizer"):
            TextTokenizer(path, _RULES, 6, fixed=False)


def test_names_a_tokenizer_that_cannot_pad(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    rules = TextRules(cleaning="none", pad="nope", context=6, fill=False)
    with pytest.raises(ModelInvalid, match=r"tokenizer\.json does not know 'nope'"):
        TextTokenizer(tmp_path / "tokenizer.json", rules, 6, fixed=False)


@pytest.mark.parametrize(
    ("text", "how", "expected"),
    [
        ("  A  Dog\t\n", "none", "  A  Dog\t\n"),
        ("  A  Dog\t\n", "whitespace", "A Dog"),
        ("  A  Dog\t\n", "lower", "a dog"),
        ("Bob’s “best” dog", "lower", 'bob\'s "best" dog'),
        ("salt &amp;amp; pepper", "lower", "salt & pepper"),
        ("ﬁve ＡＢＣ　ｄｅｆ", "lower", "five abc def"),
        ("cafe\u0301", "lower", "café"),
        ("zero\u0000 width\ufeff", "lower", "zero width"),
        ("a_red-car, isn't it?!", "canonicalize", "a redcar isnt it"),
        ("", "canonicalize", ""),
    ],
)
def test_cleans_as_open_clip_does(text: str, how: str, expected: str) -> None:
    assert clean(text, how) == expected
