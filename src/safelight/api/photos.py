"""Photos of a library: iterated, as a matrix of vectors, as columns of facts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from safelight.arguments import as_name
from safelight.errors import LibraryError, QueryError
from safelight.library.browse import Filter, matching, present
from safelight.library.photos import Photo, PhotoFile, PhotoLabel, ids_beginning, read_photo

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa

    from safelight.api.opened import Opened
    from safelight.api.tables import Columns
    from safelight.library.changes import Change
    from safelight.library.forget import Forgotten

__all__ = ["Photo", "PhotoFile", "PhotoLabel", "Photos", "photo", "photos"]

_EXIF = (
    "camera_make",
    "camera_model",
    "lens",
    "exposure_time",
    "f_number",
    "iso",
    "focal_length",
    "latitude",
    "longitude",
    "altitude",
)


class Photos(Sequence[Photo]):
    """Photos to which a filter applies; each is read when it is needed.

    Row `i` of :meth:`vectors` and of :meth:`facts` is photo `i`.

    Attributes
    ----------
    ids : tuple of str
    """

    def __init__(
        self, library: Opened, keys: Sequence[int], ids: Sequence[str], where: Filter
    ) -> None:
        self.ids = tuple(ids)
        self._library = library
        self._keys = tuple(keys)
        self._where = where

    @overload
    def __getitem__(self, at: int) -> Photo: ...
    @overload
    def __getitem__(self, at: slice) -> Photos: ...
    def __getitem__(self, at: int | slice) -> Photo | Photos:
        if isinstance(at, slice):
            return Photos(self._library, self._keys[at], self.ids[at], self._where)
        return read_photo(self._library.database, self.ids[at], self._where.namespaces)

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Photo]:
        """Yield the photos, without those that were forgotten since they were listed."""
        for photo_id in self.ids:
            try:
                yield read_photo(self._library.database, photo_id, self._where.namespaces)
            except LibraryError as error:
                if error.code != "no-photo":
                    raise

    def __repr__(self) -> str:
        return f"<{len(self):,} photos of {self._library.path}>"

    @property
    def paths(self) -> list[str]:
        """A file of each photo."""
        from safelight.library.files import places

        at = places(
            self._library.database,
            list(self._keys),
            namespaces=self._where.namespaces,
            under=self._where.under,
        )
        return [at[key].path if key in at else "" for key in self._keys]

    def vectors(self, space: str | None = None) -> npt.NDArray[np.float32]:
        """Return the vectors of the photos in a space, (n, dimension).

        Parameters
        ----------
        space : str, optional
            A model's name or a fingerprint; the library's default if not given.

        Returns
        -------
        (n, dimension) float32 array
            Unit length; NaN where a photo has no vector in this space.

        Raises
        ------
        LibraryError
            Nothing was ingested yet, or nothing with this model.
        """
        from safelight.library.items import vectors_by_key
        from safelight.library.spaces import find_named_space

        library = self._library
        if space is None:
            chosen = library.space()
        else:
            chosen = find_named_space(library.database, as_name(space, "space"))
        found = vectors_by_key(library.database, self._keys, chosen.fingerprint)
        matrix = np.full((len(self), chosen.dimension), np.nan, np.float32)
        for row, key in enumerate(self._keys):
            if key in found:
                matrix[row] = found[key]
        return matrix

    def facts(self) -> Columns:
        """Return the facts of the photos as columns; None where unknown.

        ``score_NAME`` are scores from 0 to 1, ``labels`` the labels that apply (None if the photo
        was never labelled).
        """
        from safelight.api.tables import Columns
        from safelight.library.attributes.labels import applying_labels
        from safelight.library.attributes.scores import read_scores
        from safelight.library.photo_facts import photo_facts
        from safelight.library.spaces import default_space

        database = self._library.database
        known = photo_facts(database, self.ids)
        scores = read_scores(database, self.ids)
        space = default_space(database)
        labels = applying_labels(database, self._keys, space.fingerprint) if space else {}
        exif: list[Any] = [known[each].exif if each in known else {} for each in self.ids]
        columns: dict[str, Sequence[Any]] = {"photo_id": self.ids, "path": self.paths}
        for name in ("format", "width", "height", "size"):
            columns[name] = [getattr(known.get(each), name, None) for each in self.ids]
        for name in ("taken_at", *_EXIF):
            columns[name] = [each.get(name) for each in exif]
        columns["labels"] = [labels.get(key) for key in self._keys]
        for name in sorted({name for each in scores.values() for name in each}):
            records = [scores.get(each, {}).get(name) for each in self.ids]
            columns[f"score_{name}"] = [each.score if each else None for each in records]
        return Columns(columns)

    def to_pandas(self) -> pd.DataFrame:
        """Return the facts as a DataFrame; see :meth:`facts`."""
        return self.facts().to_pandas()

    def to_arrow(self) -> pa.Table:
        """Return the facts as an Arrow table; see :meth:`facts`."""
        return self.facts().to_arrow()

    def _repr_html_(self) -> str:
        from safelight.api.gallery import SHOWN, Picture, gallery

        first = self[:SHOWN]
        pictures = [
            Picture(photo_id, path, os.path.basename(path))
            for photo_id, path in zip(first.ids, first.paths, strict=True)
        ]
        return gallery(f"{len(self):,} photos", pictures, len(self))


def photos(
    library: Opened,
    where: Filter | str | None = None,
    *,
    namespace: str | None = None,
    order: str | None = "-taken",
    **options: Any,
) -> Photos:
    """Return the photos to which a filter applies.

    See :meth:`safelight.api.library.Library.photos` for what it takes.

    Raises
    ------
    QueryError
        The text has more than filters.
    LibraryError
        There is no such namespace, folder, label or metric.
    """
    from safelight.api.search import search_options
    from safelight.search.engine import require_named

    condition = _filter(where) if isinstance(where, str) else where
    chosen = search_options(where=condition, namespace=namespace, order=order, **options)
    filter_ = replace(chosen.where, photos_only=True)
    database = library.database
    require_named(database, filter_)
    keys = matching(database, filter_, chosen.order)
    ids = present(database, keys, filter_)
    there = [key for key in keys if key in ids]
    return Photos(library, there, [ids[key] for key in there], filter_)


def photo(library: Opened, photo_id: str) -> Photo:
    """Return all that a library knows about one photo.

    Parameters
    ----------
    photo_id : str
        Or its beginning, at least 6 digits.

    Raises
    ------
    LibraryError
        There is no such photo, or more than one.
    """
    return read_photo(library.database, _named(library, photo_id))


def forget(
    library: Opened,
    photo_id: str,
    *,
    namespace: str | None = None,
    decisions: bool = False,
    dry_run: bool = False,
) -> Forgotten:
    """Forget one photo, and what was computed of it; its file is never touched.

    Parameters
    ----------
    photo_id : str
        Or its beginning, at least 6 digits.
    namespace : str, optional
        Only its files in it.
    decisions : bool
        Also what was decided about it.
    dry_run : bool
        Only count.

    Raises
    ------
    LibraryError
        There is no such photo, or more than one.
    """
    from safelight.ingest.forget import forget_photo
    from safelight.library.files import require_namespace

    require_namespace(library.database, namespace)
    return forget_photo(
        library.database,
        _named(library, photo_id),
        namespaces=None if namespace is None else (namespace,),
        decisions=decisions,
        dry_run=dry_run,
    )


def changes(
    library: Opened, since: str | None = None, *, namespace: str | None = None
) -> Iterator[Change]:
    """Yield what was added, changed and removed since a cursor, in order.

    Parameters
    ----------
    since : str, optional
        The ``cursor`` of the last change that is known; all photos are new if not given.
    namespace : str, optional
        Only changes in it; a cursor belongs to what it was asked for with.

    Raises
    ------
    UsageError
        With the code ``cursor``: it is broken, or of another library or namespace.
    LibraryError
        With the code ``cursor-expired``: begin again without a cursor.
    """
    from safelight.library.changes import page_of_changes
    from safelight.library.files import require_namespace

    require_namespace(library.database, namespace)
    if since is not None:
        as_name(since, "since")
    namespaces = None if namespace is None else (namespace,)

    def pages() -> Iterator[Change]:
        cursor = since
        while True:
            page = page_of_changes(library.database, cursor, namespaces=namespaces)
            yield from page.changes
            if page.is_last:
                return
            cursor = page.cursor

    return pages()


def _named(library: Opened, photo_id: str) -> str:
    wanted = as_name(photo_id, "photo_id").lower()
    found = ids_beginning(library.database, wanted)
    if len(found) != 1 or len(wanted) < 6:
        many = "more than one photo" if len(found) > 1 else "no photo"
        raise LibraryError(f"There is {many} {photo_id!r} here.", code="no-photo")
    return found[0]


def _filter(text: str) -> Filter:
    from safelight.search.query import parse_query

    query = parse_query(text) if text.strip() else None
    if query is not None and query.terms:
        raise QueryError(
            f"{text!r} has words besides filters. Find photos by words with library.search."
        )
    return Filter().with_facts(query.where if query else None)
