"""Data sets in Parquet: export a library or a vector store, import into a library or a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.api.sync import opened_store
from safelight.errors import UsageError
from safelight.exchange.parquet import (
    Exported,
    Imported,
    export_library,
    export_store,
    import_data_set,
    import_into_store,
)
from safelight.exchange.parquet.description import read_description
from safelight.exchange.parquet.locations import open_place
from safelight.library.database import Database
from safelight.model_choice import choose_space
from safelight.types import Space

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from safelight.settings import Settings

__all__ = ["Exported", "Imported", "export_data_set", "import_from_data_set"]


def export_data_set(
    settings: Settings,
    target: str,
    *,
    namespaces: str | Sequence[str] = (),
    space: str | None = None,
    from_store: str | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Exported:
    """Write the library of the settings, or the contents of a vector store, as a data set.

    Parameters
    ----------
    target : str
        A new folder, or a URL.
    namespaces : sequence of str
        Only files in these; all if empty.
    space : str, optional
        Model whose vectors to export, if not the one that searches use.
    from_store : str, optional
        Address of a vector store to read instead; the library need not exist then.
    overwrite : bool
        Replace the data set that is there.
    progress : callable
        Given the photos done, and all that there are.

    Raises
    ------
    UsageError
        Nothing says which space of a vector store is wanted.
    SafelightError
        The library or store cannot be read, or the data set cannot be written.
    """
    if from_store is not None:
        chosen = _space_of_store(settings, space)
        with opened_store(from_store, settings) as store:
            return export_store(
                store, target, chosen, namespaces=namespaces, overwrite=overwrite, progress=progress
            )
    with Database(settings.library, create=False) as library:
        return export_library(
            library,
            target,
            namespaces=namespaces,
            space=space,
            overwrite=overwrite,
            progress=progress,
        )


def import_from_data_set(
    settings: Settings,
    source: str,
    *,
    namespace: str | None = None,
    to_store: str | None = None,
    dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Imported:
    """Add the rows of a data set that the library of the settings lacks; it is made if need be.

    Parameters
    ----------
    source : str
        A folder that :func:`export_data_set` wrote, or a URL.
    namespace : str, optional
        Put all files into this one.
    to_store : str, optional
        Address of a vector store to fill instead, past every library.
    dry_run : bool
        Read everything and count what would be new; not for a store.
    progress : callable
        Given the photos done, and all that there are.

    Raises
    ------
    UsageError
        A dry run into a store.
    SafelightError
        `source` is not a data set, or the library or store cannot be written.
    """
    if to_store is not None:
        if dry_run:
            raise UsageError("A dry run compares with a library; a vector store has none.")
        with opened_store(to_store, settings) as store:
            return import_into_store(store, source, namespace=namespace, progress=progress)
    if not settings.library.exists():
        read_description(open_place(source))  # before a library is made for nothing
    with Database(settings.library) as library:
        return import_data_set(
            library,
            source,
            namespace=namespace,
            dry_run=dry_run,
            clusters_from=settings.clusters_from,
            progress=progress,
        )


def _space_of_store(settings: Settings, model: str | None) -> Space:
    """Return the space of the library; of a model, where there is no library any more."""
    if settings.library.exists():
        with Database(settings.library, create=False) as library:
            return choose_space(library, model)
    if model is None:
        raise UsageError(
            f"There is no library at {settings.library} to say what is in the store. Name the "
            "model that it was fed with: --space MODEL"
        )
    from safelight.embedding.load import load_embedder

    embedder = load_embedder(model, device=settings.device, threads=settings.threads)
    return Space(embedder.fingerprint, embedder.name, embedder.dimension, model)
