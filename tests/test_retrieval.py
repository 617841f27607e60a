from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight import retrieval
from safelight.errors import SourceError, SpaceError, UsageError
from safelight.retrieval import index_local_images, retrieve_local

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fakes import ColourEmbedder


@pytest.fixture
def folder(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    folder = tmp_path / "my photos"
    for name, colour in (("c.png", "red"), ("a.PNG", "green"), ("b.png", "blue")):
        make_photo(folder / name, colour)
    make_photo(folder / "inner" / "d.png", "red")
    (folder / "broken.jpg").write_bytes(b"nonsense")
    (folder / "notes.txt").write_text("no photo")
    (folder / "folder.jpg").mkdir()
    return folder


def test_indexes_the_images_of_a_folder(folder: Path, embedder: ColourEmbedder) -> None:
    embeddings, paths = index_local_images(folder, embedder=embedder)
    assert paths == [str(folder / name) for name in ("a.PNG", "b.png", "c.png")]
    assert embeddings is not None
    assert embeddings.shape == (3, 3)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)


def test_finds_the_best_first(folder: Path, embedder: ColourEmbedder) -> None:
    embeddings, paths = index_local_images(str(folder), embedder=embedder)
    hits = retrieve_local("red", embeddings, paths, top_k=2, embedder=embedder)
    assert hits[0][0] == str(folder / "c.png")
    assert len(hits) == 2
    assert 1 >= hits[0][1] > hits[1][1]
    assert all(type(score) is float for _, score in hits)
    assert len(retrieve_local("red", embeddings, paths, embedder=embedder)) == 3


def test_embeddings_may_be_taken_for_a_tensor(folder: Path, embedder: ColourEmbedder) -> None:
    embeddings, paths = index_local_images(folder, embedder=embedder)
    assert embeddings is not None
    plain = embeddings.numpy()
    assert type(plain) is np.ndarray
    assert plain.flags["C_CONTIGUOUS"]  # as faiss wants it
    assert retrieve_local("red", plain, paths, embedder=embedder) == retrieve_local(
        "red", embeddings, paths, embedder=embedder
    )


def test_a_folder_without_images(tmp_path: Path, embedder: ColourEmbedder) -> None:
    assert index_local_images(tmp_path, embedder=embedder) == (None, [])
    assert retrieve_local("red", None, [], embedder=embedder) == []


def test_no_model_is_looked_for_without_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(retrieval, "usual_embedder", lambda: pytest.fail("a model was looked for"))
    assert index_local_images(tmp_path) == (None, [])
    given = ["--prompt", "red", "--images_dir", str(tmp_path)]
    assert retrieval.main(given) == 0
    assert "holds no images" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        retrieval.main([*given, "--top_k", "0"])
    assert ended.value.code == 2


def test_explains_what_is_wrong(folder: Path, tmp_path: Path, embedder: ColourEmbedder) -> None:
    with pytest.raises(SourceError, match="missing cannot be read: No such file"):
        index_local_images(tmp_path / "missing", embedder=embedder)
    embeddings, paths = index_local_images(folder, embedder=embedder)
    with pytest.raises(UsageError, match="top_k"):
        retrieve_local("red", embeddings, paths, top_k=0, embedder=embedder)
    with pytest.raises(SpaceError, match="another model"):
        retrieve_local("red", np.ones((3, 5), np.float32), paths, embedder=embedder)
