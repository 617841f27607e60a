"""Options and settings that commands share, and the spellings of flags."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import click

from safelight.api import expanded, visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.settings import Settings

_FALSE = ("false", "0", "no", "off", "f")
_TRUE = ("true", "1", "yes", "on", "t")


class FlagCommand(click.Command):
    """A command whose flags may be given a value, as in ``--recursive=false`` or ``-r=false``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Rewrite valued flags to the pair that click knows, then parse as usual."""
        flags = {
            name: option
            for option in self.params
            if isinstance(option, click.Option) and option.is_flag and option.secondary_opts
            for name in option.opts
        }
        end = args.index("--") if "--" in args else len(args)
        return super().parse_args(ctx, [_plain(arg, flags) for arg in args[:end]] + args[end:])


def _plain(arg: str, flags: dict[str, click.Option]) -> str:
    name, given, value = arg.partition("=")
    option = flags.get(name)
    if option is None or not given:
        return arg
    if value.lower() in _TRUE:
        return option.opts[0]
    if value.lower() in _FALSE:
        return option.secondary_opts[0]
    raise click.BadParameter(f"{value!r} is neither true nor false.", param_hint=name)


#: Options that name something; an empty name is a variable that is not set.
_NAMES = frozenset({"DIR", "FOLDER", "FILE", "PATH", "URL", "NAME", "MODEL", "VERSION", "PATTERN"})

#: Arguments of which there may be several, by the words of their metavar; a query may be empty.
_PATHS = frozenset({"DIR", "FILE", "PATH", "PHOTO"})


class _Named(click.types.StringParamType):
    """A text that is not empty."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the text, or fail."""
        text = super().convert(value, param, ctx)
        if not str(text).strip():
            self.fail("It is empty. Is a variable unset?", param, ctx)
        return text


def refuse_empty_names(command: click.Command) -> None:
    """Let options of a command, and of those in it, that name something refuse an empty name.

    ``--library "$UNSET"`` would use the usual library, and ``--root "$UNSET"`` the folder that the
    command runs in.
    """
    for param in command.params:
        if type(param.type) is not click.types.StringParamType:
            continue
        is_named = param.metavar in _NAMES
        if isinstance(param, click.Argument):
            words = set(re.findall("[A-Z]+", param.metavar or ""))
            is_named = param.nargs == 1 or bool(words & _PATHS)
        if is_named:
            param.type = _Named()
    if isinstance(command, click.Group):
        for each in command.commands.values():
            refuse_empty_names(each)


def library_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--library``."""
    return click.option(
        "--library",
        metavar="FILE",
        help="Library file.  [env: SAFELIGHT_LIBRARY]",
    )(command)


def load_settings(**given: Any) -> Settings:
    """Return the settings, where options that were given win over the environment."""
    from pathlib import Path

    from safelight.settings import Settings

    if given.get("library"):
        given["library"] = Path(expanded(given["library"])).absolute()
    return Settings.load(**given)


def short(path: str) -> str:
    """Return `path` as a person reads it: without the folder that the command runs in.

    A line break in it would look like another file, an escape sequence would command the terminal.
    """
    return visible(path.removeprefix(os.getcwd().rstrip(os.sep) + os.sep))


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless there is one.

    >>> counted(1, "file"), counted(2000, "file")
    ('1 file', '2,000 files')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def separated(text: str | None) -> list[str]:
    """Return the names in `text`, which commas separate."""
    return [part for part in (piece.strip() for piece in (text or "").split(",")) if part]
