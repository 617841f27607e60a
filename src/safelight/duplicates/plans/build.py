"""Build a plan from suggestions: files to move, their destinations, and files left in place."""

from __future__ import annotations

import os
import secrets
import stat as stat_module
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from safelight.arguments import as_name, as_path
from safelight.duplicates.clustering.group_relations import own_relations
from safelight.duplicates.keeper.filenames import Preferences, is_plain_copy
from safelight.duplicates.model import KEPT_TOGETHER, STRICT, Relation
from safelight.duplicates.plans.companions import Companions
from safelight.duplicates.plans.model import (
    Carry,
    Change,
    Left,
    Plan,
    PlannedGroup,
    Sidecar,
    place_in,
)
from safelight.duplicates.plans.verify import require_keeper, require_movable
from safelight.duplicates.verification.completeness import held_only_by, structure_at
from safelight.errors import DecodeError, SidecarError, UsageError
from safelight.files import SIDECAR, read_bytes, sha256_of
from safelight.files.names import expanded, folded
from safelight.files.packages import QUARANTINE
from safelight.files.set_aside import CannotChange
from safelight.imaging import read_verified
from safelight.imaging.embedded_metadata import read_tags
from safelight.library.ingested_sources import remembered
from safelight.metadata.tags import Tags, merged
from safelight.metadata.xmp import read_xmp
from safelight.types import FileStat

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from safelight.duplicates.clustering.group_relations import Together
    from safelight.duplicates.keeper import Judged, Suggestion
    from safelight.duplicates.model import Edge
    from safelight.library.database import Database
    from safelight.library.photo_facts import Copy, PhotoFacts


@dataclass(slots=True)
class _Planning:
    """Facts and partial results while a plan is built."""

    action: str
    plan_id: str
    quarantine: str | None
    roots: list[str]
    facts: Mapping[str, PhotoFacts]
    together: Together
    decided: Collection[tuple[str, str]]
    protect: Preferences
    beside: Companions = field(default_factory=Companions)
    kept: dict[str, str] = field(default_factory=dict)  # real path to group
    changed: dict[str, str] = field(default_factory=dict)
    places: set[str] = field(default_factory=set)
    left: list[Left] = field(default_factory=list)


def plan_changes(
    library: Database,
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
    protect: Preferences = Preferences(),  # noqa: B008 - frozen
) -> Plan:
    """Return a plan of file operations; no file is touched.

    Parameters
    ----------
    library : Database
    suggestions : iterable of Suggestion
    facts : mapping
        Of every photo of the suggestions, by id.
    action : str
        One of :data:`safelight.duplicates.plans.model.ACTIONS`.
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
    protect : Preferences, optional
        Folders of which nothing goes.
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
        None if quarantine is None else _quarantine(quarantine),
        roots,
        facts,
        together,
        decided,
        protect,
    )
    # The strict ones first: what they keep is kept, whatever a burst has to say about it.
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
    if len(suggestion.photos) < 2:
        return None
    if suggestion.keeper is None:
        undecided = f"stays, because none is chosen: {suggestion.photos[0].reasons[0]}"
        planning.left += [Left(each.path, undecided) for each in suggestion.photos]
        return None
    suggestion = _with_safe_keeper(suggestion, suggestion.keeper)
    keeper, others = suggestion.photos[0], suggestion.photos[1:]
    real = os.path.realpath(keeper.path)
    why = _unfit(planning, keeper) or _told_by(require_keeper, keeper.path)
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
    # Not by way of others: a grey copy of a turned copy is not a variant of the keeper.
    moves = planning.action != "hardlink"
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
    told: dict[str, Tags] = {}
    for other in others:
        relation = related.get(other.photo_id)
        if relation is None:
            by_others = "is related to the kept file by way of others only; stays"
            planning.left.append(Left(other.path, by_others))
            continue
        why = _why_left(planning, keeper, other, relation)
        if why is None:
            try:
                held = _held_only_by(planning, keeper, other, suggestion.group.edges)
                tags = _all_tags(planning, other)
                change = _change(planning, other, relation)
            except (SidecarError, DecodeError, OSError) as exc:
                why = f"stays, because {_told(other.path, exc)}"
            else:
                lost = tags.beyond(known).others if moves and relation in STRICT else ()
                if lost:
                    kept = os.path.basename(keeper.path)
                    why = f"has {', '.join(lost)}, which {kept} lacks and cannot be given; stays"
                elif held:
                    kept = os.path.basename(keeper.path)
                    why = f"has what {kept} lacks: {', '.join(held)}; stays"
                else:
                    why = _why_no_place(planning, change)
        if why is not None:
            planning.left.append(Left(other.path, why))
            continue
        changes.append(change)
        planning.changed[os.path.realpath(other.path)] = suggestion.group.id
        told[other.path] = tags
        # A shot that was rejected says nothing of the kept file.
        if relation in STRICT and moves:
            rating = (
                tags.rating if (tags.rating or 0) > 0 else None
            )  # -1 rejects a file, not a picture
            noted.append(replace(tags, rating=rating))
    if not changes:
        return None
    lacking = merged(noted).beyond(known)
    if lacking and _told_by(require_movable, keeper.path) is not None:
        why = f"stays, because nothing is noted beside {keeper.path}, which belongs to a program"
        planning.left += [Left(change.path, why) for change in changes]
        return None
    if moves:
        kept_words = known.or_else(lacking)
        changes = [_with_losses(change, told[change.path], kept_words) for change in changes]
    return PlannedGroup(
        suggestion.group.id,
        suggestion.group.relation,
        keeper.photo_id,
        keeper.path,
        keeper.reasons,
        tuple(changes),
        Carry(planning.beside.sidecar_for(keeper.path), lacking) if lacking else None,
    )


def _with_losses(change: Change, tags: Tags, kept: Tags) -> Change:
    """Return a change that says what of its words is not with the file that is kept."""
    if change.relation in STRICT:
        lost = tags.differing(kept)
    else:
        # Another shot: its date and place are its own.
        tags = replace(tags, taken_at=None, latitude=None, longitude=None, altitude=None)
        lost = list(tags.beyond(kept).to_dict())
    reasons = [f"not carried over: {each}" for each in lost]
    return replace(change, reasons=(*change.reasons, *reasons))


def _with_safe_keeper(suggestion: Suggestion, keeper: Judged) -> Suggestion:
    """Return a suggestion that keeps a file that lies in no recycle bin, if there is one."""
    for chosen in suggestion.photos:
        if _told_by(require_keeper, chosen.path) is not None:
            continue
        if chosen is keeper:
            return suggestion
        why = _told_by(require_keeper, keeper.path)
        reasons = (f"kept instead of {keeper.path}, which {why}",)
        others = (replace(each, keeper=False) for each in suggestion.photos if each is not chosen)
        return replace(suggestion, photos=(replace(chosen, keeper=True, reasons=reasons), *others))
    return suggestion


def _told_by(require: Callable[[str], None], path: str) -> str | None:
    try:
        require(path)
    except CannotChange as exc:
        return str(exc)
    return None


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
        return "is no longer a file"
    if (found.st_size, FileStat.of(found).mtime_ns) != (copy.size, copy.mtime_ns):
        return "has changed since it was ingested; run `safelight ingest` and plan again"
    return None


def _why_left(planning: _Planning, keeper: Judged, other: Judged, relation: Relation) -> str | None:
    whole, _ = planning.together.get(other.photo_id, (None, ()))
    # A copy of the photo alone, elsewhere, is not part of the whole.
    is_spare = (
        whole is Relation.RAW_JPEG
        and other.photo_id == keeper.photo_id
        and is_plain_copy(keeper.path, other.path, planning.beside.companion)
    )
    if whole is not None and not is_spare:
        return f"belongs together with others ({whole}); stays"
    pair = (min(keeper.photo_id, other.photo_id), max(keeper.photo_id, other.photo_id))
    if pair in planning.decided or (other.photo_id, other.photo_id) in planning.decided:
        return "stays by your decision"
    folder = planning.protect.protecting(other.path)
    if folder is not None:
        return f"is in a protected folder ({folder})"
    known, kept = (planning.facts[each.photo_id] for each in (other, keeper))
    if known.format == "RAW" and kept.format != "RAW":
        return "is a RAW file, and the one to keep is not; stays"
    if kept.format == "RAW" and known.format != "RAW" and known.pixels > kept.pixels:
        return "has more pixels than the RAW file that is kept; stays"
    real = os.path.realpath(other.path)
    if real in planning.kept:
        return f"is kept in group {planning.kept[real]}"
    if real in planning.changed:
        return f"is in the plan already, with group {planning.changed[real]}"
    if os.path.islink(other.path):
        return "is a link, not a file of its own"
    why = _unfit(planning, other) or _told_by(require_movable, other.path)
    if why is not None:
        return why
    if not planning.beside.is_spelled(other.path):
        return "has another spelling on its disk; stays"
    if os.path.samefile(keeper.path, other.path):
        return "is a hard link to the kept file; nothing would be saved"
    companion = planning.beside.companion(other.path)
    if companion is not None:
        return f"belongs together with {os.path.basename(companion)}; stays"
    if planning.action != "hardlink":
        return planning.beside.obstacle(other.path)
    if planning.action == "hardlink":
        if relation is not Relation.IDENTICAL:
            return f"is {relation}: only files with the same bytes can be hard links of each other"
        if os.stat(keeper.path).st_dev != os.stat(other.path).st_dev:
            return "lies on another file system than the kept file"
    return None


def _why_no_place(planning: _Planning, change: Change) -> str | None:
    """Return why a file cannot be moved by this plan: another one takes its place."""
    places = [change.to, *(sidecar.to for sidecar in change.sidecars)]
    # As a disk may see it that knows no case, or only one form of accents.
    new = {folded(place) for place in places if place is not None}
    if new & planning.places:
        return "would be moved to the same name as another file; plan again after this one"
    planning.places |= new
    return None


def _held_only_by(
    planning: _Planning, keeper: Judged, other: Judged, edges: Iterable[Edge]
) -> tuple[str, ...]:
    """Return the contents of a file that the kept one lacks, under any policy."""
    if keeper.photo_id == other.photo_id:
        return ()
    both = {keeper.photo_id, other.photo_id}
    evidence = next((each.evidence for each in edges if {each.a, each.b} == both), {})
    facts = planning.facts
    return held_only_by(
        structure_at(other.path, facts[other.photo_id].structure),
        structure_at(keeper.path, facts[keeper.photo_id].structure),
        evidence,
    )


def _change(planning: _Planning, judged: Judged, relation: Relation) -> Change:
    found = os.stat(judged.path)
    moves = planning.action != "hardlink"
    along = planning.beside.attached(judged.path) if moves else ()
    return Change(
        judged.photo_id,
        judged.path,
        found.st_size,
        sum(_alone(each) for each in (found, *(os.stat(path) for path in along))),
        relation,
        judged.reasons,
        _target(planning, judged.path),
        tuple(Sidecar(path, sha256_of(path), _target(planning, path)) for path in along),
    )


def _alone(found: os.stat_result) -> int:
    """Return the bytes that become free with a name of a file: none while it has another."""
    return found.st_size if found.st_nlink == 1 else 0


def _quarantine(folder: str) -> str:
    named = as_name(as_path(folder, "quarantine"), "quarantine")
    path = os.path.abspath(expanded(named))
    if os.path.lexists(path) and not os.path.isdir(path):
        raise UsageError(f"{named!r} is not a folder to move files into.", path=path)
    return path


def _target(planning: _Planning, path: str) -> str | None:
    if planning.action != "quarantine":
        return None
    if planning.quarantine is not None:
        return place_in(os.path.join(planning.quarantine, planning.plan_id), path)
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
    """Return the tags of a photo, from its sidecars or itself."""
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
