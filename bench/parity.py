"""Whole models of each family beside open_clip: the worst cosine of 20 photos and 50 texts.

Weights are random. The tests compare models with fewer layers in every run; this takes minutes.
Real photos are taken from the folder that SAFELIGHT_TEST_PHOTOS names, else from the demo.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.embedding.torch.families import FAMILIES, TEXTS, write_family

from bench.measure import save, table
from bench.models import frames as demo_frames
from safelight.embedding.load import load_embedder
from safelight.embedding.torch.export import export_model
from safelight.imaging import decode

if TYPE_CHECKING:
    from tests.embedding.torch.families import Written

    from safelight.embedding.base import Embedder
    from safelight.types import Frame


def photos(count: int) -> list[Frame]:
    """Return real photos."""
    folder = os.environ.get("SAFELIGHT_TEST_PHOTOS")
    files = sorted(Path(folder, "imagenet-sample").rglob("*.jp*g"))[::5] if folder else []
    return [decode(path.read_bytes()) for path in files[:count]] or demo_frames(count)


def worst(embedder: Embedder, frames: list[Frame], written: Written) -> tuple[float, float]:
    """Return the least cosine of images and of texts with open_clip's."""
    images, texts = embedder.encode_images(frames), embedder.encode_texts(TEXTS)
    return (
        float((images * written.images).sum(axis=1).min()),
        float((texts * written.texts).sum(axis=1).min()),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=FAMILIES)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--photos", type=int, default=20)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    frames = photos(options.photos)
    rows: list[tuple[object, ...]] = [("family", "as", "image", "text")]
    found: dict[str, Any] = {"device": options.device, "photos": len(frames), "texts": len(TEXTS)}
    for name in options.families:
        with tempfile.TemporaryDirectory() as temporary:
            work = Path(temporary)
            written = write_family(name, work / "torch", frames, whole=True)
            original: Any = load_embedder(str(work / "torch"), device=options.device)
            found[name] = {"torch": worst(original, frames, written)}
            for dtype in ("fp32", "fp16"):
                out = work / dtype
                export_model(original.model, name, out, frames[:4], dtype=dtype, force=True)
                export = load_embedder(str(out), device=options.device)
                found[name][dtype] = worst(export, frames, written)
        for kind, (image, text) in found[name].items():
            rows.append((name, kind, f"{image:.7f}", f"{text:.7f}"))
            print(*rows[-1], file=sys.stderr)
    table(rows)
    save("parity", found)


if __name__ == "__main__":
    sys.exit(main())
