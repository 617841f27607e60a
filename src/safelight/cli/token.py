"""``safelight token``."""

from __future__ import annotations

import json

import click

from safelight.cli.shared.options import library_option, load_settings


@click.group()
def token() -> None:
    """Manage access to the server from other machines."""


@token.command()
@click.argument("name")
@click.option(
    "--read/--write", "read_only", default=True, show_default="read",
    help="Allow reading and searching, or also ingests, uploads, decisions.",
)  # fmt: skip
@click.option(
    "-n", "--namespace", "namespaces", multiple=True, metavar="NAME",
    help="Allow only this namespace. May be repeated.  [default: all]",
)  # fmt: skip
@library_option
def create(name: str, read_only: bool, namespaces: tuple[str, ...], library: str | None) -> None:
    """Create a token and print it once; it is not stored.

    NAME is its owner or its purpose.
    """
    from safelight.api import Database, create_token

    with Database(load_settings(library=library).library) as opened:
        text, made = create_token(
            opened, name, may_write=not read_only, namespaces=namespaces or None
        )
    click.echo(text)
    click.echo(
        f"safelight: Made token {made.id} for {name}. Keep it: it is not shown again.", err=True
    )


@token.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@library_option
def list_(as_json: bool, library: str | None) -> None:
    """List tokens and their rights, but not the tokens themselves."""
    from safelight.api import Database, tokens

    with Database(load_settings(library=library).library, create=False) as opened:
        found = tokens(opened)
    for each in found:
        if as_json:
            click.echo(json.dumps(each.to_dict(), ensure_ascii=False))
            continue
        where = "all namespaces" if each.namespaces is None else ", ".join(each.namespaces)
        what = "write" if each.may_write else "read"
        state = f"revoked {each.revoked_at}" if each.revoked_at else f"since {each.created_at}"
        click.echo(f"{each.id}  {what:<5}  {each.name}  ({where}; {state})")


@token.command()
@click.argument("token_id", metavar="ID")
@library_option
def revoke(token_id: str, library: str | None) -> None:
    """Revoke a token; a running server notices within a second."""
    from safelight.api import Database, revoke_token

    with Database(load_settings(library=library).library, create=False) as opened:
        found = revoke_token(opened, token_id)
    click.echo(f"Revoked {found.id} ({found.name}).")
