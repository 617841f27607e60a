from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from safelight.embedding.catalogue import known_models
from safelight.embedding.layouts import VARIANTS
from safelight.embedding.loading import DEFAULT, load_embedder
from safelight.errors import ModelInvalid, ModelUnavailable, UsageError

_DOCS = Path(__file__).parents[2] / "docs" / "models.md"


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


def test_a_text_query_imports_nothing_for_images_or_the_hub(tiny_model: str) -> None:
    script = (
        "import sys; from safelight.embedding.loading import load_embedder\n"
        f"model = load_embedder({tiny_model!r}); model.fingerprint; model.encode_texts(['cat'])\n"
        "print([m for m in ('PIL', 'huggingface_hub', 'tqdm', 'loguru') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_guide_names_every_model_and_variant() -> None:
    guide = _DOCS.read_text("utf-8")
    for model in known_models():
        row = f"| `{model.name}` | `{model.also[0]}` | {model.licence} | {model.megabytes} |"
        assert row in guide
    for variant in VARIANTS:
        assert f"`{variant}`" in guide
