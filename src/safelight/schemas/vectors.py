"""Vectors of clients, and answers of the vector calls."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from safelight.schemas.base import Answer

VectorName = Annotated[
    str,
    Field(
        description="Id of the vector: as given, or the id of a photo or text.",
        examples=["sunset-1"],
    ),
]

VectorMetadataValues = Annotated[
    dict[str, str],
    Field(description="Metadata, by name.", examples=[{"author": "me", "namespace": "default"}]),
]

# The documents that these shapes come from have no word on zones; ours are UTC.
CreatedAt = Annotated[
    str,
    Field(
        description="When it was stored first, UTC.",
        examples=["2026-11-28T09:30:00.000+00:00"],
        json_schema_extra={"format": "date-time"},
    ),
]
UpdatedAt = Annotated[
    str,
    Field(
        description="When it was stored last, UTC.",
        examples=["2026-11-28T09:30:00.000+00:00"],
        json_schema_extra={"format": "date-time"},
    ),
]


class Vector(Answer):
    """A vector, a photo or a text."""

    # The documents leave the numbers out where they were not asked for.
    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    id: VectorName
    embedding: tuple[float, ...] | None = Field(
        default=None,
        description="The numbers, of length one; absent where they were not asked for.",
        examples=[[0.6, 0.8]],
    )
    metadata: VectorMetadataValues
    created_at: CreatedAt
    updated_at: UpdatedAt


class VectorScore(Answer):
    """A vector, and how near it is: the cosine."""

    vector: Vector = Field(description="The vector.")
    score: float = Field(description="Cosine of the query and the vector.", examples=[0.83])


class MatchList(Answer):
    """The answer to `text`."""

    matches: tuple[VectorScore, ...] = Field(description="The matches, the nearest first.")


class Result(Answer):
    """One result of `query`."""

    id: VectorName
    text: str = Field(
        description="The text, or the name of the photo's file.", examples=["the sea"]
    )
    author: str = Field(description="From the metadata; empty if there is none.", examples=["me"])
    year: str = Field(
        description="From the metadata, or the year in which the photo was taken; may be empty.",
        examples=["2024"],
    )
    tags: tuple[str, ...] = Field(
        description="Tags or labels from the metadata.", examples=[["sea", "blue"]]
    )
    score: float = Field(
        description="Cosine of the query and the item, weighted by `hybrid_weight`.",
        examples=[0.83],
    )


class ResultList(Answer):
    """The answer to `query`."""

    results: tuple[Result, ...] = Field(description="The results, the nearest first.")
    total: int = Field(description="Number of results in this answer.", examples=[10])


class VectorSummary(Answer):
    """A vector without its numbers."""

    id: VectorName
    length: int = Field(description="How many numbers the vector has.", examples=[512])
    metadata: VectorMetadataValues
    created_at: CreatedAt
    updated_at: UpdatedAt


class VectorCount(Answer):
    """Number of vectors, photos and texts together."""

    count: int = Field(description="How many there are.", examples=[542])


class EmbedderStats(Answer):
    """The model."""

    type: str = Field(description="Kind of the model.", examples=["clip"])
    model: str = Field(description="Name of the model.", examples=["ViT-B-32/openai"])
    dimension: int = Field(description="How many numbers its vectors have.", examples=[512])
    device: str = Field(description="Where it runs.", examples=["cpu"])
    fingerprint: str = Field(
        description="Digest of weights, preprocessing and tokenizer: vectors of one fingerprint "
        "can be compared.",
        examples=["5d41402abc4b2a76"],
    )
