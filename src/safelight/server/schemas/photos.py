"""JSON bodies of requests and answers. The names are part of the API: they never change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from safelight.library.cursors import LONGEST
from safelight.library.listed_fields import FIELDS
from safelight.server import forms

PhotoId = Annotated[
    str,
    Path(
        pattern=forms.PHOTO,
        description="Id of the photo: the sha256 of its bytes, in hex.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    ),
]

Day = Annotated[str, Field(pattern=forms.DAY)]
Weight = Annotated[float, Field(ge=-1000, le=1000)]
Namespace = Annotated[str, Field(min_length=1, max_length=200)]
NamespaceQuery = Annotated[
    str | None,
    Query(
        max_length=200,
        description="Only files of this namespace; of all that the token allows if not given.",
        examples=["default"],
    ),
]


CursorQuery = Annotated[
    str | None,
    Query(
        max_length=LONGEST,
        description="Where the list goes on: `next` of the page before, sent with the same "
        "filters. The first page if it is not given.",
        examples=["dCqV8sDX5kFsWyI1ZjFkN2E4NGQwYzJiOWU2IiwxMDBd"],
    ),
]
LimitQuery = Annotated[
    int, Query(ge=1, le=1000, description="Most items of a page.", examples=[100])
]
FieldsQuery = Annotated[
    Sequence[str],
    Query(
        max_length=50,
        description="Further fields of each photo, several with commas between them: "
        f"{', '.join(FIELDS)}.",
        examples=[["labels,scores", "added_at"]],
    ),
]


class Given(BaseModel):
    """A request; a field that is not known is an error, not passed over."""

    # A text is not taken for a number, as the document says; enumerations arrive as texts.
    model_config = ConfigDict(extra="forbid", strict=True)


class PhotoIds(Given):
    """Request for photos by their ids."""

    ids: list[Annotated[str, Field(pattern=forms.PHOTO)]] = Field(
        min_length=1,
        max_length=1000,
        description="Ids of photos: the sha256 of their bytes, in hex.",
        examples=[["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]],
    )
    fields: list[Annotated[str, Field(max_length=200)]] = Field(
        default=[],
        max_length=50,
        description=f"Further fields of each photo: {', '.join(FIELDS)}.",
        examples=[["labels", "scores"]],
    )
    namespace: Namespace | None = Field(
        default=None,
        description="Only photos of this namespace; of all that the token allows if null.",
        examples=["default"],
    )


class PhotoSearch(Given):
    """A search; `query` has the grammar of `safelight search`."""

    query: str | None = Field(
        default=None,
        max_length=4000,
        description="Words to search for, in the grammar of `safelight search`.",
        examples=["beach + sunset - people"],
    )
    photo_id: str | None = Field(
        default=None,
        pattern=forms.PHOTO_START,
        description="Id of a photo, or how it begins: more like this photo.",
        examples=["9f86d081884c7d65"],
    )
    like: list[Annotated[str, Field(pattern=forms.LIKE)]] = Field(
        default=[],
        max_length=32,
        description="More like these photos: ids, or how they begin, each with a weight behind a "
        "colon if not 1.",
        examples=[["9f86d081884c7d65", "2c26b46b68ffc68f:0.5"]],
    )
    weights: list[Weight] = Field(
        default=[],
        max_length=32,
        description="A weight for each photo that is sent, in their order; 1 if not given. Below "
        "0, photos like it are avoided.",
        examples=[[1.0, 0.5]],
    )
    plus: list[Annotated[str, Field(max_length=1000)]] = Field(
        default=[],
        max_length=32,
        description="Further terms, each with a weight behind a colon if not 1.",
        examples=[["sunset:0.5"]],
    )
    minus: list[Annotated[str, Field(max_length=1000)]] = Field(
        default=[],
        max_length=32,
        description="Terms to avoid, each with a weight behind a colon if not 1.",
        examples=[["people"]],
    )
    namespace: Namespace | None = Field(
        default=None,
        description="Only photos of this namespace; of all that the token allows if null.",
        examples=["default"],
    )
    camera: str | None = Field(
        default=None,
        max_length=200,
        description="Only photos of this camera, or of cameras with these words in their name.",
        examples=["Canon EOS R5"],
    )
    label: str | None = Field(
        default=None,
        max_length=200,
        description="Only photos with this label.",
        examples=["landscape"],
    )
    taken_from: Day | None = Field(
        default=None,
        alias="from",
        description="Only photos taken on this day or later, by the camera's clock.",
        examples=["2024-07-01"],
    )
    taken_to: Day | None = Field(
        default=None,
        alias="to",
        description="Only photos taken on this day or earlier, by the camera's clock.",
        examples=["2024-07-31"],
    )
    min: dict[str, float] = Field(
        default={},
        max_length=32,
        description="Only photos with at least these scores, by metric.",
        examples=[{"focus": 0.6}],
    )
    sort: str | None = Field(
        default=None,
        pattern=forms.ORDER,
        description="In which order the nearest come: `taken`, `added` or `score:METRIC`, with a "
        "minus the last, or best, first. The nearest first if not given.",
        examples=["-score:focus"],
    )
    limit: int = Field(
        default=200, ge=1, le=1000, description="Most hits of a page.", examples=[20]
    )
    cursor: str | None = Field(
        default=None,
        max_length=LONGEST,
        description="Where the hits go on: `next` of the page before, sent with the same request.",
        examples=["8H2vYx1wCqV8WyI1ZjFkN2E4NCIsMjAwXQ"],
    )
    fields: list[Annotated[str, Field(max_length=200)]] = Field(
        default=[],
        max_length=50,
        description=f"Further fields of each photo: {', '.join(FIELDS)}.",
        examples=[["labels", "scores"]],
    )
    min_score: float | None = Field(
        default=None,
        ge=-1,
        le=1,
        description="Only photos with at least this cosine.",
        examples=[0.2],
    )
    expand: bool = Field(
        default=False,
        description="Each photo of a stack is a hit; else the best, with a count.",
        examples=[False],
    )


class IngestRequest(Given):
    """Request to ingest a source."""

    source: str = Field(
        min_length=1,
        max_length=4000,
        description="A folder, list or file of texts on the server, or a source as it is listed.",
        examples=["images:/home/me/Pictures"],
    )
    namespace: Namespace | None = Field(
        default=None,
        description="Namespace for the files; the server's own if null.",
        examples=["holidays"],
    )
    recursive: bool = Field(
        default=True, description="Also the folders in the folder.", examples=[True]
    )
    exclude: list[Annotated[str, Field(max_length=200)]] = Field(
        default=[],
        max_length=100,
        description="Patterns of files and folders to pass over.",
        examples=[["*.png", "Exports"]],
    )
    score: bool = Field(
        default=False, description="Measure the quality of photos as well.", examples=[True]
    )
    label: bool = Field(default=False, description="Label photos as well.", examples=[True])
    retry_failed: bool = Field(
        default=False, description="Read files again that failed before.", examples=[False]
    )
    accept_missing: bool = Field(
        default=False,
        description="Call files missing even if that is most of the source.",
        examples=[False],
    )
