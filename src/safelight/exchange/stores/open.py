"""Open the store at an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.exchange.stores.address import parse_address

if TYPE_CHECKING:
    from safelight.exchange.stores.base import VectorStore


def open_store(address: str, *, key: str | None = None) -> VectorStore:
    """Return the store at `address`; no request is sent yet.

    Parameters
    ----------
    address : str
        See :mod:`safelight.exchange.stores.address`.
    key : str, optional
        The API key of a Qdrant server.

    Raises
    ------
    SettingsError
        This is not an address.
    UsageError
        The extra for this engine is not installed.
    StoreError
        A folder is in use by another program.
    """
    found = parse_address(address)
    if found.kind == "postgresql":
        from safelight.exchange.stores.postgres import PostgresStore

        return PostgresStore(found)
    from safelight.exchange.stores.qdrant import connect

    return connect(found, key)
