"""Export a model to a folder of ONNX files in Immich's layout, and measure its fidelity."""

from __future__ import annotations

import json
import shutil
import time
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from safelight.embedding.catalogue.digests import file_digest
from safelight.embedding.description import describe
from safelight.embedding.devices import Device
from safelight.embedding.hub.client import file_names
from safelight.embedding.layouts.onnx import find_layout
from safelight.embedding.onnx.embedder import OnnxEmbedder
from safelight.embedding.preprocess.tokenizer import TextTokenizer
from safelight.embedding.provenance import Provenance, write_provenance
from safelight.embedding.torch.embedder import TorchEmbedder
from safelight.embedding.torch.quantizing import to_half, to_int8
from safelight.errors import ModelInvalid, UsageError
from safelight.files.atomic import whole_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from safelight.embedding.base import Embedder
    from safelight.embedding.description import Description
    from safelight.embedding.torch.model import LoadedModel, TorchModel
    from safelight.types import Frame

    Vectors = npt.NDArray[np.float32]

Dtype = Literal["fp32", "fp16", "int8"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)

#: The mean cosine with the original, of images and of texts, below which an export is no good.
LEAST = {"fp32": 0.99, "fp16": 0.99, "int8": 0.97}

# From here on an export in float32 counts as the same: its vectors differ by rounding only.
_SAME_SPACE = 0.99999

# The operators of version 17 are understood by every ONNX Runtime since 1.12.
_OPSET = 17

#: What is embedded to compare texts; every kind of writing, and lengths from none to too long.
TEXTS = (
    "", "a photo of a dog", "A Photo Of A DOG", "two children playing football on a beach",
    "it's Bob's birthday cake, isn't it?", "naïve café, Ångström, straße", "日本語のテキスト",
    "Привет мир! مرحبا بالعالم", "emoji 😀👍🏽 🇩🇪", "1234567890 3.14159 ½", "salt &amp; pepper",
    "a red sports car parked in front of an old brick house at night in the rain",
    "sunset over mountains", "receipt", "screenshot of a terminal", "word " * 120,
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """Measured fidelity and speed of an export beside the original.

    Attributes
    ----------
    image_mean, image_worst, text_mean, text_worst : float
        Cosines between the vectors of both.
    photos : int
        That were compared.
    original_images, export_images, original_texts, export_texts : float
        A second, on the processor.
    megabytes : float
        Of the export.
    how : str
        Of an int8 export, how each side was quantized.
    """

    image_mean: float
    image_worst: float
    text_mean: float
    text_worst: float
    photos: int
    original_images: float
    export_images: float
    original_texts: float
    export_texts: float
    megabytes: float
    how: str

    def is_good(self, dtype: Dtype) -> bool:
        """Tell whether the export may be used for the original."""
        return min(self.image_mean, self.text_mean) >= LEAST[dtype]


def export_model(
    model: TorchModel,
    name: str,
    out: Path,
    frames: Sequence[Frame],
    *,
    dtype: Dtype = "fp32",
    force: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Measured:
    """Write a model as ONNX, in the layout of Immich's, if it comes near enough to the original.

    Parameters
    ----------
    model : TorchModel
    name : str
        What ``--model`` takes to load it.
    out : Path
        A folder that is not there yet. It appears complete or not at all.
    frames : sequence of Frame
        Real photos, to calibrate and to compare with.
    dtype : str
        ``fp32``, ``fp16`` or ``int8``.
    force : bool
        Keep an export that is no good.
    tell : callable
        Given what is being done.

    Raises
    ------
    UsageError
        `out` is there already, or there are no frames.
    ModelInvalid
        The model cannot be exported, or its tokenizer cannot.
    """
    if out.exists():
        raise UsageError(f"{out} is there already. Name a new folder.", path=str(out))
    if not frames:
        raise UsageError("An export is compared with the original on photos; there are none.")
    with whole_folder(out) as part:
        original = TorchEmbedder(model, name, device=Device("torch", "cpu"))
        tell("Loading the model")
        loaded = model.load()
        _write(model, loaded, part, tell)
        ids = _checked_tokens(part, model, loaded)
        how = "as it is"
        if dtype == "fp16":
            tell("Converting to half precision")
            for side in ("visual", "textual"):
                to_half(part / side / "model.onnx")
        elif dtype == "int8":
            prepared = [model.preprocessing.apply(frame.pixels) for frame in frames]
            how = _quantize(part, prepared, ids, tell)
        tell("Comparing with the original")
        measured = _measure(original, _opened(part, name), frames, _size(part), how)
        if measured.is_good(dtype) or force:
            same = min(measured.image_worst, measured.text_worst) > _SAME_SPACE
            names = sorted(file_names(part))
            write_provenance(
                part,
                Provenance(
                    model=name,
                    dtype=dtype,
                    original=original.fingerprint,
                    same_space=dtype == "fp32" and same,
                    files={each: file_digest(part / each) for each in names},
                    measured=asdict(measured),
                ),
            )
        else:
            shutil.rmtree(part)
        return measured


def _write(
    model: TorchModel, loaded: LoadedModel, folder: Path, tell: Callable[[str], None]
) -> None:
    import torch

    for side in ("visual", "textual"):
        (folder / side).mkdir(parents=True)
    height, width = model.preprocessing.size
    tell("Exporting the image side")
    _export(loaded, loaded.image, torch.zeros(2, 3, height, width), folder / "visual", "image")
    tell("Exporting the text side")
    ids = torch.ones(2, model.context, dtype=torch.int32)

    def text(given: torch.Tensor) -> torch.Tensor:
        return loaded.text(given.long())

    _export(loaded, text, ids, folder / "textual", "text")
    loaded.save_tokenizer(str(folder / "textual"))
    if not (folder / "textual" / "tokenizer.json").exists():
        raise ModelInvalid(
            "The model's tokenizer runs in Python only, and no tokenizer.json was published with "
            "it; it cannot be exported."
        )
    for path in (folder / "textual").iterdir():  # what only Python's tokenizers need
        if path.name not in ("tokenizer.json", "tokenizer_config.json") and path.suffix in (
            ".json",
            ".txt",
        ):
            path.unlink()
    preprocessing = model.preprocessing
    _json(
        folder / "visual" / "preprocess_cfg.json",
        {
            "size": list(preprocessing.size),
            "mode": "RGB",
            "mean": list(preprocessing.mean),
            "std": list(preprocessing.std),
            "interpolation": preprocessing.interpolation,
            "resize_mode": preprocessing.resize,
            "fill_color": preprocessing.fill,
            # Beyond open_clip's, where transformers prepares images in another way.
            "resize_to": list(preprocessing.resize_to or preprocessing.size),
            "round_crop": preprocessing.round_crop,
            "rescale_factor": preprocessing.scale,
        },
    )
    scale = {"logit_scale": loaded.logit_scale, "logit_bias": loaded.logit_bias}
    _json(folder / "config.json", {**model.config, **scale})


def _export(
    loaded: LoadedModel, function: Callable[..., Any], example: Any, folder: Path, name: str
) -> None:
    import torch

    class Side(torch.nn.Module):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.module = loaded.module

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            vectors: torch.Tensor = function(given)
            return vectors

    path = folder / "model.onnx"
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # a fused operator that ONNX does not have
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                Side().eval(),
                (example,),
                str(path),
                input_names=[name],
                output_names=["embedding"],
                dynamic_axes={name: {0: "batch"}, "embedding": {0: "batch"}},
                opset_version=_OPSET,
                dynamo=False,
            )
    except Exception as error:  # torch's exporter raises what it comes upon
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelInvalid(f"The model cannot be exported to ONNX: {first}") from error
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    if len(list(folder.iterdir())) > 1:  # beyond protobuf's limit it wrote a file for each tensor
        _gather(path)


def _gather(path: Path) -> None:
    """Bring weights that lie in many files into one."""
    import onnx

    model = onnx.load(str(path))
    for each in path.parent.iterdir():
        each.unlink()
    onnx.save_model(
        model, str(path), save_as_external_data=True, all_tensors_to_one_file=True,
        location="model.onnx_data",
    )  # fmt: skip


def _quantize(
    folder: Path,
    prepared: Sequence[Vectors],
    ids: npt.NDArray[np.int64],
    tell: Callable[[str], None],
) -> str:
    tell("Quantizing the image side")
    image = to_int8(folder / "visual" / "model.onnx", {"image": np.stack(prepared)})
    tell("Quantizing the text side")
    text = to_int8(folder / "textual" / "model.onnx", {"text": ids.astype(np.int32)})
    return f"images {image}, texts {text}"


def _checked_tokens(folder: Path, model: TorchModel, loaded: LoadedModel) -> npt.NDArray[np.int64]:
    """Return the token ids of :data:`TEXTS`, or raise if the export reads texts in another way."""
    description = _described(folder)
    tokenizer = TextTokenizer(description.tokenizer, description.rules, model.context, fixed=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ids, _ = tokenizer(TEXTS)
    theirs = loaded.tokenize(TEXTS)[0].numpy()
    length = theirs.shape[1]
    if not (np.array_equal(ids[:, :length], theirs) and (ids[:, length:] == ids[0, -1]).all()):
        raise ModelInvalid(
            "The model's tokenizer does more than a tokenizer.json can say; it cannot be exported."
        )
    return ids


def _described(folder: Path) -> Description:
    return describe(folder, find_layout(file_names(folder), str(folder)))


def _opened(folder: Path, name: str) -> OnnxEmbedder:
    return OnnxEmbedder(_described(folder), name)


def _measure(
    original: Embedder, export: Embedder, frames: Sequence[Frame], megabytes: float, how: str
) -> Measured:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a text is cut; both cut it
        images = [_timed(each, frames) for each in (original, export)]
        texts = [_timed_texts(each) for each in (original, export)]
    image, text = ((a * b).sum(axis=1) for (a, _), (b, _) in (images, texts))
    return Measured(
        image_mean=float(image.mean()),
        image_worst=float(image.min()),
        text_mean=float(text.mean()),
        text_worst=float(text.min()),
        photos=len(frames),
        original_images=images[0][1],
        export_images=images[1][1],
        original_texts=texts[0][1],
        export_texts=texts[1][1],
        megabytes=megabytes,
        how=how,
    )


def _timed(embedder: Embedder, frames: Sequence[Frame]) -> tuple[Vectors, float]:
    inputs = [embedder.prepare(frame) for frame in frames]
    embedder.encode_prepared(inputs[:1])  # weights are loaded, and buffers made
    started = time.perf_counter()
    vectors = embedder.encode_prepared(inputs)
    return vectors, len(inputs) / (time.perf_counter() - started)


def _timed_texts(embedder: Embedder) -> tuple[Vectors, float]:
    embedder.encode_texts(TEXTS[:1])
    started = time.perf_counter()
    vectors = embedder.encode_texts(TEXTS)
    return vectors, len(TEXTS) / (time.perf_counter() - started)


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _json(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
