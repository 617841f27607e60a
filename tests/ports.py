"""Ports for servers that tests start."""

from __future__ import annotations

import contextlib
import random
import socket

_CHANCE = random.SystemRandom()  # the other one gives each process of the tests the same numbers


def free_port() -> int:
    """Return a port of this machine that nobody has.

    It is none that the system gives to who connects somewhere, which could happen before the
    server has it.
    """
    while True:
        port = _CHANCE.randrange(10_000, 32_768)
        with contextlib.suppress(OSError), socket.socket() as found:
            found.bind(("127.0.0.1", port))
            return port
