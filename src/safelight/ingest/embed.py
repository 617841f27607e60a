"""Embed a batch of loaded entries: vectors, or the reason for each that the model refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from safelight.errors import ModelError, ModelInvalid, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from safelight.embedding.base import Embedder
    from safelight.ingest.load import Loaded
    from safelight.library.write import ItemRecord

#: Content that failed, by id, with the code and the reason.
Broken = dict[str, tuple[str, str]]


def embed(
    embedder: Embedder, waiting: Iterable[Loaded], *, proven: bool
) -> tuple[list[ItemRecord], Broken]:
    """Return the new items among `waiting` with their vectors, and those the model cannot take.

    Parameters
    ----------
    proven : bool
        Whether the model has embedded anything before: what it refuses is then the photos' fault.

    Raises
    ------
    ModelError
        The model cannot be loaded, or, not being proven, fails on everything it is given.
    """
    photos: list[tuple[ItemRecord, npt.NDArray[np.float32]]] = []
    texts: list[ItemRecord] = []
    for loaded in waiting:
        if loaded.item is not None and loaded.prepared is not None:
            photos.append((loaded.item, loaded.prepared))
        elif loaded.item is not None:
            texts.append(loaded.item)
    embedded, broken = _vectors(
        [item for item, _ in photos],
        lambda part: embedder.encode_prepared([photos[i][1] for i in part]),
        embedder.name,
        proven=proven,
    )
    more, others = _vectors(
        texts,
        lambda part: embedder.encode_texts([texts[i].text or "" for i in part]),
        embedder.name,
        proven=proven,
    )
    return embedded + more, broken | others


def _vectors(
    items: Sequence[ItemRecord],
    encode: Callable[[Sequence[int]], npt.NDArray[np.float32]],
    name: str,
    *,
    proven: bool,
) -> tuple[list[ItemRecord], Broken]:
    embedded: list[ItemRecord] = []
    broken: Broken = {}
    parts: list[Sequence[int]] = [range(len(items))] if items else []
    refused = 0
    while parts:
        part = parts.pop()
        try:
            vectors = encode(part)
        except (ModelInvalid, ModelUnavailable):
            raise
        except ModelError as exc:
            if len(part) > 1:  # find the one that it fails on
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
                continue
            refused += 1
            if refused == len(items) > 1 and not proven:
                raise  # it never embedded anything: the model is at fault, not the photos
            broken[items[part[0]].id] = ("model", str(exc))
            continue
        for index, vector in zip(part, vectors, strict=True):
            if np.isfinite(vector).all():
                embedded.append(replace(items[index], vector=vector))
            else:
                reason = f"the model {name} gave no finite vector for it"
                broken[items[index].id] = ("model", reason)
    return embedded, broken
