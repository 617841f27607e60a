"""Vector stores that teams run already: fed from the library, searched instead of its own index.

The library stays the truth. What a store could not be told yet waits in the library, see
:mod:`safelight.library.outbox`.
"""

from __future__ import annotations

from safelight.stores.address import Address, parse_address
from safelight.stores.feeding import Sent, feed, sync
from safelight.stores.index import StoreIndex
from safelight.stores.opening import open_store
from safelight.stores.store import VectorStore

__all__ = [
    "Address",
    "Sent",
    "StoreIndex",
    "VectorStore",
    "feed",
    "open_store",
    "parse_address",
    "sync",
]
