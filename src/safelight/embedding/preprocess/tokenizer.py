"""Tokenize texts: from words to a model's token ids."""

from __future__ import annotations

import html
import re
import string
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from safelight.errors import ModelInvalid
from safelight.files import check_regular

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt
    from tokenizers.pre_tokenizers import PreTokenizer

Cleaning = Literal["none", "whitespace", "lower", "canonicalize"]


@dataclass(frozen=True)
class TextRules:
    """Text rules of a model, besides its tokenizer.

    Attributes
    ----------
    cleaning : str
        What is done before tokenizing. ``none``: nothing, ``tokenizer.json`` does it all, as in
        transformers. The others are open_clip's: ``whitespace`` repairs encoding, typography and
        spaces, ``lower`` lower-cases too, ``canonicalize`` also removes punctuation (SigLIP).
    pad : str or None
        The token after the end; None for the id 0, with which open_clip's own tokenizer pads
        though it is a word's. A CLIP text tower does not look beyond the end token, SigLIP's does.
    context : int or None
        Tokens of the longest text, if the configuration says so.
    fill : bool
        Whether texts are padded to the whole context even if the graph takes shorter ones, as
        towers need that look at the padding.
    """

    cleaning: Cleaning
    pad: str | None
    context: int | None
    fill: bool

    def describe(self) -> dict[str, Any]:
        """Return everything that changes the token ids, JSON-ready, for a fingerprint."""
        return asdict(self)


class TextTokenizer:
    """A model's tokenizer.

    Parameters
    ----------
    path : Path
        ``tokenizer.json``.
    rules : TextRules
    context : int
        Tokens of the longest text, begin and end included.
    fixed : bool
        Whether the graph takes texts of this length only.

    Raises
    ------
    ModelInvalid
        The file is missing or no tokenizer, or does not know the token to pad with.
    """

    def __init__(self, path: Path, rules: TextRules, context: int, *, fixed: bool) -> None:
        from tokenizers import Tokenizer

        try:
            check_regular(path)
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises Exception itself
            raise ModelInvalid(f"{path} is not a tokenizer: {error}", path=str(path)) from error
        self._pad_id = 0 if rules.pad is None else self._tokenizer.token_to_id(rules.pad)
        if self._pad_id is None:
            raise ModelInvalid(
                f"{path} does not know {rules.pad!r}, the pad_token of tokenizer_config.json.",
                path=str(path),
                key="pad_token",
            )
        if rules.pad is None:
            # Texts are clean, and nothing in them stands for the tokens around a text. (To
            # open_clip <start_of_text> and <end_of_text> do; here they are read as written.)
            self._tokenizer.normalizer = None
            self._tokenizer.pre_tokenizer = open_clip_words()
            self._tokenizer.encode_special_tokens = True
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(context)  # keeps the end token
        self._cleaning = rules.cleaning
        self._length = context if fixed or rules.fill else None
        self._context = context

    def __call__(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return token ids and attention mask of texts.

        Returns
        -------
        (n, length) int64, (n, length) int64
            The mask is 1 on tokens and 0 on padding.
        """
        encodings = self._tokenizer.encode_batch([clean(t, self._cleaning) for t in texts])
        cut = sum(bool(encoding.overflowing) for encoding in encodings)
        if cut:
            warnings.warn(
                f"{cut} of {len(texts)} texts {'is' if cut == 1 else 'are'} longer than the "
                f"{self._context} tokens that the model reads; the rest was cut off.",
                stacklevel=3,
            )
        length = self._length or max((len(e.ids) for e in encodings), default=1)
        ids = np.full((len(texts), length), self._pad_id, np.int64)
        mask = np.zeros((len(texts), length), np.int64)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        return ids, mask


def open_clip_words() -> PreTokenizer:
    """Return how open_clip's own tokenizer divides a text, but for the tokens around it."""
    from tokenizers import Regex, pre_tokenizers

    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


# Since open_clip ignores case, the mark that is an iota below a letter is neither a letter nor
# anything else to it.
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}\x{345}]+"


def clean(text: str, how: Cleaning) -> str:
    """Return a text as open_clip cleans it before tokenizing.

    The others of its steps are ftfy's: curly quotes, wide letters, control characters, and
    text that was once decoded with a wrong encoding.

    >>> clean("Salt &amp; “Pepper”, schÃ¶n", "lower")
    'salt & "pepper", schön'
    """
    if how == "none":
        return _HALVES.sub("\ufffd", text)
    if _ODD.search(text):
        from ftfy import fix_text  # takes nearly as long to import as a text to embed

        text = fix_text(text)
    text = html.unescape(html.unescape(text))
    if how == "canonicalize":
        text = text.replace("_", " ").translate(_NO_PUNCTUATION)
    if how != "whitespace":
        text = text.lower()
    return " ".join(text.split())


_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)

# What ftfy may change. Entities are in it: it undoes more of them than Python's html does.
_ODD = re.compile("[^\t\n\r -~]|&#?[0-9A-Za-z]{1,24};")

# Of pairs that stand for one character in UTF-16; alone they have no bytes. ftfy does the same.
_HALVES = re.compile("[\ud800-\udfff]")
