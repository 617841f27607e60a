"""Ray: find or start it, silence it, and leave it as it was."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import socket
import sys
import warnings
from typing import TYPE_CHECKING, Any

from safelight.errors import ClusterError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds in which a cluster's first machine must answer.
_PATIENCE = 5.0

#: Of the machine's memory, what a cluster that is started here takes for what workers pass on.
_STORE_SHARE, _STORE_LEAST, _STORE_MOST = 0.1, 128 * 1024**2, 2 * 1024**3

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray would report to its makers
    "RAY_ENABLE_RECORD_ACTOR_TASK_LOGGING": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_SCHEDULER_EVENTS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "ORT_DISABLE_TELEMETRY": "1",
}


def need_ray() -> None:
    """Raise what to install if Ray is not; nothing is imported.

    Raises
    ------
    UsageError
        The extra is not installed.
    """
    missing = [
        name for name in ("ray", "pyarrow", "fsspec") if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise UsageError(
            f"An ingest on a cluster lacks {', '.join(missing)}: pip install 'safelight[ray]'",
            code="missing-extra",
        )


@contextlib.contextmanager
def cluster(address: str | None = None, *, workers: int | None = None) -> Iterator[Any]:
    """Yield the module `ray`, connected; what was started for it is stopped again.

    Parameters
    ----------
    address : str, optional
        Of a cluster's first machine, HOST:PORT; ``RAY_ADDRESS`` if not given. Without either,
        the processors of this machine are the cluster.
    workers : int, optional
        Processors of a cluster that is started here, all if not given.

    Raises
    ------
    UsageError
        Ray is not installed.
    ClusterError
        The cluster does not answer.
    """
    need_ray()
    address = address or os.environ.get("RAY_ADDRESS") or None
    if address is not None and address != "local":
        address = _answering(address)
    with _environment(_QUIET), _own_words_only(), warnings.catch_warnings():
        # Of what Ray thinks of its own future, users can change nothing.
        warnings.simplefilter("ignore")
        import ray

        if ray.is_initialized():  # by whoever calls this from Python: it stays
            _quieten()
            yield ray
            return
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if address is None or address == "local":
            options |= {
                "address": "local",
                "include_dashboard": False,
                "object_store_memory": _store_memory(),
                "num_cpus": workers,
            }
        else:
            options["address"] = address
        try:
            ray.init(**options)
        except Exception as exc:
            raise ClusterError(
                f"Ray could not be {'started here' if options['address'] == 'local' else 'joined'}"
                f": {' '.join(str(exc).split())[:300]}",
                code="cluster-away",
                address=address or "local",
            ) from exc
        try:
            _quieten()
            yield ray
        finally:
            ray.shutdown()


def _answering(address: str) -> str:
    """Return the address if something listens there; Ray itself would wait for a minute."""
    if address == "auto":
        return address
    bare = address.removeprefix("ray://")
    host, _, port = bare.rpartition(":")
    if address.startswith("ray://") or not host or not port.isdecimal():
        raise UsageError(
            f"{address!r} is not an address of a cluster: write HOST:PORT, as `ray start` says it, "
            "and run this on a machine of the cluster."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except OSError as exc:
        raise ClusterError(
            f"The cluster at {address} does not answer: {exc.strerror or exc}. Start it with "
            "`ray start --head`, or correct the address.",
            code="cluster-away",
            address=address,
        ) from exc
    return address


def _quieten() -> None:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    for name in ("ray", "ray.data"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL)


def _store_memory() -> int:
    import psutil

    share = int(psutil.virtual_memory().total * _STORE_SHARE)
    return max(_STORE_LEAST, min(share, _STORE_MOST))


@contextlib.contextmanager
def _own_words_only() -> Iterator[None]:
    """Keep Ray's native output to standard error from the terminal.

    It warns of itself there, and has no switch. Its own log files have it all the same.
    """
    try:
        native = sys.stderr.fileno() == 2
    except (OSError, ValueError, AttributeError):
        native = False
    if not native:  # a test, or a program that shows errors elsewhere
        yield
        return
    before = sys.stderr
    before.flush()
    terminal = os.dup(2)
    sys.stderr = os.fdopen(
        os.dup(2), "w", buffering=1, encoding=before.encoding, errors=before.errors
    )
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        sys.stderr.close()
        sys.stderr = before
        os.dup2(terminal, 2)
        os.close(terminal)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set what is not set already, for Ray and all that it starts."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
