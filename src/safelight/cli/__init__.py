"""The command line. Modules here import nothing heavy until their command runs."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import warnings
from typing import TYPE_CHECKING, Any

import click

from safelight.api import write_everything
from safelight.cli.apply import apply
from safelight.cli.cluster import cluster
from safelight.cli.config import config
from safelight.cli.docs import docs
from safelight.cli.doctor import doctor
from safelight.cli.duplicates import duplicates
from safelight.cli.forget import forget
from safelight.cli.ingest import ingest
from safelight.cli.label import label
from safelight.cli.library import library
from safelight.cli.models import models
from safelight.cli.pipeline import pipeline
from safelight.cli.plan import plan
from safelight.cli.score import score
from safelight.cli.search import search
from safelight.cli.serve import serve
from safelight.cli.shared.hints import in_words
from safelight.cli.shared.options import refuse_empty_names
from safelight.cli.sheet import sheet
from safelight.cli.sources import sources
from safelight.cli.status import status
from safelight.cli.sync import sync
from safelight.cli.token import token
from safelight.cli.undo import undo
from safelight.errors import SafelightError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

EPILOG = """\b
Examples:
  safelight ingest ~/Pictures          index a folder, or bring the index up to date
  safelight search "a dog in the snow"
  safelight label                      tag photos, to search for label:beach
  safelight score ~/Pictures --worst 20
  safelight sheet ~/Pictures -o sheet.html
  safelight duplicates --why
  safelight serve
  safelight status
  safelight docs guide                 read the documentation

\b
Exit codes:
  0    done; single files that failed are named on standard error
  1    not done: an error, or every file failed
  2    wrong usage
  130  stopped with Ctrl-C; 141 if the reader of a pipe has gone
"""


class _ClosedPipeError(Exception):
    """The reader of a pipe has gone; click would end an OSError of that kind with 1 in silence."""


class _Commands(click.Group):
    """The commands; a closed pipe is told to :func:`main`."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:  # it prints --help
        with _telling_of_a_closed_pipe():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _telling_of_a_closed_pipe():
            return super().invoke(ctx)


@contextlib.contextmanager
def _telling_of_a_closed_pipe() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if _is_closed_pipe(error):
            raise _ClosedPipeError from error
        raise


@click.group(
    cls=_Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="safelight", message="%(prog)s %(version)s")
@click.option(
    "--debug", is_flag=True, envvar="SAFELIGHT_DEBUG", help="Show the traceback of an error."
)
def safelight(debug: bool) -> None:
    """Search, score and organise your photos, on your own machine."""


for command in (
    ingest,
    search,
    label,
    score,
    sheet,
    duplicates,
    plan,
    apply,
    undo,
    pipeline,
    serve,
    token,
    status,
    sources,
    forget,
    sync,
    library,
    cluster,
    models,
    config,
    doctor,
    docs,
):
    safelight.add_command(command)
refuse_empty_names(safelight)


def main() -> None:
    """Run the command; exit with 1 on an error, 2 on wrong usage, 130 on Ctrl-C."""
    write_everything(sys.stdout, sys.stderr)
    _stop_on_signals()
    try:
        code = _run()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, _ClosedPipeError) as error:
        if isinstance(error, OSError) and not _is_closed_pipe(error):
            raise
        # The reader of a pipe has gone; Python would complain again when it flushes.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                os.dup2(nowhere, stream.fileno())
        code = 141
    if code:
        sys.exit(code)


def _stop_on_signals() -> None:
    """Let SIGTERM (a service manager) and SIGHUP (a closed terminal) stop as Ctrl-C does."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # `nohup` has SIGHUP ignored, and means it.
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            with contextlib.suppress(ValueError):  # not the main thread
                signal.signal(number, _stop)


def _stop(number: int, _frame: object) -> None:
    if number != signal.SIGTERM:
        # The kernel sends it and the shell does: the second must not interrupt the clearing up.
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _is_closed_pipe(error: OSError) -> bool:
    # Windows reports a closed pipe as an invalid argument of a write.
    is_windows = sys.platform == "win32" and error.errno == errno.EINVAL and not error.filename
    return isinstance(error, BrokenPipeError) or is_windows


def _run() -> int | str | None:
    warnings.formatwarning = lambda message, *_, **__: f"safelight: {message}\n"
    debug = "--debug" in sys.argv[1:2] or bool(os.environ.get("SAFELIGHT_DEBUG"))
    try:
        safelight(standalone_mode=False, prog_name="safelight")
    except SystemExit as exc:
        return exc.code
    except click.exceptions.Abort:
        return 130
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except KeyboardInterrupt:
        return 130
    except SafelightError as exc:
        if debug:
            raise
        click.echo(f"safelight: {in_words(exc)}", err=True)
        return 2 if isinstance(exc, UsageError) else 1
    except OSError as exc:
        # A disk that is full, a folder that may not be written: nothing of ours is wrong.
        if debug or not exc.strerror or _is_closed_pipe(exc):
            raise
        where = f"{exc.filename}: " if exc.filename else ""
        with contextlib.suppress(OSError):  # a terminal that was closed
            click.echo(f"safelight: {where}{exc.strerror}.", err=True)
        return 1
    except Exception as exc:
        if debug or not (explanation := _of_library(exc)):
            raise
        click.echo(f"safelight: {explanation}", err=True)
        return 1
    return 0


def _of_library(error: Exception) -> str | None:
    """Return an error of SQLite in words; the import would slow down searches."""
    sqlite3 = sys.modules.get("sqlite3")
    if sqlite3 is None or not isinstance(error, sqlite3.DatabaseError):
        return None
    from safelight.api import explain_database_error
    from safelight.cli.shared.options import load_settings

    return str(explain_database_error(load_settings().library, error))
