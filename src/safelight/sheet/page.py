"""Contact sheet as one self-contained HTML file: no request, no library, no network.

Photos are ``data:`` URIs; scores, and maps of focus, are drawn as SVG. Without scripts all is there
but the choice of order.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from safelight.pages import data_uri, render, resource
from safelight.sheet.file_names import by_name
from safelight.sheet.model import GENERATOR
from safelight.sheet.order import order_keys

if TYPE_CHECKING:
    from safelight.sheet.card import Card
    from safelight.sheet.model import Sheet


def page(sheet: Sheet) -> str:
    """Return the sheet as HTML.

    Parameters
    ----------
    sheet : Sheet

    Returns
    -------
    str
        The same for the same sheet; encode it as UTF-8.
    """
    style = resource("common.css", "sheet.css").replace("320px", f"{sheet.thumb}px", 1)
    if sheet.columns is not None:
        style = style.replace("auto-fill", str(sheet.columns), 1)
    has_query = any(card.match is not None for card in sheet.cards)
    names = sheet.names
    alphabetical = sorted(range(len(names)), key=lambda index: by_name(names[index]))
    ranks = {index: rank for rank, index in enumerate(alphabetical)}
    return render(
        "sheet.html",
        style=style,
        script=resource("sheet.js"),
        title=sheet.title,
        generator=GENERATOR,
        sheet=sheet,
        keys=dict.fromkeys((*order_keys(sheet.scored, has_query=has_query), sheet.by)),
        has_maps=any(card.focus_map for card in sheet.cards),
        cards=[
            _card(card, name, ranks[index], sheet)
            for index, (card, name) in enumerate(zip(sheet.cards, names, strict=True))
        ],
    )


def _card(card: Card, name: str, rank: int, sheet: Sheet) -> dict[str, Any]:
    scores = [(key, card.score(key)) for key in ("combined", *sheet.scored)]
    keys = {"name": float(rank), **{key: score for key, score in scores if score is not None}}
    query = card.score("query")
    if query is not None:
        keys["query"] = query
    small = card.thumbnail
    folder, separator, last = name.rpartition(os.sep)
    measurements = card.report.measurements.items() if card.report else ()
    return {
        "name": name,
        "folder": folder + separator if folder else "",
        "last": last,
        "sorted_by": keys,
        "reason": card.reason,
        "picture": None
        if small is None
        else {
            "src": data_uri(small.jpeg, "image/jpeg"),
            "width": small.width,
            "height": small.height,
        },
        "map": card.focus_map,
        "scores": scores,
        "match": card.match,
        "unmeasured": [
            (metric, found.status, found.reason)
            for metric, found in measurements
            if found.score is None and metric in sheet.scored
        ],
    }
