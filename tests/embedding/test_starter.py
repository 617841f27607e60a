from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from safelight.embedding import starter
from safelight.embedding.starter import StarterEmbedder, load_starter, subject
from safelight.imaging import decode
from safelight.types import Frame


@pytest.fixture(scope="module")
def model() -> StarterEmbedder:
    return load_starter(threads=2)


def frame(height: int, width: int, seed: int = 0) -> Frame:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Frame(pixels, width, height, "PNG")


def test_vectors_are_of_unit_length(model: StarterEmbedder) -> None:
    images = model.encode_images([frame(300, 400), frame(1, 900), frame(64, 64)])
    texts = model.encode_texts(["a dog", "two cats on a sofa"])
    assert images.shape == (3, model.dimension)
    assert texts.shape == (2, model.dimension)
    for vectors in (images, texts):
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_nothing_in_nothing_out(model: StarterEmbedder) -> None:
    assert model.encode_images([]).shape == (0, model.dimension)
    assert model.encode_texts([]).shape == (0, model.dimension)


@pytest.mark.parametrize(
    "text", ["", "   ", "🐕", "собака", "犬", "\u200b", "a\x00b", "!?", "2026"]
)
def test_any_text_has_a_vector(model: StarterEmbedder, text: str) -> None:
    vector = model.encode_texts([text])
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_a_long_text_is_cut_with_a_warning(model: StarterEmbedder) -> None:
    words = ["snow"] * 300
    with pytest.warns(UserWarning, match="1 of 2 texts is longer than the 256 tokens"):
        long, _ = model.encode_texts([" ".join(words), "a dog"])
    cut = model.encode_texts([" ".join(words[:254])])[0]  # 256 with begin and end
    assert long @ cut == pytest.approx(1, abs=1e-4)


def test_a_vector_does_not_depend_on_what_is_embedded_with_it(model: StarterEmbedder) -> None:
    texts = ["dog", "", "a very long sentence about two people who eat pizza in a restaurant " * 3]
    together = model.encode_texts(texts)
    alone = np.concatenate([model.encode_texts([text]) for text in texts])
    assert (together * alone).sum(axis=1) == pytest.approx(1, abs=1e-4)
    frames = [frame(200, 300, seed) for seed in range(5)]
    together = model.encode_images(frames)
    alone = np.concatenate([model.encode_images([each]) for each in frames])
    assert (together * alone).sum(axis=1) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a photo of a dog", "dog"),
        ("A blurry photo of the Eiffel tower", "Eiffel tower"),
        ("photos of some boats", "boats"),
        ("this is a picture showing an owl", "owl"),
        ("  a   dog\n", "dog"),
        ("a photo album of a family", "photo album of a family"),
        ("photography of", "photography of"),
        ("the", "the"),
        ("", ""),
    ],
)
def test_words_about_the_photo_are_left_out(text: str, shown: str) -> None:
    assert subject(text) == shown


def test_like_texts_are_nearer_than_unlike_ones(model: StarterEmbedder) -> None:
    dog, puppy, retriever, car, truck = model.encode_texts(
        ["dog", "a puppy", "golden retriever", "car", "a big truck"]
    )
    assert min(dog @ puppy, dog @ retriever) > max(dog @ car, puppy @ truck, retriever @ car)
    assert car @ truck > car @ dog


def test_the_fingerprint_is_that_of_the_files(model: StarterEmbedder) -> None:
    assert model.fingerprint == starter.compute_fingerprint()


def test_the_files_were_built_from_these_glosses() -> None:
    scripts = Path(__file__).parents[2] / "scripts" / "starter"
    about = json.loads((starter.DATA / "starter.json").read_text("utf-8"))
    for name, digest in about["glosses"].items():
        now = hashlib.sha256((scripts / name).read_bytes()).hexdigest()
        assert now == digest, "run scripts/build_starter.py"


def test_the_files_are_small() -> None:
    assert sum(path.stat().st_size for path in starter.DATA.iterdir()) < 30_000_000


def test_a_text_opens_the_text_side_only() -> None:
    code = """
import sys
from safelight.embedding.onnx import session
opened = []
real = session.open_session
def record(path, **options):
    opened.append(path.name)
    return real(path, **options)
from safelight.embedding.onnx import graph
graph.open_session = record
from safelight.embedding.starter import load_starter
model = load_starter(threads=1)
model.fingerprint, model.dimension, model.min_side
assert opened == [] and "onnxruntime" not in sys.modules
model.encode_texts(["a dog"])
assert opened == ["text.onnx"] and "PIL" not in sys.modules
"""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, env=environ)


def test_the_name_of_a_class_finds_its_photo(model: StarterEmbedder, real_photos: Path) -> None:
    folder = real_photos / "imagenet-sample"
    rows = list(csv.DictReader((folder / "labels.csv").read_text("utf-8").splitlines()))[::3]
    frames = [decode((folder / row["file"]).read_bytes(), min_side=model.min_side) for row in rows]
    scores = model.encode_texts([row["class"] for row in rows]) @ model.encode_images(frames).T
    ranks = (scores > np.diag(scores)[:, None]).sum(axis=1) + 1
    assert (1 / ranks).mean() > 0.9
