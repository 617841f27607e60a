"""Sources: listed, moved, forgotten."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from safelight.schemas.base import Answer, FilePath, Listed, Moment, NamespaceName


class Source(Answer):
    """A source, and what is known about its files."""

    namespace: str = Field(description="Namespace of its files.", examples=["default"])
    source: str = Field(
        description="The source as it was ingested.", examples=["images:/home/me/Pictures"]
    )
    there: bool = Field(description="True: its folder or file is there now.", examples=[True])
    files: int | None = Field(
        description="Files of a folder, a file of texts or a photo; null of a list.",
        examples=[542],
    )
    missing: int | None = Field(description="Files that are missing; null of a list.", examples=[0])
    excluded: int | None = Field(
        description="Files that are excluded now; null of a list.", examples=[3]
    )
    ingested_at: Moment | None = Field(
        description="When its last ingest ended, UTC; null if none has."
    )
    options: dict[str, Any] = Field(
        description="Options of its last ingest, by name.", examples=[{"recursive": True}]
    )


class SourceList(Listed):
    """A page of the sources, in the order of their coming."""

    sources: tuple[Source, ...] = Field(description="The sources.")

    @property
    def items(self) -> tuple[Source, ...]:
        """The sources."""
        return self.sources


class Failure(Answer):
    """A file that could not be ingested."""

    path: FilePath
    namespace: NamespaceName
    code: str = Field(description="Why, for programs.", examples=["not-an-image"])
    reason: str = Field(description="Why, for people.", examples=["is not an image"])
    failed_at: Moment = Field(description="When it was tried last, UTC.")


class FailureList(Listed):
    """A page of the files that could not be ingested."""

    failures: tuple[Failure, ...] = Field(description="The files.")

    @property
    def items(self) -> tuple[Failure, ...]:
        """The files."""
        return self.failures


class Moved(Answer):
    """Outcome of a move, in numbers of files."""

    old: str = Field(description="The path before.", examples=["/media/old"])
    new: str = Field(description="The path now.", examples=["/media/new"])
    dry_run: bool = Field(description="True: nothing was changed.", examples=[False])
    files: int = Field(description="Files that are at their new path.", examples=[542])
    missing: int = Field(description="Files that are not there.", examples=[0])
    changed: int = Field(
        description="Files with another content now; the next ingest reads them.", examples=[1]
    )
    sources: tuple[str, ...] = Field(
        description="Sources that follow, as they are called now.",
        examples=[["images:/media/new"]],
    )


class Forgotten(Answer):
    """Counts of forgotten rows; null for a token of some namespaces, which others may share."""

    dry_run: bool = Field(description="True: nothing was changed.", examples=[False])
    files: int = Field(description="Files that were forgotten.", examples=[12])
    sources: int = Field(description="Sources that were forgotten.", examples=[1])
    client_vectors: int = Field(description="Vectors of clients that were forgotten.", examples=[0])
    label_sets: int = Field(description="Label sets that were forgotten.", examples=[0])
    photos: int | None = Field(description="Photos without a file left.", examples=[12])
    texts: int | None = Field(description="Texts without a place left.", examples=[0])
    vectors: int | None = Field(description="Vectors of these photos and texts.", examples=[12])
    scores: int | None = Field(description="Scores of these photos.", examples=[72])
    labelled: int | None = Field(description="Photos whose labels went.", examples=[12])
    hashes: int | None = Field(description="Perceptual hashes of these photos.", examples=[12])
    edges: int | None = Field(description="Relations of these photos.", examples=[4])
    features: int | None = Field(description="Cached features of these photos.", examples=[12])
    decisions: int | None = Field(description="Decisions about these photos.", examples=[0])
    returning: tuple[str, ...] = Field(
        description="Sources that stay, and whose next ingest brings forgotten files back.",
        examples=[["images:/home/me/Pictures"]],
    )
