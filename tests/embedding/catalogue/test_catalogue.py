"""The catalogue as a file: its keys and types, and that its entries do not contradict themselves.

Comparing with open_clip needs the ``parity`` extra. Without it those tests are skipped, unless
SAFELIGHT_TEST_PARITY says that they must run.
"""

from __future__ import annotations

import importlib.util
import os
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import safelight.embedding

if TYPE_CHECKING:
    from collections.abc import Callable

_MISSING = [name for name in ("open_clip",) if importlib.util.find_spec(name) is None]
if _MISSING and os.environ.get("SAFELIGHT_TEST_PARITY") == "1":
    raise ImportError(f"SAFELIGHT_TEST_PARITY is 1, but {', '.join(_MISSING)} is missing")

_TEXT = Path(safelight.embedding.__path__[0], "catalogue", "catalogue.toml").read_text("utf-8")
_MODELS: list[dict[str, Any]] = tomllib.loads(_TEXT)["models"]

_REQUIRED = {
    "name": str,
    "onnx": list,
    "dimension": int,
    "image_size": int,
    "megabytes": int,
    "context": int,
    "licence": str,
    "permissive": bool,
    "languages": str,
    "trained_on": str,
    "use_when": str,
}
_OPTIONAL = {
    "layout": str,
    "torch": str,
    "transformers": str,
    "also": list,
    "parameters": float,
    "imagenet": float,
    "retrieval": float,
    "source": str,
    "logit_scale": float,
    "checksums": dict,
    "golden": list,
}
_FREE = {"MIT", "Apache-2.0"}
_RESEARCH_ONLY = {"apple-amlr", "CC-BY-NC-4.0"}


def needs_open_clip(test: Callable[[], None]) -> Callable[[], None]:
    """Mark a test that compares with open_clip."""
    missing = pytest.mark.skipif(bool(_MISSING), reason=f"the parity extra is missing: {_MISSING}")
    quiet = pytest.mark.filterwarnings("ignore")  # PyTorch's own
    return pytest.mark.parity(missing(quiet(test)))


each_model = pytest.mark.parametrize("model", _MODELS, ids=lambda model: model["name"])


def _ids(model: dict[str, Any]) -> set[str]:
    # A model that is on the hub alone has its id there for a name, so an id may come up twice.
    single = {model[key] for key in ("name", "torch", "transformers") if key in model}
    return {*single, *model["onnx"], *model.get("also", ())}


@each_model
def test_keys_are_known_and_of_their_type(model: dict[str, Any]) -> None:
    assert _REQUIRED.keys() <= model.keys() <= _REQUIRED.keys() | _OPTIONAL.keys()
    types = _REQUIRED | _OPTIONAL
    assert {key: type(value) for key, value in model.items()} == {key: types[key] for key in model}
    assert all(isinstance(one, str) for key in ("onnx", "also") for one in model.get(key, ()))


def test_no_two_models_share_a_name_or_an_id() -> None:
    counts = Counter(one for model in _MODELS for one in _ids(model))
    assert [one for one, count in counts.items() if count > 1] == []


@each_model
def test_ids_look_like_ids(model: dict[str, Any]) -> None:
    wrong = [one for one in _ids(model) if not re.fullmatch(r"[\w.-]+/[\w.-]+", one)]
    assert wrong == (["starter"] if model["name"] == "starter" else [])
    assert len(set(model["onnx"])) == len(model["onnx"])


@each_model
def test_somewhere_to_load_it_from(model: dict[str, Any]) -> None:
    where = [model.get(key) for key in ("onnx", "torch", "transformers")]
    assert any(where) != (model["name"] == "starter")


@each_model
def test_layout_is_that_of_the_first_export(model: dict[str, Any]) -> None:
    owner = model["onnx"][0].partition("/")[0] if model["onnx"] else None
    layouts = {
        None: None,
        "immich-app": "immich",
        "Xenova": "transformers.js",
        "onnx-community": "transformers.js",
    }
    assert model.get("layout") == layouts[owner]
    if owner == "immich-app":  # it calls its exports by open_clip's names
        theirs = model["onnx"][0].removeprefix("immich-app/").replace("_", "-")
        assert theirs.lower() == model["name"].replace("/", "--").replace("_", "-").lower()


@each_model
def test_megabytes_follow_from_parameters(model: dict[str, Any]) -> None:
    if model["name"] == "starter":
        assert "parameters" not in model  # its files are not float32
    else:
        assert model["megabytes"] == round(model["parameters"] * 4)


@each_model
def test_only_free_licences_are_permissive(model: dict[str, Any]) -> None:
    assert model["licence"] in _FREE | _RESEARCH_ONLY
    assert model["permissive"] == (model["licence"] in _FREE)
    assert not (model["permissive"] and "mobileclip" in model["name"].lower())


@each_model
def test_figures_are_percentages_and_say_where_they_are_from(model: dict[str, Any]) -> None:
    figures = [model[key] for key in ("imagenet", "retrieval") if key in model]
    assert all(1 < figure < 100 for figure in figures)
    assert bool(figures) == bool(model.get("source"))


@each_model
def test_one_line_says_when_to_use_it(model: dict[str, Any]) -> None:
    line = model["use_when"]
    assert 1 <= len(line) <= 80
    assert line == line.strip()
    assert "\n" not in line


@each_model
def test_use_when_tells_of_pytorch_and_of_limits(model: dict[str, Any]) -> None:
    if model["name"] != "starter":
        assert ("PyTorch" in model["use_when"]) == (not model["onnx"])
    limited = re.match(r"Research only|Not for commercial use", model["use_when"])
    assert bool(limited) == (not model["permissive"])


@each_model
def test_checksums_are_sha256(model: dict[str, Any]) -> None:
    for file, digest in model.get("checksums", {}).items():
        assert re.fullmatch(r"[\w.-]+\.(pt|bin|safetensors|onnx)", file)
        assert re.fullmatch(r"[0-9a-f]{64}", digest)


@each_model
def test_golden_values_are_of_one_kind_and_say_where_they_are_from(model: dict[str, Any]) -> None:
    for each in model.get("golden", ()):
        (kind,) = {"vector", "logits", "probabilities"} & each.keys()
        wanted = {"texts", "tolerance", "source", kind}
        if kind == "vector":
            assert each.keys() == wanted
            assert len(each["texts"]) == 1
            assert sum(number**2 for number in each["vector"]) < 1
        else:
            assert each.keys() - {"photo_sha256"} == wanted | {"photo", "photo_url"}
            assert each["photo_url"].endswith("/" + each["photo"])
            assert len(each[kind]) == len(each["texts"])
            # Another model must not pass by chance.
            spread = max(each[kind]) - min(each[kind])
            assert 0 < each["tolerance"] < spread / 100
        if kind == "probabilities":
            assert sum(each[kind]) == pytest.approx(1, abs=1e-6)
        if "photo_sha256" in each:
            assert re.fullmatch(r"[0-9a-f]{64}", each["photo_sha256"])


def test_no_two_files_share_a_checksum() -> None:
    digests = [one for model in _MODELS for one in model.get("checksums", {}).values()]
    assert digests
    assert len(set(digests)) == len(digests)


@needs_open_clip
def test_open_clip_knows_these_names_and_weights() -> None:
    import open_clip
    from open_clip.pretrained import get_pretrained_cfg

    listed = {"/".join(pair) for pair in open_clip.list_pretrained()}
    for model in _MODELS:
        name = model["name"]
        if "torch" not in model:  # then the name is the hub's own, or the starter's
            assert name in {"starter", model.get("transformers"), *model["onnx"]}
            continue
        assert name in listed
        weights = get_pretrained_cfg(*name.split("/"))
        assert weights["hf_hub"].strip("/") == model["torch"]
        for alias in model.get("also", ()):
            if alias.endswith("/openai"):
                assert alias in listed
                assert get_pretrained_cfg(*alias.split("/"))["url"] == weights["url"]
        for file, digest in model.get("checksums", {}).items():
            if file.endswith(".pt"):
                assert weights["url"].endswith(f"/{digest}/{file}")


@needs_open_clip
def test_open_clip_builds_these_sizes() -> None:
    import open_clip

    for model in _MODELS:
        if "torch" in model:
            config = open_clip.get_model_config(model["name"].partition("/")[0])
            assert config["embed_dim"] == model["dimension"], model["name"]
            assert config["vision_cfg"]["image_size"] == model["image_size"], model["name"]
            assert config["text_cfg"].get("context_length", 77) == model["context"], model["name"]
