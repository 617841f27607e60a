"""Verifying, on models whose weights are random or made for it, put where real ones would be."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from PIL import Image

from safelight.embedding import devices, starter
from safelight.embedding.catalogue.catalogue import Golden, find_known
from safelight.embedding.catalogue.digests import file_digest
from safelight.embedding.installed import models as installed
from safelight.embedding.installed.verify import Verification, check_golden, verify
from safelight.embedding.load import load_embedder
from safelight.embedding.provenance import Provenance, write_provenance
from safelight.errors import DecodeError, ModelInvalid, ModelUnavailable, UsageError
from safelight.imaging import decode
from tests.embedding import tiny
from tests.embedding.hub_cache import put

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from safelight.embedding.base import Embedder
    from safelight.embedding.installed.integrity import Check

NAME = "ViT-B-32/openai"
EXPORT = "immich-app/ViT-B-32__openai"
TRANSFORMERS = "openai/clip-vit-base-patch32"
LENGTH = 512
SIDES = ["images", "texts"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setenv("HF_HUB_CACHE", str(folder))
    return folder


@pytest.fixture
def poser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of ViT-B/32's length, with random weights."""
    monkeypatch.setattr(tiny, "DIMENSION", LENGTH)
    return tiny.write_immich(tmp_path / "poser", dimension=LENGTH)


def _change_weights(graph: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    model = onnx.load(str(graph))
    (weights,) = model.graph.initializer
    changed = change(numpy_helper.to_array(weights).copy())
    weights.CopyFrom(numpy_helper.from_array(changed.astype(np.float32), weights.name))
    onnx.save(model, str(graph))


def _teach(folder: Path) -> None:
    """Make the text side say about "hello world" what is published of ViT-B/32."""
    published = find_known(NAME).golden[0].vector
    wanted = np.zeros(LENGTH)
    wanted[: len(published)] = published
    wanted[-1] = np.sqrt(1 - (wanted**2).sum())

    def change(table: np.ndarray) -> np.ndarray:
        # A text is the mean of <s>, two unknown words, </s> and two <pad>.
        numbers = {word: number for number, word in enumerate(tiny.WORDS)}
        others = table[numbers["<s>"]] + table[numbers["</s>"]] + 2 * table[numbers["<pad>"]]
        table[numbers["<unk>"]] = (6 * 9 * wanted - others) / 2
        return table

    _change_weights(folder / "textual" / "model.onnx", change)


def _checks(found: Verification, kind: str) -> list[Check]:
    return [each for each in found.checks if each.kind == kind]


def test_random_weights_do_not_pass_for_openais(cache: Path, poser: Path) -> None:
    put(cache, EXPORT, poser)
    found = verify(NAME)
    assert not found.ok
    # The files are those that "the hub" announced; it is the vector that gives them away.
    assert all(each.ok for each in _checks(found, "announced"))
    assert all(each.ok for each in _checks(found, "sanity"))
    golden, *of_photos = _checks(found, "golden")
    assert (golden.what, golden.ok) == ('"hello world"', False)
    assert "[0.0083, 0.0103, -0.0138, 0.0199, -0.0069] is published in" in golden.detail
    assert "qdrant/fastembed" in golden.detail
    assert "other weights" in golden.detail
    assert [each.ok for each in of_photos] == [None, None]
    assert "photo" in of_photos[0].detail


def test_the_published_vector_passes(cache: Path, poser: Path) -> None:
    _teach(poser)
    put(cache, EXPORT, poser)
    found = verify(NAME)
    assert found.ok, found.checks
    assert _checks(found, "golden")[0].ok
    files = sum(path.is_file() for path in poser.rglob("*"))
    assert found.compared == files + 1
    assert found.is_download


@pytest.mark.parametrize("name", ["visual/model.onnx", "config.json", "textual/tokenizer.json"])
def test_a_file_that_rotted_is_named_and_nothing_is_run(
    cache: Path, poser: Path, name: str
) -> None:
    _teach(poser)
    snapshot = put(cache, EXPORT, poser)
    file_digest(snapshot / name)  # what is kept of it must not be trusted
    blob = (snapshot / name).resolve()
    data = blob.read_bytes()
    blob.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    found = verify(NAME)
    assert not found.ok
    (wrong,) = (each for each in found.checks if each.ok is False)
    assert (wrong.kind, wrong.what) == ("announced", f"{name} of {EXPORT}")
    assert f"but the hub announced {blob.name}" in wrong.detail
    assert not _checks(found, "sanity") + _checks(found, "golden")


def test_a_link_that_leads_nowhere_is_named(cache: Path, poser: Path) -> None:
    _teach(poser)
    snapshot = put(cache, EXPORT, poser)
    (snapshot / "README.md").symlink_to("../../blobs/gone")
    found = verify(NAME)
    assert [each.what for each in found.checks if each.ok is False] == [f"README.md of {EXPORT}"]


def test_a_file_without_a_digest_is_not_compared(cache: Path, poser: Path) -> None:
    _teach(poser)
    snapshot = put(cache, EXPORT, poser)
    (snapshot / "notes.md").write_text("mine")  # as on a system without links
    found = verify(NAME)
    assert found.ok
    (notes,) = (each for each in found.checks if each.what.startswith("notes.md"))
    assert notes.ok is None


def test_weights_are_compared_with_the_checksum_of_their_publisher(
    cache: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "pytorch_model.bin").write_bytes(b"not OpenAI's")
    put(cache, TRANSFORMERS, folder)
    found = verify(TRANSFORMERS)
    (check,) = _checks(found, "catalogue")
    assert (check.what, check.ok) == (f"pytorch_model.bin of {TRANSFORMERS}", False)
    assert find_known(NAME).checksums["pytorch_model.bin"] in check.detail
    # Under this name the hub itself announced these bytes.
    assert all(each.ok for each in _checks(found, "announced"))


def test_of_an_unknown_model_only_files_are_compared(cache: Path, tmp_path: Path) -> None:
    put(cache, "someone/tiny", tiny.write_immich(tmp_path / "model"))
    found = verify("someone/tiny")
    assert found.ok
    assert found.compared == len(_checks(found, "announced")) > 0
    assert not _checks(found, "golden")
    assert [each.what for each in _checks(found, "sanity")] == SIDES


def test_of_a_folder_nothing_is_compared(tmp_path: Path) -> None:
    folder = tiny.write_immich(tmp_path / "model")
    found = verify(str(folder))
    assert found.ok
    assert found.compared == 0
    assert not found.is_download
    assert found.places == (str(folder),)
    assert all(each.ok for each in _checks(found, "sanity"))


def test_the_starter_is_compared_with_what_was_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verify("starter").ok
    copy = shutil.copytree(starter.DATA, tmp_path / "data")
    (copy / "tokenizer.json").write_text((copy / "tokenizer.json").read_text() + "\n")
    monkeypatch.setattr(starter, "DATA", copy)
    found = verify("starter")
    assert not found.ok
    assert "reinstall safelight" in found.checks[0].detail


def test_a_model_that_is_not_here_says_how_to_fetch_it(cache: Path, poser: Path) -> None:
    with pytest.raises(ModelUnavailable, match="safelight models pull ViT-B-32/openai"):
        verify(NAME)
    (put(cache, EXPORT, poser) / "config.json").unlink()
    with pytest.raises(ModelUnavailable, match="only a part of it"):
        verify(NAME)


def _not_a_number(weights: np.ndarray) -> np.ndarray:
    weights[0] = np.nan
    return weights


@pytest.mark.parametrize(
    ("side", "change", "why"),
    [
        ("visual", _not_a_number, "numbers that are none"),
        ("textual", _not_a_number, "numbers that are none"),
        ("textual", np.ones_like, "all texts have the same vector"),
    ],
)
def test_vectors_that_are_none_need_no_reference(
    tmp_path: Path, side: str, change: Callable[[np.ndarray], np.ndarray], why: str
) -> None:
    folder = tiny.write_immich(tmp_path / "model")
    _change_weights(folder / side / "model.onnx", change)
    found = verify(str(folder))
    (wrong,) = (each for each in found.checks if each.ok is False)
    assert wrong.what == {"visual": "images", "textual": "texts"}[side]
    assert why in wrong.detail


def test_images_that_change_their_neighbours_are_noticed(tmp_path: Path) -> None:
    folder = tiny.write_immich(tmp_path / "model")
    path = folder / "visual" / "model.onnx"
    model = onnx.load(str(path))
    model.graph.node[-1].output[0] = "own"
    model.graph.initializer.append(numpy_helper.from_array(np.float32(0.1), "little"))
    model.graph.node.extend(
        (
            helper.make_node("ReduceMean", ["own"], ["mean"], axes=[0]),
            helper.make_node("Mul", ["mean", "little"], ["share"]),
            helper.make_node("Add", ["own", "share"], ["embedding"]),
        )
    )
    onnx.save(model, str(path))
    wrong = [each for each in verify(str(folder)).checks if each.ok is False]
    assert [each.what for each in wrong] == ["images"]
    assert "alone and among others" in wrong[0].detail


def test_the_length_is_the_catalogues(cache: Path, tmp_path: Path) -> None:
    put(cache, EXPORT, tiny.write_immich(tmp_path / "short"))
    wrong = [each for each in verify(NAME).checks if each.ok is False]
    assert [each.what for each in wrong if each.kind == "sanity"] == SIDES
    assert "vectors have 8 numbers, and should have 512" in wrong[0].detail


def test_files_that_do_not_load_are_an_answer(cache: Path, poser: Path) -> None:
    (poser / "visual" / "model.onnx").write_bytes(b"no graph")
    put(cache, EXPORT, poser)
    found = verify(NAME)
    assert not found.ok
    assert [each.ok for each in _checks(found, "sanity")] == [False]


def test_a_folder_without_a_model_is_none(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="holds no ONNX model"):
        verify(str(tmp_path))


def test_files_are_compared_where_the_model_cannot_be_run(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (devices, installed):
        monkeypatch.setattr(module, "has_torch", lambda: False)
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "siglip", "text_config": 1, '
                                        '"vision_config": 1}')  # fmt: skip
    (folder / "model.safetensors").write_bytes(b"weights")
    put(cache, "someone/torch", folder)
    found = verify("someone/torch#torch")
    assert not found.ok  # what could not be tried is not verified
    assert all(check.ok is not False for check in found.checks)
    assert found.compared == 2
    (check,) = _checks(found, "sanity")
    assert check.ok is None
    assert "safelight[torch]" in check.detail


def test_quantized_weights_are_not_held_to_values_of_others(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny, "DIMENSION", LENGTH)
    folder = tiny.write_transformers_js(
        tmp_path / "quantized", suffix="_quantized", dimension=LENGTH
    )
    put(cache, "Xenova/clip-vit-base-patch32", folder)
    found = verify(f"{NAME}#quantized")
    assert found.ok
    assert {each.ok for each in _checks(found, "golden")} == {None}
    assert "quantized" in _checks(found, "golden")[0].detail


def _exported(folder: Path, dtype: str = "fp32") -> Path:
    (folder / "safelight.json").unlink(missing_ok=True)
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    write_provenance(
        folder,
        Provenance(
            model=NAME, dtype=dtype, original="0" * 64, same_space=False,
            files={name: file_digest(folder / name) for name in names}, measured={},
        ),
    )  # fmt: skip
    return folder


def test_an_export_is_compared_with_what_was_recorded_and_published(poser: Path) -> None:
    found = verify(str(_exported(poser)))
    assert {each.ok for each in _checks(found, "recorded")} == {True}
    assert [each.ok for each in _checks(found, "golden")] == [False, None, None]
    _teach(poser)
    assert not verify(str(poser)).ok
    assert verify(str(_exported(poser))).ok
    (poser / "config.json").unlink()
    wrong = [each for each in verify(str(poser)).checks if each.ok is False]
    assert [(each.what, each.detail) for each in wrong] == [("config.json", "is missing")]


def test_an_export_in_int8_is_not_held_to_published_values(poser: Path) -> None:
    found = verify(str(_exported(poser, "int8")))
    assert found.ok
    assert {each.ok for each in _checks(found, "golden")} == {None}


@pytest.fixture
def embedder(tiny_model: str) -> Embedder:
    found = load_embedder(tiny_model)
    found.logit_scale = 10.0
    return found


def test_a_vector_may_differ_by_the_tolerance_and_in_length(embedder: Embedder) -> None:
    vector = embedder.encode_texts(["a dog"])[0, :5].astype(float)
    off = vector + np.array([9e-4, -9e-4, 0, 0, 0])
    golden = Golden(texts=("a dog",), vector=tuple(off), tolerance=1e-3, source="here")
    assert check_golden(embedder, golden).ok
    assert check_golden(embedder, replace(golden, vector=tuple(7 * vector))).ok
    golden = replace(golden, vector=tuple(vector + np.array([3e-3, -3e-3, 0, 0, 0])))
    assert check_golden(embedder, golden).ok is False
    golden = replace(golden, vector=tuple(-vector))
    assert check_golden(embedder, golden).ok is False


@pytest.mark.parametrize("bias", [None, -3.0])
def test_logits_and_probabilities_of_a_photo(
    embedder: Embedder, make_photo: Callable[..., Path], tmp_path: Path, bias: float | None
) -> None:
    embedder.logit_bias = bias
    frame = decode(make_photo(tmp_path / "red.png").read_bytes())
    texts = ("a dog", "a red cat", "snow")
    image, vectors = embedder.encode_images([frame])[0], embedder.encode_texts(texts)
    logits = 10.0 * (vectors @ image) + (bias or 0)
    shares = np.exp(logits) / np.exp(logits).sum()
    golden = Golden(texts=texts, photo="red.png", tolerance=1e-3, source="here",
                    logits=tuple(map(float, logits)))  # fmt: skip
    assert check_golden(embedder, golden, frame).ok
    assert check_golden(embedder, golden).ok is None
    assert not check_golden(embedder, replace(golden, logits=(1.0, 2.0, 3.0)), frame).ok
    golden = replace(golden, logits=(), probabilities=tuple(map(float, shares)))
    assert check_golden(embedder, golden, frame).ok
    golden = replace(golden, probabilities=tuple(float(each) for each in shares[::-1]))
    check = check_golden(embedder, golden, frame)
    assert check.ok is False
    assert "if the photo that was given is red.png" in check.detail
    embedder.logit_scale = None
    assert check_golden(embedder, golden, frame).ok is None


def test_a_photo_is_told_by_its_digest_or_else_by_its_name(
    cache: Path, poser: Path, tmp_path: Path
) -> None:
    _teach(poser)
    put(cache, EXPORT, poser)
    named = tmp_path / "CLIP.png"
    Image.new("RGB", (60, 40), "teal").save(named)
    of_photos = _checks(verify(NAME, photo=named), "golden")[1:]
    assert [each.what for each in of_photos] == ["000000039769.jpg", "CLIP.png"]
    assert [each.ok for each in of_photos] == [None, False]
    # The digest of this one is known, and other bytes under its name are another photo.
    other = named.rename(tmp_path / "000000039769.jpg")
    with pytest.raises(UsageError, match=r"values of 000000039769.jpg \(http"):
        verify(NAME, photo=other)
    with pytest.raises(UsageError, match="Leave out the photo"):
        verify("starter", photo=other)
    with pytest.raises(UsageError, match="No such file"):
        verify(NAME, photo=tmp_path / "none.jpg")
    (tmp_path / "CLIP.png").write_text("no image")
    with pytest.raises(DecodeError, match=r"CLIP\.png"):
        verify(NAME, photo=tmp_path / "CLIP.png")


def test_a_result_is_json_ready(cache: Path, poser: Path) -> None:
    from dataclasses import asdict

    put(cache, EXPORT, poser)
    assert json.loads(json.dumps(asdict(verify(NAME))))["model"] == NAME
