"""``safelight label``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from safelight.api import expanded, is_terminal
from safelight.cli.shared.failures import failure_lines
from safelight.cli.shared.opening import open_library, progress, teller
from safelight.cli.shared.options import library_option, load_settings, short
from safelight.cli.texts.label import show_csv, show_json, show_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from safelight.api.label import LabelSet
    from safelight.api.library import Library
    from safelight.settings import Settings

EPILOG = """\b
Examples:
  safelight label                                all photos of the library that lack labels
  safelight search label:beach                   ... and then find them
  safelight label photo.jpg ~/Pictures/2024
  safelight label --labels birds.txt --templates "birds of the garden.json"
  safelight label *.jpg --top 3 --json > labels.jsonl

\b
A file of labels is {"labels": [...]}, a list in JSON, or text with one a line; a file of templates
likewise, where {} is where the label goes. `safelight docs labels` explains the three
numbers.
"""


@click.command(epilog=EPILOG)
@click.argument("paths", nargs=-1, metavar="[FILE|DIR]...")
@click.option(
    "--labels", metavar="FILE", help="File of labels to use instead.  [env: SAFELIGHT_LABELS]"
)
@click.option(
    "--templates",
    metavar="FILE",
    help="File of prompts to use instead.  [env: SAFELIGHT_TEMPLATES]",
)
@click.option(
    "-k", "--top", type=click.IntRange(min=1), default=5, show_default=True, metavar="N",
    help="Number of labels to show a photo, highest confidence first.",
)  # fmt: skip
@click.option(
    "--temperature", type=float, metavar="T",
    help="With paths: divide cosines by T before the softmax; stores nothing.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a heading, one row a label.")
@click.option("-n", "--namespace", metavar="NAME", help="Without paths: label only this namespace.")
@click.option("--model", metavar="MODEL", help="Model to label with.")
@click.option("--device", metavar="DEVICE", help="Device of the model: auto, cpu, cuda:1, mps, ...")
@click.option(
    "--threads", type=click.IntRange(min=1), metavar="N", help="Number of threads that decode."
)
@library_option
@click.option("-q", "--quiet", is_flag=True, help="Print only errors.")
def label(
    paths: tuple[str, ...],
    labels: str | None,
    templates: str | None,
    top: int,
    temperature: float | None,
    as_json: bool,
    as_csv: bool,
    namespace: str | None,
    model: str | None,
    device: str | None,
    threads: int | None,
    library: str | None,
    quiet: bool,
) -> None:
    """Tag photos with labels from a list.

    Without paths: label the library's photos that have no labels yet, from their stored vectors;
    no file is opened. Ctrl-C stops it, and the next run goes on from there.

    With paths: show the labels of these photos. For photos of the library, the labels are also
    stored there, if it can be written; other photos need no library. Files that cannot be read
    are named, and the run goes on.
    """
    from safelight.api.label import read_label_set

    if as_json and as_csv:
        raise click.UsageError("Use either --json or --csv, not both.")
    if not paths and temperature is not None:
        raise click.UsageError("--temperature goes with paths: the library keeps the model's own.")
    if paths and namespace is not None:
        raise click.UsageError("--namespace goes without paths.")
    settings = load_settings(
        library=library,
        namespace=namespace,
        device=device,
        threads=threads,
        labels=_absolute(labels),
        templates=_absolute(templates),
    )
    label_set = read_label_set(settings.labels, settings.templates)
    show = show_json if as_json else show_csv if as_csv else show_table
    if paths:
        _label_paths(paths, settings, label_set, model, top, temperature, show, quiet=quiet)
    else:
        is_shown = as_json or as_csv
        _label_library(
            settings, label_set, namespace, model, top, show if is_shown else None, quiet=quiet
        )


def _absolute(path: str | None) -> Any:
    from pathlib import Path

    return None if path is None else Path(expanded(path)).absolute()


def _label_library(
    settings: Settings,
    label_set: LabelSet,
    namespace: str | None,
    model: str | None,
    top: int,
    show: Callable[[Iterator[dict[str, Any]], LabelSet], None] | None,
    *,
    quiet: bool,
) -> None:
    from safelight.api.label import label_library

    with open_library(settings, quiet=quiet) as opened:
        found = label_library(opened, label_set, namespace=namespace, model=model, top=top)
        done = abstained = 0

        def rows() -> Iterator[dict[str, Any]]:
            nonlocal done, abstained
            for each in found:
                done += 1
                abstained += each.abstained
                yield each.to_dict()

        try:
            if show is not None:
                show(rows(), label_set)
            else:
                for _ in rows():
                    pass
        except KeyboardInterrupt:
            click.echo(
                f"Stopped after {done:,} of {found.total:,} photos. Run the same command again "
                "to go on from there.",
                err=True,
            )
            sys.exit(130)
    if not quiet:
        none = f", none of which applies to {abstained:,} of them" if abstained else ""
        click.echo(
            f"Labelled {done:,} photos with {found.model} and {len(label_set.labels):,} labels"
            f"{none}."
            if done
            else "Every photo that is embedded is labelled with these labels already.",
            err=show is not None,
        )


def _label_paths(
    paths: tuple[str, ...],
    settings: Settings,
    label_set: LabelSet,
    model: str | None,
    top: int,
    temperature: float | None,
    show: Callable[[Iterator[dict[str, Any]], LabelSet], None],
    *,
    quiet: bool,
) -> None:
    from contextlib import ExitStack

    from safelight.api.label import label_files

    labelled = passing = 0
    with ExitStack() as stack:
        opened: Library | None = None
        if settings.library.exists():
            opened = stack.enter_context(open_library(settings, quiet=quiet))
        found = label_files(
            opened,
            paths,
            label_set,
            settings=settings,
            model=model,
            top=top,
            temperature=temperature,
            tell=teller(quiet=quiet),
            progress=progress(quiet=quiet),
        )

        def rows() -> Iterator[dict[str, Any]]:
            nonlocal labelled, passing
            for each in found:
                labelled += 1
                passing += not each.stored
                yield each.to_dict()

        # A bar and lines between each other cannot be read.
        show(iter(list(rows())) if is_terminal(sys.stdout) and not quiet else rows(), label_set)
    failures = [(path, short(line)) for path, line in found.failures]
    for line in failure_lines(failures):
        click.echo(f"safelight: {line}", err=True)
    if not found.paths and not failures:
        click.echo("safelight: found no photos.", err=True)
    if passing and not quiet:
        if temperature is not None:
            why = "with a --temperature nothing is"
        elif opened is not None and opened.is_read_only:
            why = f"the library {short(str(opened.path))} cannot be written here"
        else:
            why = "the library does not have them, embedded with this model; see safelight ingest"
        click.echo(
            f"safelight: Labels were not kept of {passing:,} of the photos: {why}.", err=True
        )
    if failures and not labelled:
        sys.exit(1)
