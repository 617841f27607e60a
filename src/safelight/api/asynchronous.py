"""The library for servers: the same methods, awaited, in worker threads."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any, Self

from safelight.api.library import Library

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

    from safelight.library.database import Database
    from safelight.settings import Settings


class AsyncLibrary:
    """Twin of :class:`Library` whose methods are awaited; takes what it takes.

    Each method runs in a worker thread, so that the event loop goes on. What a method returns is
    as from :class:`Library`: give long work on it to ``asyncio.to_thread``.

    Attributes
    ----------
    library : Library

    Examples
    --------
    >>> from safelight import AsyncLibrary
    >>> async def find():                                            # doctest: +SKIP
    ...     async with AsyncLibrary("photos.db") as library:
    ...         return await library.search("a dog in the snow")
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self.library = Library(*args, **options)

    @property
    def database(self) -> Database:
        """The SQLite handle."""
        return self.library.database

    @property
    def settings(self) -> Settings:
        """The settings of the library."""
        return self.library.settings

    async def __aenter__(self) -> Self:
        self.library.database.require_open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.library.__exit__, kind, error, trace)

    def __repr__(self) -> str:
        return f"Async{self.library!r}"

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]: ...


def _awaited(method: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    @functools.wraps(method)
    async def run(self: AsyncLibrary, *args: Any, **options: Any) -> Any:
        return await asyncio.to_thread(method, self.library, *args, **options)

    return run


for _name, _method in inspect.getmembers(Library, inspect.isfunction):
    if not _name.startswith("_") and _name != "transaction":
        setattr(AsyncLibrary, _name, _awaited(_method))
