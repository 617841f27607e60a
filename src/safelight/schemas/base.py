"""Base of all answers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """An answer of the server. A client passes over fields that it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Listed(Answer):
    """A page of a list. Its items are in a field of their own name, and in `items`."""

    next: str | None = Field(
        description="Where the list goes on: the `cursor` of the next page. Null: it ends here."
    )
