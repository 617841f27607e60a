"""Vectors of clients, and answers of the vector calls."""

from __future__ import annotations

from safelight.schemas.base import Answer


class Vector(Answer):
    """A vector, a photo or a text."""

    id: str
    embedding: tuple[float, ...] | None = None
    metadata: dict[str, str]
    created_at: str
    updated_at: str


class VectorScore(Answer):
    """A vector, and how near it is: the cosine."""

    vector: Vector
    score: float


class Matches(Answer):
    """The answer to `text`."""

    matches: tuple[VectorScore, ...]


class Result(Answer):
    """One result of `query`."""

    id: str
    text: str
    author: str
    year: str
    tags: tuple[str, ...]
    score: float


class Results(Answer):
    """The answer to `query`."""

    results: tuple[Result, ...]
    total: int


class VectorMetadata(Answer):
    """A vector without its numbers."""

    id: str
    length: int
    metadata: dict[str, str]
    created_at: str
    updated_at: str


class VectorCount(Answer):
    """Number of vectors, photos and texts together."""

    count: int


class EmbedderStats(Answer):
    """The model."""

    type: str
    model: str
    dimension: int
    device: str
    fingerprint: str
