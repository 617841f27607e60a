from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safelight.embedding.catalogue.catalogue import is_permissive, known_models
from safelight.embedding.installed import models as installed
from safelight.embedding.installed.models import (
    all_models,
    find_model,
    is_here,
    names_of,
    removable,
    remove,
    terms_of,
)
from safelight.errors import ModelError, ModelUnavailable, SafelightError, UsageError
from tests.embedding import tiny
from tests.embedding.hub_cache import put

if TYPE_CHECKING:
    from pathlib import Path

NAME = "ViT-B-32/openai"
EXPORT = "immich-app/ViT-B-32__openai"
OPEN_CLIP = "timm/vit_base_patch32_clip_224.openai"
TRANSFORMERS = "openai/clip-vit-base-patch32"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setenv("HF_HUB_CACHE", str(folder))
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny.write_immich(tmp_path / "model")


def _files(folder: Path, **contents: Any) -> Path:
    folder.mkdir()
    for name, content in contents.items():
        path = folder / name.replace("__", ".")
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return folder


def test_the_catalogue_is_listed_and_only_the_starter_is_there(cache: Path) -> None:
    found = all_models()
    assert [each.name for each in found] == [known.name for known in known_models()]
    assert [each.name for each in found if each.is_complete] == ["starter"]
    assert all(each.downloads == () for each in found)
    starter = found[0]
    assert 25e6 < starter.bytes < 35e6


def test_a_cache_that_is_not_there_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "nowhere"))
    assert len(all_models()) == len(known_models())


@pytest.mark.parametrize(
    ("repo", "files", "runtime"),
    [
        (TRANSFORMERS, {"config__json": {}, "model__safetensors": "x" * 99}, "torch"),
        (OPEN_CLIP, {"open_clip_model__safetensors": "x" * 99}, "torch"),
        (OPEN_CLIP, {"open_clip_config__json": {}, "open_clip_model__safetensors": "x"}, "torch"),
        (OPEN_CLIP, {"open_clip_config__json": {}}, None),
        (TRANSFORMERS, {"config__json": {}}, None),
    ],
)
def test_a_known_model_is_found_under_each_of_its_ids(
    cache: Path, tmp_path: Path, repo: str, files: dict[str, Any], runtime: str | None
) -> None:
    folder = _files(tmp_path / "served", **files)
    snapshot = put(cache, repo, folder)
    (found,) = (each for each in all_models() if each.name == NAME)
    (download,) = found.downloads
    assert (download.repo, download.runtime, download.snapshot) == (repo, runtime, snapshot)
    assert found.is_complete == (runtime is not None)
    # What the links lead to counts once, and so does the file that names the snapshot.
    assert found.bytes == sum(path.stat().st_size for path in folder.iterdir()) + 40


def test_an_export_is_found_and_one_that_was_cut_short_is_not_complete(
    cache: Path, model: Path
) -> None:
    snapshot = put(cache, EXPORT, model)
    assert find_model(NAME).downloads[0].runtime == "onnx"
    assert is_here(NAME)
    (snapshot / "textual" / "model.onnx").unlink()
    found = find_model(NAME)
    assert not found.is_complete
    assert found.bytes > 0
    assert not is_here(f"{NAME}#onnx")


def test_other_models_in_the_cache_are_listed_if_they_can_be_loaded(
    cache: Path, tmp_path: Path
) -> None:
    both = {"text_config": {}, "vision_config": {}}
    weights = {"model__safetensors": "x"}
    put(cache, "someone/export", tiny.write_transformers_js(tmp_path / "export", suffix="_fp16"))
    for name, config in {
        "clip": {"model_type": "clip", "projection_dim": 8, **both},
        "siglip": {"model_type": "siglip", **both},
        "chat": {"model_type": "llava", **both},
        "language": {"model_type": "bert"},
        "broken": "{",
    }.items():
        put(cache, f"someone/{name}", _files(tmp_path / name, config__json=config, **weights))
    put(cache, "someone/open", _files(
        tmp_path / "open", open_clip_config__json={}, open_clip_model__safetensors="x"
    ))  # fmt: skip
    (cache / "datasets--someone--photos").mkdir()
    (cache / "version.txt").write_text("1")
    others = all_models()[len(known_models()) :]
    assert [(each.name, each.downloads[0].runtime) for each in others] == [
        ("someone/clip", "torch"),
        ("someone/export", "onnx"),
        ("someone/open", "torch"),
        ("someone/siglip", "torch"),
    ]


def test_what_is_here_is_told_without_the_network(cache: Path, model: Path) -> None:
    assert not is_here(NAME)
    assert not is_here("someone/else#onnx")
    assert is_here("starter")
    assert is_here(str(model))
    with pytest.raises(UsageError):
        is_here("nonsense")


def test_a_folder_is_not_a_download(model: Path) -> None:
    assert find_model(str(model)).downloads == ()


def test_removing_by_name_removes_all_downloads_of_a_model(cache: Path, model: Path) -> None:
    for repo in (EXPORT, TRANSFORMERS, "someone/else", "immich-app/ViT-B-16__openai"):
        put(cache, repo, model)
    found = removable(NAME)
    assert {each.repo for each in found} == {EXPORT, TRANSFORMERS}
    freed = sum(p.lstat().st_size for r in found for p in r.folder.rglob("*")
                if p.is_file() and not p.is_symlink())  # fmt: skip
    assert remove(found) == freed > 0
    assert sorted(path.name for path in cache.iterdir()) == [
        "models--immich-app--ViT-B-16__openai",
        "models--someone--else",
    ]
    with pytest.raises(ModelUnavailable, match="nothing of"):
        removable(NAME)


@pytest.mark.parametrize(
    ("name", "repos"),
    [
        (TRANSFORMERS, {TRANSFORMERS}),
        (f"hf-hub:{TRANSFORMERS}", {TRANSFORMERS}),
        (EXPORT, {EXPORT}),
        (f"{NAME}#onnx", {EXPORT}),
        (f"{NAME}#torch", {TRANSFORMERS}),
        ("someone/else", {"someone/else"}),
    ],
)
def test_removing_by_id_or_runtime_removes_only_that(
    cache: Path, model: Path, tmp_path: Path, name: str, repos: set[str]
) -> None:
    put(cache, EXPORT, model)
    put(cache, "someone/else", model)
    put(cache, TRANSFORMERS, _files(tmp_path / "t", config__json={}, model__safetensors="x"))
    assert {each.repo for each in removable(name)} == repos


def test_a_download_that_was_cut_short_is_removed_too(cache: Path) -> None:
    part = cache / "models--someone--half" / "blobs" / "abc.incomplete"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(1000))
    assert remove(removable("someone/half")) == 1000
    assert list(cache.iterdir()) == []


def test_what_is_not_a_download_is_not_removed(cache: Path, model: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"x")
    for own in (str(model), f"{model}#onnx", f"ViT-B-32/{weights}", "starter"):
        with pytest.raises(UsageError, match=r"left alone|cannot be removed"):
            removable(own)
    put(cache, "someone/else", model)
    with pytest.raises(UsageError, match="Leave out #fp16"):
        removable("someone/else#fp16")
    assert weights.exists()
    assert (model / "config.json").exists()


def test_links_are_not_followed_out_of_the_cache(cache: Path, model: Path, tmp_path: Path) -> None:
    # A whole model that somebody keeps on another disk.
    elsewhere = tmp_path / "other disk"
    put(elsewhere, "someone/moved", model)
    moved = elsewhere / "models--someone--moved"
    (cache / moved.name).symlink_to(moved)
    before = sorted(moved.rglob("*"))
    with pytest.raises(ModelError, match="leads out of the hub's cache"):
        remove(removable("someone/moved"))
    assert sorted(moved.rglob("*")) == before
    # Links inside a model.
    snapshot = put(cache, "someone/linked", model)
    (snapshot / "mine").symlink_to(model)
    remove(removable("someone/linked"))
    assert not (cache / "models--someone--linked").exists()
    assert (model / "visual" / "model.onnx").exists()


def test_a_cache_that_is_a_link_itself_is_the_cache(
    cache: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(cache, "someone/else", model)
    (tmp_path / "link").symlink_to(cache)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "link"))
    assert remove(removable("someone/else")) > 0
    assert list(cache.iterdir()) == []


def test_one_that_cannot_be_removed_is_named(
    cache: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(cache, "someone/else", model)
    found = removable("someone/else")

    def refuse(path: Path, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            raise PermissionError(13, "Permission denied", str(path / "blobs"))

    monkeypatch.setattr(installed.shutil, "rmtree", refuse)  # root may remove anything
    with pytest.raises(ModelError, match=r"blobs cannot be removed: Permission denied"):
        remove(found)


@given(st.text(alphabet="abv-./#:\\_ ", max_size=24))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_no_name_leads_out_of_the_cache(cache: Path, name: str) -> None:
    (cache / "models--a--b" / "blobs").mkdir(parents=True, exist_ok=True)
    try:
        found = removable(name)
    except SafelightError:
        return
    assert {each.folder.resolve() for each in found} == {(cache / "models--a--b").resolve()}


def test_a_model_has_many_names() -> None:
    assert {NAME, EXPORT, TRANSFORMERS} <= names_of(NAME)
    assert names_of(f"{NAME}#torch") == names_of(f"hf-hub:{EXPORT}") == names_of(NAME)
    assert names_of("someone/else#onnx") == {"someone/else"}


def test_terms_of_a_known_model_need_no_network() -> None:
    terms = terms_of("Xenova/mobileclip_s0")
    assert (terms.licence, terms.permissive, terms.megabytes) == ("apple-amlr", False, 215)
    assert terms_of(TRANSFORMERS).permissive
    with pytest.raises(ModelUnavailable, match="HF_HUB_OFFLINE"):
        terms_of("someone/else")


@pytest.mark.parametrize(
    ("licence", "free"),
    [("mit", True), ("Apache-2.0", True), ("cc-by-nc-4.0", False), ("other", False), (None, False)],
)
def test_only_licences_that_allow_any_use_are_permissive(licence: str | None, free: bool) -> None:
    assert is_permissive(licence) == free


def test_the_catalogue_and_the_hub_agree_on_what_is_permissive() -> None:
    for known in known_models():
        assert known.permissive == is_permissive(known.licence)


def test_weights_for_pytorch_without_it_are_reported_everywhere_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safelight.embedding import devices, load
    from safelight.embedding.installed import models as installed
    from safelight.embedding.installed import verify as verifying
    from safelight.errors import ModelUnavailable

    cache = tmp_path / "hub"
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    for module in (devices, load, installed):
        monkeypatch.setattr(module, "has_torch", lambda: False)
    repo = "openai/clip-vit-base-patch32"
    source = tmp_path / "weights"
    source.mkdir()
    config = {"model_type": "clip", "text_config": {}, "vision_config": {}, "projection_dim": 512}
    (source / "config.json").write_text(json.dumps(config))
    for name in ("preprocessor_config.json", "tokenizer.json", "vocab.json", "merges.txt"):
        (source / name).write_text("{}")
    (source / "model.safetensors").write_bytes(b"x" * 99)
    put(cache, repo, source)
    (listed,) = [each for each in installed.all_models() if each.name == "ViT-B-32/openai"]
    assert listed.is_complete
    for name in ("ViT-B-32/openai", repo):
        assert "safelight[torch]" in str(installed.find_model(name).lacking)
        assert not installed.is_here(name)
        for options in ({}, {"local_files_only": True}):
            with pytest.raises(ModelUnavailable, match="PyTorch") as told:
                load.load_embedder(name, **options)
            assert "safelight[torch]" in str(told.value)
        assert not verifying.verify(name).ok
    assert "safelight[torch]" in str(load.default_model().note)
