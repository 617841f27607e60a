"""Events between services, and the interface of every bus.

Each event tells that a batch went through a service: ``ingest.completed``,
``preprocess.completed``, ``features.completed``. ``ingest.requested`` starts it all.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from safelight.errors import UsageError
from safelight.pipeline.files import parse_object, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: What the first service is started by.
REQUESTED = "ingest.requested"

_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Event:
    """Event about a batch.

    Attributes
    ----------
    name : str
        ``SERVICE.completed`` or ``SERVICE.requested``.
    batch_id : str
    created_at : str
        UTC, ISO 8601.
    batch : mapping or None
        The batch itself, or
    batch_uri : str or None
        the file that holds it, where it is larger than what the bus carries.
    """

    name: str
    batch_id: str
    created_at: str
    batch: Mapping[str, Any] | None = None
    batch_uri: str | None = None

    def encode(self) -> bytes:
        """Return the event as JSON, as a bus carries it."""
        body = {"batch_uri": self.batch_uri} if self.batch is None else {"batch": self.batch}
        head = {"event": self.name, "batch_id": self.batch_id, "created_at": self.created_at}
        return to_json({**head, **body})


@dataclass(frozen=True, slots=True)
class Policy:
    """Delivery policy: time for an acknowledgement, and number of attempts.

    Attributes
    ----------
    ack_wait : float
        Seconds without a word after which a delivery counts as lost, and is made again.
    max_deliver : int
        How often a batch is delivered before it is put with the dead letters.
    backoff : sequence of float
        Seconds before the second delivery, the third, ...; the last holds for all further ones.
    """

    ack_wait: float = 30.0
    max_deliver: int = 8
    backoff: Sequence[float] = (1, 2, 4, 8, 16, 30)

    def pause(self, attempt: int) -> float:
        """Return the seconds to wait after delivery number `attempt` failed."""
        return self.backoff[min(attempt, len(self.backoff)) - 1] if self.backoff else 0.0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery that nobody could make use of.

    Attributes
    ----------
    key : str
        Names it among those of the bus.
    durable : str
        Who could not.
    name : str
        Of the event.
    batch_id : str or None
        None if the message does not say it.
    reason : str
    attempts : int
        How often it was delivered.
    died_at : str
        UTC, ISO 8601.
    payload : bytes
        The message as it came.
    """

    key: str
    durable: str
    name: str
    batch_id: str | None
    reason: str
    attempts: int
    died_at: str
    payload: bytes

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {
            "key": self.key,
            "service": self.durable,
            "event": self.name,
            "batch_id": self.batch_id,
            "reason": self.reason,
            "attempts": self.attempts,
            "died_at": self.died_at,
            "payload": self.payload.decode("utf-8", "backslashreplace"),
        }


class Delivery(Protocol):
    """An event that was given to one consumer, which has to say what became of it.

    Attributes
    ----------
    event : Event
    attempt : int
        1 for the first.
    """

    @property
    def event(self) -> Event: ...
    @property
    def attempt(self) -> int: ...

    async def ack(self) -> None:
        """Acknowledge: it is not delivered to this durable name again."""
        ...

    async def in_progress(self) -> None:
        """Extend the delivery: the wait begins again."""
        ...

    async def give_back(self) -> None:
        """Give the batch back unprocessed; it is delivered again at once."""
        ...

    async def fail(self, reason: str) -> None:
        """Report a failure: it is delivered again after a pause, or dead after the last attempt."""
        ...

    async def bury(self, reason: str) -> None:
        """Make it a dead letter at once, because it can never succeed."""
        ...


class Subscription(Protocol):
    """The deliveries to one durable name."""

    async def next(self, timeout: float) -> Delivery | None:
        """Return the next delivery, or None if there is none for `timeout` seconds."""
        ...


class EventBus(Protocol):
    """Carries events from services to services.

    Of each batch an event of a name is published once, and whoever subscribes under a durable
    name is delivered every one that was ever published, until it is acknowledged under that name.
    Consumers with the same durable name share the events.

    Attributes
    ----------
    limit : int
        Bytes of the largest event that it carries.
    """

    @property
    def limit(self) -> int: ...

    async def publish(self, event: Event) -> bool:
        """Publish an event; return False if there is one of this name and batch already."""
        ...

    async def published(self, name: str, batch_id: str) -> bool:
        """Tell whether an event of this name was published for this batch, however long ago."""
        ...

    async def subscribe(
        self, name: str, durable: str, policy: Policy | None = None
    ) -> Subscription:
        """Return the deliveries of the events of this name."""
        ...

    async def dead(self) -> list[DeadLetter]:
        """Return the dead letters, oldest first."""
        ...

    async def retry(self, letter: DeadLetter) -> None:
        """Deliver a dead letter again, to whom it was delivered before, and forget it."""
        ...

    async def drop(self, letter: DeadLetter) -> None:
        """Forget a dead letter."""
        ...

    async def close(self) -> None:
        """Release all resources."""
        ...


def new_event(name: str, batch: Mapping[str, Any]) -> Event:
    """Return an event about a batch, of now.

    Raises
    ------
    UsageError
        The name is none, or the batch has no ``batch_id``.

    Examples
    --------
    >>> new_event("ingest.completed", {"batch_id": "b1", "photo_index": []}).batch_id
    'b1'
    """
    check_name(name)
    return Event(name, batch_id_of(batch, "The batch"), now(), batch)


def decode(data: bytes) -> Event:
    """Return the event that a message holds.

    Raises
    ------
    UsageError
        It holds none.
    """
    found = parse_object(data, "The message")
    batch_id = batch_id_of(found, "The message")
    name, created_at = found.get("event"), found.get("created_at")
    if not isinstance(name, str):
        raise UsageError("The message does not say which event it is.", code="bad-event")
    check_name(name)
    batch, uri = found.get("batch"), found.get("batch_uri")
    if isinstance(batch, dict):
        inner = batch.setdefault("batch_id", batch_id)
        if inner != batch_id:
            raise UsageError(
                f"The message is about batch {batch_id}, but holds {inner!r}.", code="bad-event"
            )
        return Event(name, batch_id, str(created_at), batch)
    if not isinstance(uri, str) or not uri:
        raise UsageError("The message has neither batch nor batch_uri.", code="bad-event")
    return Event(name, batch_id, str(created_at), batch_uri=uri)


def batch_id_of(batch: Mapping[str, Any], what: str) -> str:
    """Return the ``batch_id`` of an object.

    Raises
    ------
    UsageError
        It has none; `what` is what the message calls the object.
    """
    batch_id = batch.get("batch_id")
    if not isinstance(batch_id, str) or not batch_id:
        raise UsageError(f"{what} has no batch_id.", code="bad-batch")
    return batch_id


def check_name(name: str) -> None:
    """Raise unless `name` could be an event's."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not an event; one is called as in features.completed.", code="bad-event"
        )


def token(batch_id: str) -> str:
    """Return the token of a batch in subjects and file names: its id, or a digest of it.

    Examples
    --------
    >>> token("batch_20251017_105804")
    'batch_20251017_105804'
    >>> token("my batch/1")
    '~bc91ec791f15e992c63cb5c1dd9bdfc7'
    """
    if _PLAIN.fullmatch(batch_id):
        return batch_id
    return "~" + hashlib.sha256(batch_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def now() -> str:
    """Return this moment in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
