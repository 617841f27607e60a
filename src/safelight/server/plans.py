"""Plans for duplicates on the server: drafts beside the library, and applied ones."""

from __future__ import annotations

import contextlib
from functools import cache
from typing import TYPE_CHECKING

from safelight.duplicates.clustering.group_relations import together
from safelight.duplicates.find import find_groups
from safelight.duplicates.keeper.filenames import Preferences
from safelight.duplicates.keeper.policy import DEFAULT, parse_policy
from safelight.duplicates.model import KEPT_TOGETHER
from safelight.duplicates.plans.apply import apply_plan
from safelight.duplicates.plans.build import plan_changes
from safelight.duplicates.plans.journal import folder_of, journals
from safelight.duplicates.plans.model import read_plan, write_plan
from safelight.duplicates.plans.progress import progress_of
from safelight.duplicates.plans.recovery import done_by_others
from safelight.duplicates.plans.undo import undo_plan
from safelight.errors import LibraryError, PlanError, UsageError
from safelight.library.attributes.decisions import decided_pairs
from safelight.library.cursors import cut, list_query, read_cursor
from safelight.library.photo_facts import photo_facts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from safelight.duplicates.keeper import Suggestion
    from safelight.duplicates.plans.model import Change, PlannedGroup
    from safelight.duplicates.plans.progress import Others, Progress
    from safelight.library.database import Database


def plans_folder(library: Database) -> Path:
    """Return where plans lie that were not applied yet: beside the library."""
    return library.path.with_name(library.path.name + ".plans")


def chosen_file(found: Suggestion, photo_id: str | None, path: str | None) -> str | None:
    """Return the file of a group that the user keeps instead of the suggestion, if any.

    Parameters
    ----------
    photo_id, path : str or None
        The photo, and if it has several files, which; the suggested one if None.

    Raises
    ------
    UsageError
        The group has no such photo, or is only whole together; or nothing of it is suggested, and
        none is named.
    """
    if found.group.relation in KEPT_TOGETHER:
        raise UsageError(
            f"Group {found.group.id} is only whole together ({found.group.relation}): nothing of "
            "it can be planned to go.",
            code="kept-together",
        )
    if photo_id is None and path is None:
        if found.keeper is None:
            raise UsageError(
                f"No keeper was chosen for group {found.group.id} ({found.group.relation}); name "
                "the photo to keep.",
                code="keeper",
            )
        return None
    fitting = [
        each
        for each in found.photos
        if photo_id in (None, each.photo_id) and path in (None, each.path)
    ]
    if not fitting:
        raise UsageError(f"Group {found.group.id} has no such photo to keep.", code="keeper")
    return None if fitting[0] == found.keeper else fitting[0].path


def make_plan(
    library: Database,
    suggestions: Sequence[Suggestion],
    action: str,
    namespace: str | None,
    protect: Preferences = Preferences(),  # noqa: B008 - frozen
) -> Progress:
    """Return a plan for groups, kept as a draft; nothing else is touched."""
    ids = list(dict.fromkeys(photo.photo_id for each in suggestions for photo in each.photos))
    # In all namespaces, and whatever was decided: they are only whole together all the same.
    whole = find_groups(library, relations=KEPT_TOGETHER, decided=False)
    plan = plan_changes(
        library,
        suggestions,
        photo_facts(library, ids, namespace),
        action=action,
        policy=parse_policy(DEFAULT).name,
        relations=frozenset(each.group.relation for each in suggestions),
        namespace=namespace,
        together=together(whole),
        decided=decided_pairs(library),
        protect=protect,
    )
    folder = plans_folder(library)
    folder.mkdir(parents=True, exist_ok=True)
    write_plan(plan, folder / f"{plan.id}.json")
    return progress_of(plan, library.path)


def find_plan(
    library: Database,
    plan_id: str,
    namespaces: tuple[str, ...] | None = None,
    others: Others | None = None,
) -> Progress:
    """Return a plan and what it has come to.

    Parameters
    ----------
    namespaces : tuple of str, optional
        Only if it is of one of these.
    others : callable, optional
        See :func:`safelight.duplicates.plans.progress.progress_of`.

    Raises
    ------
    LibraryError
        With the code ``no-plan``: there is none.
    PlanError
        Its file is damaged.
    """
    path = folder_of(library.path) / plan_id / "plan.json"
    if not path.is_file():
        path = plans_folder(library) / f"{plan_id}.json"
    try:
        plan = read_plan(path) if path.is_file() else None
    except PlanError:
        if namespaces is None:
            raise
        plan = None  # nobody knows whose it was
    if plan is None or (namespaces is not None and plan.namespace not in namespaces):
        raise LibraryError(f"There is no plan {plan_id}.", code="no-plan", plan=plan_id)
    return progress_of(plan, library.path, others)


def list_plans(library: Database, namespaces: tuple[str, ...] | None = None) -> list[Progress]:
    """Return all plans with what they have come to, the newest first."""
    names = {folder.name for folder in journals(library.path)}
    with contextlib.suppress(OSError):
        names |= {each.stem for each in plans_folder(library).glob("*.json")}
    others = cache(lambda: done_by_others(library.path, None))
    found = []
    for name in names:
        # One that somebody edited and broke does not hide the others.
        with contextlib.suppress(LibraryError, PlanError):
            found.append(find_plan(library, name, namespaces, others))
    return sorted(found, key=lambda each: each.plan.made_at, reverse=True)


def page_of_plans(
    library: Database,
    namespaces: tuple[str, ...] | None = None,
    *,
    limit: int,
    cursor: str | None = None,
) -> tuple[list[Progress], str | None]:
    """Return a page of plans, the newest first, and the cursor of the next one.

    Raises
    ------
    UsageError
        With the code ``cursor``: it is broken, or of other namespaces.
    """
    query = list_query(library, "plans", namespaces)
    place = None if cursor is None else tuple(read_cursor(query, cursor, str, str))
    plans = sorted(
        ((each.plan.made_at, each.plan.id), each) for each in list_plans(library, namespaces)
    )
    behind = [each for at, each in reversed(plans) if place is None or at < place]
    return cut(query, behind, limit, lambda each: (each.plan.made_at, each.plan.id))


def page_of_actions(
    library: Database,
    plan_id: str,
    namespaces: tuple[str, ...] | None = None,
    *,
    limit: int,
    cursor: str | None = None,
) -> tuple[Progress, list[tuple[PlannedGroup, Change]], int, str | None]:
    """Return a plan, a page of its changes with their groups, how many it has, and the next cursor.

    Raises
    ------
    LibraryError
        With the code ``no-plan``: there is none.
    UsageError
        With the code ``cursor``: it is broken, or of another plan.
    """
    found = find_plan(library, plan_id, namespaces)
    changes = [(group, each) for group in found.plan.groups for each in group.changes]
    query = list_query(library, "actions", plan_id)
    # A plan is never changed once it is made.
    start = 0 if cursor is None else max(0, read_cursor(query, cursor, int)[0])
    page, following = cut(query, changes[start:], limit, lambda _: (start + limit,))
    return found, page, len(changes), following


def apply(library: Database, plan_id: str, namespaces: tuple[str, ...] | None = None) -> Progress:
    """Do what a plan says; return what came of it.

    Raises
    ------
    LibraryError
        There is none.
    PlanError
        It must not be followed, or is being followed already.
    """
    apply_plan(library, find_plan(library, plan_id, namespaces).plan)
    return find_plan(library, plan_id)


def undo(library: Database, plan_id: str, namespaces: tuple[str, ...] | None = None) -> Progress:
    """Undo what a plan did; return what came of it.

    Raises
    ------
    LibraryError
        There is none.
    PlanError
        It was never applied, or is being worked on.
    """
    if find_plan(library, plan_id, namespaces).last is None:
        raise PlanError(f"Plan {plan_id} was not applied; there is nothing to undo.")
    undo_plan(library.path, plan_id)
    return find_plan(library, plan_id)


def forget_draft(
    library: Database, plan_id: str, namespaces: tuple[str, ...] | None = None
) -> None:
    """Delete a plan that was not applied.

    Raises
    ------
    LibraryError
        There is none.
    PlanError
        It was applied, and its journal is what undoes it.
    """
    if find_plan(library, plan_id, namespaces).last is not None:
        raise PlanError(f"Plan {plan_id} was applied; it is kept, so that it can be undone.")
    (plans_folder(library) / f"{plan_id}.json").unlink(missing_ok=True)
