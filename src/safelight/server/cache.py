"""Cache of a library's data in memory, dropped when the library changes.

SQLite tells a connection cheaply whether any other has written. That is asked twice a second, and
after each of our own writes; whatever is kept belongs to a generation, and is gone with it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from safelight.library.check import data_version

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from safelight.library.database import Database


class Freshness:
    """The generation of a library: a number that grows whenever somebody has written.

    Parameters
    ----------
    library : Database
    """

    def __init__(self, library: Database) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._connection = library.separate_connection()
        self._seen = -1
        self.generation = 0
        self.look()

    def look(self) -> int:
        """Return the generation, after a look at the library."""
        with self._lock:
            version = data_version(self._connection)
            if version != self._seen:
                self._seen = version
                self.generation += 1
            return self.generation


class Kept:
    """The last few results of something that depends on nothing but its key and the library.

    Parameters
    ----------
    size : int
        How many are kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._results: OrderedDict[Hashable, tuple[int, Any]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, generation: int, make: Callable[[], Any]) -> Any:
        """Return the result for a key, made if there is none of this generation.

        Those who ask for the same at once wait for the first of them.
        """
        with self._lock:
            found = self._results.get(key)
            if found is not None and found[0] == generation:
                self._results.move_to_end(key)
                return found[1]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                found = self._results.get(key)
            if found is not None and found[0] == generation:
                return found[1]
            try:
                made = make()
            finally:
                with self._lock:
                    self._making.pop(key, None)
            with self._lock:
                self._results[key] = (generation, made)
                self._results.move_to_end(key)
                while len(self._results) > self._size:
                    self._results.popitem(last=False)
            return made
