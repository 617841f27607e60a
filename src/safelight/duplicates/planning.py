"""Suggestions to a plan: which files go, where to, and which are left as they are, and why."""

from __future__ import annotations

import os
import secrets
import stat as stat_module
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from safelight.duplicates.beside import Beside
from safelight.duplicates.contents import sha256_of
from safelight.duplicates.model import KEPT_TOGETHER, STRICT, Relation
from safelight.duplicates.own_tags import read_tags
from safelight.duplicates.plan import (
    QUARANTINE,
    Carry,
    Change,
    Left,
    Plan,
    PlannedGroup,
    Sidecar,
)
from safelight.duplicates.relations import own_relations
from safelight.duplicates.tags import Tags, merged
from safelight.duplicates.xmp import read_xmp
from safelight.errors import DecodeError, SidecarError
from safelight.files import SIDECAR, read_bytes
from safelight.imaging import read_verified
from safelight.library.remembered import remembered

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from safelight.duplicates.keeper import Judged, Suggestion
    from safelight.duplicates.relations import Together
    from safelight.library.copies import Copy, PhotoFacts
    from safelight.library.store import Library


@dataclass(slots=True)
class _Planning:
    """What is known while a plan is made."""

    action: str
    plan_id: str
    quarantine: str | None
    roots: list[str]
    facts: Mapping[str, PhotoFacts]
    together: Together
    decided: Collection[tuple[str, str]]
    beside: Beside = field(default_factory=Beside)
    kept: dict[str, str] = field(default_factory=dict)  # real path to group
    changed: dict[str, str] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)


def plan_changes(
    library: Library,
    suggestions: Iterable[Suggestion],
    facts: Mapping[str, PhotoFacts],
    *,
    action: str = "quarantine",
    policy: str = "original",
    relations: Collection[Relation],
    namespace: str | None = None,
    together: Together,
    decided: Collection[tuple[str, str]] = frozenset(),
    quarantine: str | None = None,
) -> Plan:
    """Return what is to be done; nothing is touched.

    Parameters
    ----------
    library : Library
    suggestions : iterable of Suggestion
    facts : mapping
        Of every photo of the suggestions, by id.
    action : str
        One of :data:`safelight.duplicates.plan.ACTIONS`.
    policy : str
        By which the files to keep were chosen.
    relations : collection of Relation
        That the suggestions go by.
    namespace : str, optional
        That they were restricted to.
    together : mapping
        The photos that are only whole with others; they stay.
    decided : collection of (str, str)
        Pairs of photo ids that the user decided on; they stay, too.
    quarantine : str, optional
        The folder to move files into. If not given, one in the folder that was ingested, which is
        usually on the same disk, so that nothing needs to be copied.
    """
    now = datetime.now(UTC)
    plan_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    roots = sorted(
        {spec.removeprefix("images:") for _, spec, _ in remembered(library) if "images:" in spec},
        key=len,
        reverse=True,
    )
    planning = _Planning(
        action,
        plan_id,
        None if quarantine is None else os.path.abspath(os.path.expanduser(quarantine)),
        roots,
        facts,
        together,
        decided,
    )
    # The strict ones first: what they keep is kept, whatever a burst has to say of it.
    ordered = sorted(suggestions, key=lambda each: each.group.relation not in STRICT)
    groups = [
        planned
        for suggestion in ordered
        if suggestion.group.relation not in KEPT_TOGETHER
        and (planned := _planned(planning, suggestion)) is not None
    ]
    return Plan(
        plan_id,
        now.isoformat(timespec="seconds"),
        str(library.path),
        action,
        policy,
        tuple(relation for relation in Relation if relation in relations),
        namespace,
        tuple(groups),
        tuple(planning.left),
    )


def _planned(planning: _Planning, suggestion: Suggestion) -> PlannedGroup | None:
    keeper, others = suggestion.keeper, suggestion.photos[1:]
    if not others:
        return None
    real = os.path.realpath(keeper.path)
    why = _unfit(planning, keeper)
    if why is None and real in planning.changed:
        why = f"would be kept in group {suggestion.group.id}, but goes with another group"
    if why is not None:
        # Without the one to keep, none of the others is known to be more than a last copy.
        planning.left.append(Left(keeper.path, why))
        planning.left += [
            Left(each.path, "stays, because the one to keep is not") for each in others
        ]
        return None
    planning.kept.setdefault(real, suggestion.group.id)
    # Not by way of others: a grey copy of a copy that was turned is no form of the one to keep.
    related = own_relations(keeper.photo_id, suggestion.group.edges)
    try:
        known = _all_tags(planning, keeper)
    except (SidecarError, DecodeError, OSError) as exc:
        planning.left += [
            Left(each.path, f"stays, because {_told(keeper.path, exc)}") for each in others
        ]
        return None
    changes: list[Change] = []
    noted: list[Tags] = []
    for other in others:
        relation = related.get(other.photo_id)
        if relation is None:
            by_others = "is related to the one that is kept by way of others only; stays"
            planning.left.append(Left(other.path, by_others))
            continue
        why = _why_left(planning, keeper, other, relation)
        if why is None:
            try:
                tags = _all_tags(planning, other)
                change = _change(planning, other, relation)
            except (SidecarError, DecodeError, OSError) as exc:
                why = f"stays, because {_told(other.path, exc)}"
        if why is not None:
            planning.left.append(Left(other.path, why))
            continue
        changes.append(change)
        planning.changed[os.path.realpath(other.path)] = suggestion.group.id
        # A shot that was rejected says nothing of the one that is kept.
        if relation in STRICT and planning.action != "hardlink":
            rating = (
                tags.rating if (tags.rating or 0) > 0 else None
            )  # -1 rejects a file, not a picture
            noted.append(replace(tags, rating=rating))
    if not changes:
        return None
    lacking = merged(noted).beyond(known)
    return PlannedGroup(
        suggestion.group.id,
        suggestion.group.relation,
        keeper.photo_id,
        keeper.path,
        keeper.reasons,
        tuple(changes),
        Carry(planning.beside.sidecar_for(keeper.path), lacking) if lacking else None,
    )


def _copy(planning: _Planning, judged: Judged) -> Copy:
    copies = planning.facts[judged.photo_id].copies
    return next(copy for copy in copies if copy.path == judged.path)


def _unfit(planning: _Planning, judged: Judged) -> str | None:
    """Return why a file is not as the library knows it."""
    copy = _copy(planning, judged)
    try:
        found = os.stat(judged.path)
    except OSError as exc:
        return f"cannot be looked at: {exc.strerror}"
    if not stat_module.S_ISREG(found.st_mode):
        return "is no file any more"
    if (found.st_size, found.st_mtime_ns) != (copy.size, copy.mtime_ns):
        return "has changed since it was ingested; run `safelight ingest` and plan again"
    return None


def _why_left(planning: _Planning, keeper: Judged, other: Judged, relation: Relation) -> str | None:
    if other.photo_id in planning.together:
        whole, _ = planning.together[other.photo_id]
        return f"belongs together with others ({whole}); stays"
    pair = (min(keeper.photo_id, other.photo_id), max(keeper.photo_id, other.photo_id))
    if pair in planning.decided or (other.photo_id, other.photo_id) in planning.decided:
        return "stays by your decision"
    real = os.path.realpath(other.path)
    if real in planning.kept:
        return f"is kept in group {planning.kept[real]}"
    if real in planning.changed:
        return f"is in the plan already, with group {planning.changed[real]}"
    if os.path.islink(other.path):
        return "is a link, not a file of its own"
    why = _unfit(planning, other)
    if why is not None:
        return why
    if os.path.samefile(keeper.path, other.path):
        return "is the very file that is kept, by another name; nothing would be saved"
    companion = planning.beside.companion(other.path)
    if companion is not None:
        return f"belongs together with {os.path.basename(companion)}; stays"
    if planning.action == "hardlink":
        if relation is not Relation.IDENTICAL:
            return f"is {relation}: only files with the same bytes can be hard links of each other"
        if os.stat(keeper.path).st_dev != os.stat(other.path).st_dev:
            return "lies on another file system than the one that is kept"
    return None


def _change(planning: _Planning, judged: Judged, relation: Relation) -> Change:
    found = os.stat(judged.path)
    moves = planning.action != "hardlink"
    return Change(
        judged.photo_id,
        judged.path,
        found.st_size,
        found.st_size if found.st_nlink == 1 else 0,
        relation,
        judged.reasons,
        _target(planning, judged.path),
        tuple(
            Sidecar(path, sha256_of(path), _target(planning, path))
            for path in planning.beside.sidecars(judged.path)
            if moves and not os.path.islink(path)
        ),
    )


def _target(planning: _Planning, path: str) -> str | None:
    if planning.action != "quarantine":
        return None
    if planning.quarantine is not None:
        drive, rest = os.path.splitdrive(path)
        inside = os.path.join(drive.rstrip(":"), rest.lstrip(os.sep))
        return os.path.join(planning.quarantine, planning.plan_id, inside)
    root = _root(planning, path)
    return os.path.join(root, QUARANTINE, planning.plan_id, os.path.relpath(path, root))


def _root(planning: _Planning, path: str) -> str:
    """Return the topmost folder above a file that was ingested and is on the same disk."""
    folder = os.path.dirname(path)
    top = next(
        (
            root
            for root in planning.roots
            if path.startswith(root.rstrip(os.sep) + os.sep) and os.path.isdir(root)
        ),
        folder,
    )
    disk = os.stat(folder).st_dev
    while folder != top and os.stat(os.path.dirname(folder)).st_dev == disk:
        folder = os.path.dirname(folder)
    return folder


def _all_tags(planning: _Planning, judged: Judged) -> Tags:
    """Return what is noted of a photo, in its sidecars or in itself."""
    facts = planning.facts[judged.photo_id]
    found = []
    for sidecar in planning.beside.sidecars(judged.path):
        data = read_bytes(sidecar, limit=SIDECAR)
        try:
            found.append(read_xmp(data))
        except SidecarError as exc:
            raise SidecarError(f"{sidecar} {exc}", path=sidecar) from exc
    return merged((*found, read_tags(read_verified(judged.photo_id, (judged.path,)), facts.exif)))


def _told(path: str, exc: SidecarError | DecodeError | OSError) -> str:
    if isinstance(exc, OSError):
        return f"{path} cannot be read: {exc.strerror}"
    return str(exc) if isinstance(exc, SidecarError) else f"{path} {exc}"
