"""Objects in forked processes: what the child must not use, and must not even let go of.

A fork copies memory and file descriptors, and only the thread that forks. A database connection,
an HTTP connection or a session of ONNX Runtime that came along belongs to both processes, and the
threads that it waits for are in one. So the child forgets it and makes its own.
See https://www.sqlite.org/howtocorrupt.html#_carrying_an_open_database_connection_across_a_fork_
and https://docs.python.org/3/library/os.html#os.fork.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: By owner: what it does in a child.
_watched: weakref.WeakKeyDictionary[Any, Callable[[Any], None]] = weakref.WeakKeyDictionary()


def after_fork(owner: T, renew: Callable[[T], None]) -> None:
    """Have ``renew(owner)`` called in each child that is forked while `owner` lives.

    It runs before anything else of the child, and is not to do more than drop what was inherited.
    """
    _watched[owner] = renew


def abandon(inherited: object) -> None:
    """Keep what was inherited from ever being closed, also at the end of the process.

    To close it would say goodbye on the parent's connection, or wait for the parent's threads.
    """
    if inherited is not None:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))


def renew_lock(lock: Any) -> None:
    """Have a module's lock open in each child, whichever thread of the parent held it."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lock._at_fork_reinit)


def _in_child() -> None:
    for owner, renew in list(_watched.items()):
        renew(owner)


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_in_child)
