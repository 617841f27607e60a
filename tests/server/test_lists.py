"""Lists of the API: cursors, further fields, batches, changes, ETags."""

from __future__ import annotations

import asyncio
import os

import pytest

from safelight.client import AsyncClient, Client
from safelight.errors import SafelightError
from safelight.library.attributes.scores import ScoreRecord, write_scores
from safelight.library.listed_fields import FIELDS
from safelight.library.outbox import add_store, next_queued, settle
from safelight.library.state.tokens import create_token
from tests.library.writes import Writer


@pytest.fixture
def client(server):
    with Client(server.url) as found:
        yield found


def test_a_client_iterates_over_photos_while_they_change(server, client) -> None:
    writer = Writer(server.library, 1)
    before = {each.photo_id for each in client.photos()}
    found, forgotten = [], []
    for number, photo in enumerate(client.photos(limit=2, sort="-added")):
        found.append(photo.photo_id)
        if number < 4:
            writer.add()
            forgotten.append(sorted(before - {*found, *forgotten})[-1])
            client.forget_photo(forgotten[-1])
    assert len(found) == len(set(found))
    assert before == {*found, *forgotten}
    assert client.photos_page(limit=1).total == 9

    async def count() -> int:
        async with AsyncClient(server.url) as awaited:
            return len([each async for each in awaited.photos(limit=4)])

    assert asyncio.run(count()) == 9


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("photos", {"cursor": "x"}),
        ("photos", {"cursor": "CURSOR", "sort": "added"}),
        ("photos", {"cursor": "CURSOR", "namespace": "red"}),
        ("changes", {"since": "CURSOR"}),
        ("changes", {"since": "☃"}),
    ],
)
def test_a_cursor_of_another_list_is_refused_by_name(server, path, wanted) -> None:
    cursor = server.get("/api/v1/photos", params={"limit": 1}).json()["next"]
    given = {name: cursor if value == "CURSOR" else value for name, value in wanted.items()}
    answer = server.get(f"/api/v1/{path}", params=given)
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor")


def test_an_offset_without_a_snapshot_is_refused(server) -> None:
    answer = server.get("/api/v1/photos", params={"offset": 3})
    assert answer.status_code == 400
    answer = server.get("/api/v1/photos", params={"snapshot": "0" * 16})
    assert (answer.status_code, answer.json()["code"]) == (410, "cursor-expired")


def test_lists_have_further_fields_and_many_are_read_at_once(server, client) -> None:
    ids = [each.photo_id for each in client.photos()]
    write_scores(server.library, {ids[0]: [ScoreRecord("focus", "1", 0.5, 0.5)]})
    plain = client.photos_page(limit=1).photos[0]
    assert (plain.scores, plain.added_at, plain.facts) == (None, None, None)
    batch = client.read_photos([ids[0], "0" * 64, ids[1]], fields=["scores,added_at", "lens"])
    assert [each.photo_id for each in batch.photos] == ids[:2]
    assert batch.missing == ("0" * 64,)
    assert [(each.metric, each.score) for each in batch.photos[0].scores] == [("focus", 0.5)]
    assert batch.photos[1].scores == ()
    assert batch.photos[0].added_at.endswith("Z")
    assert batch.photos[0].facts.lens is None
    everything = client.photos_page(fields=FIELDS).photos
    for each in everything:
        photo = client.photo(each.photo_id)
        assert each.files == photo.files
        assert (each.size, each.added_at) == (photo.size, photo.added_at)
        assert each.scores == photo.scores
    with pytest.raises(SafelightError) as refused:
        client.photos_page(fields="colour")
    assert refused.value.code == "fields"
    assert "labels" in str(refused.value)


def test_a_photo_is_forgotten_and_its_file_stays(server, client) -> None:
    store = add_store(server.library, "qdrant://somewhere")
    settle(server.library, [pk for pk, _ in next_queued(server.library, store, after=0, limit=99)])
    photo = client.photo(client.photos_page(limit=1).photos[0].photo_id)
    client.thumbnail(photo.photo_id)
    client.forget_photo(photo.photo_id)
    assert os.path.exists(photo.files[0].path)
    for call in (client.photo, client.thumbnail, client.forget_photo):
        with pytest.raises(SafelightError) as refused:
            call(photo.photo_id)
        assert refused.value.code == "no-photo"
    connection = server.library.connection
    assert connection.execute("SELECT count(*) FROM embeddings").fetchone() == (8,)
    queued = next_queued(server.library, store, after=0, limit=99)
    assert [item_id for _, item_id in queued] == [photo.photo_id]


def test_a_token_forgets_and_learns_only_what_is_in_its_namespace(server) -> None:
    red, _ = create_token(server.library, "red", may_write=True, namespaces=("red",))
    reads, _ = create_token(server.library, "reads")
    all_ids = {each["photo_id"]: each["namespace"]
               for each in server.get("/api/v1/photos").json()["photos"]}  # fmt: skip
    foreign = next(each for each, namespace in all_ids.items() if namespace == "blue")
    with Client(server.url, token=red) as client, Client(server.url, token=reads) as reader:
        assert {each.namespace for each in client.changes()} == {"red"}
        cursor = client.changes_page().cursor
        with pytest.raises(SafelightError) as refused:
            client.forget_photo(foreign)
        assert refused.value.code == "no-photo"
        with pytest.raises(SafelightError) as refused:
            reader.forget_photo(foreign)
        assert refused.value.code == "read-only"
        server.client.delete(f"/api/v1/photos/{foreign}")
        assert list(client.changes(cursor)) == []
        with pytest.raises(SafelightError) as refused:
            list(reader.changes(cursor))
        assert refused.value.code == "cursor"


def test_a_client_follows_the_changes(server, client) -> None:
    writer = Writer(server.library, 2)
    copy, cursor = {}, None
    for _ in range(6):
        for change in client.changes(cursor, limit=4, fields=["scores", "labels", "files"]):
            if change.photo is None:
                copy.pop((change.photo_id, change.namespace), None)
            else:
                copy[change.photo_id, change.namespace] = change.photo
            cursor = change.cursor
        there = {
            (each.photo_id, found.name): each
            for found in client.facets().namespaces
            for each in client.photos(namespace=found.name, fields=["scores", "labels", "files"])
        }
        assert copy == there
        for _ in range(10):
            writer.anything()


def test_who_has_a_list_already_is_told_so(server) -> None:
    for path in ("photos?limit=3", "changes"):
        first = server.get(f"/api/v1/{path}")
        tag = first.headers["etag"]
        assert tag.startswith('W/"')
        again = server.get(f"/api/v1/{path}", headers={"If-None-Match": f'"x", {tag}'})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        other = server.get(f"/api/v1/{path}", headers={"If-None-Match": '"x"'})
        assert (other.status_code, other.headers["etag"]) == (200, tag)
    photo = first.json()["changes"][0]["photo_id"]
    write_scores(server.library, {photo: [ScoreRecord("focus", "1", 0.5, 0.5)]})
    changed = server.get("/api/v1/changes", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)


def test_a_search_goes_on_while_photos_come_and_go(server, client) -> None:
    writer = Writer(server.library, 3)
    before = {each.photo_id for each in client.photos()}
    for wanted in ({"query": "red"}, {"query": "red - green"}, {"sort": "-added"}):
        found = []
        for number, hit in enumerate(client.search_all(**wanted, limit=2, fields=["added_at"])):
            found.append(hit.photo_id)
            assert hit.added_at
            if number < 3:
                writer.add()
                writer.score()
        assert len(found) == len(set(found))
        assert before <= set(found)
    first = client.images_search("red", limit=3)
    assert first.total is None
    second = client.images_search("red", limit=3, cursor=first.next)
    whole = client.images_search("red", limit=1000)
    assert [*first.hits, *second.hits] == list(whole.hits[:6])
    assert (whole.total, whole.next) == (len(whole.hits), None)
    # Asked for once more, a page is the same.
    assert client.images_search("red", limit=3, cursor=first.next).hits == second.hits
    for other in ({"query": "green"}, {"query": "red", "namespace": "red"}):
        with pytest.raises(SafelightError) as refused:
            client.images_search(**other, cursor=first.next)
        assert refused.value.code == "cursor"


def test_several_photos_are_searched_with_at_once(server, client, photos) -> None:
    red, green = (str(photos / colour / f"{colour} 0.png") for colour in ("red", "green"))
    ids = {each.path: each.photo_id for each in client.photos()}

    def spaces(**wanted) -> list[str]:
        return [hit.namespace for hit in client.images_search(**wanted, limit=6).hits]

    assert set(spaces(images=[red, green])) == {"red", "green"}
    assert set(spaces(like=[ids[red], ids[green]])) == {"red", "green"}
    assert spaces(images=[red, green], weights=[9, 1])[:3] == ["red"] * 3
    assert spaces(like=[ids[red], f"{ids[green]}:9"])[:3] == ["green"] * 3
    assert spaces(image=red, like=[f"{ids[green]}:9"])[:3] == ["green"] * 3
    assert "green" not in spaces(images=[red, green], weights=[1, -1])[:3]
    hits = list(client.search_all(images=[red, green], limit=2))
    assert len({hit.photo_id for hit in hits}) == len(hits) == 9
    for wrong in ({"images": [red], "weights": [1, 2]}, {"like": ["red"]}):
        with pytest.raises(SafelightError) as refused:
            client.images_search(**wrong)
        assert refused.value.code in ("query", "invalid")
