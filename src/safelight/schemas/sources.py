"""Sources: listed, moved, forgotten."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from safelight.schemas.base import Answer


class Source(Answer):
    """A source, and what is known about its files."""

    namespace: str
    source: str
    there: bool = Field(description="Whether its folder or file is there now.")
    files: int | None = Field(description="Of a folder, a file of texts, a photo; null of a list.")
    missing: int | None
    excluded: int | None
    ingested_at: str | None
    options: dict[str, Any] = Field(description="What it was ingested with.")


class Sources(Answer):
    """All sources, in the order of their coming."""

    sources: tuple[Source, ...]


class Moved(Answer):
    """Outcome of a move, in numbers of files."""

    old: str
    new: str
    dry_run: bool
    files: int = Field(description="That are at their new path.")
    missing: int = Field(description="That are not there.")
    changed: int = Field(description="Where another content is; the next ingest reads it.")
    sources: tuple[str, ...] = Field(description="Sources that follow, as they are called now.")


class Forgotten(Answer):
    """Counts of forgotten rows; null for a token of some namespaces, which others may share."""

    dry_run: bool
    files: int
    sources: int
    client_vectors: int
    label_sets: int
    photos: int | None
    texts: int | None
    vectors: int | None
    scores: int | None
    labelled: int | None
    hashes: int | None
    edges: int | None
    features: int | None
    decisions: int | None
    returning: tuple[str, ...] = Field(
        description="Sources that stay, and whose next ingest brings forgotten files back."
    )
