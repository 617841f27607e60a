"""Whatever is sent, by the OpenAPI document or against it: no failure inside, and every answer as
the document says.
"""

from __future__ import annotations

import warnings

import hypothesis
import pytest
from hypothesis import strategies as st

from safelight.library.state.tokens import create_token
from tests.fakes import ColourEmbedder
from tests.server.conftest import running

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its dependencies' own
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]


class Tolerant(ColourEmbedder):
    """Sees something in black photos too: the tool that makes the requests likes them."""

    def prepare(self, frame):
        return super().prepare(frame) + 0.01


@pytest.fixture
def embedder() -> Tolerant:
    return Tolerant()


def operations(server) -> list[schemathesis.APIOperation]:
    schema = schemathesis.openapi.from_dict(server.get("/openapi.json").json())
    schema.config.update(base_url=server.url)
    found = [each.ok() for each in schema.get_all_operations()]
    # A stream of changes has no end.
    return [each for each in found if not each.path.endswith("/changes/events")]


def try_all(server, examples: int, headers: dict[str, str] | None = None) -> dict[str, set[int]]:
    """Send to each operation what is right and what is wrong; return the statuses of each."""
    connection = server.service.library.connection
    known = {"photo_id": connection.execute("SELECT id FROM items").fetchone()[0]}
    return {
        f"{each.method.upper()} {each.path}": _try(each, examples, known, headers)
        for each in operations(server)
    }


def _try(operation, examples: int, known: dict[str, str], headers) -> set[int]:
    seen = set()
    right, wrong = (
        operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode
    )

    @hypothesis.seed(7)
    @hypothesis.settings(
        max_examples=examples,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(case=right | right | wrong, is_known=st.booleans())
    def send(case, is_known) -> None:
        if headers is None:
            # Made up by the tool, because the document names tokens; this server needs none.
            case.headers.pop("Authorization", None)
        for name in known.keys() & set(case.path_parameters or {}):
            if is_known:
                case.path_parameters[name] = known[name]
        answer = case.call(headers=headers, timeout=30)
        seen.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    send()
    return seen


def test_answers_are_as_the_document_says(server) -> None:
    assert server.get("/openapi.json").json()["openapi"].startswith("3.1")
    statuses = try_all(server, 12)
    assert len(statuses) > 35
    good = {name for name, seen in statuses.items() if seen & {200, 201, 202, 204}}
    # Those that need the id of something that there is none of.
    assert len(good) > 20, set(statuses) - good


@pytest.mark.parametrize("rights", ["nothing", "reading", "one namespace"])
def test_with_a_token_too(filled, embedder, rights) -> None:
    headers = {}
    if rights != "nothing":
        text, _ = create_token(
            filled,
            "somebody",
            may_write=rights == "one namespace",
            namespaces=["red"] if rights == "one namespace" else None,
        )
        headers["Authorization"] = f"Bearer {text}"
    with running(filled, embedder, needs_token=True) as server:
        statuses = try_all(server, 3, headers)
    refused = {name for name, seen in statuses.items() if seen & {401, 403}}
    if rights == "nothing":
        free = {name for name, seen in statuses.items() if seen & {200, 201, 202, 204}}
        assert free == {"GET /health", "GET /api/v1/health", "GET /api/v1/session"}
    if rights == "reading":
        assert {"PUT /api/v1/photos", "POST /api/v1/ingest", "POST /api/v1/features"} <= refused
        assert "GET /api/v1/photos" not in refused
