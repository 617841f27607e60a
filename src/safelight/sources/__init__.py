"""Sources: where the items to ingest come from.

``images:DIR``, ``image-list:FILE``, ``text:FILE``, ``demo``, or a bare folder or photo. A source
lists; it opens no photo. What it cannot list it reports as an entry with a failure, and goes on.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from safelight.errors import SourceError
from safelight.imaging.formats import is_photo
from safelight.sources.demo import demo_source
from safelight.sources.folder import FolderSource
from safelight.sources.lists import ListSource, PhotoSource
from safelight.sources.texts import TextSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from safelight.sources.entry import Entry


class Source(Protocol):
    """Something that lists entries.

    Attributes
    ----------
    spec : str
        What :func:`parse_source` takes to make it again, from any folder.
    options : dict
        The keyword arguments to go with it, JSON-ready.
    scope : str or None
        The beginning of all paths that the source lists completely: a known one that was not
        listed may be gone. None if it lists single files.
    """

    @property
    def spec(self) -> str: ...
    @property
    def options(self) -> dict[str, Any]: ...
    @property
    def scope(self) -> str | None: ...

    def entries(self) -> Iterator[Entry]:
        """List everything, in a stable order."""
        ...


def parse_source(
    spec: str,
    *,
    recursive: bool = True,
    exclude: Sequence[str] = (),
    text_column: str | None = None,
) -> Source:
    """Return the source that `spec` names.

    Parameters
    ----------
    spec : str
        ``images:DIR``, ``image-list:FILE``, ``text:FILE``, ``demo``, a folder or a photo.
    recursive : bool
        Whether folders in a folder are listed too.
    exclude : sequence of str
        Shell patterns of names to pass over; one with a slash is compared with the path
        relative to the folder.
    text_column : str, optional
        The column of a CSV or JSON Lines file that holds the text.

    Raises
    ------
    SourceError
        It names nothing that is there.
    """
    kind, _, rest = spec.partition(":")
    if kind == "images":
        return _folder(rest, recursive, exclude)
    if kind == "image-list":
        return ListSource(_file(rest, "image list"))
    if kind == "text":
        return TextSource(_file(rest, "text file"), text_column)
    if spec == "demo":
        return demo_source()
    path = Path(spec).expanduser()
    if path.is_dir():
        return _folder(spec, recursive, exclude)
    if not os.path.lexists(path):
        raise SourceError(
            f"{spec}: there is no such file or folder. A source is a folder, a photo, "
            "images:DIR, image-list:FILE, text:FILE or demo.",
            source=spec,
        )
    if not is_photo(path.name):
        raise SourceError(
            f"{spec} does not look like a photo. If it lists photos, name it image-list:{spec}; "
            f"if it holds texts, text:{spec}.",
            source=spec,
        )
    return PhotoSource((os.path.abspath(path),))


def _folder(text: str, recursive: bool, exclude: Sequence[str]) -> FolderSource:
    path = Path(text).expanduser()
    if not path.is_dir():
        problem = "is not a folder" if os.path.lexists(path) else "there is no such folder"
        raise SourceError(f"images:{text}: {problem}.", source=text)
    return FolderSource(os.path.abspath(path), recursive, tuple(exclude))


def _file(text: str, what: str) -> str:
    path = Path(text).expanduser()
    if not path.is_file():
        problem = "is not a file" if os.path.lexists(path) else "there is no such file"
        raise SourceError(f"{text}: {problem} (wanted: a {what}).", source=text)
    return os.path.abspath(path)
