"""POSTs with an ``Idempotency-Key``: the same key and request is done once, and answered the same.

The answer is kept in the library for a day, by token, so that it outlives the server. What was
refused, or failed, is not kept: it may be tried again. The work goes on when its client leaves, as
one does that was given up on; who sends the request again then waits for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from contextvars import ContextVar
from typing import TYPE_CHECKING

from fastapi import Response
from starlette.datastructures import UploadFile

from safelight.library.state.kept_answers import claim, give_up, keep_answer
from safelight.server.errors import Problem, busy

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from fastapi import Request

    from safelight.library.database import Database
    from safelight.server.pools import WorkerPool

HEADER = "idempotency-key"

_LONGEST = 255

#: The header, as the document of the API has it.
KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A name for this request that no other one of the token has. Sent again within "
    "24 hours with the same key, it is not done again, and has the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": _LONGEST},
    "example": "9b2f6c1e-4f3d-4b8a-9d53-0c6f5a7e1b2d",
}

#: Headers of an answer that are kept with it.
_KEPT_HEADERS = ("content-type", "location")

_CHUNK = 1 << 20

_operation: ContextVar[str | None] = ContextVar("operation", default=None)


def operation_id() -> str:
    """Return an id for what a request makes: the same for all that have its key, else a new one.

    So a request whose server died before there was an answer finds what it had made.
    """
    return _operation.get() or uuid.uuid4().hex


class Once:
    """The requests with keys that are at work, and those that were answered.

    Parameters
    ----------
    library : Database
    threads : WorkerPool
        To read and write the library, and to read files of forms.
    max_files : int
        Files of a form.
    """

    def __init__(self, library: Database, threads: WorkerPool, max_files: int) -> None:
        self._library = library
        self._threads = threads
        self._max_files = max_files
        self._working: dict[tuple[str, str], tuple[str, asyncio.Task[Response]]] = {}

    async def answer(
        self,
        request: Request,
        token: str | None,
        key: str,
        work: Callable[[], Coroutine[Any, Any, Response]],
    ) -> Response:
        """Return the answer to a request: what `work` returns, or what it returned before.

        Parameters
        ----------
        request : Request
        token : str or None
            Id of its token.
        key : str
        work : callable

        Raises
        ------
        Problem
            With 422: the key cannot be one, or came with another request.
        """
        if not 0 < len(key) <= _LONGEST or not key.isascii() or not key.isprintable():
            raise _refused(f"An `Idempotency-Key` should be 1 to {_LONGEST} letters and digits.")
        digest = await self._digest(request)
        place = (token or "", key)
        known = self._working.get(place)
        if known is not None:
            await request.close()  # the files of its form
            _require_same(known[0], digest)
            return _replayed(await asyncio.shield(known[1]))
        task = asyncio.create_task(self._closing(request, self._do(place, digest, work)))
        self._working[place] = (digest, task)
        task.add_done_callback(lambda done: self._end(place, done))
        return await asyncio.shield(task)

    async def _closing(self, request: Request, doing: Coroutine[Any, Any, Response]) -> Response:
        try:
            return await doing
        finally:
            await request.close()

    def _end(self, place: tuple[str, str], task: asyncio.Task[Response]) -> None:
        self._working.pop(place, None)
        if not task.cancelled():
            task.exception()  # whoever waited has it; if nobody did, it is not to be logged

    async def _do(
        self,
        place: tuple[str, str],
        digest: str,
        work: Callable[[], Coroutine[Any, Any, Response]],
    ) -> Response:
        library, run = self._library, self._threads.run
        kept = await run(claim, library, *place, digest)
        if kept is not None:
            _require_same(kept.request, digest)
            if kept.status is None:
                raise busy("requests with this key")  # another server of the library is at work
            return _replayed(Response(kept.body, kept.status, headers=dict(kept.headers)))
        _operation.set(hashlib.sha256("\n".join(place).encode()).hexdigest()[:32])
        try:
            response = await work()
        except BaseException:
            await run(give_up, library, *place)
            raise
        if response.status_code >= 400:
            await run(give_up, library, *place)
            return response
        headers = {
            name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers
        }
        body = bytes(response.body)
        await run(keep_answer, library, *place, response.status_code, headers, body)
        return response

    async def _digest(self, request: Request) -> str:
        """Return the digest of what a request asks for."""
        found = hashlib.sha256(
            b"\n".join(
                (
                    request.method.encode(),
                    request.scope["path"].encode(),
                    request.scope["query_string"],
                )
            )
        )
        if not request.headers.get("content-type", "").lower().startswith("multipart/"):
            found.update(b"\n" + await request.body())
            return found.hexdigest()
        # Each time, the parts of a form are set apart by other letters.
        form = await request.form(max_files=self._max_files, max_fields=10)
        for name, part in form.multi_items():
            if isinstance(part, UploadFile):
                said = f"\nfile {name!r} {part.filename!r} "
                content = await self._threads.run(_digest_of_file, part)
            else:
                said, content = f"\ntext {name!r} ", hashlib.sha256(part.encode()).hexdigest()
            found.update((said + content).encode("utf-8", "surrogatepass"))
        return found.hexdigest()


def _refused(detail: str) -> Problem:
    return Problem(422, detail, "idempotency-key")


def _require_same(before: str, digest: str) -> None:
    if before != digest:
        raise _refused(
            "This `Idempotency-Key` came with another request before. Send each request with a key "
            "of its own."
        )


def _replayed(response: Response) -> Response:
    """Return a response again, marked as one that was given before."""
    headers = {**_headers(response), "idempotency-replayed": "true"}
    return Response(bytes(response.body), response.status_code, headers=headers)


def _headers(response: Response) -> dict[str, str]:
    return {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}


def _digest_of_file(part: UploadFile) -> str:
    found = hashlib.sha256()
    part.file.seek(0)
    while data := part.file.read(_CHUNK):
        found.update(data)
    part.file.seek(0)
    return found.hexdigest()
