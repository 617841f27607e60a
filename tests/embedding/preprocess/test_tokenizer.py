from __future__ import annotations

import json
import random
import string
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tokenizers import Tokenizer

from safelight.embedding.preprocess.tokenizer import TextRules, TextTokenizer, clean
from safelight.errors import ModelInvalid
from tests.embedding.tiny import write_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from safelight.embedding.preprocess.tokenizer import Cleaning

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


def test_names_a_file_that_is_not_a_tokenizer(tmp_path: Path) -> None:
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
        ("schÃ¶n â€œquotedâ€\x9d", "lower", 'schön "quoted"'),
        ("sch&Atilde;&para;n &EACUTE;t&eacute", "lower", "schön été"),
        ("5 > 3 &amp; \x1b[31mred\x1b[0m", "whitespace", "5 > 3 & red"),
        ("half \ud83d, \ud83d\ude00", "lower", "half \ufffd, 😀"),
        ("half \ud83d", "none", "half \ufffd"),
        ("a_red-car, isn't it?!", "canonicalize", "a redcar isnt it"),
        ("", "canonicalize", ""),
    ],
)
def test_cleans_as_open_clip_does(text: str, how: Cleaning, expected: str) -> None:
    assert clean(text, how) == expected


def test_plain_texts_are_not_repaired(plain_texts: list[str]) -> None:
    """Modules that take as long to import as a query may take, and would change nothing."""
    script = """
import json, sys
from safelight.embedding.preprocess.tokenizer import clean
cleaned = [clean(text, how) for text in json.load(sys.stdin) for how in ("lower", "whitespace")]
assert "ftfy" not in sys.modules
assert clean("“a”", "none") == "“a”" and "ftfy" not in sys.modules
assert clean("“a”", "lower") == '"a"' and "ftfy" in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(plain_texts),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_repairing_changes_nothing_in_plain_texts(plain_texts: list[str]) -> None:
    import ftfy

    for text in plain_texts:
        assert clean(ftfy.fix_text(text), "lower") == clean(text, "lower")


@pytest.fixture
def plain_texts() -> list[str]:
    printable = string.printable.replace("\x0b", "").replace("\x0c", "")
    rng = random.Random(5)
    made = ["".join(rng.choices(printable.replace("&", ""), k=40)) for _ in range(500)]
    return [*made, printable, "salt & pepper", "AT&T R&D", "a &lt b", "x\r\ny\rz", "&#; &; &#38"]


def test_a_text_that_spells_the_end_token_goes_on_behind_it(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    path = tmp_path / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.add_special_tokens(["</s>"])
    tokenizer.save(str(path))
    for pad, count in (("<pad>", 2), (None, 1)):  # in transformers, in open_clip
        rules = TextRules(cleaning="whitespace", pad=pad, context=9, fill=True)
        ids, _ = TextTokenizer(path, rules, 9, fixed=True)(["cat</s>dog"])
        assert int((ids == 2).sum()) == count
