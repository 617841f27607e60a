from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.embedding.onnx.session import open_session
from safelight.errors import ModelInvalid
from tests.embedding import tiny

if TYPE_CHECKING:
    from pathlib import Path

_IMAGE = np.ones((1, 3, tiny.SIDE, tiny.SIDE), np.float32)


@pytest.mark.parametrize("lean", [False, True])
@pytest.mark.parametrize("external", [False, True])
def test_runs_through_the_links_of_the_hubs_cache(
    tmp_path: Path, lean: bool, external: bool
) -> None:
    written = tmp_path / "written" / "model.onnx"
    tiny.write_image_graph(written, external=external)
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "commit"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    for number, file in enumerate(sorted(written.parent.iterdir())):
        file.rename(blobs / str(number))
        (snapshot / file.name).symlink_to(blobs / str(number))

    session = open_session(snapshot / "model.onnx", threads=1, lean=lean)
    vectors = session.run(None, {"image": _IMAGE})[0]
    expected = tiny.image_weights().sum(axis=0, keepdims=True)
    np.testing.assert_allclose(vectors, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08" * 10_000])
def test_names_a_file_that_is_not_a_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelInvalid, match=r"model\.onnx is not a model"):
        open_session(path)


def test_names_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"model\.onnx cannot be read"):
        open_session(tmp_path / "model.onnx")
