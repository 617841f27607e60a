from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from safelight.embedding.names import ModelName, absolute_name, known_models, parse_model_name
from safelight.errors import ModelUnavailable, UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("model", "repos"),
    [
        ("ViT-B-32/openai", ["immich-app/ViT-B-32__openai"]),
        ("ViT-B-32__openai", ["immich-app/ViT-B-32__openai"]),
        ("openai/clip-vit-base-patch32", ["immich-app/ViT-B-32__openai"]),
        ("hf-hub:openai/clip-vit-base-patch32", ["immich-app/ViT-B-32__openai"]),
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
            ["laion/CLIP-ViT-L-14-DataComp.XL-s13B-b90K"],
        ),
    ],
)
def test_leads_to_the_hub(model: str, repos: list[str]) -> None:
    name = parse_model_name(model)
    assert (name.name, name.folder, list(name.repos)) == (model, None, repos)


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
    assert (name.repos, name.variant) == (("Xenova/clip-vit-base-patch32",), "quantized")
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


@pytest.mark.parametrize("model", ["", "clip", "ViT-B-32", "a/b/c", "hf-hub:", "a b/c", "#fp16"])
def test_refuses_what_names_no_model(model: str) -> None:
    with pytest.raises(UsageError, match="names no model"):
        parse_model_name(model)


def test_known_models_are_consistent() -> None:
    names = [n for entry in known_models() for n in (entry.name, entry.repo, *entry.also)]
    assert len(names) == len(set(names))
    for entry in known_models():
        assert parse_model_name(entry.name).repos == (entry.repo,)
        assert entry.licence in {"MIT", "Apache-2.0"}
        assert 100 < entry.megabytes < 5000
        assert entry.logit_scale in (None, 100.0)


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
