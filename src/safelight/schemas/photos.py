"""Photos, hits, facets, uploads and jobs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from safelight.schemas.base import (
    Answer,
    FilePath,
    Listed,
    Moment,
    NamespaceName,
    PhotoId,
    TakenAt,
    TakenOffset,
)
from safelight.schemas.values import HealthStatus, JobKind, JobState, ScoreStatus


class Health(Answer):
    """Health of the server."""

    status: HealthStatus = Field(description="Always `healthy`: a server that is not is silent.")


class LibrarySize(Answer):
    """Number of photos and texts in the library."""

    photos: int = Field(description="Photos with a file that is not missing.", examples=[542])
    texts: int = Field(description="Texts that were ingested.", examples=[0])


class Model(Answer):
    """The model that searches use."""

    name: str = Field(description="Name of the model.", examples=["starter"])
    dimension: int = Field(description="How many numbers its vectors have.", examples=[512])
    is_starter: bool = Field(
        description="True: the small model that comes with safelight.", examples=[True]
    )


class Session(Answer):
    """The server's version and limits, and the rights of this client."""

    version: str = Field(description="Version of safelight.", examples=["1.0.0"])
    authenticated: bool = Field(
        description="True: the request brought a valid token.", examples=[True]
    )
    token_needed: bool = Field(
        description="True: the server refuses requests without a token.", examples=[True]
    )
    may_write: bool = Field(description="True: this client may write.", examples=[False])
    namespaces: tuple[str, ...] | None = Field(
        description="Namespaces that the token allows; null: all.", examples=[["holidays"]]
    )
    library: LibrarySize = Field(description="Size of what this client may see.")
    model: Model | None = Field(description="The model; null as long as nothing was ingested.")
    max_upload_bytes: int = Field(
        description="Largest body of an upload, in bytes.", examples=[1073741824]
    )
    max_pixels: int = Field(
        description="Largest photo that a client may bring, in pixels.", examples=[100000000]
    )
    roots: tuple[str, ...] = Field(
        description="Folders of the server that can be ingested.", examples=[["/home/me/Pictures"]]
    )
    sources: tuple[str, ...] = Field(
        description="Sources that were ingested, and can be ingested again.",
        examples=[["images:/home/me/Pictures"]],
    )


class NameCount(Answer):
    """A name, and how many photos have it."""

    name: str = Field(description="A namespace or a camera.", examples=["Canon EOS R5"])
    count: int = Field(description="How many photos have it.", examples=[128])


class LabelCount(Answer):
    """A label, and how many photos have it."""

    label: str = Field(description="A label.", examples=["landscape"])
    count: int = Field(description="How many photos have it.", examples=[37])


class Taken(Answer):
    """The first and the last time of exposure."""

    first: str = Field(
        description="When the oldest photo was taken: local time by the camera's clock.",
        examples=["2009-05-01T08:12:00"],
    )
    last: str = Field(
        description="When the newest photo was taken: local time by the camera's clock.",
        examples=["2026-11-27T19:40:12"],
    )


class Facets(Answer):
    """Values that photos can be filtered by."""

    namespaces: tuple[NameCount, ...] = Field(description="Namespaces, with their photos.")
    cameras: tuple[NameCount, ...] = Field(description="Cameras, with their photos.")
    labels: tuple[LabelCount, ...] = Field(description="Labels, with their photos.")
    metrics: tuple[str, ...] = Field(
        description="Metrics that photos were scored by.", examples=[["combined", "focus"]]
    )
    taken: Taken | None = Field(
        description="First and last time of exposure; null if no photo has one."
    )


class Completion(Answer):
    """One way in which a query can go on."""

    text: str = Field(description="The whole query, completed.", examples=["a dog camera:Canon"])
    value: str = Field(
        description="A filter's name with its colon, or a value.", examples=["Canon"]
    )
    photos: int | None = Field(
        description="Photos with the value; null for a name and a period.", examples=[42]
    )
    meaning: str | None = Field(
        description="Of a filter's name, in words; else null.", examples=["photos of a camera"]
    )


class CompletionList(Answer):
    """Ways in which a query can go on, the best first."""

    completions: tuple[Completion, ...] = Field(description="At most as many as were asked for.")


class PhotoFile(Answer):
    """A path at which a photo was seen."""

    path: FilePath
    namespace: NamespaceName
    missing: bool = Field(
        description="True: the file was not there when its source was read last.",
        examples=[False],
    )
    metadata: dict[str, str] = Field(
        description="What its source says about the file, by name.",
        examples=[{"label": "landscape"}],
    )


class Exif(Answer):
    """EXIF data of a photo; null what the camera did not write."""

    camera_make: str | None = Field(
        default=None, description="Maker of the camera.", examples=["Canon"]
    )
    camera_model: str | None = Field(
        default=None, description="Model of the camera.", examples=["Canon EOS R5"]
    )
    lens: str | None = Field(
        default=None, description="Name of the lens.", examples=["RF24-105mm F4 L IS USM"]
    )
    exposure_time: float | None = Field(
        default=None, description="Exposure time in seconds.", examples=[0.004]
    )
    f_number: float | None = Field(default=None, description="Aperture.", examples=[5.6])
    iso: int | None = Field(default=None, description="Sensitivity, ISO.", examples=[200])
    focal_length: float | None = Field(
        default=None, description="Focal length in millimetres.", examples=[35.0]
    )
    latitude: float | None = Field(
        default=None, description="WGS 84 degrees, north is positive.", examples=[48.8584]
    )
    longitude: float | None = Field(
        default=None, description="WGS 84 degrees, east is positive.", examples=[2.2945]
    )
    altitude: float | None = Field(
        default=None, description="Metres above sea level.", examples=[35.0]
    )
    orientation: int = Field(
        default=1,
        description="EXIF orientation of the file, 1 to 8; all pictures are shown upright.",
        examples=[1],
    )
    subsecond: float | None = Field(
        default=None,
        description="What follows the second of `taken_at`, from 0 to 1: the order of a burst.",
        examples=[0.25],
    )
    title: str | None = Field(
        default=None, description="Title that somebody wrote.", examples=["The old harbour"]
    )
    caption: str | None = Field(
        default=None, description="Caption that somebody wrote.", examples=["Boats at dawn."]
    )
    keywords: tuple[str, ...] = Field(
        default=(), description="Keywords that somebody wrote.", examples=[["harbour", "Lisbon"]]
    )
    rating: int | None = Field(default=None, description="1 to 5; -1 for rejected.", examples=[4])


class PhotoLabel(Answer):
    """A label of a photo."""

    label: str = Field(description="The label.", examples=["landscape"])
    confidence: float = Field(
        description="Share of the softmax over all labels of the set.", examples=[0.82]
    )
    cosine_score: float = Field(
        description="Cosine of the photo and the label's prompts.", examples=[0.27]
    )
    calibrated: float = Field(description="Probability that the label applies.", examples=[0.91])
    applies: bool = Field(description="True: the label is shown and searched.", examples=[True])


class PhotoScore(Answer):
    """Result of one metric."""

    metric: str = Field(description="Name of the metric.", examples=["focus"])
    score: float | None = Field(
        description="From 0 to 1, where 1 is better; null unless `status` is `ok`.",
        examples=[0.71],
    )
    value: float | None = Field(
        description="The value as the metric's authors define it; null if there is none.",
        examples=[912.4],
    )
    status: ScoreStatus = Field(description="Whether the photo could be measured.")
    reason: str | None = Field(
        description="Why it could not be measured; null if it was.",
        examples=["is of one grey level"],
    )


class PhotoFacts(Exif):
    """Facts of a photo in a list; null what is not known, or was not asked for."""

    camera: str | None = Field(
        default=None, description="Maker and model of the camera.", examples=["Canon EOS R5"]
    )


class Card(Answer):
    """A photo in a list."""

    photo_id: PhotoId
    path: FilePath
    name: str = Field(description="Name of that file.", examples=["beach.jpg"])
    namespace: NamespaceName
    width: int = Field(description="Width of the upright photo in pixels.", examples=[4032])
    height: int = Field(description="Height of the upright photo in pixels.", examples=[3024])
    format: str = Field(description="Format of the file.", examples=["JPEG"])
    taken_at: TakenAt
    taken_offset: TakenOffset
    score: float | None = Field(
        description="Cosine of query and photo, from -1 to 1; null without a query.",
        examples=[0.31],
    )
    added_at: Moment | None = Field(
        default=None,
        description="When the photo came into the library, UTC; null unless `fields` names it.",
    )
    size: int | None = Field(
        default=None,
        description="Size of the file in bytes; null unless `fields` names it.",
        examples=[4182734],
    )
    labels: tuple[PhotoLabel, ...] | None = Field(
        default=None,
        description="Labels, the most probable first; null unless `fields` names them, or if the "
        "photo was never labelled.",
    )
    scores: tuple[PhotoScore, ...] | None = Field(
        default=None, description="Quality scores; null unless `fields` names them."
    )
    files: tuple[PhotoFile, ...] | None = Field(
        default=None, description="All files of the photo; null unless `fields` names them."
    )
    facts: PhotoFacts | None = Field(
        default=None,
        description="Camera, lens, place, ...: all with the field `facts`, else those that "
        "`fields` names; null if it names none.",
    )


class Hit(Card):
    """A photo that was found."""

    stack: int = Field(
        description="Photos of its stack, itself included: copies, RAW and JPEG, a burst.",
        examples=[1],
    )
    matched: str | None = Field(
        description="`file name`, `folder name`, `keyword`, `title` or `caption` if found by it; "
        "else null.",
        examples=["file name"],
    )
    probability: float | None = Field(
        description="That it is what was asked for, from 0 to 1; null where that cannot be told.",
        examples=[0.87],
    )
    match: bool = Field(
        description="It is taken for what was asked for; false: it is only among the nearest.",
        examples=[True],
    )


class PhotoList(Listed):
    """A page of photos."""

    photos: tuple[Card, ...] = Field(description="The photos of this page, in order.")
    total: int = Field(
        description="Number of photos in the list when its first page was asked for.",
        examples=[542],
    )
    offset: int = Field(
        description="How many photos of the list stand before this page.", examples=[0]
    )
    snapshot: str = Field(
        description="Name of the list as it was when its first page was asked for. `snapshot` and "
        "`offset` lead to any page of it, for an hour after it was last asked for.",
        examples=["5f1d7a84d0c2b9e6"],
    )

    @property
    def items(self) -> tuple[Card, ...]:
        """The photos."""
        return self.photos


class PhotoBatch(Answer):
    """Photos that were asked for by their ids, in that order."""

    photos: tuple[Card, ...] = Field(description="The photos.")
    missing: tuple[str, ...] = Field(
        description="Ids of which the library has no photo.", examples=[[]]
    )


class HitList(Listed):
    """Photos found, best first unless another order was asked for."""

    hits: tuple[Hit, ...] = Field(description="The photos that were found, in order.")
    total: int | None = Field(
        description="Number of all hits; null as long as the search was not read to its end.",
        examples=[20],
    )
    took_ms: float = Field(
        description="How long the server worked on it, in milliseconds.", examples=[12.5]
    )
    model: str = Field(description="Name of the model.", examples=["starter"])
    weak: bool = Field(description="None of the hits is a match.", examples=[False])
    more: bool = Field(
        description="There are more matches than were wanted; ask with a higher `limit`.",
        examples=[True],
    )
    notes: tuple[str, ...] = Field(
        description="What a person should know about the answer.",
        examples=[["No photo has the label 'seaside'."]],
    )

    @property
    def items(self) -> tuple[Hit, ...]:
        """The hits."""
        return self.hits


class Uploaded(Answer):
    """Outcome for one file of an upload."""

    name: str = Field(description="Name of the file, as it was sent.", examples=["beach.jpg"])
    photo_id: str | None = Field(
        description="Id of the photo; null if its bytes were not stored.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    path: str | None = Field(
        description="Path of the file on the server; null if it was not stored.",
        examples=["/home/me/library.db.uploads/default/9f86d081.jpg"],
    )
    new: bool = Field(description="The library did not have this photo before.", examples=[True])
    code: str | None = Field(
        default=None,
        description="Why it was not taken, for programs; null if it was.",
        examples=["not-an-image"],
    )
    reason: str | None = Field(
        default=None,
        description="Why it was not taken, for people; null if it was.",
        examples=["is not an image"],
    )


class Uploads(Answer):
    """Outcome for each file of an upload, in its order."""

    photos: tuple[Uploaded, ...] = Field(description="The outcomes.")


class JobFailure(Answer):
    """A file that a job could not take."""

    path: str = Field(
        description="Path of the file on the server.", examples=["/home/me/Pictures/broken.jpg"]
    )
    code: str = Field(description="Why it failed, for programs.", examples=["truncated"])
    reason: str = Field(
        description="Why it failed, for people; to follow the path.", examples=["ends too early"]
    )


class Job(Answer):
    """Something that takes longer than a request."""

    id: str = Field(description="Id of the job.", examples=["0b5f8c6a4c1d4f0e9a7b3c2d1e0f9a8b"])
    kind: JobKind = Field(description="What the job does.")
    namespace: str = Field(description="Namespace that it works on.", examples=["default"])
    state: JobState = Field(description="How far the job is.")
    done: int = Field(description="Files that are done.", examples=[120])
    total: int = Field(description="Files to do, as far as known.", examples=[542])
    failed: int = Field(description="Files that failed.", examples=[0])
    message: str | None = Field(
        description="Why it failed, for people; null unless it did.",
        examples=["The folder is not there."],
    )
    failures: tuple[JobFailure, ...] = Field(
        description="Files that it could not take, at most 1,000; empty until it has ended."
    )
    photos: tuple[Uploaded, ...] | None = Field(
        description="Of an upload, what came of each file, in its order; null until it has ended, "
        "and of other jobs."
    )
    resumed_as: str | None = Field(
        description="Id of the job that went on with it after the server was stopped.",
        examples=["1c6f8c6a4c1d4f0e9a7b3c2d1e0f9a8b"],
    )
    summary: dict[str, Any] | None = Field(
        description="What came of it, by name; null until it has ended.",
        examples=[{"new": 540, "known": 2, "failed": 0}],
    )
    created_at: Moment = Field(description="When the job was started, UTC.")
    finished_at: Moment | None = Field(description="When the job ended, UTC; null until it has.")

    @property
    def is_finished(self) -> bool:
        """True if its state is final."""
        return self.state not in ("queued", "running")


class JobList(Listed):
    """A page of jobs, the newest first."""

    jobs: tuple[Job, ...] = Field(description="The jobs.")

    @property
    def items(self) -> tuple[Job, ...]:
        """The jobs."""
        return self.jobs


class Photo(Answer):
    """A photo, with its files, facts, labels and scores."""

    photo_id: PhotoId
    width: int | None = Field(
        description="Width of the upright photo in pixels; null of a text.", examples=[4032]
    )
    height: int | None = Field(
        description="Height of the upright photo in pixels; null of a text.", examples=[3024]
    )
    size: int = Field(description="Size of the file in bytes.", examples=[2481632])
    format: str | None = Field(description="Format of the file; null of a text.", examples=["JPEG"])
    taken_at: TakenAt
    taken_offset: TakenOffset
    added_at: Moment = Field(description="When the library got the photo, UTC.")
    exif: Exif = Field(description="What the camera wrote.")
    holds: tuple[str, ...] = Field(
        description="What the file holds beside 8-bit, opaque pixels of one picture.",
        examples=[["23 further frames", "transparency"]],
    )
    files: tuple[PhotoFile, ...] = Field(description="The paths at which the photo was seen.")
    labels: tuple[PhotoLabel, ...] = Field(
        description="Its labels, the most probable first; empty if it was not labelled."
    )
    scores: tuple[PhotoScore, ...] = Field(
        description="Its scores, one a metric; empty if it was not scored."
    )
    text: str | None = Field(
        description="A text that was ingested beside photos; null of a photo.",
        examples=["the sea at night"],
    )
