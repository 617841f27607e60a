"""``safelight models``: well-known models, and those on this machine."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from safelight.api import expanded, is_terminal, size_text
from safelight.cli.shared.options import library_option, load_settings
from safelight.cli.texts.models import (
    described,
    measured_text,
    table,
    verified,
    way_out,
)
from safelight.errors import SafelightError

if TYPE_CHECKING:
    from safelight.api.models import Dtype

EPILOG = """\b
Examples:
  safelight models list                            the catalogue, and what is on this machine
  safelight models info ViT-L-14/openai            all that is known about a model
  safelight models pull ViT-L-14/openai            fetch it
  safelight models verify ViT-L-14/openai          compare it with what its publisher says
  safelight models export ViT-L-14/openai folder   write it for ONNX Runtime
  safelight models rm ViT-L-14/openai              give its disk space back

\b
`safelight docs models` lists the names that --model takes.
"""

LIST_EPILOG = """\b
Examples:
  safelight models list
  safelight models list --on-disk
  safelight models list --json | jq -r 'select(.permissive) | .name'
"""

INFO_EPILOG = """\b
Examples:
  safelight models info ViT-B-16-SigLIP2/webli
  safelight models info laion/CLIP-ViT-g-14-laion2B-s34B-b88K
  safelight models info ./my-model --json
"""

PULL_EPILOG = """\b
Examples:
  safelight models pull ViT-B-32/openai ViT-B-16-SigLIP2/webli
  safelight models pull Xenova/mobileclip_s0 --yes
  safelight models pull ViT-B-32/openai#torch
"""

VERIFY_EPILOG = """\b
Examples:
  safelight models verify ViT-B-32/openai
  safelight models verify ViT-B-32/openai --photo ~/Downloads/000000039769.jpg
  safelight models verify ./my-export --json
"""

EXPORT_EPILOG = """\b
Examples:
  safelight models export ViT-B-16/datacomp_xl_s13b_b90k ~/models/datacomp
  safelight models export ViT-L-14/openai ~/models/quick --dtype int8 --photos ~/Pictures
  safelight ingest --model ~/models/datacomp ~/Pictures
"""

RM_EPILOG = """\b
Examples:
  safelight models rm ViT-L-14/openai
  safelight models rm openai/clip-vit-large-patch14 --yes
"""


@click.group(epilog=EPILOG)
def models() -> None:
    """List, fetch, verify, export and remove models.

    Nothing here touches a library; `safelight library` changes the model of one.
    """


@models.command("list", epilog=LIST_EPILOG)
@click.option("--on-disk", is_flag=True, help="List only models on this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_models(on_disk: bool, as_json: bool) -> None:
    """List well-known models, and all models on this machine."""
    from safelight.api import models as use_cases

    found = use_cases.list_models(on_disk=on_disk)
    if as_json:
        for each in found:
            click.echo(json.dumps(each.to_dict(), ensure_ascii=False))
    else:
        click.echo(table(found))


@models.command(epilog=INFO_EPILOG)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def info(name: str, as_json: bool) -> None:
    """Show everything known about a model."""
    from safelight.api.models import model_info

    found = model_info(name)
    if as_json:
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        click.echo("\n".join(described(found)))


@models.command(epilog=PULL_EPILOG)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "-y", "--yes", is_flag=True, help="Do not ask for confirmation, whatever the licence."
)
def pull(names: tuple[str, ...], yes: bool) -> None:
    """Fetch models, both sides of each.

    It shows licence and size first; you have to agree to a licence that does not allow every use.
    A stopped download goes on where it ended.
    """
    from safelight.api import models as use_cases

    device = load_settings().device
    wanted, refused = [], False
    for name in dict.fromkeys(names):
        if use_cases.is_here(name, device):
            click.echo(f"{name} is on this machine already.")
        elif _agreed(name, yes=yes):
            wanted.append(name)
        else:
            refused = True
    for name in wanted:
        try:
            use_cases.pull(name, device=device, progress=is_terminal(sys.stderr), tell=_tell)
        except SafelightError as error:
            if len(names) == 1:
                raise
            click.echo(f"safelight: {error}", err=True)
            refused = True
        else:
            click.echo(f"Fetched {name}: {size_text(use_cases.find_model(name).bytes)} on disk.")
    if refused:
        sys.exit(1)


@models.command(epilog=VERIFY_EPILOG)
@click.argument("name")
@click.option(
    "--photo", metavar="FILE",
    help="Also compare results published for this photo; see `models info`.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def verify(name: str, photo: str | None, as_json: bool) -> None:
    """Verify a model on this machine against published values.

    It compares files with the digests of the hub or the publisher, and vectors with published
    values, and lists every comparison, or says that there was nothing to compare. The exit code
    is 1 if something differs.
    """
    from safelight.api.models import verify_model

    found = verify_model(name, photo=Path(expanded(photo)) if photo else None)
    if as_json:
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        click.echo("\n".join(verified(found)))
    if not found.ok:
        click.echo(f"safelight: {way_out(found)}", err=True)
        sys.exit(1)


@models.command(epilog=EXPORT_EPILOG)
@click.argument("name")
@click.argument("out", metavar="FOLDER")
@click.option(
    "--dtype", type=click.Choice(["fp32", "fp16", "int8"]), default="fp32", show_default=True,
    help="Type of the weights' numbers.",
)  # fmt: skip
@click.option(
    "--photos", metavar="DIR",
    help="Photos to compare with, if not the library's or the demo's.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Keep an export that fails the comparison.")
@click.option("--json", "as_json", is_flag=True, help="Print the measurements as a JSON object.")
@library_option
def export(
    name: str,
    out: str,
    dtype: Dtype,
    photos: str | None,
    force: bool,
    as_json: bool,
    library: str | None,
) -> None:
    """Write a model for ONNX Runtime into a new folder.

    The export needs the torch extra; the folder does not. Both models embed up to 64 real photos,
    and the export is written only if its vectors are near enough to the original's: a mean cosine
    of 0.99, for int8 0.97. An fp32 export shares the space of the original.
    """
    from safelight.api.models import export_model

    target = Path(expanded(out))
    done = export_model(
        name,
        target,
        load_settings(library=library),
        dtype=dtype,
        photos=photos,
        force=force,
        progress=is_terminal(sys.stderr),
        tell=_tell,
    )
    if as_json:
        click.echo(json.dumps(done.to_dict(), ensure_ascii=False))
    else:
        click.echo(measured_text(done.measured, dtype))
    if done.good:
        if not as_json:
            click.echo(f"Wrote {target}. Use it: safelight ingest --model {shlex.quote(out)}")
        return
    short = f"it is not good enough: a mean cosine below {done.least:g} with the original"
    if force:
        _tell(f"{target} was written all the same; {short}.")
        return
    _tell(f"Nothing was written; {short}. Another --dtype keeps more; --force keeps this one.")
    sys.exit(1)


@models.command(epilog=RM_EPILOG)
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@library_option
def rm(name: str, yes: bool, library: str | None) -> None:
    """Remove a model from the hub's cache.

    It removes only downloads, never a folder that you gave as a model. Other programs that use the
    same cache have to download the model again, too.
    """
    from safelight.api.models import removable, remove, spaces_of_model

    found = removable(name)
    for space in spaces_of_model(load_settings(library=library), name):
        _tell(f"Searches in the library use it ({space}); they will not work until it is back.")
    size = size_text(sum(each.bytes for each in found))
    if not yes:
        if not is_terminal(sys.stdin):
            raise click.UsageError("There is no terminal to ask on. Add --yes to remove it.")
        folders = "\n".join(f"  {each.folder}" for each in found)
        if not click.confirm(f"{folders}\nRemove this, {size}?", err=True):
            _tell("nothing was removed.")
            sys.exit(1)
    click.echo(f"Removed {name}: {size_text(remove(found))} freed.")


def _tell(note: str) -> None:
    click.echo(f"safelight: {note}", err=True)


def _agreed(name: str, *, yes: bool) -> bool:
    """Tell licence and size of a model, and ask where the licence does not allow every use."""
    from safelight.api.models import terms_of

    terms = terms_of(name)
    licence = f"licence {terms.licence}" if terms.licence else "its publisher names no licence"
    size = f", about {terms.megabytes:,} MB" if terms.megabytes else ""
    click.echo(f"{name}: {licence}{size} (from {terms.source}).", err=True)
    if terms.permissive or yes:
        return True
    doubt = "does not allow every use" if terms.licence else "is not known"
    if not is_terminal(sys.stdin):
        raise click.UsageError(
            f"The licence of {name} {doubt}, and there is no terminal to ask on. Read it, and add "
            "--yes to fetch the model."
        )
    return click.confirm(f"The licence {doubt}: read it first. Fetch the model?", err=True)
