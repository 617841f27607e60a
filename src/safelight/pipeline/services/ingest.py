"""Ingest service: photo files to a photo index, each read once and none decoded."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from safelight.errors import DecodeError, UsageError
from safelight.imaging import read_photo
from safelight.imaging.header import read_header
from safelight.pipeline.messages.exif_text import as_text
from safelight.pipeline.messages.uris import to_path, to_uri
from safelight.pipeline.services.base import OfPhotos
from safelight.pipeline.services.problem import Problem
from safelight.pipeline.services.renditions import paths_of
from safelight.quality.files import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What the files of a format are called that bear no ending.
_ENDINGS = {"JPEG": ".jpg", "TIFF": ".tif", "HEIF": ".heic"}


class IngestService(OfPhotos):
    """Finds out what each photo of a batch is: its id, its EXIF data, its format.

    See :class:`safelight.pipeline.services.base.OfPhotos` for its parameters.

    Examples
    --------
    >>> service = IngestService()
    >>> service.process({"batch_id": "b", "photos": [{"uri": "./nowhere.jpg"}]})["failures"]
    [{'original_uri': './nowhere.jpg', 'code': 'missing', 'reason': './nowhere.jpg is not there'}]
    """

    name = "ingest"

    def process(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Return the batch with a ``photo_index`` in place of its ``photos``.

        Parameters
        ----------
        batch : mapping
            ``{"batch_id": ..., "photos": [{"uri": ...}, ...]}``. What else there is, of the batch
            and of each photo, is kept. What cannot be read is told in ``failures``.

        Raises
        ------
        UsageError
            It is no such batch.
        """
        photos = _photos(batch)
        found = list(in_order(self._index, photos, self.threads))
        kept = {name: value for name, value in batch.items() if name != "photos"}
        failures = [one for one in found if "photo_id" not in one]
        result = {**kept, "photo_index": [one for one in found if "photo_id" in one]}
        if failures or "failures" in batch:
            known = batch.get("failures")
            result["failures"] = [*(known if isinstance(known, list) else []), *failures]
        return result

    def _index(self, photo: Mapping[str, Any]) -> dict[str, Any]:
        uri = photo["uri"]
        kept = {name: value for name, value in photo.items() if name != "uri"}
        try:
            data = read_photo(to_path(uri, self.places.root))
            header = read_header(data, max_pixels=self.pixel_limit)
        except (DecodeError, UsageError, OSError) as exc:
            problem = Problem.of(exc, uri)
            return {
                **{name: value for name, value in kept.items() if name != "photo_id"},
                "original_uri": uri,
                "code": problem.code,
                "reason": problem.reason,
            }
        photo_id = hashlib.sha256(data).hexdigest()
        ranking, _ = paths_of(photo_id, self.places.ranking)
        ending = os.path.splitext(uri)[1].lower()
        return {
            **kept,
            "photo_id": photo_id,
            "original_uri": uri,
            "ranking_uri": to_uri(ranking, self.places.root),
            "exif": as_text(header.exif),
            "format": ending or _ENDINGS.get(header.format, f".{header.format.lower()}"),
        }


def _photos(batch: Mapping[str, Any]) -> list[dict[str, Any]]:
    photos = batch.get("photos")
    if not isinstance(photos, list):
        raise UsageError(
            "This batch has no photos. Write them as in "
            '{"batch_id": "...", "photos": [{"uri": "./data/input/a.jpg"}]}.',
            code="bad-batch",
        )
    found = []
    for number, photo in enumerate(photos):
        entry = {"uri": photo} if isinstance(photo, str) else photo
        if not isinstance(entry, dict) or not isinstance(entry.get("uri"), str):
            raise UsageError(f"photos[{number}] has no uri.", code="bad-batch")
        found.append(entry)
    return found
