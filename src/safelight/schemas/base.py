"""Base of all answers, and the kinds of values that many of them have."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Answer(BaseModel):
    """An answer of the server. A client passes over fields that it does not know.

    Every field is always there; null where there is nothing.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", json_schema_serialization_defaults_required=True
    )

    def __hash__(self) -> int:
        # Objects of names and values, which do not hash, are left to the comparison.
        return hash((type(self), *map(_hashable, self.__dict__.values())))


def _hashable(value: object) -> object:
    if isinstance(value, dict):
        return frozenset(value)
    return tuple(map(_hashable, value)) if isinstance(value, tuple | list) else value


class Listed(Answer):
    """A page of a list. Its items are in a field of their own name."""

    next: str | None = Field(
        description="Where the list goes on: the `cursor` of the next page. Null: it ends here.",
        examples=["dCqV8sDX5kFsWyI1ZjFkN2E4NGQwYzJiOWU2IiwxMDBd"],
    )


def in_utc(moment: object) -> object:
    """Return a moment of the library as the API writes it: UTC, with ``Z``.

    >>> in_utc("2026-11-28T01:29:31+00:00")
    '2026-11-28T01:29:31Z'
    """
    if isinstance(moment, str) and moment.endswith("+00:00"):
        return f"{moment.removesuffix('+00:00')}Z"
    return moment


def local_time(taken_at: str | None) -> tuple[str | None, str | None]:
    """Return a time of exposure as local time, and its offset from UTC where the camera wrote one.

    >>> local_time("2024-07-31T18:04:11+02:00")
    ('2024-07-31T18:04:11', '+02:00')
    """
    if taken_at is None or len(taken_at) <= 19:
        return taken_at, None
    return taken_at[:19], "+00:00" if taken_at[19:] == "Z" else taken_at[19:]


#: A moment: UTC, RFC 3339.
Moment = Annotated[
    str,
    BeforeValidator(in_utc),
    Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-28T09:30:00Z"]),
]

#: The time at which a photo was taken, by the camera's clock.
TakenAt = Annotated[
    str | None,
    Field(
        description="When the photo was taken: local time by the camera's clock, without a time "
        "zone; null if not known.",
        examples=["2024-07-31T18:04:11"],
    ),
]

TakenOffset = Annotated[
    str | None,
    Field(
        description="Offset of `taken_at` from UTC; null if the camera did not write one.",
        examples=["+02:00"],
    ),
]

PhotoId = Annotated[
    str,
    Field(
        description="Id of the photo: the sha256 of its bytes, in hex.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    ),
]

FilePath = Annotated[
    str,
    Field(
        description="Absolute path of the file on the server.",
        examples=["/home/me/Pictures/beach.jpg"],
    ),
]

NamespaceName = Annotated[str, Field(description="Namespace of the file.", examples=["default"])]
