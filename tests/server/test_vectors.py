"""The calls of same-same's clients, as its guide and its sources have them."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from safelight.ingest import ingest
from safelight.ingest.sources import parse_source

# As they stand in the guide, line for line; the address and the vector are filled in.
CURL_LINES = {
    "sunset": """curl -X POST http://localhost:8080/api/v1/search \\
  -H "Content-Type: application/json" \\
  -d '{"text": "a sunset over the ocean", "limit": 5}'""",
    "wildlife": """curl -X POST http://localhost:8080/api/v1/search \\
  -H "Content-Type: application/json" \\
  -d '{"text": "nature and wildlife", "limit": 10}'""",
    "products": """curl -X POST http://localhost:8080/api/v1/search \\
  -H "Content-Type: application/json" \\
  -d '{"text": "red dress with floral pattern", "namespace": "products", "limit": 10}'""",
    "moderation": """curl -X POST http://localhost:8080/api/v1/search \\
  -H "Content-Type: application/json" \\
  -d '{"text": "inappropriate content keywords", "namespace": "user_content"}'""",
    "cake": """curl -X POST http://localhost:8080/api/v1/search \\
  -H "Content-Type: application/json" \\
  -d '{"text": "birthday party with cake", "namespace": "my_photos", "limit": 20}'""",
    "duplicates": """curl -X POST http://localhost:8080/api/v1/vectors/search \\
  -H "Content-Type: application/json" \\
  -d '{"embedding": [/* vector from image */], "limit": 5}'""",
}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("name", CURL_LINES)
def test_the_guides_curl_lines_work(server, photos, embedder, name) -> None:
    source = parse_source(f"images:{photos / 'red'}")
    ingest(server.library, [source], embedder, model="colours", namespace="products")
    line = CURL_LINES[name].replace("http://localhost:8080", server.url)
    line = line.replace("/* vector from image */", "0.9, 0.1, 0.1")
    done = subprocess.run(
        ["sh", "-c", f"{line} --silent --fail-with-body --noproxy '*'"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    found = answer if name == "duplicates" else answer["matches"]
    assert len(found) == {
        "sunset": 5, "wildlife": 9, "products": 3, "moderation": 0, "cake": 0, "duplicates": 5,
    }[name]  # fmt: skip
    for each in found:
        assert set(each) == {"vector", "score"}
        assert all(isinstance(value, str) for value in each["vector"]["metadata"].values())
    if name == "duplicates":
        assert {each["vector"]["metadata"]["namespace"] for each in found[:3]} == {"red"}
        assert len(found[0]["vector"]["embedding"]) == 3
    if name == "products":
        assert {each["vector"]["metadata"]["namespace"] for each in found} == {"products"}


def test_images_have_the_guides_metadata(server) -> None:
    (match,) = server.post("/api/v1/search", {"text": "red", "top_K": 1}).json()["matches"]
    said = match["vector"]["metadata"]
    name = said["filename"]
    assert said | {} == {**said, "type": "image", "path": name, "extension": ".png"}
    assert said["namespace"] == "red"
    assert "embedding" not in match["vector"]
    body = {"text": "red", "TOP_k": 1, "return_embedding": True}
    (match,) = server.post("/api/v1/search", body).json()["matches"]
    assert len(match["vector"]["embedding"]) == 3


@pytest.mark.parametrize("key", ["limit", "top_k", "top_K", "TOP_K", "Limit"])
def test_the_number_of_results_is_spelled_as_clients_do(server, key) -> None:
    assert len(server.post("/api/v1/search", {"text": "red", key: 2}).json()["matches"]) == 2
    body = {"embedding": [1, 0, 0], key: 4}
    assert len(server.post("/api/v1/vectors/search", body).json()) == 4


def test_vectors_are_made_read_changed_and_deleted(server) -> None:
    made = server.post(
        "/api/v1/vectors", {"id": "mine", "embedding": [1, 2], "metadata": {"a": "b", "n": 3}}
    )
    assert made.status_code == 201
    assert made.json()["metadata"] == {"a": "b", "n": "3"}
    assert server.get("/api/v1/vectors/mine").json() == made.json()
    put = server.client.put("/api/v1/vectors/mine", json={"embedding": [0.5, 0.25, 4]}).json()
    assert (put["embedding"], put["metadata"]) == ([0.5, 0.25, 4], {})
    assert put["created_at"] == made.json()["created_at"]
    assert put["updated_at"] >= made.json()["updated_at"]
    assert server.get("/api/v1/vectors/count").json() == {"count": 10}
    assert server.client.delete("/api/v1/vectors/mine").status_code == 204
    for answer in (
        server.get("/api/v1/vectors/mine"),
        server.client.delete("/api/v1/vectors/mine"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "no-vector")
    created = server.client.put("/api/v1/vectors/new", json={"embedding": [1]})
    assert (created.status_code, created.json()["id"]) == (200, "new")


def test_generated_ids_never_collide(server) -> None:
    made = [server.post("/api/v1/vectors", {"embedding": [1]}).json()["id"] for _ in range(5)]
    body = {"text": "green", "author": "me"}
    answers = [server.post("/api/v1/vectors/embed", body) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {201}
    quotes = [answer.json()["id"] for answer in answers]
    assert all(quote.startswith("quote_") for quote in quotes)
    assert len({*made, *quotes}) == 10
    assert answers[0].json()["metadata"] == body
    found = server.post("/api/v1/search", {"text": "green", "limit": 5}).json()["matches"]
    assert {match["vector"]["id"] for match in found} == set(quotes)


def test_the_list_goes_on_where_its_link_says(server) -> None:
    for number in range(3):
        server.post("/api/v1/vectors", {"id": f"v{number}", "embedding": [number + 1]})
    path, found, pages = "/api/v1/vectors?limit=5", [], 0
    while path:
        answer = server.get(path)
        assert answer.headers["x-total-count"] == "12"
        found += answer.json()
        pages += 1
        link = answer.headers.get("link", "")
        path = link.partition("<")[2].partition(">")[0]
    assert pages == 3
    assert [each["id"] for each in found[:3]] == ["v0", "v1", "v2"]
    assert len({each["id"] for each in found}) == 12
    brief = server.get("/api/v1/vectors/metadata").json()
    assert [each["length"] for each in brief] == [1, 1, 1, *[3] * 9]
    assert set(brief[0]) == {"id", "length", "metadata", "created_at", "updated_at"}


def test_namespaces_really_filter(server) -> None:
    for namespace in ("red", "other"):
        body = {"id": "same", "embedding": [1, 0, 0], "metadata": {"namespace": namespace}}
        server.post("/api/v1/vectors", body)
    body = {"embedding": [1, 0, 0], "namespace": "other"}
    (found,) = server.post("/api/v1/vectors/search", body).json()
    assert found["vector"]["metadata"] == {"namespace": "other"}
    found = server.post("/api/v1/search", {"text": "red", "namespace": "blue"}).json()["matches"]
    assert {each["vector"]["metadata"]["namespace"] for each in found} == {"blue"}
    assert server.post("/api/v1/search", {"text": "red", "namespace": ""}).json()["matches"]
    assert server.get("/api/v1/vectors/count?namespace=red").json() == {"count": 4}


FILTERS = [
    ([{"field": "year", "operator": "=", "value": "2020"}], {"b"}),
    ([{"field": "year", "operator": ">=", "value": 2020}], {"b", "c"}),
    ([{"field": "year", "operator": "<", "value": "2020"}], {"a"}),
    ([{"field": "tag", "operator": "in", "value": ["x", "y"]}], {"a", "b"}),
    ([{"field": "tag", "operator": "not_in", "value": ["x"]}], {"b", "c"}),
    ({"year": {"gt": 2019, "lte": 2021}}, {"b", "c"}),
    ({"year": {"between": [2019, 2020]}}, {"a", "b"}),
    ({"tag": {"neq": "x"}}, {"b", "c"}),
    ({"tag": {"contains": "Y"}}, {"b"}),
    ({"extra": {"exists": True}}, {"c"}),
    ({"extra": {"exists": False}}, {"a", "b"}),
    ({"tag": "x"}, {"a"}),
    ({"tag": ["x", "z"]}, {"a", "c"}),
    ({"tag": "x", "year": 2020}, set()),
    ({}, {"a", "b", "c"}),
    ([], {"a", "b", "c"}),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS)
def test_filters_in_every_spelling(server, filters, expected) -> None:
    for name, metadata in {
        "a": {"year": 2019, "tag": "x"},
        "b": {"year": 2020, "tag": "y"},
        "c": {"year": 2021, "tag": "z", "extra": ""},
    }.items():
        server.post("/api/v1/vectors", {"id": name, "embedding": [1, 1], "metadata": metadata})
    body = {"embedding": [1, 1], "filters": filters}
    found = server.post("/api/v1/vectors/search", body).json()
    assert {each["vector"]["id"] for each in found} == expected


def test_filters_are_exact_however_few_match(server, library, embedder, photos, tmp_path) -> None:
    listing = tmp_path / "list.txt"
    listing.write_text(f"{photos}/red/red 2.png,landscape\n{photos}/blue/blue 0.png,sea,deep\n")
    source = parse_source(f"image-list:{listing}")
    ingest(library, [source], embedder, model="colours", namespace="listed")
    for number in range(300):
        server.post("/api/v1/vectors", {"embedding": [0, 1, number / 1e6]})
    body = {"text": "green", "metadata_filters": {"label": "landscape"}, "limit": 3}
    (match,) = server.post("/api/v1/search", body).json()["matches"]
    assert match["vector"]["metadata"]["filename"] == "red 2.png"
    body = {"text": "green", "filters": {"subcategory": {"exists": True}}, "limit": 3}
    (match,) = server.post("/api/v1/search", body).json()["matches"]
    assert match["vector"]["metadata"]["label"] == "sea"


@pytest.mark.parametrize(
    "filters",
    [
        "label=x",
        [{"field": "a"}],
        [{"field": "a", "operator": "like", "value": 1}],
        {"a": {"between": [1]}},
        {"a": {"in": 3}},
        {"a": {"eq": [1]}},
        {"a": None},
    ],
)
def test_a_filter_that_cannot_be_read_is_said(server, filters) -> None:
    answer = server.post("/api/v1/search", {"text": "red", "filters": filters})
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] in ("filter", "invalid")


def test_the_other_form_of_search_answers_in_its_own_shape(server) -> None:
    server.post(
        "/api/v1/vectors",
        {
            "id": "q",
            "embedding": [0, 0, 1],
            "metadata": {"text": "the sea", "author": "A", "year": "1990", "tags": "sea, blue"},
        },
    )
    body = {
        "query": "blue",
        "top_k": 4,
        "filters": {"author": {"eq": "A"}},
        "options": {"hybrid_weight": {"vector": 0.5, "metadata": 0.25}},
    }
    found = server.post("/api/v1/search", body).json()
    assert found["total"] == 1
    (result,) = found["results"]
    assert result.pop("score") == pytest.approx(0.75, abs=0.01)
    assert result == {
        "id": "q", "text": "the sea", "author": "A", "year": "1990", "tags": ["sea", "blue"],
    }  # fmt: skip
    assert len(server.post("/api/v1/search", {"query": "red"}).json()["results"]) == 10


def test_whatever_people_type_is_searched_for(server) -> None:
    for text in ("red -", "- ", "a.jpg", "/etc/passwd", '"', "10 - 5", ":", "red:0", "label:"):
        answer = server.post("/api/v1/search", {"text": text})
        assert answer.status_code == 200, (text, answer.text)
    assert server.post("/api/v1/search", {"text": " "}).status_code == 400
    assert server.post("/api/v1/search", {}).status_code == 400


def test_vectors_of_another_dimension_are_passed_over(server) -> None:
    server.post("/api/v1/vectors", {"id": "five", "embedding": [1, 0, 0, 0, 0]})
    found = server.post("/api/v1/vectors/search", {"embedding": [2, 0, 0, 0, 0]}).json()
    assert [(each["vector"]["id"], each["score"]) for each in found] == [("five", 1.0)]
    refused = server.post("/api/v1/vectors/search", {"embedding": [1, 2, 3, 4]})
    assert refused.status_code == 422
    assert "3 or 5" in refused.json()["detail"]


@pytest.mark.parametrize(
    "embedding", [[], [0, 0], ["x"], None, "NaN", [1e39], [True, {}], [1] * 5000]
)
def test_what_is_not_a_vector_is_refused(server, embedding) -> None:
    for path in ("/api/v1/vectors", "/api/v1/vectors/search"):
        answer = server.post(path, {"embedding": embedding})
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"
    for number in ("NaN", "Infinity", "1e999"):
        answer = server.client.post(
            "/api/v1/vectors",
            content=f'{{"embedding": [{number}]}}',
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code in (400, 422)


def test_photos_are_vectors_that_cannot_be_changed(server) -> None:
    photo_id = server.get("/api/v1/photos").json()["photos"][0]["photo_id"]
    found = server.get(f"/api/v1/vectors/{photo_id}").json()
    assert (found["metadata"]["type"], len(found["embedding"])) == ("image", 3)
    path = f"/api/v1/vectors/{photo_id}"
    for answer in (
        server.client.delete(path),
        server.client.put(path, json={"embedding": [1]}),
        server.post("/api/v1/vectors", {"id": photo_id, "embedding": [1]}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_the_model_is_told(server) -> None:
    found = server.get("/api/v1/embedder/stats").json()
    assert (found["type"], found["model"], found["dimension"]) == ("clip", "colours", 3)


def test_vectors_need_no_photos(library) -> None:
    from tests.server.conftest import running

    with running(library) as server:
        assert server.get("/api/v1/vectors").json() == []
        server.post("/api/v1/vectors", {"id": "a", "embedding": [3, 4]})
        found = server.post("/api/v1/vectors/search", {"embedding": [3, 4]}).json()
        assert found[0]["score"] == pytest.approx(1)
        answer = server.post("/api/v1/search", {"text": "anything"})
        assert (answer.status_code, answer.json()["code"]) == (409, "empty-library")
