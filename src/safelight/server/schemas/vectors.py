"""Bodies of the vector calls, as clients of older servers of this kind know them.

The names of fields are matched whatever their case.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from safelight.server.vector_search import as_text

_MOST = 1000

#: Within what a number of single precision can hold.
Numbers = Annotated[
    list[Annotated[float, Field(strict=True, ge=-1e30, le=1e30, allow_inf_nan=False)]],
    Field(
        min_length=1,
        max_length=4096,
        description="The numbers of the vector; their length does not matter, only the direction.",
        examples=[[0.6, 0.8]],
    ),
]

Top = Annotated[int, Field(ge=1, le=_MOST)]


def _texts(given: object) -> object:
    if not isinstance(given, dict):
        return given
    return {
        name: as_text(value) if isinstance(value, str | int | float | bool) else value
        for name, value in given.items()
        if value is not None
    }


Metadata = Annotated[
    dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=100_000)]],
    BeforeValidator(_texts),
    Field(
        max_length=200,
        description="Metadata, by name; other values than texts are stored as texts.",
        examples=[{"author": "me"}],
    ),
]


class _Loose(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _whatever_case(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        found = {
            name.lower() if isinstance(name, str) else name: each for name, each in given.items()
        }
        if len(found) < len(given):
            raise _wrong("has a field twice, in upper and lower case")
        return found


def _wrong(reason: str) -> PydanticCustomError:
    return PydanticCustomError("not_possible", reason)


def _filters(given: object) -> object:
    if given is not None and not isinstance(given, list | dict):
        raise _wrong("should be a list of conditions, or an object with names and values")
    return given


class VectorBody(_Loose):
    """A vector to be kept."""

    id: str | None = Field(
        default=None,
        max_length=200,
        description="Id of the vector; a new one if not given.",
        examples=["sunset-1"],
    )
    embedding: Numbers
    metadata: Metadata = Field(default_factory=dict)
    namespace: str | None = Field(
        default=None,
        max_length=200,
        description="Namespace for the vector; the server's own if not given.",
        examples=["default"],
    )


class EmbedBody(_Loose):
    """A text to be embedded and kept."""

    text: str = Field(
        min_length=1, max_length=100_000, description="The text.", examples=["the sea at night"]
    )
    author: str = Field(default="", max_length=1000, description="Who wrote it.", examples=["me"])
    metadata: Metadata = Field(default_factory=dict)
    namespace: str | None = Field(
        default=None,
        max_length=200,
        description="Namespace for the vector; the server's own if not given.",
        examples=["default"],
    )


class _Searching(_Loose):
    top_k: Top | None = Field(
        default=None,
        description="Most matches of the answer; also `top_K` and `limit`. 10 if not given.",
        examples=[5],
    )
    limit: Top | None = Field(default=None, description="The same as `top_k`.", examples=[5])
    namespace: str | None = Field(
        default=None,
        max_length=200,
        description="Only this namespace; all that the token allows if empty.",
        examples=["default"],
    )

    @model_validator(mode="after")
    def _once(self) -> Self:
        given = self.model_fields_set
        for names in (("top_k", "limit"), ("filters", "metadata_filters"), ("text", "query")):
            values = [getattr(self, name) for name in names if name in given]
            if len(values) == 2 and None not in values and values[0] != values[1]:
                raise _wrong(f"has `{names[0]}` and `{names[1]}`, which mean the same: send one")
        return self

    @property
    def top(self) -> int:
        """Maximum number of matches."""
        return self.top_k or self.limit or 10


Filters = Annotated[
    list[dict[str, Any]] | dict[str, Any] | None,
    BeforeValidator(_filters),
    Field(
        description='Conditions on metadata: `[{"field", "operator", "value"}]`, '
        '`{"field": {"op": value}}` or `{"field": value}`.',
        examples=[{"label": "landscape"}],
    ),
]


class HybridWeight(_Loose):
    """Shares of vector and metadata in a score."""

    vector: float = Field(
        default=0.0, ge=0, le=1, description="Share of the cosine.", examples=[0.7]
    )
    metadata: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of the metadata, which every result has.",
        examples=[0.3],
    )


class VectorOptions(_Loose):
    """Further options of a search by vector."""

    return_embedding: bool | None = Field(
        default=None, description="False: without the numbers of each match.", examples=[False]
    )


class TextOptions(_Loose):
    """Further options of a search by words."""

    return_embedding: bool | None = Field(
        default=None, description="Also the numbers of each match.", examples=[False]
    )
    hybrid_weight: HybridWeight | None = Field(
        default=None, description="How the scores of `results` are made; the cosine if null."
    )


class VectorSearch(_Searching):
    """A vector to look for."""

    embedding: Numbers
    filters: Filters = None
    metadata_filters: Filters = None
    options: VectorOptions | None = Field(default=None, description="Further options.")


class TextSearch(_Searching):
    """Words to look for: as `text`, or as `query` for the other form of answer."""

    text: str | None = Field(
        default=None,
        max_length=4000,
        description="Words to search for; the answer is `matches`.",
        examples=["a sunset over the ocean"],
    )
    query: str | None = Field(
        default=None,
        max_length=4000,
        description="Words to search for; the answer is `results`.",
        examples=["a sunset over the ocean"],
    )
    filters: Filters = None
    metadata_filters: Filters = None
    return_embedding: bool = Field(
        default=False, description="Also the numbers of each match.", examples=[False]
    )
    options: TextOptions | None = Field(default=None, description="Further options.")

    @property
    def with_embedding(self) -> bool:
        """True if each match has its numbers."""
        return self.return_embedding or bool(self.options and self.options.return_embedding)
