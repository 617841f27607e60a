"""Ten thousand texts of every kind that people write, paste and break."""

from __future__ import annotations

import html
import random
import unicodedata
from functools import cache
from html.entities import html5
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = 10_000

CURATED = [
    "",
    " ",
    "a photo of a dog",
    "A Photo Of A DOG",
    "  spaces\tand\nlines\r\nand\fforms  ",
    "it's Bob's, isn't it? I'd say they've gone; we'll see I'm right",
    "IT'S BOB'S, THEY'VE GONE, WE'LL SEE, I'M RIGHT, YOU'RE",
    "naïve café Ångström ÅNGSTRÖM straße STRASSE ẞ",
    "cafe\u0301 decomposed",
    "İstanbul ISPARTA ıspanak ΣΊΣΥΦΟΣ Όσσα ſ 'ſ K Å Ω",
    "日本語のテキスト 中文文本 한국어 텍스트 ㄱㅏ 각",
    "Привет мир! مرحبا بالعالم שלום עולם नमस्ते ไทย ខ្មែរ አማርኛ ᏣᎳᎩ",
    "\u202bשלום\u202c \u200fعربى\u200f \u2067mixed\u2069 ﷺ ﻻ ﬡ",
    "emoji 😀👍🏽 👨‍👩‍👧‍👦 🇩🇪 ❤️ ☃ 🏴\U000e0067\U000e0062\U000e007f 1️⃣",
    "numbers 1234567890 3.14159 1,000,000 ½ ² Ⅷ ٣ 〇 𝟘 ①",
    "symbols !@#$%^&*()_+-=[]{}|;':\",./<>?`~",
    "underscore_separated-and-hyphenated",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "x" * 500,
    "word " * 300,
    "ä" * 3000,
    "“curly” ‘quotes’ and — dashes… «guillemets» ‚low‘ „low“ ′prime″",
    "salt &amp; pepper &lt;b&gt; &amp;amp; &amp;amp;amp;amp; &EACUTE; &Eacute; &eacute &notit;",
    "<b>salt &amp; pepper</b> &amp;lt; e&#769; &#x80; &#0; &#xD800; &#1114112; &#128512;",
    "schÃ¶n, voilÃ\xa0 le cafÃ©, l\u2019Ã©tÃ©",
    "â€œquotedâ€\x9d â€˜singleâ€™ donâ€™t â€” dash â€¦",
    "ÐŸÑ€Ð¸Ð²ÐµÑ‚ Ð¼Ð¸Ñ€ ã\x81\x82ã\x81\x84 ðŸ˜€ Ã¢â‚¬Å“twiceÃ¢â‚¬\x9d",
    "sch&Atilde;&para;n",
    "ﬁve ﬂowers ﬀ ﬃ ﬄ ﬅ ﬆ ĳ ŉ ǅ",
    "ＡＢＣ　ｄｅｆ１２３ ﾊﾝｶｸ ｶﾞ ￥ ￭ ￼",
    "zero\u0000 width\ufeff no\u200bbreak\u00a0joiner\u200d soft\u00adhyphen\u2060",
    "\x1b[31mred\x1b[0m bell\x07 back\bspace \x1c\x1d\x1e\x1f \x85 \u2028 \u2029 \x0b",
    "iota\u0345 ᾳ \u0345 a\u0345b \u0345",
    "lone \ufffd replacement, private \ue000 \U0010fffd, none \ufffe \U0001ffff",
    "<|endoftext|>",
    "a <|startoftext|> b <|endoftext|>c<|ENDOFTEXT|>",
    "[CLS] a [SEP] b [MASK] [PAD] [UNK] </s> <pad> <unk> <s>",
]

WORDS = (
    "a the dog cat red car sunset over mountains I'm they've people's playing 4k HDR Café straße "
    "naïve Zürich Łódź Smørrebrød Ελλάδα Москва Київ 東京 北京 서울 القاهرة ירושלים दिल्ली กรุงเทพ "
    "photo photograph wedding birthday 2023-07-14 f/1.8 ISO-100 #sunset @home e.g. don't we'll"
).split()

_LETTERS = (
    "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789 ''.,!?-_/()éüñçÄßøłžαβγδфяあ漢字가ก😀👍🎉“”‘’…—"
)

_PEOPLE = "👨👩🧑👧👦👶👱🧔👵🧕🤷🙋💂🕵🏃🧗"
_SIGNS = "❤⚕⚖✈🎓🏫🏭🎨🚀🚒🌾🍳🔧🔬💻🎤♂♀☠🌈"
_EMOJI = "😀😂🥰😎🤖👍👋🐶🐱🦊🌸🍕⚽🚗✈🏠⌚📷🎉🔥☀☂☃♥♻⚠"
_MARKS = [chr(c) for c in (*range(0x300, 0x370), *range(0x1AB0, 0x1AC0), *range(0x20D0, 0x20E1))]
_CONTROLS = [chr(c) for c in (*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x180E, 0xFEFF,
             *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070),
             *range(0xFFF9, 0xFFFD), 0xE0001, *range(0xE0020, 0xE0030))]  # fmt: skip
_SPACES = [chr(c) for c in (9, 10, 11, 12, 13, 28, 29, 30, 31, 32, 0x85, 0xA0, 0x1680, *range(
             0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)]  # fmt: skip
_QUOTES = "\u02bc‘’‚‛“”„‟′″«»`´'\"…—–‐‑−•·"
_WIDE = [chr(c) for c in (*range(0xFF01, 0xFFF0), 0x3000)]
_LIGATURES = "ﬀﬁﬂﬃﬄﬅﬆĲĳŉǄǅǆǇǈǉǊǋǌǱǲǳﬓﬔﬕﬖﬗﭏ"
_RIGHT_TO_LEFT = [chr(c) for c in (*range(0x5D0, 0x5EB), *range(0x620, 0x653), 0x200E, 0x200F,
                  *range(0x202A, 0x202F), *range(0x2066, 0x206A))]  # fmt: skip
_WRONG = ("latin-1", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859-2",
          "mac-roman", "cp437")  # fmt: skip


@cache
def diverse_texts() -> list[str]:
    """The curated ones, and made ones of every kind, the same in every run; all differ."""
    rng = random.Random(7)
    found = dict.fromkeys(CURATED)
    while len(found) < COUNT:
        found.setdefault(_KINDS[len(found) % len(_KINDS)](rng))
    return list(found)


def _words(rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randrange(1, 40)))


def _letters(rng: random.Random) -> str:
    return "".join(rng.choices(_LETTERS, k=rng.randrange(1, 100)))


def _any_plane(rng: random.Random) -> str:
    # Neighbours, as a script has them; and a plane is as likely as another.
    start = rng.randrange(len(_assigned()))
    near = _assigned()[start : start + 200]
    return "".join(rng.choices(near, k=rng.randrange(1, 20))) + rng.choice(_assigned())


def _emoji(rng: random.Random) -> str:
    def one() -> str:
        kind = rng.randrange(5)
        if kind == 0:
            return "\u200d".join(rng.choices(_PEOPLE + _SIGNS, k=rng.randrange(2, 5)))
        if kind == 1:
            return rng.choice(_PEOPLE) + chr(rng.randrange(0x1F3FB, 0x1F400)) + "\u200d♀\ufe0f"
        if kind == 2:
            return "".join(chr(rng.randrange(0x1F1E6, 0x1F200)) for _ in range(2))
        if kind == 3:
            return rng.choice("0123456789#*") + "\ufe0f\u20e3"
        return rng.choice(_EMOJI) + rng.choice(["", "\ufe0f", "\ufe0e"])

    return rng.choice(["", " ", "ok "]).join(one() for _ in range(rng.randrange(1, 10)))


def _marked(rng: random.Random) -> str:
    return "".join(
        rng.choice("aeiouncAEO가ㄱよ ") + "".join(rng.choices(_MARKS, k=rng.randrange(4)))
        for _ in range(rng.randrange(1, 20))
    )


def _decomposed(rng: random.Random) -> str:
    return unicodedata.normalize(rng.choice(["NFD", "NFKD", "NFKC"]), _words(rng))


def _sprinkled(marks: list[str] | str) -> Callable[[random.Random], str]:
    def make(rng: random.Random) -> str:
        letters = list("".join(rng.choices(WORDS, k=rng.randrange(1, 8))))
        for _ in range(rng.randrange(1, 12)):
            letters.insert(rng.randrange(len(letters) + 1), rng.choice(marks))
        return "".join(letters)

    return make


def _entities(rng: random.Random) -> str:
    def one() -> str:
        kind = rng.randrange(6)
        if kind == 0:
            return f"&#{rng.choice([rng.randrange(0x300), ord(rng.choice(_assigned()))])}"
        if kind == 1:
            return f"&#x{ord(rng.choice(_assigned())):x};"
        if kind == 2:
            return html.escape(html.escape("<a href=\"x\">Tom & 'Jerry'"))
        name = rng.choice(_names())
        return f"&{name.upper() if kind == 3 else name}"

    parts = [rng.choice([one(), one() + ";", rng.choice(WORDS), " "]) for _ in range(12)]
    return "".join(parts) + rng.choice(["", "", "<"])


def _mojibake(rng: random.Random) -> str:
    text = rng.choice([_words, _sprinkled(_QUOTES), _emoji])(rng)
    for _ in range(rng.choice([1, 1, 1, 2])):
        wrong = rng.choice(_WRONG)
        text = text.encode("utf-8").decode(wrong, rng.choice(["replace", "ignore"]))
    return text.replace("\xa0", " ") if rng.random() < 0.2 else text


def _partly_mojibake(rng: random.Random) -> str:
    return f"{_words(rng)} {_mojibake(rng)}\n{_words(rng)}"


def _long(rng: random.Random) -> str:
    if rng.random() < 0.95:
        return _letters(rng) + rng.choice(WORDS) * rng.randrange(20)
    return " ".join(_letters(rng) for _ in range(rng.randrange(20, 100)))


def _ascii(rng: random.Random) -> str:
    return "".join(chr(rng.randrange(128)) for _ in range(rng.randrange(1, 60)))


_KINDS: list[Callable[[random.Random], str]] = [
    _words, _words, _letters, _letters, _any_plane, _any_plane, _any_plane, _emoji, _marked,
    _decomposed, _sprinkled(_CONTROLS), _sprinkled(_SPACES), _sprinkled(_QUOTES),
    _sprinkled(_WIDE), _sprinkled(_LIGATURES), _sprinkled(_RIGHT_TO_LEFT), _entities, _entities,
    _mojibake, _mojibake, _partly_mojibake, _long, _ascii,
]  # fmt: skip


@cache
def _assigned() -> list[str]:
    """Every character that Unicode has, one in a hundred of the ideographs and private ones."""
    return [
        chr(code)
        for code in range(0x110000)
        if unicodedata.category(chr(code)) not in ("Cn", "Cs")
        and not ((0x3400 <= code < 0xD7A4 or code > 0x17000) and code % 100 and code >> 12 != 0x1F)
    ]


@cache
def _names() -> list[str]:
    return sorted(html5)
