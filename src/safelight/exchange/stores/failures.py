"""Errors that every engine shares."""

from __future__ import annotations

from safelight.errors import StoreError


def owned_by_another(store: str, elsewhere: str) -> StoreError:
    """Return the error of a space that two libraries would feed."""
    return StoreError(
        f"{store} is fed by another library, and either would remove the other's photos. Use "
        f"{elsewhere}, or replace what is there: safelight sync --take-over",
        code="store-owned",
        store=store,
    )


def nothing_sent(store: str, name: str) -> StoreError:
    """Return the error of a space that a store never received."""
    return StoreError(
        f"{store} has no {name}: nothing was sent there yet. Do that with: safelight sync",
        code="store-empty",
        store=store,
    )
