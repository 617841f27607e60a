"""Description of a data set, which lists the Parquet files that belong to it.

    safelight.json                  what it is, and which files belong to it; written last
    photos/part-RUN-0000.parquet    a row a photo; of many, in folders by the id's first digits,
    photos/prefix=3f/part-...       as other programs know them
    failures/part-RUN-0000.parquet  a row a file that could not be read

While it is being written there is ``safelight.unfinished`` instead of, or beside, the description
of what was there before.
"""

from __future__ import annotations

import json
import shlex
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
    """Contents of ``safelight.json``.

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
    """Return the description of the data set at `place`; None if there is none.

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
            f"{name} is damaged: {_damage(exc)}. Export or copy the data set again.",
            code="data-set",
        ) from exc


def _damage(exc: Exception) -> str:
    if isinstance(exc, KeyError):
        return f"it has no {exc}"
    return str(exc) if isinstance(exc, ValueError) else "its JSON is of another shape"


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
    """Return the description of the data set at `place`.

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
        f"There is no data set at {place.shown}: {_why_none(place)}", code="no-data-set"
    )


_NAME_IT = "Name the folder that `safelight library export` wrote."


def _why_none(place: Place) -> str:
    """Return the reason why a place is not a data set, with advice."""
    shown, is_folder = place.shown, place.is_folder()
    if not is_folder and not place.is_there():
        return f"nothing is there. {_NAME_IT}"
    above = place.parent
    for _ in range(2):
        if above.has(DESCRIPTION):
            return (
                f"it is a part of {above.shown}. Name that: "
                f"safelight library import {shlex.quote(above.shown)}"
            )
        above = above.parent
    if is_folder:
        return _why_no_folder(place)
    name = shown.lower()
    if name.endswith(".parquet"):
        return (
            f"it is one Parquet file. {_NAME_IT} For a table of photos: "
            f"safelight ingest --engine ray {shlex.quote(f'parquet:{shown}')}"
        )
    advice = f"To ingest photos: safelight ingest {shlex.quote(shown)}"
    if name.endswith((".csv", ".txt", ".jsonl", ".tsv")):
        advice = f"For a list of photos: safelight ingest {shlex.quote(f'image-list:{shown}')}"
    elif name.endswith((".db", ".sqlite")):
        advice = f"To work with that library: safelight status --library {shlex.quote(shown)}"
    return f"it is a file. {_NAME_IT} {advice}"


def _why_no_folder(place: Place) -> str:
    names = place.names()
    if not names:
        return f"the folder is empty. {_NAME_IT}"
    if PHOTOS in names or any(name.endswith(".parquet") for name in names):
        return (
            f"it has no {DESCRIPTION}, so another program wrote it, or it was not copied as a "
            f"whole. {_NAME_IT}"
        )
    return (
        f"it has neither {DESCRIPTION} nor Parquet files. {_NAME_IT} To ingest photos: "
        f"safelight ingest {shlex.quote(place.shown)}"
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
