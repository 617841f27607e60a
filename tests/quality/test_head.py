from __future__ import annotations

import contextlib
import json
import pickle
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.errors import ModelError, ModelInvalid, ModelUnavailable
from safelight.quality import tensors
from safelight.quality.head import Head
from safelight.quality.picture import Picture
from safelight.quality.tensors import read_tensors

if TYPE_CHECKING:
    from pathlib import Path


def safetensors(arrays: dict[str, np.ndarray], about: dict[str, str] | None = None) -> bytes:
    """Write the format, as it is described."""
    header: dict[str, object] = {"__metadata__": about} if about else {}
    data = b""
    for name, array in arrays.items():
        kind = {"float64": "F64", "float32": "F32", "float16": "F16", "uint16": "BF16"}
        header[name] = {
            "dtype": kind[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + array.nbytes],
        }
        data += array.tobytes()
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def _layers(*sizes: int, names: str = "layers.{}") -> dict[str, np.ndarray]:
    chance = np.random.default_rng(len(sizes))
    arrays = {}
    for index, (wide, out) in enumerate(pairwise(sizes)):
        # LAION's layers are those of a sequence with other things between them.
        name = names.format(2 * index)
        arrays[f"{name}.weight"] = chance.standard_normal((out, wide)).astype(np.float32)
        arrays[f"{name}.bias"] = chance.standard_normal(out).astype(np.float32)
    return arrays


def _unit(size: int = 12, seed: int = 7) -> np.ndarray:
    vector = np.random.default_rng(seed).standard_normal(size)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _picture(embedding: np.ndarray | None, fingerprint: str = "f") -> Picture:
    return Picture.of(np.zeros((8, 8), np.uint8), embedding=embedding, fingerprint=fingerprint)


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_a_sequence_of_layers_as_laions_predictors_have_it(tmp_path: Path, kind: str) -> None:
    arrays = _layers(12, 9, 5, 3, 1)
    path = tmp_path / f"head.{kind}"
    if kind == "npz":
        np.savez(path, **arrays)
    else:
        path.write_bytes(safetensors(arrays))
    x = _unit().astype(float)
    for index in range(4):
        x = arrays[f"layers.{2 * index}.weight"] @ x + arrays[f"layers.{2 * index}.bias"]
    head = Head.load(path)
    found = head.measure(_picture(_unit()))
    assert head.dimension == 12
    assert found.status == "ok"
    assert found.value == pytest.approx(float(x[0]), rel=1e-9)
    assert found.score == pytest.approx(min(1, max(0, (float(x[0]) - 1) / 9)))


def test_a_single_linear_layer(tmp_path: Path) -> None:
    arrays = {"weight": _unit()[None], "bias": np.array([4.0], np.float32)}
    (tmp_path / "linear.safetensors").write_bytes(safetensors(arrays))
    found = Head.load(tmp_path / "linear.safetensors").measure(_picture(_unit()))
    assert found.value == pytest.approx(5, abs=1e-6)
    assert found.score == pytest.approx(4 / 9, abs=1e-6)


def test_more_than_ten_layers_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    arrays = _layers(*[2] * 12, 1, names="{}")
    np.savez(tmp_path / "deep.npz", **dict(sorted(arrays.items())))
    x = _unit(2).astype(float)
    for index in range(12):
        x = arrays[f"{2 * index}.weight"] @ x + arrays[f"{2 * index}.bias"]
    head = Head.load(tmp_path / "deep.npz")
    assert head(_unit(2)) == pytest.approx(float(x[0]), rel=1e-9)


def test_what_the_file_says_about_itself_counts(tmp_path: Path) -> None:
    arrays = _layers(12, 4, 1)
    about = {"activation": "relu", "low": "-2", "high": "3", "licence": "MIT", "fingerprint": "f"}
    (tmp_path / "h.safetensors").write_bytes(safetensors(arrays, about))
    np.savez(tmp_path / "h.npz", **arrays, **{key: np.array(text) for key, text in about.items()})
    hidden = np.maximum(arrays["layers.0.weight"] @ _unit() + arrays["layers.0.bias"], 0)
    value = float((arrays["layers.2.weight"] @ hidden + arrays["layers.2.bias"])[0])
    for name in ("h.safetensors", "h.npz"):
        head = Head.load(tmp_path / name)
        found = head.measure(_picture(_unit()))
        assert found.value == pytest.approx(value, rel=1e-5)
        assert found.score == pytest.approx(min(1, max(0, (value + 2) / 5)), rel=1e-5)
        assert found.details == {"licence": "MIT"}
        assert "another model" in str(head.measure(_picture(_unit(), "g")).reason)


def test_halves_and_brain_floats_are_widened(tmp_path: Path) -> None:
    exact = np.array([[1.5, -2.0, 0.25]], np.float32)
    for name, stored in (
        ("f16", exact.astype(np.float16)),
        ("bf16", (exact.view(np.uint32) >> 16).astype(np.uint16)),
        ("f64", exact.astype(np.float64)),
    ):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(safetensors({"weight": stored}))
        assert np.array_equal(Head.load(path).layers[0][0], exact)


def test_what_does_not_fit_is_skipped(tmp_path: Path) -> None:
    np.savez(tmp_path / "h.npz", **_layers(12, 1))
    head = Head.load(tmp_path / "h.npz")
    assert "not embedded" in str(head.measure(_picture(None)).reason)
    found = head.measure(_picture(_unit(13)))
    assert found.status == "skipped"
    assert "13 numbers, the head takes 12" in str(found.reason)


def test_another_file_is_another_version(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **_layers(12, 1))
    np.savez(tmp_path / "b.npz", **_layers(12, 3, 1))
    versions = {Head.load(tmp_path / name).version for name in ("a.npz", "b.npz")}
    assert len(versions) == 2


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({}, "give one number"),
        (_layers(12, 2), "give one number"),
        ({"layers.0.weight": np.ones((3, 4)), "layers.1.weight": np.ones((1, 2))}, "does not fit"),
        ({"bias": np.ones(1)}, "does not fit"),
        ({"weight": np.ones(3)}, "does not fit"),
        ({"weight": np.ones((1, 3)), "bias": np.ones(2)}, "impossible weight or bias"),
        ({"weight": np.full((1, 3), np.nan)}, "impossible weight or bias"),
        ({"conv1": np.ones((1, 3))}, "not a layer of a head"),
        ({"a.weight": np.ones((1, 3)), "b.weight": np.ones((1, 3))}, "not a layer of a head"),
        ({"weight": np.ones((1, 3)), "activation": np.array("swish")}, "activation is 'swish'"),
        ({"weight": np.ones((1, 3)), "low": np.array("much")}, "should be numbers"),
        ({"weight": np.ones((1, 3)), "low": np.array("11")}, "below high"),
        ({"weight": np.ones((1, 3), np.int64)}, "of type int64"),
    ],
)
def test_what_is_not_a_head_is_refused(tmp_path: Path, arrays, says: str) -> None:
    np.savez(tmp_path / "h.npz", **arrays)
    with pytest.raises(ModelInvalid, match=says):
        Head.load(tmp_path / "h.npz")


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    for name in ("head.pth", "head.pt", "head.pkl", "head.bin"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap()))
        with pytest.raises(ModelInvalid, match=r"Save its tensors as \.safetensors"):
            Head.load(tmp_path / name)
    np.savez(tmp_path / "head.npz", weight=np.array([Trap()], dtype=object))
    with pytest.raises(ModelInvalid, match="more than arrays"):
        Head.load(tmp_path / "head.npz")


def test_a_missing_file_is_unavailable_and_another_kind_invalid(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="No such file"):
        Head.load(tmp_path / "none.npz")
    (tmp_path / "head.txt").write_text("weights")
    with pytest.raises(ModelInvalid, match="neither"):
        Head.load(tmp_path / "head.txt")


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", weight=np.zeros((1, 100_000)))
    monkeypatch.setattr(tensors, "MAX_BYTES", 10_000)
    with pytest.raises(ModelInvalid, match="unpacks to more"):
        Head.load(tmp_path / "bomb.npz")
    (tmp_path / "large.safetensors").write_bytes(bytes(10_001))
    with pytest.raises(ModelInvalid, match="is larger than"):
        Head.load(tmp_path / "large.safetensors")


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_a_damaged_file_is_refused_or_read_but_never_crashes(tmp_path_factory, data) -> None:
    suffix = data.draw(st.sampled_from(["npz", "safetensors"]))
    path = tmp_path_factory.mktemp("heads") / f"h.{suffix}"
    if suffix == "npz":
        np.savez_compressed(path, **_layers(4, 2, 1))
        whole = bytearray(path.read_bytes())
    else:
        whole = bytearray(safetensors(_layers(4, 2, 1), {"licence": "MIT"}))
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with contextlib.suppress(ModelError):
        read_tensors(path)
        Head.load(path)
