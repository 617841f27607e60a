"""Ways out of an error, in words of the command line; what raises an error knows no flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safelight.errors import SafelightError

_HINTS = {
    "columns": "Give --url-col NAME or --bytes-col NAME.",
    "data": "--data names it.",
    "event": "--event names it.",
    "force": "--force replaces it.",
    "force-drop": "--force drops it all the same.",
    "fresh": "--fresh starts over.",
    "head": "--head names it.",
    "overwrite": "--overwrite replaces it.",
    "photos": "--photos names it.",
    "poster": "See --worst, --thumb, --columns, and -o sheet.html.",
}


def in_words(error: SafelightError) -> str:
    """Return the message of an error, with the flag that leads out of it."""
    hint = _HINTS.get(error.context.get("hint", ""))
    return f"{error} {hint}" if hint else str(error)
