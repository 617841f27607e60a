"""Preprocess service: decode each photo once, and write two renditions of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from safelight.errors import DecodeError, UsageError
from safelight.files import sha256
from safelight.imaging import decode, read_photo
from safelight.imaging.header import read_header
from safelight.pipeline.messages.artifacts import artifacts_of, photo_id_of, with_artifacts
from safelight.pipeline.messages.exif_text import as_text
from safelight.pipeline.messages.uris import to_path, to_uri
from safelight.pipeline.services import renditions
from safelight.pipeline.services.base import OfPhotos
from safelight.pipeline.services.problem import Problem
from safelight.quality.files import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

METHOD = "quality_preserved"
FAILED = "failed"

#: What may name a file: nothing that leads out of a folder.
_PHOTO_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

#: How an artifact is ordered, for those who read it; what else it has comes behind.
_ORDER = ("photo_id", "original_uri", "ranking_uri", "std_uri", "exif", "format")

#: So small that a JPEG is decoded at an eighth: all of its data are read, and few pixels made.
_GLANCE_SIDE = 64


class PreprocessService(OfPhotos):
    """Writes standardised copies of photos, and says in each artifact where they are.

    See :class:`safelight.pipeline.services.base.OfPhotos` for its parameters.

    Examples
    --------
    >>> PreprocessService().process({"batch_id": "b", "photo_index": []})
    {'batch_id': 'b', 'artifacts': []}
    """

    name = "preprocess"

    def process(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Return the batch with ``artifacts``, each with ``std_uri`` and ``processing_metadata``.

        Copies that are there already and whole are not made again, and an artifact whose
        ``std_uri`` can be decoded is left as it is. A photo that fails keeps its place: its
        ``std_uri`` is null, and ``processing_metadata`` says why.

        Parameters
        ----------
        batch : mapping
            With ``photo_index``, as ingest leaves it, or ``artifacts``.

        Raises
        ------
        UsageError
            It is not a batch.
        SafelightError
            The copies cannot be written.
        """
        made = in_order(self._standardise, artifacts_of(batch), self.threads)
        return with_artifacts(batch, list(made))

    def _standardise(self, artifact: Mapping[str, Any]) -> dict[str, Any]:
        if self._is_done(artifact):
            return dict(artifact)
        try:
            added = self._copied(artifact)
            metadata: dict[str, Any] = added.pop("processing_metadata")
        except (DecodeError, UsageError, OSError) as exc:
            problem = Problem.of(exc, str(artifact.get("original_uri")))
            added = {"std_uri": None}
            metadata = {
                "processing_method": FAILED,
                "code": problem.code,
                "reason": problem.reason,
            }
        before = artifact.get("processing_metadata")
        if isinstance(before, dict):
            # Why it failed before is not why it does now, nor any longer true.
            kept = {k: v for k, v in before.items() if k not in ("code", "reason")}
            metadata = {**kept, **metadata}
        done = {**artifact, **added}
        rest = [name for name in done if name not in (*_ORDER, "processing_metadata")]
        ordered = {name: done[name] for name in _ORDER if name in done}
        return {
            **ordered,
            "processing_metadata": metadata,
            **{name: done[name] for name in rest},
        }

    def _is_done(self, artifact: Mapping[str, Any]) -> bool:
        uri = artifact.get("std_uri")
        if not isinstance(uri, str):
            return False
        try:
            data = read_photo(to_path(uri, self.places.root))
            decode(data, min_side=_GLANCE_SIDE, max_pixels=self.pixel_limit)
        except (DecodeError, UsageError, OSError):
            return False
        return True

    def _copied(self, artifact: Mapping[str, Any]) -> dict[str, Any]:
        photo_id = photo_id_of(artifact)
        if photo_id is not None and not _PHOTO_ID.fullmatch(photo_id):
            raise UsageError(f"{photo_id!r} cannot name a file.", code="bad-name")
        data = None
        folder = self.places.ranking
        content = photo_id
        if photo_id is None or not _SHA256.fullmatch(photo_id):
            # What a client calls a photo does not tell which photo it is; its content does.
            data = self._original(artifact)
            content = sha256(data)
            photo_id = photo_id or content
        found = renditions.find(photo_id, folder, content)
        if found is None:
            data = data if data is not None else self._original(artifact)
            if content != sha256(data):
                raise DecodeError(
                    "holds another photo than when it was ingested; ingest it again",
                    code="missing",
                )
            found = renditions.make(data, photo_id, folder, content, max_pixels=self.pixel_limit)
        root = self.places.root
        added: dict[str, Any] = {
            "photo_id": photo_id,
            "ranking_uri": to_uri(found.ranking, root),
            "std_uri": to_uri(found.std, root),
            "processing_metadata": {
                "original_size": list(found.original_size),
                "standardized_size": list(found.standardized_size),
                "processing_method": METHOD,
            },
        }
        if not isinstance(artifact.get("exif"), dict):
            data = data or self._original(artifact)
            added["exif"] = as_text(read_header(data, max_pixels=self.pixel_limit).exif)
        return added

    def _original(self, artifact: Mapping[str, Any]) -> bytes:
        uri = artifact.get("original_uri")
        if not isinstance(uri, str):
            raise UsageError("The artifact has no original_uri.", code="missing")
        return read_photo(to_path(uri, self.places.root))
