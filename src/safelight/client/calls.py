"""Calls of the API: the request of each, and the type of its answer. No network here.

Each function makes a :class:`Call`. Both clients have all of them as methods of the same name,
which send the call and return what it reads.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypedDict, TypeVar, Unpack
from urllib.parse import quote

from safelight import schemas
from safelight.arguments import as_kind, as_list, as_mapping, as_name, as_number
from safelight.client.answers import build
from safelight.client.multipart import files_of
from safelight.errors import ServerError, UsageError
from safelight.files.bounded_json import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from safelight.client.multipart import GivenFile

T = TypeVar("T")
Item = TypeVar("Item", covariant=True)
Result = TypeVar("Result", covariant=True)

_API = "/api/v1"


class Page(Protocol[Item]):
    """A page of a list, and the cursor of the next one."""

    @property
    def next(self) -> str | None: ...

    @property
    def items(self) -> tuple[Item, ...]: ...


@dataclass(frozen=True, slots=True)
class VectorPage:
    """A page of vectors, and the cursor of the next one."""

    vectors: tuple[schemas.Vector, ...]
    next: str | None = None

    @property
    def items(self) -> tuple[schemas.Vector, ...]:
        """The vectors."""
        return self.vectors


@dataclass(frozen=True, slots=True)
class Call(Generic[Result]):
    """A request, and how its answer is read.

    Attributes
    ----------
    method, path : str
    read : callable
        Given the body of the answer.
    params : list of (str, str)
    json : object
        The body; None for none.
    files : list of (str, GivenFile)
        Form fields, in place of a body.
    form : mapping of str to str
        Other fields beside these.
    is_slow : bool
        Whether the server may take minutes.
    linked : callable or None
        Of a list whose cursor is not in its body: given what was read, and the cursor.
    cursor : str
        The parameter, or field, that says where the list goes on.
    waits : float
        Seconds to ask again for, while the answer is 202: it is not ready.
    """

    method: str
    path: str
    read: Callable[[bytes], Result]
    params: Sequence[tuple[str, str]] = ()
    json: Any = None
    files: Sequence[tuple[str, GivenFile]] = ()
    form: Mapping[str, str] = field(default_factory=dict)
    is_slow: bool = False
    linked: Callable[[Any, str | None], Any] | None = None
    cursor: str = "cursor"
    waits: float = 0.0

    def following(self, cursor: str) -> Call[Result]:
        """Return the call of the page that a cursor leads to, which waits for nothing else."""
        if self.waits:
            return replace(self, waits=0.0).following(cursor)
        if "request" in self.form:
            wanted = {**json.loads(self.form["request"]), self.cursor: cursor}
            return replace(self, form={**self.form, "request": json.dumps(wanted)})
        if self.json is not None:
            return replace(self, json={**self.json, self.cursor: cursor})
        params = [(name, value) for name, value in self.params if name != self.cursor]
        return replace(self, params=[*params, (self.cursor, cursor)])


def health() -> Call[schemas.Health]:
    """Return that the server is alive."""
    return Call("GET", "/health", _as(schemas.Health))


def session() -> Call[schemas.Session]:
    """Return the server's version and limits, and the rights of this client."""
    return Call("GET", f"{_API}/session", _as(schemas.Session))


def facets(namespace: str | None = None) -> Call[schemas.Facets]:
    """Return the values that photos can be filtered by."""
    return Call("GET", f"{_API}/facets", _as(schemas.Facets), _params(namespace=namespace))


def complete(
    query: str, *, namespace: str | None = None, limit: int = 10
) -> Call[schemas.CompletionList]:
    """Return how a query can go on: names of filters, or values with how many photos have them.

    Parameters
    ----------
    query : str
        Up to where it is typed.
    namespace : str, optional
        Only values of photos in it.
    limit : int
        Maximum number of completions.
    """
    return Call(
        "GET",
        f"{_API}/complete",
        _as(schemas.CompletionList),
        _params(q=query, namespace=namespace, limit=str(limit)),
    )


def photos_page(
    *,
    namespace: str | None = None,
    camera: str | None = None,
    label: str | None = None,
    taken_from: str | None = None,
    taken_to: str | None = None,
    least: Mapping[str, float] | None = None,
    sort: str = "-taken",
    fields: str | Sequence[str] = (),
    limit: int = 100,
    cursor: str | None = None,
    snapshot: str | None = None,
    offset: int | None = None,
    around: str | None = None,
) -> Call[schemas.PhotoList]:
    """Return a page of photos in order, without a query.

    Parameters
    ----------
    namespace, camera, label : str, optional
    taken_from, taken_to : str, optional
        ``YYYY-MM-DD``, both included.
    least : mapping of str to float, optional
        At least these scores, as in ``{"focus": 0.6}``.
    sort : str
        ``taken``, ``added`` or ``score:METRIC``; with a minus the last, or best, first.
    fields : str or sequence of str
        Further fields of each photo, as in ``["labels", "scores", "added_at", "camera"]``.
    limit : int
        Photos in a page.
    cursor : str, optional
        ``next`` of the page before.
    snapshot : str, optional
        That of an earlier page: the page begins at `offset` of that list.
    offset : int, optional
    around : str, optional
        A photo's id: the page that has it, if one has.
    """
    params = _params(
        namespace=namespace,
        around=around,
        camera=camera,
        label=label,
        sort=sort,
        cursor=cursor,
        snapshot=snapshot,
        offset=None if offset is None else str(offset),
        limit=str(limit),
        **{"from": taken_from, "to": taken_to},
    )
    params += [("min", f"{metric}:{score}") for metric, score in _least(least).items()]
    params += [("fields", name) for name in as_list(fields, "fields", str)]
    return Call("GET", f"{_API}/photos", _as(schemas.PhotoList), params)


def read_photos(
    photo_ids: str | Iterable[str],
    *,
    fields: str | Sequence[str] = (),
    namespace: str | None = None,
) -> Call[schemas.PhotoBatch]:
    """Return up to 1,000 photos by their ids, and the ids without a photo."""
    wanted = _given(
        ids=as_list(photo_ids, "photo_ids", str),
        fields=as_list(fields, "fields", str),
        namespace=namespace,
    )
    return Call("POST", f"{_API}/photos/batch", _as(schemas.PhotoBatch), json=wanted)


def changes_page(
    since: str | None = None,
    *,
    namespace: str | None = None,
    fields: str | Sequence[str] = (),
    limit: int = 500,
) -> Call[schemas.ChangeList]:
    """Return a page of what was added, changed and removed since a cursor, in order.

    Parameters
    ----------
    since : str, optional
        ``cursor`` of an earlier page, or of a change; all photos are new if not given.
    namespace : str, optional
    fields, limit
        As :func:`photos_page` takes them.
    """
    params = _params(since=since, namespace=namespace, limit=str(limit))
    params += [("fields", name) for name in as_list(fields, "fields", str)]
    return Call("GET", f"{_API}/changes", _as(schemas.ChangeList), params, cursor="since")


def photo(photo_id: str, *, namespace: str | None = None) -> Call[schemas.Photo]:
    """Return all that is known about a photo: files, EXIF, labels, scores."""
    return Call("GET", _photo(photo_id), _as(schemas.Photo), _params(namespace=namespace))


def forget_photo(photo_id: str, *, namespace: str | None = None) -> Call[None]:
    """Forget a photo, and what was computed of it; its file is never touched."""
    return Call("DELETE", _photo(photo_id), _nothing, _params(namespace=namespace))


def thumbnail(photo_id: str, side: int = 320) -> Call[bytes]:
    """Return a small picture of a photo, a WebP: 160, 320 or 640 pixels on its longer side."""
    return Call("GET", f"{_photo(photo_id)}/thumbnail", bytes, _params(side=str(side)))


def image(photo_id: str, side: int = 2048) -> Call[bytes]:
    """Return a photo upright, for looking at, as a WebP."""
    return Call("GET", f"{_photo(photo_id)}/image", bytes, _params(side=str(side)))


def focus(photo_id: str) -> Call[bytes]:
    """Return a map of where a photo is sharp, a PNG."""
    return Call("GET", f"{_photo(photo_id)}/focus", bytes)


def sign_urls(urls: str | Iterable[str], *, seconds: int = 900) -> Call[schemas.Signatures]:
    """Return addresses that a page can load without a token, for a while.

    Parameters
    ----------
    urls : iterable of str
        Path and query of thumbnails, images, focus maps, originals and streams of events, as in
        ``/api/v1/photos/ID/thumbnail?side=320``; at most 1,000.
    seconds : int
        How long they are good for; until the client's token is revoked, at most.
    """
    wanted = {"urls": as_list(urls, "urls", str), "seconds": seconds}
    return Call("POST", f"{_API}/signatures", _as(schemas.Signatures), json=wanted)


#: Addresses that are signed by one call.
SIGNED_AT_ONCE = 1000


def picture_path(photo_id: str, picture: str, side: int | None) -> str:
    """Return the path of a picture of a photo.

    Raises
    ------
    UsageError
        There is no such picture.
    """
    if picture not in _PICTURES:
        raise UsageError(f"Unknown picture {picture!r}. Choose from: {', '.join(_PICTURES)}.")
    return f"{_photo(photo_id)}/{picture}" + ("" if side is None else f"?side={side}")


_PICTURES = ("thumbnail", "image", "focus", "original")


def images_search(
    query: str | None = None,
    *,
    image: GivenFile | None = None,
    images: Sequence[GivenFile] = (),
    weights: Sequence[float] = (),
    photo_id: str | None = None,
    like: str | Sequence[str] = (),
    plus: str | Sequence[str] = (),
    minus: str | Sequence[str] = (),
    namespace: str | None = None,
    camera: str | None = None,
    label: str | None = None,
    taken_from: str | None = None,
    taken_to: str | None = None,
    least: Mapping[str, float] | None = None,
    sort: str | None = None,
    limit: int = 200,
    min_score: float | None = None,
    expand: bool = False,
    fields: str | Sequence[str] = (),
    cursor: str | None = None,
) -> Call[schemas.HitList]:
    """Find photos by words, by photos, and by both together.

    Parameters
    ----------
    query : str, optional
        As ``safelight search`` takes it.
    image : path, open binary file or (name, contents), optional
        A photo that is sent along; see :func:`upload`.
    images : sequence of path, open binary file or (name, contents)
        Several.
    weights : sequence of float
        Of each photo that is sent along, 1 if not given; below 0, photos like it are avoided.
    photo_id : str, optional
        More like this photo of the library.
    like : str or sequence of str
        More like these, as in ``["9f86d0", "2c26b4:0.5"]``.
    plus, minus : sequence of str
        More terms, and terms to avoid, as in ``["people:0.5"]``.
    namespace, camera, label, taken_from, taken_to, least
        As :func:`photos_page` takes them.
    sort : str, optional
        In which order the nearest come, as :func:`photos_page` takes it; else the nearest first.
    limit : int
        How many of the nearest; hits in a page.
    min_score : float, optional
    expand : bool
        Each photo of a stack is a hit; else the best one, with their number.
    fields : str or sequence of str
        Further fields of each photo, as :func:`photos_page` takes them.
    cursor : str, optional
        ``next`` of the page before.
    """
    wanted = _given(
        query=query,
        like=as_list(like, "like", str),
        weights=[as_number(each, "weights") for each in as_list(weights, "weights", Real)],
        fields=as_list(fields, "fields", str),
        cursor=cursor,
        photo_id=photo_id,
        plus=as_list(plus, "plus", str),
        minus=as_list(minus, "minus", str),
        namespace=namespace,
        camera=camera,
        label=label,
        min=_least(least),
        sort=sort,
        limit=limit,
        min_score=min_score,
        expand=expand or None,
        **{"from": taken_from, "to": taken_to},
    )
    path, read = f"{_API}/images/search", _as(schemas.HitList)
    sent = [
        *(() if image is None else (image,)),
        *_sent(images),
    ]
    if not sent:
        return Call("POST", path, read, json=wanted)
    form = {"request": json.dumps(wanted)}
    return Call("POST", path, read, files=[("image", each) for each in sent], form=form)


def upload(
    files: GivenFile | Iterable[GivenFile],
    *,
    namespace: str | None = None,
    score: bool | None = None,
    label: bool | None = None,
) -> Call[schemas.Uploads]:
    """Put photos into the library; they can be found when this returns.

    Each is taken or refused by itself; the answer says so. If all are refused, that is an error,
    with each file's reason in ``errors`` of its context. Sending a photo twice is not an error.

    Parameters
    ----------
    files : path, open binary file or (name, contents), or iterable of them
        Contents are bytes, an open file, or an iterable of bytes, also an asynchronous one.
    namespace : str, optional
    score, label : bool, optional
        Whether to measure their quality, and to label them; as the library's photos are if None.
    """
    return _upload("PUT", "photos", _as(schemas.Uploads), files, namespace, score, label)


def start_upload(
    files: GivenFile | Iterable[GivenFile],
    *,
    namespace: str | None = None,
    score: bool | None = None,
    label: bool | None = None,
) -> Call[schemas.Job]:
    """Send photos, which the server ingests as a job; return the job.

    When this returns, they are on the server's disk. ``photos`` of the job tells what came of each
    file. Parameters as of :func:`upload`.
    """
    return _upload("POST", "uploads", _as(schemas.Job), files, namespace, score, label)


def _upload(
    method: str,
    path: str,
    read: Callable[[bytes], Result],
    files: GivenFile | Iterable[GivenFile],
    namespace: str | None,
    score: bool | None,
    label: bool | None,
) -> Call[Result]:
    return Call(
        method,
        f"{_API}/{path}",
        read,
        _params(
            namespace=namespace,
            score=None if score is None else str(score).lower(),
            label=None if label is None else str(label).lower(),
        ),
        files=[("files", each) for each in files_of(files)],
        is_slow=True,
    )


class IngestOptions(TypedDict, total=False):
    """Options of an ingest besides its source; see :func:`start_ingest`."""

    namespace: str
    recursive: bool
    exclude: str | Sequence[str]
    score: bool
    label: bool
    retry_failed: bool
    accept_missing: bool


def start_ingest(source: str, **wanted: Unpack[IngestOptions]) -> Call[schemas.Job]:
    """Let the server bring its library up to date with one of its own folders; return the job.

    Parameters
    ----------
    source : str
        As ``safelight ingest`` takes it, on the server's disk and in one of its roots.
    namespace : str, optional
    recursive : bool, optional
    exclude : sequence of str, optional
    score, label : bool, optional
        Measure quality, and label, as well.
    retry_failed, accept_missing : bool, optional
    """
    body = {**wanted, "source": source}
    if "exclude" in wanted:
        body["exclude"] = as_list(wanted["exclude"], "exclude", str)
    return Call("POST", f"{_API}/ingest", _as(schemas.Job), json=body)


def jobs_page(*, limit: int = 50, cursor: str | None = None) -> Call[schemas.JobList]:
    """Return a page of jobs, the newest first."""
    params = _params(limit=str(limit), cursor=cursor)
    return Call("GET", f"{_API}/jobs", _as(schemas.JobList), params)


def job(job_id: str) -> Call[schemas.Job]:
    """Return how far a job is."""
    return Call("GET", f"{_API}/jobs/{_part(job_id)}", _as(schemas.Job))


def cancel(job_id: str) -> Call[schemas.Job]:
    """End a job; what it did is kept."""
    return Call("DELETE", f"{_API}/jobs/{_part(job_id)}", _as(schemas.Job))


def search(
    text: str,
    *,
    limit: int = 10,
    namespace: str | None = None,
    filters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    return_embedding: bool = False,
) -> Call[tuple[schemas.VectorScore, ...]]:
    """Find photos, texts and vectors by words, best first.

    Parameters
    ----------
    text : str
    limit : int
    namespace : str, optional
    filters : mapping or sequence of mapping, optional
        On metadata: ``{"label": "landscape"}``, ``{"year": {"gte": 2020}}``, or
        ``[{"field": "year", "operator": ">=", "value": 2020}]``.
    return_embedding : bool
    """
    wanted = _given(
        text=text,
        limit=limit,
        namespace=namespace,
        filters=_filters(filters),
        return_embedding=return_embedding,
    )

    def read(body: bytes) -> tuple[schemas.VectorScore, ...]:
        return _as(schemas.MatchList)(body).matches

    return Call("POST", f"{_API}/search", read, json=wanted)


def vectors_page(
    *, namespace: str | None = None, limit: int = 100, cursor: str | None = None
) -> Call[VectorPage]:
    """Return a page of vectors: those that clients brought, then photos and texts.

    Parameters
    ----------
    namespace : str, optional
    limit : int
    cursor : str, optional
        ``next`` of the page before.
    """
    params = _params(namespace=namespace, cursor=cursor, limit=str(limit))
    several = _several(schemas.Vector)

    def read(body: bytes) -> VectorPage:
        return VectorPage(several(body))

    def linked(page: VectorPage, following: str | None) -> VectorPage:
        return replace(page, next=following)

    return Call("GET", f"{_API}/vectors", read, params, linked=linked)


def vector(vector_id: str, *, namespace: str | None = None) -> Call[schemas.Vector]:
    """Return a vector, or the one of a photo or text."""
    return Call("GET", _vector(vector_id), _as(schemas.Vector), _params(namespace=namespace))


def count_vectors(namespace: str | None = None) -> Call[int]:
    """Return how many vectors, photos and texts there are."""

    def read(body: bytes) -> int:
        return _as(schemas.VectorCount)(body).count

    return Call("GET", f"{_API}/vectors/count", read, _params(namespace=namespace))


def put_vector(
    embedding: Sequence[float],
    *,
    vector_id: str | None = None,
    metadata: Mapping[str, str] | None = None,
    namespace: str | None = None,
) -> Call[schemas.Vector]:
    """Keep a vector; in place of the one of its id, if there is one."""
    wanted = _given(
        id=vector_id,
        embedding=_numbers(embedding),
        metadata=as_mapping(metadata, "metadata", "texts by name"),
        namespace=namespace,
    )
    return Call("POST", f"{_API}/vectors", _as(schemas.Vector), json=wanted)


def delete_vector(vector_id: str, *, namespace: str | None = None) -> Call[None]:
    """Forget a vector."""
    return Call("DELETE", _vector(vector_id), _nothing, _params(namespace=namespace))


def embed(
    text: str,
    *,
    author: str = "",
    metadata: Mapping[str, str] | None = None,
    namespace: str | None = None,
) -> Call[schemas.Vector]:
    """Embed a text with the server's model, keep the vector and return it."""
    wanted = _given(
        text=text,
        author=author,
        metadata=as_mapping(metadata, "metadata", "texts by name"),
        namespace=namespace,
    )
    return Call("POST", f"{_API}/vectors/embed", _as(schemas.Vector), json=wanted)


def vectors_search(
    embedding: Sequence[float],
    *,
    limit: int = 10,
    namespace: str | None = None,
    filters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
) -> Call[tuple[schemas.VectorScore, ...]]:
    """Find what is nearest to a vector, among all that has as many numbers."""
    wanted = _given(
        embedding=_numbers(embedding),
        limit=limit,
        namespace=namespace,
        filters=_filters(filters),
    )
    return Call("POST", f"{_API}/vectors/search", _several(schemas.VectorScore), json=wanted)


def embedder() -> Call[schemas.EmbedderStats]:
    """Return which model the library is searched with."""
    return Call("GET", f"{_API}/embedder/stats", _as(schemas.EmbedderStats))


def duplicates_page(
    *,
    relation: str | None = None,
    namespace: str | None = None,
    prefer: str | Iterable[str] = (),
    protect: str | Iterable[str] = (),
    limit: int = 20,
    cursor: str | None = None,
    wait: float | None = None,
) -> Call[schemas.GroupList]:
    """Return a page of groups of photos that belong together, with the one to keep, and why.

    Parameters
    ----------
    relation : str, optional
        Only groups of it; of all but ``similar`` if not given.
    namespace : str, optional
    prefer, protect : iterable of str
        Folders whose files are kept, and those of which nothing ever goes.
    limit : int
    cursor : str, optional
        ``next`` of the page before.
    wait : float, optional
        Seconds to wait while photos are compared; then the answer's `state` is ``comparing``. As
        long as it takes if not given.
    """
    params = _params(relation=relation, namespace=namespace, cursor=cursor, limit=str(limit))
    params += [("prefer", folder) for folder in as_list(prefer, "prefer", str)]
    params += [("protect", folder) for folder in as_list(protect, "protect", str)]
    return Call("GET", f"{_API}/duplicates", _as(schemas.GroupList), params, waits=_seconds(wait))


def duplicate_group(
    group: str,
    *,
    keeper: str | None = None,
    path: str | None = None,
    namespace: str | None = None,
) -> Call[schemas.Group]:
    """Return one group; with `keeper` or `path`, as it is if that photo is kept instead."""
    params = _params(keeper=keeper, path=path, namespace=namespace)
    return Call("GET", f"{_API}/duplicates/{_part(group)}", _as(schemas.Group), params)


def group_photos_page(
    group: str, *, namespace: str | None = None, limit: int = 100, cursor: str | None = None
) -> Call[schemas.GroupPhotos]:
    """Return a page of the files of a group, the suggested keeper first."""
    params = _params(namespace=namespace, cursor=cursor, limit=str(limit))
    path = f"{_API}/duplicates/{_part(group)}/photos"
    return Call("GET", path, _as(schemas.GroupPhotos), params)


def decide(group: str, decision: str, *, namespace: str | None = None) -> Call[schemas.Decided]:
    """Decide on a group: ``not-duplicates``, ``keep-both`` or ``resolved``."""
    path, params = f"{_API}/duplicates/{_part(group)}/decision", _params(namespace=namespace)
    return Call("PUT", path, _as(schemas.Decided), params, json={"decision": decision})


def decisions_page(*, limit: int = 100, cursor: str | None = None) -> Call[schemas.DecisionList]:
    """Return a page of what was decided on groups, the last decision first."""
    params = _params(limit=str(limit), cursor=cursor)
    return Call("GET", f"{_API}/duplicates/decisions", _as(schemas.DecisionList), params)


def take_back(group: str) -> Call[schemas.Decided]:
    """Take back what was decided on a group."""
    path = f"{_API}/duplicates/{_part(group)}/decision"
    return Call("DELETE", path, _as(schemas.Decided))


def make_plan(
    groups: str | Mapping[str, str] | Iterable[str | Mapping[str, str]],
    action: str = "quarantine",
    *,
    prefer: str | Iterable[str] = (),
    protect: str | Iterable[str] = (),
    namespace: str | None = None,
) -> Call[schemas.Plan]:
    """Plan what to do about groups; nothing is touched until the plan is applied.

    Parameters
    ----------
    groups : iterable of str or mapping
        Ids, or ``{"group": ID, "keeper": PHOTO_ID}`` to keep another photo.
    action : str
        ``quarantine``, ``hardlink`` or ``trash``.
    prefer, protect : iterable of str
        Folders whose files are kept, and those of which nothing ever goes.
    namespace : str, optional
    """
    folders = {
        "prefer": as_list(prefer, "prefer", str),
        "protect": as_list(protect, "protect", str),
    }
    chosen = [
        {"group": each} if isinstance(each, str) else dict(each)
        for each in as_list(groups, "groups", str, Mapping)
    ]
    return Call(
        "POST",
        f"{_API}/plans",
        _as(schemas.Plan),
        _params(namespace=namespace),
        json={"groups": chosen, "action": action, **folders},
        is_slow=True,
    )


def plans_page(*, limit: int = 100, cursor: str | None = None) -> Call[schemas.PlanList]:
    """Return a page of plans without their files, the newest first."""
    params = _params(limit=str(limit), cursor=cursor)
    return Call("GET", f"{_API}/plans", _as(schemas.PlanList), params)


def plan_actions_page(
    plan_id: str, *, limit: int = 100, cursor: str | None = None
) -> Call[schemas.ActionList]:
    """Return a page of a plan's actions, and what became of each."""
    params = _params(limit=str(limit), cursor=cursor)
    return Call("GET", f"{_API}/plans/{_part(plan_id)}/actions", _as(schemas.ActionList), params)


def plan(plan_id: str) -> Call[schemas.Plan]:
    """Return a plan."""
    return Call("GET", f"{_API}/plans/{_part(plan_id)}", _as(schemas.Plan))


def apply_plan(plan_id: str) -> Call[schemas.Plan]:
    """Do what a plan says."""
    path = f"{_API}/plans/{_part(plan_id)}/apply"
    return Call("POST", path, _as(schemas.Plan), is_slow=True)


def undo_plan(plan_id: str) -> Call[schemas.Plan]:
    """Undo what a plan did, to the byte."""
    path = f"{_API}/plans/{_part(plan_id)}/undo"
    return Call("POST", path, _as(schemas.Plan), is_slow=True)


def forget_plan(plan_id: str) -> Call[None]:
    """Forget a plan that was not applied."""
    return Call("DELETE", f"{_API}/plans/{_part(plan_id)}", _nothing)


def sources_page(
    namespace: str | None = None, *, limit: int = 100, cursor: str | None = None
) -> Call[schemas.SourceList]:
    """Return a page of the sources, with the number of their files."""
    params = _params(namespace=namespace, limit=str(limit), cursor=cursor)
    return Call("GET", f"{_API}/sources", _as(schemas.SourceList), params)


def failures_page(
    namespace: str | None = None, *, limit: int = 100, cursor: str | None = None
) -> Call[schemas.FailureList]:
    """Return a page of the files that could not be ingested, and why."""
    params = _params(namespace=namespace, limit=str(limit), cursor=cursor)
    return Call("GET", f"{_API}/failures", _as(schemas.FailureList), params)


def move_source(
    old: str | os.PathLike[str],
    new: str | os.PathLike[str],
    *,
    namespace: str | None = None,
    dry_run: bool = False,
) -> Call[schemas.Moved]:
    """Tell the library that a folder or file of the server is at another path now.

    Parameters
    ----------
    old, new : path-like
        Absolute; the new one in a folder that the server may read.
    namespace : str, optional
        Only in it.
    dry_run : bool
        Only count.
    """
    wanted = _given(old=os.fspath(old), new=os.fspath(new), namespace=namespace, dry_run=dry_run)
    path = f"{_API}/sources/move"
    return Call("POST", path, _as(schemas.Moved), json=wanted, is_slow=True)


def forget(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    *,
    namespace: str | None = None,
    missing: bool = False,
    label_set: str | None = None,
    decisions: bool = False,
    dry_run: bool = False,
) -> Call[schemas.Forgotten]:
    """Forget files, folders and sources; or a namespace; or a label set. No photo is touched.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        Absolute paths on the server, or sources as :func:`sources` lists them.
    namespace : str, optional
        Only in it; without `paths` and `missing`, all of it.
    missing : bool
        Only files that are missing.
    label_set : str, optional
        The version of a label set, or its first six or more digits.
    decisions : bool
        Also what was decided about photos that no known file holds any more.
    dry_run : bool
        Only count.
    """
    given: list[str | os.PathLike[str]] = as_list(paths, "paths", str, os.PathLike)
    wanted = _given(
        paths=[os.fspath(path) for path in given],
        namespace=namespace,
        missing=missing,
        label_set=label_set,
        decisions=decisions,
        dry_run=dry_run,
    )
    return Call("POST", f"{_API}/forget", _as(schemas.Forgotten), json=wanted, is_slow=True)


def features(batch: Mapping[str, Any]) -> Call[dict[str, Any]]:
    """Return a batch of the features service with ``features`` in each artifact."""

    def read(body: bytes) -> dict[str, Any]:
        found: dict[str, Any] = build(dict[str, Any], _parsed(body))
        return found

    as_kind(batch, "batch", "a batch of the features service", Mapping)
    return Call("POST", f"{_API}/features", read, json=dict(batch), is_slow=True)


def original_path(photo_id: str) -> str:
    """Return where the file of a photo is."""
    return f"{_photo(photo_id)}/original"


def events_path(job_id: str) -> str:
    """Return where the events of a job are told."""
    return f"{_API}/jobs/{_part(job_id)}/events"


def change_events(
    since: str | None, namespace: str | None, fields: str | Sequence[str]
) -> tuple[str, list[tuple[str, str]]]:
    """Return where the changes of a library are told, and the parameters."""
    named = ",".join(as_list(fields, "fields", str)) or None
    return f"{_API}/changes/events", _params(since=since, namespace=namespace, fields=named)


def read_change(line: str) -> schemas.Change | None:
    """Return the change that a line of events tells of, if it does."""
    if not line.startswith("data: ") or '"kind"' not in line:
        return None
    return _as(schemas.Change)(line.removeprefix("data: ").encode())


def read_event(line: str) -> schemas.Job | None:
    """Return the job that a line of events tells of, if it does."""
    if not line.startswith("data: "):
        return None
    return _as(schemas.Job)(line.removeprefix("data: ").encode())


def _as(kind: type[T]) -> Callable[[bytes], T]:
    return lambda body: build(kind, _parsed(body))


def _several(kind: type[T]) -> Callable[[bytes], tuple[T, ...]]:
    return lambda body: build(tuple[kind, ...], _parsed(body))  # type: ignore[valid-type]


def _nothing(_: bytes) -> None:
    return None


def _parsed(body: bytes) -> Any:
    try:
        return parse_json(body)
    except ValueError as error:
        raise ServerError(
            "The server's answer is not JSON. Is this the address of safelight?", code="bad-answer"
        ) from error


def _seconds(wait: float | None) -> float:
    return math.inf if wait is None else wait


def _params(**given: str | None) -> list[tuple[str, str]]:
    return [(name, value) for name, value in given.items() if value is not None]


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _least(least: Mapping[str, float] | None) -> dict[str, float]:
    return as_mapping(least, "least", "scores by metric")


def _filters(filters: object) -> object:
    wanted = "conditions on metadata, by name or in a list"
    return None if filters is None else as_kind(filters, "filters", wanted, Mapping, list, tuple)


def _photo(photo_id: str) -> str:
    return f"{_API}/photos/{_part(photo_id)}"


def _vector(vector_id: str) -> str:
    return f"{_API}/vectors/{_part(vector_id)}"


def _part(text: str) -> str:
    return quote(as_name(text, "id"), safe="")


def _sent(images: GivenFile | Sequence[GivenFile]) -> list[GivenFile]:
    """Return photos to send; a name with its bytes is one of them, and other tuples are several."""
    several = images
    if isinstance(images, tuple) and not (len(images) == 2 and isinstance(images[1], bytes)):
        several = list(images)
    return as_list(several, "images", str, os.PathLike, tuple)


def _numbers(vector: Sequence[float]) -> list[float]:
    try:
        # float() reads texts as well.
        numbers = [0.0 + each for each in vector]
    except TypeError:
        numbers = []
    if not numbers or not all(map(math.isfinite, numbers)):
        raise UsageError("The embedding should be a list of finite numbers.", code="vector")
    return [float(each) for each in numbers]
