"""Embeddings of labels, computed once a model and cached on disk.

Two files: one for the labels, and one for the prompts that have nothing to do with them, which do
for every label set of a model. A file tells by its key what it was made of; one of anything else is
made again, and so is one that is damaged, with a warning.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from safelight.files import open_regular
from safelight.files.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from safelight.labels.label_set import LabelSet
    from safelight.types import TextModel

#: Things and places that are not labels of ours; what a photo says to them is its null.
UNRELATED = Path(__file__).with_name("unrelated.json")

# One template makes 240 texts to embed, where six would make 1,440, and does as well.
_UNRELATED_TEMPLATE = "a photo of {}"


@dataclass(frozen=True, slots=True)
class CacheFiles:
    """Files that cache embeddings.

    Attributes
    ----------
    labels, unrelated : Path
    """

    labels: Path
    unrelated: Path

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """Return files of fixed names: the folder keeps one label set of one model."""
        return cls(folder / "label_embeddings.npz", folder / "unrelated_embeddings.npz")

    @classmethod
    def of_user(cls, label_set: LabelSet, model: TextModel) -> Self:
        """Return files in the user's cache folder, others for each label set and model."""
        from platformdirs import user_cache_path

        folder = user_cache_path("safelight", appauthor=False) / "labels"
        return cls(
            folder / f"{_labels_key(label_set, model)}.npz", folder / f"{_unrelated_key(model)}.npz"
        )


def embed_labels(
    label_set: LabelSet, model: TextModel, cache: Path | None = None
) -> npt.NDArray[np.float32]:
    """Return a vector for each label: the mean over the templates, of unit length.

    Parameters
    ----------
    cache : Path, optional
        The file to read them from, or else to keep them in.

    Returns
    -------
    (labels, dimension) float32
    """

    def make() -> npt.NDArray[np.float32]:
        vectors = model.encode_texts(label_set.prompts).astype(np.float64)
        each = vectors.reshape(len(label_set.labels), len(label_set.templates), -1)
        return _units(_units(each).mean(axis=1)).astype(np.float32)

    shape = (len(label_set.labels), model.dimension)
    return _kept(cache, _labels_key(label_set, model), shape, make)


def embed_unrelated(model: TextModel, cache: Path | None = None) -> npt.NDArray[np.float32]:
    """Return the vectors of the unrelated prompts, (prompts, dimension) float32."""
    prompts = _unrelated_prompts()
    shape = (len(prompts), model.dimension)
    return _kept(cache, _unrelated_key(model), shape, lambda: model.encode_texts(prompts))


def _unrelated_prompts() -> list[str]:
    things = json.loads(UNRELATED.read_text("utf-8"))["prompts"]
    return [_UNRELATED_TEMPLATE.replace("{}", thing) for thing in things]


def _units(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _labels_key(label_set: LabelSet, model: TextModel) -> str:
    return _digest(model.fingerprint, "labels", label_set.labels, label_set.templates)


def _unrelated_key(model: TextModel) -> str:
    return _digest(model.fingerprint, "unrelated", _unrelated_prompts())


def _digest(*parts: str | Sequence[str]) -> str:
    text = json.dumps(parts, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _kept(
    path: Path | None,
    key: str,
    shape: tuple[int, int],
    make: Callable[[], npt.NDArray[np.float32]],
) -> npt.NDArray[np.float32]:
    if path is None:
        return make()
    found = _read(path, key, shape)
    if found is None:
        found = make()
        _write(path, key, found)
    return found


def _read(path: Path, key: str, shape: tuple[int, int]) -> npt.NDArray[np.float32] | None:
    try:
        # np.load() leaves a file open that it cannot read.
        with open_regular(path) as opened, np.load(opened, allow_pickle=False) as file:
            is_other = str(file["key"]) != key
            vectors = file["embeddings"]
    except (FileNotFoundError, PermissionError):
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as exc:
        warnings.warn(f"{path} is damaged ({exc}) and made again.", stacklevel=5)
        return None
    if is_other:
        return None
    if vectors.shape != shape or vectors.dtype != np.float32 or not np.isfinite(vectors).all():
        warnings.warn(f"{path} is damaged (its numbers) and made again.", stacklevel=5)
        return None
    return np.asarray(vectors, np.float32)


def _write(path: Path, key: str, vectors: npt.NDArray[np.float32]) -> None:
    # A cache that cannot be written costs time, and nothing else.
    with contextlib.suppress(OSError), replacing(path, durable=False) as file:
        np.savez(file, key=np.array(key), embeddings=vectors)
