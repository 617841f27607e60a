"""Photos, hits, facets, uploads and jobs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from safelight.schemas.base import Answer, Listed

JobState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]


class Health(Answer):
    """Health of the server."""

    status: Literal["healthy"]


class LibrarySize(Answer):
    """Number of photos and texts in the library."""

    photos: int
    texts: int


class Model(Answer):
    """The model that searches use."""

    name: str
    dimension: int
    is_starter: bool


class Session(Answer):
    """The server's version and limits, and the rights of this client."""

    version: str
    authenticated: bool
    token_needed: bool
    may_write: bool
    namespaces: tuple[str, ...] | None = Field(
        description="Those that the token allows; null: all."
    )
    library: LibrarySize
    model: Model | None = Field(description="Null as long as nothing was ingested.")
    max_upload_bytes: int
    max_pixels: int
    roots: tuple[str, ...] = Field(description="Folders of the server that can be ingested.")
    sources: tuple[str, ...] = Field(
        description="What was ingested, and can be brought up to date."
    )


class Count(Answer):
    """A name, and how many photos have it."""

    name: str
    count: int


class LabelCount(Answer):
    """A label, and how many photos have it."""

    label: str
    count: int


class Taken(Answer):
    """The first and the last time of exposure."""

    first: str
    last: str


class Facets(Answer):
    """Values that photos can be filtered by."""

    namespaces: tuple[Count, ...]
    cameras: tuple[Count, ...]
    labels: tuple[LabelCount, ...]
    metrics: tuple[str, ...]
    taken: Taken | None


class File(Answer):
    """A path at which a photo was seen."""

    path: str
    namespace: str
    gone: bool
    metadata: dict[str, str]


class Label(Answer):
    """A label of a photo."""

    label: str
    confidence: float = Field(description="Share of the softmax over all labels.")
    cosine_score: float
    calibrated: float = Field(description="Probability that it applies.")
    applies: bool


class Score(Answer):
    """Result of one metric."""

    metric: str
    score: float | None = Field(description="0 to 1, 1 is better; null unless ok.")
    value: float | None = Field(description="As published.")
    status: str = Field(description="`ok`, `failed` or `skipped`.")
    reason: str | None


class Card(Answer):
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
    added_at: str | None = Field(
        default=None, description="When it came into the library. With `fields=added_at`."
    )
    size: int | None = Field(default=None, description="Bytes. With `fields=size`.")
    labels: tuple[Label, ...] | None = Field(
        default=None, description="Null if it was never labelled. With `fields=labels`."
    )
    scores: tuple[Score, ...] | None = Field(default=None, description="With `fields=scores`.")
    files: tuple[File, ...] | None = Field(default=None, description="With `fields=files`.")
    facts: dict[str, Any] | None = Field(
        default=None,
        description="Camera, lens, place, ... With `fields=facts`, or the names of facts.",
    )


class Hit(Card):
    """A photo that was found."""

    stack: int = Field(
        description="Photos of its stack, itself included: copies, RAW and JPEG, a burst."
    )
    matched: str | None = Field(
        description="`file name` or `folder name` if that is why it was found."
    )


class Photos(Listed):
    """A page of photos."""

    photos: tuple[Card, ...]
    total: int = Field(description="Photos in the whole list, when its first page was asked for.")
    offset: int = Field(description="How many photos of the list stand before this page.")
    snapshot: str = Field(
        description="The name of the list as it was when its first page was asked for. "
        "`snapshot` and `offset` lead to any page of it, for an hour after the last."
    )

    @property
    def items(self) -> tuple[Card, ...]:
        """What the page lists."""
        return self.photos


class PhotoBatch(Answer):
    """Photos that were asked for by their ids, in that order."""

    photos: tuple[Card, ...]
    missing: tuple[str, ...] = Field(description="Ids of photos that there are none of here.")


class Hits(Answer):
    """Photos found, best first unless another order was asked for."""

    hits: tuple[Hit, ...]
    total: int
    took_ms: float
    model: str
    weak: bool = Field(
        description="The best photo is no nearer to the query than chance would have it."
    )
    notes: tuple[str, ...] = Field(description="What a person should know about the answer.")


class Uploaded(Answer):
    """Outcome for one file of an upload."""

    name: str
    photo_id: str | None
    path: str | None
    new: bool = Field(description="The library did not have this photo before.")
    code: str | None = Field(default=None, description="Why it was not taken.")
    reason: str | None = None


class Uploads(Answer):
    """Outcome for each file of an upload, in its order."""

    photos: tuple[Uploaded, ...]


class Job(Answer):
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

    @property
    def is_finished(self) -> bool:
        """True if its state is final."""
        return self.state not in ("queued", "running")


class Jobs(Answer):
    """The last jobs, the newest first."""

    jobs: tuple[Job, ...]


class Photo(Answer):
    """A photo, with its files, facts, labels and scores."""

    photo_id: str
    width: int | None
    height: int | None
    size: int
    format: str | None
    taken_at: str | None
    added_at: str
    exif: dict[str, Any]
    holds: tuple[str, ...] = Field(
        description="What the file holds beside 8-bit, opaque pixels of one picture.",
        examples=[["23 further frames", "transparency"]],
    )
    files: tuple[File, ...]
    labels: tuple[Label, ...]
    scores: tuple[Score, ...]
    text: str | None = Field(description="Of a text that was ingested beside photos.")
