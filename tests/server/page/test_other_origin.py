"""An app on an allowed origin, in a real browser: its pictures and events; others see nothing."""

from __future__ import annotations

import http.server
import json
import threading
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

API = "/api/v1"


class _Empty(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>an app</title>")

    def log_message(self, *_) -> None:
        pass


@pytest.fixture(scope="module")
def app() -> Iterator[str]:
    """A page of another origin."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), _Empty)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


#: Load a picture; tell whether it has come.
PICTURE = """url => new Promise(done => {
  const img = new Image();
  img.onload = () => done(img.naturalWidth);
  img.onerror = () => done(0);
  img.src = url;
})"""

#: Listen until the browser gives up; tell what came, and how often it was asked for.
LISTEN = """url => new Promise(done => {
  const told = [];
  const source = new EventSource(url);
  for (const name of ["progress", "done"])
    source.addEventListener(name, event => told.push([name, event.lastEventId]));
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) done(told);
  };
  setTimeout(() => { source.close(); done([...told, ["still asking", ""]]); }, 20000);
})"""


def test_an_app_on_an_allowed_origin_shows_pictures_and_hears_events(
    serve, ingested, copy_of, command, chromium, app, folder
) -> None:
    library = copy_of(ingested)
    token = command(
        "token", "create", "app", "--write", "--library", library
    ).strip().split()[-1]  # fmt: skip
    options = ("--require-token", "--allow-origin", app, "--root", folder)
    with serve(library, *options) as serving:
        headers = {"Authorization": f"Bearer {token}"}
        with httpx2.Client(base_url=serving.url, headers=headers) as client:
            photo_id = client.get(f"{API}/photos").json()["photos"][0]["photo_id"]
            job = client.post(f"{API}/ingest", json={"source": str(folder)}).json()
            paths = [f"{API}/photos/{photo_id}/thumbnail", f"{API}/jobs/{job['id']}/events"]
            answer = client.post(f"{API}/signatures", json={"urls": paths}).json()
        picture, events = (serving.url + url for url in answer["urls"])
        page = chromium.new_page()
        try:
            page.goto(app)
            assert page.evaluate(PICTURE, picture) > 0
            assert page.evaluate(PICTURE, serving.url + paths[0]) == 0
            told = page.evaluate(LISTEN, events)
            assert told[-1][0] == "done", json.dumps(told)
            assert [name for name, _ in told].count("done") == 1
            assert all(event_id for _, event_id in told)
            # A page of an origin that is not allowed has nothing of it.
            page.goto(app.replace("localhost", "127.0.0.1"))
            assert page.evaluate(LISTEN, events) == []
        finally:
            page.close()
