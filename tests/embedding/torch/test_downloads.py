"""PyTorch models by their names on the hub, from a server on this machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pytest

from safelight.embedding.load import load_embedder
from tests.embedding import tiny
from tests.embedding.hub_server import Hub
from tests.embedding.hub_user import run
from tests.embedding.torch import random_models
from tests.embedding.torch.random_models import CLIP_PREPROCESSING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TEXT = "A red cat’s photo"

SMALL: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8},
    "text_cfg": {"vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
_SIDE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
         "num_attention_heads": 2, "projection_dim": 16}  # fmt: skip

# One process for many models, since importing open_clip and transformers takes seconds. What is
# said becomes a request, so that the server knows when. open_clip's own table says where weights
# lie and how they were trained; the architecture is a small one in place of its own.
_LOAD_ALL = f"""
import json, os, sys
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen
from safelight.embedding.load import load_embedder
from safelight.errors import SafelightError

jobs = json.loads(sys.argv[1])
if any(model.startswith("ViT-B-32") for model, _ in jobs):
    import open_clip
    open_clip.factory._MODEL_CONFIGS["ViT-B-32"] = {SMALL}

def signal(path):
    try:
        urlopen(os.environ["HF_ENDPOINT"] + path)
    except HTTPError:
        pass

results = []
for number, (model, options) in enumerate(jobs):
    signal(f"/job/{{number}}")
    said = []
    def tell(message):
        said.append(message)
        signal("/said/" + quote(model))
    try:
        embedder = load_embedder(model, device="cpu", tell=tell, **options)
        result = {{"runtime": embedder.where.runtime, "print": embedder.fingerprint,
                  "vector": embedder.encode_texts([{TEXT!r}])[0].tolist()}}
    except SafelightError as error:
        result = {{"code": error.code, "message": str(error)}}
    results.append(result | {{"said": said}})
print(json.dumps(results))
"""

CLIP, SHARDED, BOTH = "someone/clip", "someone/sharded", "someone/both"
OPEN_CLIP, MULTILINGUAL = "hf-hub:someone/openclip", "hf-hub:someone/siglip"
TAG, IMMICH = "ViT-B-32/openai", "immich-app/ViT-B-32__openai"
TAG_REPO = "timm/vit_base_patch32_clip_224.openai"
MODELS = [CLIP, SHARDED, BOTH, f"{BOTH}#torch", OPEN_CLIP, MULTILINGUAL, TAG, f"{TAG}#torch"]
ABSENT = ["someone/absent", "ViT-B-16/openai#torch", "hf-hub:someone/absent"]
RESTRICTED, RESTRICTED_REPO = "MobileCLIP2-S0/dfndr2b", "timm/MobileCLIP2-S0-OpenCLIP"
TAGS = {
    CLIP: ["clip", "license:cc-by-nc-4.0"],
    SHARDED: ["license:apache-2.0"],
    RESTRICTED_REPO: ["license:mit"],
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with models, as repositories have them."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    root = tmp_path_factory.mktemp("served")
    ends = {"bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407}
    config = CLIPConfig(
        text_config=_SIDE | ends, vision_config=_SIDE | {"patch_size": 32}, projection_dim=16
    )
    model = CLIPModel(config)
    folders = {CLIP: root / "clip", SHARDED: root / "sharded"}
    for folder in folders.values():
        random_models.write_clip_tokenizer(folder)
        random_models.write_transformers(folder, model, CLIPImageProcessorPil())
    (folders[CLIP] / "pytorch_model.bin").write_bytes(b"the same once more")
    (folders[CLIP] / "README.md").write_text("for people")
    (folders[SHARDED] / "model.safetensors").unlink()
    model.save_pretrained(folders[SHARDED], max_shard_size="2MB")
    assert len(_shards(folders[SHARDED])) > 1

    own = _with_own_tokenizer(root / "siglip")
    for name, cfg in (("openclip", SMALL), ("siglip", own), ("both", SMALL)):
        model = random_models.build_open_clip(cfg)
        folders[f"someone/{name}"] = random_models.write_open_clip(
            root / name, model, cfg, CLIP_PREPROCESSING
        )
    tiny.write_immich(folders[BOTH])
    folders[IMMICH] = tiny.write_immich(root / "immich")
    folders[RESTRICTED_REPO] = root / "restricted"
    folders[RESTRICTED_REPO].mkdir()
    (folders[RESTRICTED_REPO] / "open_clip_model.safetensors").write_bytes(b"no weights")
    return folders


def _with_own_tokenizer(folder: Path) -> dict[str, Any]:
    tokens = random_models.write_unigram_tokenizer(folder, [TEXT, "other words"] * 20, 16)
    text = {"hf_tokenizer_name": "someone/siglip", "tokenizer_kwargs": {"clean": "canonicalize"},
            "context_length": 16, "vocab_size": tokens}  # fmt: skip
    return SMALL | {"text_cfg": SMALL["text_cfg"] | text}


def _shards(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("model-*-of-*.safetensors"))


@pytest.fixture(scope="module")
def tag_vectors(served: dict[str, Path]) -> tuple[np.ndarray, np.ndarray]:
    """Serve weights as OpenAI's, and embed TEXT with them as open_clip itself does.

    The second vector is what would come without the quick GELU that these were trained with.
    """
    import open_clip
    import torch

    tokens = open_clip.get_tokenizer("ViT-B-32")([TEXT])
    model, other = (random_models.build_open_clip(SMALL | {"quick_gelu": q}) for q in (True, False))
    folder = served[CLIP].parent / "tag"
    served[TAG_REPO] = random_models.write_open_clip(folder, model, SMALL, CLIP_PREPROCESSING)
    with torch.inference_mode():
        right, wrong = (each.encode_text(tokens, normalize=True)[0] for each in (model, other))
    return right.numpy(), wrong.numpy()


@dataclass(frozen=True)
class Fetched:
    """Results of loading each of MODELS: from the hub, and from the cache in two ways."""

    first: dict[str, dict[str, Any]]
    local: dict[str, dict[str, Any]]
    offline: dict[str, dict[str, Any]]
    requests: list[str]
    later: list[str]

    def files(self, repo: str) -> set[str]:
        """The files of a repository that were asked for."""
        start = f"/{repo}/resolve/main/"
        return {path.removeprefix(start) for path in self.requests if path.startswith(start)}


@pytest.fixture(scope="module")
def fetched(
    served: dict[str, Path],
    tag_vectors: tuple[np.ndarray, np.ndarray],
    tmp_path_factory: pytest.TempPathFactory,
) -> Fetched:
    home = tmp_path_factory.mktemp("home")
    fetching = [(model, {}) for model in (*MODELS, RESTRICTED)]
    locally = [(model, {"local_files_only": True}) for model in MODELS]
    with Hub(served, tags=TAGS) as hub:
        results = _load_all([*fetching, *locally], hub.url, home)
        offline = _load_all(
            [(model, {}) for model in (*MODELS, *ABSENT)], hub.url, home, HF_HUB_OFFLINE="1"
        )
        paths = [path for _, path, _ in hub.requests]
    end = paths.index(f"/job/{len(fetching)}")
    return Fetched(
        first=dict(zip((*MODELS, RESTRICTED), results, strict=False)),
        local=dict(zip(MODELS, results[len(fetching) :], strict=True)),
        offline=dict(zip((*MODELS, *ABSENT), offline, strict=True)),
        requests=paths[:end],
        later=[path for path in paths[end:] if not path.startswith("/job/")],
    )


@pytest.mark.parametrize("model", [CLIP, SHARDED, OPEN_CLIP, MULTILINGUAL, BOTH, f"{BOTH}#torch"])
def test_a_model_of_the_hub_is_the_one_of_its_folder(
    fetched: Fetched, served: dict[str, Path], model: str
) -> None:
    name, mark, runtime = model.removeprefix("hf-hub:").partition("#")
    there = load_embedder(f"{served[name]}{mark}{runtime}", device="cpu")
    result = fetched.first[model]
    assert result["print"] == there.fingerprint
    assert result["runtime"] == there.where.runtime
    np.testing.assert_allclose(result["vector"], there.encode_texts([TEXT])[0], atol=1e-6)


def test_weights_that_open_clip_knows(
    fetched: Fetched, tag_vectors: tuple[np.ndarray, np.ndarray]
) -> None:
    result = fetched.first[f"{TAG}#torch"]
    assert result["runtime"] == "torch"
    right, wrong = (float(np.dot(result["vector"], vector)) for vector in tag_vectors)
    assert right > 0.99999 > wrong
    assert fetched.files(TAG_REPO) == {"open_clip_model.safetensors"}


def test_the_name_says_which_of_two_runs_it(fetched: Fetched) -> None:
    for model in (BOTH, TAG):
        assert fetched.first[model]["runtime"] == "onnx"
        assert fetched.first[f"{model}#torch"]["runtime"] == "torch"
        assert fetched.first[model]["print"] != fetched.first[f"{model}#torch"]["print"]


def test_only_what_is_needed_is_fetched(fetched: Fetched) -> None:
    assert fetched.files(CLIP).isdisjoint({"pytorch_model.bin", "README.md"})
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= fetched.files(CLIP)


@pytest.mark.parametrize("model", MODELS)
def test_what_was_fetched_needs_no_network(fetched: Fetched, model: str) -> None:
    once = fetched.first[model] | {"said": []}
    assert "vector" in once
    assert fetched.local[model] == once
    assert fetched.offline[model] == once
    assert fetched.later == []


@pytest.mark.parametrize("model", ABSENT)
def test_what_is_not_there_is_said_offline(fetched: Fetched, model: str) -> None:
    result = fetched.offline[model]
    assert result["code"] == "offline"
    assert model in result["message"]
    assert "HF_HUB_OFFLINE" in result["message"]


# The catalogue knows MobileCLIP2's licence, whatever the hub says; of others the hub tells.
@pytest.mark.parametrize(
    ("model", "repo", "warning"),
    [
        (RESTRICTED, RESTRICTED_REPO, f"The licence of {RESTRICTED} is apple-amlr"),
        (CLIP, CLIP, f"The licence of {CLIP} is cc-by-nc-4.0"),
        (OPEN_CLIP, "someone/openclip", "someone/openclip does not say under which licence"),
        (SHARDED, SHARDED, None),
    ],
)
def test_licences_are_told_before_anything_is_fetched(
    fetched: Fetched, model: str, repo: str, warning: str | None
) -> None:
    *warnings, announced = fetched.first[model]["said"]
    assert len(warnings) == (warning is not None)
    assert all(text.startswith(str(warning)) for text in warnings)
    assert announced.startswith(f"Fetching {model} (")
    said = [n for n, path in enumerate(fetched.requests) if path == f"/said/{quote(model)}"]
    taken = [n for n, path in enumerate(fetched.requests) if path.startswith(f"/{repo}/resolve/")]
    assert len(said) == len(warnings) + 1
    assert max(said) < min(taken)


def test_a_download_that_ends_between_two_shards(served: dict[str, Path], tmp_path: Path) -> None:
    last = _shards(served[SHARDED])[-1]
    home = tmp_path / "home"
    with Hub(served, refused={last: 500}) as hub:
        (cut,) = _load_all([(SHARDED, {})], hub.url, home)
        assert cut["code"] == "unreachable"
        for each in (SHARDED, last, str(home / "hub"), "its folder"):
            assert each in cut["message"]
        hub.refused.clear()
        hub.requests.clear()
        (again,) = _load_all([(SHARDED, {})], hub.url, home)
        assert "vector" in again, again
        taken = {path for method, path, _ in hub.requests if method == "GET" and "model-" in path}
    assert taken == {f"/{SHARDED}/resolve/main/{last}"}


def _load_all(
    jobs: Sequence[tuple[str, dict[str, Any]]], url: str, home: Path, **environ: str
) -> list[dict[str, Any]]:
    results: Any = run(_LOAD_ALL, json.dumps(jobs), url=url, home=home, **environ)
    return list(results)
