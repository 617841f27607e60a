"""An open library with its settings and models: the first argument of every use case."""

from __future__ import annotations

import os
import pickle
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from safelight.api.progress import Reporting, as_progress
from safelight.arguments import as_kind, as_name, as_path
from safelight.errors import LibraryError, UsageError
from safelight.files.names import expanded
from safelight.forks import after_fork
from safelight.library.database import Database
from safelight.settings import Settings

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import TracebackType

    from safelight.embedding.base import Embedder
    from safelight.model_choice import Choice
    from safelight.types import Space


class Opened:
    """A database, the settings that go with it, and models that are loaded once.

    Attributes
    ----------
    model : str or None
        The model of every use case that names none; if None, the library's own is chosen.
    progress : bool or callable
        See :data:`safelight.api.progress.Reporting`.
    tell, warn : callable
        Given a sentence for the user: a note, a warning.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | Database | None = None,
        *,
        create: bool = True,
        settings: Settings | None = None,
        model: str | None = None,
        progress: Reporting = True,
        tell: Callable[[str], None] | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        if settings is not None:
            as_kind(settings, "settings", "what Settings.load returns", Settings)
        chosen = Settings.load() if settings is None else settings
        self.model = None if model is None else as_name(model, "model")
        self.progress = as_progress(progress)
        self.tell = tell or _note
        self.warn = warn or _warn
        if isinstance(path, Database):
            path.require_open()
            self._database = path
        else:
            if path is not None:
                named = expanded(as_name(as_path(path, "path"), "path"))
                chosen = replace(chosen, library=Path(named).absolute())
            self._database = _open(chosen.library, create=create)
        self._settings = replace(chosen, library=self._database.path)
        self._embedders: dict[str, Choice] = {}
        self._lock = threading.Lock()
        after_fork(self, Opened._renew)

    @property
    def database(self) -> Database:
        """The SQLite handle.

        Raises
        ------
        LibraryError
            The library was closed.
        """
        self._database.require_open()
        return self._database

    @property
    def settings(self) -> Settings:
        """The settings; their ``library`` is the path of the database.

        Raises
        ------
        LibraryError
            The library was closed.
        """
        self._database.require_open()
        return self._settings

    @property
    def path(self) -> Path:
        """Path of the library file."""
        return self._database.path

    @property
    def is_closed(self) -> bool:
        """True once it was closed. It is not opened again; make another one."""
        return self._database.is_closed

    @property
    def is_read_only(self) -> bool:
        """True once it turned out that it cannot be written here."""
        return self._database.is_read_only

    @property
    def connection(self) -> sqlite3.Connection:
        """Connection of this thread; for SQL of your own, prefer ``library.database``."""
        return self.database.connection

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """Run a block as one write transaction; prefer ``library.database``."""
        return self.database.transaction()

    def close(self) -> None:
        """Close every connection, and drop the models. To close it twice does no harm."""
        self._embedders.clear()
        self._database.close()

    def __enter__(self) -> Self:
        self._database.require_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._embedders.clear()
        self._database.__exit__(kind, error, trace)

    def __repr__(self) -> str:
        closed = ", closed" if self.is_closed else ""
        return f"{type(self).__name__}({str(self.path)!r}{closed})"

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        # Its models are loaded again where they are used.
        return _opened_again, (
            type(self),
            self.database,
            self.settings,
            self.model,
            _sendable(self.progress, "progress"),
            _sendable(self.tell, "tell"),
            _sendable(self.warn, "warn"),
        )

    @property
    def has_space(self) -> bool:
        """True if anything was ever embedded in it."""
        from safelight.library.spaces import default_space

        return default_space(self.database) is not None

    def space(self, model: str | None = None) -> Space:
        """Return the space of a model, or the default one; no model is loaded.

        Raises
        ------
        LibraryError
            Nothing was ingested yet, or nothing with this model.
        """
        from safelight.model_choice import choose_space

        return choose_space(self.database, self._named(model))

    def embedder(self, model: str | None = None) -> Embedder:
        """Return the model that searches use, loaded once.

        Raises
        ------
        LibraryError
            Nothing was ingested yet, or nothing with this model.
        ModelError
            The model cannot be loaded.
        """
        return self.choose_for_search(model).embedder

    def choose_for_search(self, model: str | None = None) -> Choice:
        """Return the model to search with; see :func:`safelight.model_choice.choose_for_search`."""
        from safelight.library.spaces import default_space, find_space, is_empty
        from safelight.model_choice import choose_for_search

        named = self._named(model)
        with self._lock:
            space = default_space(self.database)
            loaded = self._embedders.get(named or (space.fingerprint if space else ""))
            if (
                loaded is not None
                and space is not None
                and not is_empty(self.database, space)
                and find_space(self.database, loaded.embedder.fingerprint) is not None
            ):
                return loaded
            return self._keep(named, choose_for_search(self.database, self.settings, named))

    def choose_for_ingest(self, model: str | None = None) -> Choice:
        """Return the model to embed with; see :func:`safelight.model_choice.choose_for_ingest`."""
        from safelight.library.spaces import default_space
        from safelight.model_choice import choose_for_ingest

        named = self._named(model)
        with self._lock:
            space = default_space(self.database)
            loaded = self._embedders.get(named or (space.fingerprint if space else ""))
            if loaded is not None:
                return loaded
            choice = choose_for_ingest(
                self.database,
                self.settings,
                named,
                tell=self.tell,
                progress=self.progress is not False,
            )
            return self._keep(named, choice)

    def _named(self, model: str | None) -> str | None:
        return self.model if model is None else as_name(model, "model")

    def _keep(self, named: str | None, choice: Choice) -> Choice:
        if named is not None:
            self._embedders[named] = choice
        self._embedders[choice.embedder.fingerprint] = choice
        return choice


def _opened_again(
    kind: type[Opened], database: Database, settings: Settings, model: str | None, *told: Any
) -> Opened:
    progress, tell, warn = told
    return kind(database, settings=settings, model=model, progress=progress, tell=tell, warn=warn)


def _sendable(value: Any, name: str) -> Any:
    """Return what can be sent to another process.

    Raises
    ------
    UsageError
        It is a function of a function, or holds something that stays in its process.
    """
    try:
        pickle.dumps(value)
    except Exception as error:  # whatever its class raises
        raise UsageError(
            f"This library cannot be sent to another process: its `{name}`, {value!r}, cannot. Use "
            "a function of a module, or open the library there.",
            code="not-sendable",
        ) from error
    return value


def _open(path: Path, *, create: bool) -> Database:
    if not create and not os.path.lexists(path):
        # Database says it to people at a command line.
        raise LibraryError(
            f"There is no library at {path}. Make one with `safelight ingest FOLDER`, or with "
            "safelight.open(path).",
            code="no-library",
            path=str(path),
        )
    return Database(path, create=create)


def _note(text: str) -> None:
    from loguru import logger

    logger.info(text)


def _warn(text: str) -> None:
    from loguru import logger

    logger.warning(text)
