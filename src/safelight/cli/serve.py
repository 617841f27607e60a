"""``safelight serve``."""

from __future__ import annotations

import os

import click

from safelight.cli.shared.options import library_option, load_settings
from safelight.errors import UsageError
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
        from safelight.server.launch import launch
    except ModuleNotFoundError as exc:
        raise UsageError(
            f"The server needs the `server` extra ({exc.name} is not installed): "
            "pip install 'safelight[server]'.",
            code="missing-extra",
        ) from exc
    launch(
        load_settings(library=library, device=device),
        host=host,
        port=port,
        roots=roots,
        require_token=require_token,
        insecure=insecure,
        allowed_hosts=hosts,
        allowed_origins=origins,
        max_pixels=max_pixels,
        model=model,
        log_json=log_json,
    )
