"""Run the server until somebody stops it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import uvicorn
from loguru import logger

from safelight.errors import SafelightError, UsageError
from safelight.server.app import create_app
from safelight.server.connections import connection_class
from safelight.server.state import STOPPING, ServerState

if TYPE_CHECKING:
    import socket
    from types import FrameType

    from safelight.library.database import Database
    from safelight.model_choice import Choice
    from safelight.server.config import ServerConfig
    from safelight.settings import Settings

#: Seconds that a thread may compute in Python before others have their turn.
_SWITCH = 0.0005

#: Seconds that requests are given to end when the server is stopped.
GRACE = 8


class Server(uvicorn.Server):
    """uvicorn's, which tells those who listen to jobs that it stops, instead of waiting for them.

    Parameters
    ----------
    config : uvicorn.Config
    service : ServerState
    """

    def __init__(self, config: uvicorn.Config, service: ServerState) -> None:
        super().__init__(config)
        self._service = service
        self._last_word: threading.Timer | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop in good order; at the latest after a while, whatever still waits for something."""
        super().handle_exit(sig, frame)
        if self._last_word is None:
            # A thread, since the event loop itself may be what hangs.
            self._last_word = threading.Timer(GRACE + 3 * STOPPING, _end)
            self._last_word.daemon = True
            self._last_word.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop to listen, and finish what is being answered."""
        self._service.stopping.set()
        await super().shutdown(sockets)


def _end() -> None:
    """End the process though threads of it never do; whatever was written is whole."""
    logger.warning("Something that was being read never came. What was done is kept.")
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(0)


def make_server(service: ServerState) -> Server:
    """Return the server of a service; its ``run()`` blocks until it is stopped."""
    options = service.options
    config = uvicorn.Config(
        create_app(service),
        host=options.host,
        port=options.port,
        # Over h11, which counts the bytes of headers; llhttp takes as many as are sent.
        http=connection_class(options.limits),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whoever asks could claim to be somebody else
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE,
        lifespan="on",
    )
    return Server(config, service)


def serve(
    library: Database, settings: Settings, options: ServerConfig, choice: Choice | None = None
) -> None:
    """Serve a library until SIGINT, SIGTERM or SIGHUP; requests under way are finished.

    Raises
    ------
    UsageError
        The port is taken, or the address is not this machine's.
    """
    allow_many_connections()
    service = ServerState(library, settings, options, choice)
    # Requests wait for threads several times each; 5 ms, what a busy thread keeps them, add up.
    sys.setswitchinterval(_SWITCH)
    server = make_server(service)
    # uvicorn ends in good order on a signal and then sends it to itself once more. That is the
    # end that was asked for, and no failure.
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, lambda *_: None)
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        # Of a terminal that was closed; uvicorn leaves it alone, and ended in the middle of a word.
        signal.signal(signal.SIGHUP, lambda _, frame: server.handle_exit(signal.SIGTERM, frame))
    try:
        server.run()
    except SystemExit as exc:  # uvicorn's word for both
        if server.lifespan.should_exit:
            raise SafelightError("The server could not start; the reason is above.") from exc
        raise UsageError(
            f"Cannot listen on {options.host}:{options.port}: it is taken, or not an address of "
            "this machine. Choose another with --port or --host.",
            code="address",
        ) from exc
    if service.is_hung:
        _end()


def allow_many_connections() -> None:
    """Let this process open as many files as it may: a connection is one, and 1,024 are few."""
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if most == resource.RLIM_INFINITY else min(most, 65536)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def configure_log(*, as_json: bool) -> None:
    """Write the log to standard error: a line, or a JSON object, for each request."""
    logger.remove()
    debug = bool(os.environ.get("SAFELIGHT_DEBUG"))
    logger.add(
        _write_json if as_json else _write_line,
        level="DEBUG" if debug else "INFO",
        backtrace=False,
        diagnose=False,
        catch=True,
    )


def _write_json(message: Any) -> None:
    import json

    record = message.record
    fields = {
        "time": record["time"].isoformat(timespec="milliseconds"),
        "level": record["level"].name.lower(),
        "message": record["message"],
        **{key: value for key, value in record["extra"].items() if value is not None},
    }
    if record["exception"] is not None:
        fields["exception"] = str(message)
    sys.stderr.write(json.dumps(fields, ensure_ascii=False, default=str) + "\n")


def _write_line(message: Any) -> None:
    record = message.record
    extra = record["extra"]
    line = f"{record['time']:HH:mm:ss} {record['message']}"
    if extra.get("access"):
        who = f" {extra['token']}" if extra["token"] else ""
        line += f" {extra['ms']} ms {extra['client']}{who} {extra['request_id']}"
    elif record["exception"] is not None:
        line = str(message).rstrip()
    sys.stderr.write(line + "\n")
