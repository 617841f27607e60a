"""Contact sheets: photos and their scores on one page, or in one picture."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.api.progress import Reporting, Step, reporting
from safelight.arguments import as_list, as_path
from safelight.errors import SourceError, UsageError
from safelight.files.names import expanded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from safelight.api.opened import Opened
    from safelight.embedding.base import Embedder
    from safelight.embedding.torch.without_positions import WithoutPositions
    from safelight.settings import Settings
    from safelight.sheet import Card, Listed, Sheet

__all__ = ["SheetOptions", "make_sheet", "names_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetOptions:
    """Options of a contact sheet.

    Attributes
    ----------
    force : bool
        Replace the file even if it is not a contact sheet.
    sort : str or None
        A metric, ``combined``, ``name`` or ``query``; the query if there is one, else
        ``combined``, if None.
    worst : int or None
        Only so many of the worst, worst first.
    columns : int or None
        Photos in a row; as many as fit if None.
    thumb : int
        The longer side of a thumbnail, 64 to 1024 pixels.
    metrics : sequence of str
        Only these; all if empty.
    weights : str
        Of the combined score where they differ, as in ``focus=2,noise=0``.
    title : str or None
        The folder or query if None.
    namespace, top, min_score
        Of a query: as for a search.
    model : str or None
        Of a query: its space. Of files: a CLIP model, for ``clip_iqa``.
    """

    force: bool = False
    sort: str | None = None
    worst: int | None = None
    columns: int | None = None
    thumb: int = 320
    metrics: Sequence[str] = ()
    weights: str = ""
    title: str | None = None
    namespace: str | None = None
    top: int = 50
    min_score: float | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", tuple(as_list(self.metrics, "metrics", str)))


def names_files(what: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> bool:
    """Tell whether all of `what` are files and folders; anything else is a query."""
    return all(os.path.lexists(expanded(each)) for each in as_list(what, "what", str, os.PathLike))


def make_sheet(
    what: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    settings: Settings,
    library: Callable[[], Opened] | None = None,
    progress: Reporting = True,
    tell: Callable[[str], None] = lambda _: None,
    options: SheetOptions,
) -> Sheet:
    """Write a contact sheet of files and folders, or of the hits of a query, and return it.

    Parameters
    ----------
    what : path-like or str, or sequence of them
        A query unless all are there.
    output : path-like
        ``.html`` for a page, ``.png`` for a picture.
    library : callable, optional
        Returns the library that a query searches.

    Raises
    ------
    UsageError
        The output must not be replaced, or the options do not go together.
    SourceError
        There are no photos.
    """
    from safelight.quality import Weights, choose
    from safelight.sheet import (
        Sheet,
        arrange,
        cards,
        check_size,
        check_target,
        order_keys,
        page,
        poster,
        write,
    )

    named = [os.fspath(each) for each in as_list(what, "what", str, os.PathLike)]
    target = expanded(as_path(output, "output"))
    ending = os.path.splitext(target)[1].lower()
    if ending not in (".html", ".htm", ".png"):
        raise UsageError(f"{output}: name a .html or a .png file.", argument="output")
    check_target(target, force=options.force)
    weighted = Weights.parse(options.weights)
    by_query = not names_files(named)
    by = options.sort or ("query" if by_query else "combined")
    known = order_keys([metric.name for metric in choose()], has_query=by_query)
    if by not in known:
        raise UsageError(f"sort {by} is unknown. Choose from: {', '.join(known)}.", argument="sort")
    embedder: Embedder | WithoutPositions | None
    if by_query:
        query = " ".join(named)
        tell(f"Searching the library for: {query}")
        if library is None:
            raise UsageError(f"There is no file {query!r}, and no library to search.")
        listed, embedder = _found(library(), query, options)
    else:
        listed = _listed(named, target, settings)
        embedder = _loaded(options.model, settings, progress)
    if not listed:
        raise SourceError(f"Found no photos; {target} was not written.", code="no-photos")
    chosen = choose(options.metrics or None, model=embedder)
    names = [metric.name for metric in chosen]
    if by not in order_keys(names, has_query=by_query):
        raise UsageError(f"metrics lacks {by!r}, which sort names.", argument="metrics")
    if ending == ".png":
        count = min(len(listed), options.worst or len(listed))
        check_size(count, options.thumb, options.columns, scores=len(names) + 1 + by_query)
    needs_vectors = embedder is not None and embedder.name != "starter" and "clip_iqa" in names
    every = cards(
        listed,
        chosen,
        thumb=options.thumb,
        weights=weighted,
        model=embedder if needs_vectors else None,
        max_pixels=settings.pixel_limit,
        threads=settings.threads,
    )
    made = Sheet(
        title=options.title or _title(named, by_query=by_query),
        cards=arrange(_shown(every, len(listed), progress), by, options.worst),
        metrics=names,
        by=by,
        worst_first=options.worst is not None,
        columns=options.columns,
        thumb=options.thumb,
        folder=_folder(named),
    )
    data = poster(made) if ending == ".png" else page(made).encode()
    write(target, data, force=options.force)
    return made


def _title(what: Sequence[str], *, by_query: bool) -> str:
    if by_query:
        return " ".join(what)
    if len(what) == 1:
        return os.path.basename(os.path.abspath(expanded(what[0])))
    return "Contact sheet"


def _folder(what: Sequence[str]) -> str | None:
    """Return the one folder that was named, from which names are seen."""
    path = os.path.abspath(expanded(what[0]))
    return path if len(what) == 1 and os.path.isdir(path) else None


def _loaded(
    model: str | None, settings: Settings, progress: Reporting
) -> Embedder | WithoutPositions | None:
    if model is None:
        return None
    from safelight.model_choice import choose_for_scoring

    return choose_for_scoring(model, settings, progress=progress is not False)


def _listed(what: Sequence[str], output: str, settings: Settings) -> list[Listed]:
    from safelight.ingest.sources.listing import list_photos
    from safelight.sheet import Listed

    # The last sheet may lie among the photos.
    itself = os.path.realpath(output)
    return [
        Listed(entry.path, reason=entry.reason)
        for entry in list_photos(what, settings.exclude)
        if os.path.realpath(entry.path) != itself
    ]


def _found(library: Opened, query: str, options: SheetOptions) -> tuple[list[Listed], Embedder]:
    from safelight.library.files import require_namespace
    from safelight.search import search
    from safelight.sheet import Listed

    require_namespace(library.database, options.namespace)
    embedder = library.embedder(options.model)
    hits = search(
        library.database,
        query,
        embedder,
        top=options.top,
        namespace=options.namespace,
        min_score=options.min_score,
        pixel_limit=library.settings.pixel_limit,
    )
    # Texts are found beside photos; there is nothing of them to look at.
    photos = [hit for hit in hits if hit.metadata.get("type") != "text"]
    return [Listed(hit.path, hit.score) for hit in photos], embedder


def _shown(every: Iterable[Card], total: int, progress: Reporting) -> Iterator[Card]:
    failed = 0
    with reporting(progress) as step:
        for done, card in enumerate(every, start=1):
            failed += card.reason is not None
            step(Step("Measuring", done, total, failed))
            yield card


def sheet(library: Opened, what: Any, output: Any, **options: Any) -> Sheet:
    """Write a contact sheet; see :class:`SheetOptions` for `options`."""
    progress = options.pop("progress", library.progress)
    return make_sheet(
        what,
        output,
        settings=library.settings,
        library=lambda: library,
        progress=progress,
        tell=library.tell,
        options=SheetOptions(**options),
    )
