"""Report: groups side by side on one self-contained page.

Pictures are ``data:`` URIs and there is no script; the page's own policy forbids all else.
"""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from safelight.duplicates.model import KEPT_TOGETHER, Relation
from safelight.duplicates.report.images import WHITE, difference_of, image_tag, thumbnail_of
from safelight.errors import SafelightError, UsageError
from safelight.files import read_head
from safelight.files.format import size_text, visible
from safelight.files.times import moment_of
from safelight.imaging import DEFAULT_MAX_PIXELS
from safelight.imaging.targets import check_replaceable
from safelight.quality.files import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from safelight.duplicates.keeper import Judged, Suggestion
    from safelight.duplicates.plans.model import Left
    from safelight.library.photo_facts import Copy, PhotoFacts

_GENERATOR = "safelight duplicates"

#: So many groups are on a page at most: more is no longer looked through, nor opened by a browser.
GROUPS = 500

_HEAD_BYTES = 1024

_NONE = "–"


@dataclass(frozen=True, slots=True)
class Report:
    """Contents of the report.

    Attributes
    ----------
    suggestions : sequence of Suggestion
    facts : mapping
        What is known about each photo, by id.
    scores : mapping
        By photo id and metric.
    policy : str
        By which the photos to keep were chosen.
    title : str
    left : sequence of Left
        Files that a plan leaves as they are, and why.
    """

    suggestions: Sequence[Suggestion]
    facts: Mapping[str, PhotoFacts]
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    policy: str = "original"
    title: str = "Duplicates"
    left: Sequence[Left] = ()

    @property
    def folder(self) -> str | None:
        """The last folder that all files lie in; names are seen from there, and it is not told."""
        paths = [os.path.dirname(photo.path) for each in self.suggestions for photo in each.photos]
        try:
            return os.path.commonpath(paths)
        except ValueError:  # there are none, or they lie on several drives
            return None


def report_page(
    report: Report,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> str:
    """Return the page as HTML; encode it as UTF-8.

    Parameters
    ----------
    report : Report
    max_pixels : int
        A photo with more is listed, not shown.
    threads : int, optional
        That decode; one a processor core if not given.
    progress : callable
        Called with the number of groups that are done, and that of all.
    """
    shown = report.suggestions[:GROUPS]
    style = "\n" + (files("safelight.duplicates.report") / "report.css").read_text(encoding="utf-8")
    lines = [*_head(style, report.title), *_heading(report, shown)]
    folder = report.folder
    made = in_order(lambda each: list(_section(each, report, folder, max_pixels)), shown, threads)
    for number, section in enumerate(made, start=1):
        lines += section
        progress(number, len(shown))
    lines += _left(report.left, folder)
    lines += [
        "</main>",
        "<footer><p>What differs from the file to keep is set off. A difference picture shows how "
        f"far each point is from the file to keep: {WHITE} levels of 255 or more are white. Made "
        f"by {_GENERATOR}; nothing was changed.</p></footer>",
        "</body>",
        "</html>",
        "",
    ]
    return "\n".join(lines)


def check_report(path: str, *, force: bool = False) -> None:
    """Raise unless a report may be written to `path`.

    Raises
    ------
    UsageError
        Something else is there, or there is no such folder, or it does not name a page.
    """
    if os.path.splitext(path)[1].lower() not in (".html", ".htm"):
        raise UsageError(f"{path} is not a name for a page: it should end in .html.")
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise UsageError(f"{path} cannot be written: there is no folder {folder}.")
    check_replaceable(path, "a page")
    if force or not os.path.lexists(path):
        return
    try:
        head = read_head(path, _HEAD_BYTES)
    except OSError as exc:
        raise UsageError(f"{path} is there already and cannot be read: {exc.strerror}.") from exc
    if head and f'name="generator" content="{_GENERATOR}"'.encode() not in head:
        raise UsageError(f"{path} is there already and is not a report; --force replaces it.")


def write_report(path: str, html: str) -> None:
    """Write a report, whole or not at all.

    Raises
    ------
    SafelightError
        The file system refuses.
    """
    from pathlib import Path

    from safelight.files.atomic import write_safely

    try:
        write_safely(Path(path), html.encode())
    except OSError as exc:
        raise SafelightError(f"{path} cannot be written: {exc.strerror}.", code="output") from exc


def _head(style: str, title: str) -> Iterator[str]:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    yield "<!doctype html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta name="generator" content="{_GENERATOR}">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f"<title>{escape(visible(title))}</title>"
    yield f"<style>{style}</style>"
    yield "</head>"
    yield "<body>"


def _heading(report: Report, shown: Sequence[Suggestion]) -> Iterator[str]:
    every = report.suggestions
    others = {photo.path: photo.photo_id for each in every for photo in each.others}
    gain = sum(report.facts[photo].size for photo in others.values() if photo in report.facts)
    groups = "1 group" if len(every) == 1 else f"{len(every):,} groups"
    counted = "1 file" if len(others) == 1 else f"{len(others):,} files"
    yield "<header>"
    yield f"<h1>{escape(visible(report.title))}</h1>"
    yield (
        f"<p>{groups}, {counted} beside those to keep, {size_text(gain)}. "
        f"Chosen by the policy {escape(report.policy)}.</p>"
    )
    if len(shown) < len(every):
        yield f"<p>The first {len(shown):,} are here; name a relation for others.</p>"
    first: dict[Relation, tuple[str, int]] = {}
    for each in shown:
        relation = each.group.relation
        at, count = first.get(relation, (each.group.id, 0))
        first[relation] = (at, count + 1)
    if len(first) > 1:
        yield "<nav aria-label=Relations><ul>"
        for relation, (at, count) in first.items():
            yield f'<li><a href="#{at}">{relation}</a> {count:,}</li>'
        yield "</ul></nav>"
    yield "</header>"
    yield "<main>" if shown else "<main><p>There are none.</p>"


def _section(
    suggestion: Suggestion, report: Report, folder: str | None, max_pixels: int
) -> Iterator[str]:
    group = suggestion.group
    together = group.relation in KEPT_TOGETHER
    yield f'<section id="{group.id}">'
    told = "belong together; all are kept" if together else f"{len(suggestion.photos)} files"
    yield f"<h2>{group.relation} <span>{told}</span> <code>{group.id}</code></h2>"
    yield '<ul class="photos">'
    best = suggestion.keeper or suggestion.photos[0]
    best_pixels: npt.NDArray[np.uint8] | None = None
    told_of = {photo.path: _facts(photo, report) for photo in suggestion.photos}
    labels = [
        label
        for label in dict.fromkeys(label for each in told_of.values() for label in each)
        if any(each.get(label, _NONE) != _NONE for each in told_of.values())
    ]
    small: dict[str, npt.NDArray[np.uint8] | str] = {}
    for photo in suggestion.photos:
        if photo.photo_id not in small:
            small[photo.photo_id] = thumbnail_of(photo.photo_id, photo.path, max_pixels)
        picture = small[photo.photo_id]
        if photo is best and not isinstance(picture, str):
            best_pixels = picture
        name = photo.path if folder is None else os.path.relpath(photo.path, folder)
        yield "<li class=keeper>" if photo.keeper else "<li>"
        difference = (
            None
            if isinstance(picture, str) or best_pixels is None or photo.photo_id == best.photo_id
            else difference_of(picture, best_pixels, suggestion, photo, best)
        )
        yield from _shot(visible(os.path.basename(name)), picture, difference)
        yield from _heading_of(photo, name)
        yield from _numbers(labels, told_of[photo.path], told_of[best.path])
        yield from _reasons(photo)
        yield "</li>"
    yield "</ul>"
    yield from _edges(suggestion)
    yield "</section>"


def _left(left: Sequence[Left], folder: str | None) -> Iterator[str]:
    if not left:
        return
    yield f"<details><summary>Left as they are ({len(left):,})</summary><ul>"
    for each in left:
        name = each.path if folder is None else os.path.relpath(each.path, folder)
        yield f"<li><bdi>{escape(visible(name))}</bdi> {escape(visible(each.why))}</li>"
    yield "</ul></details>"


def _shot(
    name: str,
    picture: npt.NDArray[np.uint8] | str,
    difference: npt.NDArray[np.uint8] | None,
) -> Iterator[str]:
    yield '<div class="shot">'
    if isinstance(picture, str):
        yield f"<p>No picture: it {escape(visible(picture))}.</p>"
    else:
        yield image_tag(picture, escape(name))
    if difference is not None:
        text = f"Difference of {escape(name)} from the file to keep"
        yield f"<figure>{image_tag(difference, text)}<figcaption>difference</figcaption></figure>"
    yield "</div>"


def _heading_of(photo: Judged, name: str) -> Iterator[str]:
    folder, separator, last = name.rpartition(os.sep)
    above = f'<span class="folder">{escape(visible(folder + separator))}</span>' if folder else ""
    mark = '<span class="mark">keep</span>' if photo.keeper else ""
    yield f"<h3>{mark}<bdi>{above}{escape(visible(last))}</bdi></h3>"


def _numbers(
    labels: Sequence[str], own: Mapping[str, str], kept: Mapping[str, str]
) -> Iterator[str]:
    yield "<dl>"
    for label in labels:
        value = own.get(label, _NONE)
        other = " class=other" if value != kept.get(label, _NONE) else ""
        yield f"<dt>{label}</dt><dd{other}>{escape(value)}</dd>"
    yield "</dl>"


def _reasons(photo: Judged) -> Iterator[str]:
    yield '<ul class="reasons">'
    for reason in photo.reasons:
        yield f"<li><bdi>{escape(visible(reason))}</bdi></li>"
    yield "</ul>"


def _edges(suggestion: Suggestion) -> Iterator[str]:
    edges = [edge for edge in suggestion.group.edges if edge.a != edge.b]
    if not edges:
        return
    names = {photo.photo_id: os.path.basename(photo.path) for photo in suggestion.photos}
    yield f"<details><summary>How they are related ({len(edges)})</summary>"
    for edge in edges:
        told = ", ".join(
            f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in edge.evidence.items()
        )
        a, b = (escape(visible(names.get(each, each[:12]))) for each in (edge.a, edge.b))
        yield f"<p><bdi>{a}</bdi> and <bdi>{b}</bdi>: {edge.relation}" + (
            f" ({escape(visible(told))})</p>" if told else "</p>"
        )
    yield "</details>"


def _facts(photo: Judged, report: Report) -> dict[str, str]:
    """Return what is shown of a file, by label; the same labels for all of a report."""
    known = report.facts.get(photo.photo_id)
    if known is None:
        return {}
    copy = next((each for each in known.copies if each.path == photo.path), None)
    camera = " ".join(
        str(known.exif[name]) for name in ("camera_make", "camera_model") if name in known.exif
    )
    found = {
        "size": f"{known.width} × {known.height}" if known.pixels else _NONE,
        "format": f"{known.format or _NONE}, {size_text(known.size)}",
        "taken": visible(str(known.exif.get("taken_at", _NONE))).replace("T", " "),
        "camera": visible(camera) or _NONE,
        "place": "yes" if "latitude" in known.exif else _NONE,
        "file date": _date(copy),
    }
    for name in ("focus", "exposure", "noise", "combined"):
        if any(name in of_photo for of_photo in report.scores.values()):
            score = report.scores.get(photo.photo_id, {}).get(name)
            found[name] = _NONE if score is None else f"{score:.2f}"
    return found


def _date(copy: Copy | None) -> str:
    if copy is None:
        return _NONE
    moment = moment_of(copy.mtime_ns)
    return moment.strftime("%Y-%m-%d %H:%M")
