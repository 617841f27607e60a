"""Breaking changes of the API are found, and what breaks nobody is let through."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "scripts"))

from openapi_changes import breaking_changes, without_prose  # noqa: E402

DOCUMENT = {
    "paths": {
        "/photos": {
            "get": {
                "operationId": "listPhotos",
                "summary": "List photos",
                "security": [{"token": ["read"]}],
                "parameters": [
                    {"name": "limit", "in": "query", "required": False,
                     "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}},
                    {"name": "sort", "in": "query", "required": False,
                     "schema": {"$ref": "#/components/schemas/Order"}},
                ],
                "responses": {
                    "200": {"content": {"application/json": {
                        "schema": {"$ref": "#/components/schemas/PhotoList"}}}},
                    "404": {"content": {}},
                },
            },
            "post": {
                "operationId": "search",
                "security": [],
                "requestBody": {"required": False, "content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/Search"}}}},
                "responses": {"200": {"content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/PhotoList"}}}}},
            },
        }
    },
    "components": {"schemas": {
        "Order": {"type": "string", "enum": ["added", "taken"]},
        "State": {"type": "string", "enum": ["done", "running"]},
        "Search": {
            "type": "object",
            "properties": {
                "query": {"anyOf": [{"type": "string", "maxLength": 100}, {"type": "null"}]},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
        },
        "Photo": {
            "type": "object",
            "description": "A photo.",
            "properties": {
                "id": {"type": "string", "description": "Its id."},
                "width": {"type": "integer"},
                "state": {"$ref": "#/components/schemas/State"},
                "code": {"type": "string", "x-extensible-enum": ["a", "b"]},
                "copies": {"type": "array", "items": {"$ref": "#/components/schemas/Photo"}},
                "title": {"type": "string"},
            },
            "required": ["id", "width", "state"],
        },
        "PhotoList": {
            "type": "object",
            "properties": {
                "photos": {"type": "array", "items": {"$ref": "#/components/schemas/Photo"}},
            },
            "required": ["photos"],
        },
    }},
}  # fmt: skip

GET = "GET /photos"
POST = "POST /photos"


def changed(change) -> list[str]:
    new = copy.deepcopy(DOCUMENT)
    found = {
        "get": new["paths"]["/photos"].get("get"),
        "post": new["paths"]["/photos"].get("post"),
        "paths": new["paths"],
        **new["components"]["schemas"],
    }
    change(found)
    return breaking_changes(DOCUMENT, new)


def both(place: str) -> list[str]:
    """Both calls answer with photos."""
    return [f"{call} 200.photos[]{place}" for call in (GET, POST)]


BREAKING = {
    "a path": (lambda d: d["paths"].clear(), [f"{GET}: removed", f"{POST}: removed"]),
    "a method": (lambda d: d["paths"]["/photos"].pop("post"), [f"{POST}: removed"]),
    "an operation id": (
        lambda d: d["get"].update(operationId="browse"),
        [f"{GET}: operation id listPhotos renamed"],
    ),
    "rights": (
        lambda d: d["get"].update(security=[{"token": ["write"]}]),
        [f"{GET}: needs more rights"],
    ),
    "a token": (
        lambda d: d["post"].update(security=[{"token": ["read"]}]),
        [f"{POST}: needs more rights"],
    ),
    "a parameter": (
        lambda d: d["get"]["parameters"].pop(0),
        [f"{GET} query limit: removed"],
    ),
    "a parameter required": (
        lambda d: d["get"]["parameters"][0].update(required=True),
        [f"{GET} query limit: required now"],
    ),
    "a new parameter required": (
        lambda d: d["get"]["parameters"].append(
            {"name": "space", "in": "query", "required": True, "schema": {"type": "string"}}
        ),
        [f"{GET} query space: new and required"],
    ),
    "a smaller limit": (
        lambda d: d["get"]["parameters"][0]["schema"].update(maximum=50),
        [f"{GET} query limit: maximum 100 is 50 now"],
    ),
    "a larger minimum": (
        lambda d: d["get"]["parameters"][0]["schema"].update(minimum=2),
        [f"{GET} query limit: minimum 1 is 2 now"],
    ),
    "another default": (
        lambda d: d["get"]["parameters"][0]["schema"].update(default=50),
        [f"{GET} query limit: default 20 is 50 now"],
    ),
    "a value refused": (
        lambda d: d["Order"]["enum"].remove("added"),
        [f"{GET} query sort: added refused now"],
    ),
    "a pattern": (
        lambda d: d["Search"]["properties"]["tags"]["items"].update(pattern="^x"),
        [f"{POST} body.tags[]: pattern changed"],
    ),
    "a body required": (
        lambda d: d["post"]["requestBody"].update(required=True),
        [f"{POST} body: required now"],
    ),
    "a body's media type": (
        lambda d: d["post"]["requestBody"].update(content={"text/plain": {}}),
        [f"{POST} body: application/json removed"],
    ),
    "a field sent": (
        lambda d: d["Search"]["properties"].pop("query"),
        [f"{POST} body.query: removed"],
    ),
    "a field sent, required": (
        lambda d: d["Search"].update(required=["tags"]),
        [f"{POST} body.tags: required now"],
    ),
    "a new field, required": (
        lambda d: (
            d["Search"]["properties"].update(space={"type": "string"}),
            d["Search"].update(required=["space"]),
        ),
        [f"{POST} body.space: new and required"],
    ),
    "no null any more": (
        lambda d: d["Search"]["properties"].update(query={"type": "string", "maxLength": 100}),
        [f"{POST} body.query: null refused now"],
    ),
    "another type sent": (
        lambda d: d["Search"]["properties"]["tags"]["items"].update(type="integer"),
        [f"{POST} body.tags[]: string refused now"],
    ),
    "an answer": (
        lambda d: d["post"]["responses"].pop("200"),
        [f"{POST}: answer 200 removed"],
    ),
    "a field read": (lambda d: d["Photo"]["properties"].pop("width"), both(".width: removed")),
    "a field that may be absent": (
        lambda d: d["Photo"]["required"].remove("width"),
        both(".width: may be absent now"),
    ),
    "a field that may be null": (
        lambda d: d["Photo"]["properties"].update(
            width={"anyOf": [{"type": "integer"}, {"type": "null"}]}
        ),
        both(".width: null possible now"),
    ),
    "a number with fractions": (
        lambda d: d["Photo"]["properties"]["width"].update(type="number"),
        both(".width: number possible now"),
    ),
    "a value more": (
        lambda d: d["State"]["enum"].append("lost"),
        both(".state: lost possible now"),
    ),
    "any value": (lambda d: d["State"].pop("enum"), both(".state: others possible now")),
    "a format": (
        lambda d: d["Photo"]["properties"]["id"].update(format="uuid"),
        both(".id: format None is uuid now"),
    ),
    "a code": (
        lambda d: d["Photo"]["properties"]["code"].update({"x-extensible-enum": ["a"]}),
        both(".code: b removed"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_a_client_is_found(name) -> None:
    change, found = BREAKING[name]
    assert changed(change) == found


HARMLESS = {
    "nothing": lambda d: None,
    "a call": lambda d: d["paths"].update({"/new": {"get": {"responses": {}}}}),
    "an optional parameter": lambda d: d["get"]["parameters"].append(
        {"name": "space", "in": "query", "required": False, "schema": {"type": "string"}}
    ),
    "a larger limit": lambda d: d["get"]["parameters"][0]["schema"].update(maximum=500, minimum=0),
    "a value that may be sent": lambda d: d["Order"]["enum"].append("score"),
    "a field that may be sent": lambda d: d["Search"]["properties"].update(
        space={"type": "string"}
    ),
    "null may be sent": lambda d: d["Search"]["properties"]["tags"].update(type=["array", "null"]),
    "a number where whole ones were": lambda d: d["get"]["parameters"][0]["schema"].update(
        type="number"
    ),
    "a field of an answer": lambda d: d["Photo"]["properties"].update(new={"type": "string"}),
    "always there": lambda d: d["Photo"]["required"].append("title"),
    "a value less": lambda d: d["State"]["enum"].remove("running"),
    "a code more": lambda d: d["Photo"]["properties"]["code"]["x-extensible-enum"].append("c"),
    "words": lambda d: d["Photo"]["properties"]["id"].update(description="Another."),
    "a problem": lambda d: d["get"]["responses"].update({"409": {"content": {}}}),
    "fewer rights": lambda d: d["get"].update(security=[]),
    "a signature instead": lambda d: d["get"]["security"].append({"signature": []}),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_breaks_nobody_is_let_through(name) -> None:
    assert changed(HARMLESS[name]) == []


def test_prose_is_left_out_and_names_are_kept() -> None:
    bare = without_prose(DOCUMENT)
    assert breaking_changes(DOCUMENT, bare) == breaking_changes(bare, DOCUMENT) == []
    assert "summary" not in bare["paths"]["/photos"]["get"]
    photo = bare["components"]["schemas"]["Photo"]
    assert "title" in photo["properties"]
    assert "description" not in photo["properties"]["id"]


def test_a_change_that_breaks_v1_fails_unless_it_is_allowed(tmp_path) -> None:
    """The script itself, on a copy of the promise that has a call more."""
    contract = tmp_path / "tests/server/contract"
    contract.mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    (tmp_path / "scripts").mkdir()
    for name in ("scripts/openapi", "scripts/openapi_changes.py", "docs/openapi.json"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    promised = json.loads((ROOT / "tests/server/contract/v1.json").read_text("utf-8"))
    promised["paths"]["/api/v1/old"] = {"get": {"operationId": "old", "responses": {}}}
    (contract / "v1.json").write_text(json.dumps(promised), "utf-8")
    (contract / "allowed.toml").write_text("", "utf-8")

    def check() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, tmp_path / "scripts/openapi", "--check"]
        return subprocess.run(command, capture_output=True, text=True)

    refused = check()
    assert refused.returncode == 1
    assert "GET /api/v1/old: removed" in refused.stderr
    (contract / "allowed.toml").write_text(
        '[[allowed]]\nchange = "GET /api/v1/old: removed"\nreason = "It did nothing."\n', "utf-8"
    )
    assert check().returncode == 0, check().stderr


def test_allowed_changes_are_changes_and_have_reasons() -> None:
    contract = ROOT / "tests/server/contract"
    allowed = tomllib.loads((contract / "allowed.toml").read_text("utf-8")).get("allowed", [])
    if not allowed:
        return
    promised = json.loads((contract / "v1.json").read_text("utf-8"))
    found = breaking_changes(promised, json.loads((ROOT / "docs/openapi.json").read_text("utf-8")))
    for each in allowed:
        assert each["change"] in found
        assert len(each["reason"]) > 10
