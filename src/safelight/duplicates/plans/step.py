"""Step of a plan: the operation on one file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done to one file.

    Attributes
    ----------
    number : int
    do : str
        ``move``, ``trash``, ``link``, or ``sidecar``: one was added to.
    path : str
    to : str or None
        Where it was moved; of a link, the file that was kept.
    sha256 : str
        Of what was at `path` before; of a new sidecar, the empty text.
    size, mtime_ns, mode : int
        Of what was there before.
    photo_id : str or None
        None of a sidecar.
    group : str
    after : str or None
        Of a sidecar that was added to, its new sha256.
    backup : str or None
        And where it lies as it was before; None: there was none.
    note : str or None
        Of the trash, the file that tells the desktop where the other came from.
    at : str or None
        When it was begun, ISO 8601, UTC.
    links : int
        Names that the file had; its bytes are free only when the last one is gone.
    inode : str or None
        By which other names of the same file are known.
    """

    number: int
    do: str
    path: str
    to: str | None
    sha256: str
    size: int
    mtime_ns: int
    mode: int
    photo_id: str | None
    group: str
    after: str | None = None
    backup: str | None = None
    note: str | None = None
    at: str | None = None
    links: int = 1
    inode: str | None = None
