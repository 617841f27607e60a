"""Batches of a run, written down before it starts."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from safelight.errors import SourceError, UsageError
from safelight.ingest.sources.listing import list_photos
from safelight.pipeline.files import read_json, write_json
from safelight.pipeline.messages.batches import output_path
from safelight.pipeline.messages.uris import to_uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from safelight.ingest.sources.entry import Entry
    from safelight.pipeline.paths import PipelinePaths

BATCH_SIZE = 64


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The batches of one run.

    Attributes
    ----------
    batches : sequence of dict
        As the ingest service takes them: ``batch_id``, ``photos``, and ``failures`` of files that
        cannot even be listed.
    options : mapping
        What the run was asked for; JSON-ready.
    """

    batches: Sequence[dict[str, Any]]
    options: Mapping[str, Any]

    @property
    def uris(self) -> set[str]:
        """Every file of the plan, also those that failed."""
        return {
            uri
            for batch in self.batches
            for uri in (
                *(photo["uri"] for photo in batch["photos"]),
                *(failure["original_uri"] for failure in batch.get("failures", ())),
            )
        }


def list_folder(folder: str | os.PathLike[str], exclude: Sequence[str] = ()) -> list[Entry]:
    """Return the entries to ingest from a folder, at any depth, sorted by name.

    Raises
    ------
    SourceError
        There is no such folder.
    """
    require_folder(folder)
    return list(list_photos([os.path.abspath(folder)], exclude))


def require_folder(folder: str | os.PathLike[str]) -> None:
    """Raise if there is no such folder.

    Raises
    ------
    SourceError
    """
    if not os.path.isdir(folder):
        raise SourceError(f"{folder}: there is no such folder.", source=str(folder))


def make_batches(
    entries: Iterable[Entry], places: PipelinePaths, batch_size: int = BATCH_SIZE
) -> list[dict[str, Any]]:
    """Return batches of at most so many photos, as the ingest service takes them.

    Their ids are ``batch_YYYYMMDD_HHMMSS``, of this moment, with ``_001`` and so on if there are
    several. Files that cannot be read are failures of the first.
    """
    photos: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for entry in entries:
        uri = to_uri(entry.path, places.root)
        if entry.code is None:
            photos.append({"uri": uri})
        else:
            reason = f"{uri} {entry.reason}"
            failures.append({"original_uri": uri, "code": entry.code, "reason": reason})
    if not photos and not failures:
        return []
    parts = [photos[at : at + batch_size] for at in range(0, len(photos), batch_size)] or [[]]
    ids = _fresh_ids(places, len(parts))
    batches: list[dict[str, Any]] = [
        {"batch_id": batch_id, "photos": part} for batch_id, part in zip(ids, parts, strict=True)
    ]
    if failures:
        batches[0]["failures"] = failures
    return batches


def plan_path(places: PipelinePaths, folder: str | os.PathLike[str]) -> Path:
    """Return where the plan of an unfinished run over a folder is kept."""
    digest = hashlib.sha256(os.path.realpath(folder).encode("utf-8", "surrogateescape"))
    return places.batches / f"run-{digest.hexdigest()[:16]}.json"


def read_plan(path: Path) -> BatchPlan | None:
    """Return the plan of an unfinished run; None if there is none.

    Raises
    ------
    UsageError
        The file is not a plan.
    """
    try:
        found = read_json(path)
    except FileNotFoundError:
        return None
    batches, options = found.get("batches"), found.get("options")
    if not isinstance(batches, list) or not isinstance(options, dict):
        raise UsageError(f"{path} is not a plan of a run; remove it.", code="bad-plan")
    return BatchPlan(batches, options)


def write_plan(path: Path, plan: BatchPlan) -> None:
    """Keep a plan until its run is finished."""
    write_json(path, {"options": dict(plan.options), "batches": list(plan.batches)})


def _fresh_ids(places: PipelinePaths, count: int) -> list[str]:
    """Return ids that no batch has yet; of a later second, if it must be."""
    moment = datetime.now()
    plans = (read_plan(path) for path in places.batches.glob("run-*.json"))
    planned = {batch["batch_id"] for plan in plans if plan for batch in plan.batches}
    while True:
        ids = list(_ids(moment, count))
        if not any(each in planned or output_path(places, each).exists() for each in ids):
            return ids
        moment += timedelta(seconds=1)


def _ids(moment: datetime, count: int) -> Iterator[str]:
    stem = f"batch_{moment:%Y%m%d_%H%M%S}"
    if count == 1:
        yield stem
        return
    digits = max(3, len(str(count)))
    for number in range(1, count + 1):
        yield f"{stem}_{number:0{digits}}"
