"""Hits of a search: a sequence that becomes JSON, a table, or pictures in a notebook."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

from safelight.types import Hit

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from safelight.api.tables import Columns

__all__ = ["Hit", "Hits"]


@dataclass(frozen=True)
class Hits(Sequence[Hit]):
    """Hits of a search, best first unless another order was asked for.

    Attributes
    ----------
    hits : tuple of Hit
    weak : bool
        None of them is a match.
    notes : tuple of str
        Sentences for people.
    unlabelled : int
        Photos that a label of the query left out because they were not labelled yet.
    more : bool
        The library has more matches than were wanted.
    """

    hits: tuple[Hit, ...]
    weak: bool = False
    notes: tuple[str, ...] = ()
    unlabelled: int = 0
    more: bool = False

    @overload
    def __getitem__(self, at: int) -> Hit: ...
    @overload
    def __getitem__(self, at: slice) -> Hits: ...
    def __getitem__(self, at: int | slice) -> Hit | Hits:
        return replace(self, hits=self.hits[at]) if isinstance(at, slice) else self.hits[at]

    def __len__(self) -> int:
        return len(self.hits)

    @property
    def matches(self) -> Hits:
        """The hits that are what was asked for; the others are only the nearest. May be empty."""
        return replace(self, hits=tuple(hit for hit in self.hits if hit.match))

    @property
    def paths(self) -> list[str]:
        """The path of each hit."""
        return [hit.path for hit in self.hits]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return JSON-ready rows, as ``safelight search --all --json`` prints them."""
        return [_row(hit, is_weak=self.weak) for hit in self.hits]

    def to_json(self) -> str:
        """Return JSON, one object a line."""
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in self.to_dicts())

    def columns(self) -> Columns:
        """Return a column for each field of a hit; ``metadata`` is JSON."""
        from safelight.api.tables import Columns

        return Columns(
            {
                "score": [hit.score for hit in self.hits],
                "path": self.paths,
                "photo_id": [hit.photo_id for hit in self.hits],
                "namespace": [hit.namespace for hit in self.hits],
                "stack": [hit.stack for hit in self.hits],
                "matched": [hit.matched for hit in self.hits],
                "probability": [hit.probability for hit in self.hits],
                "match": [hit.match for hit in self.hits],
                "metadata": [json.dumps(hit.metadata, ensure_ascii=False) for hit in self.hits],
            }
        )

    def to_pandas(self) -> pd.DataFrame:
        """Return a DataFrame; see :meth:`safelight.api.tables.Columns.to_pandas`."""
        return self.columns().to_pandas()

    def to_arrow(self) -> pa.Table:
        """Return an Arrow table; see :meth:`safelight.api.tables.Columns.to_arrow`."""
        return self.columns().to_arrow()

    def _repr_html_(self) -> str:
        from safelight.api.gallery import SHOWN, Picture, gallery

        pictures = [
            Picture(
                hit.photo_id,
                hit.path,
                f"{hit.score:.3f} {os.path.basename(hit.path)}",
                hit.metadata.get("text") if hit.metadata.get("type") == "text" else None,
            )
            for hit in self.hits[:SHOWN]
        ]
        title = "1 hit" if len(self) == 1 else f"{len(self):,} hits"
        return gallery(title, pictures, len(self), notes=self.notes)


def _row(hit: Hit, *, is_weak: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "score": round(hit.score, 6),
        "path": hit.path,
        "photo_id": hit.photo_id,
        "namespace": hit.namespace,
        "metadata": hit.metadata,
    }
    if hit.probability is not None:
        row["probability"] = round(hit.probability, 3)
    row["match"] = hit.match
    # Only where they say something: the fields of a plain hit are prescribed.
    if hit.stack > 1:
        row["stack"] = hit.stack
    if hit.matched:
        row["matched"] = hit.matched
    if is_weak:
        row["weak"] = True
    return row
