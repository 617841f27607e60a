"""Silence libtiff, whose messages about damaged files would end up in JSON and logs.

It writes to standard error by itself, from whichever thread decodes. Whether a photo is damaged is
told by Pillow's exception; libtiff's words add the number of a scanline.
"""

from __future__ import annotations

import contextlib
import ctypes
from functools import cache


@cache
def silence_libtiff() -> None:
    """Take libtiff's handlers of errors and warnings away, for the whole process."""
    from PIL import _imaging

    # Looked up in Pillow's own libtiff, with which it is linked; on Windows it is part of Pillow,
    # and cannot be reached.
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(_imaging.__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            setter = getattr(library, name)
            setter.argtypes = [ctypes.c_void_p]
            setter.restype = ctypes.c_void_p
            setter(None)
