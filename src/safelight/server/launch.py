"""Launch of the server: checks of folders and tokens, then serving until it is stopped."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from safelight.errors import UsageError
from safelight.files.names import expanded
from safelight.ingest.sources.entry import printable
from safelight.library.database import Database
from safelight.library.state.tokens import tokens
from safelight.model_choice import choose_for_search
from safelight.server.config import ServerConfig, is_loopback
from safelight.server.limits import Limits
from safelight.server.run import configure_log, serve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.settings import Settings


def launch(
    settings: Settings,
    *,
    host: str,
    port: int,
    roots: Sequence[str] = (),
    require_token: bool = False,
    insecure: bool = False,
    allowed_hosts: Sequence[str] = (),
    allowed_origins: Sequence[str] = (),
    max_pixels: int = Limits().pixels,
    model: str | None = None,
    log_json: bool = False,
) -> None:
    """Serve the library of the settings until SIGINT or SIGTERM; it is made if need be.

    Parameters
    ----------
    host, port
        Where to listen. An address that others can reach needs tokens.
    roots : sequence of str
        Folders that clients may have ingested.
    require_token : bool
        Ask for a token at this machine's own address too.
    insecure : bool
        Ask nobody for a token.
    allowed_hosts, allowed_origins : sequence of str
        See :class:`safelight.server.config.ServerConfig`.
    max_pixels : int
        Of a photo that a client brings.
    model : str, optional
        Search in its space instead of the default one.
    log_json : bool
        Write the log as one JSON object a line.

    Raises
    ------
    UsageError
        A folder does not exist, a name cannot be written as JSON, or a token is needed and there is
        none.
    SafelightError
        The library cannot be written, the model cannot be loaded, or the port is taken.
    """
    _require_utf8("--library", str(settings.library))
    with Database(settings.library) as library:
        library.require_writable()  # jobs, tokens and decisions are kept in it
        needs_token = not insecure and (require_token or not is_loopback(host))
        if needs_token and not any(each.revoked_at is None for each in tokens(library)):
            raise UsageError(
                f"Whoever can reach {host} could see and change the library, so a token is "
                "needed, and there is none yet. Make one with `safelight token create NAME "
                "--write`, or let everybody in with --insecure.",
                code="no-token",
            )
        config = ServerConfig(
            host=host,
            port=port,
            roots=tuple(_root(each) for each in roots),
            needs_token=needs_token,
            allowed_hosts=tuple(each.lower() for each in allowed_hosts),
            allowed_origins=tuple(each.rstrip("/") for each in allowed_origins),
            limits=Limits(pixels=max_pixels),
        )
        choice = choose_for_search(library, settings, model) if model else None
        configure_log(as_json=log_json)
        serve(library, settings, config, choice)


def _root(path: str) -> str:
    folder = os.path.realpath(expanded(path))
    if not os.path.isdir(folder):
        raise UsageError(f"--root {path}: there is no such folder.", code="no-folder", path=path)
    _require_utf8("--root", folder)
    return folder


def _require_utf8(option: str, path: str) -> None:
    """Refuse a path that no JSON can hold."""
    if printable(path) != path:
        raise UsageError(
            f"{option} {printable(path)}: this name is not valid UTF-8. Rename it, or choose "
            "another.",
            code="bad-name",
        )
