"""Problems: one list of codes for server, client and docs."""

from __future__ import annotations

import ast
from http import HTTPStatus
from pathlib import Path

import pytest

from safelight import errors
from safelight.schemas.problems import OF_STATUS, ProblemCode, code_of
from safelight.types import FAILURE_CODES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "errors.md"


def raised() -> list[tuple[str, int, str]]:
    """Return where the server refuses by itself, with status and code, as they are written."""
    found = []
    for path in sorted((ROOT / "src/safelight/server").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "Problem":
                continue
            status, code = node.args[0], node.args[2]
            assert isinstance(status, ast.Constant), f"{path}:{node.lineno}"
            if isinstance(code, ast.Constant):
                found.append((f"{path.name}:{node.lineno}", status.value, code.value))
    return found


def test_the_server_refuses_with_known_codes_and_their_status() -> None:
    found = raised()
    assert len(found) > 20
    known = {code.value: code.status for code in ProblemCode}
    assert not [each for each in found if known.get(each[2]) != each[1]]


def test_every_code_has_a_status_of_http_and_a_sentence() -> None:
    for code in ProblemCode:
        assert HTTPStatus(code.status) >= HTTPStatus.BAD_REQUEST
        assert code.meaning.endswith(".")
        assert issubclass(code.kind, errors.SafelightError)
    assert {code.status for code in ProblemCode} >= set(OF_STATUS)
    assert {code.value for code in ProblemCode} >= FAILURE_CODES


@pytest.mark.parametrize("kind", [each for each in vars(errors).values() if isinstance(each, type)])
def test_every_kind_of_error_has_a_code(kind) -> None:
    if not issubclass(kind, errors.SafelightError) or kind is errors.ServerError:
        return  # what only clients raise
    assert code_of(kind("It failed.")).value == kind.code
    assert code_of(kind("It failed.", code="of-no-client")).value == kind.code


def test_the_page_lists_every_code() -> None:
    rows = [
        f"| {code.status} | `{code.value}` | {code.meaning} |"
        for code in sorted(ProblemCode, key=lambda code: code.status)
    ]
    told = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")][2:]
    assert told == rows, "\n".join(rows)
