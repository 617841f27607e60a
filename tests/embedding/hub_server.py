"""A server on this machine that speaks as much of the hub's protocol as a download needs."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """The hub, with one folder as each repository.

    Attributes
    ----------
    repos : dict of str to Path
    status : int
        What every request is answered with if it is not 200.
    delay : float
        Seconds before each answer.
    spoilt : set of str
        Files whose bytes are not those announced.
    cut : set of str
        Files whose first transfer ends half way.
    requests : list of (method, path, range)
    """

    repos: dict[str, Path]
    status: int = 200
    delay: float = 0.0
    spoilt: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        self.hub.requests.append((self.command, path, self.headers.get("Range")))
        time.sleep(self.hub.delay)
        if self.hub.status != 200:
            self._send(self.hub.status, b"{}", {})
            return
        for repo, folder in self.hub.repos.items():
            if path == f"/api/models/{repo}":
                self._send(200, json.dumps(_info(repo, folder)).encode(), {})
                return
            name = path.removeprefix(f"/{repo}/resolve/main/")
            if name != path and (folder / name).is_file():
                self._send_file(folder, name)
                return
        code = "RepoNotFound" if path.startswith("/api/models/") else "EntryNotFound"
        self._send(404, b"{}", {"X-Error-Code": code})

    def _send_file(self, folder: Path, name: str) -> None:
        data = (folder / name).read_bytes()
        headers = {
            "X-Repo-Commit": COMMIT,
            "ETag": f'"{_etag(name, data)}"',
            "Accept-Ranges": "bytes",
        }
        if name in self.hub.spoilt:
            data = data[:-1] + bytes([data[-1] ^ 1])
        start = 0
        if wanted := self.headers.get("Range"):
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        cut = self.command == "GET" and name in self.hub.cut
        self.hub.cut -= {name} if cut else set()
        self._send(206 if start else 200, data[start:], headers, cut=cut)

    def _send(
        self, status: int, body: bytes, headers: dict[str, str], *, cut: bool = False
    ) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = cut


def _info(repo: str, folder: Path) -> dict[str, Any]:
    siblings = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name, data = path.relative_to(folder).as_posix(), path.read_bytes()
        entry = {"rfilename": name, "size": len(data), "blobId": _git_digest(data)}
        if _is_large(name):
            digest = hashlib.sha256(data).hexdigest()
            entry["lfs"] = {"sha256": digest, "size": len(data), "pointerSize": 134}
        siblings.append(entry)
    return {"id": repo, "modelId": repo, "sha": COMMIT, "private": False, "siblings": siblings}


def _is_large(name: str) -> bool:
    return name.endswith((".onnx", ".onnx_data", "tokenizer.json"))


def _etag(name: str, data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() if _is_large(name) else _git_digest(data)


def _git_digest(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
