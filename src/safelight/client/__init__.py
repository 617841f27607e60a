"""A server's API from Python: :class:`Client`, and :class:`AsyncClient` with the same methods.

>>> from safelight.client import Client
>>> with Client("http://127.0.0.1:8080") as client:                  # doctest: +SKIP
...     for hit in client.images_search("a dog in the snow - people", limit=5).hits:
...         print(f"{hit.score:.3f} {hit.path}")

What the server refuses is raised as the library itself would raise it, with the same ``code``.
Needs the ``client`` extra, and nothing of the server's.
"""

from __future__ import annotations

from safelight.client.asynchronous import AsyncClient
from safelight.client.synchronous import Client

__all__ = ["AsyncClient", "Client"]
