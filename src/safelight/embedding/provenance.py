"""Provenance of an export, stored in ``safelight.json`` beside its files.

An export in float32 computes what the original does, to rounding. It takes over the original's
fingerprint, so that a library that was embedded with PyTorch on one machine can be searched with
ONNX Runtime on another.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from safelight.embedding.catalogue.digests import file_digest
from safelight.embedding.json_config import Configuration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "safelight.json"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Provenance of an export.

    Attributes
    ----------
    model : str
        What it was exported from, as ``--model`` takes it.
    dtype : str
        ``fp32``, ``fp16`` or ``int8``.
    original : str
        Fingerprint of what it was exported from.
    same_space : bool
        Whether its vectors may be compared with those of the original.
    files : mapping of str to str
        sha256 of its files: what was changed since is no longer the export.
    measured : mapping
        How near to the original it came, and how fast it was.
    """

    model: str
    dtype: str
    original: str
    same_space: bool
    files: Mapping[str, str] = field(hash=False)
    measured: Mapping[str, Any] = field(hash=False)


def write_provenance(folder: Path, provenance: Provenance) -> None:
    """Write ``safelight.json``."""
    text = json.dumps(asdict(provenance), indent=2, ensure_ascii=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def original_fingerprint(folder: Path) -> str | None:
    """Return the fingerprint of the model that the one in `folder` is an exact export of.

    None if it is no such export, or if a file was changed since.

    Raises
    ------
    ModelInvalid
        ``safelight.json`` cannot be read.
    """
    if not (folder / FILE).exists():
        return None
    values = Configuration.read(folder / FILE)
    if not values.flag("same_space", False):
        return None
    files = values.section("files").values
    if not files or any(_digest(folder / name) != sha256 for name, sha256 in files.items()):
        return None
    return str(values.need("original"))


def _digest(path: Path) -> str | None:
    return file_digest(path) if path.exists() else None
