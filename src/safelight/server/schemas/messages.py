"""Plain words for errors in the fields of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: By pydantic's type of the error, with what its context has.
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "should be a text",
    "string_too_short": "is too short: at least {min_length} characters are needed",
    "string_too_long": "is too long: at most {max_length} characters are taken",
    "string_pattern_mismatch": "does not have the form that is needed; /docs shows it",
    "int_type": "should be a whole number",
    "int_parsing": "should be a whole number",
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
    "dict_type": "should be an object with names and values",
    "model_type": "should be an object with names and values",
    "model_attributes_type": "should be an object with names and values",
    "too_short": "has too few parts: at least {min_length} are needed",
    "too_long": "has too many parts: at most {max_length} are taken",
    "literal_error": "should be one of {expected}",
    "enum": "should be one of {expected}",
}


def plain(error: Mapping[str, Any]) -> str:
    """Return pydantic's error in our words, or in its own."""
    words = _WORDS.get(error["type"])
    if words is None:
        message = str(error["msg"]).removeprefix("Value error, ")
        return message[:1].lower() + message[1:]
    try:
        return words.format(**error.get("ctx", {}))
    except KeyError:
        return str(error["msg"])
