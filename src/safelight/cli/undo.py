"""``safelight undo``."""

from __future__ import annotations

import sys

import click

from safelight.cli.apply import tell
from safelight.cli.shared.options import counted, library_option, load_settings
from safelight.cli.shared.phases import show_phases, size
from safelight.files.names import expanded

EPILOG = """\b
Examples:
  safelight undo                  take back what was applied last
  safelight undo plan.json
  safelight undo 20260501-1432 --dry-run
"""


@click.command(epilog=EPILOG)
@click.argument("plan", required=False)
@click.option("--dry-run", is_flag=True, help="Look at every file and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
@library_option
@click.option("-q", "--quiet", is_flag=True, help="No progress; only what was left, and errors.")
def undo(plan: str | None, dry_run: bool, as_json: bool, library: str | None, quiet: bool) -> None:
    """Take back what `safelight apply` did: every byte, name and time as it was.

    PLAN is a plan's file or the beginning of its id; the last that was applied if not given. A
    place that another file has taken meanwhile is left, and told of; the exit code is 1 then.
    """
    from safelight.duplicates.plans.undo import undo_plan

    settings = load_settings(library=library)
    if plan is not None:
        plan = expanded(plan)
    with show_phases(quiet=quiet) as progress:
        name, outcome = undo_plan(
            settings.library,
            plan,
            trial=dry_run,
            progress=lambda done, total: progress("Taking back", done, total),
        )
    tell(outcome, name, as_json=as_json)
    if not quiet and not as_json:
        files = counted(outcome.changed, "file")
        would = "would be " if dry_run else ""
        noted = f"; sidecars as they were: {outcome.sidecars:,}" if outcome.sidecars else ""
        click.echo(
            f"Plan {name}: {files} {would}brought back, {size(outcome.bytes)}{noted}.", err=True
        )
    if outcome.left:
        sys.exit(1)
