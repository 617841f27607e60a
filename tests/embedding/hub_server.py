"""A server on this machine that speaks as much of the hub's protocol as a download needs."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import suppress
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
    breaks : dict of str to int
        Files of which no transfer gets beyond so many bytes.
    stalls : dict of str to float
        Files of which half is sent, and the rest after so many seconds.
    gated : set of str
        Repositories of which everybody may see what is in them, and few may have it.
    tags : dict of str to list of str
        Of repositories, such as their licences.
    refused : dict of str to int
        Files that are announced, and the status with which they are refused.
    ignores_ranges : bool
        Whether a transfer begins again each time.
    is_page : bool
        Whether everything is answered with a page of a network's owner.
    page_for : set of str
        Files that are answered with such a page.
    tells_sizes : bool
    lies : dict of str to object
        What is told instead: ``sha256`` and ``size`` of large files, ``etag``, ``commit`` and
        ``location`` of all, and more ``names``.
    elsewhere : str
        The server that has the large files, if it is another, as in life.
    tokens : set of str or None
        With which it was asked.
    requests : list of (method, path, range)
    """

    repos: dict[str, Path]
    status: int = 200
    delay: float = 0.0
    spoilt: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    breaks: dict[str, int] = field(default_factory=dict)
    stalls: dict[str, float] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    tags: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    ignores_ranges: bool = False
    is_page: bool | str = False
    page_for: set[str] = field(default_factory=set)
    tells_sizes: bool = True
    lies: dict[str, Any] = field(default_factory=dict)
    elsewhere: str = ""
    tokens: set[str | None] = field(default_factory=set)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def pause(self, seconds: float) -> None:
        """Wait for so long, or until nobody needs the hub any more."""
        self._left.wait(seconds)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        with suppress(ConnectionError):  # who has asked has gone
            super().handle()

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        self.hub.requests.append((self.command, path, self.headers.get("Range")))
        self.hub.tokens.add(self.headers.get("Authorization"))
        self.hub.pause(self.hub.delay)
        if self.hub.status != 200:
            self._send(self.hub.status, b"{}", {})
            return
        if self.hub.is_page or path.partition("/resolve/main/")[2] in self.hub.page_for:
            if self.hub.is_page == "json":  # some other service's
                self._send(200, b'{"siblings": 5}', {"Content-Type": "application/json"})
                return
            page = b"<!DOCTYPE html><title>Welcome to our network</title>"
            self._send(200, page, {"Content-Type": "text/html; charset=utf-8"})
            return
        for repo, folder in self.hub.repos.items():
            if path == f"/api/models/{repo}":
                info = _info(repo, folder, self.hub)
                self._send(200, json.dumps(info).encode(), {"Content-Type": "application/json"})
                return
            name = path.removeprefix(f"/{repo}/resolve/main/")
            if name != path and repo in self.hub.gated:
                self._send(403, b"{}", {"X-Error-Code": "GatedRepo"})
                return
            refused = self.hub.refused.get(name)
            if refused:
                why = {"X-Error-Code": "EntryNotFound"} if refused == 404 else {}
                self._send(refused, b"{}", why)
                return
            if name != path and (folder / name).is_file():
                self._send_file(folder, name)
                return
        code = "RepoNotFound" if path.startswith("/api/models/") else "EntryNotFound"
        self._send(404, b"{}", {"X-Error-Code": code})

    def _send_file(self, folder: Path, name: str) -> None:
        data = (folder / name).read_bytes()
        headers = {
            "X-Repo-Commit": self.hub.lies.get("commit", COMMIT),
            "ETag": f'"{self.hub.lies.get("etag") or _etag(name, data)}"',
            "Accept-Ranges": "bytes",
        }
        if "location" in self.hub.lies:
            headers["Location"] = self.hub.lies["location"]
            self._send(302, b"", headers)
            return
        if self.hub.elsewhere and _is_large(name):
            headers["X-Linked-ETag"] = headers.pop("ETag")
            headers["X-Linked-Size"] = str(len(data))
            headers["Location"] = self.hub.elsewhere + self.path
            self._send(302, b"", headers)
            return
        if name in self.hub.spoilt:
            data = data[:-1] + bytes([data[-1] ^ 1])
        start = 0
        wanted = self.headers.get("Range")
        if wanted and not self.hub.ignores_ranges:
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        body = data[start:]
        sent = len(body)
        if self.command == "GET" and name in self.hub.cut:
            self.hub.cut -= {name}
            sent = len(body) // 2
        if name in self.hub.breaks:
            sent = max(self.hub.breaks[name] - start, 0)
        stall = self.hub.stalls.get(name, 0.0)
        self._send(206 if start else 200, body, headers, sent=sent, stall=stall)

    def _send(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str],
        *,
        sent: int | None = None,
        stall: float = 0.0,
    ) -> None:
        sent = len(body) if sent is None else sent
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            with suppress(ConnectionError):  # who has asked does not wait for all of it
                self.wfile.write(body[: sent // 2])
                self.hub.pause(stall)
                self.wfile.write(body[sent // 2 : sent])
            self.close_connection = sent < len(body)


def _info(repo: str, folder: Path, hub: Hub) -> dict[str, Any]:
    siblings = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name, data = path.relative_to(folder).as_posix(), path.read_bytes()
        size = len(data) if hub.tells_sizes else 0
        entry = {"rfilename": name, "size": size, "blobId": _git_digest(data)}
        if _is_large(name):
            digest = hub.lies.get("sha256", hashlib.sha256(data).hexdigest())
            size = entry["size"] = hub.lies.get("size", size)
            entry["lfs"] = {"sha256": digest, "size": size, "pointerSize": 134}
        siblings.append(entry)
    siblings += [{"rfilename": name, "size": 1} for name in hub.lies.get("names", ())]
    about = {"sha": COMMIT, "private": False, "tags": hub.tags.get(repo, []), "siblings": siblings}
    return {"id": repo, "modelId": repo, **about}


def _is_large(name: str) -> bool:
    large = (".onnx", ".onnx_data", "tokenizer.json", ".safetensors", ".bin", ".pt")
    return name.endswith(large)


def _etag(name: str, data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() if _is_large(name) else _git_digest(data)


def _git_digest(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
