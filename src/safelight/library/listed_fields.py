"""Further fields of photos in lists: read for a whole page at once, and only on demand."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from safelight.arguments import as_list
from safelight.errors import UsageError
from safelight.library.attributes.scores import read_scores
from safelight.library.damage import stored_json
from safelight.library.items import added_at
from safelight.library.photos import files_of, labels_of
from safelight.types import Exif

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from safelight.library.attributes.scores import ScoreRecord
    from safelight.library.database import Database
    from safelight.library.photos import PhotoFile, PhotoLabel

# The former is in every list, the latter with every other fact.
_ALWAYS = ("taken_at", "orientation")

#: Facts that can be asked for one by one; `facts` is all of them.
FACTS = ("camera", *(each.name for each in fields(Exif) if each.name not in _ALWAYS))

#: All names of further fields.
FIELDS = ("added_at", "size", "labels", "scores", "files", "facts", *FACTS)


@dataclass(frozen=True, slots=True)
class Further:
    """Further fields of one photo; None what was not asked for, or is not known.

    Attributes
    ----------
    size : int or None
        Bytes.
    added_at : str or None
        UTC, ISO 8601.
    labels : tuple of PhotoLabel or None
        None of a photo that was never labelled.
    scores : mapping of str to ScoreRecord or None
    files : tuple of PhotoFile or None
    facts : mapping or None
        ``camera``, and the fields of :class:`safelight.types.Exif` that are set.
    """

    size: int | None = None
    added_at: str | None = None
    labels: tuple[PhotoLabel, ...] | None = None
    scores: Mapping[str, ScoreRecord] | None = None
    files: tuple[PhotoFile, ...] | None = None
    facts: Mapping[str, Any] | None = None


def named_fields(given: str | Iterable[str]) -> frozenset[str]:
    """Return the fields that texts name, each one or several with commas between them.

    Raises
    ------
    UsageError
        There is no such field.
    """
    texts: list[str] = as_list(given, "fields", str)
    names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FIELDS:
            raise UsageError(
                f"Unknown field {name[:40]!r}. Choose from: {', '.join(FIELDS)}.", code="fields"
            )
    return frozenset(names)


def read_further(
    library: Database,
    keys: Sequence[int],
    names: Iterable[str],
    namespaces: tuple[str, ...] | None = None,
) -> dict[int, Further]:
    """Return further fields of photos by key, of those that are there.

    Parameters
    ----------
    names : iterable of str
        Of :data:`FIELDS`.
    namespaces : tuple of str, optional
        Only their files, and when they had the photo first.
    """
    wanted = frozenset(names)
    chosen = list(keys)
    rows = library.connection.execute(
        "SELECT pk, id, size, camera, exif FROM items WHERE pk IN (SELECT value FROM json_each(?))",
        (json.dumps(chosen),),
    ).fetchall()
    when = added_at(library, chosen, namespaces) if "added_at" in wanted else {}
    labels = labels_of(library, chosen) if "labels" in wanted else {}
    files = files_of(library, chosen, namespaces) if "files" in wanted else {}
    scores = read_scores(library, [row[1] for row in rows]) if "scores" in wanted else {}
    facts = wanted.intersection(FACTS) or frozenset(FACTS if "facts" in wanted else ())
    return {
        key: Further(
            size=size if "size" in wanted else None,
            added_at=when.get(key),
            labels=labels.get(key),
            scores=scores.get(photo_id, {}) if "scores" in wanted else None,
            files=files.get(key, ()) if "files" in wanted else None,
            facts=_facts(camera, exif, None if "facts" in wanted else facts) if facts else None,
        )
        for key, photo_id, size, camera, exif in rows
    }


def _facts(camera: str | None, exif: str, names: frozenset[str] | None) -> dict[str, Any]:
    known = {name: value for name, value in stored_json(exif).items() if name != "taken_at"}
    if camera is not None:
        known["camera"] = camera
    if names is None:
        return known
    return {name: known[name] for name in (*sorted(names), "orientation") if name in known}
