"""Recipe of a data set's rows, which every later run has to follow."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from safelight.cluster.manifest import RUN
from safelight.errors import UsageError
from safelight.files.bounded_json import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.exchange.parquet.locations import Place

_NAME = f"{RUN}/recipe.json"

_WORDS = {
    "fingerprint": "another model",
    "scores": "other scores (or their weights)",
    "label_set": "other labels (or another list of them)",
    "hash_version": "another version of the hashes",
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Recipe of a data set's rows.

    Attributes
    ----------
    fingerprint : str
        Of the model.
    scores : mapping or None
        The version of each score; None without scores.
    label_set : str or None
        The version of the label set; None without labels.
    hash_version : str
    digits : int
        Of a prefix; forever that of the first run.
    """

    fingerprint: str
    scores: Mapping[str, str] | None
    label_set: str | None
    hash_version: str
    digits: int = 0


def read_recipe(place: Place) -> Recipe | None:
    """Return how the rows that are there were made; None if there are none yet."""
    data = place.read(_NAME)
    return None if data is None else Recipe(**parse_json(data))


def write_recipe(place: Place, recipe: Recipe) -> None:
    """Note how rows are made from now on."""
    place.put_bytes(_NAME, json.dumps(asdict(recipe), indent=1).encode())


def check_same(place: Place, there: Recipe, wanted: Recipe) -> None:
    """See to it that new rows are made as those that are there.

    Raises
    ------
    UsageError
        They would not be.
    """
    for name, words in _WORDS.items():
        if getattr(there, name) != getattr(wanted, name):
            raise UsageError(
                f"The data set at {place.shown} was made with {words}. Give the same options as "
                "then, or another output.",
                code="other-recipe",
            )
