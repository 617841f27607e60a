"""``safelight undo``."""

from __future__ import annotations

import sys

import click

from safelight.api import size_text
from safelight.cli.apply import tell
from safelight.cli.shared.opening import progress
from safelight.cli.shared.options import counted, library_option, load_settings

EPILOG = """\b
Examples:
  safelight undo                  take back what was applied last
  safelight undo plan.json
  safelight undo 20260501-1432 --dry-run
"""


@click.command(epilog=EPILOG)
@click.argument("plan", required=False)
@click.option("--dry-run", is_flag=True, help="Check every file and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@library_option
@click.option("-q", "--quiet", is_flag=True, help="Print only files left in place, and errors.")
def undo(plan: str | None, dry_run: bool, as_json: bool, library: str | None, quiet: bool) -> None:
    """Undo a plan: restore every byte, name and time.

    PLAN is a plan's file or the beginning of its id; without it, the plan applied last. If another
    file has taken a photo's place since, it stays, and is named; the exit code is then 1.
    """
    from safelight.api.plans import undo as undo_plan

    settings = load_settings(library=library)
    name, outcome = undo_plan(
        settings.library, plan, dry_run=dry_run, progress=progress(quiet=quiet)
    )
    tell(outcome, name, as_json=as_json)
    if not quiet and not as_json:
        files = counted(outcome.changed, "file")
        would = "would be " if dry_run else ""
        noted = f"; sidecars as they were: {outcome.sidecars:,}" if outcome.sidecars else ""
        click.echo(
            f"Plan {name}: {files} {would}brought back, {size_text(outcome.size)}{noted}.",
            err=True,
        )
    if outcome.left:
        sys.exit(1)
