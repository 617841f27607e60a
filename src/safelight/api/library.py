"""The library as a person uses it: every use case as a method."""

from __future__ import annotations

import functools
import inspect
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from safelight.api.opened import Opened
from safelight.api.progress import Step, as_progress, reporting
from safelight.arguments import as_name, as_path
from safelight.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from safelight.api.complete import Completion
    from safelight.api.duplicates import Duplicates
    from safelight.api.explain import Part
    from safelight.api.label import FileLabels, Labelled, Words
    from safelight.api.photos import Photo, Photos
    from safelight.api.plans import LibraryPlan, Outcome, Plan
    from safelight.api.progress import Reporting
    from safelight.api.results import Hits
    from safelight.api.score import FileScores, Scored
    from safelight.api.status import LibraryStatus
    from safelight.duplicates.deduplicator import Related
    from safelight.duplicates.model import Relation
    from safelight.exchange.parquet import Exported, Imported
    from safelight.exchange.stores import Sent
    from safelight.ingest import Summary
    from safelight.ingest.move_source import Moved
    from safelight.ingest.sources import Source
    from safelight.library.attributes.decisions import Decision
    from safelight.library.browse import Filter
    from safelight.library.changes import Change
    from safelight.library.database import Database
    from safelight.library.forget import Forgotten
    from safelight.library.sources import SourceStatus
    from safelight.library.spaces import Coverage
    from safelight.search.query import Query
    from safelight.settings import Settings
    from safelight.sheet import Sheet
    from safelight.types import Failure, Hit

Path = str | os.PathLike[str]


class Library(Opened):
    """One index over photos, and everything that can be done with it.

    A context manager; any thread may use it. Each method calls the function of the same name in
    :mod:`safelight.api`, as the command line does.

    Parameters
    ----------
    path : path-like or Database, optional
        That of the settings if not given.
    create : bool
        Make the file, and its folder, if it is not there.
    settings : Settings, optional
        From the environment if not given.
    model : str, optional
        The model of every method that is given none: ``starter``, ``ViT-B-32/openai``, a folder, a
        hub id. If not given, the library's own; a new library gets CLIP if it is available, else
        the starter model.
    progress : bool or callable
        True shows bars in terminals and notebooks; a callable is given each step.
    tell, warn : callable, optional
        Given sentences for the user; the log if not given.

    Raises
    ------
    LibraryError
        The file is not there (with ``create=False``), not readable, or not a library.

    Examples
    --------
    >>> import safelight
    >>> with safelight.open("photos.db") as library:                 # doctest: +SKIP
    ...     library.ingest("~/Pictures")
    ...     for hit in library.search("a dog in the snow", top=20):
    ...         print(hit.score, hit.path)
    """

    def ingest(
        self,
        sources: Path | Source | Iterable[Path | Source],
        *,
        namespace: str | None = None,
        model: str | None = None,
        score: bool = False,
        label: bool = False,
        progress: Reporting | None = None,
        **options: Any,
    ) -> Summary:
        """Index folders, lists and texts: embed what is new, note what moved or is missing.

        Parameters
        ----------
        sources : path-like or Source, or iterable of them
            A folder, a photo, ``images:DIR``, ``image-list:FILE``, ``text:FILE`` or ``demo``.
        namespace : str, optional
            That of the settings if not given.
        model : str, optional
        score, label : bool
            Measure the quality of photos, label them, as well.
        **options
            The other fields of :class:`safelight.api.ingest.IngestOptions`.
        """
        from safelight.api.ingest import ingest

        return ingest(
            self,
            sources,
            namespace=namespace,
            model=model,
            score=score,
            label=label,
            progress=progress,
            **options,
        )

    def update(self, *, progress: Reporting | None = None, **options: Any) -> list[Summary]:
        """Ingest everything again that was ingested before; return a summary a namespace."""
        from safelight.api.ingest import update

        return update(self, progress=progress, **options)

    def search(
        self,
        query: str | Query = "",
        *,
        top: int = 10,
        namespace: str | None = None,
        plus: str | Sequence[str] = (),
        minus: str | Sequence[str] = (),
        like: Path | Sequence[Path] = (),
        order: str | None = None,
        where: Filter | None = None,
        model: str | None = None,
        **options: Any,
    ) -> Hits:
        """Find photos by what is in them.

        Parameters
        ----------
        query : str or Query
            Words, an image's path, or terms joined by + and -; ``label:NAME`` and others filter
            (:data:`safelight.search.filters.FILTERS`). Empty if the filters among the options say
            it all.
        top : int
        namespace : str, optional
        plus, minus : str or sequence of str
            Terms to add to the query, and to take out of it.
        like : path-like or str, or sequence of them
            Photos to be like: paths or ids, each with a weight behind a colon if not 1.
        order, where, **options
            See :func:`safelight.api.search.search_options`: ``folder``, ``camera``,
            ``taken_from``, ``taken_to``, ``least``, ``min_score``, ``expand``; and ``store``.
        """
        from safelight.api.search import search

        return search(
            self,
            query,
            top=top,
            namespace=namespace,
            plus=plus,
            minus=minus,
            like=like,
            order=order,
            where=where,
            model=model,
            **options,
        )

    def complete(self, query: str, **options: Any) -> tuple[Completion, ...]:
        """Return how a query can go on; see :func:`safelight.api.complete.complete`."""
        from safelight.api.complete import complete

        return complete(self, query, **options)

    def explain(self, query: str | Query) -> tuple[Part, ...]:
        """Return how a query was read, part by part; see :func:`safelight.api.explain.explain`."""
        from safelight.api.explain import explain

        return explain(self, query)

    def search_all(self, query: str | Query = "", **options: Any) -> Iterator[Hit]:
        """Yield every hit of a search, the nearest first; see :meth:`search` for `options`."""
        from safelight.api.search import search_all

        return search_all(self, query, **options)

    def score(self, *, namespace: str | None = None, progress: Reporting | None = None) -> Scored:
        """Measure the quality of the photos that lack a score, and keep it."""
        from safelight.api.score import score_library

        return score_library(self, namespace=namespace, progress=progress)

    def score_files(
        self, photos: Path | Sequence[Path], *, progress: Reporting | None = None, **options: Any
    ) -> FileScores:
        """Measure files and folders, kept nowhere; see :func:`safelight.api.score.score_files`."""
        from safelight.api.score import score_files
        from safelight.arguments import as_list

        return score_files(
            self.settings,
            as_list(photos, "photos", str, os.PathLike),
            progress=self.progress if progress is None else progress,
            **options,
        )

    def label(
        self,
        *,
        labels: Words | None = None,
        templates: Words | None = None,
        namespace: str | None = None,
        model: str | None = None,
        progress: Reporting | None = None,
    ) -> Labelled:
        """Label the photos that lack labels of this set, and keep them.

        Parameters
        ----------
        labels, templates : sequence of str, or path-like
            Words, or a file of them; those of the settings if not given.
        namespace : str, optional
            Only photos with a file in it.
        model : str, optional
            The model to ask; that of searches if not given.
        """
        from safelight.api.label import label

        return label(
            self,
            labels=labels,
            templates=templates,
            namespace=namespace,
            model=model,
            progress=progress,
        )

    def label_files(
        self,
        photos: Path | Sequence[Path],
        *,
        labels: Words | None = None,
        templates: Words | None = None,
        model: str | None = None,
        progress: Reporting | None = None,
        **options: Any,
    ) -> FileLabels:
        """Label files and folders; see :func:`safelight.api.label.label_files`."""
        from safelight.api.label import as_label_set, label_files
        from safelight.arguments import as_list

        return label_files(
            self,
            as_list(photos, "photos", str, os.PathLike),
            as_label_set(self, labels, templates),
            settings=self.settings,
            model=model,
            tell=self.tell,
            progress=self.progress if progress is None else progress,
            **options,
        )

    def duplicates(
        self,
        relations: Collection[Relation | str] | str | None = None,
        *,
        namespace: str | None = None,
        progress: Reporting | None = None,
        **options: Any,
    ) -> Duplicates:
        """Find groups of related photos, each with the one to keep and why.

        Parameters
        ----------
        relations : collection of str, optional
            Only groups of these; all but ``similar`` if not given.
        namespace : str, optional
            Only files in it.
        **options
            ``keep``, ``prefer``, ``protect``, ``instead`` and ``look``: see
            :class:`safelight.api.duplicates.KeeperOptions`.
        """
        from safelight.api.duplicates import duplicates

        return duplicates(self, relations, namespace=namespace, progress=progress, **options)

    def against(self, photo: Path | bytes, *, namespace: str | None = None) -> list[Related]:
        """Return the relatives of a photo, in the library or not."""
        from safelight.api.duplicates import against

        return against(self, photo, namespace=namespace)

    def decide(self, group: str, decision: str, photos: str | Sequence[str] = ()) -> list[Decision]:
        """Decide on a group (``not-duplicates``, ``keep-both``, ``resolved``)."""
        from safelight.api.duplicates import decide

        return decide(self, group, decision, photos)

    def decisions(self) -> list[Decision]:
        """Return decisions pair by pair, the oldest first."""
        from safelight.api.duplicates import decisions

        return decisions(self)

    def revoke(self, group: str) -> int:
        """Take a decision back; return the number of pairs."""
        from safelight.api.duplicates import revoke

        return revoke(self, group)[1]

    def plan(
        self,
        relations: Collection[Relation | str] | str | None = None,
        *,
        namespace: str | None = None,
        action: str = "quarantine",
        quarantine: Path | None = None,
        progress: Reporting | None = None,
        **options: Any,
    ) -> LibraryPlan:
        """Plan which duplicates go, and which are kept; nothing is touched."""
        found = self.duplicates(relations, namespace=namespace, progress=progress, **options)
        return found.plan(action=action, quarantine=quarantine)

    def apply(
        self,
        plan: LibraryPlan | Plan | Path,
        *,
        dry_run: bool = False,
        progress: Reporting | None = None,
    ) -> Outcome:
        """Do what a plan says, each file verified right before it is touched."""
        from safelight.api.plans import apply

        return apply(self, plan, dry_run=dry_run, progress=progress)

    def undo(
        self,
        plan: LibraryPlan | Plan | Path | None = None,
        *,
        dry_run: bool = False,
        progress: Reporting | None = None,
    ) -> Outcome:
        """Undo a plan; by default the one applied last."""
        from safelight.api.plans import undo

        return undo(self, plan, dry_run=dry_run, progress=progress)[1]

    def photos(
        self,
        where: Filter | str | None = None,
        *,
        namespace: str | None = None,
        order: str | None = "-taken",
        **options: Any,
    ) -> Photos:
        """Return photos: to iterate, as a matrix of vectors, as columns of facts.

        Parameters
        ----------
        where : Filter or str, optional
            A text has filters of a query, as in ``label:beach -label:people``.
        namespace : str, optional
            Only files in it.
        order : str, optional
        **options
            ``folder``, ``camera``, ``taken_from``, ``taken_to``, ``least``: see
            :func:`safelight.api.search.search_options`.
        """
        from safelight.api.photos import photos

        return photos(self, where, namespace=namespace, order=order, **options)

    def photo(self, photo_id: str) -> Photo:
        """Return all that is known about one photo, by its id or the beginning of it."""
        from safelight.api.photos import photo

        return photo(self, photo_id)

    def sheet(self, what: Path | Sequence[Path], output: Path, **options: Any) -> Sheet:
        """Write photos and their scores as a page or a picture, and return them.

        Parameters
        ----------
        what : path-like or str, or sequence of them
            Files and folders; a query otherwise.
        output : path-like
            ``.html`` or ``.png``.
        **options
            See :class:`safelight.api.sheet.SheetOptions`.
        """
        from safelight.api.sheet import sheet

        return sheet(self, what, output, **options)

    def status(self, *, namespace: str | None = None) -> LibraryStatus:
        """Return the contents of the library, or of a namespace."""
        from safelight.api.status import library_status

        return library_status(self.database, self.settings, namespace)

    def failures(self, *, namespace: str | None = None) -> list[Failure]:
        """Return the files that could not be ingested, and why."""
        from safelight.api.status import failed_files

        return failed_files(self.database, namespace)

    def sources(self, *, namespace: str | None = None) -> list[SourceStatus]:
        """Return the sources, with the number of their files."""
        from safelight.api.sources import list_sources

        return list_sources(self.database, namespace)

    def spaces(self) -> list[Coverage]:
        """Return the spaces, one for each model, that of searches first."""
        from safelight.api.spaces import list_spaces

        return list(list_spaces(self.database).spaces)

    def use_space(self, name: str) -> Coverage:
        """Search in another model's space from now on."""
        from safelight.api.spaces import use_space

        return use_space(self.database, as_name(name, "name"))

    def drop_space(self, name: str, *, force: bool = False) -> int:
        """Remove a model's vectors; return the bytes given back."""
        from safelight.api.spaces import check_drop, drop_space

        space = check_drop(self.database, as_name(name, "name"), force=force).space
        return drop_space(self.database, space.fingerprint, force=force, tell=self.tell)

    def sync(
        self,
        store: str | None = None,
        *,
        everything: bool = False,
        take_over: bool = False,
        progress: Reporting | None = None,
    ) -> Sent:
        """Send pending changes to a vector store; a store that does not answer is in ``problem``.

        Parameters
        ----------
        store : str, optional
            Its address; that of the settings if not given.
        everything : bool
            Send all again, and remove what the library lacks.
        take_over : bool
            Take a store over from another library.
        """
        from safelight.api.sync import sync
        from safelight.settings import Secret

        settings = self.settings
        if store is not None:
            settings = replace(settings, store=Secret(as_name(store, "store")))
        if settings.store is None:
            raise UsageError("Name a vector store, as in 'qdrant://localhost'.", argument="store")
        with reporting(self.progress if progress is None else as_progress(progress)) as step:
            return sync(
                self.database,
                settings,
                everything=everything,
                take_over=take_over,
                progress=lambda done, total: step(Step("Sending", done, total)),
                tell=self.tell,
            )

    def forget(self, paths: Path | Sequence[Path] = (), **options: Any) -> Forgotten:
        """Forget files, folders, sources; see :func:`safelight.ingest.forget.forget`."""
        from safelight.ingest import forget

        return forget(self.database, paths, **options)

    def forget_photo(self, photo_id: str, **options: Any) -> Forgotten:
        """Forget one photo, by its id or the beginning of it; its file is never touched.

        Parameters
        ----------
        **options
            ``namespace``, ``decisions`` and ``dry_run``: see :func:`safelight.api.photos.forget`.
        """
        from safelight.api.photos import forget

        return forget(self, photo_id, **options)

    def changes(
        self, since: str | None = None, *, namespace: str | None = None
    ) -> Iterator[Change]:
        """Yield what was added, changed and removed since a cursor; all photos without one.

        Each has a ``cursor``: keep the last one, and give it as `since` the next time.

        Raises
        ------
        LibraryError
            With the code ``cursor-expired``: begin again without a cursor.
        """
        from safelight.api.photos import changes

        return changes(self, since, namespace=namespace)

    def move_source(self, old: Path, new: Path, **options: Any) -> Moved:
        """Tell the library that a folder or file is at another path now."""
        from safelight.ingest import move_source

        return move_source(self.database, as_path(old, "old"), as_path(new, "new"), **options)

    def export(self, url: Path, **options: Any) -> Exported:
        """Export the library as Parquet; needs ``safelight[parquet]``.

        Parameters
        ----------
        **options
            ``namespaces``, ``space`` and ``overwrite``.
        """
        from safelight.exchange.parquet import export_library

        return export_library(self.database, as_path(url, "url"), **options)

    def import_(self, url: Path, **options: Any) -> Imported:
        """Add what a Parquet data set knows and the library does not; opens no photo.

        Parameters
        ----------
        **options
            ``namespace`` and ``dry_run``.
        """
        from safelight.exchange.parquet import import_data_set

        return import_data_set(
            self.database, as_path(url, "url"), clusters_from=self.settings.clusters_from, **options
        )


def open_library(
    path: Path | Database | None = None,
    *,
    create: bool = True,
    settings: Settings | None = None,
    model: str | None = None,
    progress: Reporting = True,
) -> Library:
    """Open a library, or make one; see :class:`Library`.

    Examples
    --------
    >>> import safelight
    >>> library = safelight.open("photos.db")                        # doctest: +SKIP
    """
    return Library(path, create=create, settings=settings, model=model, progress=progress)


def _while_open(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: Library, *args: Any, **options: Any) -> Any:
        self.database.require_open()  # before anything that is asked for is looked at
        return method(self, *args, **options)

    return call


for _name, _method in inspect.getmembers(Library, inspect.isfunction):
    if not _name.startswith("_") and _name != "close":
        setattr(Library, _name, _while_open(_method))
