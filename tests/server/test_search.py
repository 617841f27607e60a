"""The search of the server is that of the command line and of Python."""

from __future__ import annotations

import pytest

from safelight.library.browse import Filter
from safelight.search import search
from tests.fakes import ColourEmbedder


def _names(hits):
    return [(hit["photo_id"], round(hit["score"], 6)) for hit in hits]


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("red", {}),
        ("green - blue", {}),
        ("red + blue:2", {}),
        ("green 1", {}),
        ("GREEN 1.PNG", {}),
        ("blue", {"namespace": "blue"}),
        ("red", {"min_score": 0.9}),
        ("red", {"sort": "-added"}),
    ],
)
def test_a_query_finds_the_same_in_python_and_over_rest(server, query, body) -> None:
    answer = server.post("/api/v1/images/search", {"query": query, "limit": 5, **body})
    assert answer.status_code == 200, answer.text
    options = {"order" if name == "sort" else name: each for name, each in body.items()}
    hits = search(
        server.library, query, ColourEmbedder(), top=5, where=Filter(photos_only=True), **options
    )
    assert _names(answer.json()["hits"]) == [(hit.photo_id, round(hit.score, 6)) for hit in hits]
    assert [hit["matched"] for hit in answer.json()["hits"]] == [hit.matched for hit in hits]


@pytest.mark.parametrize(
    "embedding",
    [
        *([1] * 2, [1] * 4, [1] * 768, [0, 0, 0], [], "1,2,3", None, {"a": 1}),
        *([[1, 0, 0]], ["1", "0", "0"], [True, False, True], [1, None, 0], [1, 0, 1e39]),
    ],
)
def test_a_vector_that_fits_nothing_is_not_understood(server, embedding) -> None:
    answer = server.post("/api/v1/vectors/search", {"embedding": embedding})
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("weight", ["nan", "inf", "1e-46", "1,5", "9" * 40, "٣"])
def test_a_weight_that_is_not_valid_is_refused(server, weight) -> None:
    for body in (
        {"query": f"red:{weight}"},
        {"query": "red", "plus": [f"blue:{weight}"]},
        {"query": "red", "minus": [f"blue:{weight}"]},
    ):
        answer = server.post("/api/v1/images/search", body)
        assert answer.status_code == 400
        assert "0.001 to 1000" in answer.json()["detail"]


def test_filters_do_without_words(server) -> None:
    answer = server.post("/api/v1/images/search", {"namespace": "red"})
    assert {hit["namespace"] for hit in answer.json()["hits"]} == {"red"}


def test_a_namespace_that_there_is_not_is_refused_with_the_choices(server) -> None:
    answers = [
        server.post("/api/v1/images/search", {"query": "red", "namespace": "nosuch"}),
        server.post("/api/v1/images/search", {"query": "label:a", "namespace": "nosuch"}),
        server.get("/api/v1/photos", params={"namespace": "nosuch"}),
        server.get("/api/v1/facets", params={"namespace": "nosuch"}),
        server.get("/api/v1/duplicates", params={"namespace": "nosuch"}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (404, "no-namespace")
        assert "blue, green, red" in answer.json()["detail"]
