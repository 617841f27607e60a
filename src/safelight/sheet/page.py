"""A sheet as one HTML file that asks nothing of anybody: no request, no library, no network.

Photos are ``data:`` URIs. Scores, and maps of focus, are drawn as SVG, because the policy that the
page sets for itself (its style sheet and its script by their digests, pictures from itself, and
nothing else) forbids style attributes too. Without scripts all is there but the choice of order.
"""

from __future__ import annotations

import base64
import hashlib
import os
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from safelight.files.format import visible
from safelight.sheet.file_names import by_name
from safelight.sheet.model import GENERATOR
from safelight.sheet.order import order_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from safelight.sheet.card import Card, FocusMap
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
    style = _resource("sheet.css").replace("320px", f"{sheet.thumb}px", 1)
    if sheet.columns is not None:
        style = style.replace("auto-fill", str(sheet.columns), 1)
    script = _resource("sheet.js")
    title = escape(visible(sheet.title))
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta name="generator" content="{GENERATOR}">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{title}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            *_heading(sheet, title),
            f'<ol id="photos"{" class=counted" if sheet.columns else ""}>',
            *_cards(sheet),
            "</ol>",
            *_footing(),
            f"<script>{script}</script>",
            "</body>",
            "</html>",
            "",
        )
    )


def _policy(style: str, script: str) -> str:
    return (
        "default-src 'none'; img-src data:; "
        f"style-src 'sha256-{_digest(style)}'; script-src 'sha256-{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _resource(name: str) -> str:
    return "\n" + (files("safelight.sheet") / name).read_text(encoding="utf-8")


def _heading(sheet: Sheet, title: str) -> Iterator[str]:
    yield "<header>"
    yield f"<h1><bdi>{title}</bdi></h1>"
    yield f'<p>{sheet.count}, <span id="order" role="status">{sheet.order}</span></p>'
    yield '<div class="choices">'
    # The scripted ones are shown by the script, without which they would do nothing.
    has_query = any(card.match is not None for card in sheet.cards)
    keys = order_keys(sheet.scored, has_query=has_query)
    options = "".join(
        f'<option value="{key}"{" selected" if key == sheet.by else ""}>{key}</option>'
        for key in dict.fromkeys((*keys, sheet.by))
    )
    yield f'<label class="scripted" hidden>Sort by <select id="by">{options}</select></label>'
    checked = " checked" if sheet.worst_first else ""
    yield (
        '<label class="scripted" hidden>'
        f'<input type="checkbox" id="worst"{checked}> Worst first</label>'
    )
    if any(card.focus_map for card in sheet.cards):
        yield '<label><input type="checkbox" id="maps"> Focus maps</label>'
    yield "</div>"
    yield "</header>"


def _cards(sheet: Sheet) -> Iterator[str]:
    names = sheet.names
    alphabetical = sorted(range(len(names)), key=lambda index: by_name(names[index]))
    ranks = {index: rank for rank, index in enumerate(alphabetical)}
    for index, (card, name) in enumerate(zip(sheet.cards, names, strict=True)):
        yield from _card(card, name, ranks[index], sheet)


def _card(card: Card, name: str, rank: int, sheet: Sheet) -> Iterator[str]:
    keys = {"name": float(rank)}
    for key in ("combined", *sheet.scored, "query"):
        score = card.score(key)
        if score is not None:
            keys[key] = score
    attributes = "".join(f' data-{key}="{value:.6g}"' for key, value in keys.items())
    bad = " class=bad" if card.reason is not None else ""
    yield f"<li{bad}{attributes}>"
    yield from _shot(card, escape(name))
    folder, separator, last = name.rpartition(os.sep)
    above = f'<span class="folder">{escape(folder + separator)}</span>' if folder else ""
    yield f"<h2><bdi>{above}{escape(last)}</bdi></h2>"
    yield '<div class="told">'
    if card.reason is not None:
        yield f'<p class="reason">It {escape(visible(card.reason))}.</p>'
    else:
        yield from _scores(card, sheet)
    yield "</div>"
    yield "</li>"


def _shot(card: Card, name: str) -> Iterator[str]:
    small = card.thumbnail
    if small is None:
        yield '<div class="shot"><p>No picture</p></div>'
        return
    data = base64.b64encode(small.jpeg).decode()
    picture = (
        f'<img src="data:image/jpeg;base64,{data}" width="{small.width}" height="{small.height}" '
        f'alt="{name}">'
    )
    if card.focus_map is None:
        yield f'<div class="shot"><span class="frame">{picture}</span></div>'
        return
    # A box to tick needs no script to show the map, on a keyboard and on glass too.
    yield (
        '<label class="shot"><span class="frame">'
        f'<input type="checkbox" aria-label="Focus map of {name}">'
        f"{picture}{_map(card.focus_map)}</span></label>"
    )


def _map(found: FocusMap) -> str:
    row, column = found.sharpest
    rects = "".join(
        f'<rect x="{x}" y="{y}" width="1" height="1" fill-opacity="{tile:.2f}"/>'
        for y, tiles in enumerate(found.tiles)
        for x, tile in enumerate(tiles)
        if tile >= 0.005
    )
    return (
        f'<svg class="map" viewBox="0 0 {found.across:.4g} {found.down:.4g}" '
        'preserveAspectRatio="none" role="img" '
        f'aria-label="Sharpest in row {row}, column {column} of 8">{rects}</svg>'
    )


def _scores(card: Card, sheet: Sheet) -> Iterator[str]:
    report = card.report
    yield "<dl>"
    for name in ("combined", *sheet.scored):
        score = card.score(name)
        main = ' class="combined"' if name == "combined" else ""
        shown = "–" if score is None else f"{score:.2f}"
        yield (
            f"<div{main}><dt>{name}</dt><dd>{_bar(score)}"
            f'<span class="number">{shown}</span></dd></div>'
        )
    if card.match is not None:
        yield (
            '<div class="query"><dt>query</dt><dd>'
            f'<span class="number">{card.match:.3f}</span></dd></div>'
        )
    yield "</dl>"
    unmeasured = [
        (name, found.status, found.reason)
        for name, found in (report.measurements.items() if report else ())
        if found.score is None and name in sheet.scored
    ]
    if unmeasured:
        which = ", ".join(name for name, _, _ in unmeasured)
        yield f"<details><summary>Not measured: {which}</summary>"
        for name, status, reason in unmeasured:
            yield f"<p>{name} {status}: {escape(visible(reason or ''))}</p>"
        yield "</details>"


def _bar(score: float | None) -> str:
    filled = "" if score is None else f'<rect width="{100 * score:.3g}" height="1"/>'
    return (
        '<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        f"{filled}</svg>"
    )


def _footing() -> Iterator[str]:
    yield (
        "<footer><p>Scores are from 0 to 1, and 1 is better; they tell what is technically right "
        "or wrong, not what a photo is worth. Focus maps: the brighter the amber, the sharper the "
        f"photo there. Made by {GENERATOR}.</p></footer>"
    )
