"""Qdrant's REST interface on a port of this machine, answered by its client's local mode.

The server itself cannot be installed from a package index. With this the whole client is tested:
its requests, its errors, API keys, a server that is away, slow or overloaded. Only what the
server does with a request is the local mode's.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from qdrant_client import QdrantClient, models

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server:
    """A server that can go away and come back with what it has.

    Attributes
    ----------
    key : str or None
        The API key that requests must have.
    busy : int
        So many of the next requests that write are answered with 503.
    slow : float
        Seconds that each takes.
    refused : str or None
        A photo id that it takes no point of.
    requests : list of str
        What was asked, as ``METHOD path``.
    """

    def __init__(self) -> None:
        self.client = QdrantClient(":memory:", force_disable_check_same_thread=True)
        self.key: str | None = None
        self.busy = 0
        self.slow = 0.0
        self.refused: str | None = None
        self.requests: list[str] = []
        self.lock = threading.Lock()
        self._port = 0
        self._http: ThreadingHTTPServer | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"qdrant://{self.host}"

    def start(self) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
        self._port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Any:
        client = self.client
        if path == "/":
            return None
        name, _, what = path.removeprefix("/collections/").partition("/")
        if what == "exists":
            return {"exists": client.collection_exists(name)}
        if method == "PUT" and not what:
            return client.create_collection(
                name, vectors_config=models.VectorParams(**body["vectors"])
            )
        if method == "DELETE" and not what:
            return client.delete_collection(name)
        if not client.collection_exists(name):
            raise LookupError(f"Not found: Collection `{name}` doesn't exist!")
        if method == "GET" and not what:
            return client.get_collection(name)
        if what == "index":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that the local mode makes none
                return client.create_payload_index(
                    name, body["field_name"], models.PayloadSchemaType(body["field_schema"])
                )
        if method == "PUT" and what == "points":
            points = models.PointsList(**body).points
            if self.refused and self.refused in [
                (each.payload or {}).get("photo_id") for each in points
            ]:
                raise ValueError("Wrong input: not to my taste")
            return client.upsert(name, points)
        if what == "points/delete":
            return client.delete(name, models.PointIdsList(**body))
        if what == "points/count":
            return client.count(name)
        if what == "points/scroll":
            request = models.ScrollRequest(**body)
            points, after = client.scroll(
                name,
                scroll_filter=request.filter,
                limit=request.limit or 10,
                offset=request.offset,
                with_payload=request.with_payload or False,
                with_vectors=request.with_vector or False,
            )
            return {"points": points, "next_page_offset": after}
        if what == "points/query":
            query = models.QueryRequest(**body)
            return client.query_points(
                name,
                query=query.query,
                limit=query.limit or 10,
                query_filter=query.filter,
                with_payload=query.with_payload or False,
            )
        raise LookupError(f"Not found: {method} {path}")


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            path = self.path.partition("?")[0]
            server.requests.append(f"{self.command} {path}")
            time.sleep(server.slow)
            with server.lock:
                status, answer = self._result(path, body)
            data = json.dumps(answer, default=_plain).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            # Whoever was killed in between does not wait for it.
            with contextlib.suppress(OSError):
                self.wfile.write(data)

        def _result(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
            if server.key is not None and self.headers.get("api-key") != server.key:
                return 401, {"status": {"error": "Must provide an API key"}, "time": 0}
            if server.busy and self.command in ("PUT", "POST"):
                server.busy -= 1
                return 503, {"status": {"error": "Overloaded"}, "time": 0}
            try:
                found = server.answer(self.command, path, body)
            except LookupError as exc:
                return 404, {"status": {"error": str(exc)}, "time": 0}
            except ValueError as exc:
                return 400, {"status": {"error": str(exc)}, "time": 0}
            if path == "/":  # the one answer that has no such frame
                return 200, {"title": "qdrant", "version": version("qdrant-client")}
            return 200, {"result": found, "status": "ok", "time": 0.0}

        do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json")


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Run a server until the end of the block."""
    server = Server()
    server.start()
    try:
        yield server
    finally:
        server.stop()
        server.client.close()
