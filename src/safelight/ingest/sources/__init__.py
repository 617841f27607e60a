"""Sources: the items to ingest.

``images:DIR``, ``image-list:FILE``, ``text:FILE``, ``demo``, or a bare folder or photo. A source
lists; it opens no photo. What it cannot list it reports as an entry with a failure, and goes on.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from safelight.arguments import as_list
from safelight.errors import SourceError, UsageError
from safelight.files.names import expanded
from safelight.imaging.formats import is_photo
from safelight.ingest.sources.demo import demo_source
from safelight.ingest.sources.entry import printable
from safelight.ingest.sources.folder import FolderSource
from safelight.ingest.sources.lists import ListSource, PhotoSource
from safelight.ingest.sources.spelling import true_spelling
from safelight.ingest.sources.texts import TextSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from safelight.ingest.sources.entry import Entry


_KINDS = ("images", "image-list", "text")


@runtime_checkable
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
    spec: str | os.PathLike[str],
    *,
    recursive: bool = True,
    exclude: str | Sequence[str] = (),
    usual: str | Sequence[str] = (),
    text_column: str | None = None,
) -> Source:
    """Return the source that `spec` names.

    Parameters
    ----------
    spec : str
        ``images:DIR``, ``image-list:FILE``, ``text:FILE``, ``demo``, a folder or a photo.
    recursive : bool
        Whether folders in a folder are listed too.
    exclude : str or sequence of str
        Shell patterns of names to pass over; one with a slash is compared with the path
        relative to the folder.
    usual : str or sequence of str
        Further patterns that are not among the source's options, and so not remembered.
    text_column : str, optional
        The column of a CSV or JSON Lines file that holds the text.

    Raises
    ------
    SourceError
        It names nothing that is there.
    """
    spec = os.fspath(spec) if isinstance(spec, os.PathLike) else spec
    exclude = as_list(exclude, "exclude", str)
    usual = as_list(usual, "usual", str)
    if not isinstance(spec, str):
        raise UsageError(f"A source is a text such as images:DIR, not {type(spec).__name__}.")
    kind, _, rest = spec.partition(":")
    named = rest if kind in _KINDS else spec
    if not named.strip():
        raise SourceError(
            f"The source {spec!r} is empty. Is a variable unset? For the folder that you are in, "
            "write a dot.",
            source=spec,
            code="empty-source",
        )
    if "\0" in spec:
        raise SourceError(f"{spec!r} is not a possible path.", source=spec)
    source = _source(spec, kind, rest, recursive, exclude, usual, text_column)
    if printable(source.spec) != source.spec:
        raise SourceError(
            f"{printable(source.spec)} has a name in it that is not valid UTF-8, and the library "
            "cannot keep it. Rename that folder or file, and ingest it again.",
            source=printable(source.spec),
            code="bad-name",
        )
    return source


def remembered_source(
    spec: str, options: Mapping[str, Any], usual: str | Sequence[str] = ()
) -> Source:
    """Return a source as the library remembers it.

    Raises
    ------
    SourceError
        It is not there now.
    """
    source = parse_source(spec, usual=usual, **options)
    return replace(source, is_remembered=True) if isinstance(source, FolderSource) else source


def _source(
    spec: str,
    kind: str,
    rest: str,
    recursive: bool,
    exclude: Sequence[str],
    usual: Sequence[str],
    text_column: str | None,
) -> Source:
    if kind == "images":
        return _folder(rest, recursive, exclude, usual)
    if kind == "image-list":
        return ListSource(_file(rest, "an image list"))
    if kind == "text":
        return TextSource(_file(rest, "a text file"), text_column)
    if spec == "demo":
        return demo_source()
    path = expanded(spec)
    if os.path.isdir(path):
        return _folder(spec, recursive, exclude, usual)
    if not os.path.lexists(path):
        if "://" in spec:
            raise SourceError(
                f"{spec} is an address, and only an ingest on a cluster reads photos from there. "
                "Fetch them into a folder, or see `safelight docs cluster`.",
                source=spec,
            )
        raise SourceError(
            f"{spec}: there is no such file or folder. A source is a folder, a photo, "
            "images:DIR, image-list:FILE, text:FILE or demo.",
            source=spec,
        )
    if not is_photo(os.path.basename(path)):
        raise SourceError(
            f"{spec} does not look like a photo. If it lists photos, name it image-list:{spec}; "
            f"if it holds texts, text:{spec}.",
            source=spec,
        )
    return PhotoSource((true_spelling(path),))


def _folder(
    text: str, recursive: bool, exclude: Sequence[str], usual: Sequence[str]
) -> FolderSource:
    path = expanded(text)
    if not os.path.isdir(path):
        problem = "is not a folder" if os.path.lexists(path) else "there is no such folder"
        code = "not-a-folder" if os.path.lexists(path) else "no-folder"
        raise SourceError(f"images:{text}: {problem}.", source=text, code=code)
    return FolderSource(true_spelling(path), recursive, exclude=tuple(exclude), usual=tuple(usual))


def _file(text: str, what: str) -> str:
    path = expanded(text)
    if not os.path.isfile(path):
        problem = "is not a file" if os.path.lexists(path) else "there is no such file"
        raise SourceError(f"{text}: {problem} ({what} is wanted).", source=text)
    return true_spelling(path)
