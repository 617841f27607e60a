"""Breaking changes between two OpenAPI documents of one API.

A change breaks a client that was written for the older document: what it sends is refused, or what
it gets is not what it was promised. New calls, optional parameters and fields of answers break
nothing. What only people read (descriptions, examples, titles) is not compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

METHODS = ("get", "put", "post", "delete", "head", "options", "patch")

#: Limits of what may be sent, and whether a larger number allows more.
_LIMITS = {
    "minimum": False,
    "exclusiveMinimum": False,
    "minLength": False,
    "minItems": False,
    "minProperties": False,
    "maximum": True,
    "exclusiveMaximum": True,
    "maxLength": True,
    "maxItems": True,
    "maxProperties": True,
}

_PROSE = ("description", "summary", "title", "examples", "example", "tags", "links")


def breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return what breaks clients of the old document, each as ``PLACE: WHAT``."""
    return list(dict.fromkeys(_Comparison(old, new).changes()))


def without_prose(value: Any, *, names: bool = False) -> Any:
    """Return a document without what only people read.

    Parameters
    ----------
    names : bool
        Whether the keys are names of the API, as those of ``properties`` are: all are kept.
    """
    if isinstance(value, list):
        return [without_prose(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: without_prose(each, names=key in ("properties", "schemas", "paths") and not names)
        for key, each in value.items()
        if names or key not in _PROSE
    }


@dataclass(frozen=True, slots=True)
class _Comparison:
    old: dict[str, Any]
    new: dict[str, Any]

    def changes(self) -> Iterator[str]:
        for path, operations in self.old["paths"].items():
            for method in METHODS:
                if method not in operations:
                    continue
                place = f"{method.upper()} {path}"
                other = self.new["paths"].get(path, {}).get(method)
                if other is None:
                    yield f"{place}: removed"
                else:
                    yield from self._operation(place, operations[method], other)

    def _operation(self, place: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
        if old.get("operationId") != new.get("operationId"):
            yield f"{place}: operation id {old.get('operationId')} renamed"
        if not _rights(new) <= _rights(old):
            yield f"{place}: needs more rights"
        yield from self._parameters(place, old, new)
        yield from self._body(f"{place} body", old.get("requestBody"), new.get("requestBody"))
        for status, response in old["responses"].items():
            if status.startswith(("4", "5")):
                continue
            other = new["responses"].get(status)
            if other is None:
                yield f"{place}: answer {status} removed"
            else:
                where = f"{place} {status}"
                yield from self._contents(where, response, other, is_sent=False)

    def _parameters(self, place: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
        before, now = _parameters(old), _parameters(new)
        for key, parameter in before.items():
            where = f"{place} {key[0]} {key[1]}"
            other = now.get(key)
            if other is None:
                yield f"{where}: removed"
                continue
            if other.get("required") and not parameter.get("required"):
                yield f"{where}: required now"
            yield from self._schema(where, parameter["schema"], other["schema"], True, ())
        for key, parameter in now.items():
            if key not in before and parameter.get("required"):
                yield f"{place} {key[0]} {key[1]}: new and required"

    def _body(
        self, place: str, old: dict[str, Any] | None, new: dict[str, Any] | None
    ) -> Iterator[str]:
        if old is None:
            if new is not None and new.get("required"):
                yield f"{place}: required now"
            return
        if new is None:
            yield f"{place}: removed"
            return
        if new.get("required") and not old.get("required"):
            yield f"{place}: required now"
        yield from self._contents(place, old, new, is_sent=True)

    def _contents(
        self, place: str, old: dict[str, Any], new: dict[str, Any], *, is_sent: bool
    ) -> Iterator[str]:
        now = new.get("content", {})
        for media, content in old.get("content", {}).items():
            if media not in now:
                yield f"{place}: {media} removed"
            elif "schema" in content:
                other = now[media].get("schema", {})
                yield from self._schema(place, content["schema"], other, is_sent, ())

    def _schema(
        self,
        place: str,
        old: dict[str, Any],
        new: dict[str, Any],
        is_sent: bool,
        above: tuple[tuple[str, str], ...],
    ) -> Iterator[str]:
        """Yield what breaks in a schema; `is_sent` by clients, or else read by them."""
        pair = (old.get("$ref", ""), new.get("$ref", ""))
        if all(pair):
            if pair in above:
                return
            above = (*above, pair)
        before, now = _kinds(self.old, old), _kinds(self.new, new)
        allowed, possible = (set(before), set(now)) if is_sent else (set(now), set(before))
        for kind in sorted(allowed - possible):
            if kind == "integer" and "number" in possible:
                continue
            yield f"{place}: {kind} {'refused' if is_sent else 'possible'} now"
        for kind, schema in before.items():
            if kind in now:
                yield from self._same_kind(place, schema, now[kind], is_sent, above)

    def _same_kind(
        self,
        place: str,
        old: dict[str, Any],
        new: dict[str, Any],
        is_sent: bool,
        above: tuple[tuple[str, str], ...],
    ) -> Iterator[str]:
        yield from _values(place, old, new, is_sent)
        if is_sent:
            yield from _limits(place, old, new)
        if old.get("format") != new.get("format"):
            yield f"{place}: format {old.get('format')} is {new.get('format')} now"
        for key, ending in (("items", "[]"), ("additionalProperties", "{}")):
            if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
                yield from self._schema(f"{place}{ending}", old[key], new[key], is_sent, above)
        before, now = old.get("properties", {}), new.get("properties", {})
        needed_before, needed_now = set(old.get("required", ())), set(new.get("required", ()))
        for name, schema in before.items():
            where = f"{place}.{name}"
            if name not in now:
                yield f"{where}: removed"
                continue
            if is_sent and name in needed_now - needed_before:
                yield f"{where}: required now"
            if not is_sent and name in needed_before - needed_now:
                yield f"{where}: may be absent now"
            yield from self._schema(where, schema, now[name], is_sent, above)
        if is_sent:
            for name in sorted((needed_now - needed_before) - set(before)):
                yield f"{place}.{name}: new and required"


def _kinds(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the kinds of value that a schema allows, each with its own schema.

    Objects of a union are told apart by the schemas that they refer to.
    """
    found: dict[str, dict[str, Any]] = {}
    for each in schema.get("anyOf", schema.get("oneOf", ())):
        for kind, inner in _kinds(document, each).items():
            name = each.get("$ref", "").rpartition("/")[2]
            found[f"{kind} {name}" if kind == "object" and name else kind] = inner
    if found:
        return found
    if "$ref" in schema:
        target: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return _kinds(document, target)
    kinds = schema.get("type", "any")
    if kinds == "any" and ("const" in schema or "enum" in schema):
        kinds = "string"
    return dict.fromkeys([kinds] if isinstance(kinds, str) else kinds, schema)


def _values(place: str, old: dict[str, Any], new: dict[str, Any], is_sent: bool) -> Iterator[str]:
    before, now = _enum(old), _enum(new)
    if is_sent and now is not None:
        for value in sorted(before - now) if before is not None else ["others"]:
            yield f"{place}: {value} refused now"
    if not is_sent and before is not None:
        for value in sorted(now - before) if now is not None else ["others"]:
            yield f"{place}: {value} possible now"
    for value in sorted(set(old.get("x-extensible-enum", ())) - set(_open(new))):
        yield f"{place}: {value} removed"
    if is_sent and "default" in old and old["default"] != new.get("default"):
        yield f"{place}: default {old['default']!r} is {new.get('default')!r} now"


def _limits(place: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for name, larger_allows_more in _LIMITS.items():
        if name not in new or new[name] == old.get(name):
            continue
        if name not in old or (new[name] < old[name]) == larger_allows_more:
            yield f"{place}: {name} {old.get(name)} is {new[name]} now"
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield f"{place}: pattern changed"


def _enum(schema: dict[str, Any]) -> set[str] | None:
    if "const" in schema:
        return {str(schema["const"])}
    return {str(value) for value in schema["enum"]} if "enum" in schema else None


def _open(schema: dict[str, Any]) -> list[str]:
    values: list[str] = schema.get("x-extensible-enum", [])
    return values


def _parameters(operation: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["in"], each["name"]): each for each in operation.get("parameters", ())}


def _rights(operation: dict[str, Any]) -> set[str]:
    """Return the rights that a call needs; who may write may read."""
    given = {right for each in operation.get("security", ()) for right in each.get("token", ())}
    return given | {"read"} if "write" in given else given
