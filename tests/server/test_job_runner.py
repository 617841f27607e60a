from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import numpy as np
import pytest
from loguru import logger
from PIL import Image

from safelight.library.files import counts, failures
from safelight.library.state.jobs import add_job, read_job
from safelight.server.run import GRACE
from safelight.server.state import STOPPING
from tests.ports import free_port
from tests.server.conftest import running
from tests.waiting import until


def test_a_folder_is_ingested_as_a_job(server, photos, make_photo) -> None:
    make_photo(photos / "more" / "late.png", "blue", seed=9)
    (photos / "more" / "late.jxl").write_bytes(b"not read")
    answer = server.post("/api/v1/ingest", {"source": f"{photos}/more", "namespace": "more"})
    assert answer.status_code == 202
    assert answer.headers["location"].endswith(answer.json()["id"])
    job = server.wait(answer.json()["id"])
    assert job["summary"]["new"] == 1
    assert job["summary"]["unread"] == {".jxl": 1}
    assert job["finished_at"] >= job["created_at"]
    body = {"query": "blue", "namespace": "more"}
    for _ in range(40):  # the server looks every half second whether there is something new
        if hits := server.post("/api/v1/images/search", body).json()["hits"]:
            break
        time.sleep(0.05)
    assert [hit["name"] for hit in hits] == ["late.png"]
    assert server.get("/api/v1/jobs").json()["jobs"][0]["id"] == job["id"]


def test_a_relative_path_is_one_in_a_root(server, photos) -> None:
    job = server.post("/api/v1/ingest", {"source": "red", "namespace": "again"}).json()
    assert server.wait(job["id"])["summary"]["known"] == 3


def test_events_tell_how_a_job_goes_on(server, photos) -> None:
    job = server.post("/api/v1/ingest", {"source": str(photos), "namespace": "all"}).json()
    names, data = [], []
    with server.client.stream("GET", f"/api/v1/jobs/{job['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("event: "):
                names.append(line.removeprefix("event: "))
            if line.startswith("data: "):
                data.append(json.loads(line.removeprefix("data: ")))
    assert names[-1] == "done"
    assert set(names[:-1]) <= {"progress"}
    assert data[-1]["state"] == "done"


def test_what_lies_elsewhere_is_not_ingested(server, photos, tmp_path, make_photo) -> None:
    make_photo(tmp_path / "private" / "secret.png", "red", seed=77)
    make_photo(tmp_path / "private" / "deeper" / "more.jpg", "red", seed=78)
    listed = ["../private/secret.png", "../private/nothing.png", "/etc/passwd", "link/x.png"]
    (photos / "list.txt").write_text("\n".join(["red/red 0.png", *listed]))
    os.symlink(tmp_path / "private", photos / "link")
    os.symlink("/", photos / "everything")
    os.symlink(tmp_path / "private" / "nothing", photos / "dangling")
    os.symlink(tmp_path / "private" / "secret.png", photos / "red" / "linked.png")
    for source in (
        str(tmp_path / "private"),
        f"images:{photos}/../private",
        f"images:{photos}/link",
        "../private",
        "/nowhere/at/all",
        f"{photos}evil",
        "text:/etc/passwd",
        "image-list:/etc/passwd",
        "~",
    ):
        answer = server.post("/api/v1/ingest", {"source": source})
        assert (answer.status_code, answer.json()["code"]) == (403, "outside"), source
    for source, found in ((f"image-list:{photos}/list.txt", 1), (f"images:{photos}", 9)):
        job = server.post("/api/v1/ingest", {"source": source, "namespace": "ns"}).json()
        summary = server.wait(job["id"])["summary"]
        assert {each["code"] for each in summary["failures"]} == {"permission"}
        # Nothing of what is there is told: no names, no sizes, not even whether there is anything.
        names = {os.path.relpath(each["path"], photos) for each in summary["failures"]}
        if source.startswith("images:"):
            assert names == {"link", "everything", "dangling", "red/linked.png"}
        assert len({each["reason"] for each in summary["failures"]}) == 1
        assert summary["known"] + summary["unchanged"] + summary["new"] == found
    sizes = server.library.connection.execute(
        "SELECT DISTINCT f.size FROM failures x JOIN files f ON f.pk = x.file_pk"
    ).fetchall()
    assert sizes == [(None,)]
    assert all(each.code == "permission" for each in failures(server.library))
    secret = (tmp_path / "private" / "secret.png").read_bytes()
    import hashlib

    photo_id = hashlib.sha256(secret).hexdigest()
    assert server.get(f"/api/v1/photos/{photo_id}").status_code == 404


def test_what_was_ingested_before_may_be_ingested_again(filled, photos, embedder) -> None:
    with running(filled, embedder) as server:  # without any root
        job = server.post(
            "/api/v1/ingest", {"source": f"images:{photos}/red", "namespace": "red"}
        ).json()
        assert server.wait(job["id"])["summary"]["unchanged"] == 3
        answer = server.post("/api/v1/ingest", {"source": str(photos)})
        assert answer.status_code == 403


def test_a_job_can_be_cancelled_and_keeps_what_it_did(library, tmp_path, make_photo) -> None:
    from tests.fakes import ColourEmbedder

    class Gated(ColourEmbedder):
        go_on = threading.Event()

        def encode_prepared(self, inputs):
            if self.encoded >= 40:
                assert self.go_on.wait(60)
            return super().encode_prepared(inputs)

    model = Gated()
    for number in range(100):
        make_photo(tmp_path / "p" / f"{number}.png", "red", seed=number, size=16)
    with running(library, model, roots=(str(tmp_path),)) as server:
        first = server.post("/api/v1/ingest", {"source": "p"}).json()["id"]
        second = server.post("/api/v1/ingest", {"source": "p"}).json()["id"]
        assert server.client.delete(f"/api/v1/jobs/{second}").json()["state"] == "cancelled"
        until(lambda: server.get(f"/api/v1/jobs/{first}").json()["done"] >= 20)
        server.client.delete(f"/api/v1/jobs/{first}")
        model.go_on.set()
        job = server.wait(first, "cancelled")
        assert 0 < job["summary"]["new"] < 100
        assert counts(library).photos == job["summary"]["new"]


def test_stopping_the_server_interrupts_a_job_in_good_order(
    library, tmp_path, make_photo, embedder
) -> None:
    for number in range(300):
        make_photo(tmp_path / "p" / f"{number}.png", "red", seed=number, size=16)
    with running(library, embedder, roots=(str(tmp_path),)) as server:
        job = server.post("/api/v1/ingest", {"source": "p"}).json()["id"]
    found = read_job(library, job)
    assert found.state in ("interrupted", "done")
    assert found.finished_at is not None


_HUNG = """
import sys, threading
from safelight.model_choice import Choice
from safelight.library.state.jobs import add_job
from safelight.library.database import Database
from safelight.server.config import ServerConfig
from safelight.server.run import serve
from safelight.settings import Settings
from tests.fakes import ColourEmbedder

class Hung(ColourEmbedder):
    def encode_prepared(self, inputs):
        threading.Event().wait()  # as a read from a disk that is gone

path, root, port = sys.argv[1:]
with Database(path) as library:
    options = ServerConfig(port=int(port), roots=(root,))
    serve(library, Settings(library=library.path), options, Choice(Hung(), "colours"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_a_hung_job_does_not_keep_the_server_from_ending(
    library, tmp_path, make_photo, embedder
) -> None:
    for number in range(3):
        make_photo(tmp_path / "p" / f"{number}.png", "red", seed=number, size=16)
    port = free_port()
    command = [sys.executable, "-c", _HUNG, str(library.path), str(tmp_path), str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}/api/v1"

        def answers() -> bool:
            assert process.poll() is None
            with contextlib.suppress(httpx2.TransportError):
                return httpx2.get(f"{url}/health").status_code == 200
            return False

        until(answers)
        job = httpx2.post(f"{url}/ingest", json={"source": "p"}).json()["id"]
        until(lambda: httpx2.get(f"{url}/jobs/{job}").json()["state"] == "running")
        began = time.monotonic()
        process.terminate()
        assert process.wait(60) == 0
        assert time.monotonic() - began < GRACE + 3 * STOPPING
    finally:
        process.kill()
        process.wait()
    assert read_job(library, job).state == "interrupted"
    # The next server goes on with it, and nothing of it is done twice.
    with running(library, embedder, roots=(str(tmp_path),)) as server:
        resumed = server.get(f"/api/v1/jobs/{job}").json()["summary"]["resumed_as"]
        assert server.wait(resumed)["summary"]["new"] == 3
    with running(library, embedder, roots=(str(tmp_path),)) as server:
        assert len(server.get("/api/v1/jobs").json()["jobs"]) == 2


def test_a_job_whose_process_died_is_interrupted(library, embedder) -> None:
    job = add_job(library, "ingest", "default", {"source": "x"})
    library.connection.execute("UPDATE jobs SET state = 'running', owner = '1 0.00'")
    with running(library, embedder) as server:
        found = server.get(f"/api/v1/jobs/{job.id}").json()
        assert found["state"] == "interrupted"
        assert "start it again" in found["message"]


def test_uploaded_photos_can_be_found_at_once(server) -> None:
    answer = server.upload(
        ("../../../tmp/evil.png", _png((220, 30, 30))),
        ("C:\\pictures\\b<l>ue.txt", _png((20, 40, 210))),
        ("broken.jpg", b"\xff\xd8\xff\xe0 no photo"),
        path="/api/v1/photos?namespace=new",
    )
    assert answer.status_code == 207
    red, blue, broken = answer.json()["photos"]
    assert (red["new"], blue["new"], broken["new"]) == (True, True, False)
    assert (broken["photo_id"] is not None, broken["path"]) == (True, None)
    assert broken["code"] in ("corrupt", "truncated")
    folder = server.library.path.with_name("library.db.uploads") / "new"
    assert sorted(os.listdir(folder)) == ["blue.txt.png", "evil.png"]
    assert Path(red["path"]) == folder / "evil.png"
    body = {"query": "blue", "namespace": "new", "limit": 1}
    hits = server.post("/api/v1/images/search", body).json()["hits"]
    assert hits[0]["photo_id"] == blue["photo_id"]
    again = server.upload(("x.png", _png((20, 40, 210))), path="/api/v1/photos?namespace=new")
    assert (again.status_code, again.json()["photos"][0]["new"]) == (200, False)
    assert len(os.listdir(folder)) == 2


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_an_upload_of_which_nothing_is_taken_is_refused(server, method) -> None:
    path = {"PUT": "/api/v1/photos", "POST": "/api/v1/uploads"}[method]
    files = [("files", (name, b"no photo")) for name in ("a.jpg", "b.jpg")]
    answer = server.client.request(method, path, files=files)
    assert (answer.status_code, answer.json()["code"]) == (422, "upload-refused")
    errors = answer.json()["errors"]
    assert [each["code"] for each in errors] == ["not-an-image"] * 2
    assert [each["pointer"] for each in errors] == ["#/files/0", "#/files/1"]


def test_an_upload_is_a_job_with_the_outcome_of_each_file(filled, photos, embedder) -> None:
    files = [
        ("files", ("new.png", _png((220, 30, 30)))),
        ("files", ("broken.jpg", b"\xff\xd8\xff\xe0 no photo")),
        ("files", ("known.png", (photos / "red" / "red 0.png").read_bytes())),
    ]
    key = {"Idempotency-Key": "once"}
    with running(filled, embedder) as server:
        path = "/api/v1/uploads?namespace=red"
        answer = server.client.post(path, files=files, headers=key)
        assert answer.status_code == 202
        assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['id']}"
        job = server.wait(answer.json()["id"])
        # Each time, the form is written with another boundary.
        again = server.client.post(path, files=files, headers=key)
        assert again.json() == answer.json()
        assert job["kind"] == "upload"
        assert [each["name"] for each in job["photos"]] == ["new.png", "broken.jpg", "known.png"]
        assert [each["new"] for each in job["photos"]] == [True, False, False]
        assert [each["code"] for each in job["photos"]] == [None, "truncated", None]
        new = job["photos"][0]["photo_id"]
        assert server.get(f"/api/v1/photos/{new}").status_code == 200
        for _ in range(2):
            assert server.client.delete(f"/api/v1/jobs/{job['id']}").json() == job
    with running(filled, embedder) as server:
        assert server.get(f"/api/v1/jobs/{job['id']}").json() == job


def test_two_photos_of_one_name_are_both_kept(server) -> None:
    answer = server.upload(("a.png", _png((220, 30, 30))), ("a.png", _png((20, 40, 210))))
    paths = [each["path"] for each in answer.json()["photos"]]
    assert len(set(paths)) == 2
    assert all(os.path.isfile(path) for path in paths)


def test_a_namespace_cannot_lead_out_of_the_folder(server) -> None:
    for namespace in ("..", ".", "../up", "a/b", "con", "%2e%2e"):
        answer = server.upload(
            ("x.png", _png((1, 2, 200))), path="/api/v1/photos?namespace=" + _quoted(namespace)
        )
        assert answer.json()["photos"][0]["code"] is None
    folder = server.library.path.with_name("library.db.uploads")
    inside = list(folder.rglob("*.png"))
    assert len(inside) == 6
    assert all(len(path.relative_to(folder).parts) == 2 for path in inside)
    assert not list(server.library.path.parent.glob("x*.png"))


def test_a_bomb_is_refused_before_it_is_decoded(server) -> None:
    out = io.BytesIO()
    Image.fromarray(np.zeros((12000, 9000), np.uint8)).save(out, "PNG")
    answer = server.upload(("bomb.png", out.getvalue()))
    assert (answer.status_code, answer.json()["code"]) == (422, "upload-refused")
    assert answer.json()["errors"][0]["code"] == "too-large"
    found = server.client.post("/api/v1/images/search", files={"image": ("b", out.getvalue())})
    assert (found.status_code, found.json()["code"]) == (422, "too-large")


@pytest.mark.parametrize("path", ["/api/v1/photos", "/api/v1/images/search"])
def test_a_stopped_server_says_so_to_who_is_still_sending(filled, embedder, path, caplog) -> None:
    log = []
    number = logger.add(log.append)
    with (
        running(filled, embedder) as server,
        socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as sender,
    ):
        server.server.config.timeout_graceful_shutdown = 0.2
        method = "PUT" if path == "/api/v1/photos" else "POST"
        sender.sendall(
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode()
        )
        time.sleep(0.3)
        server.stop()
        answer = b"".join(iter(lambda: sender.recv(65536), b""))
    logger.remove(number)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'"stopped"' in answer
    told = "".join(log) + caplog.text
    assert "Traceback" not in told
    assert f"{method} {path} 503" in told


def test_what_a_killed_process_uploaded_is_ingested_by_the_next(
    library, embedder, make_photo
) -> None:
    folder = library.path.with_name("library.db.uploads") / "phone"
    make_photo(folder / "kept.png", "green")
    (folder / ".safelight-0123456789abcdef.part").write_bytes(b"half")
    with running(library, embedder) as server:
        (job,) = server.get("/api/v1/jobs").json()["jobs"]
        assert job["kind"] == "upload"
        server.wait(job["id"])
        assert counts(library, "phone").photos == 1
        assert os.listdir(folder) == ["kept.png"]


def _png(colour) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(out, "PNG")
    return out.getvalue()


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


def test_uploads_are_measured_and_labelled_as_the_library_is(server, photos, make_photo) -> None:
    """Else they are missing wherever one filters by quality or label; and nothing else is."""

    def known(photo_id: str) -> tuple[bool, bool]:
        photo = server.get(f"/api/v1/photos/{photo_id}").json()
        return bool(photo["scores"]), bool(photo["labels"])

    data = [
        make_photo(photos.parent / "sent" / f"{number}.png", "red", seed=40 + number).read_bytes()
        for number in range(4)
    ]

    def send(number: int, query: str = "") -> str:
        answer = server.upload((f"{number}.png", data[number]), path=f"/api/v1/photos{query}")
        return answer.json()["photos"][0]["photo_id"]

    before = send(0)
    assert known(before) == (False, False)
    body = {"source": f"images:{photos}/red", "namespace": "red", "score": True, "label": True}
    server.wait(server.post("/api/v1/ingest", body).json()["id"])
    assert known(send(1)) == (True, True)
    assert known(send(2, "?score=false")) == (False, True)
    assert known(send(3, "?label=0")) == (True, False)
    assert known(before) == (False, False)  # whoever sends one photo does not wait for others
    assert send(0) == before
    assert known(before) == (True, True)
