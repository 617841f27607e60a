"""Route of the features service: add labels and quality to a batch."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from safelight.server.auth import GuardedRoute, Writer
from safelight.server.dependencies import Served
from safelight.server.document import MODEL, refuses
from safelight.server.errors import Problem
from safelight.server.features import extract

router = APIRouter(prefix="/api/v1", tags=["features"], route_class=GuardedRoute)


class FeatureBatch(BaseModel):
    """A batch as the pipeline's services hand it on; what is not known is kept."""

    model_config = ConfigDict(extra="allow")

    batch_id: str | None = Field(
        default=None,
        max_length=200,
        description="Id of the batch, returned as it is.",
        examples=["b1"],
    )
    artifacts: list[dict[str, Any]] | None = Field(
        default=None,
        description="The photos, each an object that names its file; `features` is added to each.",
        examples=[[{"photo_id": "3f2a", "std_uri": "./data/rankingInput/3f2a.png"}]],
    )
    photo_index: list[dict[str, Any]] | None = Field(
        default=None,
        description="The same as `artifacts`, by its other name.",
        examples=[[{"photo_id": "3f2a", "ranking_uri": "./data/rankingInput/3f2a.png"}]],
    )


@router.post(
    "/features",
    operation_id="extractFeatures",
    openapi_extra=refuses("bad-batch", "bad-uri", "outside", "usage", *MODEL),
    summary="Add features to a batch",
    response_model_exclude_unset=True,
)
async def features(wanted: FeatureBatch, served: Served, access: Writer) -> FeatureBatch:
    """Add `features` to each artifact: labels and technical quality.

    URIs have to lie in a folder that the server was started with (`--root`); relative ones are
    relative to the first of them. What is wrong with one photo is told in its artifact.
    """
    count = len(wanted.artifacts or ()) + len(wanted.photo_index or ())
    if count > served.limits.artifacts:
        raise Problem(
            413,
            f"A batch may have {served.limits.artifacts} photos, not {count}.",
            "body-too-large",
        )
    if access.namespaces is not None:
        raise Problem(
            403, "A token for some namespaces may not name files of the server.", "outside"
        )
    found = await served.features.run(extract, served, wanted.model_dump(exclude_unset=True))
    return FeatureBatch.model_validate(found)
