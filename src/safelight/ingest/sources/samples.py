"""A few real photos to try a model on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.errors import DecodeError, LibraryError, SourceError
from safelight.imaging import decode, read_photo
from safelight.ingest.sources import parse_source
from safelight.ingest.sources.demo import demo_source
from safelight.library.database import Database
from safelight.library.files import photo_paths

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from safelight.types import Frame


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Photos, and where they are from, as a person would say it."""

    frames: tuple[Frame, ...]
    origin: str


def sample_photos(
    folder: str | None, library: Path, *, min_side: int | None = None, count: int = 64
) -> Sample:
    """Return photos of a folder; without one, of a library; else those of the demo.

    They are taken from all over the folder or the library, the same ones each time. What cannot be
    read is passed over.

    Parameters
    ----------
    folder : str or None
    library : Path
        It need not be there.
    min_side : int or None
        As :func:`safelight.imaging.decode` takes it.
    count : int
        How many, at most.

    Raises
    ------
    SourceError
        There are none.
    """
    if folder is not None:
        paths = [each.path for each in parse_source(f"images:{folder}").entries()]
        frames = _decoded(paths, min_side, count)
        if not frames:
            raise SourceError(
                f"No photo in {folder} can be read. Give a folder of real photos.",
                source=folder,
                hint="photos",
            )
        return Sample(frames, folder)
    if frames := _decoded(_of_library(library), min_side, count):
        return Sample(frames, f"the library {library}")
    try:
        paths = [each.path for each in demo_source().entries()]
    except SourceError:
        paths = []
    if frames := _decoded(paths, min_side, count):
        return Sample(frames, "the demo")
    raise SourceError(
        "Real photos are needed, and there are none: the library has none, and the demo's are not "
        "installed. Give a folder of photos.",
        code="no-photos",
        hint="photos",
    )


def _of_library(path: Path) -> list[str]:
    try:
        with Database(path, create=False) as library:
            return photo_paths(library)
    except LibraryError as error:
        if error.code != "no-library":
            raise
        return []


def _decoded(paths: Sequence[str], min_side: int | None, count: int) -> tuple[Frame, ...]:
    step = max(1, len(paths) // count)
    spread = (path for start in range(step) for path in paths[start::step])
    frames: list[Frame] = []
    for path in spread:
        if len(frames) == count:
            break
        try:
            frames.append(decode(read_photo(path), min_side=min_side))
        except (DecodeError, OSError):
            continue
    return tuple(frames)
