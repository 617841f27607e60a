"""Dead letters as NATS messages: the original message, with the reason in headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.errors import UsageError
from safelight.pipeline.bus.events import DeadLetter, decode, now

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js.api import RawStreamMsg

_REASON_LETTERS = 2000


def headers_of(message: Msg, durable: str, name: str, reason: str) -> dict[str, str]:
    """Return the headers that tell why a message is with the dead letters."""
    return {
        "Safelight-Reason": _ascii(reason),
        "Safelight-Durable": durable,
        "Safelight-Event": name,
        "Safelight-Batch-Id": _ascii(_batch_id(message.data) or ""),
        "Safelight-Attempts": str(message.metadata.num_delivered),
        "Safelight-Died-At": now(),
    }


def as_letter(found: RawStreamMsg) -> DeadLetter:
    """Return the dead letter that a message of its stream is."""
    headers = found.headers or {}
    return DeadLetter(
        key=str(found.seq),
        durable=headers.get("Safelight-Durable", ""),
        name=headers.get("Safelight-Event", ""),
        batch_id=_batch_id(found.data or b""),
        reason=headers.get("Safelight-Reason", ""),
        attempts=int(headers.get("Safelight-Attempts", "0")),
        died_at=headers.get("Safelight-Died-At", ""),
        payload=found.data or b"",
    )


def _batch_id(data: bytes) -> str | None:
    try:
        return decode(data).batch_id
    except UsageError:
        return None


def _ascii(text: str) -> str:
    """Return a text as a header may hold it: one line, in ASCII, not too long."""
    line = " ".join(text.split())
    return line.encode("ascii", "backslashreplace").decode()[:_REASON_LETTERS]
