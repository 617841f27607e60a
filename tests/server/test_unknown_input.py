"""Unknown, repeated and empty input is refused by name, on every call."""

from __future__ import annotations

import pytest

from tests.server.test_client import png

IDS = {
    "photo_id": "0" * 64,
    "job_id": "0" * 32,
    "group": "0" * 12,
    "plan_id": "20260101-0",
    "vector_id": "x",
}

#: Objects whose names are the client's own.
OPEN = {
    "FeatureBatch",
    "metadata",
    "filters",
    "metadata_filters",
    "min",
    "artifacts",
    "photo_index",
}


@pytest.fixture
def document(server) -> dict:
    return server.get("/openapi.json").json()


def calls(document) -> list[tuple[str, str, dict]]:
    return [
        (method.upper(), path.format(**IDS), operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def refused(answer) -> list[dict]:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid"), problem
    return problem["errors"]


def test_parameters_that_a_call_does_not_have(server, document) -> None:
    found = calls(document)
    assert len(found) > 40
    for method, path, operation in found:
        known = {
            each["name"]: each["schema"]
            for each in operation.get("parameters", ())
            if each["in"] == "query"
        }
        (error,) = refused(server.client.request(method, path, params={"namspace": "x"}))
        assert error["field"] == "query.namspace"
        assert error["pointer"] is None
        assert set(error["allowed"]) == set(known)
        assert ("namespace" in error["reason"]) == ("namespace" in known)
        for name, schema in known.items():
            (error,) = refused(server.client.request(method, path, params={name: ""}))
            assert error["field"] == f"query.{name}"
            kinds = {schema.get("type"), *(each.get("type") for each in schema.get("anyOf", ()))}
            if "array" not in kinds:
                errors = refused(server.client.request(method, path, params={name: ["1", "1"]}))
                assert f"query.{name}" in [each["field"] for each in errors]


def test_a_secret_in_the_wrong_place_is_not_repeated(server) -> None:
    secret = "safelight_" + "s3cr3t" * 8
    answer = server.get("/api/v1/photos", params={"token": secret})
    assert refused(answer)[0]["field"] == "query.token"
    assert secret not in answer.text
    assert secret not in server.get("/api/v1/photos", params={secret: "1"}).text


def test_bodies_take_no_name_that_they_do_not_know(document) -> None:
    """Nested ones neither."""
    shapes = document["components"]["schemas"]

    def walk(schema: dict, name: str, seen: set[str]) -> None:
        reference = schema.get("$ref", "").rpartition("/")[2]
        if reference:
            if reference not in seen:
                walk(shapes[reference], reference, seen | {reference})
            return
        if name in OPEN:
            return
        if schema.get("type") == "object" or "properties" in schema:
            assert schema.get("additionalProperties") is False, name
        for each in (*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())):
            walk(each, name, seen)
        for field, inner in schema.get("properties", {}).items():
            walk(inner, field, seen)

    bodies = [
        body["schema"]
        for _, _, operation in calls(document)
        for media, body in operation.get("requestBody", {}).get("content", {}).items()
        if media == "application/json"
    ]
    assert len(bodies) > 8
    for schema in bodies:
        walk(schema, "body", set())


@pytest.mark.parametrize(
    ("path", "body", "field", "pointer", "near"),
    [
        ("images/search", {"query": "red", "limt": 3}, "body.limt", "#/limt", "limit"),
        ("images/search", {"query": "red", "namespace": ""}, "body.namespace", "#/namespace", None),
        ("images/search", {"query": "red", "form": "2024-01-01"}, "body.form", "#/form", "from"),
        (
            "plans",
            {"groups": [{"group": "0" * 12, "keper": "x"}]},
            "body.groups.0.keper",
            "#/groups/0/keper",
            "keeper",
        ),
        ("ingest", {"source": "x", "namspace": "y"}, "body.namspace", "#/namspace", "namespace"),
        ("forget", {"path": ["/x"]}, "body.path", "#/path", "paths"),
    ],
)
def test_fields_are_refused_by_name(server, path, body, field, pointer, near) -> None:
    (error,) = refused(server.post(f"/api/v1/{path}", body))
    assert (error["field"], error["pointer"]) == (field, pointer)
    if near:
        assert f"`{near}`" in error["reason"]
        assert near in error["allowed"]


def test_parts_of_forms_are_refused_by_name(server) -> None:
    photo = ("a.png", png((1, 2, 3)))
    put, post = server.client.put, server.client.post
    for name in ("file", "files[]"):
        (error,) = refused(put("/api/v1/photos", files=[(name, photo)]))
        assert (error["field"], error["allowed"]) == (f"body.{name}", ["files"])
    form = {"files": [("files", photo)], "data": {"namespace": "phone"}}
    assert refused(put("/api/v1/photos", **form))[0]["field"] == "body.namespace"
    (error,) = refused(put("/api/v1/photos", data={"files": "a.png"}, files=[("files", photo)]))
    assert "a file" in error["reason"]
    form = {"files": [("image", photo)], "data": {"limit": "3"}}
    assert refused(post("/api/v1/images/search", **form))[0]["field"] == "body.limit"


def test_a_body_that_a_call_does_not_take_is_refused(server, document) -> None:
    for method, path, operation in calls(document):
        if "requestBody" not in operation:
            (error,) = refused(server.client.request(method, path, json={"dry_run": True}))
            assert error["field"] == "body", (method, path)


@pytest.mark.parametrize("body", ['{"query": "red", "query": "blue"}', '{"min": {"focus": NaN}}'])
def test_json_that_readers_disagree_on_is_refused(server, body) -> None:
    headers = {"Content-Type": "application/json"}
    for path in ("images/search", "search"):
        (error,) = refused(server.client.post(f"/api/v1/{path}", content=body, headers=headers))
        assert error["pointer"] == "#"
