"""Vectors of pixels that were decoded by another rule: only those are made again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from safelight.ingest import ingest, preview
from safelight.ingest.sources import parse_source
from safelight.library.attributes.edges import compared
from safelight.library.database import Database
from safelight.library.vector_index.flat import index_state
from tests.library.older import downgrade

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes import ColourEmbedder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    pixels = rng.integers(60, 200, (48, 48, 4)).astype(np.uint8)
    (tmp_path / "p").mkdir()
    Image.fromarray(pixels).save(tmp_path / "p" / "clear.png")
    pixels[..., 3] = 255
    Image.fromarray(255 - pixels[..., :3]).save(tmp_path / "p" / "solid.png")
    Image.fromarray(pixels[::-1, :, :3].copy()).save(tmp_path / "p" / "photo.jpg")
    return tmp_path / "p"


def _vectors(library: Database) -> dict[str, tuple[int, bytes]]:
    rows = library.connection.execute(
        "SELECT f.source_path, e.pk, e.vector FROM embeddings e "
        "JOIN files f ON f.item_pk = e.item_pk"
    )
    return {name: (key, vector) for name, key, vector in rows}


def _of_before(path: Path, *, with_structures: bool) -> None:
    """Make a library one of before vectors could be stale, with a wrong vector for each photo."""
    with Database(path) as library:
        if not with_structures:
            library.connection.execute("DELETE FROM structures")
        library.connection.execute("UPDATE embeddings SET vector = zeroblob(length(vector))")
    downgrade(path, 11)


@pytest.mark.parametrize("with_structures", [True, False])
def test_only_what_is_transparent_is_embedded_again(
    folder: Path, tmp_path: Path, embedder: ColourEmbedder, with_structures
) -> None:
    path = tmp_path / "old.db"
    source = parse_source(str(folder))
    with Database(path) as library:
        ingest(library, [source], embedder, model="colours")
        right = _vectors(library)
    _of_before(path, with_structures=with_structures)
    with Database(path) as library:
        state = index_state(library, embedder.fingerprint)
        planned = preview(library, [source], fingerprint=embedder.fingerprint, name="colours")
        assert planned.new == (1 if with_structures else 2)  # nothing is opened to find out
        assert "transparent" in " ".join(planned.notes)
        summary = ingest(library, [source], embedder, model="colours")
        assert summary.new == 1
        found = _vectors(library)
        assert found["clear.png"][1] == right["clear.png"][1]
        assert not any(found["solid.png"][1])
        assert not any(found["photo.jpg"][1])
        assert index_state(library, embedder.fingerprint) != state
        again = ingest(library, [source], embedder, model="colours")
        assert (again.new, again.unchanged, again.notes) == (0, 3, [])
        assert _vectors(library) == found


def test_what_was_told_by_former_pixels_goes_with_them(
    folder: Path, tmp_path: Path, embedder: ColourEmbedder
) -> None:
    path = tmp_path / "old.db"
    source = parse_source(str(folder))
    with Database(path) as library:
        ingest(library, [source], embedder, model="colours")
    _of_before(path, with_structures=True)
    with Database(path) as library:
        run = library.connection.execute
        run(
            "INSERT INTO scores (item_pk, metric, version, value, score, status) "
            "SELECT pk, 'focus', '1', 1, 1, 'ok' FROM items"
        )
        run("INSERT INTO compared SELECT pk, 'x' FROM items")
        run("INSERT INTO edges SELECT a.pk, b.pk, 'edited', '{}', 'x' FROM items a, items b "
            "WHERE a.pk < b.pk")  # fmt: skip
        ingest(library, [source], embedder, model="colours")
        assert run("SELECT count(*) FROM scores").fetchone() == (2,)
        assert len(compared(library)) == 2
        assert run("SELECT count(*) FROM edges").fetchone() == (1,)


def test_a_photo_that_is_away_keeps_its_vector(
    folder: Path, tmp_path: Path, embedder: ColourEmbedder
) -> None:
    path = tmp_path / "old.db"
    source = parse_source(str(folder))
    with Database(path) as library:
        ingest(library, [source], embedder, model="colours")
    _of_before(path, with_structures=True)
    (folder / "clear.png").unlink()
    with Database(path) as library:
        ingest(library, [source], embedder, model="colours")
        assert "clear.png" in _vectors(library)
