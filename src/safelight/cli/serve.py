"""``safelight serve``."""

from __future__ import annotations

import os

import click

from safelight.cli.shared.options import library_option, load_settings
from safelight.errors import UsageError
from safelight.files.names import expanded
from safelight.server.limits import Limits

EPILOG = """\b
Examples:
  safelight serve
  safelight serve --root ~/Pictures
  safelight serve --host 0.0.0.0 --allow-host photos.lan    (needs a token: safelight token create)
"""


@click.command(epilog=EPILOG)
@click.option(
    "--host", default="127.0.0.1", show_default=True, metavar="ADDRESS",
    help="Address to listen on. All but this machine's own need tokens.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, metavar="N",
    help="Port to listen on; 0 picks a free one.",
)  # fmt: skip
@click.option(
    "--root", "roots", multiple=True, metavar="DIR",
    help="Folder that clients may have ingested. May be repeated.",
)  # fmt: skip
@click.option(
    "--require-token", is_flag=True,
    help="Require a token on this machine too, e.g. behind a proxy.",
)  # fmt: skip
@click.option(
    "--insecure", is_flag=True, help="Let everybody who can reach the server do everything."
)
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME",
    help="Host name that the server answers to. May be repeated.",
)  # fmt: skip
@click.option(
    "--allow-origin", "origins", multiple=True, metavar="URL",
    help="Other web page that may use it, e.g. https://photos.example.",
)  # fmt: skip
@click.option(
    "--max-pixels", type=click.IntRange(min=1), default=Limits().pixels,
    show_default=True, metavar="N",
    help="Refuse photos of more pixels; uploads obey SAFELIGHT_PIXEL_LIMIT too.",
)  # fmt: skip
@click.option("--model", metavar="MODEL", help="Search in this model's space.")
@click.option("--device", metavar="DEVICE", help="Device of the model: auto, cpu, cuda:1, mps, ...")
@click.option("--log-json", is_flag=True, help="Write the log as one JSON object a line.")
@library_option
def serve(
    host: str,
    port: int,
    roots: tuple[str, ...],
    require_token: bool,
    insecure: bool,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    max_pixels: int,
    model: str | None,
    device: str | None,
    log_json: bool,
    library: str | None,
) -> None:
    """Serve the library as a web page and a REST API.

    Only programs of this machine can reach it unless --host says otherwise. Ctrl-C stops it.
    """
    # Many requests share the cores already, and threads that wait for each other cost them both.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is imported
    try:
        from safelight.server.run import configure_log
        from safelight.server.run import serve as run
    except ModuleNotFoundError as exc:
        raise UsageError(
            f"The server needs the `server` extra ({exc.name} is not installed): "
            "pip install 'safelight[server]'.",
            code="missing-extra",
        ) from exc
    from safelight.library.database import Database
    from safelight.library.state.tokens import tokens
    from safelight.model_choice import choose_for_search
    from safelight.server.config import ServerConfig, is_loopback

    settings = load_settings(library=library, device=device)
    _require_utf8("--library", str(settings.library))
    with Database(settings.library) as opened:
        opened.require_writable()  # jobs, tokens and decisions are kept in it
        needs_token = not insecure and (require_token or not is_loopback(host))
        if needs_token and not any(each.revoked_at is None for each in tokens(opened)):
            raise UsageError(
                f"Whoever can reach {host} could see and change the library, so a token is "
                "needed, and there is none yet. Make one with `safelight token create NAME "
                "--write`, or let everybody in with --insecure.",
                code="no-token",
            )
        options = ServerConfig(
            host=host,
            port=port,
            roots=tuple(_root(each) for each in roots),
            needs_token=needs_token,
            allowed_hosts=tuple(each.lower() for each in hosts),
            allowed_origins=tuple(each.rstrip("/") for each in origins),
            limits=Limits(pixels=max_pixels),
        )
        choice = choose_for_search(opened, settings, model) if model else None
        configure_log(as_json=log_json)
        run(opened, settings, options, choice)


def _root(path: str) -> str:
    folder = os.path.realpath(expanded(path))
    if not os.path.isdir(folder):
        raise UsageError(f"--root {path}: there is no such folder.", code="no-folder", path=path)
    _require_utf8("--root", folder)
    return folder


def _require_utf8(option: str, path: str) -> None:
    """Refuse a path that no JSON can hold."""
    from safelight.ingest.sources.entry import printable

    if printable(path) != path:
        raise UsageError(
            f"{option} {printable(path)}: this name is not valid UTF-8. Rename it, or choose "
            "another.",
            code="bad-name",
        )
