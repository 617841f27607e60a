"""Vector stores that teams run already: fed from the library, and searched instead.

The library stays the truth. What a store could not be told yet waits in the library, see
:mod:`safelight.library.outbox`.
"""

from __future__ import annotations

from safelight.exchange.stores.address import Address, parse_address
from safelight.exchange.stores.base import VectorStore
from safelight.exchange.stores.feed import Sent, feed, sync
from safelight.exchange.stores.open import open_store
from safelight.exchange.stores.store_index import StoreIndex

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
