"""Sources over REST and the client: listed, moved and forgotten by the terminal's rules."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from safelight.client import AsyncClient, Client
from safelight.errors import LibraryError, SafelightError, UsageError
from safelight.library.state.tokens import create_token
from tests.server.conftest import running

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def client(server):
    with Client(server.url) as found:
        yield found


def test_sources_are_listed(server, client, photos: Path) -> None:
    found = {each.namespace: each for each in client.sources()}
    assert set(found) == {"red", "green", "blue"}
    red = found["red"]
    assert (red.source, red.files, red.missing, red.there) == (
        f"images:{photos / 'red'}",
        3,
        0,
        True,
    )
    assert red.options["recursive"] is True
    assert [each.namespace for each in client.sources("blue")] == ["blue"]
    with pytest.raises(LibraryError, match="red"):
        list(client.sources("nosuch"))
    assert server.get("/api/v1/sources", params={"namespace": "nosuch"}).status_code == 404


def test_a_folder_that_moved_is_followed(client, photos: Path) -> None:
    shutil.move(photos / "red", photos / "rot")
    counted = client.move_source(photos / "red", photos / "rot", dry_run=True)
    assert (counted.files, counted.dry_run) == (3, True)
    assert client.sources_page("red").sources[0].source == f"images:{photos / 'red'}"
    moved = client.move_source(str(photos / "red"), f"images:{photos / 'rot'}")
    assert (moved.files, moved.missing, moved.sources) == (3, 0, (f"images:{photos / 'rot'}",))
    assert client.sources_page("red").sources[0].there
    hits = client.images_search("red", limit=3, namespace="red").hits
    assert {hit.path for hit in hits} == set(map(str, (photos / "rot").iterdir()))


@pytest.mark.parametrize("new", ["/etc", "relative", "{photos}/../outside", "{photos}/link"])
def test_nothing_moves_out_of_the_roots(server, photos: Path, tmp_path: Path, new: str) -> None:
    (tmp_path / "outside").mkdir()
    (photos / "link").symlink_to(tmp_path / "outside")
    answer = server.post(
        "/api/v1/sources/move",
        {"old": str(photos / "red"), "new": new.format(photos=photos), "dry_run": True},
    )
    assert answer.status_code in (400, 403)
    assert "outside" in answer.json()["code"] or "absolute" in answer.json()["detail"]


def test_files_folders_sources_and_namespaces_are_forgotten(client, photos: Path) -> None:
    file = next(iter(sorted((photos / "red").iterdir())))
    assert client.forget(file, dry_run=True).files == 1
    forgotten = client.forget(file)
    assert (forgotten.files, forgotten.photos, forgotten.vectors) == (1, 1, 1)
    assert forgotten.returning == (f"images:{photos / 'red'}",)
    assert client.forget([photos / "red"]).files == 2
    assert [each.namespace for each in client.sources()] == ["green", "blue"]
    assert client.forget(f"images:{photos / 'green'}").sources == 1
    assert client.forget(namespace="blue").files == 3
    assert list(client.sources()) == []
    assert len(list(photos.rglob("*.png"))) == 9  # no photo is touched


def test_missing_files_are_forgotten(client, server, photos: Path) -> None:
    assert client.forget(missing=True).files == 0
    next((photos / "red").iterdir()).unlink()
    job = server.post("/api/v1/ingest", {"source": f"images:{photos / 'red'}", "namespace": "red"})
    server.wait(job.json()["id"])
    assert client.forget(missing=True, namespace="red").files == 1


def test_what_cannot_be_forgotten(client, server) -> None:
    for given, kind in (
        ({}, UsageError),
        ({"paths": ["photos"]}, UsageError),
        ({"paths": ["/nowhere"]}, LibraryError),
        ({"paths": ["image-list:/etc/passwd"]}, LibraryError),
        ({"paths": ["demo"]}, LibraryError),
        ({"namespace": "nosuch"}, LibraryError),
        ({"label_set": "123456"}, LibraryError),
        ({"label_set": "123456", "missing": True}, UsageError),
    ):
        with pytest.raises(kind):
            client.forget(**given)
        status = server.post("/api/v1/forget", given).status_code
        assert status == (400 if kind is UsageError else 404), given
    assert sum(each.files for each in client.sources()) == 9


def test_tokens_reach_as_far_as_they_do_elsewhere(filled, photos: Path, embedder) -> None:
    reading, _ = create_token(filled, "reader", may_write=False)
    red, _ = create_token(filled, "reds", may_write=True, namespaces=["red"])
    two, _ = create_token(filled, "two", may_write=True, namespaces=["red", "green"])
    with running(filled, embedder, roots=(str(photos),), needs_token=True) as server:
        with Client(server.url, reading) as client:
            assert len(list(client.sources())) == 3
            with pytest.raises(SafelightError, match="reading"):
                client.forget(namespace="red")
            with pytest.raises(SafelightError, match="reading"):
                client.move_source("/a", str(photos))
        with Client(server.url, red) as client:
            assert [each.namespace for each in client.sources()] == ["red"]
            for refused in (
                lambda: list(client.sources("blue")),
                lambda: client.forget(namespace="blue"),
                lambda: client.forget(photos / "blue"),
                lambda: client.forget(f"images:{photos / 'blue'}"),
                lambda: client.forget(label_set="123456"),
                lambda: client.move_source(photos / "red", photos / "blue"),
                lambda: client.forget(),
            ):
                with pytest.raises(SafelightError):
                    refused()
            forgotten = client.forget(photos / "red", dry_run=True)
            # How many of the photos others have as well is not told.
            assert (forgotten.files, forgotten.photos, forgotten.vectors) == (3, None, None)
        with Client(server.url, two) as client:
            with pytest.raises(SafelightError, match="green"):
                client.forget(missing=True)
            assert client.forget(namespace="green").files == 3
    assert {each for (each,) in filled.connection.execute("SELECT name FROM namespaces")} == {
        "red", "blue",
    }  # fmt: skip


def test_the_asynchronous_client_has_them_too(server, photos: Path) -> None:
    async def main() -> tuple[int, int]:
        async with AsyncClient(server.url) as client:
            found = [each async for each in client.sources()]
            forgotten = await client.forget(photos / "red", dry_run=True)
            return len(found), forgotten.files

    assert asyncio.run(main()) == (3, 3)
