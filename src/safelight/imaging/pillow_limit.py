"""Pillow's own limit of pixels, lifted for pictures whose size was checked against ours.

``Image.MAX_IMAGE_PIXELS`` belongs to the whole process, in which other threads, and who uses
safelight as a library, may rely on it. Pillow's TIFF and WebP decoders look at it by themselves, so
that of photos of one size some were refused and some not.
"""

from __future__ import annotations

import contextlib
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_here = threading.local()


@contextlib.contextmanager
def lifted() -> Iterator[None]:
    """Let this thread open and decode pictures of any size with Pillow while the block lasts."""
    _install()
    depth = getattr(_here, "depth", 0)
    _here.depth = depth + 1
    try:
        yield
    finally:
        _here.depth = depth


@cache
def _install() -> None:
    from PIL import Image

    usual: Any = getattr(Image, "_decompression_bomb_check", None)
    if usual is None:  # a Pillow to come: its limit holds, and the reason says so
        return

    def check(*args: Any, **kwargs: Any) -> None:
        if not getattr(_here, "depth", 0):
            usual(*args, **kwargs)

    Image._decompression_bomb_check = check
