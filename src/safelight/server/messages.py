"""Plain words for errors in the fields of a request, and what would be possible instead."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from safelight.library.state.tokens import PREFIX
from safelight.schemas import FieldProblem
from safelight.server.forms import WORDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

#: By pydantic's type of the error, with what its context has.
_WORDS = {
    "missing": "is missing",
    "string_type": "should be a text",
    "string_unicode": "has half a character in it (a lone surrogate)",
    "string_too_short": "is too short: at least {min_length} characters are needed",
    "string_too_long": "is too long: at most {max_length} characters are taken",
    "int_type": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_parsing_size": "is too large a number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "finite_number": "should be a finite number",
    "bool_type": "should be true or false",
    "bool_parsing": "should be true or false",
    "greater_than_equal": "should be at least {ge}",
    "greater_than": "should be more than {gt}",
    "less_than_equal": "should be at most {le}",
    "less_than": "should be less than {lt}",
    "list_type": "should be a list",
    "tuple_type": "should be a list",
    "dict_type": "should be an object with names and values",
    "model_type": "should be an object with names and values",
    "model_attributes_type": "should be an object with names and values",
    "too_short": "has too few parts: at least {min_length} are needed",
    "too_long": "has too many parts: at most {max_length} are taken",
    "literal_error": "should be {expected}",
    "enum": "should be {expected}",
}

#: What stands between quotation marks in pydantic's list of what it expected.
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")

#: Longer names in a message tell nobody more; they may be a value that slipped, too.
_LONGEST = 40


def unknown(
    name: str, allowed: Collection[str], place: str, pointer: str | None = None
) -> FieldProblem:
    """Return the problem of a name that a request may not have, with the nearest that it may."""
    near = difflib.get_close_matches(name.lower(), allowed, 1)
    if near:
        reason = f"is unknown. Did you mean `{near[0]}`?"
    elif allowed:
        reason = f"is unknown. Possible: {', '.join(sorted(allowed))}"
    else:
        reason = "is unknown, and nothing is taken here"
    return FieldProblem(
        pointer=pointer,
        field=f"{place}.{shown(name)}",
        reason=reason,
        allowed=tuple(sorted(allowed)),
    )


def shown(name: str) -> str:
    """Return a name as a message may repeat it."""
    if len(name) > _LONGEST or not name.isprintable() or name.startswith(PREFIX):
        return f"(a name of {len(name)} characters)"
    return name


def field_problem(found: Mapping[str, Any], model: Any) -> FieldProblem:
    """Return pydantic's error about a field of a request in our words.

    Parameters
    ----------
    found : mapping
        The error.
    model : type
        Of the request's body, to name the fields that it has; None where it has none.
    """
    loc: tuple[Any, ...] = tuple(found["loc"]) or ("body",)
    place, within = str(loc[0]), loc[1:]
    pointer = _pointer(within) if place == "body" else None
    if found["type"] == "json_invalid":
        at = f" at character {within[-1]}" if within else ""
        return FieldProblem(
            pointer="#", field="body", reason=f"is not JSON{at}: {found['ctx']['error']}"
        )
    if found["type"] == "extra_forbidden":
        return unknown(
            str(within[-1]),
            _fields_at(model, within[:-1]),
            ".".join((place, *map(str, within[:-1]))),
            pointer,
        )
    reason, allowed = _reason(found)
    return FieldProblem(
        pointer=pointer,
        field=".".join((place, *(shown(str(part)) for part in within))),
        reason=reason,
        allowed=allowed or None,
    )


def sentence(problem: FieldProblem) -> str:
    """Return the problem of a field as a sentence, without where the field was sent."""
    _, _, name = problem.field.partition(".")
    text = f"{f'`{name}`' if name else 'The request'} {problem.reason}"
    return text if text.endswith(("?", ".")) else f"{text}."


def _reason(found: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    kind, context = found["type"], found.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return WORDS.get(context["pattern"], "does not have the form that is needed"), ()
    if kind in ("literal_error", "enum"):
        values = [each for each in _QUOTED.findall(context["expected"]) if each]
        if values:
            return f"should be one of {', '.join(values)}", tuple(values)
        values = re.findall(r"-?\d+", context["expected"])
        return f"should be one of {', '.join(values)}", tuple(values)
    if kind in ("value_error", "not_possible"):
        # Our own words.
        message = str(found["msg"]).removeprefix("Value error, ")
        return message[:1].lower() + message[1:], ()
    words = _WORDS.get(kind)
    # Pydantic's own words are those of a schema, not for people.
    return (words.format(**context) if words else "has a value that is not possible here"), ()


def _pointer(within: Sequence[Any]) -> str:
    parts = (shown(str(part)).replace("~", "~0").replace("/", "~1") for part in within)
    return "#" + "".join(f"/{part}" for part in parts)


def _fields_at(model: Any, within: Sequence[Any]) -> list[str]:
    """Return the names of the fields that the model has at a place."""
    for part in within:
        fields = _model_of(model)
        if fields is None:
            return []
        if isinstance(part, str):
            known = {field.alias or name: field for name, field in fields.model_fields.items()}
            if part not in known:
                return []
            model = known[part].annotation
    found = _model_of(model)
    if found is None:
        return []
    return [field.alias or name for name, field in found.model_fields.items()]


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """Return the model in an annotation such as ``list[Chosen]`` or ``Options | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_of, get_args(annotation))), None)
