"""Texts, embedded into the same space as photos."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.errors import SourceError
from safelight.files.bounded_json import parse_json
from safelight.ingest.sources.entry import Entry, lines, printable, stat_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class TextSource:
    """Texts, to be found beside photos: ``.txt`` (one a line), ``.csv``, ``.jsonl``.

    The text of a CSV or JSON Lines row is its column ``text``, or the one named; the other columns
    are metadata.
    """

    file: str
    column: str | None = None

    @property
    def scope(self) -> str:
        """All rows of the file."""
        return f"{self.file}#"

    @property
    def spec(self) -> str:
        """``text:`` and the path."""
        return f"text:{self.file}"

    @property
    def options(self) -> dict[str, Any]:
        """The column, if one was named."""
        return {"text_column": self.column} if self.column else {}

    def entries(self) -> Iterator[Entry]:
        """List the texts in the file's order; empty ones are passed over."""
        found = stat_of(self.file)
        for number, text, metadata in self._rows():
            path = f"{self.file}#{number}"
            if text is None:
                yield Entry(path, path, found, code="corrupt", reason=metadata["reason"])
            elif printable(text) != text or any(printable(v) != v for v in metadata.values()):
                yield Entry(path, path, found, code="corrupt", reason="is not valid UTF-8")
            elif text.strip():
                yield Entry(path, path, found, metadata, text.strip())

    def _rows(self) -> Iterator[tuple[int, str | None, dict[str, str]]]:
        suffix = os.path.splitext(self.file)[1].lower()
        found = lines(self.file)
        if suffix in (".jsonl", ".ndjson"):
            yield from _json_rows(found, self.column or "text")
        elif suffix == ".csv":
            yield from self._csv_rows(found)
        else:
            yield from ((number, line, {}) for number, line in enumerate(found, 1))

    def _csv_rows(self, lines: Sequence[str]) -> Iterator[tuple[int, str | None, dict[str, str]]]:
        reader = csv.DictReader(lines)
        names = list(reader.fieldnames or ())
        column = self.column or ("text" if "text" in names else names[0] if names else "text")
        if column not in names:
            raise SourceError(
                f"{self.file} has no column {column!r}; it has: {', '.join(names) or 'none'}.",
                source=self.file,
            )
        for number, row in enumerate(reader, 1):
            others = {key: value for key, value in row.items() if key and key != column and value}
            yield number, row[column] or "", others


def _json_rows(
    lines: Iterable[str], column: str
) -> Iterator[tuple[int, str | None, dict[str, str]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as exc:
            yield number, None, {"reason": f"is not JSON: {exc}"}
            continue
        if not isinstance(row, dict) or not isinstance(row.get(column), str):
            yield number, None, {"reason": f"has no text under {column!r}"}
            continue
        others = {
            key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for key, value in row.items()
            if key != column and value is not None
        }
        yield number, row[column], others
