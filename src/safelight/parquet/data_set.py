"""Names of :mod:`safelight.library.rows` and of the modules here, where they were at first."""

from __future__ import annotations

from safelight.library.label_sets import LabelSet
from safelight.parquet.description import (
    DESCRIPTION,
    FAILURES,
    PHOTOS,
    UNFINISHED,
    Description,
    Part,
    find_description,
    parts_of,
    read_description,
    write_description,
)
from safelight.parquet.parts import (
    BATCH,
    GROUP,
    broken,
    digits_for,
    read_failures,
    read_photos,
    write_failures,
    write_part,
    write_photos,
)

__all__ = [
    "BATCH",
    "DESCRIPTION",
    "FAILURES",
    "GROUP",
    "PHOTOS",
    "UNFINISHED",
    "Description",
    "LabelSet",
    "Part",
    "broken",
    "digits_for",
    "find_description",
    "parts_of",
    "read_description",
    "read_failures",
    "read_photos",
    "write_description",
    "write_failures",
    "write_part",
    "write_photos",
]
