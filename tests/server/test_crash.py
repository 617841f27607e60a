"""kill -9 of the real server while photos are uploaded and a folder is ingested: what was promised
is kept, nothing is half there, and it goes on where it was.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from safelight.client import Client
from safelight.errors import SafelightError
from safelight.library.database import Database
from tests.forked import start
from tests.ports import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from safelight.schemas import Job

_FOLDER = 100  # photos in the folder that is ingested


def photo(seed: int) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (96, 96, 3), np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


class Killable:
    """``safelight serve`` on a library, again and again."""

    def __init__(self, library: Path, root: Path) -> None:
        self._command = ["serve", "--library", library, "--root", root]
        self._folder = library.parent

    def start(self) -> Client:
        port = free_port()
        self._process = start(
            [*self._command, "--port", port],
            cwd=self._folder,
            environ=os.environ,
            said=self._folder / "said",
        )
        self.url = f"http://127.0.0.1:{port}"
        client = Client(self.url)

        def answers() -> bool:
            assert self._process.poll() is None, "the server has ended"
            try:
                return bool(client.health())
            except SafelightError:
                return False

        until(answers)
        return client

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Uploader(threading.Thread):
    """Uploads photo after photo until nobody answers; knows which were confirmed."""

    def __init__(self, url: str, first: int) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._next = first
        self.confirmed: dict[str, str] = {}  # path by photo id

    def run(self) -> None:
        with Client(self._url) as client:
            while True:
                data = [photo(self._next), photo(self._next + 1)]
                files = [(f"{self._next}-{n}.png", each) for n, each in enumerate(data)]
                self._next += 2
                try:
                    taken = client.upload(files, namespace="phone").photos
                except SafelightError:
                    return
                for each, sent in zip(taken, data, strict=True):
                    assert each.photo_id == hashlib.sha256(sent).hexdigest()
                    assert each.code is None
                    self.confirmed[each.photo_id] = each.path


def _on_its_way(client: Client, job_id: str, uploaders: list[Uploader], least: int) -> Job | None:
    """Return the job, when enough was done to be killed amidst it, or when it is over."""
    job = client.job(job_id)
    sent = sum(len(each.confirmed) for each in uploaders)
    return job if job.is_finished or (job.done > least and sent >= 6) else None


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is Unix's")
def test_nothing_is_lost_or_half_there_after_kill_9(tmp_path) -> None:
    library, root = tmp_path / "library.db", tmp_path / "root"
    root.mkdir()
    for number in range(_FOLDER):
        (root / f"{number}.png").write_bytes(photo(10**6 + number))
    server = Killable(library, root)
    confirmed: dict[str, str] = {}
    lost_jobs = []
    done = 0
    for round_number in range(2):
        client = server.start()
        for each in lost_jobs:
            assert client.job(each).state == "interrupted"
        uploaders = [Uploader(server.url, 10_000 * round_number + 1000 * n) for n in range(3)]
        for each in uploaders:
            each.start()
        if lost_jobs:
            # It goes on by itself, but not once more with what a process has died of twice.
            resumed = client.job(lost_jobs[0]).summary["resumed_as"]
            job = client.job(resumed)
        else:
            job = client.start_ingest(".", namespace="folder")
        lost_jobs.append(job.id)
        job = until(partial(_on_its_way, client, job.id, uploaders, done + 20))
        assert not job.is_finished, "it was over before it could be killed"
        done = job.done
        server.kill()
        client.close()
        for each in uploaders:
            each.join(30)
            assert not each.is_alive()
            confirmed |= each.confirmed
    assert len(confirmed) >= 12
    client = server.start()
    try:
        until(lambda: all(each.is_finished for each in client.jobs()))
        states = {each.id: each.state for each in client.jobs()}
        assert [states[each] for each in lost_jobs] == ["interrupted"] * 2
        assert len([each for each in client.jobs() if each.kind == "ingest"]) == 2
        # What was confirmed is there, and can be found.
        for photo_id, path in confirmed.items():
            with open(path, "rb") as file:
                assert hashlib.sha256(file.read()).hexdigest() == photo_id
            assert client.photo(photo_id).files[0].path == path
        # What was on its way is whole, and taken, or not there at all.
        folder = tmp_path / "library.db.uploads" / "phone"
        kept = set()
        for name in os.listdir(folder):
            data = (folder / name).read_bytes()
            Image.open(io.BytesIO(data)).load()
            kept.add(hashlib.sha256(data).hexdigest())
        assert confirmed.keys() <= kept
        # Searches notice within a second what a job has brought.
        until(lambda: kept <= {hit.photo_id for hit in client.images_search("a", limit=1000).hits})
        # The folder is ingested where it was left.
        job = client.ingest(".", namespace="folder")
        assert job.state == "done"
        assert job.summary["new"] + job.summary["unchanged"] == _FOLDER
        assert job.summary["unchanged"] >= 20
        assert job.summary["failures"] == []
        assert client.photos_page(namespace="folder").total == _FOLDER
    finally:
        client.close()
        server.kill()
    with Database(library) as opened:
        execute = opened.connection.execute
        assert execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert execute("PRAGMA foreign_key_check").fetchall() == []
        assert execute(
            "SELECT count(*) FROM items WHERE pk NOT IN (SELECT item_pk FROM embeddings)"
        ).fetchone() == (0,)
