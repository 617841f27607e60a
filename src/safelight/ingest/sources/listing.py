"""Photos named on a command line: files whatever they are called, and folders of photos."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from safelight.arguments import as_list
from safelight.files.names import expanded
from safelight.ingest.sources.entry import entry
from safelight.ingest.sources.folder import FolderSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from safelight.ingest.sources.entry import Entry


def list_photos(paths: Iterable[str], exclude: Sequence[str] = ()) -> Iterator[Entry]:
    """Yield an entry for each file of `paths`, and for each photo in the folders among them.

    A file need not be called as photos are; in a folder, at any depth, only those that are count.
    What is not there, or may not be read, is an entry with its failure.

    Parameters
    ----------
    paths : iterable of str
        ``~`` is the home folder.
    exclude : sequence of str
        Shell patterns of names in folders to pass over.
    """
    patterns = tuple(as_list(exclude, "exclude", str))
    for given in [os.fspath(each) for each in as_list(paths, "paths", str, os.PathLike)]:
        path = expanded(given)
        if os.path.isdir(path):
            yield from FolderSource(os.path.abspath(path), exclude=patterns).entries()
        else:
            yield entry(path, given)
