from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.embedding.load import load_embedder
from safelight.embedding.torch.embedder import TorchEmbedder
from safelight.errors import ModelInvalid, ModelUnavailable, UsageError
from safelight.types import Frame
from tests.embedding.torch import random_models
from tests.embedding.torch.random_models import CLIP_PREPROCESSING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

# open_clip's smallest architecture, made smaller still.
SMALL: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8},
    "text_cfg": {
        "context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = random_models.build_open_clip(SMALL)
    written: Path = tmp_path_factory.mktemp("small")
    return random_models.write_open_clip(written, model, SMALL, CLIP_PREPROCESSING)


@pytest.fixture
def embedder(folder: Path) -> TorchEmbedder:
    loaded = load_embedder(str(folder), device="cpu")
    assert isinstance(loaded, TorchEmbedder)
    return loaded


def _frames(count: int) -> list[Frame]:
    rng = np.random.default_rng(5)
    pixels = [rng.integers(0, 256, (40 + i, 60 - i, 3), dtype=np.uint8) for i in range(count)]
    return [Frame(p, p.shape[1], p.shape[0], "PNG") for p in pixels]


@pytest.mark.parametrize("count", [0, 1, 19])
def test_embeds_in_batches(embedder: TorchEmbedder, count: int) -> None:
    frames = _frames(count)
    vectors = embedder.encode_images(frames)
    assert vectors.shape == (count, 16)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    for frame, vector in zip(frames, vectors, strict=True):
        np.testing.assert_allclose(embedder.encode_images([frame])[0], vector, atol=1e-5)
    texts = [f"text {number}" for number in range(count)]
    assert embedder.encode_texts(texts).shape == (count, 16)


def test_a_text_that_is_cut_is_said(embedder: TorchEmbedder) -> None:
    exactly, longer = "word " * 75, "word " * 76
    with pytest.warns(UserWarning, match="1 of 2 texts is longer than the 77 tokens"):
        embedder.encode_texts([exactly, longer])


def test_weights_are_read_when_they_are_needed_and_let_go(embedder: TorchEmbedder) -> None:
    assert embedder.dimension == 16
    assert len(embedder.fingerprint) == 64
    assert embedder._loaded is None
    before = embedder.encode_texts(["a dog"])
    assert embedder._loaded is not None
    embedder.close()
    assert embedder._loaded is None
    np.testing.assert_array_equal(embedder.encode_texts(["a dog"]), before)


def test_the_space_is_named_by_what_the_model_computes(folder: Path, tmp_path: Path) -> None:
    model = random_models.build_open_clip(SMALL)
    prints = {load_embedder(str(folder)).fingerprint}

    def write(name: str, config: dict[str, Any], preprocessing: dict[str, Any]) -> str:
        written = tmp_path / name
        random_models.write_open_clip(written, model, config, preprocessing)
        return load_embedder(str(written)).fingerprint

    assert write("copy", SMALL, CLIP_PREPROCESSING) in prints
    prints.add(write("gelu", SMALL | {"quick_gelu": True}, CLIP_PREPROCESSING))
    prints.add(write("bilinear", SMALL, CLIP_PREPROCESSING | {"interpolation": "bilinear"}))
    model = random_models.build_open_clip(SMALL, seed=1)
    prints.add(write("other", SMALL, CLIP_PREPROCESSING))
    assert len(prints) == 4


def test_pickled_weights_give_the_same_vectors(folder: Path, tmp_path: Path) -> None:
    model = random_models.build_open_clip(SMALL)
    random_models.write_open_clip(tmp_path, model, SMALL, CLIP_PREPROCESSING, pickled=True)
    ours = load_embedder(str(tmp_path)).encode_images(_frames(2))
    theirs = load_embedder(str(folder)).encode_images(_frames(2))
    np.testing.assert_array_equal(ours, theirs)


def test_a_pickle_that_runs_code_is_refused(folder: Path, tmp_path: Path) -> None:
    import torch

    class Evil:
        def __reduce__(self) -> Any:
            return (print, ("this ran",))

    (tmp_path / "open_clip_config.json").write_bytes(
        (folder / "open_clip_config.json").read_bytes()
    )
    torch.save({"state_dict": Evil()}, tmp_path / "open_clip_pytorch_model.bin")
    with pytest.raises(ModelInvalid, match="does not hold the weights"):
        load_embedder(str(tmp_path)).encode_texts(["a"])


def test_weights_of_another_architecture_are_refused(folder: Path, tmp_path: Path) -> None:
    other = SMALL | {"embed_dim": 8}
    random_models.write_open_clip(
        tmp_path, random_models.build_open_clip(SMALL), other, CLIP_PREPROCESSING
    )
    with pytest.raises(ModelInvalid, match=r"open_clip_model\.safetensors does not hold"):
        load_embedder(str(tmp_path)).encode_texts(["a"])
    (tmp_path / "open_clip_model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelInvalid):
        load_embedder(str(tmp_path)).encode_texts(["a"])


def test_an_architecture_of_open_clips_with_a_checkpoint(tmp_path: Path) -> None:
    import open_clip
    import torch

    torch.manual_seed(0)
    model = open_clip.create_model("RN50").eval()  # its smallest by name
    torch.save({"state_dict": model.state_dict()}, tmp_path / "mine.pt")
    embedder = load_embedder(f"RN50/{tmp_path}/mine.pt", device="cpu")
    assert embedder.name == "RN50/mine.pt"
    frames = _frames(2)
    with torch.inference_mode():
        inputs = torch.stack(
            [
                torch.from_numpy(embedder.model.preprocessing.apply(f.pixels))  # type: ignore[attr-defined]
                for f in frames
            ]
        )
        theirs = model.encode_image(inputs, normalize=True).numpy()
    assert float((embedder.encode_images(frames) * theirs).sum(axis=1).min()) > 0.99999

    # To score photos, the same weights are used without positions.
    from safelight.embedding.torch.without_positions import WithoutPositions
    from safelight.model_choice import choose_for_scoring
    from safelight.settings import Settings

    chosen = choose_for_scoring(f"RN50/{tmp_path}/mine.pt", Settings(device="cpu"))
    assert isinstance(chosen, WithoutPositions)


def test_names_that_open_clip_does_not_know_are_explained() -> None:
    with pytest.raises(UsageError, match=r"no weights 'mine' of ViT-B-32; it knows openai"):
        load_embedder("ViT-B-32/mine#torch")
    with pytest.raises(UsageError, match="no architecture 'ViT-Z-1'"):
        load_embedder("ViT-Z-1/openai#torch")


def test_a_device_that_is_not_there_is_an_error(folder: Path) -> None:
    import torch

    if not torch.cuda.is_available():
        with pytest.raises(ModelUnavailable, match="cuda:1 was asked for"):
            load_embedder(str(folder), device="cuda:1")
    with pytest.raises(ModelUnavailable, match="PyTorch cannot use it"):
        load_embedder(str(folder), device="openvino")


def test_without_pytorch_the_way_out_is_said(folder: Path) -> None:
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from safelight.embedding.load import load_embedder\n"
        "from safelight.errors import ModelUnavailable\n"
        "try: load_embedder(sys.argv[1])\n"
        "except ModelUnavailable as error: print(error.code, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("no-torch ")
    assert "safelight[torch]" in done.stdout


_SCARCE = """
import resource, sys, warnings
import numpy as np
from safelight.embedding.load import load_embedder
from safelight.types import Frame
embedder = load_embedder(sys.argv[1], device="cpu", batch_size=4096, threads=1)
pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
frames = [Frame(pixels, 32, 32, "PNG")] * 4096
few = embedder.encode_images(frames[:2])
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 300_000_000,) * 2)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    vectors = embedder.encode_images(frames)
assert np.allclose(vectors, few[:1], atol=1e-4)
print(embedder.batch_size, *(str(each.message) for each in told), sep="|")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory as Linux does")
def test_a_model_goes_on_when_memory_runs_out(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCARCE, str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    size, *told = done.stdout.strip().split("|")
    assert int(size) < 4096
    assert "Memory did not suffice for 4096 images" in told[0]


def test_the_export_is_what_was_exported_until_a_file_changes(
    embedder: TorchEmbedder, tmp_path: Path
) -> None:
    from safelight.embedding.torch.export import export_model

    measured = export_model(embedder.model, "small", tmp_path / "out", _frames(3))
    assert measured.image_worst > 0.99999
    about = json.loads((tmp_path / "out" / "safelight.json").read_text("utf-8"))
    assert (about["model"], about["dtype"], about["same_space"]) == ("small", "fp32", True)
    assert load_embedder(str(tmp_path / "out")).fingerprint == embedder.fingerprint
    with (tmp_path / "out" / "visual" / "preprocess_cfg.json").open("a") as file:
        file.write(" ")
    assert load_embedder(str(tmp_path / "out")).fingerprint != embedder.fingerprint


@pytest.mark.parametrize(("dtype", "least"), [("fp16", 0.999), ("int8", 0.97)])
def test_smaller_exports_are_spaces_of_their_own(
    embedder: TorchEmbedder, tmp_path: Path, dtype: Any, least: float
) -> None:
    from safelight.embedding.torch.export import export_model

    whole = export_model(embedder.model, "small", tmp_path / "fp32", _frames(3))
    measured = export_model(embedder.model, "small", tmp_path / "out", _frames(8), dtype=dtype)
    assert min(measured.image_mean, measured.text_mean) > least
    assert measured.megabytes < whole.megabytes
    small = load_embedder(str(tmp_path / "out"))
    assert small.fingerprint != embedder.fingerprint
    theirs = embedder.encode_images(_frames(8))
    assert float((small.encode_images(_frames(8)) * theirs).sum(axis=1).mean()) > least
    assert ("dynamic" in measured.how or "calibrated" in measured.how) is (dtype == "int8")


def test_an_export_that_is_no_good_is_not_written(
    embedder: TorchEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safelight.embedding.torch import export

    def spoil(path: Path) -> None:
        import onnx
        from onnx import numpy_helper

        model = onnx.load(path)
        for tensor in model.graph.initializer:
            values = numpy_helper.to_array(tensor)
            if values.dtype == np.float32 and values.ndim == 2:
                noise = np.random.default_rng(0).standard_normal(values.shape)
                spoilt = values + (values.std() * noise).astype(np.float32)
                tensor.CopyFrom(numpy_helper.from_array(spoilt, tensor.name))
        onnx.save(model, path)

    monkeypatch.setattr(export, "to_half", spoil)
    out = tmp_path / "out"
    measured = export.export_model(embedder.model, "small", out, _frames(4), dtype="fp16")
    assert not measured.is_good("fp16")
    assert list(tmp_path.iterdir()) == []
    export.export_model(embedder.model, "small", out, _frames(4), dtype="fp16", force=True)
    assert load_embedder(str(out)).fingerprint != embedder.fingerprint
    with pytest.raises(UsageError, match="is there already"):
        export.export_model(embedder.model, "small", out, _frames(4))
    with pytest.raises(UsageError, match="there are none"):
        export.export_model(embedder.model, "small", tmp_path / "new", [])


def test_a_resnet_without_positions_sees_photos_of_any_size(tmp_path: Path) -> None:
    import torch

    from safelight.embedding.torch.without_positions import WithoutPositions
    from safelight.model_choice import choose_for_scoring
    from safelight.quality.clip_iqa import ClipIqa
    from safelight.quality.scoring import score
    from safelight.settings import Settings

    config = random_models.config_of("RN50", 2)
    config["vision_cfg"]["layers"] = [1, 1, 1, 1]
    model = random_models.build_open_clip(config)
    random_models.write_open_clip(tmp_path, model, config, CLIP_PREPROCESSING)
    embedder = load_embedder(str(tmp_path), device="cpu")
    assert isinstance(embedder, TorchEmbedder)
    without = WithoutPositions(embedder, 128)
    # As the published code does it: nothing but the mean and deviation, no resizing, no positions.
    pool = model.visual.attnpool
    small, large = _frames(1)[0].pixels[:32, :64], np.tile(_frames(1)[0].pixels, (5, 5, 1))
    for pixels in (small, large):
        resized = pixels if pixels is small else None
        (ours,) = without.encode_images([Frame(pixels, *pixels.shape[1::-1], "PNG")])
        assert ours.shape == (config["embed_dim"],)
        if resized is not None:
            tensor = torch.from_numpy(
                (pixels.transpose(2, 0, 1) * embedder.model.preprocessing.gain
                 - embedder.model.preprocessing.offset).astype(np.float32)[None]
            )  # fmt: skip
            places = (pixels.shape[0] // 32) * (pixels.shape[1] // 32) + 1
            pool.positional_embedding = torch.nn.Parameter(torch.zeros(places, 2048))
            with torch.inference_mode():
                theirs = torch.nn.functional.normalize(model.visual(tensor)).numpy()[0]
            assert float(ours @ theirs) > 0.99999
    assert without.fingerprint != embedder.fingerprint
    # The embedder that it was made of is as it was.
    assert embedder._ready().module.visual.attnpool.positional_embedding.shape[0] > 1
    report = score(large, [ClipIqa(without)], model=without)
    assert report.measurements["clip_iqa"].status == "ok"
    # By name, a checkpoint of RN50 is used in this way.
    assert choose_for_scoring("starter", Settings()).name == "starter"


def test_only_a_resnet_can_do_without_positions(embedder: TorchEmbedder) -> None:
    from safelight.embedding.torch.without_positions import WithoutPositions

    with pytest.raises(ModelInvalid, match="is not a ResNet"):
        WithoutPositions(embedder, 1024)


def test_half_of_a_surrogate_pair_is_a_text_like_any_other(embedder: TorchEmbedder) -> None:
    assert embedder.encode_texts(["a \udcff dog"]).shape == (1, 16)
