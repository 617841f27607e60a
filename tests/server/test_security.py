"""A test for each thing that the server promises about security."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import io
import json
import os
import sqlite3
import threading
import time
import zlib
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import numpy as np
import psutil
import pytest
from loguru import logger
from PIL import Image

from safelight.library.state.jobs import add_job
from safelight.library.state.tokens import create_token, find_token, revoke_token, tokens
from safelight.server.cache import Freshness
from tests.forked import Started, start
from tests.ports import free_port
from tests.server.conftest import running
from tests.waiting import until


def png(colour=(20, 200, 40), size=(40, 40)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def raw(server, method: str, target: str, headers=(), body=None) -> tuple[int, bytes]:
    """Send a target as it is: other clients tidy it up first."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.putrequest(method, target, skip_host=True)
    for name, value in [("Host", f"{host}:{port}"), *headers]:
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


# --- It listens to this machine only, unless a token is needed or somebody insists -----------


def serving(library: Path, *options: str) -> tuple[Started, int]:
    port = free_port()
    process = start(
        ["serve", "--library", library, "--port", port, *options],
        cwd=library.parent,
        environ=os.environ,
        said=library.parent / "said",
    )

    def answers() -> bool:
        assert process.poll() is None, "safelight serve has ended"
        try:
            return httpx2.get(f"http://127.0.0.1:{port}/health").status_code == 200
        except httpx2.TransportError:
            return False

    until(answers)
    return process, port


def listens_at(process: Started) -> set[str]:
    connections = psutil.Process(process.pid).net_connections("inet")
    return {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}


def test_it_listens_to_this_machine_only(tmp_path) -> None:
    process, port = serving(tmp_path / "library.db")
    try:
        assert listens_at(process) == {"127.0.0.1"}
        session = httpx2.get(f"http://127.0.0.1:{port}/api/v1/session").json()
        assert not session["token_needed"]
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("options", [(), ("--insecure",)], ids=["token", "insecure"])
def test_any_other_address_needs_a_token_unless_somebody_insists(library, options) -> None:
    text, _ = create_token(library, "laptop")
    process, port = serving(library.path, "--host", "0.0.0.0", *options)
    try:
        assert listens_at(process) == {"0.0.0.0"}
        url = f"http://127.0.0.1:{port}/api/v1/photos"
        assert httpx2.get(url).status_code == (200 if options else 401)
        assert httpx2.get(url, headers=bearer(text)).status_code == 200
    finally:
        process.kill()
        process.wait()


# --- Tokens: as a header, hashed at rest, compared in constant time ---------------------------


def test_a_token_is_kept_as_a_digest_only(library) -> None:
    text, made = create_token(library, "laptop")
    secret = text.removeprefix("safelight_")
    dump = "\n".join(sqlite3.connect(library.path).iterdump())
    assert made.digest in dump
    assert secret not in dump


def test_a_token_is_compared_with_all_in_constant_time(library, monkeypatch) -> None:
    texts = [create_token(library, f"t{number}")[0] for number in range(5)]
    known = tokens(library)
    compared = []

    def counting(one, other):
        compared.append((one, other))
        return real(one, other)

    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", counting)
    for text in (texts[0], texts[4], "wrong"):
        compared.clear()
        find_token(known, text)
        # Digests of one length, all of them, whichever it is.
        assert {len(each) for pair in compared for each in pair} == {64}
        assert len(compared) == 5


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic OnNhZmVsaWdodA=="},
        {"Authorization": ""},
        {"Cookie": "token=TOKEN"},
        {"X-Api-Key": "TOKEN"},
        {},
    ],
    ids=str,
)
def test_nothing_but_a_valid_token_opens(filled, embedder, headers) -> None:
    text, _ = create_token(filled, "laptop")
    with running(filled, embedder, needs_token=True) as server:
        headers = {name: value.replace("TOKEN", text) for name, value in headers.items()}
        for path in (f"/api/v1/photos?token={text}", "/metrics", "/api/v1/facets"):
            answer = server.get(path, headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer")
        assert server.get("/api/v1/photos", headers=bearer(text)).status_code == 200


def test_without_a_token_nothing_shows_of_the_library(filled, embedder) -> None:
    create_token(filled, "laptop")
    with running(filled, embedder, needs_token=True) as server:
        session = server.get("/api/v1/session").json()
        assert session["library"] == {"photos": 0, "texts": 0}
        assert session["model"] is None
        assert session["roots"] == []
        free = {"/health", "/api/v1/health", "/api/v1/session"}
        for path, operations in server.get("/openapi.json").json()["paths"].items():
            for method in set(operations) if path not in free else ():
                target = path.replace("{photo_id}", "0" * 64).replace("{side}", "160")
                answer = server.client.request(method.upper(), target, json={})
                # What the request lacks besides is not told to everybody either.
                assert answer.status_code == 401, (method, path, answer.text)


def test_a_revoked_token_opens_nothing_any_more(filled, embedder) -> None:
    text, made = create_token(filled, "laptop")
    with running(filled, embedder, needs_token=True) as server:
        assert server.get("/api/v1/photos", headers=bearer(text)).status_code == 200
        revoke_token(filled, made.id)
        until(lambda: server.get("/api/v1/photos", headers=bearer(text)).status_code == 401)


def test_a_token_opens_as_soon_as_it_is_made(filled, embedder) -> None:
    with running(filled, embedder, needs_token=True) as server:
        for number in range(5):
            text, _ = create_token(filled, f"laptop {number}")
            assert server.get("/api/v1/photos", headers=bearer(text)).status_code == 200


def test_a_flood_of_wrong_tokens_costs_few_looks(filled, embedder, monkeypatch) -> None:
    looks = []
    look = Freshness.look
    monkeypatch.setattr(Freshness, "look", lambda self: looks.append(self) or look(self))
    with running(filled, embedder, needs_token=True) as server:
        text, _ = create_token(filled, "laptop")
        answers = []
        url = f"{server.url}/api/v1/photos"

        def knock() -> None:
            with httpx2.Client() as client:
                for number in range(40):
                    answer = client.get(url, headers=bearer(f"safelight_{number}"))
                    answers.append(answer.status_code)

        threads = [threading.Thread(target=knock) for _ in range(8)]
        looks.clear()
        started = time.monotonic()
        for each in threads:
            each.start()
        assert server.get("/api/v1/photos", headers=bearer(text)).status_code == 200
        for each in threads:
            each.join()
        seconds = time.monotonic() - started
    assert set(answers) == {401}
    assert len(answers) == 320
    assert len(looks) <= 10 + 55 * seconds


# --- Tokens are for reading or writing, and for some namespaces -------------------------------

WRITES = [
    ("PUT", "/api/v1/photos", {"files": [("files", ("x.png", png()))]}),
    ("DELETE", f"/api/v1/photos/{'0' * 64}", {}),
    ("POST", "/api/v1/uploads", {"files": [("files", ("x.png", png()))]}),
    ("POST", "/api/v1/ingest", {"json": {"source": "."}}),
    ("DELETE", f"/api/v1/jobs/{'0' * 32}", {}),
    ("POST", "/api/v1/vectors", {"json": {"embedding": [1]}}),
    ("PUT", "/api/v1/vectors/x", {"json": {"embedding": [1]}}),
    ("DELETE", "/api/v1/vectors/x", {}),
    ("POST", "/api/v1/vectors/embed", {"json": {"text": "red"}}),
    ("PUT", "/api/v1/duplicates/0123456789ab/decision", {"json": {"decision": "keep-both"}}),
    ("DELETE", "/api/v1/duplicates/0123456789ab/decision", {}),
    ("POST", "/api/v1/plans", {"json": {"groups": [{"group": "0123456789ab"}]}}),
    ("POST", "/api/v1/plans/some-plan/apply", {}),
    ("POST", "/api/v1/plans/some-plan/undo", {}),
    ("DELETE", "/api/v1/plans/some-plan", {}),
    ("POST", "/api/v1/features", {"json": {"artifacts": []}}),
    ("POST", "/api/v1/sources/move", {"json": {"old": "/a", "new": "/b"}}),
    ("POST", "/api/v1/forget", {"json": {"source": "/a"}}),
]

# These change nothing, though they are sent.
_ASKING = {
    "/api/v1/search", "/api/v1/vectors/search", "/api/v1/images/search", "/api/v1/signatures",
    "/api/v1/photos/batch", "/api/v1/images/search/upload",
}  # fmt: skip


def test_a_token_to_read_changes_nothing(filled, embedder) -> None:
    text, _ = create_token(filled, "reader")
    with running(filled, embedder, needs_token=True) as server:
        for method, path, options in WRITES:
            answer = server.client.request(method, path, headers=bearer(text), **options)
            assert (answer.status_code, answer.json()["code"]) == (403, "read-only"), path
        tried = {(method, path.split("/")[3]) for method, path, _ in WRITES}
        for path, operations in server.get("/openapi.json").json()["paths"].items():
            for method in {each.upper() for each in operations} - {"GET"}:
                assert path in _ASKING or (method, path.split("/")[3]) in tried, (method, path)


def test_a_token_for_a_namespace_sees_no_other(filled, photos, embedder) -> None:
    text, _ = create_token(filled, "reds", may_write=True, namespaces=["red"])
    rows = filled.connection.execute(
        "SELECT i.id FROM items i JOIN files f ON f.item_pk = i.pk JOIN namespaces n "
        "ON n.pk = f.namespace_pk WHERE n.name = 'blue'"
    )
    blue = rows.fetchone()[0]
    with running(filled, embedder, needs_token=True, roots=(str(photos),)) as server:
        server.client.headers = bearer(text)
        assert server.get("/api/v1/session").json()["library"]["photos"] == 3
        assert [each["name"] for each in server.get("/api/v1/facets").json()["namespaces"]] == [
            "red"
        ]
        cards = server.get("/api/v1/photos").json()["photos"]
        cards += server.post("/api/v1/images/search", {"query": "blue"}).json()["hits"]
        assert {card["namespace"] for card in cards} == {"red"}
        found = server.post("/api/v1/search", {"text": "blue"}).json()["matches"]
        found += server.post("/api/v1/vectors/search", {"embedding": [0.1, 0.1, 1]}).json()
        listed = [each["vector"] for each in found] + server.get("/api/v1/vectors").json()
        assert {each["metadata"]["namespace"] for each in listed} == {"red"}
        assert server.get("/api/v1/vectors/count").json() == {"count": 3}
        for path in ("", "/thumbnail", "/image", "/original", "/focus"):
            assert server.get(f"/api/v1/photos/{blue}{path}").status_code == 404
        assert server.get(f"/api/v1/vectors/{blue}").status_code == 404
        # Nor can it be told from what is not there, by using it in a query.
        unknown = server.post("/api/v1/images/search", {"photo_id": "f" * 64})
        answer = server.post("/api/v1/images/search", {"photo_id": blue})
        assert (answer.status_code, answer.json()["code"]) == (400, unknown.json()["code"])
        for path in ("/photos", "/facets", "/vectors", "/vectors/count", "/duplicates"):
            answer = server.get(f"/api/v1{path}", params={"namespace": "blue"})
            assert (answer.status_code, answer.json()["code"]) == (403, "namespace"), path
        body = {"query": "blue", "namespace": "blue"}
        assert server.post("/api/v1/images/search", body).status_code == 403
        put = server.upload(("x.png", png()), path="/api/v1/photos?namespace=blue")
        assert put.status_code == 403
        assert server.post("/api/v1/ingest", {"source": str(photos)}).status_code == 403
        # What it brings without naming one goes to its own.
        (mine,) = server.upload(("x.png", png((200, 1, 1)))).json()["photos"]
        assert server.get(f"/api/v1/photos/{mine['photo_id']}").json()["files"][0]["namespace"] == (
            "red"
        )


def test_a_token_for_a_namespace_cannot_tell_what_another_has(filled, photos, embedder) -> None:
    """Each call, with the id of another namespace's photo and with one that nobody has."""
    text, _ = create_token(filled, "reds", may_write=True, namespaces=["red"])
    theirs = photos / "blue" / "blue 0.png"
    blue = hashlib.sha256(theirs.read_bytes()).hexdigest()
    nobody = hashlib.sha256(b"nobody has this").hexdigest()
    job = add_job(filled, "ingest", "blue", {}).id
    # As if it had been ingested long ago.
    filled.connection.execute("UPDATE items SET added_at = '2001-01-01T00:00:00+00:00'")
    began = datetime.now(UTC).isoformat(timespec="seconds")

    def answers(server, photo_id: str, job_id: str) -> list[tuple[object, ...]]:
        found = []

        def note(answer) -> None:
            body = answer.text
            for each in (photo_id, photo_id[:12], job_id):
                body = body.replace(each, "ID")
            headers = {name for name in answer.headers if name not in ("date", "content-length")}
            found.append((answer.status_code, body, headers))

        for path, operations in server.get("/openapi.json").json()["paths"].items():
            target = path.replace("{photo_id}", photo_id).replace("{job_id}", job_id)
            target = target.replace("{vector_id}", photo_id)
            if target == path:
                continue
            for method in operations:
                if (method, path) != ("put", "/api/v1/vectors/{vector_id}"):
                    note(server.client.request(method.upper(), target))
            note(server.get(target, headers={"If-None-Match": "*"}))
        for length in (6, 12, 64):
            body = {"photo_id": photo_id[:length]}
            answer = server.post("/api/v1/images/search", body)
            found.append((answer.status_code, answer.json()["code"]))
            answer = server.post("/api/v1/search", {"text": f"photo:{photo_id[:length]}"})
            found.append((answer.status_code, len(answer.json()["matches"])))
        stored = {"embedding": [1.0, 0.5]}
        answer = server.client.put(f"/api/v1/vectors/{photo_id}", json=stored)
        found.append((answer.status_code, answer.json()["id"] == photo_id))
        return found

    with running(filled, embedder, needs_token=True, roots=(str(photos),)) as server:
        server.client.headers = bearer(text) | {"X-Request-Id": "the-same"}
        assert answers(server, blue, job) == answers(server, nobody, "0" * 32)
        assert server.get("/api/v1/jobs", params={"limit": 1}).json()["jobs"] == []
        assert server.get("/metrics").status_code == 403
        # What another has already is as new as what nobody has, and was added just now.
        red = server.get("/api/v1/photos?sort=-added").json()["photos"]
        for name, data in (("theirs.png", theirs.read_bytes()), ("own.png", png((9, 9, 250)))):
            answer = server.upload((name, data))
            (taken,) = answer.json()["photos"]
            assert (answer.status_code, taken["new"]) == (201, True)
            cards = server.get("/api/v1/photos?sort=-added").json()["photos"]
            assert cards[0]["photo_id"] == taken["photo_id"]
            assert cards[1:] == red
            red = cards
            added = server.get(f"/api/v1/photos/{taken['photo_id']}").json()["added_at"]
            assert added >= began
            for each in server.get("/api/v1/vectors").json():
                if each["id"] == taken["photo_id"]:
                    assert each["created_at"] >= began


def test_a_photo_in_two_namespaces_shows_one_of_them_only(
    filled, photos, embedder, tmp_path
) -> None:
    from safelight.ingest import ingest
    from safelight.ingest.sources import parse_source

    (tmp_path / "private").mkdir()
    copy = tmp_path / "private" / "a private name.png"
    copy.write_bytes((photos / "red" / "red 0.png").read_bytes())
    ingest(filled, [parse_source(str(copy))], embedder, model="colours", namespace="private")
    text, _ = create_token(filled, "reds", namespaces=["red"])
    with running(filled, embedder, needs_token=True) as server:
        server.client.headers = bearer(text)
        ids = [each["photo_id"] for each in server.get("/api/v1/photos").json()["photos"]]
        answers = [server.get(f"/api/v1/photos/{each}").text for each in ids]
        answers.append(server.post("/api/v1/search", {"text": "red"}).text)
        answers.append(server.post("/api/v1/images/search", {"query": "red"}).text)
        answers += [server.get(f"/api/v1/vectors/{each}").text for each in ids]
        assert not [each for each in answers if "private" in each]


# --- No path leaves the folders that are allowed ----------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/static/../service.py",
        "/static/%2e%2e/service.py",
        "/static/..%2fservice.py",
        "/static/%2e%2e%2f%2e%2e%2ferrors.py",
        "/static/..%5cservice.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/js/../../service.py",
        "/static/x%00.js",
        "/../service.py",
        "//etc/passwd",
        "/api/v1/photos/..%2f..%2f..%2fetc%2fpasswd/original",
        "/api/v1/photos/%2fetc%2fpasswd/thumbnail",
    ],
)
def test_no_file_is_read_by_its_path(server, target) -> None:
    status, body = raw(server, "GET", target)
    assert status in (400, 404, 405, 422), target
    assert b"import" not in body
    assert b"root:" not in body


def test_no_link_leads_out_of_a_root(server, photos, tmp_path) -> None:
    secret = tmp_path / "elsewhere" / "secret.png"
    secret.parent.mkdir()
    secret.write_bytes(png((1, 2, 250)))
    os.symlink(secret.parent, photos / "link")
    os.symlink(secret, photos / "red" / "one.png")
    for source in (f"{photos}/link", f"images:{photos}/link/../../elsewhere", "link/secret.png"):
        answer = server.post("/api/v1/ingest", {"source": source})
        assert (answer.status_code, answer.json()["code"]) == (403, "outside"), source
    job = server.post("/api/v1/ingest", {"source": str(photos), "namespace": "all"}).json()
    summary = server.wait(job["id"])["summary"]
    assert {each["code"] for each in summary["failures"]} == {"permission"}
    paths = server.library.connection.execute(
        "SELECT path FROM files WHERE item_pk IS NOT NULL"
    ).fetchall()
    assert all("one.png" not in path and "/link/" not in path for (path,) in paths)


def test_an_uploads_name_leads_nowhere(server) -> None:
    names = ["../../up.png", "/tmp/absolute.png", "..\\..\\win.png", "a\0b.png", ".hidden.png"]
    data = [png((200, 10, number)) for number in range(len(names))]
    answer = server.upload(*zip(names, data, strict=True))
    folder = server.library.path.with_name("library.db.uploads") / "default"
    for each in answer.json()["photos"]:
        if each["path"] is not None:
            assert Path(each["path"]).parent == folder
            assert not Path(each["path"]).name.startswith(".")
    assert len(os.listdir(folder)) >= 4
    assert not list(server.library.path.parent.parent.glob("up*.png"))


# --- Pages of others get nothing: hosts, origins ----------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "", "192.0.2.7"],
)
def test_a_name_that_is_not_ours_is_refused(server, host) -> None:
    """A page may let its own name point to this machine (DNS rebinding)."""
    for path in ("/", "/api/v1/photos", "/health", "/static/js/main.js"):
        answer = server.get(path, headers={"Host": host})
        assert answer.status_code == 421, (path, answer.text)
        assert answer.json()["code"] == "host"


def test_names_that_are_ours_are_not_refused(filled, embedder) -> None:
    with running(filled, embedder, allowed_hosts=("photos.lan",)) as server:
        port = server.url.rpartition(":")[2]
        for host in ("localhost", f"localhost:{port}", "127.0.0.1", "photos.lan", "PHOTOS.lan:80"):
            assert server.get("/api/v1/photos", headers={"Host": host}).status_code == 200, host


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
    ids=str,
)
def test_pages_of_others_can_neither_read_nor_write(server, headers) -> None:
    for method, path in (
        ("GET", "/api/v1/photos"), ("POST", "/api/v1/ingest"), ("PUT", "/api/v1/photos"),
        ("DELETE", "/api/v1/vectors/x"), ("POST", "/api/v1/images/search"),
    ):  # fmt: skip
        answer = server.client.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "origin"), (method, path)
        assert "access-control-allow-origin" not in answer.headers
    preflight = server.client.options(
        "/api/v1/photos", headers={**headers, "Access-Control-Request-Method": "DELETE"}
    )
    assert "access-control-allow-origin" not in preflight.headers


def test_a_link_to_the_page_works(server) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert server.get("/", headers=headers).status_code == 200
    assert server.client.post("/api/v1/ingest", headers=headers).status_code == 403


def test_a_page_that_is_allowed_is_told_so_and_no_other(filled, embedder) -> None:
    with running(filled, embedder, allowed_origins=("https://photos.example",)) as server:
        mine, other = {"Origin": "https://photos.example"}, {"Origin": "https://photos.example.org"}
        answer = server.get("/api/v1/photos", headers=mine)
        assert answer.headers["access-control-allow-origin"] == "https://photos.example"
        assert "Origin" in answer.headers["vary"]
        assert "access-control-allow-credentials" not in answer.headers
        preflight = server.client.options(
            "/api/v1/photos", headers={**mine, "Access-Control-Request-Method": "PUT"}
        )
        assert preflight.status_code == 204
        assert "PUT" in preflight.headers["access-control-allow-methods"]
        assert server.get("/api/v1/photos", headers=other).status_code == 403


# --- A strict Content-Security-Policy ---------------------------------------------------------


def test_every_answer_has_the_policy(server) -> None:
    photo_id = server.get("/api/v1/photos").json()["photos"][0]["photo_id"]
    for path in (
        "/", "/static/js/main.js", "/static/nothing.js", "/docs", "/openapi.json", "/health",
        "/api/v1/photos", "/api/v1/nothing", f"/api/v1/photos/{photo_id}/thumbnail",
        f"/api/v1/photos/{photo_id}/original",
    ):  # fmt: skip
        headers = server.get(path).headers
        policy = dict(
            each.strip().split(" ", 1) for each in headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == "'none'", path
        assert policy["script-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


def test_refusals_have_the_policy_too(server) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        assert (
            "default-src 'none'"
            in server.get("/", headers=headers).headers["content-security-policy"]
        )


# --- Uploads are decoded in a bounded way -----------------------------------------------------


def bombs() -> dict[str, bytes]:
    out = io.BytesIO()
    Image.fromarray(np.zeros((11_000, 11_000), np.uint8)).save(out, "PNG", compress_level=1)
    big = out.getvalue()
    header = bytearray(png())
    header[16:24] = (2**31 - 1).to_bytes(4, "big") * 2
    header[29:33] = zlib.crc32(header[12:29]).to_bytes(4, "big")
    return {"flat.png": big, "header.png": bytes(header)}


def broken() -> dict[str, bytes]:
    whole = png(size=(200, 200))
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (9, 9, 9)).save(out, "JPEG")
    jpeg = out.getvalue()
    return {
        "empty.jpg": b"",
        "cut.png": whole[: len(whole) // 2],
        "cut.jpg": jpeg[: len(jpeg) // 2],
        "text.jpg": b"no photo at all",
        "svg.png": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "zip.jpg": b"PK\x03\x04" + bytes(300),
        "noise.webp": b"RIFF\xff\xff\xff\xffWEBPVP8 " + np.random.default_rng(0).bytes(400),
        "noise.gif": b"GIF89a\xff\xff\xff\xff" + np.random.default_rng(1).bytes(400),
        "noise.tif": b"II*\x00\x08\x00\x00\x00\xff\xff" + np.random.default_rng(2).bytes(400),
    }


def test_fifty_broken_photos_and_bombs_at_once(server) -> None:
    """No crash, no memory, a clear reason for each; and beside them others are answered."""
    from concurrent.futures import ThreadPoolExecutor

    bad = {**bombs(), **broken()}
    jobs = [list(bad.items())[number % len(bad)] for number in range(50)]
    process = psutil.Process()
    before, most = process.memory_info().rss, 0

    def send(job):
        name, data = job
        with httpx2.Client(base_url=server.url, timeout=120) as client:

            def try_it():
                answer = client.put("/api/v1/photos", files=[("files", (name, data))])
                return answer if answer.status_code != 429 else None

            return name, until(try_it, seconds=180, why=lambda: "it is always too busy")

    with ThreadPoolExecutor(50) as pool:
        sent = [pool.submit(send, job) for job in jobs]
        while not all(each.done() for each in sent):
            most = max(most, process.memory_info().rss)
            assert server.get("/health").status_code == 200
            assert server.post("/api/v1/images/search", {"query": "red"}).status_code == 200
        for name, answer in (each.result() for each in sent):
            assert (answer.status_code, answer.json()["code"]) == (422, "upload-refused")
            (photo,) = answer.json()["errors"]
            assert photo["code"] in ("too-large", "truncated", "corrupt", "not-an-image", "empty")
            assert len(photo["reason"]) > 10
            if name in ("flat.png", "header.png"):
                assert photo["code"] == "too-large"
    # Each bomb would be 360 MB.
    assert most - before < 300e6
    assert not server.library.path.with_name("library.db.uploads").exists()
    assert server.get("/api/v1/photos").json()["total"] == 9


def test_a_broken_photo_in_a_search_is_said(server) -> None:
    for name, data in {**bombs(), **broken()}.items():
        answer = server.client.post("/api/v1/images/search", files={"image": (name, data)})
        assert answer.status_code == 422, (name, answer.text)
        assert answer.json()["code"] in (
            "too-large", "truncated", "corrupt", "not-an-image", "empty"
        )  # fmt: skip


# --- No stack traces to clients ---------------------------------------------------------------


def test_what_was_not_foreseen_stays_in_the_log(server, monkeypatch) -> None:
    from safelight.server.routes import photos as route

    def fail(*_, **__):
        raise RuntimeError("the secret /home/me/path")

    monkeypatch.setattr(route, "read_photo", fail)
    log = []
    sink = logger.add(log.append, level="ERROR")
    answer = server.get(f"/api/v1/photos/{'0' * 64}")
    logger.remove(sink)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "internal"
    for word in ("secret", "/home", "Traceback", "RuntimeError", ".py", "line "):
        assert word not in answer.text
    assert "content-security-policy" in answer.headers
    assert "the secret /home/me/path" in "".join(log)
    # And it goes on.
    assert server.get("/health").status_code == 200


def test_a_request_that_is_wrong_is_not_quoted(server) -> None:
    """Strings that were sent and may be secrets in the wrong place."""
    body = {"query": "red", "limit": "hunter2-password"}
    answer = server.post("/api/v1/images/search", body)
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("text", ["\ud800", "x\udcff", "\x00", "\U0010ffff", "\u202egpj.exe"])
def test_texts_that_no_file_can_hold_are_answered(server, text) -> None:
    """Half a character is valid JSON, and no UTF-8."""
    calls = [
        ("POST", "/api/v1/search", {"text": text}),
        ("POST", "/api/v1/images/search", {"query": text}),
        ("POST", "/api/v1/images/search", {"query": f'text:"{text}"', "minus": [text]}),
        ("POST", "/api/v1/images/search", {"query": "red", "label": text}),
        ("POST", "/api/v1/images/search", {"query": "red", "namespace": text}),
        ("POST", "/api/v1/ingest", {"source": text}),
        ("POST", "/api/v1/ingest", {"source": "images:" + text, "namespace": text}),
        ("POST", "/api/v1/vectors", {"id": text, "embedding": [1, 2], "metadata": {text: text}}),
        ("POST", "/api/v1/vectors/embed", {"text": text, "author": text}),
        ("POST", "/api/v1/vectors/search", {"embedding": [1, 2, 3], "filters": {text: text}}),
        ("POST", "/api/v1/features", {"batch_id": text, "artifacts": [{"std_uri": text}]}),
    ]
    for method, path, body in calls:
        answer = server.client.request(
            method, path, content=json.dumps(body), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code < 500, (path, body, answer.text)
        answer.json()
