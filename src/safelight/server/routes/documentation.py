"""``/docs``: the API on one page, made by the server itself; it loads nothing from elsewhere."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse

router = APIRouter()

_STYLE = Path(__file__).parents[1] / "documentation.css"


@router.get("/docs", response_class=HTMLResponse, include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Show what `/openapi.json` says."""
    return HTMLResponse(_page(request.app.openapi()))


@router.get("/docs.css", response_class=FileResponse, include_in_schema=False)
async def style() -> FileResponse:
    """Return how that page looks."""
    return FileResponse(_STYLE, media_type="text/css")


def _page(document: dict[str, Any]) -> str:
    info = document["info"]
    parts = [
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f"<p>{escape(info['summary'])} "
        '<a href="openapi.json">The same for programs, in OpenAPI 3.1.</a></p>',
    ]
    by_tag: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["server"])[0]
            by_tag.setdefault(tag, []).append(_operation(method, path, operation))
    for tag, operations_of_tag in by_tag.items():
        parts += [f"<h2>{escape(tag)}</h2>", *operations_of_tag]
    parts.append("<h2>shapes</h2>")
    for name, schema in sorted(document["components"]["schemas"].items()):
        parts.append(
            f'<details id="{escape(name)}"><summary>{escape(name)}</summary>'
            f"{_text(schema.get('description'))}<pre>{escape(_json(schema))}</pre></details>"
        )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>safelight: API</title>'
        f'<link rel="stylesheet" href="docs.css"><main>{"".join(parts)}</main></html>'
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = [
        f"<tr><td><code>{escape(each['name'])}</code><td>{escape(each['in'])}"
        f"<td>{escape(_kind(each['schema']))}<td>{_text(each.get('description'))}"
        for each in operation.get("parameters", ())
    ]
    table = f"<table><tr><th>name<th>in<th>kind<th>{''.join(rows)}</table>" if rows else ""
    body = "".join(
        f"<p>Body, <code>{escape(media)}</code>: {_reference(content.get('schema', {}))}</p>"
        for media, content in operation.get("requestBody", {}).get("content", {}).items()
    )
    answers = "".join(
        f"<p>{escape(status)}, <code>{escape(media)}</code>: "
        f"{_reference(content.get('schema', {}))}</p>"
        for status, response in operation["responses"].items()
        if not status.endswith("XX")
        for media, content in response.get("content", {}).items()
    )
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code></summary>"
        f"{_text(operation.get('description'))}{table}{body}{answers}</details>"
    )


def _reference(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    several = schema.get("anyOf")
    if several:
        return " or ".join(_reference(each) for each in several)
    if schema.get("type") == "array":
        return f"list of {_reference(schema.get('items', {}))}"
    return f"<code>{escape(_kind(schema))}</code>"


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    return str(schema.get("format") or schema.get("type") or "anything")


def _text(text: str | None) -> str:
    return "".join(f"<p>{escape(part)}</p>" for part in (text or "").split("\n\n") if part)


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False)
