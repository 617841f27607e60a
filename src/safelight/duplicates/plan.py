"""A plan: what is to be done about duplicates, file by file, before anything is done.

It is a JSON file to be read, and shortened, by people: a group or a change that is taken out of it
does not happen. Every file stands in it with its content's sha256, by which it is known again.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.duplicates.model import KEPT_TOGETHER, STRICT, Relation
from safelight.duplicates.tags import Tags
from safelight.errors import PlanError, UsageError
from safelight.files import LARGE_TEXT, read_bytes
from safelight.files.bounded_json import parse_json

if TYPE_CHECKING:
    from os import PathLike

VERSION = 1

#: What can be done with a file: moved into a folder, replaced by a hard link to the file that is
#: kept, moved into the system's trash.
ACTIONS = ("quarantine", "hardlink", "trash")

#: Relations that a plan goes by unless others are named: the same picture, whole and as it was.
DEFAULT_RELATIONS = STRICT - {Relation.CROPPED, Relation.EDITED}

#: The folder that files are moved into, at the top of the folder that was ingested.
QUARANTINE = ".safelight-quarantine"

_ID = re.compile(r"[0-9a-z][0-9a-z-]{3,40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A sidecar that goes where its photo goes."""

    path: str
    sha256: str
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One file that is to be moved, or replaced by a link.

    Attributes
    ----------
    photo_id, path : str
    size, saves : int
        Bytes of the file, and those that become free: none while another hard link holds them.
    relation : Relation
        How it is related to the file that is kept.
    reasons : tuple of str
    to : str or None
        Where it is moved; None: into the trash, or nowhere.
    sidecars : tuple of Sidecar
    """

    photo_id: str
    path: str
    size: int
    saves: int
    relation: Relation
    reasons: tuple[str, ...] = ()
    to: str | None = None
    sidecars: tuple[Sidecar, ...] = ()


@dataclass(frozen=True, slots=True)
class Carry:
    """What is noted of the others and not of the file that is kept, and comes into its sidecar."""

    sidecar: str
    tags: Tags


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """What is to be done about one group."""

    id: str
    relation: Relation
    keeper_id: str
    keeper: str
    reasons: tuple[str, ...]
    changes: tuple[Change, ...]
    carry: Carry | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """A file that is left as it is, and why.

    Attributes
    ----------
    path, why : str
        The reason is to follow the path.
    """

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done about the duplicates of a library."""

    id: str
    made_at: str
    library: str
    action: str
    policy: str
    relations: tuple[Relation, ...]
    namespace: str | None
    groups: tuple[PlannedGroup, ...]
    left: tuple[Left, ...] = field(default=())

    @property
    def changes(self) -> list[Change]:
        """Every change, group by group."""
        return [change for group in self.groups for change in group.changes]

    @property
    def saves(self) -> int:
        """Bytes that become free."""
        return sum(change.saves for change in self.changes)

    @property
    def quarantines(self) -> list[str]:
        """The folders that files are moved into."""
        return sorted(
            {
                os.path.join(change.to.partition(f"{os.sep}{self.id}{os.sep}")[0], self.id)
                for change in self.changes
                if change.to is not None
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "plan": self.id,
            "version": VERSION,
            "made_at": self.made_at,
            "library": self.library,
            "action": self.action,
            "policy": self.policy,
            "relations": [relation.value for relation in self.relations],
            "namespace": self.namespace,
            "files": len(self.changes),
            "bytes_saved": self.saves,
            "groups": [_group_dict(group) for group in self.groups],
            "left": [{"path": left.path, "why": left.why} for left in self.left],
        }


def _group_dict(group: PlannedGroup) -> dict[str, Any]:
    return {
        "group": group.id,
        "relation": group.relation.value,
        "keeper": {
            "photo_id": group.keeper_id,
            "path": group.keeper,
            "reasons": list(group.reasons),
        },
        "changes": [
            {
                "photo_id": change.photo_id,
                "path": change.path,
                "to": change.to,
                "size": change.size,
                "saves": change.saves,
                "relation": change.relation.value,
                "reasons": list(change.reasons),
                "sidecars": [
                    {"path": sidecar.path, "sha256": sidecar.sha256, "to": sidecar.to}
                    for sidecar in change.sidecars
                ],
            }
            for change in group.changes
        ],
        "carry": None
        if group.carry is None
        else {"sidecar": group.carry.sidecar, **group.carry.tags.to_dict()},
    }


def check_target(path: str | PathLike[str], *, force: bool = False) -> None:
    """Raise unless a plan may be written to `path`.

    Raises
    ------
    UsageError
        Something else is there, or there is no such folder.
    """
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise UsageError(f"{path} cannot be written: there is no folder {folder}.")
    if force or not os.path.lexists(path) or (os.path.isfile(path) and not os.path.getsize(path)):
        return
    try:
        read_plan(path)
    except PlanError as exc:
        raise UsageError(
            f"{path} is there already and is not a plan; --force replaces it."
        ) from exc


def write_plan(plan: Plan, path: str | PathLike[str]) -> None:
    """Write a plan, whole or not at all.

    Raises
    ------
    PlanError
        The file system refuses.
    """
    text = json.dumps(plan.to_dict(), ensure_ascii=False, indent=1) + "\n"
    part = Path(f"{os.fspath(path)}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    except OSError as exc:
        part.unlink(missing_ok=True)
        raise PlanError(f"{path} cannot be written: {exc.strerror}.", path=str(path)) from exc


def read_plan(path: str | PathLike[str]) -> Plan:
    """Read a plan, and see that it can be followed.

    Raises
    ------
    PlanError
        It cannot be read, is no plan, was written by a newer safelight, or would change a file that
        it also keeps.
    """
    try:
        found = parse_json(read_bytes(path, limit=LARGE_TEXT), max_bytes=LARGE_TEXT)
    except OSError as exc:
        raise PlanError(f"{path} cannot be read: {exc.strerror}.", path=str(path)) from exc
    except ValueError as exc:
        raise PlanError(f"{path} is no plan: {exc}.", path=str(path)) from exc
    if not isinstance(found, dict) or "plan" not in found or "groups" not in found:
        raise PlanError(
            f"{path} is no plan. Make one with `safelight plan duplicates -o {path}`.",
            path=str(path),
        )
    if found.get("version") != VERSION:
        raise PlanError(
            f"{path} is a plan of version {found.get('version')}; this safelight knows {VERSION}. "
            "Make it anew, or update safelight.",
            path=str(path),
        )
    try:
        plan = _from_dict(found)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise PlanError(
            f"{path} is damaged ({type(exc).__name__}: {exc}). Make the plan anew.", path=str(path)
        ) from exc
    check(plan)
    return plan


def check(plan: Plan) -> None:
    """Raise unless each file of a plan is either kept or changed once, and what it says is usable.

    Raises
    ------
    PlanError
        It must not be followed.
    """
    if plan.action not in ACTIONS:
        raise PlanError(f"The plan's action {plan.action!r} is none of: {', '.join(ACTIONS)}.")
    if _ID.fullmatch(plan.id) is None:
        raise PlanError(f"The plan's id {plan.id!r} is not one that safelight gives.")
    kept = {group.keeper for group in plan.groups}
    seen: set[str] = set()
    for group in plan.groups:
        if group.relation in KEPT_TOGETHER:
            raise PlanError(f"Group {group.id} belongs together ({group.relation}); nothing goes.")
        for change in group.changes:
            if change.path in kept:
                raise PlanError(f"The plan both keeps and changes {change.path}. Make it anew.")
            if change.path in seen:
                raise PlanError(f"The plan changes {change.path} twice. Make it anew.")
            seen.add(change.path)
            if change.relation in KEPT_TOGETHER:
                raise PlanError(f"{change.path} belongs together with {group.keeper}; it stays.")
            if plan.action == "quarantine" and change.to is None:
                raise PlanError(f"The plan does not say where to move {change.path}.")
            for path in (change.path, change.to, *(each.path for each in change.sidecars)):
                if path is not None and not os.path.isabs(path):
                    raise PlanError(f"The plan's path {path} is not absolute.")
        for sha256 in (group.keeper_id, *(change.photo_id for change in group.changes)):
            if _SHA256.fullmatch(sha256) is None:
                raise PlanError(f"The plan's photo id {sha256!r} is no sha256.")


def _from_dict(found: dict[str, Any]) -> Plan:
    return Plan(
        id=str(found["plan"]),
        made_at=str(found["made_at"]),
        library=str(found["library"]),
        action=str(found["action"]),
        policy=str(found["policy"]),
        relations=tuple(Relation(each) for each in found["relations"]),
        namespace=found["namespace"],
        groups=tuple(_group_from(each) for each in found["groups"]),
        left=tuple(Left(each["path"], each["why"]) for each in found.get("left", ())),
    )


def _group_from(found: dict[str, Any]) -> PlannedGroup:
    carry = found.get("carry")
    return PlannedGroup(
        id=str(found["group"]),
        relation=Relation(found["relation"]),
        keeper_id=str(found["keeper"]["photo_id"]),
        keeper=str(found["keeper"]["path"]),
        reasons=tuple(found["keeper"].get("reasons", ())),
        changes=tuple(_change_from(each) for each in found["changes"]),
        carry=None if carry is None else Carry(str(carry["sidecar"]), Tags.from_dict(carry)),
    )


def _change_from(found: dict[str, Any]) -> Change:
    return Change(
        photo_id=str(found["photo_id"]),
        path=str(found["path"]),
        size=int(found["size"]),
        saves=int(found["saves"]),
        relation=Relation(found["relation"]),
        reasons=tuple(found.get("reasons", ())),
        to=found["to"],
        sidecars=tuple(
            Sidecar(str(each["path"]), str(each["sha256"]), each["to"])
            for each in found.get("sidecars", ())
        ),
    )
