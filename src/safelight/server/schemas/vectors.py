"""Bodies of the vector calls, as clients of older servers of this kind know them.

The names of fields are matched whatever their case, and fields that are not known are passed over.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from safelight.server.vector_search import as_text

_MOST = 1000

#: Within what a number of single precision can hold.
Numbers = Annotated[
    list[Annotated[float, Field(strict=True, ge=-1e30, le=1e30, allow_inf_nan=False)]],
    Field(min_length=1, max_length=4096),
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
    Field(max_length=200),
]


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _whatever_case(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {
            name.lower() if isinstance(name, str) else name: each for name, each in given.items()
        }


class VectorBody(_Loose):
    """A vector to be kept."""

    id: str | None = Field(default=None, max_length=200, description="A new one if not given.")
    embedding: Numbers
    metadata: Metadata = Field(default_factory=dict)
    namespace: str | None = Field(default=None, max_length=200)


class EmbedBody(_Loose):
    """A text to be embedded and kept."""

    text: str = Field(min_length=1, max_length=100_000)
    author: str = Field(default="", max_length=1000)
    metadata: Metadata = Field(default_factory=dict)
    namespace: str | None = Field(default=None, max_length=200)


class _Searching(_Loose):
    top_k: Top | None = Field(default=None, description="How many; also `top_K` and `limit`.")
    limit: Top | None = Field(default=None, description="The same as `top_k`.")
    namespace: str | None = Field(default=None, max_length=200, description="Empty: all.")

    @property
    def top(self) -> int:
        """Maximum number of matches."""
        return self.top_k or self.limit or 10


Filters = Annotated[
    list[Any] | dict[str, Any] | None,
    Field(
        description='`[{"field", "operator", "value"}]`, `{"field": {"op": value}}` or '
        '`{"field": value}`.',
        examples=[{"label": "landscape"}],
    ),
]


class VectorSearch(_Searching):
    """A vector to look for."""

    embedding: Numbers
    filters: Filters = None
    metadata_filters: Filters = None
    options: dict[str, Any] | None = None


class TextSearch(_Searching):
    """Words to look for: as `text`, or as `query` for the other form of answer."""

    text: str | None = Field(default=None, max_length=4000, examples=["a sunset over the ocean"])
    query: str | None = Field(default=None, max_length=4000)
    filters: Filters = None
    metadata_filters: Filters = None
    return_embedding: bool = False
    options: dict[str, Any] | None = None
