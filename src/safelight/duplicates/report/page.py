"""Report: groups side by side on one self-contained page.

Pictures are ``data:`` URIs and there is no script; the page's own policy forbids all else.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from safelight.duplicates.model import KEPT_TOGETHER, Relation
from safelight.duplicates.report.images import WHITE, difference_of, picture_of, thumbnail_of
from safelight.errors import SafelightError, UsageError
from safelight.files import read_head
from safelight.files.format import size_text, visible
from safelight.files.times import moment_of
from safelight.imaging import DEFAULT_MAX_PIXELS
from safelight.imaging.targets import check_replaceable
from safelight.pages import render, resource
from safelight.quality.files import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
    every, shown = report.suggestions, report.suggestions[:GROUPS]
    folder = report.folder
    sections = []
    made = in_order(lambda each: _section(each, report, folder, max_pixels), shown, threads)
    for number, section in enumerate(made, start=1):
        sections.append(section)
        progress(number, len(shown))
    others = {photo.path: photo.photo_id for each in every for photo in each.others}
    return render(
        "report.html",
        style=resource("common.css", "report.css"),
        title=report.title,
        generator=_GENERATOR,
        groups="1 group" if len(every) == 1 else f"{len(every):,} groups",
        counted="1 file" if len(others) == 1 else f"{len(others):,} files",
        gain=sum(report.facts[photo].size for photo in others.values() if photo in report.facts),
        policy_name=report.policy,
        hidden=len(every) - len(shown),
        relations=_relations(shown),
        sections=sections,
        left=[(_name(each.path, folder), each.why) for each in report.left],
        white=WHITE,
    )


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
        raise UsageError(f"{path} is there already and is not a report.", hint="force")


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


def _relations(shown: Sequence[Suggestion]) -> dict[Relation, tuple[str, int]]:
    """Return the first group of each relation, and how many there are of it."""
    first: dict[Relation, tuple[str, int]] = {}
    for each in shown:
        at, count = first.get(each.group.relation, (each.group.id, 0))
        first[each.group.relation] = (at, count + 1)
    return first


def _name(path: str, folder: str | None) -> str:
    return path if folder is None else os.path.relpath(path, folder)


def _section(
    suggestion: Suggestion, report: Report, folder: str | None, max_pixels: int
) -> dict[str, Any]:
    group = suggestion.group
    together = group.relation in KEPT_TOGETHER
    best = suggestion.keeper or suggestion.photos[0]
    facts = {photo.path: _facts(photo, report) for photo in suggestion.photos}
    labels = [
        label
        for label in dict.fromkeys(label for each in facts.values() for label in each)
        if any(each.get(label, _NONE) != _NONE for each in facts.values())
    ]
    small = {
        photo.photo_id: thumbnail_of(photo.photo_id, photo.path, max_pixels)
        for photo in {each.photo_id: each for each in reversed(suggestion.photos)}.values()
    }
    best_pixels = small[best.photo_id]
    photos = []
    for photo in suggestion.photos:
        pixels = small[photo.photo_id]
        difference = None
        is_other = photo.photo_id != best.photo_id
        if is_other and not isinstance(pixels, str) and not isinstance(best_pixels, str):
            difference = difference_of(pixels, best_pixels, suggestion, photo, best)
        above, separator, last = _name(photo.path, folder).rpartition(os.sep)
        own, kept = facts[photo.path], facts[best.path]
        photos.append(
            {
                "keeper": photo.keeper,
                "folder": visible(above + separator) if above else "",
                "last": visible(last),
                "picture": None if isinstance(pixels, str) else picture_of(pixels),
                "reason": pixels if isinstance(pixels, str) else None,
                "difference": None if difference is None else picture_of(difference),
                "numbers": [
                    (label, own.get(label, _NONE), own.get(label, _NONE) != kept.get(label, _NONE))
                    for label in labels
                ],
                "reasons": photo.reasons,
            }
        )
    return {
        "id": group.id,
        "relation": group.relation,
        "told": "belong together; all are kept" if together else f"{len(photos)} files",
        "photos": photos,
        "edges": _edges(suggestion),
    }


def _edges(suggestion: Suggestion) -> list[dict[str, str]]:
    names = {photo.photo_id: os.path.basename(photo.path) for photo in suggestion.photos}
    return [
        {
            "a": visible(names.get(edge.a, edge.a[:12])),
            "b": visible(names.get(edge.b, edge.b[:12])),
            "relation": edge.relation,
            "told": ", ".join(
                f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
                for name, value in edge.evidence.items()
            ),
        }
        for edge in suggestion.group.edges
        if edge.a != edge.b
    ]


def _facts(photo: Judged, report: Report) -> dict[str, str]:
    """Return the facts of a file by label; a report has the same labels for all."""
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
