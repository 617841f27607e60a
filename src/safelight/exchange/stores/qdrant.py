"""Qdrant: a collection a space, a point an item.

Collections are called ``NAME_`` and the first sixteen digits of the space's fingerprint. A
point's id is ``uuid5(NAMESPACE_OID, photo id)``, so that it is the same whoever computes it.
"""

from __future__ import annotations

import contextlib
import ipaddress
import uuid
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from safelight.errors import StoreAway, StoreError, StoreRefused, UsageError
from safelight.exchange.stores.failures import nothing_sent, owned_by_another
from safelight.files.bounded_json import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    from qdrant_client import QdrantClient

    from safelight.exchange.stores.address import Address
    from safelight.library.documents import Document
    from safelight.types import Space

#: Neighbours that the engine looks at for each answer; its own 100 and more for more hits.
_EF = 128

#: Seconds for one request; a batch on a busy server takes a few.
_TIMEOUT = 30

_PAGE = 10_000

#: Points that are read at once with their vectors: 512 numbers each come to 5 MB of JSON.
_READ = 500
_INDEXED = {
    "namespace": "keyword",
    "labels": "keyword",
    "taken_at": "datetime",
    "library": "keyword",
}


def point_id(photo_id: str) -> str:
    """Return the id of a photo's point."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, photo_id))


def connect(address: Address, key: str | None = None) -> QdrantStore:
    """Return a store at a server or in a folder.

    Raises
    ------
    UsageError
        The extra is not installed.
    StoreError
        Another program uses the folder, or it cannot be used.
    """
    try:
        from qdrant_client import QdrantClient
    except ImportError as exc:
        raise UsageError(
            f"{address.shown} needs pip install 'safelight[qdrant]'.", code="missing-extra"
        ) from exc
    if address.kind == "qdrant-folder":
        try:
            client = QdrantClient(path=address.place)
        except RuntimeError as exc:
            raise StoreAway(
                f"{address.shown} is in use by another program. Wait for it to end; a Qdrant "
                "server serves several at once.",
                code="store-busy",
                store=address.shown,
            ) from exc
        except (OSError, ValueError, KeyError) as exc:
            raise StoreError(
                f"{address.shown} cannot be used as a Qdrant folder: {exc}. Name another.",
                store=address.shown,
            ) from exc
        return QdrantStore(client, address.shown, address.name, local=True)
    with warnings.catch_warnings():
        if _is_here(address.place):  # nobody can listen
            warnings.filterwarnings("ignore", "Api key is used with an insecure connection")
        client = QdrantClient(
            url=address.place, api_key=key, timeout=_TIMEOUT, check_compatibility=False
        )
    return QdrantStore(client, address.shown, address.name)


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class QdrantStore:
    """Items in a Qdrant server or folder; see :class:`safelight.exchange.stores.base.VectorStore`.

    Parameters
    ----------
    client : QdrantClient
    shown : str
        What to call it in messages.
    name : str
        What the names of its collections begin with.
    local : bool
        Whether the client runs in local mode, which scans everything and knows no indexes.
    """

    def __init__(
        self, client: QdrantClient, shown: str, name: str = "safelight", *, local: bool = False
    ) -> None:
        self._client = client
        self.shown = shown
        self._name = name
        self._local = local
        self._owner = ""

    def collection(self, fingerprint: str) -> str:
        """Return the name of a space's collection."""
        return f"{self._name}_{fingerprint[:16]}"

    def prepare(self, space: Space, owner: str, *, take_over: bool = False) -> None:
        from qdrant_client import models

        name = self.collection(space.fingerprint)
        with self._plainly(name):
            if not self._client.collection_exists(name):
                self._client.create_collection(
                    name,
                    vectors_config=models.VectorParams(
                        size=space.dimension, distance=models.Distance.COSINE
                    ),
                )
            if not self._local:
                for field, kind in _INDEXED.items():
                    schema = models.PayloadSchemaType(kind)
                    self._client.create_payload_index(name, field, schema, wait=True)
            found = self._client.get_collection(name).config.params.vectors
            others, _ = self._client.scroll(
                name, scroll_filter=_of_others(owner), limit=1, with_payload=["library"]
            )
        size = getattr(found, "size", None)
        if size != space.dimension:
            raise StoreError(
                f"The collection {name} of {self.shown} holds vectors of {size} numbers, not of "
                f"{space.dimension}. Somebody else made it; use {_elsewhere(self._local)}.",
                store=self.shown,
            )
        if others and not take_over:
            raise owned_by_another(self.shown, _elsewhere(self._local))
        self._owner = owner

    def put(self, fingerprint: str, documents: Sequence[Document]) -> None:
        from qdrant_client import models

        points = [
            models.PointStruct(
                id=point_id(each.photo_id),
                vector=each.vector.tolist(),
                payload=self._payload(each),
            )
            for each in documents
        ]
        name = self.collection(fingerprint)
        with self._plainly(name):
            self._client.upsert(name, points=points, wait=True)

    def _payload(self, document: Document) -> dict[str, Any]:
        return {
            **document.metadata,
            "photo_id": document.photo_id,
            "namespace": document.namespaces,
            "taken_at": document.taken_at,
            "labels": document.labels,
            "library": self._owner,
        }

    def remove(self, fingerprint: str, photo_ids: Sequence[str]) -> None:
        from qdrant_client import models

        name = self.collection(fingerprint)
        with self._plainly(name):
            self._client.delete(
                name,
                points_selector=models.PointIdsList(points=[point_id(each) for each in photo_ids]),
                wait=True,
            )

    def finish(self, fingerprint: str) -> None:
        """Do nothing: the server builds its indexes by itself."""

    def count(self, fingerprint: str) -> int:
        name = self.collection(fingerprint)
        with self._plainly(name):
            return int(self._client.count(name, exact=True).count)

    def ids(self, fingerprint: str) -> Iterator[str]:
        name = self.collection(fingerprint)
        offset: Any = None
        while True:
            with self._plainly(name):
                points, offset = self._client.scroll(
                    name, limit=_PAGE, offset=offset, with_payload=["photo_id"]
                )
            yield from _photo_ids(points)
            if offset is None:
                return

    def documents(self, fingerprint: str) -> Iterator[Document]:
        from safelight.library.documents import Document

        name = self.collection(fingerprint)
        offset: Any = None
        while True:
            with self._plainly(name):
                points, offset = self._client.scroll(
                    name, limit=_READ, offset=offset, with_payload=True, with_vectors=True
                )
            for point in points:
                payload = dict(point.payload or {})
                if "photo_id" in payload:  # points of other programs have none
                    payload.pop("library", None)
                    yield Document(
                        str(payload.pop("photo_id")),
                        np.asarray(point.vector, np.float32),
                        list(payload.pop("namespace", ())),
                        payload.pop("taken_at", None),
                        list(payload.pop("labels", ())),
                        payload,
                    )
            if offset is None:
                return

    def nearest(
        self,
        fingerprint: str,
        query: npt.NDArray[np.float32],
        k: int,
        *,
        namespace: str | None = None,
        among: Sequence[str] | None = None,
    ) -> list[str]:
        from qdrant_client import models

        conditions: list[Any] = []
        if namespace is not None:
            conditions.append(
                models.FieldCondition(key="namespace", match=models.MatchValue(value=namespace))
            )
        if among is not None:
            conditions.append(models.HasIdCondition(has_id=[point_id(each) for each in among]))
        how = None
        if not self._local:  # which is always exact, and warns of being told how
            how = models.SearchParams(hnsw_ef=max(_EF, k), exact=among is not None)
        name = self.collection(fingerprint)
        with self._plainly(name):
            found = self._client.query_points(
                name,
                query=query.tolist(),
                limit=k,
                query_filter=models.Filter(must=conditions) if conditions else None,
                search_params=how,
                with_payload=["photo_id"],
            )
        return _photo_ids(found.points)

    def drop(self, fingerprint: str) -> None:
        name = self.collection(fingerprint)
        with self._plainly(name):
            if self._client.collection_exists(name):
                self._client.delete_collection(name)

    def close(self) -> None:
        self._client.close()

    @contextlib.contextmanager
    def _plainly(self, collection: str) -> Iterator[None]:
        """Turn what the client raises into what it means."""
        from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
        from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

        try:
            yield
        except ResponseHandlingException as exc:
            if isinstance(exc.source, ValueError):
                raise self._no_qdrant() from exc
            raise StoreAway(
                f"{self.shown} does not answer: {_reason(exc.source)}. Start the server, or "
                "correct the address.",
                store=self.shown,
            ) from exc
        except ResourceExhaustedResponse as exc:
            raise StoreAway(f"{self.shown} is overloaded: {exc}.", store=self.shown) from exc
        except UnexpectedResponse as exc:
            raise self._error(exc.status_code or 0, _said(exc.content), collection) from exc
        except ValueError as exc:
            if not self._local:
                raise
            missing = "not found" in str(exc) and collection in str(exc)
            raise self._error(404 if missing else 400, str(exc), collection) from exc

    def _no_qdrant(self) -> StoreError:
        return StoreError(
            f"What answers at {self.shown} is not a Qdrant server. Correct the address.",
            store=self.shown,
        )

    def _error(self, status: int, said: str | None, collection: str) -> StoreError:
        if status in (401, 403):
            return StoreError(
                f"{self.shown} does not let safelight in ({status}). Set SAFELIGHT_STORE_KEY to "
                "an API key that may write.",
                code="store-key",
                store=self.shown,
            )
        if status == 429 or status >= 500:
            why = said or f"it answers {status}"
            return StoreAway(f"{self.shown} cannot do it now: {why}.", store=self.shown)
        if said is None:
            return self._no_qdrant()
        if status == 404:
            return nothing_sent(self.shown, collection)
        return StoreRefused(f"{self.shown} refuses: {said}.", store=self.shown)


def _elsewhere(local: bool) -> str:
    return "another folder" if local else "another name in it, as in qdrant://HOST/NAME"


def _photo_ids(points: Sequence[Any]) -> list[str]:
    # Points of other programs have none.
    return [str(point.payload["photo_id"]) for point in points if point.payload]


def _of_others(owner: str) -> Any:
    from qdrant_client import models

    return models.Filter(
        must_not=[models.FieldCondition(key="library", match=models.MatchValue(value=owner))]
    )


def _said(content: bytes) -> str | None:
    """Return a Qdrant server's text about an error; None if another server answered."""
    try:
        return str(parse_json(content)["status"]["error"]).strip().rstrip(".")
    except (ValueError, KeyError, TypeError):
        return None


def _reason(cause: BaseException) -> str:
    text = str(cause).strip().rstrip(".")
    return " ".join(text.split()) or type(cause).__name__
