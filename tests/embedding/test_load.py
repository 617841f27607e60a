from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from safelight.embedding.catalogue.catalogue import known_models
from safelight.embedding.layouts.onnx import VARIANTS
from safelight.embedding.load import DEFAULT, load_embedder
from safelight.errors import ModelInvalid, ModelUnavailable, UsageError

_ROOT = Path(__file__).parents[2]


def test_the_starter_does_not_run_where_it_cannot() -> None:
    with pytest.raises(UsageError, match="starter model runs on the processor"):
        load_embedder("starter", device="cuda:1")


def test_an_empty_folder_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="holds no ONNX model"):
        load_embedder(str(tmp_path))


def test_a_model_that_is_not_here_is_never_replaced() -> None:
    with pytest.raises(ModelUnavailable) as caught:
        load_embedder(DEFAULT)  # the tests' environment is offline
    assert caught.value.code == "offline"


def test_weights_that_an_architecture_never_had_are_told_with_those_that_it_has() -> None:
    with pytest.raises(ModelUnavailable, match="ViT-L-14/laion2b_s32b_b82k, ") as caught:
        load_embedder("ViT-L-14/laion2b_s34b_b79k#onnx")  # that is ViT-B-32's
    assert "ViT-L-14-336" not in caught.value.message
    with pytest.raises(ModelUnavailable) as caught:
        load_embedder("ViT-L-14/openai")
    assert "Well-known" not in caught.value.message


def test_a_text_query_imports_nothing_for_images_or_the_hub(tiny_model: str) -> None:
    script = (
        "import sys; from safelight.embedding.load import load_embedder\n"
        f"model = load_embedder({tiny_model!r}); model.fingerprint; model.encode_texts(['cat'])\n"
        "heavy = ('PIL', 'huggingface_hub', 'tqdm', 'loguru', 'ssl', 'urllib.request')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_page_on_models_lists_the_catalogue_and_every_variant() -> None:
    page = (_ROOT / "docs" / "models.md").read_text("utf-8")
    table = subprocess.run(
        [sys.executable, _ROOT / "scripts" / "models-table"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert all(f"| `{known.name}` | {known.use_when} |" in table for known in known_models())
    assert f"\n\n{table}\n" in page, "put what scripts/models-table prints into docs/models.md"
    for variant in VARIANTS:
        assert f"`{variant}`" in page
    compared = page.partition("## Verifying")[2]
    for known in known_models():
        assert (f"`{known.name}`" in compared) or not known.golden
