"""``safelight apply``."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from safelight.api import expanded, size_text
from safelight.cli.shared.opening import open_library
from safelight.cli.shared.options import counted, library_option, load_settings, short

if TYPE_CHECKING:
    from safelight.api.plans import Outcome

EPILOG = """\b
Examples:
  safelight apply plan.json --dry-run
  safelight apply plan.json
  safelight undo plan.json
"""


@click.command(epilog=EPILOG)
@click.argument("plan")
@click.option("--dry-run", is_flag=True, help="Check every file and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@library_option
@click.option("-q", "--quiet", is_flag=True, help="Print only files left in place, and errors.")
def apply(plan: str, dry_run: bool, as_json: bool, library: str | None, quiet: bool) -> None:
    """Apply a plan, verifying each file right before it is touched.

    A file goes only if it and the kept file still have the bytes that the plan recorded. If the
    command is stopped or killed, run it again to do the rest; `safelight undo` takes everything
    back. The exit code is 1 if anything was left in place.
    """
    from safelight.api.plans import apply as apply_plan
    from safelight.api.plans import read_plan

    found = read_plan(expanded(plan))
    settings = load_settings(library=library or found.library)
    if Path(found.library) != settings.library:
        raise click.UsageError(
            f"{plan} was made for the library {found.library}; plan again for another."
        )
    with open_library(settings, quiet=quiet) as opened:
        outcome = apply_plan(opened, found, dry_run=dry_run)
    tell(outcome, found.id, as_json=as_json)
    if not quiet and not as_json:
        done = {
            "quarantine": "moved into quarantine",
            "hardlink": "made hard links",
            "trash": "put into the trash",
        }[found.action]
        click.echo(_summary(outcome, done, dry_run=dry_run), err=True)
        if not dry_run and outcome.changed + outcome.before:
            if found.action == "quarantine":
                click.echo(
                    "Their bytes become free when you delete the quarantine: "
                    + ", ".join(sorted({short(each) for each in found.quarantines})),
                    err=True,
                )
            click.echo(f"To undo it: safelight undo {shlex.quote(plan)}", err=True)
    if outcome.left:
        sys.exit(1)


def _summary(outcome: Outcome, done: str, *, dry_run: bool) -> str:
    if outcome.before and not outcome.changed:
        earlier = "1 file was" if outcome.before == 1 else f"{outcome.before:,} files were"
        rest = f"; left as they are: {len(outcome.left):,}" if outcome.left else ""
        return f"Nothing was left to do: {earlier} {done} before{rest}."
    files = counted(outcome.changed, "file")
    would = "would be " if dry_run else ""
    before = f"; {outcome.before:,} were before" if outcome.before else ""
    noted = f"; sidecars added to: {outcome.sidecars:,}" if outcome.sidecars else ""
    freed = f", {size_text(outcome.bytes_freed)} {would}freed" if outcome.bytes_freed else ""
    return f"{files} {would}{done}, {size_text(outcome.size)}{freed}{before}{noted}."


def tell(outcome: Outcome, plan_id: str, *, as_json: bool) -> None:
    """Print what was left as it is, or all that happened as JSON."""
    if as_json:
        progress = outcome.progress
        row = {
            "plan": plan_id,
            "state": None if progress is None else progress.state,
            "changed": outcome.changed,
            "before": outcome.before,
            "size": outcome.size,
            "bytes_freed": outcome.bytes_freed,
            "bytes_held": outcome.bytes_held,
            "sidecars": outcome.sidecars,
            "left": [{"path": left.path, "why": left.why} for left in outcome.left],
            "actions": []
            if progress is None
            else [{"path": path, **asdict(result)} for path, result in progress.results.items()],
        }
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    for left in outcome.left:
        click.echo(f"{short(left.path)} {left.why}", err=True)
