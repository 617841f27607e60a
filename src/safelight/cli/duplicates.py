"""``safelight duplicates``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from safelight.cli.shared.opening import open_library
from safelight.cli.shared.options import library_option, load_settings, separated, short
from safelight.cli.shared.phases import choosing_options, keeper_options
from safelight.cli.texts.duplicates import tell_total, write_csv, write_edges, write_text
from safelight.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.settings import Settings

EPILOG = """\b
Examples:
  safelight duplicates --why
  safelight duplicates --relation burst --keep sharpest
  safelight duplicates --report duplicates.html
  safelight duplicates --against new.jpg
  safelight duplicates show 3f2a9c01
  safelight duplicates decide 3f2a9c01 --keep-both
  safelight plan duplicates -o plan.json      what to do about them
"""

DECIDE_EPILOG = """\b
Examples:
  safelight duplicates decide 3f2a9c01 --not-duplicates
  safelight duplicates decide 3f2a9c01 --keep-both
  safelight duplicates decide 3f2a9c01 --not-duplicates 77ab01
"""


@click.group(invoke_without_command=True, epilog=EPILOG)
@click.option(
    "--relation", "relations", multiple=True, metavar="NAME",
    help="Show only this relation; repeat it, or separate by commas.",
)  # fmt: skip
@click.option("-n", "--namespace", metavar="NAME", help="Use only files in this namespace.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a group.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, one line a file.")
@click.option("--why", is_flag=True, help="Explain why each photo is kept, or not.")
@click.option("--report", metavar="FILE", help="Write a page that shows the groups side by side.")
@click.option("--force", is_flag=True, help="Replace FILE even if it is not a report.")
@click.option("--against", metavar="FILE", help="Compare FILE with the library instead.")
@choosing_options
@library_option
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
@click.pass_context
def duplicates(
    context: click.Context,
    relations: tuple[str, ...],
    namespace: str | None,
    as_json: bool,
    as_csv: bool,
    why: bool,
    report: str | None,
    force: bool,
    against: str | None,
    keep: str | None,
    prefer: tuple[str, ...],
    protect: tuple[str, ...],
    instead: tuple[str, ...],
    no_look: bool,
    library: str | None,
    quiet: bool,
) -> None:
    """Find related photos: copies, variants, bursts, similar ones.

    Relations: identical, same-pixels, re-encoded, resized, rotated, mirrored, cropped, edited;
    raw+jpeg, bracket and panorama, which belong together; burst; similar. It changes nothing.
    """
    if context.invoked_subcommand is not None:
        return
    if as_json and as_csv:
        raise click.UsageError("Use either --json or --csv, not both.")
    from safelight.api.duplicates import Duplicates, named_relations
    from safelight.api.report import check_report

    wanted = named_relations(_relations(relations)) if relations else None
    settings = load_settings(library=library)
    if against is not None:
        if report or as_csv:
            raise click.UsageError("--against goes with neither --report nor --csv.")
        _against(settings, against, namespace, as_json)
        return
    if report is not None:
        report = check_report(report, force=force)
    options = keeper_options(keep, no_look, prefer, protect, instead)
    with open_library(settings, quiet=quiet) as opened:
        found = Duplicates(opened, wanted, namespace=namespace, options=options)
        groups, facts = found.groups, found.facts
        if report is not None:
            found.report(report, force=force)
        if not quiet:
            _tell_unhashed(found.unhashed)
    if as_json:
        for suggestion in groups:
            click.echo(json.dumps(suggestion.to_dict(), ensure_ascii=False))
    elif as_csv:
        write_csv(groups)
    elif report is None or why:
        write_text(groups, facts, why=why)
    if not quiet:
        tell_total(groups, facts, report)


@duplicates.command("show")
@click.argument("group")
@click.option("-n", "--namespace", metavar="NAME", help="Use only files in this namespace.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@choosing_options
@library_option
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
def show(
    group: str,
    namespace: str | None,
    as_json: bool,
    keep: str | None,
    prefer: tuple[str, ...],
    protect: tuple[str, ...],
    instead: tuple[str, ...],
    no_look: bool,
    library: str | None,
    quiet: bool,
) -> None:
    """Show one group: every photo, why it is kept or not, and how they are related.

    GROUP is the beginning of its id.
    """
    from safelight.api.duplicates import Duplicates

    settings = load_settings(library=library)
    options = keeper_options(keep, no_look, prefer, protect, instead)
    with open_library(settings, quiet=quiet) as opened:
        found, facts = Duplicates(opened, namespace=namespace, options=options).group(group)
    if as_json:
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False))
        return
    write_text([found], facts, why=True, ids=True)
    write_edges(found)


@duplicates.command("decide", epilog=DECIDE_EPILOG)
@click.argument("group")
@click.argument("photos", nargs=-1, metavar="[PHOTO]...")
@click.option(
    "--not-duplicates", "decision", flag_value="not-duplicates",
    help="Record that these photos are not duplicates.",
)  # fmt: skip
@click.option(
    "--keep-both",
    "decision",
    flag_value="keep-both",
    help="Record that they are, and keep all of them.",
)
@click.option(
    "--resolved",
    "decision",
    flag_value="resolved",
    help="Record that you have dealt with the group.",
)
@library_option
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
def decide(
    group: str,
    photos: tuple[str, ...],
    decision: str | None,
    library: str | None,
    quiet: bool,
) -> None:
    """Decide on a group, so that it is not suggested again.

    GROUP is the beginning of its id. With PHOTO, the beginning of a photo's id, you decide only
    about that photo, against all others of the group. Decisions go by content: they outlive
    renames, new ingests and other models.
    """
    if decision is None:
        raise click.UsageError("Choose one: --not-duplicates, --keep-both or --resolved.")
    from safelight.api.duplicates import decide as decide_on

    settings = load_settings(library=library)
    with open_library(settings, quiet=quiet) as opened:
        made = decide_on(opened, group, decision, photos)
    if not quiet:
        pairs = "1 pair" if len(made) == 1 else f"{len(made):,} pairs"
        click.echo(
            f"{decision}: {pairs} will not be suggested again. `safelight duplicates decisions` "
            "lists what was decided, `safelight duplicates revoke` takes it back.",
            err=True,
        )


@duplicates.command("decisions")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a pair.")
@library_option
def decisions(as_json: bool, library: str | None) -> None:
    """List your decisions, the oldest first."""
    from safelight.api.duplicates import decided, facts_of
    from safelight.api.duplicates import decisions as all_decisions

    settings = load_settings(library=library)
    with open_library(settings, quiet=True) as opened:
        pairs = all_decisions(opened)
        if as_json:
            for pair in pairs:
                row = {"a": pair.a, "b": pair.b, "decision": pair.decision}
                click.echo(json.dumps({**row, "decided_at": pair.decided_at}))
            return
        groups = decided(opened)
        facts = facts_of(opened, sorted({id_ for pair in pairs for id_ in (pair.a, pair.b)}))
    for group in groups:
        click.echo(f"{group.id}  {group.decision}, {group.decided_at[:10]}")
        for photo in group.photos:
            known = facts.get(photo)
            click.echo(f"  {short(known.copies[0].path) if known else f'{photo[:12]} (no file)'}")
    if not pairs:
        click.echo("Nothing was decided yet.", err=True)


@duplicates.command("revoke")
@click.argument("group")
@library_option
def revoke(group: str, library: str | None) -> None:
    """Take a decision back, so that the photos are suggested again.

    GROUP is the beginning of its id, as `safelight duplicates decisions` lists it.
    """
    from safelight.api.duplicates import revoke as take_back

    settings = load_settings(library=library)
    with open_library(settings, quiet=True) as opened:
        try:
            found, count = take_back(opened, group)
        except UsageError as exc:
            raise click.UsageError(str(exc)) from exc
    click.echo(f"Took back {found.decision} of {count:,} pairs.", err=True)


def _relations(given: Sequence[str]) -> list[str]:
    return [name for each in given for name in separated(each)]


def _tell_unhashed(count: int) -> None:
    if count:
        photos = "1 photo" if count == 1 else f"{count:,} photos"
        click.echo(
            f"safelight: {photos} could not be opened, and compared with none; `safelight ingest` "
            "tells why.",
            err=True,
        )


def _against(settings: Settings, path: str, namespace: str | None, as_json: bool) -> None:
    from safelight.api.duplicates import against

    with open_library(settings, quiet=True) as opened:
        found = against(opened, path, namespace=namespace)
    for each in found:
        if as_json:
            row = {
                "photo_id": each.photo_id,
                "path": each.path,
                "a": each.edge.a,
                "b": each.edge.b,
                "relation": each.edge.relation.value,
                "evidence": dict(each.edge.evidence),
            }
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            click.echo(f"{each.edge.relation}  {short(each.path)}")
    if not found:
        click.echo("The library has nothing that is related to it.", err=True)
