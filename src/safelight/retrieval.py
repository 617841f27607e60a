"""Search a folder with a sentence, without a library: two functions, and a command over them.

>>> embeddings, paths = index_local_images("my_photos")          # doctest: +SKIP
>>> retrieve_local("sunset at the beach", embeddings, paths)     # doctest: +SKIP
[('my_photos/evening.jpg', 0.301)]
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from safelight.arguments import as_count, as_list, as_path, refused
from safelight.cosine import best, cosines
from safelight.errors import SafelightError, SourceError, SpaceError, UsageError
from safelight.files.format import write_everything

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from safelight.embedding.base import Embedder


class Embeddings(np.ndarray):
    """Vectors of images: an array, with the method that code written for tensors calls."""

    def numpy(self) -> npt.NDArray[np.float32]:
        """Return the vectors as a plain array, without a copy."""
        return self.view(np.ndarray)


def index_local_images(
    dir_path: str | os.PathLike[str], *, embedder: Embedder | None = None
) -> tuple[Embeddings | None, list[str]]:
    """Embed all images that lie in a folder.

    Parameters
    ----------
    dir_path : path-like
        Folders in it are not entered.
    embedder : Embedder, optional
        The default model if not given, loaded once for the whole process.

    Returns
    -------
    (n, d) float32 Embeddings and list of str
        Rows of unit length, and their files in order of name; ``(None, [])`` if there are none.
        A file that cannot be decoded is left out, with a warning in the log.

    Raises
    ------
    SourceError
        The folder cannot be read.
    """
    from loguru import logger

    from safelight.embedding.image_files import embed_files
    from safelight.imaging import is_photo

    dir_path = as_path(dir_path, "dir_path")
    if not dir_path.strip():
        raise SourceError(
            "The folder's name is empty. Is a variable unset? For the folder that you are in, "
            "write a dot.",
            code="empty-source",
        )
    folder = Path(dir_path)
    try:
        files = sorted(p for p in folder.iterdir() if is_photo(p.name) and p.is_file())
    except OSError as error:
        raise SourceError(
            f"The folder {folder} cannot be read: {error.strerror}.", path=str(folder)
        ) from error
    if not files:
        return None, []
    vectors, paths = [], []
    for path, outcome in zip(files, embed_files(embedder or usual_embedder(), files), strict=True):
        if isinstance(outcome, Exception):
            logger.warning("Left out {}: it {}", path, outcome)
        else:
            vectors.append(outcome)
            paths.append(str(path))
    return (np.stack(vectors).view(Embeddings), paths) if vectors else (None, [])


def retrieve_local(
    prompt: str,
    embeddings: npt.NDArray[np.float32] | None,
    paths: str | Sequence[str],
    top_k: int = 5,
    *,
    embedder: Embedder | None = None,
) -> list[tuple[str, float]]:
    """Return the files that are nearest to a sentence, with their cosines, best first.

    Parameters
    ----------
    prompt : str
    embeddings, paths
        What :func:`index_local_images` returned.
    top_k : int
        At least 1.
    embedder : Embedder, optional
        The one that made `embeddings`.

    Raises
    ------
    SpaceError
        `embeddings` come from another model.
    """
    top_k = as_count(top_k, "top_k")
    paths = [] if paths is None else as_list(paths, "paths", str, os.PathLike)
    rows = _rows(embeddings)
    if len(rows) != len(paths):
        raise UsageError(
            f"There are {len(rows)} embeddings and {len(paths)} paths. Give both as "
            "index_local_images returned them."
        )
    if not len(rows):
        return []
    query = (embedder or usual_embedder()).encode_texts([prompt])[0]
    if rows.shape[1:] != query.shape:
        raise SpaceError(
            f"The embeddings have {rows.shape[1]} numbers each, the model's {len(query)}: "
            "they come from another model."
        )
    scores = cosines(rows, query)
    nearest = best(scores, np.arange(len(scores)), top_k)
    return [(paths[i], float(scores[i])) for i in nearest]


def _rows(embeddings: npt.ArrayLike | None) -> npt.NDArray[np.float32]:
    """Return embeddings, which may be lists, as rows of finite numbers."""
    if embeddings is None:
        return np.empty((0, 0), np.float32)
    try:
        rows = np.asarray(embeddings, np.float32)
    except (TypeError, ValueError):
        raise refused("embeddings", "rows of numbers", embeddings) from None
    if rows.size and rows.ndim != 2:
        raise UsageError(
            f"embeddings has {rows.ndim} dimensions; it should have 2: rows of numbers."
        )
    if not np.isfinite(rows).all():
        raise UsageError("embeddings holds a number that is not finite.")
    return rows


@cache
def usual_embedder() -> Embedder:
    """Return the model of the settings, loaded once."""
    from loguru import logger

    from safelight.embedding.load import default_model, load_embedder
    from safelight.settings import Settings

    settings = Settings.load()
    choice = default_model(settings.model, timeout=settings.hub_timeout)
    if choice.note:
        logger.info(choice.note)
    return load_embedder(
        choice.model, device=settings.device, threads=settings.threads, progress=True
    )


def main(arguments: str | Sequence[str] | None = None) -> int:
    """Run the command; see ``--help``."""
    write_everything(sys.stdout, sys.stderr)
    parser = argparse.ArgumentParser("safelight.retrieval", description=__doc__.split("\n")[0])
    parser.add_argument("--prompt", required=True, help="what to look for")
    parser.add_argument("--images_dir", required=True, help="the folder to search")
    parser.add_argument("--top_k", type=int, default=5, help="how many to print (default: 5)")
    given = parser.parse_args(None if arguments is None else as_list(arguments, "arguments", str))
    if given.top_k < 1:
        parser.error(f"--top_k should be at least 1, not {given.top_k}")
    try:
        embeddings, paths = index_local_images(given.images_dir)
        if not paths:
            sys.stderr.write(f"{given.images_dir} holds no images that can be read.\n")
        for path, score in retrieve_local(given.prompt, embeddings, paths, given.top_k):
            sys.stdout.write(f"{score:.3f} — {path}\n")
    except SafelightError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
