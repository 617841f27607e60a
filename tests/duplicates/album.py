"""Photos as files in memory, and how they are related."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

from PIL import Image

from safelight.duplicates.photo_features import PhotoFeatures
from safelight.duplicates.thresholds import DEFAULT, Thresholds
from safelight.duplicates.verification.classify import relate
from safelight.hashing import hash_frame
from safelight.imaging import decode

if TYPE_CHECKING:
    from safelight.duplicates.model import Relation


class Album:
    """Photos as files in memory, as a library would know them."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.opened: list[tuple[str, int | None]] = []

    def add(
        self, name: str, picture: Image.Image | bytes, form: str = "JPEG", **known
    ) -> PhotoFeatures:
        """Keep a picture as a file, and return what is known about it."""
        data = picture
        if isinstance(picture, Image.Image):
            file = io.BytesIO()
            picture.save(file, form, **({"quality": 90} if form in ("JPEG", "WEBP") else {}))
            data = file.getvalue()
        self.files[name] = data
        frame = decode(data, min_side=260)
        found = hash_frame(frame)
        seen = PhotoFeatures(
            name,
            frame.format,
            frame.width,
            frame.height,
            frame.exif,
            (f"/photos/{name}",),
            found.dct256,
            found.words,
            found.places,
        )
        return replace(seen, **known)

    def __call__(self, seen: PhotoFeatures, min_side: int | None):
        self.opened.append((seen.id, min_side))
        return decode(self.files[seen.id], min_side=min_side)

    def read(self, seen: PhotoFeatures) -> bytes:
        return self.files[seen.id]

    def relation(
        self, a: PhotoFeatures, b: PhotoFeatures, limits: Thresholds = DEFAULT
    ) -> Relation | None:
        """Return the relation, which is the same in both directions."""
        edge, back = relate(a, b, self, limits), relate(b, a, self, limits)
        assert (edge and (edge.a, edge.b, edge.relation)) == (
            back and (back.a, back.b, back.relation)
        )
        return edge and edge.relation
