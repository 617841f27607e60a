"""Run one service on one batch, from a file to a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.errors import SourceError
from safelight.files import LARGE_TEXT, read_bytes
from safelight.imaging.targets import check_replaceable
from safelight.pipeline.batch_plan import list_folder, make_batches
from safelight.pipeline.bus.events import batch_id_of
from safelight.pipeline.files import parse_object, to_json, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from safelight.pipeline.paths import PipelinePaths
    from safelight.pipeline.services.base import Service

#: Standard input.
_STDIN = "-"


def read_batches(
    sources: Iterable[str], places: PipelinePaths, batch_size: int, exclude: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return the batches that files hold, and those that folders make for ingest.

    Parameters
    ----------
    sources : iterable of str
        Files of JSON, ``-`` for standard input, or folders of photos.

    Raises
    ------
    SourceError
        One of them cannot be read.
    UsageError
        One holds no batch.
    """
    entries = []
    batches = []
    for source in sources:
        if source != _STDIN and os.path.isdir(source):
            entries += list_folder(source, exclude)
        else:
            batches.append(_read(source))
    return batches + make_batches(entries, places, batch_size)


def process(
    make_service: Callable[[], Service],
    name: str,
    source: str,
    output: str | None,
    places: PipelinePaths,
    exclude: Sequence[str] = (),
) -> None:
    """Run one service on one batch.

    Parameters
    ----------
    make_service : callable
        Returns the service. It may have to fetch a model, so that it is called only when there is
        a batch.
    name : str
        The service's.
    source : str
        A file of JSON, or ``-``; for ingest also a folder of photos, which makes one batch.
    output : str, optional
        Standard output if not given.

    Raises
    ------
    SafelightError
        The batch cannot be read, processed or written, or would replace a photo.
    """
    if output is not None:
        check_replaceable(output, "a batch")
    if name == "ingest" and source != _STDIN and os.path.isdir(source):
        found = make_batches(list_folder(source, exclude), places, sys.maxsize)
        if not found:
            raise SourceError(f"{source} holds no photos.", source=source)
        batch = found[0]
    else:
        batch = _read(source)
    result = make_service().process(batch)
    if output is None:
        sys.stdout.buffer.write(to_json(result, indent=1) + b"\n")
        sys.stdout.flush()
    else:
        write_json(Path(output), result)


def _read(source: str) -> dict[str, Any]:
    try:
        data = sys.stdin.buffer.read() if source == _STDIN else read_bytes(source, limit=LARGE_TEXT)
    except OSError as exc:
        raise SourceError(f"{source} cannot be read: {exc.strerror}.", source=source) from exc
    what = "Standard input" if source == _STDIN else source
    batch = parse_object(data, what)
    batch_id_of(batch, what)
    return batch
