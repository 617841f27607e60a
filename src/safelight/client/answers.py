"""Answers of the server as dataclasses, and their decoder from JSON.

A field that is not known is passed over, so that an older client gets on with a newer server.
"""

from __future__ import annotations

import types
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from safelight.errors import ServerError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Health:
    """That the server is alive."""

    status: str


@dataclass(frozen=True, slots=True)
class LibrarySize:
    """Number of photos and texts in a library."""

    photos: int
    texts: int


@dataclass(frozen=True, slots=True)
class Model:
    """The model that searches use."""

    name: str
    dimension: int
    is_starter: bool


@dataclass(frozen=True, slots=True)
class Session:
    """The server's version and limits, and the rights of this client.

    ``namespaces`` is None if all are allowed; ``model`` as long as nothing was ingested.
    """

    version: str
    authenticated: bool
    token_needed: bool
    may_write: bool
    namespaces: tuple[str, ...] | None
    library: LibrarySize
    model: Model | None
    max_upload_bytes: int
    max_pixels: int
    roots: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """A name, and how many photos have it."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class LabelCount:
    """A label, and how many photos have it."""

    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Taken:
    """The first and the last time of exposure."""

    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Facets:
    """Values that photos can be filtered by."""

    namespaces: tuple[Count, ...]
    cameras: tuple[Count, ...]
    labels: tuple[LabelCount, ...]
    metrics: tuple[str, ...]
    taken: Taken | None


@dataclass(frozen=True, slots=True)
class Card:
    """A photo in a list; ``score`` is the cosine of query and photo, None without a query."""

    photo_id: str
    path: str
    name: str
    namespace: str
    width: int
    height: int
    format: str
    taken_at: str | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Photos:
    """A page of photos, how many there are in all, and how many stand before this page."""

    photos: tuple[Card, ...]
    total: int
    offset: int


@dataclass(frozen=True, slots=True)
class Hit(Card):
    """A photo that was found; `stack` counts its copies, RAW and burst, itself included."""

    stack: int
    matched: str | None


@dataclass(frozen=True, slots=True)
class Hits:
    """Photos found, best first; `weak` if the best is no nearer than chance would have it."""

    hits: tuple[Hit, ...]
    total: int
    took_ms: float
    model: str
    weak: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A path at which a photo was seen."""

    path: str
    namespace: str
    gone: bool
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Label:
    """A label of a photo; ``calibrated`` is the probability that it applies."""

    label: str
    confidence: float
    cosine_score: float
    calibrated: float
    applies: bool


@dataclass(frozen=True, slots=True)
class Score:
    """Result of one metric; ``score`` is 0 to 1, and None unless ``status`` is ``ok``."""

    metric: str
    score: float | None
    value: float | None
    status: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Photo:
    """All that is known of a photo."""

    photo_id: str
    width: int | None
    height: int | None
    size: int
    format: str | None
    taken_at: str | None
    added_at: str
    exif: dict[str, Any]
    holds: tuple[str, ...]
    files: tuple[File, ...]
    labels: tuple[Label, ...]
    scores: tuple[Score, ...]
    text: str | None


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Outcome for one file of an upload; ``code`` and ``reason`` say why it was not taken."""

    name: str
    photo_id: str | None
    path: str | None
    new: bool
    code: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Uploads:
    """Outcome for each file of an upload, in its order."""

    photos: tuple[Uploaded, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """Something that takes longer than a request.

    ``state`` is ``queued``, ``running``, ``done``, ``failed``, ``cancelled`` or ``interrupted``.
    """

    id: str
    kind: str
    namespace: str
    state: str
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


@dataclass(frozen=True, slots=True)
class Jobs:
    """The last jobs, the newest first."""

    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class Vector:
    """A vector, a photo or a text, as the vector calls have them."""

    id: str
    metadata: dict[str, str]
    created_at: str
    updated_at: str
    embedding: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class VectorScore:
    """A vector, and how near it is: the cosine."""

    vector: Vector
    score: float


@dataclass(frozen=True, slots=True)
class Matches:
    """Matches of a search among vectors, photos and texts."""

    matches: tuple[VectorScore, ...]


@dataclass(frozen=True, slots=True)
class VectorCount:
    """Number of vectors, photos and texts together."""

    count: int


@dataclass(frozen=True, slots=True)
class EmbedderStats:
    """The model, in full."""

    type: str
    model: str
    dimension: int
    device: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class GroupPhoto:
    """A file of a group; the keeper is the one that is suggested to be kept."""

    photo_id: str
    path: str
    keeper: bool
    reasons: tuple[str, ...]
    width: int | None
    height: int | None
    size: int
    taken_at: str | None
    format: str | None
    scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class Edge:
    """Relation of two photos, with its evidence."""

    a: str
    b: str
    relation: str
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Group:
    """Photos that belong together."""

    group: str
    relation: str
    photos: tuple[GroupPhoto, ...]
    edges: tuple[Edge, ...]
    bytes_to_save: int


@dataclass(frozen=True, slots=True)
class Comparing:
    """Progress of the search for duplicates."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Groups:
    """A page of groups; while ``comparing`` is not None they are those from before."""

    groups: tuple[Group, ...]
    total: int
    comparing: Comparing | None


@dataclass(frozen=True, slots=True)
class Decided:
    """Decision about a group; None after it was taken back."""

    group: str
    decision: str | None


@dataclass(frozen=True, slots=True)
class Action:
    """A plan's operation on one file."""

    path: str
    kind: str
    to: str | None
    bytes: int
    why: str
    photo_id: str
    keeper: str
    keeper_id: str
    group: str


@dataclass(frozen=True, slots=True)
class Left:
    """A file that a plan leaves as it is, and why."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Planned file operations: ``draft``, ``applying``, ``applied`` or ``undone``."""

    id: str
    created_at: str
    namespace: str | None
    action: str
    state: str
    actions: tuple[Action, ...]
    bytes_saved: int
    left: tuple[Left, ...]
    changed: int | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Plans:
    """All plans, the newest first."""

    plans: tuple[Plan, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """An ingested source and its file counts; a list has no counts."""

    namespace: str
    source: str
    there: bool
    files: int | None
    missing: int | None
    excluded: int | None
    ingested_at: str | None
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sources:
    """All sources, in the order of their coming."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """Outcome of moving a source, in numbers of files."""

    old: str
    new: str
    dry_run: bool
    files: int
    missing: int
    changed: int
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Counts of forgotten rows; None where a token of some namespaces may not know."""

    dry_run: bool
    files: int
    sources: int
    client_vectors: int
    label_sets: int
    photos: int | None
    texts: int | None
    vectors: int | None
    scores: int | None
    labelled: int | None
    hashes: int | None
    edges: int | None
    features: int | None
    decisions: int | None
    returning: tuple[str, ...]


def build(kind: type[T], data: Any) -> T:
    """Return JSON as what a type describes.

    >>> build(Count, {"name": "beach", "count": 3, "newer": None})
    Count(name='beach', count=3)

    Raises
    ------
    ServerError
        It is something else.
    """
    try:
        found: T = _build(kind, data)
    except (KeyError, TypeError, ValueError) as error:
        raise ServerError(
            f"The server's answer is not what {kind.__name__} should be ({error!r}). Is it "
            "safelight, and as new as this client?",
            code="bad-answer",
        ) from error
    return found


def _build(kind: Any, data: Any) -> Any:
    if kind is Any:
        return data
    if is_dataclass(kind):
        return _record(kind, data)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union):
        wanted = [each for each in arguments if each is not types.NoneType]
        return None if data is None else _build(wanted[0], data)
    if origin is tuple:
        return tuple(_build(arguments[0], each) for each in _checked(list, data))
    if origin is dict:
        return {key: _build(arguments[1], each) for key, each in _checked(dict, data).items()}
    if kind is float and type(data) is int:
        return float(data)
    return _checked(kind, data)


def _record(kind: Any, data: Any) -> Any:
    given = _checked(dict, data)
    found = {}
    for name, (wanted, is_optional) in _fields(kind).items():
        if name in given or not is_optional:
            found[name] = _build(wanted, given[name])
    return kind(**found)


@cache
def _fields(kind: Any) -> dict[str, tuple[Any, bool]]:
    hints = get_type_hints(kind)
    return {each.name: (hints[each.name], each.default is None) for each in fields(kind)}


def _checked(kind: Any, data: Any) -> Any:
    if type(data) is not kind:
        raise TypeError(f"{data!r:.80} is not a {kind.__name__}")
    return data
