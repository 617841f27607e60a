"""``safelight config``."""

from __future__ import annotations

import json
from dataclasses import fields

import click

from safelight.cli.shared.options import library_option, load_settings


@click.command(epilog="\b\nExample:\n  safelight config --json")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@library_option
def config(as_json: bool, library: str | None) -> None:
    """Show every setting, its value and its origin."""
    from safelight.settings import variable

    settings = load_settings(library=library)
    origins = settings.origins()
    rows = [
        (variable(setting.name), getattr(settings, setting.name), origins[setting.name])
        for setting in fields(settings)
    ]
    if as_json:
        values = {name: {"value": value, "from": origin} for name, value, origin in rows}
        click.echo(json.dumps(values, default=str, ensure_ascii=False))
        return
    for name, value, origin in rows:
        shown = ",".join(value) if isinstance(value, tuple) else "" if value is None else value
        click.echo(f"{name:<24}{shown}  ({origin})")
