"""``safelight search``."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import click

from safelight.api import is_terminal, visible
from safelight.cli.ingest import ingest_folder
from safelight.cli.shared.opening import open_library
from safelight.cli.shared.options import library_option, load_settings, short
from safelight.errors import LibraryError, SettingsError

if TYPE_CHECKING:
    from safelight.api.opened import Opened
    from safelight.api.results import Hits
    from safelight.api.search import Query
    from safelight.types import Hit

EPILOG = """\b
Examples:
  safelight search a dog in the snow
  safelight search "beach + ./sunset.jpg:0.5 - people"
  safelight search ./this-one.jpg --top 20
  safelight search cake --namespace birthdays --json
  safelight search beach --from 2024-06-01 --to 2024-08-31 --camera "Canon EOS R5"
  safelight search portrait --min focus=0.7 --min noise=0.5
  safelight search portrait --top 50 --sort combined
  safelight search sunset label:beach -label:people
  safelight search --camera canon --from 2024-06-01
  safelight search IMG_1185
  safelight search 'label:"wide shot" label:mountain'
  safelight search cake 'taken:summer-2023 camera:canon,nikon -is:portrait'
  safelight search 'folder:Wedding score:focus>=0.6 near:"48.85,2.35 5km"'
  safelight search 'iso:>=1600 f:<2 (kind:raw OR kind:heic)' --explain
  safelight search receipts --paths -0 | xargs -0 open
  safelight search "a cat" --images-dir data/images
  safelight search giraffe --all

\b
A query is words, an image, or terms joined by + and - (between spaces), each with an optional
:WEIGHT. photo:ID names a photo of the library; text:... and "..." are never taken for a path.
Filters stand anywhere between the words: NAME:VALUE.
  taken:2024-06..2024-08  taken:summer-2023  taken:"last week"  taken:<2020
  camera:canon  lens:50mm  iso:>=1600  f:<2  shutter:<=1/250  focal:>=200
  rating:>=4  keyword:beach  title:wedding  caption:dog
  near:"48.85,2.35 5km"  name:IMG_11*  folder:Wedding  in:NAMESPACE
  kind:raw  is:landscape  is:duplicate  is:undated  score:focus>=0.6  label:beach
Commas and OR join alternatives, - in front negates, parentheses group, quotes protect spaces. In a
shell, put the query in single quotes. With nothing but labels, the most probable come first; with
nothing but filters, the last taken. A query that is the name of a file or folder, or its beginning,
finds those first, and then those with the words in a keyword, title or caption.
"- people" ranks photos lower that look like people; it cannot know all of them.
Only photos that stand out as what was asked for are shown; --all shows the nearest, whatever they
are, and with --json whether each is a "match".
Copies, bursts and RAW with JPEG are one hit once `safelight duplicates` has found them.
"""


class _SearchCommand(click.Command):
    """A command that takes ``-camera:NAME`` and ``- people`` as parts of a query."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        # With a space in front of it, it is no longer an option, and means the same in the query.
        takers = {
            name
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag
            for name in option.opts
        }
        spaced = [
            f" {arg}" if _NEGATED.match(arg) and before not in takers else arg
            for before, arg in zip(["", *args], args[:end], strict=False)
        ]
        words = [arg for arg in args[:end] if _LIKE_WORD.fullmatch(arg)]
        try:
            return super().parse_args(ctx, spaced + args[end:])
        except (click.NoSuchOption, click.BadParameter) as exc:
            option = getattr(exc, "option_name", None)
            for word in words:
                # -kids is -k with a value that is not a number.
                if option in (word, word[:2]) or (not option and repr(word[2:]) in str(exc)):
                    raise click.UsageError(_dashed(word), ctx) from exc
            raise
        finally:
            ctx.meta[_WORDS] = words


#: Parts of a query that begin like an option: ``-label:NAME``, ``-(...)``, ``-"words"``.
_NEGATED = re.compile(r'-(?:[^\W\d_][\w-]*:|[("\s])')

#: What may be meant as a word to avoid: ``-people``. Click takes it for the option ``-p``.
_LIKE_WORD = re.compile(r"-[^\W\d_]{2}.*")
_WORDS = "safelight.search.words"


def _dashed(word: str) -> str:
    return (
        f"No such option {word!r}. To rank photos lower that look like that, put a space behind "
        f'the dash: safelight search "beach - {word[1:]}". To look for the words as they are: '
        f"safelight search -- {word}"
    )


@click.command(cls=_SearchCommand, epilog=EPILOG)
@click.argument("query", nargs=-1)
@click.option("--plus", multiple=True, metavar="TERM", help="Add a term to the query.")
@click.option("--minus", multiple=True, metavar="TERM", help="Subtract a term from the query.")
@click.option(
    "--like", multiple=True, metavar="PHOTO", help="Find photos like this file or id. Repeatable."
)
@click.option("-n", "--namespace", metavar="NAME", help="Use only files in this namespace.")
@click.option(
    "-k", "--top", "--top-k", "--top_k", "--limit", type=click.IntRange(min=1), default=10,
    show_default=True, metavar="N", help="Maximum number of hits.",
)  # fmt: skip
@click.option(
    "--min", "least", multiple=True, metavar="NAME=S",
    help="Show only photos that score at least S, e.g. focus=0.6. Repeatable.",
)  # fmt: skip
@click.option(
    "--camera", metavar="NAME", help="Show only photos of this camera; part of its name will do."
)
@click.option(
    "--from",
    "taken_from",
    metavar="DAY",
    help="Show only photos taken on this day (YYYY-MM-DD) or later.",
)
@click.option(
    "--to",
    "taken_to",
    metavar="DAY",
    help="Show only photos taken on this day (YYYY-MM-DD) or earlier.",
)
@click.option(
    "--sort", metavar="ORDER",
    help="Sort hits by a metric, combined, taken or added; -taken: last first.",
)  # fmt: skip
@click.option("--min-score", type=float, metavar="S", help="Show only hits that score at least S.")
@click.option(
    "--images-dir", "--images_dir", metavar="DIR",
    help="Ingest new files in DIR first, then search only there.",
)  # fmt: skip
@click.option("--model", metavar="MODEL", help="Search in this model's space.")
@click.option("--device", metavar="DEVICE", help="Device of the model: auto, cpu, cuda:1, mps, ...")
@click.option(
    "--store", metavar="ADDRESS",
    help="Search in this vector store; local: the library.  [env: SAFELIGHT_STORE]",
)  # fmt: skip
@click.option(
    "--all", "every", is_flag=True, help="Show the nearest whether they match the query or not."
)
@click.option("--explain", is_flag=True, help="Show how the query was read, and what it matches.")
@click.option("--expand", is_flag=True, help="Show every photo of a stack: copies, bursts, RAW.")
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--paths", is_flag=True, help="Print only the paths.")
@click.option(
    "-0", "--null", is_flag=True, help="With --paths: end each path with NUL, for xargs -0."
)
def search(
    query: tuple[str, ...],
    plus: tuple[str, ...],
    minus: tuple[str, ...],
    like: tuple[str, ...],
    namespace: str | None,
    top: int,
    least: tuple[str, ...],
    camera: str | None,
    taken_from: str | None,
    taken_to: str | None,
    sort: str | None,
    min_score: float | None,
    images_dir: str | None,
    model: str | None,
    device: str | None,
    store: str | None,
    every: bool,
    explain: bool,
    expand: bool,
    library: str | None,
    as_json: bool,
    paths: bool,
    null: bool,
) -> None:
    """Search photos by their content.

    It prints the score and the path of each match, best first unless --sort says otherwise, and
    nothing if no photo matches.
    """
    from safelight.api.search import as_query, require_namespace, search_options
    from safelight.api.search import search as find

    words = click.get_current_context().meta[_WORDS]
    asked = as_query(" ".join(query), plus, minus, like)
    options: dict[str, Any] = {
        "top": top,
        "namespace": namespace,
        "folder": images_dir,
        "min_score": min_score,
        "least": _least(least),
        "camera": camera,
        "taken_from": taken_from,
        "taken_to": taken_to,
        "order": sort,
        "expand": expand,
    }
    is_plain = search_options(**options).where.is_plain
    if not asked.terms and asked.where is None and is_plain and sort is None:
        raise click.UsageError("Name what to search for, e.g.: safelight search a dog in the snow")
    settings = load_settings(library=library, device=device, namespace=namespace)
    quiet = not is_terminal(sys.stderr)
    with open_library(settings, create=images_dir is not None, quiet=quiet, notes=True) as opened:
        if images_dir is not None:
            ingest_folder(opened, images_dir, model)
        if f"-n{namespace}" in words:  # -nature is not an option
            try:
                require_namespace(opened.database, namespace)
            except LibraryError as exc:
                raise click.UsageError(_dashed(f"-n{namespace}")) from exc
        if explain:
            _explain(opened, asked)
        hits = find(opened, asked, model=model, store=store, **options)
    shown = hits if every else hits.matches
    _print(shown, as_json=as_json, paths=paths or null, end="\0" if null else "\n")
    if not hits:
        where = f" in namespace {namespace}" if namespace else ""
        click.echo(f"safelight: nothing found{where}.", err=True)
    elif 0 < len(shown) < len(hits):
        count = len(hits) - len(shown)
        click.echo(
            f"safelight: {count} more {'was' if count == 1 else 'were'} near; --all shows "
            f"{'it' if count == 1 else 'them'}.",
            err=True,
        )
    elif shown and hits.more and not every:
        click.echo(f"safelight: More match; these are the first {len(hits)} (--top).", err=True)
    for note in hits.notes:
        click.echo(f"safelight: {note}", err=True)
    if hits and not shown:
        nearest = ", ".join(f"{short(hit.path)} ({hit.score:.3f})" for hit in hits[:3])
        click.echo(f"safelight: Nearest: {nearest}. --all shows them.", err=True)
    if hits.unlabelled:
        click.echo(
            f"safelight: Not labelled yet, and left out: {hits.unlabelled:,} of the photos. "
            "`safelight label` labels them.",
            err=True,
        )


def _explain(library: Opened, query: Query) -> None:
    from safelight.api.explain import explain

    for part in explain(library, query):
        count = "" if part.photos is None else f": {part.photos:,}"
        click.echo(f"safelight: {part.text} ({part.meaning}{count})", err=True)


def _least(given: tuple[str, ...]) -> dict[str, float]:
    from safelight.api import named_numbers

    try:
        return named_numbers(given, "metric")
    except SettingsError as exc:
        raise click.BadParameter(str(exc), param_hint="--min") from None


def _print(hits: Hits, *, as_json: bool, paths: bool, end: str) -> None:
    out = sys.stdout
    if as_json:
        out.write(hits.to_json())
        return
    for hit in hits:
        if paths:
            out.write(hit.path + end)
        else:
            out.write(f"{hit.score:.3f} — {_short(hit)}{_remarks(hit)}\n")


def _remarks(hit: Hit) -> str:
    remarks = [hit.matched] if hit.matched else []
    if hit.stack > 1:
        remarks.append(f"stack of {hit.stack}")
    return f"  ({', '.join(remarks)})" if remarks else ""


def _short(hit: Hit) -> str:
    text = hit.metadata.get("text") if hit.metadata.get("type") == "text" else None
    return f"{short(hit.path)}: {visible(text)}" if text else short(hit.path)
