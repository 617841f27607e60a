"""Both clients against the real server: one suite."""

from __future__ import annotations

import asyncio
import http.server
import inspect
import io
import json
import threading
import time
from contextlib import contextmanager
from email.utils import formatdate
from enum import StrEnum

import httpx2
import pytest
from PIL import Image

from safelight import errors, schemas
from safelight.client import AsyncClient, Client, calls, refusals
from safelight.library.state.tokens import create_token
from tests.server.conftest import running


class Awaited:
    """An ``AsyncClient`` that tests can call like the other one."""

    def __init__(self, *args, **named) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = AsyncClient(*args, **named)

    def __getattr__(self, name):
        method = getattr(self._client, name)
        if inspect.isasyncgenfunction(method):
            return lambda *args, **named: self._all(method(*args, **named))
        return lambda *args, **named: self._loop.run_until_complete(method(*args, **named))

    def _all(self, found):
        async def every():
            return [each async for each in found]

        return iter(self._loop.run_until_complete(every()))

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.close()


@pytest.fixture(params=[Client, Awaited], ids=["sync", "async"])
def make(request):
    return request.param


@pytest.fixture
def client(make, server):
    with make(server.url) as found:
        yield found


def png(colour) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(out, "PNG")
    return out.getvalue()


def names(kind) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


#: Methods that are more than one call.
OWN = {
    "ingest", "follow", "follow_changes", "original", "picture_urls", "save_original", "send",
    "close",
}  # fmt: skip


def test_both_clients_have_every_call() -> None:
    made = {
        name
        for name, each in vars(calls).items()
        if inspect.isfunction(each)
        and not name.startswith("_")
        and str(each.__annotations__.get("return")).startswith("Call[")
    }
    assert len(made) > 30
    lists = {name.removesuffix("_page") for name in made if name.endswith("_page")} | {"search_all"}
    assert names(Client) == names(AsyncClient) == made | OWN | lists
    for name in made:
        assert getattr(Client, name).__doc__ == getattr(calls, name).__doc__


def test_every_endpoint_can_be_called(server) -> None:
    import re

    document = server.get("/openapi.json").json()
    offered = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    given = {
        "source": "x", "photo_id": "x", "job_id": "x", "vector_id": "x", "text": "x",
        "embedding": [1.0], "group": "x", "decision": "x", "groups": ["x"], "plan_id": "x",
        "batch": {}, "files": [("x", b"")], "old": "x", "new": "x", "urls": ["x"],
        "photo_ids": ["x"], "query": "x",
    }  # fmt: skip
    called = {
        ("GET", calls.events_path("x")),
        ("GET", calls.original_path("x")),
        ("GET", calls.change_events(None, None, ())[0]),
    }
    lists = {name.removesuffix("_page") for name in vars(calls) if name.endswith("_page")} | {
        "search_all"
    }
    for name in names(Client) - OWN - lists:
        make = getattr(calls, name)
        needed = [
            each.name
            for each in inspect.signature(make).parameters.values()
            if each.default is each.empty and each.kind is not each.VAR_KEYWORD
        ]
        call = make(**{each: given[each] for each in needed})
        called.add((call.method, call.path))
    lacking = {
        (method, path)
        for method, path in offered
        if (method, re.sub(r"{[^}]*}", "x", path)) not in called
    }
    assert lacking == {
        ("GET", "/api/v1/health"),  # as /health
        ("GET", "/metrics"),
        ("POST", "/api/v1/images/search/upload"),  # as images_search, with an image
        ("GET", "/api/v1/vectors/metadata"),  # as vectors
        ("PUT", "/api/v1/vectors/{vector_id}"),  # as put_vector
    }


def test_answers_are_as_the_server_describes_them(server) -> None:
    described = server.get("/openapi.json").json()["components"]["schemas"]
    assert len(schemas.__all__) > 30
    for name in schemas.__all__:
        kind = getattr(schemas, name)
        if kind is schemas.ProblemCode:  # a text there: later versions add some
            assert described["ProblemDetails"]["properties"]["code"]["x-extensible-enum"] == list(
                kind
            )
        elif issubclass(kind, StrEnum):
            assert list(kind) == described[name].get("enum", [described[name].get("const")]), name
        else:
            assert set(kind.model_fields) == set(described[name]["properties"]), name


def test_what_the_server_is(client) -> None:
    assert client.health().status == "healthy"
    session = client.session()
    assert session.library == schemas.LibrarySize(photos=9, texts=0)
    assert session.model == schemas.Model(name="colours", dimension=3, is_starter=False)
    assert client.embedder().dimension == 3
    assert {each.name for each in client.facets().namespaces} == {"red", "green", "blue"}
    completed = client.complete("in:r").completions
    assert [(each.value, each.text) for each in completed] == [("red", "in:red")]


def test_photos_are_found_and_looked_at(client) -> None:
    page = client.photos_page(namespace="red", sort="added", limit=2)
    assert (page.total, [each.name for each in page.photos]) == (3, ["red 0.png", "red 1.png"])
    found = client.images_search("red - green", limit=2)
    again = client.images_search("red - green", limit=2, sort="-added")
    assert {hit.photo_id for hit in again.hits} == {hit.photo_id for hit in found.hits}
    assert [hit.namespace for hit in found.hits] == ["red", "red"]
    assert found.hits[0].score >= found.hits[1].score
    photo = client.photo(found.hits[0].photo_id)
    assert photo.files[0].path == found.hits[0].path
    assert Image.open(io.BytesIO(client.thumbnail(photo.photo_id, 160))).format == "WEBP"
    assert Image.open(io.BytesIO(client.image(photo.photo_id, side=16))).size == (16, 16)
    assert Image.open(io.BytesIO(client.focus(photo.photo_id))).format == "PNG"


def test_pictures_are_signed_for_a_page(client, server) -> None:
    ids = [photo.photo_id for photo in client.photos_page(limit=3).photos]
    found = client.picture_urls(ids, side=160, seconds=60)
    assert list(found) == ids
    for photo_id, url in found.items():
        assert httpx2.get(url).content == client.thumbnail(photo_id, 160)
    assert client.sign_urls([f"/api/v1/photos/{ids[0]}/image"]).expires_at.endswith("Z")
    with pytest.raises(errors.UsageError, match="thumbnail"):
        client.picture_urls(ids, "small")


def test_a_photo_is_sent_and_searched_for(client, tmp_path) -> None:
    (tmp_path / "grün & blau.png").write_bytes(png((20, 200, 40)))
    found = client.images_search(image=tmp_path / "grün & blau.png", limit=3)
    assert {hit.namespace for hit in found.hits} == {"green"}
    mixed = client.images_search(image=("x.png", png((20, 200, 40))), plus=["blue:5"], limit=1)
    assert mixed.hits[0].namespace == "blue"
    with pytest.raises(errors.SourceError, match=r"nowhere\.png"):
        client.images_search(image=tmp_path / "nowhere.png")


def test_photos_are_uploaded(client, tmp_path) -> None:
    (tmp_path / "a photo.png").write_bytes(png((220, 30, 31)))
    new, broken = client.upload(
        [tmp_path / "a photo.png", ("broken.jpg", b"\xff\xd8 no")], namespace="sent"
    ).photos
    assert (new.name, new.new, new.code) == ("a photo.png", True, None)
    assert (broken.new, broken.path) == (False, None)
    assert broken.code == "not-an-image"
    with pytest.raises(errors.DecodeError) as caught:
        client.upload([("broken.jpg", b"\xff\xd8 no")])
    assert caught.value.context["errors"][0]["code"] == "not-an-image"
    begun = client.start_upload([("other.png", png((31, 30, 220)))])
    *_, job = client.follow(begun.id)
    assert [photo.new for photo in job.photos] == [True]
    assert client.photo(new.photo_id).files[0].namespace == "sent"


def test_a_folder_is_ingested_with_progress(client, photos, make_photo) -> None:
    for number in range(20):
        make_photo(photos / "more" / f"{number}.png", "blue", seed=100 + number)
    told = []
    job = client.ingest("more", namespace="more", progress=told.append)
    assert (job.state, job.summary["new"]) == ("done", 20)
    assert told[-1] == job
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert client.job(job.id) == job
    assert client.jobs_page(limit=1).jobs == (job,)
    assert client.cancel(job.id) == job  # it has ended, and stays as it is
    assert [each.state for each in client.follow(job.id)] == ["done"]


def test_a_lost_connection_does_not_lose_the_job(client, photos, server, monkeypatch) -> None:
    from fastapi.responses import StreamingResponse

    from safelight.server.routes import jobs

    async def cut(*_):
        return StreamingResponse(iter([": and that was all\n\n"]))

    monkeypatch.setattr(jobs, "event_stream", cut)
    assert client.ingest("red", namespace="again").state == "done"


def test_vectors_are_kept_and_found(client) -> None:
    kept = client.put_vector([3, 4], vector_id="a/b", metadata={"year": "2020"})
    assert (kept.id, kept.embedding) == ("a/b", (3.0, 4.0))
    assert client.vector("a/b").metadata["year"] == "2020"
    (found,) = client.vectors_search([3, 4], filters={"year": {"gte": 2020}})
    assert found.score == pytest.approx(1)
    assert client.embed("red", author="A").metadata["author"] == "A"
    assert client.count_vectors() == 11
    assert client.vectors_page(limit=1).vectors[0].id == "a/b"
    client.delete_vector("a/b")
    with pytest.raises(errors.LibraryError) as caught:
        client.vector("a/b")
    assert caught.value.code == "no-vector"
    match = client.search("red", limit=1, namespace="red", return_embedding=True)[0]
    assert match.vector.metadata["namespace"] == "red"
    assert len(match.vector.embedding) == 3


def test_duplicates_are_decided_on_and_planned_for(make, library, tmp_path, embedder) -> None:
    from safelight.ingest import ingest
    from safelight.ingest.sources import parse_source

    (tmp_path / "p").mkdir()
    for name in ("one.png", "copy of one.png"):
        (tmp_path / "p" / name).write_bytes(png((20, 200, 40)))
    ingest(library, [parse_source(str(tmp_path / "p"))], embedder, model="colours")
    with running(library, embedder) as server, make(server.url) as client:
        (group,) = client.duplicates_page(relation="identical").groups
        assert [photo.keeper for photo in group.photos] == [True, False]
        plan = client.make_plan([group.group])
        assert (plan.state, len(plan.actions)) == ("planned", 1)
        assert client.apply_plan(plan.id).state == "applied"
        assert not (tmp_path / "p" / "copy of one.png").exists()
        assert client.plan(plan.id).state == client.plans_page().plans[0].state == "applied"
        assert client.undo_plan(plan.id).state == "undone"
        assert (tmp_path / "p" / "copy of one.png").exists()
        with pytest.raises(errors.PlanError) as caught:
            client.plan("nothing-here")
        assert caught.value.code == "no-plan"


def test_a_batch_gets_its_features(client, photos) -> None:
    batch = {"batch_id": "b", "artifacts": [{"photo_id": "p", "std_uri": "red/red 0.png"}]}
    found = client.features(batch)
    assert found["batch_id"] == "b"
    assert "features" in found["artifacts"][0]


REFUSED = [
    (lambda c: c.images_search("red -"), errors.QueryError, "query"),
    (lambda c: c.images_search("red", label="x"), errors.LibraryError, "no-label"),
    (lambda c: c.images_search("red", taken_from="2024-13-01"), errors.UsageError, "date"),
    (lambda c: c.images_search("red", limit=0), errors.UsageError, "invalid"),
    (lambda c: c.photo("0" * 64), errors.LibraryError, "no-photo"),
    (lambda c: c.photo("no id"), errors.UsageError, "invalid"),
    (lambda c: c.images_search(image=("x", b"no")), errors.DecodeError, "not-an-image"),
    (lambda c: c.ingest("/etc"), errors.ServerError, "outside"),
    (lambda c: c.job("0" * 32), errors.LibraryError, "no-job"),
]


def test_refusals_are_the_librarys_errors(client) -> None:
    for call, kind, code in REFUSED:
        with pytest.raises(errors.SafelightError) as caught:
            call(client)
        assert (type(caught.value), caught.value.code) == (kind, code)
        assert len(str(caught.value)) > 10
        if code == "invalid":
            assert caught.value.context["errors"][0]["reason"]


def test_every_kind_of_error_comes_back_as_itself() -> None:
    """Whatever the library raises below the server, with the code that its class has."""
    from safelight.server.errors import of_error

    kinds = [errors.SafelightError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    # These say something of the server itself, or never leave it.
    for kind in set(kinds) - {
        errors.SafelightError, errors.ServerError, errors.SettingsError, errors.SidecarError,
        errors.DecodeError, errors.FileError,
    }:  # fmt: skip
        response = of_error(kind("It is so, and cannot be helped."))
        again = refusals.error_of(response.status_code, bytes(response.body))
        assert type(again) is kind
        assert (again.code, str(again)) == (kind.code, "It is so, and cannot be helped.")


def test_a_token_is_brought(make, filled, embedder) -> None:
    text, _ = create_token(filled, "reader")
    with running(filled, embedder, needs_token=True) as server:
        with make(server.url, token=text) as client:
            assert client.session().authenticated
            with pytest.raises(errors.ServerError) as caught:
                client.upload([("x.png", png((1, 2, 3)))])
            assert caught.value.code == "read-only"
        with make(server.url) as client:
            assert client.health().status == "healthy"
            with pytest.raises(errors.ServerError) as caught:
                client.photos_page()
            assert (caught.value.code, caught.value.context["status"]) == ("no-token", 401)
        with make(server.url, token="wrong") as client:
            with pytest.raises(errors.ServerError) as caught:
                client.photos_page()
            assert caught.value.code == "bad-token"


@contextmanager
def answering(*given: tuple[int, dict[str, str], bytes]):
    """Give these answers one after the other, the last one forever; tell what was asked."""
    asked: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            status, headers, body = given[min(len(asked), len(given)) - 1]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST  # noqa: N815 - as the base class calls them

        def log_message(self, *_) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()


BUSY = (
    429,
    {"Retry-After": "0", "Content-Type": "application/problem+json"},
    json.dumps({"status": 429, "code": "busy", "detail": "Too many queries wait."}).encode(),
)


def test_what_is_too_much_now_is_sent_again(make, tmp_path) -> None:
    body = json.dumps({"photos": []}).encode()
    with answering(BUSY, BUSY, (200, {}, body)) as (url, asked), make(url) as client:
        (tmp_path / "x.png").write_bytes(b"the photo")
        assert client.upload([tmp_path / "x.png"]).photos == ()
    assert len(asked) == 3
    assert all(b"the photo" in each for each in asked)


def test_and_not_without_end(make) -> None:
    with answering(BUSY) as (url, asked), make(url) as client:
        with pytest.raises(errors.ServerError) as caught:
            client.health()
        assert (caught.value.code, len(asked)) == ("busy", 5)


def test_it_waits_as_long_as_the_server_says(make) -> None:
    slow = (429, {**BUSY[1], "Retry-After": "1"}, BUSY[2])
    with answering(slow, (200, {}, b'{"status": "healthy"}')) as (url, _), make(url) as client:
        began = time.monotonic()
        client.health()
        assert time.monotonic() - began >= 1


AWAY = b'{"status": 503, "code": "busy", "detail": "The model is being loaded."}'


@pytest.mark.parametrize(
    ("headers", "retries", "times"),
    [
        ({"Retry-After": "0"}, 2, 3),
        ({"Retry-After": formatdate(time.time() + 1, usegmt=True)}, 1, 2),
        ({"Retry-After": "Fri, 27 Nov 2020 09:30:00 GMT"}, 1, 2),
        ({"Retry-After": "0"}, 0, 1),
        ({}, 4, 1),  # nobody says that it comes back
        ({"Retry-After": "3600"}, 4, 1),  # another day
        ({"Retry-After": "soon"}, 4, 1),
    ],
)
def test_who_is_away_for_a_moment_is_asked_again(make, headers, retries, times) -> None:
    with (
        answering((503, headers, AWAY)) as (url, asked),
        make(url, retries=retries) as client,
        pytest.raises(errors.SafelightError),
    ):
        client.health()
    assert len(asked) == times


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>a router's page</html>"),
        (200, b'["healthy"]'),
        (200, b'{"stat": 1}'),
        (200, b'{"status": 1}'),
        (502, b"<html>"),
        (500, b'"no"'),
    ],
)
def test_a_server_other_than_safelight_is_named(make, status, body) -> None:
    with answering((status, {}, body)) as (url, _), make(url) as client:
        with pytest.raises(errors.ServerError) as caught:
            client.health()
        assert caught.value.code == "bad-answer"


def test_a_server_that_is_not_there(make) -> None:
    with make("http://127.0.0.1:9") as client:
        with pytest.raises(errors.ServerError) as caught:
            client.health()
        assert caught.value.code == "unreachable"
        assert "safelight serve" in str(caught.value)


def test_a_server_that_does_not_answer(make) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with make(url, timeout=0.1) as client:
            with pytest.raises(errors.ServerError) as caught:
                client.health()
            assert caught.value.code == "timeout"


def test_the_client_needs_nothing_of_the_server() -> None:
    import subprocess
    import sys

    code = (
        "import sys, safelight.client; "
        "print([n for n in ('fastapi', 'uvicorn', 'onnxruntime', 'numpy') "
        "if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_damaged_library_is_told_as_that(server, filled) -> None:
    filled.connection.execute("DROP TABLE metadata")
    answer = server.client.get("/api/v1/photos", params={"label": "x"})
    assert answer.status_code == 500
    assert answer.json()["code"] == "damaged"
