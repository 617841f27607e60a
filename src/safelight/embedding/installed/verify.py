"""Verification of an installed model against published digests and reference outputs.

What can be compared differs from model to model: digests of files, as their publisher or the hub
gives them, and values that others published (``golden`` in ``catalogue.toml``). That a model runs
and gives vectors of unit length needs no reference, and proves less.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from safelight.embedding.hub.client import file_names, find_cached
from safelight.embedding.installed.integrity import Check, check_download, check_own, check_starter
from safelight.embedding.installed.models import find_model
from safelight.embedding.json_config import Configuration
from safelight.embedding.layouts.onnx import find_layout
from safelight.embedding.load import load_embedder
from safelight.embedding.names import STARTER, parse_model_name
from safelight.embedding.provenance import FILE as PROVENANCE
from safelight.errors import DecodeError, ModelError, ModelUnavailable, UsageError
from safelight.imaging import read_photo
from safelight.types import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from safelight.embedding.base import Embedder
    from safelight.embedding.catalogue.catalogue import Golden, KnownModel
    from safelight.embedding.installed.models import ModelOnDisk
    from safelight.embedding.names import ModelName

    Vectors = npt.NDArray[np.float32]

_TEXTS = ("hello world", "a photo of a dog", "two red boats on a blue sea")

# A vector alone and among others. Where whole batches are quantized together, as in int8 models
# that find the range of what they are given, one changes its neighbours: by 0.01 in ViT-B-32.
_ALONE = 1e-4
_ALONE_QUANTIZED = 0.1
_AGAIN = 1e-5
_UNIT = 1e-3


@dataclass(frozen=True)
class Verification:
    """Checks that were made, and their outcomes.

    Attributes
    ----------
    model : str
    places : tuple of str
        The folders or files it lies in.
    is_download : bool
        Whether it can be removed and fetched again.
    checks : tuple of Check
    lacking : str or None
        What has to be installed to run it.
    """

    model: str
    places: tuple[str, ...]
    is_download: bool
    checks: tuple[Check, ...]
    lacking: str | None = None

    @property
    def ok(self) -> bool:
        """True if nothing differed and the model could be run."""
        return self.lacking is None and all(each.ok is not False for each in self.checks)

    @property
    def compared(self) -> int:
        """Number of files and values that had a reference."""
        return sum(each.ok is not None and each.kind != "sanity" for each in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {**asdict(self), "ok": self.ok, "compared": self.compared}


def verify(
    model: str, *, photo: Path | None = None, tell: Callable[[str], None] = lambda _: None
) -> Verification:
    """Compare a model with what is known about it.

    Every file is read again: digests that were kept, and the names of files in the hub's cache, are
    not trusted. If a file differs, the model is not run.

    Parameters
    ----------
    model : str
        What ``--model`` takes. It is not fetched.
    photo : Path or None
        One of the photos that published values are of; see :class:`Golden`.
    tell : callable
        Given what is being done.

    Raises
    ------
    UsageError
        `model` names none, or no published values of it are of `photo`.
    ModelUnavailable
        The model is not on this machine.
    ModelInvalid
        `model` is a folder that holds none.
    DecodeError
        `photo` cannot be read.
    """
    found = find_model(model)
    tell("Reading its files")
    places, files, known = _files(found)
    values = known.golden if known else ()
    frame, values_of_photo = _photo(values, photo)
    checks = list(files)
    if all(each.ok is not False for each in files):
        tell("Running it")
        try:
            checks += _run(model, known, frame, values_of_photo)
        except ModelUnavailable as error:
            checks.append(Check("sanity", "the model", None, f"was not run: {error}"))
        except ModelError as error:
            if error.code == "no-onnx":  # a folder that holds no model at all
                raise
            checks.append(Check("sanity", "the model", False, str(error)))
    return Verification(model, places, bool(found.downloads), tuple(checks), found.lacking)


def check_golden(embedder: Embedder, golden: Golden, frame: Frame | None = None) -> Check:
    """Compare what a model makes of texts, or of a photo and texts, with published values.

    Parameters
    ----------
    embedder : Embedder
    golden : Golden
    frame : Frame or None
        Its photo; without it, values that are of a photo cannot be compared.
    """

    def check(ok: bool | None, detail: str) -> Check:
        return Check("golden", _what(golden), ok, detail)

    if golden.vector:
        # Who published them does not say at which length: the direction is compared.
        published = np.array(golden.vector)
        ours = embedder.encode_texts(golden.texts)[0, : len(published)].astype(np.float64)
        ours *= np.linalg.norm(published) / max(float(np.linalg.norm(ours)), 1e-9)
    elif frame is None:
        return check(
            None, f"not compared: give the photo that it is of; it is at {golden.photo_url}"
        )
    elif (scale := embedder.logit_scale) is None:
        return check(None, "not compared: the model's files do not say how it scales a cosine")
    else:
        cosines = embedder.encode_texts(golden.texts) @ embedder.encode_images([frame])[0]
        ours = cosines.astype(np.float64) * scale + (embedder.logit_bias or 0.0)
        published = np.array(golden.logits or golden.probabilities)
        if golden.probabilities:
            ours = np.exp(ours - ours.max())
            ours /= ours.sum()
    largest = float(np.abs(ours - published).max()) if ours.shape == published.shape else np.inf
    where = f"published in {golden.source}"
    if largest <= golden.tolerance:
        return check(True, f"as {where}; the largest difference is {largest:.1g}")
    doubt = ""
    if golden.photo and not golden.photo_sha256:
        doubt = f", if the photo that was given is {golden.photo}"
    return check(
        False,
        f"is {_numbers(ours)}, but {_numbers(published)} is {where}: a difference of "
        f"{largest:.2g}, where {golden.tolerance:g} is allowed. These are other weights{doubt}",
    )


def _files(found: ModelOnDisk) -> tuple[tuple[str, ...], list[Check], KnownModel | None]:
    """Return where the model lies, the checks of its files, and what it is in the catalogue."""
    if found.name == STARTER:
        from safelight.embedding.starter import DATA

        return (str(DATA),), check_starter(), found.known
    name = parse_model_name(found.name)
    if (own := name.folder or name.checkpoint) is not None:
        return (str(own),), *check_own(own)
    if not found.is_complete:
        part = "only a part of it is" if found.downloads else "it is not"
        raise ModelUnavailable(
            f"{found.name} cannot be verified: {part} on this machine. Fetch it with "
            f"`safelight models pull {found.name}`.",
            code="not-here",
            model=found.name,
        )
    used = [each for each in found.downloads if each.runtime]
    checks = [check for each in used for check in check_download(each, found.known)]
    return tuple(str(each.snapshot) for each in used), checks, found.known


def _run(
    model: str, known: KnownModel | None, frame: Frame | None, of_photo: Sequence[Golden]
) -> list[Check]:
    embedder = load_embedder(model, device="cpu", local_files_only=True)
    exact = model == STARTER or not _is_quantized(parse_model_name(model), embedder)
    checks = [_check_side(embedder, side, known, exact) for side in ("images", "texts")]
    for golden in known.golden if known else ():
        if exact:
            checks.append(check_golden(embedder, golden, frame if golden in of_photo else None))
        else:
            detail = "not compared: what is published is not of quantized weights"
            checks.append(Check("golden", _what(golden), None, detail))
    embedder.close()
    return checks


def _what(golden: Golden) -> str:
    return golden.photo or f'"{golden.texts[0]}"'


def _check_side(embedder: Embedder, side: str, known: KnownModel | None, exact: bool) -> Check:
    """Check what needs no reference: of vectors of three images, or of three texts."""
    if side == "images":
        inputs: Sequence[Frame | str] = _frames()
        encode: Callable[..., Vectors] = embedder.encode_images
    else:
        inputs, encode = _TEXTS, embedder.encode_texts
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a text is cut, in a model with little room
        together, again = encode(inputs), encode(inputs)
        alone = np.concatenate([encode([each]) for each in inputs])
    dimension = known.dimension if known else embedder.dimension
    wrong = []
    if together.shape != (len(inputs), dimension):
        wrong.append(f"vectors have {together.shape[1]} numbers, and should have {dimension}")
    if not np.isfinite(together).all():
        wrong.append("a vector has numbers that are none")
    else:
        lengths = np.linalg.norm(together, axis=1)
        if np.abs(lengths - 1).max() > _UNIT:
            wrong.append(f"a vector has the length {lengths[np.abs(lengths - 1).argmax()]:.4f}")
        if (moved := float(np.abs(together - again).max())) > _AGAIN:
            wrong.append(f"the same input gave another vector, {moved:.2g} away")
        allowed = _ALONE if exact else _ALONE_QUANTIZED
        if (apart := float(np.abs(together - alone).max())) > allowed:
            wrong.append(f"one alone and among others differ by {apart:.2g}")
        if np.abs(together - together[0]).max() < _AGAIN:
            wrong.append(f"all {side} have the same vector")
    if wrong:
        return Check("sanity", side, False, "; ".join(wrong))
    alike = f"to {apart:.0e}" if apart else "exactly"
    return Check(
        "sanity",
        side,
        True,
        f"{len(inputs)} vectors of {dimension} numbers, finite, of unit length, different; the "
        f"same again, and alone as among others ({alike})",
    )


def _is_quantized(name: ModelName, embedder: Embedder) -> bool:
    """Tell whether the files say that weights, or what is computed of them, are integers."""
    if embedder.where.runtime != "onnx":
        return False
    folder, find = name.folder, partial(find_layout, variant=name.variant)
    if folder is not None:
        layout = find(file_names(folder), str(folder))
        if (folder / PROVENANCE).exists():
            return bool(Configuration.read(folder / PROVENANCE).need("dtype") == "int8")
    else:
        cached = next(filter(None, (find_cached(repo, find) for repo in name.onnx_repos)), None)
        if cached is None:
            return False
        layout = cached[1]
    return layout.kind == "transformers.js" and not layout.image.endswith(
        ("vision_model.onnx", "vision_model_fp16.onnx")
    )


def _photo(values: Sequence[Golden], photo: Path | None) -> tuple[Frame | None, tuple[Golden, ...]]:
    """Return the photo and the values that are of it."""
    if photo is None:
        return None, ()
    from safelight.imaging import decode

    try:
        data = read_photo(photo)
    except OSError as error:
        raise UsageError(f"{photo}: {error.strerror}.", path=str(photo)) from error
    digest = hashlib.sha256(data).hexdigest()
    suitable = tuple(
        each
        for each in values
        if each.photo and (each.photo_sha256 or "") in (digest, "")
        if each.photo_sha256 or each.photo == photo.name
    )
    if not suitable:
        known = [f"{each.photo} ({each.photo_url})" for each in values if each.photo]
        raise UsageError(
            f"Nothing is published of {photo} with this model. "
            + (f"There are values of {', '.join(known)}." if known else "Leave out the photo."),
            path=str(photo),
        )
    try:
        return decode(data), suitable
    except DecodeError as error:
        raise DecodeError(f"{photo}: {error}", code=error.code, path=str(photo)) from error


def _frames() -> list[Frame]:
    """Return three pictures that are unlike each other."""
    ramp = np.linspace(0, 255, 320, dtype=np.uint8)
    rising = np.broadcast_to(ramp[None, :, None], (240, 320, 3))
    squares = (np.indices((240, 320)) // 20).sum(axis=0) % 2 * 255
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3))
    pictures = (rising, np.stack([squares] * 3, axis=-1) * (1.0, 0.2, 0.1), noise)
    return [Frame(np.ascontiguousarray(each, np.uint8), 320, 240, "PNG") for each in pictures]


def _numbers(values: npt.NDArray[np.float64]) -> str:
    return "[" + ", ".join(f"{value:.4f}" for value in values) + "]"
