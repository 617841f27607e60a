"""`safelight docs`: the documentation, without a network."""

from __future__ import annotations

import sys

import click

from safelight.api import is_terminal

EPILOG = """\b
Examples:
  safelight docs                       list the pages
  safelight docs guide                 read one
  safelight docs coming-from/rclip     for those who come from another tool
  safelight docs --path server         the file, for an editor or a browser
"""


@click.command(epilog=EPILOG)
@click.argument("page", required=False)
@click.option("--path", "only_path", is_flag=True, help="Print the path of the page's file.")
def docs(page: str | None, only_path: bool) -> None:
    """Read the documentation that comes with safelight."""
    from safelight.api import documentation

    if page is None:
        known = documentation.pages()
        width = max(map(len, known), default=0)
        for name, file in known.items():
            click.echo(str(file) if only_path else f"{name:{width}}  {documentation.title(file)}")
        return
    file = documentation.page(page)
    if only_path:
        click.echo(str(file))
        return
    text = file.read_text(encoding="utf-8")
    if not is_terminal(sys.stdout):
        click.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(width=min(100, Console().width))
    with console.capture() as captured:
        console.print(Markdown(text))
    click.echo_via_pager(captured.get(), color=True)
