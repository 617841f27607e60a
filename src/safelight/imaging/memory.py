"""Memory budget for decoding: counted in bytes, large pictures one at a time.

File sizes are not a measure: a PNG of 0.8 MB can hold 100 million pixels of 16 bits, four channels,
which take 400 MB in Pillow and three times as much while colours are converted. Eight of them at
once took 6.6 GB (2026-11-27).
"""

from __future__ import annotations

import contextlib
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from safelight.errors import DecodeError
from safelight.forks import renew_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Decoding that takes more memory than this waits until no other such is under way.
LARGE = 256 * 2**20

#: Bytes of a pixel as Pillow keeps it, by mode; all others take four. Of a palette one, but the
#: second copy has colours of four.
_PIXEL_BYTES = {"1": 1, "L": 1, "P": 2, "I;16": 2, "I;16B": 2, "I;16L": 2}

#: The decoder's picture, the one made of it in other colours, and what numpy is given.
_COPIES = 3

#: Share of this machine's memory that one picture may take.
_SHARE = 0.6

# An inner picture, such as the preview of a RAW file, is decoded within the same permission.
_large = threading.RLock()
renew_lock(_large)
_here = threading.local()


class LargePicture(Exception):
    """A picture is large, and this thread has been told not to wait for its turn."""


def decoded_bytes(size: tuple[int, int], mode: str = "RGB", *, sample_bytes: int = 1) -> int:
    """Return about how much memory decoding takes at its peak.

    Parameters
    ----------
    size : (int, int)
        As the decoder yields it: a JPEG scaled down while it is decoded is smaller.
    mode : str
        Pillow's.
    sample_bytes : int
        Of a decoder that keeps more than 8 bits a channel.

    Examples
    --------
    >>> decoded_bytes((10_000, 10_000), "RGBA") // 2**20
    1144
    """
    width, height = size
    return width * height * _PIXEL_BYTES.get(mode, 4) * sample_bytes * _COPIES


@contextlib.contextmanager
def hold(count: int) -> Iterator[None]:
    """Have memory for a picture while the block lasts; wait for it if the picture is large.

    Raises
    ------
    DecodeError
        With the code ``too-large``: this machine has not so much.
    LargePicture
        It is large, and the thread is in :func:`small_only`.
    """
    if count <= LARGE:
        yield
        return
    if count > _most():
        raise DecodeError(
            f"needs some {count / 2**30:.1f} GiB of memory to decode, more than this machine can "
            "spare; make it smaller",
            code="too-large",
        )
    if getattr(_here, "small_only", False):
        raise LargePicture
    with _large:
        try:
            yield
        finally:
            _give_back()


@contextlib.contextmanager
def small_only() -> Iterator[None]:
    """Let no large picture be decoded by this thread: :class:`LargePicture` is raised instead.

    For threads that many share: others' small pictures are not to wait behind a large one.
    """
    _here.small_only = True
    try:
        yield
    finally:
        _here.small_only = False


def _give_back() -> None:
    # glibc keeps what was freed for the thread that had it: 400 MB for each of four threads.
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    import ctypes
    import sys

    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


@cache
def _most() -> int:
    import psutil

    return max(2**30, int(_SHARE * psutil.virtual_memory().total))
