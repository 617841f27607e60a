"""Plan of file operations on duplicates, written down before anything is done.

It is a JSON file for people to read and to shorten: a group or a change that is taken out of it
does not happen. Each file has its content's sha256 in it, which it is verified by.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.duplicates.model import KEPT_TOGETHER, STRICT, Relation
from safelight.errors import PlanError, UsageError
from safelight.files import LARGE_TEXT, read_bytes
from safelight.files.atomic import write_safely
from safelight.files.bounded_json import JsonError, parse_json
from safelight.files.names import folded
from safelight.files.packages import QUARANTINE
from safelight.files.refusals import described
from safelight.imaging.targets import check_replaceable
from safelight.metadata.tags import Tags

if TYPE_CHECKING:
    from os import PathLike

VERSION = 1

#: What can be done with a file: moved into a folder, replaced by a hard link to the file that is
#: kept, moved into the system's trash.
ACTIONS = ("quarantine", "hardlink", "trash")

#: Relations that a plan goes by unless others are named: the same picture, whole and as it was.
DEFAULT_RELATIONS = STRICT - {Relation.CROPPED, Relation.EDITED}

_ID = re.compile(r"[0-9a-z][0-9a-z-]{3,40}")
_GROUP = re.compile(r"[0-9a-z-]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A sidecar that goes where its photo goes."""

    path: str
    sha256: str
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One file to move, or to replace by a link.

    Attributes
    ----------
    photo_id, path : str
    size, saves : int
        Bytes of the file, and those that become free with it and its sidecars, at the latest when
        the quarantine is deleted: none while another hard link holds them.
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
    """Tags that only the other photos have, to be written into the keeper's sidecar."""

    sidecar: str
    tags: Tags


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """Planned changes of one group."""

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
    """Plan of file operations for the duplicates of a library."""

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
        Something else is there, or there is no such folder. By force all is replaced but photos,
        libraries, and anything that is not a file.
    """
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise UsageError(f"{path} cannot be written: there is no folder {folder}.")
    check_replaceable(path, "a plan")
    if force or not os.path.lexists(path) or (os.path.isfile(path) and not os.path.getsize(path)):
        return
    try:
        read_plan(path)
    except PlanError as exc:
        raise UsageError(f"{path} is there already and is not a plan.", hint="force") from exc


def write_plan(plan: Plan, path: str | PathLike[str]) -> None:
    """Write a plan, whole or not at all.

    Raises
    ------
    PlanError
        The file system refuses.
    """
    # A path that is not UTF-8 is written with escapes.
    try:
        data = json.dumps(plan.to_dict(), ensure_ascii=False, indent=1).encode()
    except UnicodeEncodeError:
        data = json.dumps(plan.to_dict(), indent=1).encode()
    try:
        write_safely(Path(path), data + b"\n")
    except OSError as exc:
        raise PlanError(f"{path} cannot be written: {described(exc)}.", path=str(path)) from exc


def read_plan(path: str | PathLike[str]) -> Plan:
    """Read a plan, and see that it can be followed.

    Raises
    ------
    PlanError
        It cannot be read, is not a plan, was written by a newer safelight, or must not be followed.
    """
    try:
        found = parse_json(read_bytes(path, limit=LARGE_TEXT), max_bytes=LARGE_TEXT, strict=True)
    except OSError as exc:
        raise PlanError(f"{path} cannot be read: {described(exc)}.", path=str(path)) from exc
    except JsonError as exc:
        raise PlanError(f"{path} is not a plan: {exc}.", path=str(path)) from exc
    if not isinstance(found, dict) or "plan" not in found or "groups" not in found:
        raise PlanError(
            f"{path} is not a plan. Make one with `safelight plan duplicates -o {path}`.",
            path=str(path),
        )
    if type(found.get("version")) is not int or found["version"] != VERSION:
        raise PlanError(
            f"{path} is a plan of version {str(found.get('version'))[:40]}; this safelight "
            f"knows {VERSION}. "
            "Make it again, or update safelight.",
            path=str(path),
        )
    try:
        plan = _from_dict(found)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as exc:
        raise PlanError(
            f"{path} is damaged ({type(exc).__name__}: {str(exc)[:200]}). Make the plan again.",
            path=str(path),
        ) from exc
    check(plan)
    return plan


def place_in(folder: str, path: str) -> str:
    """Return where a file is moved in a folder that takes files from everywhere.

    Its whole path is repeated there, with a drive, or a server and its share, as one folder.
    """
    drive, rest = os.path.splitdrive(path)
    inside = re.sub(r"[^\w-]+", "_", drive).strip("_")
    return os.path.join(folder, inside, rest.lstrip("\\/" if os.sep == "\\" else "/"))


def check(plan: Plan) -> None:
    """Raise unless each file of a plan is either kept or changed once, and goes where plans move.

    Raises
    ------
    PlanError
        It must not be followed.
    """
    if plan.action not in ACTIONS:
        raise PlanError(
            f"Unknown action {plan.action!r} in the plan. Choose from: {', '.join(ACTIONS)}."
        )
    if _ID.fullmatch(plan.id) is None:
        raise PlanError(f"The plan's id {plan.id!r} is not one that safelight gives.")
    kept = {group.keeper for group in plan.groups}
    changed: set[str] = set()
    moved: list[tuple[str, str | None]] = []
    for group in plan.groups:
        if _GROUP.fullmatch(group.id) is None:
            raise PlanError(f"The plan's group {group.id!r} is not one that safelight finds.")
        if group.relation in KEPT_TOGETHER:
            raise PlanError(f"Group {group.id} belongs together ({group.relation}); nothing goes.")
        for change in group.changes:
            if change.relation in KEPT_TOGETHER:
                raise PlanError(f"{change.path} belongs together with {group.keeper}; it stays.")
            moves = [(change.path, change.to)]
            moves += [(sidecar.path, sidecar.to) for sidecar in change.sidecars]
            moved += moves
            for path, _ in moves:
                if path in kept:
                    raise PlanError(f"The plan both keeps and changes {path}. Make it again.")
                if path in changed:
                    raise PlanError(f"The plan changes {path} twice. Make it again.")
                changed.add(path)
        for sha256 in (
            group.keeper_id,
            *(change.photo_id for change in group.changes),
            *(sidecar.sha256 for change in group.changes for sidecar in change.sidecars),
        ):
            if _SHA256.fullmatch(sha256) is None:
                raise PlanError(f"The plan's photo id {sha256!r} is not a sha256.")
        for path in (group.keeper, *([group.carry.sidecar] if group.carry else ())):
            _check_path(path)
    _check_targets(plan, kept, moved)


def _check_targets(plan: Plan, kept: set[str], moved: list[tuple[str, str | None]]) -> None:
    """Raise unless every file goes to a place of its own, in a folder of this plan's."""
    # As a disk may see it that knows no case, or only one form of accents.
    taken = {folded(path) for path in (*kept, *(path for path, _ in moved))}
    for path, to in moved:
        _check_path(path)
        if plan.action != "quarantine":
            if to is not None:
                raise PlanError(f"The plan moves {path}, which {plan.action} does not.")
            continue
        if to is None:
            raise PlanError(f"The plan does not say where to move {path}.")
        _check_path(to)
        if folded(to) in taken:
            raise PlanError(f"The plan moves {path} to {to}, which is taken. Make it again.")
        taken.add(folded(to))
        if not _is_place(plan.id, path, to):
            raise PlanError(f"The plan moves {path} to {to}, which is not a place in a quarantine.")


def _is_place(plan_id: str, path: str, to: str) -> bool:
    before, found, inside = to.partition(f"{os.sep}{plan_id}{os.sep}")
    if not found:
        return False
    if to == place_in(os.path.join(before, plan_id), path):
        return True
    root, name = os.path.split(before)
    return name == QUARANTINE and os.path.join(root, inside) == path


def _check_path(path: str) -> None:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise PlanError(f"The plan's path {path!r} cannot be a path.") from None
    if "\0" in path:
        raise PlanError(f"The plan's path {path!r} cannot be a path.")
    if not os.path.isabs(path):
        raise PlanError(f"The plan's path {path} is not absolute.")
    if os.path.normpath(path) != path:
        raise PlanError(f"The plan's path {path} is not in its shortest form.")


def _from_dict(found: dict[str, Any]) -> Plan:
    namespace = found["namespace"]
    return Plan(
        id=_text(found["plan"]),
        made_at=_text(found["made_at"]),
        library=_text(found["library"]),
        action=_text(found["action"]),
        policy=_text(found["policy"]),
        relations=tuple(Relation(each) for each in _list(found["relations"])),
        namespace=None if namespace is None else _text(namespace),
        groups=tuple(_group_from(each) for each in _list(found["groups"])),
        left=tuple(
            Left(_text(each["path"]), _text(each["why"])) for each in _list(found.get("left", []))
        ),
    )


def _group_from(found: dict[str, Any]) -> PlannedGroup:
    carry = found.get("carry")
    return PlannedGroup(
        id=_text(found["group"]),
        relation=Relation(found["relation"]),
        keeper_id=_text(found["keeper"]["photo_id"]),
        keeper=_text(found["keeper"]["path"]),
        reasons=_texts(found["keeper"].get("reasons", [])),
        changes=tuple(_change_from(each) for each in _list(found["changes"])),
        carry=None if carry is None else Carry(_text(carry["sidecar"]), Tags.from_dict(carry)),
    )


def _change_from(found: dict[str, Any]) -> Change:
    return Change(
        photo_id=_text(found["photo_id"]),
        path=_text(found["path"]),
        size=_count(found["size"]),
        saves=_count(found["saves"]),
        relation=Relation(found["relation"]),
        reasons=_texts(found.get("reasons", [])),
        to=None if found["to"] is None else _text(found["to"]),
        sidecars=tuple(
            Sidecar(
                _text(each["path"]),
                _text(each["sha256"]),
                None if each["to"] is None else _text(each["to"]),
            )
            for each in _list(found.get("sidecars", []))
        ),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:40]!r} is not text")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(each) for each in _list(value))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{str(value)[:40]!r} is not a list")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError(f"{str(value)[:40]} is not a number of bytes")
    return value
