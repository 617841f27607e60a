"""Logs of the services, as lines for people or as JSON for programs. Only commands call this."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from loguru import logger

if TYPE_CHECKING:
    from loguru import Message, Record


def log_to_stderr(*, as_json: bool = False, level: str = "INFO") -> None:
    """Send the log of this process to standard error, and nowhere else.

    Parameters
    ----------
    as_json : bool
        One object a line: ``time``, ``level``, ``service``, ``message``, and what is bound to the
        message, such as ``batch_id``, ``photo_id`` and ``seconds``. Otherwise
        ``LEVEL:service:message``.
    level : str
        The least that is told, ``DEBUG`` to ``ERROR``.
    """
    logger.remove()
    if as_json:
        logger.add(_write_json, level=level)
    else:
        logger.add(sys.stderr, format=_line, level=level, colorize=False)


def _line(record: Record) -> str:
    record["extra"].setdefault("service", "safelight")
    return "{level}:{extra[service]}:{message}\n{exception}"


def _write_json(message: Message) -> None:
    record = message.record
    line = {
        "time": record["time"].isoformat(timespec="milliseconds"),
        "level": record["level"].name,
        "service": "safelight",
        **record["extra"],
        "message": record["message"],
    }
    if (exception := record["exception"]) is not None and exception.type is not None:
        line["error"] = f"{exception.type.__name__}: {exception.value}"
    sys.stderr.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
