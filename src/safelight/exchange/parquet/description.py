"""A data set: Parquet files of photos and of failures, and a description that makes it whole.

    safelight.json                  what it is, and which files belong to it; written last
    photos/part-RUN-0000.parquet    a row a photo; of many, in folders by the id's first digits,
    photos/prefix=3f/part-...       as other programs know them
    failures/part-RUN-0000.parquet  a row a file that could not be read

While it is being written there is ``safelight.unfinished`` instead of, or beside, the description
of what was there before.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from safelight.errors import SourceError
from safelight.exchange.parquet.columns import SCHEMA_VERSION
from safelight.files.bounded_json import parse_json
from safelight.library.attributes.label_sets import LabelSet
from safelight.types import Space

if TYPE_CHECKING:
    from safelight.exchange.parquet.locations import Place

DESCRIPTION = "safelight.json"
UNFINISHED = "safelight.unfinished"
PHOTOS = "photos"
FAILURES = "failures"


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a data set.

    Attributes
    ----------
    name : str
        Below the data set.
    rows, bytes : int or None
        None if nothing says how many there should be.
    """

    name: str
    rows: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What ``safelight.json`` says.

    Attributes
    ----------
    space : Space
        Of all vectors.
    id : str
        By which vector stores know who feeds them: the library's, where it comes from one.
    label_sets : tuple of LabelSet
    parts : tuple of Part or None
        The files that belong to it; None: all that are there.
    created : str
        UTC, ISO 8601.
    safelight : str
        The version that wrote it.
    """

    space: Space
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    label_sets: tuple[LabelSet, ...] = ()
    parts: tuple[Part, ...] | None = None
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    safelight: str = field(default_factory=lambda: version("safelight"))


def write_description(place: Place, description: Description) -> None:
    """Make what was written whole, in place of what was there before."""
    said = {"schema": SCHEMA_VERSION, **asdict(description)}
    place.put_bytes(DESCRIPTION, json.dumps(said, ensure_ascii=False, indent=1).encode())


def find_description(place: Place) -> Description | None:
    """Return what the data set at `place` says of itself; None if there is none.

    Raises
    ------
    SourceError
        It is damaged, or of a newer safelight.
    """
    data = place.read(DESCRIPTION)
    if data is None:
        return None
    name = place.name_of(DESCRIPTION)
    try:
        said = parse_json(data)
        if int(said["schema"]) > SCHEMA_VERSION:
            raise SourceError(
                f"{name} was written by a newer safelight ({said.get('safelight')}). Update "
                "safelight.",
                code="data-set",
            )
        return _read_description(said)
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise SourceError(
            f"{name} is damaged: {type(exc).__name__} {exc}. Export or copy the data set again.",
            code="data-set",
        ) from exc


def _read_description(said: dict[str, Any]) -> Description:
    space, parts = said["space"], said.get("parts")
    found = Space(
        str(space["fingerprint"]),
        str(space["name"]),
        int(space["dimension"]),
        str(space["model"]),
    )
    if found.dimension < 1:
        raise ValueError("vectors without numbers")
    return Description(
        found,
        str(said["id"]),
        tuple(
            LabelSet(
                str(each["version"]),
                tuple(map(str, each["labels"])),
                tuple(map(str, each["templates"])),
                str(each["used_at"]),
            )
            for each in said.get("label_sets", ())
        ),
        None
        if parts is None
        else tuple(Part(str(each["name"]), each.get("rows"), each.get("bytes")) for each in parts),
        str(said.get("created")),
        str(said.get("safelight")),
    )


def read_description(place: Place) -> Description:
    """Return what the data set at `place` says of itself.

    Raises
    ------
    SourceError
        There is none, it is not finished, or damaged.
    """
    found = find_description(place)
    if found is not None:
        return found
    if place.read(UNFINISHED) is not None:
        raise SourceError(
            f"The data set at {place.shown} is not finished: what wrote it was stopped. Run that "
            "again.",
            code="unfinished",
        )
    raise SourceError(
        f"There is no data set at {place.shown}: it has no {DESCRIPTION}. Name the folder that "
        "`safelight library export` has written.",
        code="no-data-set",
    )


def parts_of(place: Place, description: Description, folder: str) -> list[Part]:
    """Return the files of photos or of failures that belong to a data set, by name."""
    if description.parts is None:
        found = [
            Part(name, None, size)
            for name, size in place.sizes(folder).items()
            if name.endswith(".parquet")
        ]
    else:
        found = [part for part in description.parts if part.name.startswith(f"{folder}/")]
    return sorted(found, key=lambda part: part.name)
