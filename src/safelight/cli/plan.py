"""``safelight plan``."""

from __future__ import annotations

import json
import os
import shlex
from typing import TYPE_CHECKING

import click

from safelight.api import expanded, size_text, visible
from safelight.cli.shared.opening import open_library, progress
from safelight.cli.shared.options import counted, library_option, load_settings, separated, short
from safelight.cli.shared.phases import choosing_options, keeper_options

if TYPE_CHECKING:
    from safelight.api.plans import ActionResult, Plan, PlanProgress

EPILOG = """\b
Examples:
  safelight plan duplicates -o plan.json
  safelight plan duplicates -o plan.json --relation identical --action hardlink
  safelight plan duplicates -o plan.json --relation burst --keep sharpest
  safelight plan show plan.json --html plan.html
  safelight apply plan.json
"""

SHOW_EPILOG = """\b
Examples:
  safelight plan show plan.json | less
  safelight plan show plan.json --html plan.html
  safelight plan show plan.json --json | jq '.groups[].changes[].path'
"""

# Of groups and reasons, so many are shown; the rest stands in the plan.
_SHOWN = 10


@click.group()
def plan() -> None:
    """Plan file operations; nothing changes until `safelight apply`."""


@plan.command("duplicates", epilog=EPILOG)
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="Write the plan to FILE (JSON)."
)
@click.option("--force", is_flag=True, help="Replace FILE even if it is not a plan.")
@click.option(
    "--relation", "relations", multiple=True, metavar="NAME",
    help="Plan only this relation; repeat it, or separate by commas.  [default: "
    "identical, same-pixels, re-encoded, resized, rotated, mirrored]",
)  # fmt: skip
@click.option(
    "--action", type=click.Choice(["quarantine", "hardlink", "trash"]), default="quarantine",
    show_default=True,
    help="Move files to a folder or the trash, or hard-link identical ones.",
)  # fmt: skip
@click.option(
    "--quarantine", metavar="DIR",
    help="Folder to move files into.  [default: .safelight-quarantine in the ingested folder]",
)  # fmt: skip
@click.option("-n", "--namespace", metavar="NAME", help="Use only files in this namespace.")
@choosing_options
@library_option
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
def duplicates(
    output: str,
    force: bool,
    relations: tuple[str, ...],
    action: str,
    quarantine: str | None,
    namespace: str | None,
    keep: str | None,
    prefer: tuple[str, ...],
    protect: tuple[str, ...],
    instead: tuple[str, ...],
    no_look: bool,
    library: str | None,
    quiet: bool,
) -> None:
    """Plan which duplicates go and which stay.

    The plan names every file, its destination and the reason; remove the entries you don't like.
    RAW+JPEG, brackets and panoramas are never touched; crops, edits and bursts only if you name
    the relation.
    """
    from safelight.api.duplicates import Duplicates
    from safelight.api.plans import check_target, write_plan

    output = expanded(output)
    check_target(output, force=force)
    if quarantine and action != "quarantine":
        raise click.UsageError("--quarantine goes with --action quarantine only.")
    settings = load_settings(library=library)
    named = [name for each in relations for name in separated(each)]
    options = keeper_options(keep, no_look, prefer, protect, instead)
    with open_library(settings, quiet=quiet) as opened:
        found = Duplicates(opened, namespace=namespace, options=options)
        made = found.plan(named or None, action=action, quarantine=quarantine).plan
    write_plan(made, output)
    if not quiet:
        click.echo(_summary(made, output))


@plan.command("show", epilog=SHOW_EPILOG)
@click.argument("file", metavar="PLAN")
@click.option("--html", metavar="FILE", help="Write a page that shows the pictures side by side.")
@click.option("--force", is_flag=True, help="Replace FILE even if it is not a report.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
def show(file: str, html: str | None, force: bool, as_json: bool, quiet: bool) -> None:
    """Show the operations of a plan, group by group; nothing changes.

    Of a plan that was applied, it shows what is done, what was left, and what is still to do.
    """
    from safelight.api.plans import plan_report, progress_of, read_plan
    from safelight.api.report import check_report

    file = expanded(file)
    if html is not None:
        html = check_report(html, force=force)
    made = read_plan(file)
    settings = load_settings()
    states = progress_of(made, settings.library)
    if html is not None:
        plan_report(
            made,
            html,
            states=states,
            force=force,
            pixel_limit=settings.pixel_limit,
            progress=progress(quiet=quiet),
        )
    if as_json:
        click.echo(json.dumps(states.to_dict(), ensure_ascii=False, indent=1))
        return
    total = _progress_lines(made, states, file) if states else _total(made, file)
    if html is None:
        click.echo("\n".join([*_listing(made, None, states), "", *total]))
    elif not quiet:
        click.echo("\n".join([*total, f"The pictures are in {html}."]))


def _summary(made: Plan, output: str) -> str:
    lines = _listing(made, _SHOWN)
    total = _total(made, output)
    if made.changes:
        total[0] += " Nothing has changed yet."
        total.append(f"Read all of it: safelight plan show {shlex.quote(output)}")
        total.append(f"Then: safelight apply {shlex.quote(output)}")
    return "\n".join([*lines, *([""] if lines else []), *total])


def _total(made: Plan, output: str) -> list[str]:
    doing = {
        "quarantine": "to be moved into quarantine",
        "hardlink": "to become hard links",
        "trash": "to go into the trash",
    }[made.action]
    count = len(made.changes)
    if not count:
        return [f"{output}: nothing to do."]
    files = counted(count, "file")
    frees = f"{size_text(made.saves)} {'become free' if made.action == 'hardlink' else 'to gain'}"
    groups = counted(len(made.groups), "group")
    return [f"{output}: {files} of {groups} {doing}, {frees}."]


def _progress_lines(made: Plan, states: PlanProgress, file: str) -> list[str]:
    """Return how far a plan is that was applied."""
    done, left = states.changes("done"), states.changes("left")
    rest = states.changes("planned", "unfinished", "undone")
    doing = {
        "quarantine": "moved into quarantine",
        "hardlink": "made hard links",
        "trash": "put into the trash",
    }[made.action]
    files, size = counted(len(made.changes), "file"), sum(change.size for change in done)
    lines = [
        f"{file} ({states.state}): {len(done):,} of {files} {doing}, {size_text(size)}; "
        f"{size_text(states.bytes_freed)} freed."
    ]
    if states.bytes_held:
        where = "trash is emptied" if made.action == "trash" else "quarantine is deleted"
        lines.append(f"Free once the {where}: {size_text(states.bytes_held)}.")
    if left:
        lines.append(f"Left as they are: {len(left):,}.")
    kept = [change for change in done if states.of(change).reason]
    if kept:
        lines.append(f"Not brought back by the last undo: {len(kept):,}.")
    if rest:
        saves = sum(change.saves for change in rest)
        lines.append(f"Still to do: {counted(len(rest), 'file')}, {size_text(saves)}.")
    if rest or left:
        lines.append(f"To do the rest: safelight apply {shlex.quote(file)}")
    if done:
        lines.append(f"To undo it: safelight undo {shlex.quote(file)}")
    return lines


def _state_text(result: ActionResult) -> str:
    day = "" if result.at is None else f" {result.at[:16].replace('T', ' ')} UTC"
    match result.state:
        case "done":
            by = "" if result.done_by is None else f" by plan {result.done_by}"
            now = "" if result.now is None else f", now {visible(result.now)}"
            kept = "" if result.reason is None else f"; not brought back: {visible(result.reason)}"
            return f"done{day}{by}{now}{kept}"
        case "left":
            return f"left: {visible(result.reason or '')}"
        case "unfinished":
            return "begun, and not finished"
        case "undone":
            kept = "" if result.reason is None else f", but {visible(result.reason)}"
            return f"undone{kept}; to do"
    return "to do"


def _listing(made: Plan, limit: int | None, states: PlanProgress | None = None) -> list[str]:
    """Return the groups of a plan, and what it leaves, line by line."""
    lines: list[str] = []
    for group in made.groups[:limit]:
        lines.append(f"{group.id}  {group.relation}")
        lines.append(f"  keep  {short(group.keeper)}")
        lines += [f"          {visible(reason)}" for reason in group.reasons]
        for change in group.changes:
            lines.append(
                f"        {short(change.path)}  ({change.relation}, {size_text(change.size)})"
            )
            names = [os.path.basename(each.path) for each in change.sidecars]
            if names:
                lines.append(f"          with {visible(', '.join(names))}")
            if states:
                lines.append(f"          {_state_text(states.of(change))}")
            if limit is None:
                lines += [f"          {visible(reason)}" for reason in change.reasons]
                if change.to is not None:
                    lines.append(f"          to {short(change.to)}")
        if group.carry is not None:
            what = ", ".join(group.carry.tags.to_dict())
            lines.append(f"        {what} to be noted in {short(group.carry.sidecar)}")
    if limit is not None and len(made.groups) > limit:
        lines.append(f"... and {len(made.groups) - limit:,} more groups")
    if made.left:
        lines.append(f"Left as they are: {len(made.left):,}")
        lines += [f"  {short(left.path)} {visible(left.why)}" for left in made.left[:limit]]
        if limit is not None and len(made.left) > limit:
            lines.append(f"  ... and {len(made.left) - limit:,} more")
    return lines
