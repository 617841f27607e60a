"""The ways in which code written for the former classes calls them, import lines changed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from safelight import CLIPEmbedder
from safelight.retrieval import index_local_images, retrieve_local
from tests.embedding import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def here(tmp_path: Path, make_photo: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, colour in (("car.jpg", "red"), ("sofa.jpg", "blue"), ("table.jpg", "green")):
        make_photo(tmp_path / name, colour)
        make_photo(tmp_path / "my_photos" / name, colour)
    return tmp_path


@pytest.mark.parametrize("options", [{"device": "auto"}, {"device": "cpu"}])
def test_making_an_embedder(options: dict[str, str], tmp_path: Path) -> None:
    folder = tiny.write_immich(tmp_path / "clip-vit-large-patch14")
    assert CLIPEmbedder(model_name=str(folder), **options).get_embedding_dimension() == 8


def test_one_image(here: Path) -> None:
    async def generate_single() -> np.ndarray | None:
        embedder = CLIPEmbedder("starter", device="auto")
        return await embedder.generate_embedding("car.jpg")

    embedding = asyncio.run(generate_single())
    assert embedding is not None
    assert embedding.shape == (512,)
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-5)


def test_a_batch_with_a_broken_file(here: Path) -> None:
    (here / "corrupted.jpg").write_bytes(b"nonsense")

    async def generate_batch() -> list[np.ndarray | None]:
        embedder = CLIPEmbedder("starter")
        assert await embedder.generate_embeddings_batch([]) == []
        return await embedder.generate_embeddings_batch(
            ["car.jpg", "corrupted.jpg", "sofa.jpg"], batch_size=32, show_progress=False
        )

    first, broken, last = asyncio.run(generate_batch())
    assert broken is None
    assert first is not None
    assert last is not None

    with pytest.raises(FileNotFoundError):
        asyncio.run(CLIPEmbedder("starter").generate_embedding("nonexistent.jpg"))


def test_texts() -> None:
    embedder = CLIPEmbedder("starter")
    assert embedder.encode_text("a red sports car").shape == (512,)
    assert embedder.encode_text(["a red car", "a blue sofa", "a wooden table"]).shape == (3, 512)


def test_similarity_search(here: Path) -> None:
    embedder = CLIPEmbedder("starter")
    image_paths = ["car.jpg", "sofa.jpg", "table.jpg"]
    image_embeddings = asyncio.run(embedder.generate_embeddings_batch(image_paths))
    query_embedding = embedder.encode_text("a vehicle")
    similarities = [
        (image_paths[i], embedder.compute_similarity(query_embedding, embedding))
        for i, embedding in enumerate(image_embeddings)
        if embedding is not None
    ]
    similarities.sort(key=lambda pair: pair[1], reverse=True)
    assert len(similarities) == 3
    assert all(-1 <= similarity <= 1 for _, similarity in similarities)


def test_vectors_for_a_database(here: Path) -> None:
    embedder = CLIPEmbedder("starter")
    (embedding,) = asyncio.run(embedder.generate_embeddings_batch(["car.jpg"]))
    assert embedding is not None
    point = {"id": 0, "vector": embedding.tolist(), "payload": {"image_path": "car.jpg"}}
    assert len(point["vector"]) == embedder.get_embedding_dimension()


def test_an_image_that_was_resized_before(here: Path) -> None:
    Image.open("car.jpg").resize((512, 512)).save("resized_image.jpg")
    embedding = asyncio.run(CLIPEmbedder("starter").generate_embedding("resized_image.jpg"))
    assert embedding is not None


def test_a_log_file_of_the_users_own(here: Path) -> None:
    from loguru import logger

    logger.remove()
    sink = logger.add("clip_embedder.log", rotation="1 day", level="INFO")
    CLIPEmbedder("starter")
    logger.remove(sink)
    assert "CLIPEmbedder: starter" in (here / "clip_embedder.log").read_text("utf-8")


def test_a_folder_indexed_once_and_searched_often(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAFELIGHT_MODEL", "starter")
    embeddings, paths = index_local_images("my_photos")
    assert embeddings is not None
    for prompt in ("sunset at the beach", "a car"):
        results = retrieve_local(prompt, embeddings, paths, top_k=5)
        lines = [f"{score:.3f} - {path}" for path, score in results]
        assert len(lines) == 3
    # For an index of inner products, rows of unit length in C order.
    assert embeddings.numpy().flags["C_CONTIGUOUS"]


def test_the_command_over_a_folder(here: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "safelight.retrieval", "--prompt", "a cat sleeping on a couch",
         "--images_dir", "my_photos", "--top_k", "2"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(" — my_photos" in line for line in lines)
