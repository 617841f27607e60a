"""Embed image files: photos are decoded while the model works on earlier ones."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

from safelight.errors import DecodeError
from safelight.imaging import read_photo

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from concurrent.futures import Future

    import numpy as np
    import numpy.typing as npt

    from safelight.embedding.base import Embedder

    _Prepared = npt.NDArray[np.float32] | DecodeError | OSError


def embed_files(
    embedder: Embedder,
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    batch_size: int | None = None,
) -> Generator[npt.NDArray[np.float32] | DecodeError | OSError]:
    """Yield a vector, or the reason why there is none, for each file, in order.

    No more than two batches are held at a time, however many files there are.

    Parameters
    ----------
    embedder : Embedder
    paths : iterable of path-like
    batch_size : int or None
        Photos that are given to the model at once; None for what suits it, and at least 32.

    Yields
    ------
    (dimension,) float32 of unit length, DecodeError or OSError

    Raises
    ------
    ModelError
        The model fails.
    """
    import numpy as np

    if batch_size is None:
        batch_size = max(32, embedder.batch_size * embedder.workers)
    source = iter([paths] if isinstance(paths, str | os.PathLike) else paths)
    pending: deque[Future[_Prepared]] = deque()
    with ThreadPoolExecutor(thread_name_prefix="safelight-decode") as pool:

        def submit(count: int) -> None:
            for path in islice(source, count):
                pending.append(pool.submit(_prepare, embedder, path))

        try:
            submit(2 * batch_size)
            while pending:
                batch = [pending.popleft().result() for _ in range(min(batch_size, len(pending)))]
                submit(len(batch))
                inputs = [item for item in batch if isinstance(item, np.ndarray)]
                vectors = iter(embedder.encode_prepared(inputs) if inputs else ())
                for item in batch:
                    yield next(vectors) if isinstance(item, np.ndarray) else item
        finally:
            for future in pending:
                future.cancel()


def _prepare(embedder: Embedder, path: str | os.PathLike[str]) -> _Prepared:
    from safelight.imaging import decode

    try:
        return embedder.prepare(decode(read_photo(path), min_side=embedder.min_side))
    except (DecodeError, OSError) as error:
        return error
    except Exception as error:  # noqa: BLE001 - one odd photo does not lose those beside it
        return DecodeError(f"cannot be given to the model: {error}", code="model")
