from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from safelight.embedding.catalogue.catalogue import known_models
from safelight.embedding.names import ModelName, absolute_name, parse_model_name, plain_name
from safelight.errors import ModelUnavailable, UsageError

if TYPE_CHECKING:
    from pathlib import Path


_B_32 = ["immich-app/ViT-B-32__openai", "Xenova/clip-vit-base-patch32"]


@pytest.mark.parametrize(
    ("model", "repos"),
    [
        ("ViT-B-32/openai", _B_32),
        ("ViT-B-32__openai", ["immich-app/ViT-B-32__openai"]),
        ("openai/clip-vit-base-patch32", _B_32),
        ("hf-hub:openai/clip-vit-base-patch32", _B_32),
        ("immich-app/ViT-B-32__openai", ["immich-app/ViT-B-32__openai"]),
        ("ViT-L-14/laion2b_s32b_b82k", ["immich-app/ViT-L-14__laion2b-s32b-b82k"]),
        ("RN50/yfcc15m", ["immich-app/RN50__yfcc15m"]),
        (
            "ViT-g-14/laion2b_s12b_b42k",
            ["immich-app/ViT-g-14__laion2b_s12b_b42k", "immich-app/ViT-g-14__laion2b-s12b-b42k"],
        ),
        ("Xenova/mobileclip_s0", ["Xenova/mobileclip_s0"]),
        (
            "hf-hub:laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K",
            [
                "immich-app/ViT-L-14__datacomp_xl_s13b_b90k",
                "immich-app/ViT-L-14__datacomp-xl-s13b-b90k",
            ],
        ),
    ],
)
def test_leads_to_the_hub(model: str, repos: list[str]) -> None:
    name = parse_model_name(model)
    assert (name.name, name.folder, list(name.onnx_repos)) == (model, None, repos)


def test_a_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "ViT-B-32" / "openai"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert parse_model_name("ViT-B-32/openai") == ModelName("openai", folder)
    assert parse_model_name(str(folder)) == ModelName("openai", folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert parse_model_name("~/ViT-B-32/openai").folder == folder


def test_a_mark_chooses_a_variant(tmp_path: Path) -> None:
    name = parse_model_name("Xenova/clip-vit-base-patch32#quantized")
    assert (name.onnx_repos, name.variant) == (("Xenova/clip-vit-base-patch32",), "quantized")
    assert parse_model_name(f"{tmp_path}#fp16") == ModelName(
        f"{tmp_path.name}#fp16", tmp_path, variant="fp16"
    )
    odd = tmp_path / "a#b"
    odd.mkdir()
    assert parse_model_name(str(odd)).folder == odd


@pytest.mark.parametrize(
    "model", ["./missing", "~/missing", "/missing/model", "..", "C:\\models\\x"]
)
def test_a_folder_that_is_missing_is_not_looked_for_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if model == "..":
        model = "../missing"
    with pytest.raises(ModelUnavailable, match="does not exist"):
        parse_model_name(model)


def test_the_home_of_nobody_is_explained() -> None:
    with pytest.raises(ModelUnavailable, match="does not exist"):
        parse_model_name("~nobody-of-this-name/x")


@pytest.mark.parametrize("model", ["", "clip", "ViT-B-32", "a/b/c", "hf-hub:", "a b/c", "#fp16"])
def test_refuses_what_names_no_model(model: str) -> None:
    with pytest.raises(UsageError, match="names no model"):
        parse_model_name(model)


def test_every_id_of_the_catalogue_leads_to_its_model() -> None:
    for entry in known_models():
        if entry.name == "starter":
            continue
        for spelling in entry.ids:
            name = parse_model_name(spelling)
            assert name.known == entry
            assert set(entry.onnx) >= set(name.onnx_repos) or not entry.onnx
            assert name.onnx_repos or name.torch_repos or name.architecture


def test_the_end_of_a_name_chooses_the_runtime() -> None:
    name = parse_model_name("ViT-B-32/openai#torch")
    assert (name.runtimes, name.architecture, name.tag) == (("torch",), "ViT-B-32", "openai")
    assert parse_model_name("ViT-B-32/openai").runtimes == ("onnx", "torch")
    assert parse_model_name("ViT-B-32/openai#onnx").runtimes == ("onnx",)
    assert parse_model_name("a/b#fp16").runtimes == ("onnx",)
    assert plain_name("a/b#torch") == plain_name("a/b") == "a/b"
    assert plain_name("a/b#fp16") == "a/b#fp16"


def test_an_id_for_transformers_is_loaded_with_it() -> None:
    name = parse_model_name("openai/clip-vit-base-patch32#torch")
    assert name.torch_repos == ("openai/clip-vit-base-patch32",)
    assert parse_model_name("ViT-B-32/openai#torch").torch_repos == ()


def test_weights_may_be_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.pt").write_bytes(b"")
    for model in ("ViT-B-32/mine.pt", f"ViT-B-32/{tmp_path}/mine.pt", "ViT-B-32/./mine.pt"):
        name = parse_model_name(model)
        assert (name.architecture, name.checkpoint) == ("ViT-B-32", tmp_path / "mine.pt")
        assert (name.name, name.runtimes) == ("ViT-B-32/mine.pt", ("torch",))
        assert absolute_name(model) == f"ViT-B-32/{tmp_path}/mine.pt"


def test_a_folder_is_kept_by_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "starter"):
        (tmp_path / name).mkdir()
    assert absolute_name("mine") == absolute_name("./mine") == str(tmp_path / "mine")
    assert absolute_name("./mine#fp16") == str(tmp_path / "mine") + "#fp16"
    assert absolute_name("starter") == "starter"
    assert absolute_name("./starter") == str(tmp_path / "starter")
    for name in ("ViT-B-32/openai", "Xenova/x#fp16", "hf-hub:a/b", ""):
        assert absolute_name(name) == name
