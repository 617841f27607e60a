"""Answer with signed addresses."""

from __future__ import annotations

from pydantic import Field

from safelight.schemas.base import Answer, Moment


class Signatures(Answer):
    """Addresses that need no `Authorization` for a while."""

    urls: tuple[str, ...] = Field(
        description="Path and query with the signature, in the order in which they were asked for.",
        examples=[
            [
                "/api/v1/photos/6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
                "/thumbnail?side=320&expires=1764293400&token=6f2a90c1&signature=x8Yk..."
            ]
        ],
    )
    expires_at: Moment = Field(
        description="When they stop to work, in UTC.", examples=["2026-11-28T02:00:00Z"]
    )
