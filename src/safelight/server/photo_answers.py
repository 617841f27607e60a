"""Photos of the library, in the shapes of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safelight import schemas as answers
from safelight.library.listed_fields import Further, read_further
from safelight.schemas.base import local_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.library.attributes.scores import ScoreRecord
    from safelight.library.browse import Card
    from safelight.library.database import Database
    from safelight.library.photos import PhotoFile, PhotoLabel


def cards_of(
    library: Database,
    found: Sequence[Card],
    names: frozenset[str] = frozenset(),
    namespaces: tuple[str, ...] | None = None,
) -> list[answers.Card]:
    """Return cards with the further fields that are named."""
    if not names:
        return [answers.Card(**card_fields(card)) for card in found]
    further = further_fields(library, found, names, namespaces)
    return [answers.Card(**card_fields(card), **further.get(card.key, {})) for card in found]


def card_fields(card: Card, score: float | None = None) -> dict[str, Any]:
    """Return the fields that every photo of a list has."""
    taken_at, taken_offset = local_time(card.taken_at)
    return {
        "photo_id": card.photo_id,
        "path": card.path,
        "name": card.name,
        "namespace": card.namespace,
        "width": card.width,
        "height": card.height,
        "format": card.format,
        "taken_at": taken_at,
        "taken_offset": taken_offset,
        "score": score,
    }


def further_fields(
    library: Database,
    found: Sequence[Card],
    names: frozenset[str],
    namespaces: tuple[str, ...] | None,
) -> dict[int, dict[str, Any]]:
    """Return the further fields of cards, by key."""
    if not names:
        return {}
    further = read_further(library, [card.key for card in found], names, namespaces)
    return {key: _fields(each) for key, each in further.items()}


def _fields(found: Further) -> dict[str, Any]:
    labels, scores, files = found.labels, found.scores, found.files
    return {
        "added_at": found.added_at,
        "size": found.size,
        "labels": None if labels is None else tuple(map(label_of, labels)),
        "scores": None if scores is None else tuple(map(score_of, scores.values())),
        "files": None if files is None else tuple(map(file_of, files)),
        "facts": None if found.facts is None else answers.PhotoFacts.model_validate(found.facts),
    }


def file_of(file: PhotoFile) -> answers.PhotoFile:
    """Return a file of a photo."""
    return answers.PhotoFile(
        path=file.path,
        namespace=file.namespace,
        missing=file.gone,
        metadata=dict(file.metadata),
    )


def label_of(found: PhotoLabel) -> answers.PhotoLabel:
    """Return a label of a photo."""
    return answers.PhotoLabel(
        label=found.label,
        confidence=found.confidence,
        cosine_score=found.cosine_score,
        calibrated=found.calibrated,
        applies=found.applies,
    )


def score_of(found: ScoreRecord) -> answers.PhotoScore:
    """Return a score of a photo."""
    return answers.PhotoScore(
        metric=found.metric,
        score=found.score,
        value=found.value,
        status=answers.ScoreStatus(found.status),
        reason=found.reason,
    )
