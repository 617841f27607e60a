"""Photos by the name of their file or folder.

A text names a file or folder that is called so, with or without its extension, or whose name
begins with it: up to the end of a word, or anywhere if the text has a digit (``IMG_11`` begins
``IMG_1185.JPG``, while ``cat`` does not begin ``catalogue``). Case does not matter.
"""

from __future__ import annotations

import re
import time
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.library.files import in_namespaces, inside_folder

if TYPE_CHECKING:
    from safelight.library.database import Database

FILE, FOLDER = "file name", "folder name"

#: Shorter texts begin too many names to mean one.
_SHORTEST = 3

_SEPARATORS = re.compile(r"[/\\]")


@dataclass(frozen=True, slots=True)
class Named:
    """A file that a text names.

    Attributes
    ----------
    how : str
        ``FILE`` or ``FOLDER``.
    path : str
    """

    how: str
    path: str


def named(
    library: Database,
    text: str,
    *,
    namespaces: tuple[str, ...] | None = None,
    under: str | None = None,
) -> dict[int, Named]:
    """Return the items with a present file that a text names, by key.

    Files come before folders, and whole names before their beginnings. With `namespaces` and
    `under`, a file elsewhere names nothing.
    """
    wanted = _plain(text)
    if len(wanted) < _SHORTEST or _SEPARATORS.search(wanted):
        return {}
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character is in no path of a library
        return {}
    patterns = [
        f"%{separator}{_escaped(spelling)}%"
        for separator in ("/", "\\\\")
        for spelling in _spellings(text)
    ]
    scope, names = in_namespaces(namespaces)
    inside, folder = inside_folder("f.path", under)
    rows = library.connection.execute(
        "SELECT f.item_pk, f.path FROM files f WHERE f.item_pk IS NOT NULL AND NOT f.gone "
        f"AND ({' OR '.join(['f.path LIKE ? ESCAPE ' + _ESCAPE] * len(patterns))}) "
        f"AND {scope} AND {inside} ORDER BY f.path",
        (*patterns, *names, *folder),
    )
    ranks = [(_rank(wanted, path), key, path) for key, path in rows]
    found: dict[int, Named] = {}
    for rank, key, path in sorted((each for each in ranks if each[0] is not None), key=_first):
        how = FILE if rank < _FOLDERS else FOLDER  # type: ignore[operator]
        found.setdefault(key, Named(how, path))
    return found


class NameBeginnings:
    """First letters of all names of files and folders, so that most texts need no look at paths.

    Names that are gone stay in it for a while, which costs time only.

    Parameters
    ----------
    patience : float
        Seconds after which all names are read again, and not only those of new files: a file that
        was renamed is found by its new name then.
    """

    def __init__(self, patience: float = 60.0) -> None:
        self._patience = patience
        self._last = 0
        self._known: set[str] = set()
        self._read_at = 0.0
        self._state: tuple[int, int] | None = None

    def refresh(self, library: Database) -> None:
        """Take in the names that the library got since; some 0.1 s for 100,000 files at first."""
        connection = library.connection
        state = connection.execute("PRAGMA data_version").fetchone()[0], connection.total_changes
        if state == self._state:
            return
        self._state = state
        if time.monotonic() - self._read_at >= self._patience:
            self._last, self._known, self._read_at = 0, set(), time.monotonic()
        rows = library.connection.execute(
            "SELECT pk, path FROM files WHERE pk > ? ORDER BY pk", (self._last,)
        ).fetchall()
        names = {name for _, path in rows for name in _SEPARATORS.split(path)}
        self._known = self._known | {_plain(name)[:_SHORTEST] for name in names}
        self._last = rows[-1][0] if rows else self._last

    def may_name(self, text: str) -> bool:
        """Tell whether a text can name something."""
        return _plain(text)[:_SHORTEST] in self._known


_ESCAPE = "'|'"
_FOLDERS = 2


def _first(each: tuple[int | None, int, str]) -> int:
    return each[0] or 0


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip()).casefold()


def _spellings(text: str) -> list[str]:
    # LIKE knows the case of ASCII letters only, and macOS writes accents apart.
    text = text.strip()
    if text.isascii():
        return [text]
    cases = (text, text.lower(), text.upper(), text.title(), text.capitalize())
    forms = [unicodedata.normalize(form, each) for each in cases for form in ("NFC", "NFD")]
    return list(dict.fromkeys(forms))


def _escaped(text: str) -> str:
    return re.sub(r"([|%_])", r"|\1", text)


def _rank(wanted: str, path: str) -> int | None:
    *folders, name = _SEPARATORS.split(_plain(path))
    stem = name.rpartition(".")[0] or name
    if wanted in (name, stem):
        return 0
    if _begins(wanted, name):
        return 1
    if wanted in folders:
        return _FOLDERS
    return _FOLDERS + 1 if any(_begins(wanted, folder) for folder in folders) else None


def _begins(wanted: str, name: str) -> bool:
    if not name.startswith(wanted):
        return False
    rest = name[len(wanted) :]
    return not rest or not rest[0].isalnum() or any(char.isdigit() for char in wanted)
