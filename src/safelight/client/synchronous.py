"""Synchronous client, for threads.

Written by scripts/synchronous-client from asynchronous.py: change that, and run the script.
"""

from __future__ import annotations

import functools
import os
import time
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, Unpack

import httpx2

from safelight.arguments import as_count, as_list
from safelight.client import calls
from safelight.client.downloads import PartialFile, described_file
from safelight.client.multipart import Form
from safelight.client.refusals import error_of
from safelight.client.sending import (
    DOWNLOAD_TRIES,
    RETRIES,
    options,
    request_of,
    result_of,
    unreachable,
    wait_before_next,
    wait_until_ready,
)
from safelight.errors import SafelightError, UsageError
from safelight.forks import abandon, after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from safelight.client.calls import Call, IngestOptions, Page
    from safelight.schemas import Change, Job

P = ParamSpec("P")
T = TypeVar("T")


def _method(
    make: Callable[P, Call[T]],
) -> Callable[Concatenate[Client, P], T]:
    @functools.wraps(make)
    def send(self: Client, /, *args: P.args, **named: P.kwargs) -> T:
        return self.send(make(*args, **named))

    return send


def _each(
    make: Callable[P, Call[Page[T]]],
) -> Callable[Concatenate[Client, P], Iterator[T]]:
    @functools.wraps(make)
    def each(self: Client, /, *args: P.args, **named: P.kwargs) -> Iterator[T]:
        call = make(*args, **named)
        while True:
            page = self.send(call)
            yield from page.items
            if page.next is None:
                return
            call = call.following(page.next)

    each.__doc__ = (
        f"Yield each item of a list; its pages are fetched as they are needed.\n\n"
        f"Takes what ``{make.__name__}`` takes, which returns one page; `limit` is the size of a "
        "page."
    )
    return each


class Client:
    """A server, as one talks to it from a thread. Safe to use from several threads.

    A request that is refused for now (429, or 503 with ``Retry-After``) is sent again when the
    server says, a few times. Each POST has an ``Idempotency-Key``, so that nothing is done twice.

    Parameters
    ----------
    url : str
        As in ``http://127.0.0.1:8080``.
    token : str, optional
        From ``safelight token create``.
    timeout : float
        Seconds that may pass without a word; uploads, plans and batches are given 15 minutes.
    retries : int
        How often a request is sent again at most; 0: never.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        token: str | None = None,
        *,
        timeout: float = 60.0,
        retries: int = RETRIES,
    ) -> None:
        self._made_with: dict[str, Any] = {"token": token, "timeout": timeout, "retries": retries}
        self._url = url
        self._timeout = timeout
        self._retries = as_count(retries, "retries", 0)
        self._connected: httpx2.Client | None = httpx2.Client(**self._options())
        after_fork(self, Client._renew)

    @property
    def _http(self) -> httpx2.Client:
        if self._connected is None:
            self._connected = httpx2.Client(**self._options())
        self._require_open()
        return self._connected

    def _options(self) -> dict[str, Any]:
        return options(self._url, self._made_with["token"], self._timeout)

    def _require_open(self) -> None:
        if self._connected is not None and self._connected.is_closed:
            raise UsageError(
                f"This client of {self._url} was closed. Make another one.", code="closed"
            )

    def _renew(self) -> None:
        """Leave the parent's connections to it, so that nobody reads the other's answers."""
        abandon(self._connected)
        if self._connected is not None and not self._connected.is_closed:
            self._connected = None

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial(type(self), self._url, **self._made_with), ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._url!r})"

    health = _method(calls.health)
    session = _method(calls.session)
    facets = _method(calls.facets)
    complete = _method(calls.complete)
    photos = _each(calls.photos_page)
    photos_page = _method(calls.photos_page)
    read_photos = _method(calls.read_photos)
    changes = _each(calls.changes_page)
    changes_page = _method(calls.changes_page)
    photo = _method(calls.photo)
    forget_photo = _method(calls.forget_photo)
    thumbnail = _method(calls.thumbnail)
    image = _method(calls.image)
    focus = _method(calls.focus)
    sign_urls = _method(calls.sign_urls)
    images_search = _method(calls.images_search)
    search_all = _each(calls.images_search)
    search = _method(calls.search)
    upload = _method(calls.upload)
    start_upload = _method(calls.start_upload)
    start_ingest = _method(calls.start_ingest)
    jobs = _each(calls.jobs_page)
    jobs_page = _method(calls.jobs_page)
    job = _method(calls.job)
    cancel = _method(calls.cancel)
    vectors = _each(calls.vectors_page)
    vectors_page = _method(calls.vectors_page)
    vector = _method(calls.vector)
    count_vectors = _method(calls.count_vectors)
    put_vector = _method(calls.put_vector)
    delete_vector = _method(calls.delete_vector)
    embed = _method(calls.embed)
    vectors_search = _method(calls.vectors_search)
    embedder = _method(calls.embedder)
    duplicates = _each(calls.duplicates_page)
    duplicates_page = _method(calls.duplicates_page)
    group_photos = _each(calls.group_photos_page)
    group_photos_page = _method(calls.group_photos_page)
    duplicate_group = _method(calls.duplicate_group)
    decide = _method(calls.decide)
    decisions = _each(calls.decisions_page)
    decisions_page = _method(calls.decisions_page)
    take_back = _method(calls.take_back)
    make_plan = _method(calls.make_plan)
    plans = _each(calls.plans_page)
    plans_page = _method(calls.plans_page)
    plan = _method(calls.plan)
    plan_actions = _each(calls.plan_actions_page)
    plan_actions_page = _method(calls.plan_actions_page)
    apply_plan = _method(calls.apply_plan)
    undo_plan = _method(calls.undo_plan)
    forget_plan = _method(calls.forget_plan)
    features = _method(calls.features)
    sources = _each(calls.sources_page)
    sources_page = _method(calls.sources_page)
    failures = _each(calls.failures_page)
    failures_page = _method(calls.failures_page)
    move_source = _method(calls.move_source)
    forget = _method(calls.forget)

    def ingest(
        self,
        source: str,
        *,
        progress: Callable[[Job], None] = lambda _: None,
        **wanted: Unpack[IngestOptions],
    ) -> Job:
        """Let the server ingest one of its own folders; return the job when it has ended.

        Parameters
        ----------
        source : str
        progress : callable
            Given the job each time that it has gone on.
        **wanted
            As :meth:`start_ingest` takes them.
        """
        begun = self.start_ingest(source, **wanted)
        job = begun
        for job in self.follow(begun.id):
            progress(job)
        return job

    def picture_urls(
        self,
        photo_ids: str | Iterable[str],
        picture: str = "thumbnail",
        *,
        side: int | None = None,
        seconds: int = 900,
    ) -> dict[str, str]:
        """Return addresses of pictures that a page can load without a token, by photo.

        Parameters
        ----------
        photo_ids : iterable of str
        picture : str
            ``thumbnail``, ``image``, ``focus`` or ``original``.
        side : int, optional
            Of the longer side of a thumbnail or image.
        seconds : int
            How long they are good for.
        """
        wanted = as_list(photo_ids, "photo_ids", str)
        base = str(self._http.base_url).rstrip("/")
        found: dict[str, str] = {}
        for start in range(0, len(wanted), calls.SIGNED_AT_ONCE):
            some = wanted[start : start + calls.SIGNED_AT_ONCE]
            paths = [calls.picture_path(photo_id, picture, side) for photo_id in some]
            answer = self.sign_urls(paths, seconds=seconds)
            found |= zip(some, [base + url for url in answer.urls], strict=True)
        return found

    def follow(self, job_id: str) -> Iterator[Job]:
        """Yield a job each time that it has gone on, until it has ended.

        If the connection is lost on the way, what it has come to is asked for again.
        """
        job = self.job(job_id)
        yield job
        while not job.is_finished:
            try:
                with self._http.stream("GET", calls.events_path(job_id)) as response:
                    if response.status_code not in (200, 204):
                        raise error_of(response.status_code, response.read())
                    for line in response.iter_lines():
                        told = calls.read_event(line)
                        if told is not None and told != job:
                            job = told
                            yield job
            except httpx2.TransportError:
                pass
            if not job.is_finished:
                time.sleep(0.2)
                told = self.job(job_id)
                if told != job:
                    job = told
                    yield job

    def follow_changes(
        self,
        since: str | None = "now",
        *,
        namespace: str | None = None,
        fields: str | Sequence[str] = (),
    ) -> Iterator[Change]:
        """Yield what is added, changed and removed, as it happens, without end.

        If the connection is lost, it goes on behind the last change. Keep the `cursor` of the last
        one to go on from there another day.

        Parameters
        ----------
        since : str or None
            The cursor to go on from; ``now``; None: all photos are new.
        namespace : str, optional
        fields : str or sequence of str
            Further fields of each photo, as of :func:`photos_page`.
        """
        following = since
        while True:
            path, params = calls.change_events(since, namespace, fields)
            try:
                with self._http.stream("GET", path, params=dict(params)) as response:
                    if response.status_code != 200:
                        raise error_of(response.status_code, response.read())
                    for line in response.iter_lines():
                        if line.startswith("id: "):
                            following = line.removeprefix("id: ")
                        elif line.startswith("data: "):
                            since = following
                            change = calls.read_change(line)
                            if change is not None:
                                yield change
            except httpx2.TransportError:
                pass
            time.sleep(1.0)

    def original(self, photo_id: str, *, start: int = 0) -> Original:
        """Return a photo's file, byte for byte, as a stream to open.

        Parameters
        ----------
        photo_id : str
        start : int
            The byte to begin with.

        Examples
        --------
        >>> with client.original(photo_id) as stream:          # doctest: +SKIP
        ...     for chunk in stream:
        ...         print(len(chunk), "of", stream.size)
        """
        return Original(self, photo_id, start)

    def save_original(
        self, photo_id: str, path: str | os.PathLike[str], *, overwrite: bool = False
    ) -> Path:
        """Download a photo's file, and return its path; what broke off is gone on with.

        The file is there when all of it is, with the bytes that its id names.

        Parameters
        ----------
        photo_id : str
        path : path-like
        overwrite : bool
            Replace a file that is there.
        """
        part = PartialFile(path, photo_id, overwrite=overwrite)
        arrived, tries = part.open(), 0
        try:
            while True:
                before = arrived
                try:
                    with self.original(photo_id, start=arrived) as stream:
                        if stream.start != arrived:
                            part.restart()
                            arrived = stream.start
                        for chunk in stream:
                            part.write(chunk)
                            arrived += len(chunk)
                    break
                except SafelightError as error:
                    if error.context.get("status") == 416:  # all of it had arrived
                        break
                    tries = 1 if arrived > before else tries + 1
                    if error.code not in ("unreachable", "timeout") or tries > DOWNLOAD_TRIES:
                        raise
                    time.sleep(0.2 * tries)
            return part.finish()
        finally:
            part.close()

    def send(self, call: Call[T]) -> T:
        """Send a call and return what its answer says."""
        request = request_of(call, self._timeout, Form)
        sent, begun = 0, time.monotonic()
        while True:
            try:
                response = self._http.request(**request)
            except httpx2.TransportError as error:
                raise unreachable(self._http.base_url, error) from error
            wait = wait_until_ready(call, response, begun)
            if wait is None:
                sent += 1
                wait = wait_before_next(response, sent, self._retries)
            if wait is None:
                return result_of(call, response)
            time.sleep(wait)

    def _begin(self, path: str, headers: dict[str, str]) -> httpx2.Response:
        """Return an answer whose body has not come yet."""
        sent = 0
        while True:
            request = self._http.build_request("GET", path, headers=headers)
            try:
                response = self._http.send(request, stream=True)
                if response.status_code in (200, 206):
                    return response
                body = response.read()
            except httpx2.TransportError as error:
                raise unreachable(self._http.base_url, error) from error
            response.close()
            sent += 1
            wait = wait_before_next(response, sent, self._retries)
            if wait is None:
                raise error_of(response.status_code, body)
            time.sleep(wait)

    def close(self) -> None:
        """Close the connections. To close it twice does no harm."""
        if self._connected is not None:
            self._connected.close()

    def __enter__(self) -> Client:
        self._require_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Original:
    """A photo's file on its way from a server; see :meth:`Client.original`.

    Attributes
    ----------
    size : int or None
        Bytes of the whole file.
    start : int
        The byte that the stream begins with: 0 if the server sends all.
    name : str
        The file's, on the server.
    media_type : str
    """

    def __init__(self, client: Client, photo_id: str, start: int) -> None:
        self._client = client
        self._path = calls.original_path(photo_id)
        self._etag = f'"{photo_id}"'
        self._process = os.getpid()
        self._response: httpx2.Response | None = None
        self.start = start
        self.size: int | None = None
        self.name = self.media_type = ""

    def read(self) -> bytes:
        """Return all that comes."""
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        if self._response is None or self._process != os.getpid():
            raise UsageError(
                "Open the stream first, in the process that reads it: "
                "`with client.original(photo_id) as stream`.",
                code="closed",
            )
        try:
            yield from self._response.iter_raw()
        except httpx2.TransportError as error:
            raise unreachable(self._client._http.base_url, error) from error

    def __enter__(self) -> Original:
        headers = {"Accept-Encoding": "identity"}
        if self.start:
            headers |= {"Range": f"bytes={self.start}-", "If-Range": self._etag}
        response = self._client._begin(self._path, headers)
        self.size, self.start, self.name = described_file(response.headers)
        self.media_type = response.headers.get("content-type", "")
        self._response = response
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        response, self._response = self._response, None
        if response is not None and self._process == os.getpid():
            response.close()
