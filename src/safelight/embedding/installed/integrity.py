"""Integrity of a model's files, checked against published digests.

Every file is read again: neither digests that were kept nor the names of files are trusted.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from safelight.embedding.catalogue.catalogue import find_known, known_models
from safelight.embedding.json_config import Configuration
from safelight.embedding.names import plain_name
from safelight.embedding.provenance import FILE as PROVENANCE
from safelight.files import PHOTO_FILE, read_bytes, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from safelight.embedding.catalogue.catalogue import KnownModel
    from safelight.embedding.hub.cache import Download

Kind = Literal["announced", "catalogue", "recorded", "golden", "sanity"]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")

# Files that hold weights for PyTorch: what the catalogue has checksums of.
_WEIGHTS = (".pt", ".bin", ".safetensors")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    kind : str
        What it was compared with: the digest that the hub ``announced``, one in the
        ``catalogue``, one ``recorded`` when the model was written, values that were published
        (``golden``); or nothing (``sanity``).
    what : str
        The file, the text, the photo, or the side of the model.
    ok : bool or None
        None if there was nothing to compare with.
    detail : str
    """

    kind: Kind
    what: str
    ok: bool | None
    detail: str


def check_starter() -> list[Check]:
    """Check the files of the starter model."""
    from safelight.embedding.starter import WEIGHTS, compute_fingerprint, load_starter

    same = compute_fingerprint() == load_starter().fingerprint
    detail = "as when it was built" if same else "not as when it was built: reinstall safelight"
    return [Check("recorded", ", ".join(WEIGHTS), same, detail)]


def check_download(download: Download, known: KnownModel | None) -> list[Check]:
    """Check a model in the hub's cache.

    Parameters
    ----------
    download : Download
    known : KnownModel or None
        What it is in the catalogue.
    """
    if download.snapshot is None:
        return []
    checksums = known.checksums if known and download.repo == known.transformers else {}
    checks = []
    for path in sorted(p for p in download.snapshot.rglob("*") if p.is_symlink() or p.is_file()):
        name = path.relative_to(download.snapshot).as_posix()
        what = f"{name} of {download.repo}"
        # The cache calls a file by what the hub calls its digest: sha256, of small files git's.
        announced = path.readlink().name if path.is_symlink() else ""
        published = checksums.get(name)
        if not path.exists():
            checks.append(Check("announced", what, False, "is missing: its link leads nowhere"))
            continue
        if published:
            who = "its publisher gives"
            checks.append(_same("catalogue", what, sha256_of(path), published, who))
        if _SHA256.fullmatch(announced):
            checks.append(_same("announced", what, sha256_of(path), announced, "the hub announced"))
        elif _SHA1.fullmatch(announced):
            digest = _git_digest(path)
            checks.append(_same("announced", what, digest, announced, "the hub announced"))
        elif not published:
            checks.append(Check("announced", what, None, "its digest is not known"))
    return checks


def check_own(place: Path) -> tuple[list[Check], KnownModel | None]:
    """Check a folder or a file of the user's own, and tell what model it turns out to be.

    What was exported is compared with what was recorded then. Weights for PyTorch are looked up in
    the catalogue by their digest, whatever they are called.
    """
    if place.is_dir() and (place / PROVENANCE).exists():
        return _recorded(place)
    published = {
        digest: (known, name)
        for known in known_models()
        for name, digest in known.checksums.items()
    }
    files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
    checks, model = [], None
    for path in files:
        if path.suffix not in _WEIGHTS and path != place:
            continue
        if (found := published.get(sha256_of(path))) is not None:
            model, name = found
            detail = f"is {name} of {model.name}, as its publisher gives it"
            checks.append(Check("catalogue", path.name, True, detail))
    if not checks:
        checks.append(Check("catalogue", place.name, None, "no digest of its files is known"))
    return checks, model


def _recorded(folder: Path) -> tuple[list[Check], KnownModel | None]:
    said = Configuration.read(folder / PROVENANCE)
    checks = []
    for name, digest in said.section("files").values.items():
        path = folder / name
        if path.is_file():
            who = "was recorded when it was exported"
            checks.append(_same("recorded", name, sha256_of(path), str(digest), who))
        else:
            checks.append(Check("recorded", name, False, "is missing"))
    return checks, find_known(plain_name(str(said.need("model"))))


def _same(kind: Kind, what: str, digest: str, wanted: str, who: str) -> Check:
    if digest == wanted:
        return Check(kind, what, True, f"has the digest that {who}")
    return Check(kind, what, False, f"has the digest {digest}, but {who} {wanted}")


def _git_digest(path: Path) -> str:
    """Return the digest that git names a file by, as the hub does for small ones."""
    data = read_bytes(path, limit=PHOTO_FILE)
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
