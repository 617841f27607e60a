"""Route of signed addresses, for pictures and events in pages of other origins."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from safelight import schemas as answers
from safelight.errors import UsageError
from safelight.schemas import FieldProblem
from safelight.server.auth import GuardedRoute, Reader
from safelight.server.dependencies import Served
from safelight.server.limits import Limits
from safelight.server.schemas.photos import Given
from safelight.server.signatures import USUAL_SECONDS, sign
from safelight.server.unknown_input import invalid

router = APIRouter(prefix="/api/v1", tags=["server"], route_class=GuardedRoute)

_LIMITS = Limits()


class SignatureRequest(Given):
    """Addresses to sign."""

    urls: list[Annotated[str, Field(max_length=2000)]] = Field(
        min_length=1,
        max_length=_LIMITS.signatures,
        description="Path and query, as in `/api/v1/photos/ID/thumbnail?side=320`: of thumbnails, "
        "images, focus maps, originals and streams of events.",
        examples=[
            [
                "/api/v1/photos/6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
                "/thumbnail?side=320"
            ]
        ],
    )
    seconds: int = Field(
        default=USUAL_SECONDS,
        ge=1,
        le=_LIMITS.signature_seconds,
        description="How long they are good for.",
        examples=[900],
    )


@router.post("/signatures", operation_id="signUrls", summary="Sign addresses for a page")
async def sign_urls(
    wanted: SignatureRequest, response: Response, served: Served, access: Reader
) -> answers.Signatures:
    """Return addresses that `<img>` and `EventSource` can load, which send no `Authorization`.

    They allow to read what they name, as your token may, and nothing once it is revoked. Whoever
    has such an address can use it until it expires.
    """
    expires = math.ceil(time.time()) + wanted.seconds
    key = await served.reading.run(lambda: served.signing_key)
    signed = []
    for number, url in enumerate(wanted.urls):
        try:
            signed.append(sign(key, url, access.token, expires))
        except UsageError as error:
            field = FieldProblem(
                pointer=f"#/urls/{number}", field=f"body.urls.{number}", reason=str(error)
            )
            raise invalid([field]) from error
    # Secrets beside what the client chose: neither kept nor compressed.
    response.headers["Cache-Control"] = "no-store, no-transform"
    return answers.Signatures(
        urls=tuple(signed),
        expires_at=datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
