"""The examples of docs/parquet.md run, and the page names every column."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.exchange.parquet.columns import failure_schema, photo_schema
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.library.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import ColourEmbedder

PAGE = (Path(__file__).parents[3] / "docs" / "parquet.md").read_text(encoding="utf-8")


def test_the_examples_run(
    tmp_path: Path, make_photo: Callable[..., Path], embedder: ColourEmbedder
) -> None:
    make_photo(tmp_path / "p" / "red.png")
    with Database(tmp_path / "photos.db") as library:
        ingest(library, [parse_source(str(tmp_path / "p"))], embedder, model="colours")
    reading, writing = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    script = f"{writing}\n{reading}\nprint(vectors.shape, vectors.dtype)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "1 photos written",
        "1 of 1 photos are new; 0 files were unusable",
        "(1, 3) float32",
    ]


def test_every_column_is_explained() -> None:
    columns = {each.name for schema in (photo_schema(1), failure_schema()) for each in schema}
    for schema in (photo_schema(1),):
        for each in schema:
            kind = getattr(each.type, "value_type", each.type)
            columns |= {inner.name for inner in kind} if hasattr(kind, "fields") else set()
    assert len(columns) > 30
    for name in columns:
        assert f"`{name}`" in PAGE, name
