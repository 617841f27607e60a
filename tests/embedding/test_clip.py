from __future__ import annotations

import asyncio
import inspect
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from loguru import logger
from PIL import Image

from safelight import CLIPEmbedder, CLIPModel
from safelight.embedding.load import load_embedder
from safelight.errors import ModelUnavailable, UsageError
from tests.embedding import tiny

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def embedder(tiny_model: str) -> Iterator[CLIPEmbedder]:
    with CLIPEmbedder(tiny_model, device="cpu") as opened:
        yield opened


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), format="{level} {message}", level=0)
    yield lines
    logger.remove(sink)


def test_has_the_signatures_that_were_agreed() -> None:
    def parameters(function: Any) -> list[tuple[str, Any]]:
        every = inspect.signature(function).parameters.values()
        return [(p.name, p.default) for p in every if p.kind is not p.KEYWORD_ONLY][1:]

    empty = inspect.Parameter.empty
    default = "openai/clip-vit-base-patch32"
    assert parameters(CLIPEmbedder.__init__) == [("model_name", default), ("device", "auto")]
    assert parameters(CLIPEmbedder.generate_embedding) == [("image_path", empty)]
    assert parameters(CLIPEmbedder.generate_embeddings_batch) == [
        ("image_paths", empty),
        ("batch_size", 32),
        ("show_progress", True),
    ]
    assert parameters(CLIPEmbedder.encode_text) == [("text", empty)]
    assert parameters(CLIPEmbedder.compute_similarity) == [
        ("embedding1", empty),
        ("embedding2", empty),
    ]
    for name in ("generate_embedding", "generate_embeddings_batch"):
        assert inspect.iscoroutinefunction(getattr(CLIPEmbedder, name))


def test_loads_as_the_class_of_transformers_does(tiny_model: str) -> None:
    with pytest.warns(DeprecationWarning, match="use CLIPEmbedder"):
        model = CLIPModel.from_pretrained(tiny_model, local_files_only=True)
    assert model.encode_text("cat").shape == (8,)
    with (
        pytest.warns(DeprecationWarning, match="use CLIPEmbedder"),
        pytest.raises(ModelUnavailable, match="only local files"),
    ):
        CLIPModel.from_pretrained("openai/clip-vit-large-patch14", local_files_only=True)
    with pytest.raises(ModelUnavailable, match="only local files"):
        CLIPEmbedder("openai/clip-vit-large-patch14", local_files_only=True)


def test_one_image(embedder: CLIPEmbedder, photos: list[Path]) -> None:
    vector = asyncio.run(embedder.generate_embedding(str(photos[0])))
    assert vector is not None
    assert vector.shape == (tiny.DIMENSION,) == (embedder.get_embedding_dimension(),)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


def test_one_missing_or_broken_image(
    embedder: CLIPEmbedder, tmp_path: Path, log: list[str]
) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        asyncio.run(embedder.generate_embedding(str(tmp_path / "missing.jpg")))
    (tmp_path / "broken.jpg").write_bytes(b"nonsense")
    assert asyncio.run(embedder.generate_embedding(str(tmp_path / "broken.jpg"))) is None
    assert any(line.startswith("WARNING") and "broken.jpg is not an image" in line for line in log)


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_a_batch_keeps_its_order_and_its_gaps(
    embedder: CLIPEmbedder, photos: list[Path], tmp_path: Path, log: list[str], batch_size: int
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"")
    names = [str(p) for p in photos]
    paths = [names[2], str(tmp_path / "broken.jpg"), *names, str(tmp_path / "missing.jpg")]
    vectors = asyncio.run(embedder.generate_embeddings_batch(paths, batch_size, False))

    assert [v is None for v in vectors] == [False, True, *[False] * 7, True]
    for path, vector in zip(paths, vectors, strict=True):
        if vector is not None:
            single = asyncio.run(embedder.generate_embedding(path))
            np.testing.assert_allclose(vector, single, atol=1e-6)
    warnings = [line for line in log if line.startswith("WARNING")]
    assert any("broken.jpg is empty" in line for line in warnings)
    assert any("missing.jpg: No such file" in line for line in warnings)


def test_an_empty_batch(embedder: CLIPEmbedder) -> None:
    assert asyncio.run(embedder.generate_embeddings_batch([])) == []


def test_a_batch_of_nothing_at_a_time_is_refused(embedder: CLIPEmbedder) -> None:
    with pytest.raises(UsageError, match="batch_size"):
        asyncio.run(embedder.generate_embeddings_batch(["a.jpg"], batch_size=0))


def test_shows_progress_only_if_asked(
    embedder: CLIPEmbedder, photos: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    for show in (False, True):
        capfd.readouterr()
        asyncio.run(embedder.generate_embeddings_batch(photos, show_progress=show))
        assert ("7/7" in capfd.readouterr().err) is show


def test_texts(embedder: CLIPEmbedder) -> None:
    one = embedder.encode_text("a dog")
    many = embedder.encode_text(["a dog", "cat", "the snow"])
    assert one.shape == (tiny.DIMENSION,)
    assert many.shape == (3, tiny.DIMENSION)
    np.testing.assert_allclose(np.linalg.norm(many, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(one, many[0], atol=1e-6)


def test_similarity_is_a_number_from_minus_one_to_one(embedder: CLIPEmbedder) -> None:
    for text in ("a dog", "cat", "red snow"):
        vector = embedder.encode_text(text)
        same, opposite = (embedder.compute_similarity(vector, s * vector) for s in (1, -1))
        assert type(same) is float
        assert 1 - 1e-6 < same <= 1
        assert -1 <= opposite < -1 + 1e-6


@pytest.mark.parametrize("many", [False, True])
def test_never_blocks_the_event_loop(
    embedder: CLIPEmbedder, photos: list[Path], monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    """Photos are decoded, and the model goes on, only when the event loop says so."""
    begun: list[str] = []
    gates = {step: threading.Event() for step in ("prepare", "encode_prepared")}

    def hold(step: str) -> None:
        call = getattr(embedder._embedder, step)

        def held(*args: Any) -> Any:
            begun.append(step)
            assert gates[step].wait(60), "the event loop is blocked"
            return call(*args)

        monkeypatch.setattr(embedder._embedder, step, held)

    async def main() -> Any:
        if many:
            embedding = asyncio.create_task(embedder.generate_embeddings_batch(photos, 2, False))
        else:
            embedding = asyncio.create_task(embedder.generate_embedding(photos[0]))
        for step, gate in gates.items():
            async with asyncio.timeout(50):
                while step not in begun:
                    await asyncio.sleep(0.001)
            assert not embedding.done()
            gate.set()
        return await embedding

    for step in gates:
        hold(step)
    vectors = asyncio.run(main())
    assert len(vectors) == (len(photos) if many else tiny.DIMENSION)


def test_calls_run_side_by_side(embedder: CLIPEmbedder, photos: list[Path]) -> None:
    async def main() -> tuple[list[Any], list[Any]]:
        singles = asyncio.gather(*(embedder.generate_embedding(p) for p in photos))
        batch = embedder.generate_embeddings_batch(photos, 2, False)
        return await asyncio.gather(singles, batch)

    singles, batch = asyncio.run(main())
    np.testing.assert_allclose(singles, batch, atol=1e-6)


def test_a_cancelled_batch_stops(
    embedder: CLIPEmbedder, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded: list[int] = []
    encode = embedder._embedder.encode_prepared  # type: ignore[attr-defined]

    def count(inputs: Any) -> Any:
        embedded.append(len(inputs))
        return encode(inputs)

    monkeypatch.setattr(embedder._embedder, "encode_prepared", count)

    async def main() -> None:
        many = asyncio.create_task(embedder.generate_embeddings_batch(photos * 20_000, 2, False))
        while not embedded:
            await asyncio.sleep(0.001)
        many.cancel()
        with pytest.raises(asyncio.CancelledError):
            await many

    asyncio.run(main())
    embedder.close()  # waits for what is under way
    assert sum(embedded) < 140_000


def test_says_that_it_was_closed(embedder: CLIPEmbedder, photos: list[Path]) -> None:
    embedder.close()
    embedder.close()  # twice is not an error
    calls: list[Callable[[], Any]] = [
        lambda: asyncio.run(embedder.generate_embedding(photos[0])),
        lambda: asyncio.run(embedder.generate_embeddings_batch(photos)),
        lambda: asyncio.run(embedder.generate_embeddings_batch([])),
        lambda: embedder.encode_text("a cat"),
    ]
    for call in calls:
        with pytest.raises(UsageError, match="was closed") as caught:
            call()
        assert caught.value.code == "closed"


@pytest.mark.parametrize("batch_size", [1.5, 2.0, 0, -1, "8", None])
def test_a_batch_is_of_a_whole_number_of_photos(
    embedder: CLIPEmbedder, photos: list[Path], batch_size: Any
) -> None:
    with pytest.raises(UsageError, match=f"batch_size should be .*not {batch_size!r}"):
        asyncio.run(embedder.generate_embeddings_batch(photos, batch_size, False))
    vectors = asyncio.run(embedder.generate_embeddings_batch(photos[:1], np.int64(1), False))  # type: ignore[arg-type]
    assert len(vectors) == 1


def test_never_falls_back(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        CLIPEmbedder()  # not on this machine, and the tests are offline
    assert "built-in one (starter)" in str(caught.value)
    with pytest.raises(ModelUnavailable, match="does not exist"):
        CLIPEmbedder(str(tmp_path / "missing"))


def test_the_former_class_works_and_says_that_it_is_former(
    tiny_model: str, photos: list[Path]
) -> None:
    with pytest.warns(DeprecationWarning, match="CLIPEmbedder"):
        model = CLIPModel(device="cpu", model_name=tiny_model)
    with Image.open(photos[0]) as image:
        vector = model.encode_image(image)
        transparent = image.convert("RGBA")
    with CLIPEmbedder(tiny_model) as embedder:
        expected = asyncio.run(embedder.generate_embedding(photos[0]))
    np.testing.assert_allclose(vector, expected, atol=1e-6)
    np.testing.assert_allclose(model.encode_image(transparent), vector, atol=1e-6)
    assert model.encode_text("cat").shape == (tiny.DIMENSION,)
    assert model.encode_text(["cat", "dog"]).shape == (2, tiny.DIMENSION)


def test_the_former_class_turns_images_upright(tiny_model: str, tmp_path: Path) -> None:
    with pytest.warns(DeprecationWarning, match="CLIPEmbedder"):
        model = CLIPModel(model_name=tiny_model)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(pixels[::-1, ::-1]).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as turned:
        vector = model.encode_image(turned)
    np.testing.assert_allclose(vector, model.encode_image(Image.fromarray(pixels)), atol=1e-6)


def test_the_embedder_is_the_one_that_was_named(tiny_model: str) -> None:
    with CLIPEmbedder(tiny_model) as embedder:
        expected = load_embedder(tiny_model).encode_texts(["cat"])[0]
        np.testing.assert_array_equal(embedder.encode_text("cat"), expected)
