"""From texts to a model's token ids."""

from __future__ import annotations

import html
import re
import string
import unicodedata
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from safelight.errors import ModelInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

Cleaning = Literal["none", "whitespace", "lower", "canonicalize"]


@dataclass(frozen=True)
class TextRules:
    """How a model wants its texts, beside its tokenizer.

    Attributes
    ----------
    cleaning : str
        What is done before tokenizing. ``none``: nothing, ``tokenizer.json`` does it all, as in
        transformers. The others are open_clip's: ``whitespace`` straightens typography and
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


def clean(text: str, how: Cleaning) -> str:
    """Return a text as open_clip cleans it before tokenizing.

    open_clip leaves the typography to ftfy. What a person types or pastes is treated alike here;
    ftfy's repair of text that was decoded with a wrong encoding is not.

    >>> clean("Salt &amp; “Pepper”", "lower")
    'salt & "pepper"'
    """
    if how == "none":
        return text
    text = html.unescape(html.unescape(_straighten(text)))
    if how == "canonicalize":
        text = text.replace("_", " ").translate(_NO_PUNCTUATION)
    if how != "whitespace":
        text = text.lower()
    return " ".join(text.split())


_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_SINGLE_QUOTES = re.compile("[\u02bc\u2018-\u201b]")
_DOUBLE_QUOTES = re.compile("[\u201c-\u201f]")
_LIGATURES_AND_WIDE = re.compile("[\u3000\ufb00-\ufb06\uff01-\uffef]")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]")


def _straighten(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    text = _SINGLE_QUOTES.sub("'", _DOUBLE_QUOTES.sub('"', text))
    text = _LIGATURES_AND_WIDE.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    return unicodedata.normalize("NFC", _CONTROLS.sub("", text))
