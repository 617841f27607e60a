"""Thresholds for related photos, in one place, with the precision behind each choice.

``bench/duplicates_accuracy.py`` measures what they reach; how they were chosen is told in
``docs/decisions/0014-duplicate-signals.md``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from safelight.arguments import named_numbers
from safelight.errors import SettingsError

#: Of the rules themselves; it changes whenever the same limits would give another relation.
_RULES = "7"

#: Of two JPEGs of one picture, the one with half as many bytes again may be the copy of the other:
#: saved at 97 instead of 90, say. Only beyond that, bytes tell which lost more.
SAME_LOSS = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The limits of each relation.

    Attributes
    ----------
    hash_bits : int
        Photos whose hashes differ in at most so many bits of 256 are looked at. Those of unrelated
        photos differ in 90 or more; those of forms of one picture that fill the same frame in 40 or
        fewer.
    turned_hash_bits : int
        The same, with one of them turned or mirrored.
    words : int
        Photos that share so many words that agree with each other are looked at, one of them
        mirrored or not: crops, borders, captions. Of a million unrelated pairs, less than one does.
    few_words, few_words_cosine : int, float
        Also those that share so many, if their vectors have this cosine.
    same_pixels_bits : int
        Photos of one size whose hashes differ in at most so many bits may have the same pixels.
    agreement, whole_agreement, small_agreement : float
        The share of the blocks with texture that must look alike for two photos to be forms of one
        picture: with one shifted, turned or scaled to lie on the other; aligned as given; and
        either way if one is a small copy, which would not show that something has moved.
    block_correlation : float
        Of a block that looks alike.
    corners : int
        The corners that must fall on each other to align one photo with another.
    overhang : float
        How far one photo may reach over the other's edge on one side while the other does on the
        opposite side, as a share of the longer side: more is another view, no crop.
    turn_degrees : float
        A turn by less is none.
    tone_levels, detail_ratio, grain_ratio, unedited_agreement : float
        Of a photo that was only compressed or resized: how far its colours are from the other's on
        the average, of 255; the contrast of its finest detail, to the other's or the reverse, all
        over and where it is smooth; and the agreement. Anything beyond is an edit.
    plain_share : float
        The share of what one photo has and the other has not that is of one colour, if it is a
        border or a caption and not a part of the picture.
    burst_seconds, bracket_seconds, panorama_seconds : float
        Between two exposures; a long exposure counts in addition.
    burst_bits, burst_words, burst_cosine : int, int, float
        Of two exposures that show the same: any of these is enough.
    bracket_stops, plain_bracket_stops : float
        Exposures that differ by so much are a bracket if the pictures differ in brightness too;
        from the second on, without looking.
    panorama_overlap : (float, float)
        The share of one photo that the next one shows too: at least and at most.
    similar_cosine : float
    """

    hash_bits: int = 40
    turned_hash_bits: int = 24
    words: int = 3
    few_words: int = 2
    few_words_cosine: float = 0.8
    same_pixels_bits: int = 4
    agreement: float = 0.7
    whole_agreement: float = 0.5
    small_agreement: float = 0.95
    block_correlation: float = 0.8
    corners: int = 14
    overhang: float = 0.01
    turn_degrees: float = 0.7
    tone_levels: float = 3.0
    detail_ratio: float = 0.65
    grain_ratio: float = 0.45
    unedited_agreement: float = 0.975
    plain_share: float = 0.6
    burst_seconds: float = 5.0
    bracket_seconds: float = 5.0
    panorama_seconds: float = 30.0
    burst_bits: int = 60
    burst_words: int = 3
    burst_cosine: float = 0.85
    bracket_stops: float = 0.3
    plain_bracket_stops: float = 0.9
    panorama_overlap: tuple[float, float] = (0.1, 0.85)
    similar_cosine: float = 0.93

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read limits that differ from the usual, as in ``words=4,burst_seconds=3``.

        Raises
        ------
        SettingsError
            A name or number is not usable.

        Examples
        --------
        >>> Thresholds.parse("burst_seconds=3").burst_seconds
        3.0
        """
        known = {
            name: value for name, value in asdict(cls()).items() if not isinstance(value, tuple)
        }
        given: dict[str, Any] = {}
        for name, number in named_numbers(text.split(","), "limit", known).items():
            if isinstance(known[name], int) and not number.is_integer():
                raise SettingsError(f"The limit {name} is a whole number, not {number:g}.")
            given[name] = type(known[name])(number)
        return replace(cls(), **given)

    @property
    def version(self) -> str:
        """A short name of these limits and of the rules that they belong to."""
        text = json.dumps([_RULES, asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


DEFAULT = Thresholds()
