from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest
from PIL import Image

from safelight.library.attributes.scores import ScoreRecord, write_scores
from tests.server.conftest import running
from tests.waiting import until


def test_the_server_tells_what_it_has(server) -> None:
    assert server.get("/health").json() == {"status": "healthy"}
    session = server.get("/api/v1/session").json()
    assert session["library"] == {"photos": 9, "texts": 0}
    assert session["model"] == {"name": "colours", "dimension": 3, "is_starter": False}
    assert (session["may_write"], session["token_needed"]) == (True, False)


def test_photos_are_browsed_page_by_page(server) -> None:
    first = server.get("/api/v1/photos", params={"limit": 4, "sort": "added"}).json()
    rest = server.get("/api/v1/photos", params={"cursor": first["next"], "sort": "added"}).json()
    assert first["total"] == rest["total"] == 9
    names = [card["name"] for card in first["photos"] + rest["photos"]]
    assert names == [f"{c} {n}.png" for c in ("red", "green", "blue") for n in range(3)]
    backwards = server.get("/api/v1/photos", params={"sort": "-added"}).json()["photos"]
    assert [card["name"] for card in backwards] == names[::-1]


def test_photos_are_filtered_and_sorted_by_scores(server) -> None:
    ids = [card["photo_id"] for card in server.get("/api/v1/photos").json()["photos"]]
    write_scores(
        server.library,
        {each: [ScoreRecord("focus", "1", n, n / 10)] for n, each in enumerate(ids)},
    )
    assert "focus" in until(lambda: server.get("/api/v1/facets").json()["metrics"])
    wanted = {"min": ["focus:0.55"], "sort": "-score:focus"}
    found = server.get("/api/v1/photos", params=wanted).json()
    assert [card["photo_id"] for card in found["photos"]] == ids[:5:-1]
    body = {"query": "red", "min": {"focus": 0.55}}
    hits = server.post("/api/v1/images/search", body).json()["hits"]
    assert {hit["photo_id"] for hit in hits} == set(ids[6:])


def test_hits_come_in_the_order_that_is_asked_for(server) -> None:
    def hits(**wanted) -> list[str]:
        body = {"query": "red", **wanted}
        found = server.post("/api/v1/images/search", body).json()["hits"]
        return [hit["photo_id"] for hit in found]

    nearest = hits()
    scored = [nearest[1], nearest[4], nearest[2]]
    write_scores(
        server.library,
        {each: [ScoreRecord("focus", "1", n, n / 10)] for n, each in enumerate(scored)},
    )
    rest = [each for each in nearest if each not in scored]
    assert hits(sort="-score:focus") == scored[::-1] + rest
    assert hits(sort="score:focus") == scored + rest
    # The nearest are taken first, and only then put into order.
    assert hits(sort="-score:focus", limit=3) == [nearest[2], nearest[1], nearest[0]]
    added = [card["photo_id"] for card in server.get("/api/v1/photos?sort=added").json()["photos"]]
    assert hits(sort="added") == added
    assert hits(sort="-added") == added[::-1]
    assert hits(sort="-taken") == hits() == nearest  # of none is known when it was taken


def test_a_search_finds_what_is_asked_for(server) -> None:
    hits = server.post("/api/v1/images/search", {"query": "red - green", "limit": 3}).json()
    assert [hit["namespace"] for hit in hits["hits"]] == ["red"] * 3
    assert hits["model"] == "colours"
    scores = [hit["score"] for hit in hits["hits"]]
    assert scores == sorted(scores, reverse=True)
    body = {"query": "red", "namespace": "blue"}
    found = server.post("/api/v1/images/search", body).json()["hits"]
    assert {hit["namespace"] for hit in found} == {"blue"}
    assert len(found) == 3


def test_more_like_a_photo_and_less_like_another(server) -> None:
    by_name = {card["name"]: card for card in server.get("/api/v1/photos").json()["photos"]}
    blue, red = (by_name[name]["photo_id"] for name in ("blue 1.png", "red 1.png"))
    hits = server.post("/api/v1/images/search", {"photo_id": blue}).json()["hits"]
    assert hits[0]["photo_id"] == blue
    body = {"photo_id": blue, "minus": [f"photo:{red}"], "plus": ["green:0.1"]}
    hits = server.post("/api/v1/images/search", body).json()["hits"]
    assert hits[0]["namespace"] == "blue"
    assert red not in {hit["photo_id"] for hit in hits}


def test_a_photo_is_searched_for_with_words(server) -> None:
    files = {"image": ("x.png", _png((20, 200, 40)))}
    found = server.client.post("/api/v1/images/search", files=files).json()
    assert {hit["namespace"] for hit in found["hits"][:3]} == {"green"}
    mixed = server.client.post(
        "/api/v1/images/search", files=files, data={"request": '{"plus": ["blue:5"], "limit": 2}'}
    ).json()
    assert [hit["namespace"] for hit in mixed["hits"]] == ["blue", "blue"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "query"),
        ({"query": "  "}, "query"),
        ({"query": "red -"}, "query"),
        ({"query": "./red.png"}, "query"),
        ({"query": "/etc/passwd.jpg"}, "query"),
        ({"photo_id": "0" * 64}, "query"),
        ({"query": "red", "from": "2024-13-01"}, "date"),
        ({"query": "red", "min": {"focus": 0.5}}, "no-scores"),
        ({"query": "red", "sort": "score:focus"}, "no-scores"),
        ({"query": "red", "sort": "best"}, "invalid"),
        ({"query": "red", "limit": 0}, "invalid"),
        ({"query": "red", "tpo": 3}, "invalid"),
    ],
)
def test_what_cannot_be_searched_for_is_said(server, body, code) -> None:
    answer = server.post("/api/v1/images/search", body)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code
    assert problem["status"] == answer.status_code
    assert problem["detail"]


@pytest.mark.parametrize("path", ["search", "images/search", "vectors/search"])
def test_a_body_that_is_not_json_is_called_so(server, path) -> None:
    headers = {"Content-Type": "application/json"}
    answer = server.post(f"/api/v1/{path}", content=b'{"text": [/* words */]}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    (wrong,) = answer.json()["errors"]
    assert wrong["field"] == "body"
    assert wrong["reason"].startswith("is not JSON")
    assert "words" not in answer.text


def test_json_that_is_not_called_so_is_told_how_to_be_sent(server) -> None:
    """As curl sends it without a header."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = server.post("/api/v1/search", content=b'{"text": "red"}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "media-type")
    assert "application/json" in answer.json()["detail"]


def test_a_thumbnail_is_made_once_and_has_a_strong_etag(server) -> None:
    photo_id = server.get("/api/v1/photos").json()["photos"][0]["photo_id"]
    path = f"/api/v1/photos/{photo_id}/thumbnail"
    first = server.get(path, params={"side": 160})
    assert first.headers["content-type"] == "image/webp"
    assert "immutable" in first.headers["cache-control"]
    assert Image.open(io.BytesIO(first.content)).size == (32, 32)  # smaller ones stay as they are
    etag = first.headers["etag"]
    assert etag.startswith('"')
    again = server.get(path, params={"side": 160}, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    # The file is gone, and the thumbnail is not.
    Path(server.get(f"/api/v1/photos/{photo_id}").json()["files"][0]["path"]).unlink()
    assert server.get(path, params={"side": 160}).content == first.content


def test_what_is_made_of_a_photo_lies_upright(server, library, tmp_path, embedder) -> None:
    from safelight.ingest import ingest
    from safelight.ingest.sources import parse_source

    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (400, 200), (220, 30, 30)).save(tmp_path / "lies.jpg", exif=exif)
    ingest(library, [parse_source(str(tmp_path / "lies.jpg"))], embedder, model="colours")
    photo_id = hashlib.sha256((tmp_path / "lies.jpg").read_bytes()).hexdigest()
    picture = server.get(f"/api/v1/photos/{photo_id}/thumbnail", params={"side": 160}).content
    assert Image.open(io.BytesIO(picture)).size == (80, 160)
    picture = server.get(f"/api/v1/photos/{photo_id}/image", params={"side": 300}).content
    assert Image.open(io.BytesIO(picture)).size == (150, 300)


def test_the_original_is_what_was_ingested_or_nothing(server) -> None:
    card = server.get("/api/v1/photos").json()["photos"][0]
    path = f"/api/v1/photos/{card['photo_id']}/original"
    answer = server.get(path)
    assert hashlib.sha256(answer.content).hexdigest() == card["photo_id"]
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"].startswith("attachment")
    file = Path(card["path"])
    file.write_bytes(b"something else, and secret")
    assert server.get(path).json()["code"] == "changed"
    file.unlink()
    os.symlink("/etc/passwd", file)
    assert server.get(path).json()["code"] == "changed"
    file.unlink()
    os.mkfifo(file)
    assert server.get(path).json()["code"] == "changed"


def test_a_photo_tells_all_that_is_known(server) -> None:
    card = server.get("/api/v1/photos").json()["photos"][0]
    found = server.get(f"/api/v1/photos/{card['photo_id']}").json()
    assert (found["width"], found["height"], found["format"]) == (32, 32, "PNG")
    assert found["files"][0]["path"] == card["path"]
    assert server.get(f"/api/v1/photos/{'0' * 64}").status_code == 404


def test_a_photo_tells_what_its_file_holds(server, library, tmp_path, embedder) -> None:
    from safelight.ingest import ingest
    from safelight.ingest.sources import parse_source
    from tests.imaging.builders import animation
    from tests.imaging.pictures import picture

    path = tmp_path / "held" / "animation.gif"
    path.parent.mkdir()
    path.write_bytes(animation([picture(60, 40), picture(60, 40)[::-1].copy()], loop=0))
    ingest(library, [parse_source(str(path))], embedder, model="colours")
    photo_id = hashlib.sha256(path.read_bytes()).hexdigest()
    found = until(lambda: server.get(f"/api/v1/photos/{photo_id}").json())
    assert found["holds"] == ["a further frame"]


def test_a_focus_map_has_the_shape_of_its_photo(server, library, tmp_path, embedder) -> None:
    import numpy as np

    from safelight.ingest import ingest
    from safelight.ingest.sources import parse_source

    pixels = np.full((400, 800, 3), 128, np.uint8)
    pixels[:, :400] = np.random.default_rng(1).integers(0, 2, (400, 400, 1), np.uint8) * 255
    Image.fromarray(pixels).resize((1600, 800), 0).save(tmp_path / "half.png")
    ingest(library, [parse_source(str(tmp_path / "half.png"))], embedder, model="colours")
    photo_id = hashlib.sha256((tmp_path / "half.png").read_bytes()).hexdigest()
    answer = server.get(f"/api/v1/photos/{photo_id}/focus")
    assert answer.headers["content-type"] == "image/png"
    shown = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert shown.shape[1] == 2 * shown.shape[0]
    assert shown[:, : shown.shape[1] // 3, 3].min() > 100
    assert shown[:, -shown.shape[1] // 4 :, 3].max() == 0


def _png(colour) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(out, "PNG")
    return out.getvalue()


def test_labels_filter_photos_and_rank_them(server) -> None:
    from safelight.library.attributes.label_sets import use_label_set
    from safelight.library.attributes.labels import LabelledPhoto, LabelRecord, write_labels

    cards = server.get("/api/v1/photos", params={"sort": "added"}).json()["photos"]
    use_label_set(server.library, "set", ["beach", "dog"], ["{}"])
    labelled = {
        card["photo_id"]: LabelledPhoto((LabelRecord("beach", 1, 0.3, p, p >= 0.5),), p < 0.5)
        for card, p in zip(cards, (0.6, 0.9, 0.7, *[0.1] * 6), strict=True)
    }
    fingerprint = server.service.searched().choice.embedder.fingerprint
    write_labels(server.library, fingerprint, "set", labelled)
    found = until(lambda: server.get("/api/v1/facets").json()["labels"])
    assert found == [{"label": "beach", "count": 3}]
    listed = server.get("/api/v1/photos", params={"label": "Beach", "sort": "added"}).json()
    assert [card["photo_id"] for card in listed["photos"]] == list(labelled)[:3]
    hits = server.post("/api/v1/images/search", {"query": "label:beach"}).json()["hits"]
    assert [hit["score"] for hit in hits] == [0.9, 0.7, 0.6]
    hits = server.post("/api/v1/images/search", {"query": "red -label:beach"}).json()["hits"]
    assert {hit["photo_id"] for hit in hits} == set(list(labelled)[3:])
    assert server.get("/api/v1/photos", params={"label": "x"}).json()["code"] == "no-label"
    detail = server.get(f"/api/v1/photos/{cards[0]['photo_id']}").json()
    assert [(each["label"], each["applies"]) for each in detail["labels"]] == [("beach", True)]


def test_the_photo_nearest_to_what_is_not_there_is_weak(library, tmp_path) -> None:
    from skimage import data

    from safelight.embedding.starter import load_starter
    from safelight.ingest import ingest
    from safelight.ingest.sources import parse_source
    from tests.server.conftest import running

    Image.fromarray(data.chelsea()).save(tmp_path / "cat.png")
    starter = load_starter()
    ingest(library, [parse_source(str(tmp_path / "cat.png"))], starter, model="starter")
    with running(library, starter) as server:

        def ask(query: str) -> dict:
            return server.post("/api/v1/images/search", {"query": query}).json()

        until(lambda: ask("a volcano")["weak"])  # words for comparison are embedded after the start
        assert len(ask("a volcano")["hits"]) == 1
        assert not ask("a cat")["weak"]


@pytest.mark.parametrize(
    "broken",
    [
        lambda whole: b"",
        lambda whole: whole[:100],
        lambda whole: whole[:-1],
        lambda whole: whole[:60] + bytes([whole[60] ^ 1]) + whole[61:],
        lambda whole: bytes(len(whole)),
        lambda whole: b"<html>Not a picture</html>",
        None,
    ],
    ids=["empty", "cut", "short", "bit", "zeros", "page", "another photo's"],
)
def test_a_broken_thumbnail_is_made_again(server, broken) -> None:
    one, other = (each["photo_id"] for each in server.get("/api/v1/photos").json()["photos"][:2])
    folder = server.library.path.with_name(server.library.path.name + ".thumbnails")
    path = f"/api/v1/photos/{one}/thumbnail?side=160"
    good = server.get(path).content
    server.get(f"/api/v1/photos/{other}/thumbnail?side=160")
    (kept,) = folder.glob(f"*/{one}.160.*")
    whole = kept.read_bytes()
    (foreign,) = folder.glob(f"*/{other}.160.*")
    kept.write_bytes(foreign.read_bytes() if broken is None else broken(whole))
    answer = server.get(path)
    assert (answer.status_code, answer.content) == (200, good)
    assert kept.read_bytes() == whole
    # Nor is it lost where something else has taken its place.
    kept.unlink()
    kept.mkdir()
    assert server.get(path).content == good
    kept.rmdir()


def test_thumbnails_are_there_before_anybody_looks(filled, photos, embedder, make_photo) -> None:
    """Made ahead of photos that were ingested before, and by an ingest of the server itself."""
    folder = filled.path.with_name(filled.path.name + ".thumbnails")
    with running(filled, embedder, roots=(str(photos),)) as server:
        until(lambda: len(list(folder.glob("*/*.320.*"))) == 9)
        new = make_photo(photos / "red" / "new.png", "red", seed=99, size=900)
        body = {"source": f"images:{photos}/red", "namespace": "red"}
        server.wait(server.post("/api/v1/ingest", body).json()["id"])
        photo_id = hashlib.sha256(new.read_bytes()).hexdigest()
        assert len(list(folder.glob(f"*/{photo_id}.320.*"))) == 1
        answer = server.get(f"/api/v1/photos/{photo_id}/thumbnail?side=640")
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert picture.size == (640, 640)
