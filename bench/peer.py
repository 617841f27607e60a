"""The peer, rclip, in an environment of its own, and random weights that both can load.

rclip reads ``visual.onnx`` and ``textual.onnx`` from its data folder; safelight reads the same two
files from a model folder. So both compute exactly the same, and only the programs differ.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

VERSION = "3.3.0"
MODEL = "ViT-B-32-256"
_WEIGHTS = "ViT-B-32-256-datacomp_s34b_b86k"  # the folder that rclip looks into

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "safelight-bench"


def imagededup() -> Path:
    """Return the Python that has imagededup, ImageHash and pdqhash, set up when first needed."""
    environment = CACHE / "imagededup-0.3.3, pdqhash"
    python = environment / "bin" / "python"
    if not python.exists():
        print("installing imagededup, ImageHash and pdqhash ...", file=sys.stderr)
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "-q", "--clear", environment], check=True)
        subprocess.run(
            [uv, "pip", "install", "-q", "--python", python,
             "imagededup==0.3.3.post2", "imagehash==4.3.2", "pdqhash==0.2.8"],
            check=True,
        )  # fmt: skip
    return python


@dataclass(frozen=True, slots=True)
class Peer:
    """Commands that run both sides.

    Attributes
    ----------
    rclip : str
        The command.
    environ : dict
        The environment that it runs in.
    model : Path
        The folder to give to ``safelight --model``.
    """

    rclip: str
    environ: dict[str, str]
    model: Path


def prepare() -> Peer:
    """Install rclip and export the weights, unless that was done before."""
    environment = CACHE / f"rclip-{VERSION}"
    if not (environment / "bin" / "rclip").exists():
        print(f"installing rclip {VERSION} ...", file=sys.stderr)
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "-q", "--clear", environment], check=True)
        subprocess.run(
            [uv, "pip", "install", "-q", "--python", environment / "bin" / "python",
             f"rclip=={VERSION}"],
            check=True,
        )  # fmt: skip
    data = CACHE / "rclip-data"
    model = CACHE / MODEL
    if not (model / "config.json").exists():
        print(f"exporting random {MODEL} weights ...", file=sys.stderr)
        _export(data / _WEIGHTS, model)
    environ = {**os.environ, "RCLIP_DATADIR": str(data), "HF_HUB_OFFLINE": "1"}
    return Peer(str(environment / "bin" / "rclip"), environ, model)


def _export(rclip: Path, safelight: Path) -> None:
    try:
        import open_clip
        import torch
    except ImportError:
        sys.exit("The peer's weights are exported with open_clip: run make bench PARITY=1.")
    torch.manual_seed(0)
    model, _, _ = open_clip.create_model_and_transforms(MODEL)
    model.eval()
    for folder in (
        rclip,
        rclip.with_name("tokenizer"),
        safelight / "visual",
        safelight / "textual",
    ):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    class Side(torch.nn.Module):
        def __init__(self, encode: object) -> None:
            super().__init__()
            self.model, self.encode = model, encode

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return self.encode(batch)

    side = model.visual.image_size[0]
    inputs = {
        "visual": (Side(model.encode_image), torch.zeros(2, 3, side, side)),
        "textual": (Side(model.encode_text), torch.zeros(2, 77, dtype=torch.long)),
    }
    for name, (module, example) in inputs.items():
        torch.onnx.export(
            module,
            (example,),
            rclip / f"{name}.onnx",
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
            opset_version=18,
            dynamo=False,
        )
        _renamed(rclip / f"{name}.onnx", safelight / name / "model.onnx", _INPUTS[name])
    vocabulary = Path(open_clip.__file__).with_name("bpe_simple_vocab_16e6.txt.gz")
    shutil.copy(vocabulary, rclip.with_name("tokenizer"))
    _write_configs(safelight, side, vocabulary)


_INPUTS = {"visual": "image", "textual": "text"}  # as the exports in this layout name them


def _renamed(exported: Path, copy: Path, name: str) -> None:
    """Copy a model, calling its input `name`: each program knows its own name for it."""
    import onnx

    model = onnx.load(exported)
    model.graph.input[0].name = name
    for node in model.graph.node:
        for number, used in enumerate(node.input):
            if used == "input":
                node.input[number] = name
    onnx.save(model, copy)


def _write_configs(folder: Path, side: int, vocabulary: Path) -> None:
    def write(name: str, content: object) -> None:
        (folder / name).write_text(json.dumps(content), encoding="utf-8")

    write(
        "visual/preprocess_cfg.json",
        {
            "size": [side, side],
            "mode": "RGB",
            "mean": [0.48145466, 0.4578275, 0.40821073],
            "std": [0.26862954, 0.26130258, 0.27577711],
            "interpolation": "bicubic",
            "resize_mode": "shortest",
            "fill_color": 0,
        },
    )
    write("textual/tokenizer.json", tokenizer(vocabulary))
    write("textual/tokenizer_config.json", {"model_max_length": 77, "pad_token": "<|endoftext|>"})
    # Last: its presence says that the folder is complete.
    write(
        "config.json",
        {
            "embed_dim": 512,
            "vision_cfg": {"image_size": side, "layers": 12, "width": 768, "patch_size": 32},
            "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 512},
        },
    )


def tokenizer(vocabulary: Path) -> dict[str, object]:
    """Return CLIP's tokenizer as the ``tokenizers`` library writes it, from OpenAI's merges."""
    from tokenizers.pre_tokenizers import ByteLevel

    with gzip.open(vocabulary, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    merges = [line.split() for line in lines[1 : 49152 - 256 - 2 + 1]]
    # The order of OpenAI's byte alphabet, which is not sorted.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    symbols = [chr(byte) for byte in printable]
    symbols += [chr(256 + number) for number in range(len(others))]
    assert sorted(symbols) == sorted(ByteLevel.alphabet())
    words = [*symbols, *(symbol + "</w>" for symbol in symbols), *("".join(m) for m in merges)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    ids = {word: number for number, word in enumerate(words)}
    special = [
        {"id": ids[word], "content": word, "single_word": False, "lstrip": False,
         "rstrip": False, "normalized": False, "special": True}
        for word in words[-2:]
    ]  # fmt: skip
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFC"},
                {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                {"type": "Lowercase"},
            ],
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed",
                 "invert": True},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                 "use_regex": True},
            ],
        },
        "post_processor": {
            "type": "RobertaProcessing",
            "sep": ["<|endoftext|>", ids["<|endoftext|>"]],
            "cls": ["<|startoftext|>", ids["<|startoftext|>"]],
            "trim_offsets": False,
            "add_prefix_space": False,
        },
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True,
                    "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<|endoftext|>",
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>",
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": ids,
            "merges": [" ".join(merge) for merge in merges],
        },
    }  # fmt: skip
