from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.embedding.image_files import embed_files
from safelight.embedding.load import load_embedder
from safelight.errors import DecodeError, FileError, ModelError
from safelight.imaging import decode
from tests.fakes import ColourEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.mark.parametrize("batch_size", [1, 2, 7, 100])
def test_keeps_order_and_reports_what_failed(
    tiny_model: str, photos: list[Path], tmp_path: Path, batch_size: int
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"nonsense")
    paths = [broken, *photos[:3], tmp_path / "missing.jpg", tmp_path, *photos[3:], broken]
    embedder = load_embedder(tiny_model)
    outcomes = list(embed_files(embedder, paths, batch_size=batch_size))

    kinds = [type(o) for o in outcomes if not isinstance(o, np.ndarray)]
    assert kinds == [DecodeError, FileNotFoundError, FileError, DecodeError]
    vectors = [o for o in outcomes if isinstance(o, np.ndarray)]
    frames = [decode(p.read_bytes()) for p in photos]
    np.testing.assert_allclose(vectors, embedder.encode_images(frames), atol=1e-6)


def test_looks_no_further_ahead_than_two_batches(
    make_photo: Callable[..., Path], tmp_path: Path
) -> None:
    photo = make_photo(tmp_path / "a.png")
    taken = 0

    def endless() -> Iterator[Path]:
        nonlocal taken
        while True:
            taken += 1
            yield photo

    outcomes = embed_files(ColourEmbedder(), endless(), batch_size=4)
    for _ in range(9):
        next(outcomes)
    outcomes.close()
    assert taken <= 3 * 4 + 2 * 4
    assert not [t for t in threading.enumerate() if t.name.startswith("safelight-decode")]


def test_a_model_that_fails_is_not_a_failure_of_a_photo(tmp_path: Path) -> None:
    from PIL import Image

    black = tmp_path / "black.png"
    Image.new("RGB", (9, 9)).save(black)
    with pytest.raises(ModelError, match="black has no direction"):
        list(embed_files(ColourEmbedder(), [black]))
