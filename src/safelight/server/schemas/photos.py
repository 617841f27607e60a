"""JSON bodies of requests and answers. The names are part of the API: they never change."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from safelight.library.ordering import PATTERN as ORDER

PhotoId = Annotated[
    str, Path(pattern="^[0-9a-f]{64}$", description="sha256 of the photo's bytes, hex.")
]

Day = Annotated[str, Field(pattern=r"^(\d{4}-\d\d-\d\d)?$", examples=["2024-07-31"])]
Namespace = Annotated[str, Field(max_length=200)]
NamespaceQuery = Annotated[
    str | None, Query(max_length=200, description="Only files of it; of all if empty.")
]


class Given(BaseModel):
    """A request; a field that is not known is an error, not passed over."""

    model_config = ConfigDict(extra="forbid")


class Health(BaseModel):
    """That the server is alive."""

    status: Literal["healthy"] = "healthy"


class LibrarySize(BaseModel):
    """Number of photos and texts in the library."""

    photos: int
    texts: int


class Model(BaseModel):
    """The model that searches use."""

    name: str
    dimension: int
    is_starter: bool


class Session(BaseModel):
    """The server's version and limits, and the rights of this client."""

    version: str
    authenticated: bool
    token_needed: bool
    may_write: bool
    namespaces: list[str] | None = Field(description="Those that the token allows; null: all.")
    library: LibrarySize
    model: Model | None = Field(description="Null as long as nothing was ingested.")
    max_upload_bytes: int
    max_pixels: int
    roots: list[str] = Field(description="Folders of the server that can be ingested.")
    sources: list[str] = Field(description="What was ingested, and can be brought up to date.")


class Count(BaseModel):
    """A name, and how many photos have it."""

    name: str
    count: int


class LabelCount(BaseModel):
    """A label, and how many photos have it."""

    label: str
    count: int


class Taken(BaseModel):
    """The first and the last time of exposure."""

    first: str
    last: str


class Facets(BaseModel):
    """Values that photos can be filtered by."""

    namespaces: list[Count]
    cameras: list[Count]
    labels: list[LabelCount]
    metrics: list[str]
    taken: Taken | None


class Card(BaseModel):
    """A photo in a list."""

    photo_id: str
    path: str
    name: str
    namespace: str
    width: int
    height: int
    format: str
    taken_at: str | None
    score: float | None = Field(description="Cosine of query and photo; null without a query.")


class Hit(Card):
    """A photo that was found."""

    stack: int = Field(
        description="Photos of its stack, itself included: copies, RAW and JPEG, a burst."
    )
    matched: str | None = Field(
        description="`file name` or `folder name` if that is why it was found."
    )


class Photos(BaseModel):
    """A page of photos."""

    photos: list[Card]
    total: int
    offset: int = Field(description="How many photos stand before this page.")


class Hits(BaseModel):
    """Photos found, best first unless another order was asked for."""

    hits: list[Hit]
    total: int
    took_ms: float
    model: str
    weak: bool = Field(
        description="The best photo is no nearer to the query than chance would have it."
    )
    notes: list[str] = Field(description="What a person should know of the answer.")


class ImageSearch(Given):
    """A search; `query` has the grammar of `safelight search`."""

    query: str | None = Field(default=None, max_length=4000, examples=["beach + sunset - people"])
    photo_id: str | None = Field(
        default=None, pattern="^([0-9a-f]{6,64})?$", description="More like this photo."
    )
    plus: list[Annotated[str, Field(max_length=1000)]] = Field(default=[], max_length=32)
    minus: list[Annotated[str, Field(max_length=1000)]] = Field(default=[], max_length=32)
    namespace: Namespace | None = None
    camera: str | None = Field(default=None, max_length=200)
    label: str | None = Field(default=None, max_length=200)
    taken_from: Day | None = Field(default=None, alias="from")
    taken_to: Day | None = Field(default=None, alias="to")
    min: dict[str, float] = Field(default={}, max_length=32, examples=[{"focus": 0.6}])
    sort: str | None = Field(
        default=None,
        pattern=f"^({ORDER})?$",
        description="In which order the nearest come: `taken`, `added` or `score:METRIC`, with a "
        "minus the last, or best, first. The nearest first if not given.",
        examples=["-score:focus"],
    )
    limit: int = Field(default=200, ge=1, le=1000)
    min_score: float | None = Field(default=None, ge=-1, le=1)
    expand: bool = Field(
        default=False, description="Each photo of a stack is a hit; else the best, with a count."
    )


class File(BaseModel):
    """A path at which a photo was seen."""

    path: str
    namespace: str
    gone: bool
    metadata: dict[str, str]


class Label(BaseModel):
    """A label of a photo."""

    label: str
    confidence: float = Field(description="Share of the softmax over all labels.")
    cosine_score: float
    calibrated: float = Field(description="Probability that it applies.")
    applies: bool


class Score(BaseModel):
    """Result of one metric."""

    metric: str
    score: float | None = Field(description="0 to 1, 1 is better; null unless ok.")
    value: float | None = Field(description="As published.")
    status: str = Field(description="`ok`, `failed` or `skipped`.")
    reason: str | None


class Uploaded(BaseModel):
    """Outcome for one file of an upload."""

    name: str
    photo_id: str | None
    path: str | None
    new: bool = Field(description="The library did not have this photo before.")
    code: str | None = Field(default=None, description="Why it was not taken.")
    reason: str | None = None


class Uploads(BaseModel):
    """Outcome for each file of an upload, in its order."""

    photos: list[Uploaded]


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


JobState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]


class Job(BaseModel):
    """Something that takes longer than a request."""

    id: str
    kind: str
    namespace: str
    state: JobState
    done: int
    total: int
    failed: int
    message: str | None
    summary: dict[str, Any] | None
    created_at: str
    finished_at: str | None


class Jobs(BaseModel):
    """The last jobs, the newest first."""

    jobs: list[Job]


class Photo(BaseModel):
    """All that is known of a photo."""

    photo_id: str
    width: int | None
    height: int | None
    size: int
    format: str | None
    taken_at: str | None
    added_at: str
    exif: dict[str, Any]
    holds: list[str] = Field(
        description="What the file holds beside 8-bit, opaque pixels of one picture.",
        examples=[["23 further frames", "transparency"]],
    )
    files: list[File]
    labels: list[Label]
    scores: list[Score]
    text: str | None = Field(description="Of a text that was ingested beside photos.")
