"""Cache of features: one JSON file a photo, and the library.

A file is named by the md5 of ``{photo_id}_features`` and holds
``{"version": {...}, "features": {...}}``. The version names the sha256 of the file that was read as
well: an id is whatever a client calls a photo, and another photo may be called the same. It has
room for one version; the library, if there is one, keeps each, so that going back to a former model
recomputes nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger

from safelight.errors import SafelightError
from safelight.files import SMALL_FILE, read_bytes
from safelight.files.bounded_json import parse_json
from safelight.library.attributes.feature_cache import read_features, write_features
from safelight.pipeline.files import write_whole

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from safelight.library.database import Database

_CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Kept:
    """Features, and the content that they are of.

    Attributes
    ----------
    content : str
        sha256 of the bytes that were read, hex.
    features : dict
        JSON-ready.
    """

    content: str
    features: dict[str, Any]


class FeatureCache:
    """Features by photo id, in one version. Any thread may use it, and any process.

    Parameters
    ----------
    folder : path-like or None
        Where the files lie; made when it is first written to. None: no files.
    version : mapping
        JSON-ready: everything that the features depend on. What has another version is not found.
    library : Database, optional
        Asked first, and written to as well.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None,
        version: Mapping[str, Any],
        library: Database | None = None,
    ) -> None:
        self._folder = None if folder is None else Path(folder)
        self._version = dict(version)
        self._library = library
        text = json.dumps(self._version, sort_keys=True, ensure_ascii=False)
        self._digest = hashlib.sha256(text.encode()).hexdigest()

    def path(self, photo_id: str) -> Path | None:
        """Return the file of a photo, whether it is there or not; None without a folder."""
        return None if self._folder is None else self._folder / _name(photo_id)

    def read(self, photo_ids: Sequence[str]) -> dict[str, Kept]:
        """Return stored features by photo id; a broken file is a warning, and counts as none."""
        found: dict[str, Kept] = {}
        if self._library is not None:
            for photo_id, kept in read_features(self._library, self._digest, photo_ids).items():
                content = kept.pop(_CONTENT, None)
                if isinstance(content, str):
                    found[photo_id] = Kept(content, kept)
        for photo_id in photo_ids:
            if photo_id not in found and (entry := self._read_file(photo_id)) is not None:
                found[photo_id] = entry
        return found

    def write(self, features: Mapping[str, Kept]) -> None:
        """Store features by photo id; a failure to store them is a warning, not an error."""
        if not features:
            return
        if self._library is not None:
            rows = {
                photo_id: {_CONTENT: found.content, **found.features}
                for photo_id, found in features.items()
            }
            write_features(self._library, self._digest, rows)
        if self._folder is None:
            return
        try:
            for photo_id, found in features.items():
                version = {**self._version, _CONTENT: found.content}
                kept = {"version": version, "features": found.features}
                text = json.dumps(kept, ensure_ascii=False, allow_nan=False)
                write_whole(self._folder / _name(photo_id), text.encode(), sync=False)
        except SafelightError as exc:
            logger.warning("Features are not kept: {}", exc)

    def _read_file(self, photo_id: str) -> Kept | None:
        path = self.path(photo_id)
        if path is None:
            return None
        try:
            kept = parse_json(read_bytes(path, limit=SMALL_FILE))
            version, features = kept["version"], kept["features"]
            if not isinstance(features["tech"], dict) or not isinstance(
                features["clip_labels"], list
            ):
                raise TypeError("tech or clip_labels are of another type")
        except FileNotFoundError:
            return None
        except OSError as exc:
            logger.warning("The cached features {} cannot be read: {}", path, exc.strerror)
            return None
        except (ValueError, KeyError, TypeError) as exc:
            logger.bind(photo_id=photo_id).warning(
                "The cached features {} are broken ({}: {}) and are made again",
                path,
                type(exc).__name__,
                exc,
            )
            return None
        content = version.pop(_CONTENT, None) if isinstance(version, dict) else None
        if version != self._version or not isinstance(content, str):
            return None
        return Kept(content, features)


def _name(photo_id: str) -> str:
    text = f"{photo_id}_features".encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest() + ".json"
