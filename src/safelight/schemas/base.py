"""Base of all answers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """An answer of the server. A client passes over fields that it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")
