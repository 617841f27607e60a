"""JSON bodies of requests and answers. The names are part of the API: they never change."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from safelight.server.schemas import forms

PhotoId = Annotated[str, Path(pattern=forms.PHOTO, description="sha256 of the photo's bytes, hex.")]

Day = Annotated[str, Field(pattern=forms.DAY, examples=["2024-07-31"])]
Namespace = Annotated[str, Field(min_length=1, max_length=200)]
NamespaceQuery = Annotated[
    str | None, Query(max_length=200, description="Only files of it; of all if not given.")
]


class Given(BaseModel):
    """A request; a field that is not known is an error, not passed over."""

    model_config = ConfigDict(extra="forbid")


class ImageSearch(Given):
    """A search; `query` has the grammar of `safelight search`."""

    query: str | None = Field(default=None, max_length=4000, examples=["beach + sunset - people"])
    photo_id: str | None = Field(
        default=None, pattern=forms.PHOTO_START, description="More like this photo."
    )
    plus: list[Annotated[str, Field(max_length=1000)]] = Field(default=[], max_length=32)
    minus: list[Annotated[str, Field(max_length=1000)]] = Field(default=[], max_length=32)
    namespace: Namespace | None = None
    camera: str | None = Field(default=None, min_length=1, max_length=200)
    label: str | None = Field(default=None, min_length=1, max_length=200)
    taken_from: Day | None = Field(default=None, alias="from")
    taken_to: Day | None = Field(default=None, alias="to")
    min: dict[str, float] = Field(default={}, max_length=32, examples=[{"focus": 0.6}])
    sort: str | None = Field(
        default=None,
        pattern=forms.ORDER,
        description="In which order the nearest come: `taken`, `added` or `score:METRIC`, with a "
        "minus the last, or best, first. The nearest first if not given.",
        examples=["-score:focus"],
    )
    limit: int = Field(default=200, ge=1, le=1000)
    min_score: float | None = Field(default=None, ge=-1, le=1)
    expand: bool = Field(
        default=False, description="Each photo of a stack is a hit; else the best, with a count."
    )


class Ingest(Given):
    """Request to ingest a source."""

    source: str = Field(min_length=1, max_length=4000, examples=["images:/home/me/Pictures"])
    namespace: Namespace | None = None
    recursive: bool = True
    exclude: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=100)
    score: bool = Field(default=False, description="Measure the quality of photos as well.")
    label: bool = Field(default=False, description="Label photos as well.")
    retry_failed: bool = False
    accept_missing: bool = Field(
        default=False, description="Call files missing even if that is most of the source."
    )
