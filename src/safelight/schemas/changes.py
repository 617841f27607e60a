"""Changes of a library since a cursor."""

from __future__ import annotations

from pydantic import Field

from safelight.schemas.base import Answer, Listed, NamespaceName, PhotoId
from safelight.schemas.photos import Card
from safelight.schemas.values import ChangedPart, ChangeKind


class Change(Answer):
    """A photo that was added to a namespace, changed in it, or removed from it."""

    kind: ChangeKind = Field(description="What happened to the photo since.")
    photo_id: PhotoId
    namespace: NamespaceName
    parts: tuple[ChangedPart, ...] = Field(
        description="Parts of a changed photo that are not as they were; empty otherwise."
    )
    photo: Card | None = Field(description="The photo as it is now; null if it was removed.")
    cursor: str = Field(
        description="Send it as `since` to go on behind this change.",
        examples=["6XEoT3QKx2nHWzUxMiw1MDAsMF0"],
    )


class ChangeList(Listed):
    """A page of changes, in the order in which they happened."""

    changes: tuple[Change, ...] = Field(
        description="The changes; each photo of a namespace comes once, however often it changed."
    )
    cursor: str = Field(
        description="Keep it, and send it as `since` the next time.",
        examples=["6XEoT3QKx2nHWzUxMiw1MTIsMF0"],
    )

    @property
    def items(self) -> tuple[Change, ...]:
        """The changes."""
        return self.changes
