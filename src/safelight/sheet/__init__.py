"""Contact sheet: photos with their scores, on one page or in one picture.

>>> from safelight.quality import choose
>>> from safelight.sheet import Listed, Sheet, arrange, cards, page
>>> found = cards([Listed("a.jpg"), Listed("b.jpg")], choose(["focus"]))       # doctest: +SKIP
>>> html = page(Sheet("Two", arrange(found, "focus"), ("focus",)))             # doctest: +SKIP
"""

from __future__ import annotations

from safelight.sheet.card import Card, Listed, cards
from safelight.sheet.model import Sheet
from safelight.sheet.order import arrange, order_keys
from safelight.sheet.page import page
from safelight.sheet.poster import check_size, poster
from safelight.sheet.write import check_target, write

__all__ = [
    "Card",
    "Listed",
    "Sheet",
    "arrange",
    "cards",
    "check_size",
    "check_target",
    "order_keys",
    "page",
    "poster",
    "write",
]
