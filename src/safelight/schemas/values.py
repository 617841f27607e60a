"""Values that a field can have, named once: relations, actions, states, statuses."""

from __future__ import annotations

from enum import StrEnum

from safelight.duplicates.model import Relation
from safelight.types import ActionState, PlanState

__all__ = [
    "ActionState",
    "ChangeKind",
    "ChangedPart",
    "ComparisonState",
    "DecisionName",
    "HealthStatus",
    "JobKind",
    "JobState",
    "PlanAction",
    "PlanState",
    "Relation",
    "ScoreStatus",
]


class ChangeKind(StrEnum):
    """Kind of a change; a photo whose files are all missing is removed as well."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


class ChangedPart(StrEnum):
    """Part of a photo that changed: its files, its EXIF data, its scores or its labels."""

    FILES = "files"
    FACTS = "facts"
    SCORES = "scores"
    LABELS = "labels"


class HealthStatus(StrEnum):
    """State of the server."""

    HEALTHY = "healthy"


class JobKind(StrEnum):
    """Kind of a job."""

    INGEST = "ingest"
    UPLOAD = "upload"


class JobState(StrEnum):
    """State of a job. `queued` and `running` change; the others are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class ScoreStatus(StrEnum):
    """Outcome of a measurement; `skipped`: the metric means nothing for this photo."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class ComparisonState(StrEnum):
    """State of a list of duplicates; `comparing`: it is not whole yet."""

    READY = "ready"
    COMPARING = "comparing"


class DecisionName(StrEnum):
    """Decision about a group: not duplicates; duplicates that are all kept; dealt with."""

    NOT_DUPLICATES = "not-duplicates"
    KEEP_BOTH = "keep-both"
    RESOLVED = "resolved"


class PlanAction(StrEnum):
    """Operation on a file: move to a quarantine, link to the keeper, or trash."""

    QUARANTINE = "quarantine"
    HARDLINK = "hardlink"
    TRASH = "trash"
