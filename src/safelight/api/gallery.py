"""Photos as HTML for notebooks: thumbnails with a line of text, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from safelight.arguments import as_list
from safelight.errors import DecodeError
from safelight.files.format import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Pictures shown at most; each is some 8 kB of the notebook's file.
SHOWN = 24

_SIDE = 200


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo to show.

    Attributes
    ----------
    photo_id : str
        Another picture that lies at its path by now is not shown.
    path : str
    caption : str
    text : str or None
        Shown in place of a picture.
    """

    photo_id: str
    path: str
    caption: str
    text: str | None = None


def gallery(
    title: str, pictures: Sequence[Picture], total: int, *, notes: str | Iterable[str] = ()
) -> str:
    """Return pictures as HTML; `pictures` are the first of `total`."""
    as_list(pictures, "pictures", Picture)
    lines = [f"<p><b>{escape(visible(title))}</b></p>"]
    lines += [f"<p>{escape(visible(note))}</p>" for note in as_list(notes, "notes", str)]
    figures = "".join(map(_figure, pictures[:SHOWN]))
    lines.append(f'<div style="display:flex;flex-wrap:wrap;gap:8px">{figures}</div>')
    more = total - len(pictures[:SHOWN])
    if more > 0:
        lines.append(f"<p>and {more:,} more</p>")
    return "\n".join(lines)


def _figure(picture: Picture) -> str:
    caption = escape(visible(picture.caption))
    path = escape(visible(picture.path))
    return (
        f'<figure style="margin:0;width:{_SIDE}px" title="{path}">{_shown(picture)}'
        f'<figcaption style="font-size:small;overflow-wrap:anywhere">{caption}</figcaption>'
        "</figure>"
    )


def _shown(picture: Picture) -> str:
    from safelight.imaging import read_verified
    from safelight.imaging.thumbnails import thumbnails

    if picture.text is not None:
        return f"<blockquote>{escape(visible(picture.text))}</blockquote>"
    try:
        data = read_verified(picture.photo_id, [picture.path])
        small = thumbnails(data, [_SIDE])[_SIDE]
    except (OSError, DecodeError) as exc:
        return f"<p>{escape(visible(str(exc)))}</p>"
    coded = base64.b64encode(small).decode()
    return f'<img alt="" src="data:image/webp;base64,{coded}" style="max-width:100%">'
