from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from safelight.embedding.load import load_embedder
from safelight.embedding.onnx.embedder import OnnxEmbedder
from safelight.errors import ModelInvalid
from safelight.types import Frame
from tests.embedding import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WRITERS = [tiny.write_immich, tiny.write_transformers_js]


def _load(folder: Path, **options: Any) -> OnnxEmbedder:
    embedder = load_embedder(str(folder), device="cpu", **options)
    assert isinstance(embedder, OnnxEmbedder)
    return embedder


def _frames(count: int) -> list[Frame]:
    rng = np.random.default_rng(5)
    shapes = [(20 + i, 40 - i, 3) for i in range(count)]
    pixels = [rng.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]
    return [Frame(p, p.shape[1], p.shape[0], "PNG") for p in pixels]


def _units(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(params=WRITERS, ids=["immich", "transformers.js"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    written: Path = request.param(tmp_path / "model")
    return written


@pytest.mark.parametrize("count", [0, 1, 4, 11])
def test_embeds_images(folder: Path, count: int) -> None:
    embedder = _load(folder, threads=2)
    frames = _frames(count)
    vectors = embedder.encode_images(frames)

    assert vectors.shape == (count, tiny.DIMENSION)
    assert vectors.dtype == np.float32
    if count:
        inputs = np.array([embedder.prepare(f).ravel() for f in frames])
        np.testing.assert_allclose(vectors, _units(inputs @ tiny.image_weights()), atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 40])
def test_embeds_texts(folder: Path, count: int) -> None:
    texts = ["a dog", "cat", "", "a dog in the"] * 10
    vectors = _load(folder).encode_texts(texts[:count])

    assert vectors.shape == (count, tiny.DIMENSION)
    assert vectors.dtype == np.float32
    tokens = [[1, *(tiny.WORDS.index(w) for w in t.split()), 2] for t in texts[:count]]
    table = tiny.text_weights()
    if (folder / "textual").exists():  # the padding counts, as the graph has no mask
        tokens = [ids + [0] * (tiny.CONTEXT - len(ids)) for ids in tokens]
    if count:
        expected = _units(np.array([table[ids].sum(axis=0) for ids in tokens]))
        np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_says_what_the_protocol_promises(folder: Path) -> None:
    embedder = _load(folder)
    assert embedder.name == "model"
    assert embedder.dimension == tiny.DIMENSION
    assert embedder.min_side == 2 * tiny.SIDE
    assert embedder.logit_scale is None
    assert len(embedder.fingerprint) == 64


def test_a_text_needs_no_image_side(folder: Path) -> None:
    embedder = _load(folder)
    for graph in (*folder.glob("visual/*.onnx"), *folder.glob("onnx/vision*")):
        graph.write_bytes(b"broken")
    assert embedder.encode_texts(["cat"]).shape == (1, tiny.DIMENSION)
    with pytest.raises(ModelInvalid, match="is not a model"):
        embedder.encode_images(_frames(1))


def test_many_threads_share_one(folder: Path) -> None:
    embedder = _load(folder, threads=2)
    frames = _frames(9)
    images, texts = embedder.encode_images(frames), embedder.encode_texts(["a dog"])
    embedder.close()
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(embedder.encode_images, frames) for _ in range(8)]
        queries = [pool.submit(embedder.encode_texts, ["a dog"]) for _ in range(8)]
    for call in calls:
        np.testing.assert_array_equal(call.result(), images)
    for query in queries:
        np.testing.assert_array_equal(query.result(), texts)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_graph_may_take_a_fixed_number_of_images(tmp_path: Path, batch: int) -> None:
    free = _load(tiny.write_immich(tmp_path / "free"))
    fixed = _load(tiny.write_immich(tmp_path / "fixed", batch=batch))
    assert fixed.batch_size == batch
    frames = _frames(6)
    np.testing.assert_allclose(fixed.encode_images(frames), free.encode_images(frames), atol=1e-6)


def test_half_precision_in_and_out(tmp_path: Path) -> None:
    exact = _load(tiny.write_immich(tmp_path / "exact"))
    half = _load(tiny.write_immich(tmp_path / "half", dtype="float16"))
    vectors = half.encode_images(_frames(3))
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(vectors, exact.encode_images(_frames(3)), atol=1e-2)
    assert half.fingerprint != exact.fingerprint


def test_weights_beside_the_graph(tmp_path: Path) -> None:
    inside = _load(tiny.write_immich(tmp_path / "inside"))
    beside = _load(tiny.write_immich(tmp_path / "beside", external=True))
    frames = _frames(2)
    np.testing.assert_array_equal(beside.encode_images(frames), inside.encode_images(frames))

    other = tiny.write_immich(tmp_path / "other", external=True)
    weights = other / "visual" / "model.onnx_data"
    weights.write_bytes(weights.read_bytes()[::-1])
    assert _load(other).fingerprint != beside.fingerprint


def test_the_fingerprint_names_the_space_not_the_folder(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "README.md").write_text("hello")
    one, two = _load(folder, threads=1), _load(tmp_path / "copy", threads=2)
    assert one.fingerprint == two.fingerprint


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", {"text_cfg": {"context_length": 5}}),
        ("visual/preprocess_cfg.json", {"interpolation": "bilinear"}),
        ("visual/preprocess_cfg.json", {"mean": [0.5, 0.4, 0.31]}),
        ("textual/tokenizer.json", {"version": "1.1"}),
    ],
)
def test_the_fingerprint_changes_with_what_changes_vectors(
    tmp_path: Path, file: str, change: dict[str, Any]
) -> None:
    folder = tiny.write_immich(tmp_path / "model")
    before = _load(folder).fingerprint
    path = folder / file
    tiny.write_json(path, json.loads(path.read_text()) | change)
    assert _load(folder).fingerprint != before


def test_other_weights_are_another_space(tmp_path: Path) -> None:
    prints = {
        _load(write(tmp_path / f"{i}", seed=seed)).fingerprint
        for i, (write, seed) in enumerate((w, s) for w in WRITERS for s in (0, 1))
    }
    assert len(prints) == 4


def _write_siglip(folder: Path, model_type: str = "siglip", **image: Any) -> Path:
    tiny.write_transformers_js(folder)
    tiny.write_json(folder / "config.json", {"model_type": model_type})
    tiny.write_image_graph(
        folder / "onnx/vision_model.onnx", name="pixel_values", output="pooler_output", **image
    )
    tiny.write_text_graph(
        folder / "onnx/text_model.onnx",
        name="input_ids",
        dtype="int64",
        length="sequence",
        output="pooler_output",
    )
    return folder


def test_siglips_embedding_is_its_pooled_output_and_its_padding_counts(tmp_path: Path) -> None:
    embedder = _load(_write_siglip(tmp_path / "model"))
    assert embedder.dimension == tiny.DIMENSION  # found from the graph
    padded = tiny.text_weights()[[1, 6, 2, 0, 0, 0]].mean(axis=0, keepdims=True)
    np.testing.assert_allclose(embedder.encode_texts(["cat"]), _units(padded), atol=1e-5)
    assert embedder.encode_images(_frames(1)).shape == (1, tiny.DIMENSION)


def test_clips_pooled_output_is_not_its_embedding(tmp_path: Path) -> None:
    embedder = _load(_write_siglip(tmp_path / "model", model_type="clip"))
    with pytest.raises(ModelInvalid, match=r"none of the outputs .* pooler_output"):
        embedder.encode_images(_frames(1))


def _drop(file: str, key: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        values = json.loads((folder / file).read_text())
        del values[key]
        tiny.write_json(folder / file, values)

    return change


@pytest.mark.parametrize(
    ("write", "damage", "message"),
    [
        (
            tiny.write_immich,
            lambda f: tiny.write_json(
                f / "visual/preprocess_cfg.json", tiny.preprocess_cfg(size=8)
            ),
            "the files do not belong together",
        ),
        (
            tiny.write_immich,
            lambda f: tiny.write_image_graph(f / "visual/model.onnx", dimension=9),
            "vectors of length 9, but its configuration says 8",
        ),
        (
            tiny.write_immich,
            lambda f: tiny.write_text_graph(f / "visual/model.onnx"),
            "expected images as the only input",
        ),
        (
            tiny.write_immich,
            lambda f: tiny.write_text_graph(f / "textual/model.onnx", name="words"),
            "expected token ids",
        ),
        (
            tiny.write_immich,
            lambda f: tiny.write_json(
                f / "config.json", {"text_cfg": {"tokenizer_kwargs": {"clean": "scrub"}}}
            ),
            "'clean' is 'scrub', which is not known",
        ),
        (
            tiny.write_immich,
            lambda f: tiny.write_json(
                f / "config.json", {"text_cfg": {"tokenizer_kwargs": {"strip_sep_token": True}}}
            ),
            "'strip_sep_token' changes how texts are read",
        ),
        (
            tiny.write_transformers_js,
            _drop("tokenizer_config.json", "pad_token"),
            "tokenizer_config.json: 'pad_token' is missing",
        ),
        (
            tiny.write_transformers_js,
            _drop("tokenizer_config.json", "model_max_length"),
            "how many tokens the model reads",
        ),
        (
            tiny.write_transformers_js,
            _drop("config.json", "model_type"),
            "config.json: 'model_type' is missing",
        ),
        (
            tiny.write_transformers_js,
            lambda f: tiny.write_json(
                f / "tokenizer_config.json", {"pad_token": "nope", "model_max_length": 6}
            ),
            "does not know 'nope'",
        ),
    ],
)
def test_explains_models_that_do_not_fit_together(
    tmp_path: Path, write: Callable[[Path], Path], damage: Callable[[Path], None], message: str
) -> None:
    folder = write(tmp_path / "model")
    damage(folder)

    def use() -> None:
        embedder = _load(folder)
        embedder.encode_images(_frames(1))
        embedder.encode_texts(["cat"])

    with pytest.raises(ModelInvalid, match=message):
        use()


def test_a_model_that_gives_nothing_does_not_pretend(tmp_path: Path) -> None:
    folder = tiny.write_immich(tmp_path / "model")
    tiny.write_json(
        folder / "visual/preprocess_cfg.json", tiny.preprocess_cfg(mean=[0, 0, 0], std=[1, 1, 1])
    )
    black = Frame(np.zeros((20, 20, 3), np.uint8), 20, 20, "PNG")
    assert np.isnan(_load(folder).encode_images([black])).all()
