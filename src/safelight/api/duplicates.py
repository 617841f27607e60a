"""Duplicates: groups of related photos, decisions on them, a report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from safelight.api.progress import Reporting, Step, as_progress, reporting
from safelight.api.report import check_report
from safelight.arguments import as_kind, as_list, as_path
from safelight.duplicates.deduplicator import Deduplicator, Related, named_relations
from safelight.duplicates.keeper import Suggestion
from safelight.errors import DecodeError, ModelError, SourceError, UsageError
from safelight.files.names import expanded

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from safelight.api.opened import Opened
    from safelight.api.plans import LibraryPlan
    from safelight.duplicates.clustering.decided_groups import DecidedGroup
    from safelight.duplicates.model import Relation
    from safelight.library.attributes.decisions import Decision
    from safelight.library.photo_facts import PhotoFacts as PhotoFacts

__all__ = [
    "Duplicates",
    "KeeperOptions",
    "Related",
    "Suggestion",
    "against",
    "decide",
    "decisions",
    "duplicates",
    "named_relations",
    "revoke",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperOptions:
    """Options that choose the photo of a group to keep.

    Attributes
    ----------
    keep : str or None
        ``original`` (the default), ``sharpest`` or ``smallest``, and weights that differ, as in
        ``original,metadata=8``.
    prefer, protect : sequence of path-like
        Folders whose files are kept where pictures are equal, the first most; folders of which
        no file is ever planned to go. Those of the settings as well.
    instead : sequence of path-like
        Photos to keep: paths, or the beginnings of ids.
    look : bool
        Open photos to see which was made from which.
    """

    keep: str | None = None
    prefer: Sequence[str | os.PathLike[str]] = ()
    protect: Sequence[str | os.PathLike[str]] = ()
    instead: Sequence[str | os.PathLike[str]] = ()
    look: bool = True

    def __post_init__(self) -> None:
        from safelight.duplicates.keeper.policy import parse_policy

        for name in ("prefer", "protect", "instead"):
            given: list[Any] = as_list(getattr(self, name), name, str, os.PathLike)
            object.__setattr__(self, name, tuple(os.fspath(each) for each in given))
        for name in ("prefer", "protect"):
            for folder in getattr(self, name):
                # A mistyped folder would protect nothing, and say nothing.
                if not os.path.isdir(expanded(folder)):
                    raise UsageError(f"{name}: there is no folder {folder!r}.", argument=name)
        if self.keep is not None:
            as_kind(self.keep, "keep", "a text", str)
        parse_policy(self.keep or "")  # before anything takes time


class Duplicates(Sequence[Suggestion]):
    """Groups of related photos, found when they are first needed.

    Each is a :class:`Suggestion`: its relation, its photos, the one to keep and why.

    Attributes
    ----------
    namespace : str or None
    relations : frozenset of Relation or None
    """

    def __init__(
        self,
        library: Opened,
        relations: Collection[Relation | str] | str | None = None,
        *,
        namespace: str | None = None,
        progress: Reporting | None = None,
        options: KeeperOptions | None = None,
    ) -> None:
        from safelight.library.files import require_namespace

        self.relations = None if relations is None else named_relations(_several(relations))
        require_namespace(library.database, namespace)
        self.namespace = namespace
        self._library = library
        self._options = KeeperOptions() if options is None else options
        self._progress = library.progress if progress is None else as_progress(progress)

    @overload
    def __getitem__(self, at: int) -> Suggestion: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Suggestion]: ...
    def __getitem__(self, at: int | slice) -> Suggestion | Sequence[Suggestion]:
        return self.groups[at]

    def __len__(self) -> int:
        return len(self.groups)

    @cached_property
    def groups(self) -> tuple[Suggestion, ...]:
        """The groups."""
        with reporting(self._progress) as step:
            found = self._finder(step).groups(self.relations, namespace=self.namespace)
        return tuple(found)

    @cached_property
    def facts(self) -> dict[str, PhotoFacts]:
        """Facts of the photos of all groups, by photo id."""
        return self._facts(self.groups)

    @property
    def unhashed(self) -> int:
        """Photos that could not be opened, and were compared with none."""
        from safelight.hashing import HASH_VERSION
        from safelight.library.attributes.hashes import lacking_hashes

        return len(lacking_hashes(self._library.database, HASH_VERSION, self.namespace))

    def group(self, beginning: str) -> tuple[Suggestion, dict[str, PhotoFacts]]:
        """Return one group by the beginning of its id, with the facts of its photos.

        Raises
        ------
        UsageError
            There is none, or more than one.
        """
        with reporting(self._progress) as step:
            found = self._finder(step).group(beginning, namespace=self.namespace)
        return found, self._facts([found])

    def plan(
        self,
        relations: Collection[Relation | str] | str | None = None,
        *,
        action: str = "quarantine",
        quarantine: str | os.PathLike[str] | None = None,
    ) -> LibraryPlan:
        """Plan which files go, and which are kept; nothing is touched.

        Parameters
        ----------
        relations : collection of str, optional
            The plan goes by these; by those of the groups if these were named; else by what is
            the same picture, whole and as it was.
        action : str
            ``quarantine``, ``hardlink`` or ``trash``.
        quarantine : path-like, optional
            The folder to move files into; one in the folder that was ingested if not given.

        Raises
        ------
        UsageError
            A relation or an action is not one that can be planned by.
        """
        from safelight.api.plans import LibraryPlan
        from safelight.duplicates.plans.model import DEFAULT_RELATIONS

        named = self.relations if relations is None else named_relations(_several(relations))
        if quarantine is not None and action != "quarantine":
            raise UsageError(
                "A quarantine goes with the action 'quarantine' only.", argument="quarantine"
            )
        with reporting(self._progress) as step:
            plan = self._finder(step).plan(
                DEFAULT_RELATIONS if named is None else named,
                namespace=self.namespace,
                action=action,
                quarantine=None if quarantine is None else as_path(quarantine, "quarantine"),
            )
        return LibraryPlan(plan, self._library)

    def report(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write a page with the groups side by side.

        Parameters
        ----------
        force : bool
            Replace the file even if it is something else.

        Raises
        ------
        UsageError
            The file must not be replaced.
        """
        from safelight.duplicates.keeper.scores import known_scores
        from safelight.duplicates.report.page import Report, report_page, write_report

        target = check_report(path, force=force)
        scores = known_scores(self._library.database, list(self.facts))
        with reporting(self._progress) as step:
            finder = self._finder(step)
            page = report_page(
                Report(list(self.groups), self.facts, scores, finder.policy),
                max_pixels=finder.pixel_limit,
                threads=finder.threads,
                progress=lambda done, total: step(Step("Drawing", done, total)),
            )
        write_report(target, page)

    def _facts(self, groups: Sequence[Suggestion]) -> dict[str, PhotoFacts]:
        from safelight.library.photo_facts import photo_facts

        ids = dict.fromkeys(photo.photo_id for each in groups for photo in each.photos)
        return photo_facts(self._library.database, list(ids), self.namespace)

    def _finder(self, step: Callable[[Step], None]) -> Deduplicator:
        return _deduplicator(self._library, self._options, step)


def duplicates(
    library: Opened,
    relations: Collection[Relation | str] | str | None = None,
    *,
    namespace: str | None = None,
    progress: Reporting | None = None,
    **options: Any,
) -> Duplicates:
    """Return the duplicates of a library.

    See :meth:`safelight.api.library.Library.duplicates` for what it takes.

    Raises
    ------
    UsageError
        There is no such relation or folder.
    """
    return Duplicates(
        library,
        relations,
        namespace=namespace,
        progress=progress,
        options=KeeperOptions(**options),
    )


def against(
    library: Opened, photo: str | os.PathLike[str] | bytes, *, namespace: str | None = None
) -> list[Related]:
    """Return the relatives of a photo, in the library or not, the closest first.

    Parameters
    ----------
    photo : path-like or bytes
    namespace : str, optional
        Only files in it.

    Raises
    ------
    SourceError
        The photo cannot be read or decoded.
    """
    from safelight.library.files import require_namespace

    settings = library.settings
    require_namespace(library.database, namespace)
    embedder = None
    if library.has_space:
        try:
            embedder = library.embedder()
        except ModelError as exc:
            library.warn(f"{exc} Compared without it.")
    finder = Deduplicator(
        library.database, pixel_limit=settings.pixel_limit, limits=settings.duplicate_limits
    )
    named = "The photo" if isinstance(photo, bytes) else as_path(photo, "photo")
    source = photo if isinstance(photo, bytes) else expanded(named)
    try:
        return finder.against(source, embedder=embedder, namespace=namespace)
    except DecodeError as exc:
        raise SourceError(f"{named} {exc}.", source=named) from exc
    except OSError as exc:
        raise SourceError(f"{named} cannot be read: {exc.strerror}.", source=named) from exc


def decide(
    library: Opened,
    group: str,
    decision: str,
    photos: str | Sequence[str] = (),
    *,
    progress: Reporting | None = None,
) -> list[Decision]:
    """Decide on a group, so that it is not suggested again.

    Parameters
    ----------
    group : str
        The beginning of its id.
    decision : str
        ``not-duplicates``, ``keep-both`` or ``resolved``.
    photos : sequence of str, optional
        Beginnings of photo ids: only these, against all others of the group.

    Raises
    ------
    UsageError
        There is no such group, photo or decision.
    """
    shown = library.progress if progress is None else as_progress(progress)
    as_kind(group, "group", "a text", str)
    chosen: Any = decision
    with reporting(shown) as step:
        finder = _deduplicator(library, KeeperOptions(look=False), step)
        return finder.decide(group, chosen, photos)


def decisions(library: Opened) -> list[Decision]:
    """Return decisions pair by pair, the oldest first."""
    from safelight.library.attributes.decisions import decisions as read_decisions

    return read_decisions(library.database)


def decided(library: Opened) -> list[DecidedGroup]:
    """Return decisions group by group, the oldest first."""
    from safelight.duplicates.clustering.decided_groups import decided_groups

    return decided_groups(decisions(library))


def facts_of(library: Opened, photo_ids: str | Sequence[str]) -> dict[str, PhotoFacts]:
    """Return facts of photos with a file that is there, by photo id."""
    from safelight.library.photo_facts import photo_facts

    return photo_facts(library.database, as_list(photo_ids, "photo_ids", str))


def revoke(library: Opened, group: str) -> tuple[DecidedGroup, int]:
    """Take a decision back; return its group and the number of pairs.

    Parameters
    ----------
    group : str
        The beginning of its id.

    Raises
    ------
    UsageError
        There is no such decision, or more than one.
    """
    from safelight.library.attributes.decisions import revoke as revoke_pairs

    found = [
        each
        for each in decided(library)
        if each.id.startswith(as_kind(group, "group", "a text", str))
    ]
    if len(found) != 1:
        raise UsageError(
            f"There is {'no decision' if not found else 'more than one decision'} {group!r}.",
            code="no-decision",
        )
    return found[0], revoke_pairs(library.database, found[0].pairs)


def _several(relations: Collection[Relation | str] | str) -> Collection[Relation | str]:
    return [relations] if isinstance(relations, str) else relations


def _deduplicator(
    library: Opened, options: KeeperOptions, step: Callable[[Step], None]
) -> Deduplicator:
    from safelight.duplicates.keeper.policy import DEFAULT

    settings = library.settings
    return Deduplicator(
        library.database,
        policy=options.keep or DEFAULT,
        look=options.look,
        pixel_limit=settings.pixel_limit,
        threads=settings.threads,
        limits=settings.duplicate_limits,
        prefer=tuple(os.fspath(each) for each in options.prefer) or settings.prefer,
        protect=(*(os.fspath(each) for each in options.protect), *settings.protect),
        instead=tuple(_photo(os.fspath(each)) for each in options.instead),
        progress=lambda doing, done, total: step(Step(doing, done, total)),
    )


def _photo(given: str) -> str:
    """Return a photo as it was named: the beginning of an id as it is, a path as a whole one."""
    from safelight.duplicates.keeper.select import is_id

    if is_id(given) and not os.path.exists(given):
        return given.lower()
    return os.path.abspath(expanded(given))
