"""The OpenAPI document is complete: readers and generators of clients need nothing else."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest
from openapi_spec_validator import validate

from safelight.server.app import create_app

METHODS = ("get", "put", "post", "delete", "head", "options", "patch")
COMMITTED = Path(__file__).parents[2] / "docs/openapi.json"

#: What anybody may call; all else needs a token where the server asks for one.
PUBLIC = {"checkHealth", "getHealth", "getSession"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(cast("Any", None)).openapi()


def operations(document) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def described(document) -> list[tuple[str, dict[str, Any], bool]]:
    """Everything that has to be described: where it stands, itself, and whether it is a value."""
    found = []
    for name, operation in operations(document):
        for each in operation.get("parameters", ()):
            found.append((f"{name} {each['name']}", {**each["schema"], **each}, True))
        body = operation.get("requestBody", {}).get("content", {})
        for media, content in body.items():
            found += fields(f"{name} {media}", content["schema"])
    for name, schema in document["components"]["schemas"].items():
        found.append((name, schema, False))
        found += fields(name, schema)
    return found


def fields(place, schema) -> list[tuple[str, dict[str, Any], bool]]:
    found = []
    for name, each in schema.get("properties", {}).items():
        found.append((f"{place}.{name}", each, True))
        found += fields(f"{place}.{name}", each)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            found += fields(f"{place}[]", schema[key])
    for key in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(key, ()):
            found += fields(place, each)
    return found


def refers(schema) -> bool:
    """True if what the value looks like stands in another schema."""
    if "$ref" in schema or "enum" in schema or "const" in schema:
        return True
    if schema.get("format") == "binary":
        return True
    inner = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return any(map(refers, inner)) or ("items" in schema and refers(schema["items"]))


def has_example(schema) -> bool:
    own = schema.get("examples") or schema.get("example")
    return bool(own) or any(map(has_example, schema.get("anyOf", ())))


def test_it_is_valid_and_the_committed_one_is_it(document) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert json.loads(COMMITTED.read_text("utf-8")) == document, "run scripts/openapi"


def test_it_says_whose_it_is(document) -> None:
    info = document["info"]
    assert info["title"] == "safelight"
    assert info["license"]["identifier"] == "MIT"
    assert len(info["description"]) > 400
    assert document["servers"][0]["url"] == "/"
    tags = {each["name"] for each in document["tags"]}
    used = {tag for _, operation in operations(document) for tag in operation["tags"]}
    assert tags == used
    assert all(each["description"].endswith(".") for each in document["tags"])


def test_each_call_is_described_and_has_a_name_people_would_write(document) -> None:
    seen: Counter[str] = Counter()
    for name, operation in operations(document):
        assert re.fullmatch("[a-z]+([A-Z][a-z]+)*", operation["operationId"]), name
        assert operation["summary"][0].isupper(), name
        assert len(operation["summary"]) < 60, name
        assert len(operation["description"]) > 15, name
        assert len(operation["tags"]) == 1, name
        seen[operation["operationId"].lower()] += 1
        seen[operation["summary"]] += 1
    assert seen
    assert [each for each, count in seen.items() if count > 1] == []


def test_each_field_and_parameter_is_described_with_an_example(document) -> None:
    lacking = []
    for place, schema, is_value in described(document):
        text = schema.get("description", "")
        if len(text) < 5 or not text.rstrip().endswith((".", "`", ":", ")")):
            lacking.append(f"{place}: description {text!r}")
        if is_value and not refers(schema) and not has_example(schema):
            lacking.append(f"{place}: example")
    assert lacking == []


def test_titles_are_unique(document) -> None:
    schemas = document["components"]["schemas"]
    titles: Counter[str] = Counter()

    def count(schema: Any) -> None:
        if isinstance(schema, dict):
            if isinstance(schema.get("title"), str):
                titles[schema["title"]] += 1
            for key, each in schema.items():
                if key == "properties":
                    for inner in each.values():
                        count(inner)
                elif key not in ("examples", "default"):
                    count(each)
        elif isinstance(schema, list):
            for each in schema:
                count(each)

    count(schemas)
    for _, operation in operations(document):
        count(operation)
    assert set(titles) == set(schemas)
    assert set(titles.values()) == {1}
    # Generators make file names and classes of these.
    folded = Counter(re.sub("[^a-z0-9]", "", each.lower()) for each in schemas)
    assert max(folded.values()) == 1


def test_references_lead_somewhere_and_no_schema_is_unused(document) -> None:
    text = json.dumps(document)
    wanted = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert wanted == set(document["components"]["schemas"])
    assert set(re.findall(r'"\$ref": "#/components/(\w+)', text)) == {"schemas"}


def test_no_name_is_taken_twice_by_generated_clients(document) -> None:
    """A class and its variable, a schema and a nested object: generators mix these up."""
    schemas = document["components"]["schemas"]
    names = {each.lower() for each in schemas}
    for name, schema in schemas.items():
        for field, each in schema.get("properties", {}).items():
            snake = re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()
            is_text = each.get("type") == "string"
            assert is_text or snake != field, f"{name}.{field}"
            nested = (name + field).replace("_", "").lower()
            is_class = each.get("type") == "object" or "enum" in each
            assert not is_class or nested not in names, (
                f"{name}.{field} becomes a class of another schema's name"
            )
    # Names of browsers and of TypeScript itself.
    taken = {"File", "Blob", "Response", "Request", "Record", "Date", "Error", "Event", "Object"}
    assert not taken & set(schemas)


def test_each_call_says_what_it_needs_and_how_it_fails(document) -> None:
    assert set(document["components"]["securitySchemes"]) >= {"token"}
    public = set()
    for name, operation in operations(document):
        assert "security" in operation, name
        if operation["security"] == []:
            public.add(operation["operationId"])
        else:
            rights = [each["token"] for each in operation["security"] if "token" in each]
            assert rights in (["read"], ["write"]) or rights in ([["read"]], [["write"]]), name
        responses = operation["responses"]
        good = [status for status in responses if status.startswith(("2", "3"))]
        bad = [status for status in responses if status.startswith(("4", "5"))]
        assert sorted([*good, *bad]) == sorted(responses), name
        assert good, name
        assert {"401", "403", "421", "500", "503", "504"} <= set(bad), name
        for status in bad:
            assert list(responses[status]["content"]) == ["application/problem+json"]
            assert re.match("`[a-z-]+`: ", responses[status]["description"]), name
        for status in good:
            description = responses[status]["description"]
            assert description.endswith("."), f"{name} {status}"
    assert public == PUBLIC


def test_moments_are_date_times_and_local_times_are_not(document) -> None:
    for place, schema, _ in described(document):
        name = place.rpartition(".")[2]
        if not name.endswith("_at"):
            continue
        kinds = [schema, *schema.get("anyOf", ())]
        is_moment = any(each.get("format") == "date-time" for each in kinds)
        assert is_moment == (name != "taken_at"), place
        assert ("UTC" in schema["description"]) == is_moment, place


def test_answers_have_all_their_fields(document) -> None:
    """Null where there is nothing; only the shapes of older clients leave something out."""
    schemas = document["components"]["schemas"]
    answered: set[str] = set()
    waiting = []
    for _, operation in operations(document):
        waiting += re.findall(r"schemas/(\w+)", json.dumps(operation["responses"]))
    while waiting:
        name = waiting.pop()
        if name not in answered:
            answered.add(name)
            waiting += re.findall(r"schemas/(\w+)", json.dumps(schemas[name]))
    partial = {
        name
        for name in answered
        if set(schemas[name].get("properties", ())) != set(schemas[name].get("required", ()))
    }
    assert partial == {"Vector", "FeatureBatch"}


def test_media_types_are_those_of_what_comes(document) -> None:
    found = {
        operation["operationId"]: set(response["content"])
        for _, operation in operations(document)
        for status, response in operation["responses"].items()
        if status == "200" and "content" in response
    }
    assert found["getThumbnail"] == found["getPicture"] == {"image/webp"}
    assert found["getFocusMap"] == {"image/png"}
    assert found["streamJobEvents"] == {"text/event-stream"}
    assert found["getMetrics"] == {"text/plain"}
    assert found["listPhotos"] == {"application/json"}
    sent = {
        operation["operationId"]: set(operation["requestBody"]["content"])
        for _, operation in operations(document)
        if "requestBody" in operation
    }
    assert sent["uploadPhotos"] == {"multipart/form-data"}
    assert sent["searchPhotos"] == {"application/json"}
    assert sent["searchPhotosByUpload"] == {"multipart/form-data"}
    # Generated clients know the first of several.
    assert {len(media) for media in sent.values()} == {1}
