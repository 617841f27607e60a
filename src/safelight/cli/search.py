"""``safelight search``."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from typing import TYPE_CHECKING

import click

from safelight.cli.ingest import ingest_folder
from safelight.cli.shared.options import library_option, load_settings, short
from safelight.cli.shared.store import searched_index
from safelight.errors import LibraryError, SettingsError
from safelight.files.format import is_terminal, visible
from safelight.files.names import expanded

if TYPE_CHECKING:
    from safelight.library.browse import Filter
    from safelight.library.database import Database
    from safelight.search.query import Query
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
  safelight search receipts --paths -0 | xargs -0 open
  safelight search "a cat" --images-dir data/images

\b
A query is words, an image, or terms joined by + and - (between spaces), each with an optional
:WEIGHT. photo:ID names a photo of the library; text:... and "..." are never taken for a path.
label:NAME finds only photos to which a label applies, -label:NAME only those to which it does
not; `safelight label` labels them. With nothing but labels, the most probable come first; with
nothing but filters, the last taken. A query that is the name of a file or folder, or its beginning,
finds those first. "- people" ranks photos lower that look like people; it cannot know all of them.
Copies, bursts and RAW with JPEG are one hit once `safelight duplicates` has found them.
"""


class _SearchCommand(click.Command):
    """A command that takes ``-label:NAME`` and ``- people`` as parts of a query, not as options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        # With a space in front of it, it is no longer an option, and means the same in the query.
        spaced = [f" {arg}" if arg.startswith(("-label:", "- ")) else arg for arg in args[:end]]
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
    expand: bool,
    library: str | None,
    as_json: bool,
    paths: bool,
    null: bool,
) -> None:
    """Search photos by their content.

    It prints the score and the path of each hit, best first unless --sort says otherwise.
    """
    from safelight.library.database import Database
    from safelight.library.files import require_namespace
    from safelight.model_choice import choose_for_search, choose_space
    from safelight.search import find, hits_of, options_of, search_filters
    from safelight.search.query import Query

    words = click.get_current_context().meta[_WORDS]
    asked = _asked(" ".join(query)) if query else Query()
    for body in plus:
        asked = asked.plus(body)
    for body in minus:
        asked = asked.plus(body, -1.0)
    options = options_of(
        top=top,
        namespace=namespace,
        under=images_dir,
        min_score=min_score,
        least=_least(least),
        where=_where(camera, taken_from, taken_to),
        order=_order(sort),
        expand=expand,
    )
    if not asked.terms and not asked.labels and options.where.is_plain and sort is None:
        raise click.UsageError("Name what to search for, e.g.: safelight search a dog in the snow")
    settings = load_settings(library=library, device=device, namespace=namespace)
    with Database(settings.library, create=images_dir is not None) as opened:
        if images_dir is not None:
            ingest_folder(opened, settings, images_dir, model, quiet=not is_terminal(sys.stderr))
        if f"-n{namespace}" in words:  # -nature is not an option
            try:
                require_namespace(opened, namespace)
            except LibraryError as exc:
                raise click.UsageError(_dashed(f"-n{namespace}")) from exc
        require_namespace(opened, namespace)
        if asked.terms:
            embedder = choose_for_search(opened, settings, model).embedder
            space = embedder.fingerprint
            with searched_index(opened, settings, store, space, namespace) as index:
                answer = find(
                    opened,
                    asked,
                    embedder,
                    options,
                    index=index,
                    clusters_from=settings.clusters_from,
                    pixel_limit=settings.pixel_limit,
                )
        else:
            space = choose_space(opened, model).fingerprint
            answer = search_filters(opened, asked, space, options)
        hits = hits_of(opened, answer, options, space)
        unlabelled = _unlabelled(opened, asked, space, namespace)
    _print(
        hits,
        as_json=as_json,
        paths=paths or null,
        end="\0" if null else "\n",
        is_weak=answer.weak,
    )
    if not hits:
        where = f" in namespace {namespace}" if namespace else ""
        click.echo(f"safelight: nothing found{where}.", err=True)
    for note in answer.notes:
        click.echo(f"safelight: {note}", err=True)
    if unlabelled:
        click.echo(
            f"safelight: Not labelled yet, and left out: {unlabelled:,} of the photos. "
            "`safelight label` labels them.",
            err=True,
        )


def _asked(text: str) -> Query:
    """Return the query; a file that is called like one of several terms is meant itself."""
    from safelight.search.query import Query, Term, names_image, parse_query

    if names_image(text) and os.path.isfile(expanded(text)):
        return Query((Term("image", text),))
    return parse_query(text)


def _unlabelled(library: Database, query: Query, space: str, namespace: str | None) -> int:
    from safelight.library.attributes.label_filter import count_unlabelled, find_label

    counts = [0]
    for each in query.labels:
        with contextlib.suppress(LibraryError):  # only sources say it, and they say it of all
            label = find_label(library, each.label, space)
            counts.append(count_unlabelled(library, label, space, namespace))
    return max(counts)


def _where(camera: str | None, taken_from: str | None, taken_to: str | None) -> Filter | None:
    from safelight.library.browse import Filter

    where = Filter(camera=camera or None, taken_from=taken_from, taken_to=taken_to)
    return None if where.is_plain else where


def _order(given: str | None) -> str | None:
    """Return the order as all interfaces spell it: here, a metric's name alone will do."""
    from safelight.library.ordering import is_order

    return given if given is None or is_order(given) else f"-score:{given}"


def _least(given: tuple[str, ...]) -> dict[str, float]:
    from safelight.arguments import named_numbers

    try:
        return named_numbers(given, "metric")
    except SettingsError as exc:
        raise click.BadParameter(str(exc), param_hint="--min") from None


def _print(hits: list[Hit], *, as_json: bool, paths: bool, end: str, is_weak: bool) -> None:
    out = sys.stdout
    for hit in hits:
        if as_json:
            out.write(json.dumps(_as_dict(hit, is_weak=is_weak), ensure_ascii=False) + "\n")
        elif paths:
            out.write(hit.path + end)
        else:
            out.write(f"{hit.score:.3f} — {_short(hit)}{_remarks(hit)}\n")


def _remarks(hit: Hit) -> str:
    remarks = [hit.matched] if hit.matched else []
    if hit.stack > 1:
        remarks.append(f"stack of {hit.stack}")
    return f"  ({', '.join(remarks)})" if remarks else ""


def _as_dict(hit: Hit, *, is_weak: bool) -> dict[str, object]:
    found: dict[str, object] = {
        "score": round(hit.score, 6),
        "path": hit.path,
        "photo_id": hit.photo_id,
        "namespace": hit.namespace,
        "metadata": hit.metadata,
    }
    # Only where they say something: the fields of a plain hit are prescribed.
    if hit.stack > 1:
        found["stack"] = hit.stack
    if hit.matched:
        found["matched"] = hit.matched
    if is_weak:
        found["weak"] = True
    return found


def _short(hit: Hit) -> str:
    text = hit.metadata.get("text") if hit.metadata.get("type") == "text" else None
    return f"{short(hit.path)}: {visible(text)}" if text else short(hit.path)
