"""The real server, on a free port of this machine, in a thread."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import httpx2
import pytest

from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.model_choice import Choice
from safelight.server.config import ServerConfig
from safelight.server.run import make_server
from safelight.server.state import ServerState
from safelight.settings import Settings
from tests.ports import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from safelight.library.database import Database
    from safelight.server.run import Server
    from tests.fakes import ColourEmbedder


class Running:
    """A running server: its address, a client of it, and what it serves."""

    def __init__(
        self, url: str, service: ServerState, server: Server, stop: Callable[[], None]
    ) -> None:
        self.url = url
        self.server = server
        self.service = service
        self.stop = stop
        self.client = httpx2.Client(base_url=url, timeout=60)

    @property
    def library(self) -> Database:
        return self.service.library

    def get(self, path: str, **options) -> httpx2.Response:
        return self.client.get(path, **options)

    def post(self, path: str, json=None, **options) -> httpx2.Response:
        return self.client.post(path, json=json, **options)

    def upload(self, *files: tuple[str, bytes], path: str = "/api/v1/photos", **options):
        return self.client.put(
            path, files=[("files", (name, data)) for name, data in files], **options
        )

    def wait(self, job_id: str, state: str = "done") -> dict:
        """Return the job when it has ended, as it should."""

        def ended() -> dict | None:
            job = self.get(f"/api/v1/jobs/{job_id}").json()
            return None if job["state"] in ("queued", "running") else job

        job = until(ended)
        assert job["state"] == state, job
        return job


@contextlib.contextmanager
def running(
    library: Database,
    embedder: ColourEmbedder | None = None,
    settings: Settings | None = None,
    **options,
) -> Iterator[Running]:
    """Serve a library until the block is left."""
    port = free_port()
    options = {"port": port, **options}
    choice = Choice(embedder, embedder.name) if embedder is not None else None
    settings = settings or Settings(library=library.path)
    service = ServerState(library, settings, ServerConfig(**options), choice)
    server = make_server(service)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started or not thread.is_alive())
    assert server.started

    def stop() -> None:
        server.should_exit = True

    found = Running(f"http://127.0.0.1:{port}", service, server, stop)
    try:
        yield found
    finally:
        found.client.close()
        stop()
        thread.join(timeout=90)
        assert not thread.is_alive(), "the server does not stop"


@pytest.fixture
def photos(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    """A folder with three photos of each colour."""
    folder = tmp_path / "photos"
    for colour in ("red", "green", "blue"):
        for number in range(3):
            make_photo(folder / colour / f"{colour} {number}.png", colour, seed=number)
    return folder


@pytest.fixture
def filled(library: Database, photos: Path, embedder: ColourEmbedder) -> Database:
    """A library of these photos, in the namespace of their colour."""
    for colour in ("red", "green", "blue"):
        source = parse_source(f"images:{photos / colour}")
        ingest(library, [source], embedder, model=embedder.name, namespace=colour)
    return library


@pytest.fixture
def server(filled: Database, photos: Path, embedder: ColourEmbedder) -> Iterator[Running]:
    """A server of that library, which may ingest the folder of the photos."""
    with running(filled, embedder, roots=(str(photos),)) as found:
        yield found
