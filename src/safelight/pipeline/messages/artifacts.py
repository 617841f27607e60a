"""Batches of artifacts, as services pass them on; unknown fields stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from safelight.errors import UsageError
from safelight.pipeline.messages.uris import to_path

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

#: Under which name a batch holds its photos: after preprocess, and after ingest.
_LISTS = ("artifacts", "photo_index")


def artifacts_of(batch: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the photos of a batch.

    Raises
    ------
    UsageError
        It is not a batch: there is no list of objects called ``artifacts`` or ``photo_index``.
    """
    if not isinstance(batch, Mapping):
        raise _no_batch(f"it is {_kind(batch)}, not an object")
    name = next((name for name in _LISTS if batch.get(name) is not None), None)
    if name is None:
        raise _no_batch("it has neither artifacts nor photo_index")
    found = batch[name]
    if not isinstance(found, list):
        raise _no_batch(f"its {name} are {_kind(found)}, not a list")
    for number, artifact in enumerate(found):
        if not isinstance(artifact, Mapping):
            raise _no_batch(f"{name}[{number}] is {_kind(artifact)}, not an object")
    return list(found)


def with_artifacts(
    batch: Mapping[str, Any], artifacts: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the batch with other artifacts; in place of its ``photo_index``, if it has one.

    Examples
    --------
    >>> with_artifacts({"batch_id": "b", "photo_index": [], "by": "us"}, [{"photo_id": "a"}])
    {'batch_id': 'b', 'artifacts': [{'photo_id': 'a'}], 'by': 'us'}
    """
    known = next(name for name in _LISTS if batch.get(name) is not None)
    return {
        "artifacts" if name == known else name: list(artifacts) if name == known else value
        for name, value in batch.items()
        if name == known or name != "artifacts"
    }


def photo_id_of(artifact: Mapping[str, Any]) -> str | None:
    """Return the photo id, or None if there is none that could name a cache entry."""
    photo_id = artifact.get("photo_id")
    if not isinstance(photo_id, str) or not photo_id:
        return None
    # JSON may hold halves of surrogate pairs, which are not text.
    return None if any("\ud800" <= letter <= "\udfff" for letter in photo_id) else photo_id


def picture_of(artifact: Mapping[str, Any], root: str | os.PathLike[str] = ".") -> Path:
    """Return the path of the picture that stands for an artifact.

    After preprocess that is its standardised copy, ``std_uri``, and nothing else: features of
    another picture would not be comparable. After ingest it is ``ranking_uri`` if that is there
    already, else ``original_uri``.

    Raises
    ------
    UsageError
        No URI is given, or it names nothing on this machine.
    """
    if "std_uri" in artifact:
        names: tuple[str, ...] = ("std_uri",)
    else:
        names = ("ranking_uri", "original_uri")
    uris = [uri for name in names if isinstance(uri := artifact.get(name), str) and uri]
    if not uris:
        raise UsageError(_why_none(artifact, names), code="missing")
    paths = [to_path(uri, root) for uri in uris]
    return next((path for path in paths if path.exists()), paths[-1])


def _why_none(artifact: Mapping[str, Any], names: tuple[str, ...]) -> str:
    reason = f"the artifact has no {' and no '.join(names)}"
    done = artifact.get("processing_metadata")
    if isinstance(done, Mapping) and isinstance(done.get("reason"), str):
        return f"{reason}: {done['reason']}"
    return reason


def _no_batch(why: str) -> UsageError:
    return UsageError(
        f"This is not a batch of photos: {why}. A batch is "
        '{"batch_id": "...", "artifacts": [{"photo_id": "...", "std_uri": "..."}]}.',
        code="bad-batch",
    )


def _kind(value: object) -> str:
    return {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        type(None): "null",
    }.get(type(value), f"a {type(value).__name__}")
