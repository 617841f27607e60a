"""Use cases, each written once, for the command line, Python, the server and agents.

One module a use case, of plain functions that take a library (:class:`safelight.Library`) or the
database behind it, call the packages below, and return frozen dataclasses. The command line prints
what they return; :class:`Library` offers them as methods.

Names are imported when they are first used: a command pays for its own use case only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safelight.arguments import named_numbers
    from safelight.files.format import is_terminal, size_text, visible, write_everything
    from safelight.files.names import expanded
    from safelight.ingest import Progress, forget, move_source
    from safelight.ingest.move_source import Moved
    from safelight.library.damage import explain_database_error
    from safelight.library.database import Database
    from safelight.library.forget import Forgotten
    from safelight.library.state.tokens import Token, create_token, revoke_token, tokens

#: The module that each name comes from.
_HOMES = {
    "Database": "library.database",
    "Forgotten": "library.forget",
    "Moved": "ingest.move_source",
    "Progress": "ingest.summary",
    "Token": "library.state.tokens",
    "create_token": "library.state.tokens",
    "expanded": "files.names",
    "explain_database_error": "library.damage",
    "forget": "ingest.forget",
    "is_terminal": "files.format",
    "move_source": "ingest.move_source",
    "named_numbers": "arguments",
    "revoke_token": "library.state.tokens",
    "size_text": "files.format",
    "tokens": "library.state.tokens",
    "visible": "files.format",
    "write_everything": "files.format",
}

__all__ = [
    "Database",
    "Forgotten",
    "Moved",
    "Progress",
    "Token",
    "create_token",
    "expanded",
    "explain_database_error",
    "forget",
    "is_terminal",
    "move_source",
    "named_numbers",
    "revoke_token",
    "size_text",
    "tokens",
    "visible",
    "write_everything",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'safelight.api' has no attribute {name!r}")
    return getattr(import_module(f"safelight.{home}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
