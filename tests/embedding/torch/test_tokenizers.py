"""The same tokens as open_clip's and transformers' tokenizers, for ten thousand texts."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.embedding.preprocess.tokenizer import TextRules, TextTokenizer, clean
from safelight.embedding.torch.clip_tokenizer import clip_tokenizer, save_clip_tokenizer
from tests.embedding.texts import COUNT, CURATED, WORDS, diverse_texts
from tests.embedding.torch import random_models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from safelight.embedding.preprocess.tokenizer import Cleaning

    Tokens = Callable[[list[str]], tuple[np.ndarray, np.ndarray]]

CONTEXT = 40

# What the small tokenizers learn their tokens from.
_LEARNT = [*CURATED[:14], *(" ".join(WORDS[n:] + WORDS[:n]) for n in range(len(WORDS)))]

# Halves of surrogate pairs are among the first; Python can hold them, transformers cannot. In
# what Unicode has not assigned, the versions of it that libraries know make a difference.
_ANY = st.text(max_size=60)
_ASSIGNED = st.text(st.characters(exclude_categories=["Cn"]), max_size=60)
_WHOLE = st.text(st.characters(exclude_categories=["Cn", "Cs"]), max_size=60)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    found = diverse_texts()
    assert len(set(found)) == COUNT
    return found


@pytest.fixture(scope="module", autouse=True)
def _each_text_is_repaired_once() -> Iterator[None]:
    """ftfy takes half of the time; what it returns depends on the text alone."""
    import ftfy

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ftfy, "fix_text", functools.cache(ftfy.fix_text))
        yield


@pytest.fixture(scope="module")
def simple() -> Any:
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer()


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CLIP's tokenizer as transformers writes it, and as Immich's exports have it."""
    folder = tmp_path_factory.mktemp("clip")
    random_models.write_clip_tokenizer(folder)
    return folder


@pytest.fixture(scope="module")
def exported_folder(simple: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CLIP's tokenizer as our own exports have it."""
    folder = tmp_path_factory.mktemp("exported")
    save_clip_tokenizer(simple, str(folder))
    return folder


@pytest.fixture(scope="module")
def unigram_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unigram")
    random_models.write_unigram_tokenizer(folder, _LEARNT, CONTEXT)
    return folder


@pytest.fixture(scope="module")
def wordpiece_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wordpiece")
    random_models.write_wordpiece_tokenizer(folder, _LEARNT, CONTEXT)
    return folder


@pytest.fixture(scope="module")
def clip(clip_folder: Path) -> Tokens:
    return _ours(clip_folder, "lower", None)


def _ours(folder: Path, how: Cleaning, pad: str | None, context: int = 77) -> Tokens:
    rules = TextRules(cleaning=how, pad=pad, context=context, fill=True)
    tokenizer = TextTokenizer(folder / "tokenizer.json", rules, context, fixed=True)

    def call(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that some are cut
            return tokenizer(texts)

    return call


def _differing(texts: list[str], ours: np.ndarray, theirs: np.ndarray) -> list[str]:
    assert ours.shape == theirs.shape
    return [texts[row] for row in np.flatnonzero((ours != theirs).any(axis=1))]


@pytest.mark.parametrize("how", ["lower", "whitespace", "canonicalize"])
def test_texts_are_cleaned_as_open_clip_does(how: Cleaning, texts: list[str]) -> None:
    from open_clip.tokenizer import get_clean_fn

    theirs = get_clean_fn(how)
    assert [text for text in texts if clean(text, how) != theirs(text)] == []


@given(_ANY)
def test_any_text_is_cleaned_as_open_clip_does(text: str) -> None:
    from open_clip.tokenizer import get_clean_fn

    for how in ("lower", "whitespace", "canonicalize"):
        assert clean(text, how) == get_clean_fn(how)(text)


def test_tokens_of_clip_are_open_clips(
    simple: Any, clip: Tokens, exported_folder: Path, texts: list[str]
) -> None:
    expected = simple(texts).numpy()
    for tokenizer in (clip, _ours(exported_folder, "lower", None)):
        assert _differing(texts, tokenizer(texts)[0], expected) == []


@given(text=_ASSIGNED)
def test_tokens_of_any_text_are_open_clips(simple: Any, clip: Tokens, text: str) -> None:
    np.testing.assert_array_equal(clip([text])[0], simple([text]).numpy())


# What is left: open_clip lets a text contain the tokens that begin and end it, we do not.
@pytest.mark.parametrize("text", ["a <start_of_text> b", "dog<end_of_text>"])
def test_the_tokens_around_a_text_are_only_around_it(simple: Any, clip: Tokens, text: str) -> None:
    around = [simple.sot_token_id, simple.eot_token_id]
    ids = clip([text])[0][0]
    assert np.isin(ids, around).sum() == 2
    assert np.isin(simple([text]).numpy(), around).sum() == 3


def test_an_exported_tokenizer_alone_reads_clean_texts_as_open_clip_does(
    simple: Any, texts: list[str]
) -> None:
    """As programs use it that leave everything to the file."""
    cleaned = dict.fromkeys(clean(text, "lower") for text in texts[::5])
    given = [text for text in cleaned if clean(text, "lower") == text and "<|" not in text]
    assert len(given) > 1500
    tokenizer = clip_tokenizer(simple)
    tokenizer.enable_truncation(77)
    tokenizer.enable_padding(length=77, pad_id=0)
    ours = np.array([encoding.ids for encoding in tokenizer.encode_batch(given)])
    assert _differing(given, ours, simple(given).numpy()) == []


def test_tokens_of_clip_are_transformers(clip_folder: Path, texts: list[str]) -> None:
    _assert_transformers(clip_folder, texts, "<|endoftext|>", 77)


@pytest.mark.parametrize("how", ["canonicalize", "whitespace"])
def test_tokens_of_siglip_are_open_clips(
    unigram_folder: Path, texts: list[str], how: Cleaning
) -> None:
    from open_clip.tokenizer import HFTokenizer

    expected = HFTokenizer(str(unigram_folder), context_length=CONTEXT, clean=how)(texts).numpy()
    ids, _ = _ours(unigram_folder, how, "</s>", CONTEXT)(texts)
    assert _differing(texts, ids, expected) == []


def test_tokens_of_siglip_are_transformers(unigram_folder: Path, texts: list[str]) -> None:
    _assert_transformers(unigram_folder, texts, "</s>", CONTEXT)


def test_tokens_of_chinese_clip_are_transformers(wordpiece_folder: Path, texts: list[str]) -> None:
    _assert_transformers(wordpiece_folder, texts, "[PAD]", CONTEXT)


@given(st.lists(_WHOLE, min_size=1, max_size=20))
@settings(deadline=None, max_examples=20)
def test_tokens_of_any_text_are_transformers(wordpiece_folder: Path, texts: list[str]) -> None:
    _assert_transformers(wordpiece_folder, texts, "[PAD]", CONTEXT)


def _assert_transformers(folder: Path, texts: list[str], pad: str, context: int) -> None:
    ids, mask = _ours(folder, "none", pad, context)(texts)
    theirs = _auto(folder)(
        texts, padding="max_length", truncation=True, return_attention_mask=True,
        return_tensors="np",
    )  # fmt: skip
    assert _differing(texts, ids, theirs["input_ids"]) == []
    assert _differing(texts, mask, theirs["attention_mask"]) == []


def _auto(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)
