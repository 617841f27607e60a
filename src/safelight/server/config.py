"""Configuration of the server."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from safelight.server.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Addresses that the server listens on, and clients that it answers.

    Attributes
    ----------
    host, port
        Where it listens.
    roots : tuple of str
        Folders, absolute and without links, that clients may have ingested.
    needs_token : bool
        Whether every request for data needs one.
    allowed_hosts : tuple of str
        Names, besides the usual ones, by which it may be called.
    allowed_origins : tuple of str
        Other web pages that may use it, as in ``https://photos.example``.
    thumbnails_ahead : bool
        Whether thumbnails are made before anybody looks at their photos.
    limits : Limits
    """

    host: str = "127.0.0.1"
    port: int = 8080
    roots: tuple[str, ...] = ()
    needs_token: bool = False
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    thumbnails_ahead: bool = True
    limits: Limits = field(default_factory=Limits)


def is_loopback(host: str) -> bool:
    """Tell whether only programs of this machine can reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
