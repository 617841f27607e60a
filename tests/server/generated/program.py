"""Use of the client that openapi-python-client generates: search, page, look, plan, undo, fail."""

import json
import sys
from pathlib import Path

from safelight_generated import AuthenticatedClient
from safelight_generated.api.duplicates import list_duplicates
from safelight_generated.api.photos import get_photo, get_thumbnail, list_photos, upload_photos
from safelight_generated.api.plans import apply_plan, create_plan, undo_plan
from safelight_generated.api.search import search_photos, search_photos_by_upload
from safelight_generated.models import (
    GetThumbnailSide,
    GroupChoice,
    GroupList,
    HitList,
    Photo,
    PhotoList,
    PhotoSearch,
    Plan,
    PlanRequest,
    ProblemDetails,
    SearchPhotosByUploadBody,
    UploadPhotosBody,
    Uploads,
)
from safelight_generated.types import UNSET, File, Unset


def main(url: str, token: str, picture: Path) -> dict[str, object]:
    client = AuthenticatedClient(base_url=url, token=token)

    found = search_photos.sync(client=client, body=PhotoSearch(query="red", limit=5))
    assert isinstance(found, HitList)

    names: list[str] = []
    cursor: str | Unset = UNSET
    while True:
        page = list_photos.sync(client=client, sort="added", limit=4, cursor=cursor)
        assert isinstance(page, PhotoList)
        names += [each.name for each in page.photos]
        if page.next_ is None:
            break
        cursor = page.next_

    photo = get_photo.sync(found.hits[0].photo_id, client=client)
    assert isinstance(photo, Photo)
    thumbnail = get_thumbnail.sync(photo.photo_id, client=client, side=GetThumbnailSide.VALUE_160)
    assert isinstance(thumbnail, File)

    with picture.open("rb") as opened:
        form = SearchPhotosByUploadBody(image=[File(opened, picture.name)])
        alike = search_photos_by_upload.sync(client=client, body=form)
    assert isinstance(alike, HitList)

    groups = list_duplicates.sync(client=client)
    assert isinstance(groups, GroupList)
    group = groups.groups[0]
    body = PlanRequest(groups=[GroupChoice(group=group.group)])
    plan = create_plan.sync(client=client, body=body)
    assert isinstance(plan, Plan)
    applied = apply_plan.sync(plan.id, client=client)
    assert isinstance(applied, Plan)
    undone = undo_plan.sync(plan.id, client=client)
    assert isinstance(undone, Plan)

    with picture.open("rb") as opened:
        sent = UploadPhotosBody(files=[File(opened, picture.name)])
        uploads = upload_photos.sync(client=client, body=sent, namespace="red")
    assert isinstance(uploads, Uploads)

    missing = get_photo.sync_detailed("0" * 64, client=client)
    assert isinstance(missing.parsed, ProblemDetails)
    stranger = AuthenticatedClient(base_url=url, token="nobody")
    refused = list_photos.sync(client=stranger)
    assert isinstance(refused, ProblemDetails)

    return {
        "hits": len(found.hits),
        "names": len(set(names)),
        "altitude": photo.exif.altitude,
        "picture": thumbnail.payload.read()[8:12].decode(),
        "alike": alike.hits[0].name.partition(" ")[0],
        "relation": group.relation,
        "states": [plan.state, applied.state, undone.state],
        "new": uploads.photos[0].new,
        "missing": [missing.status_code, missing.parsed.code],
        "refused": refused.code,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
