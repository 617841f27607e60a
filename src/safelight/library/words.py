"""Items by the words that people wrote: keywords, titles, captions, names of files.

The word index folds case and accents, and takes scripts without spaces letter by letter
(:func:`safelight.library.folding.spaced`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from safelight.library.files import in_namespaces
from safelight.library.folding import folded, is_unspaced, spaced
from safelight.library.key_sets import kept, keys_of

if TYPE_CHECKING:
    from safelight.library.database import Database
    from safelight.library.key_sets import Keys

KEYWORD, TITLE, CAPTION, FILE = "keyword", "title", "caption", "file name"

#: Columns of the word index, and what a hit is said to be found by; the first counts.
_COLUMNS = (("keywords", KEYWORD), ("title", TITLE), ("caption", CAPTION))

_APART = re.compile(r"[\W_]+")

#: Shorter words stand in too many names to mean one, unless each letter is a word.
_SHORTEST = 3


def with_keyword(library: Database, text: str) -> Keys:
    """Return the keys of items with a keyword that a text names."""
    named = keywords_named(library, text)
    marks = ",".join("?" * len(named))
    return keys_of(library, f"SELECT item_pk FROM keywords WHERE keyword IN ({marks})", named)


def keywords_named(library: Database, text: str) -> list[str]:
    """Return the keywords that a text is, or with whose words each of its words begins."""
    known = kept(library, "keywords", lambda: _keywords(library))
    wanted = folded(text.replace("*", " "))
    exact = [keyword for keyword, plain in known if plain == wanted]
    # A star asks for more than the keyword itself.
    if (exact and "*" not in text) or not wanted:
        return exact
    words = wanted.split()
    return [
        keyword
        for keyword, plain in known
        if all(
            word in plain
            if is_unspaced(word)
            else any(part.startswith(word) for part in _APART.split(plain))
            for word in words
        )
    ]


def _keywords(library: Database) -> list[tuple[str, str]]:
    rows = library.connection.execute(
        "WITH RECURSIVE each (word) AS (SELECT min(keyword) FROM keywords UNION ALL "
        "SELECT (SELECT min(k.keyword) FROM keywords k WHERE k.keyword > each.word) FROM each "
        "WHERE each.word IS NOT NULL) SELECT word FROM each WHERE word IS NOT NULL"
    )
    return [(word, folded(word)) for (word,) in rows]


def with_words(library: Database, column: str, text: str) -> Keys:
    """Return the keys of items with all words of a text in a column of the word index.

    The last one may be the beginning of a word.
    """
    asked = _asked(text, prefix=True)
    if asked is None:
        return keys_of(library, "SELECT 0 WHERE 0")
    return keys_of(
        library,
        "SELECT rowid FROM item_words WHERE item_words MATCH ?",
        [f"{column} : ({asked})"],
    )


def worded(
    library: Database, text: str, limit: int, namespaces: tuple[str, ...] | None = None
) -> dict[int, str]:
    """Return items in whose words all words of a text stand, by key, and where: the best first.

    With `namespaces`, a file elsewhere tells nothing.
    """
    asked = _asked(text)
    if asked is None:
        return {}
    found: dict[int, str] = {}
    for column, how in _COLUMNS:
        rows = library.connection.execute(
            "SELECT rowid FROM item_words WHERE item_words MATCH ? ORDER BY rank LIMIT ?",
            (f"{column} : ({asked})", limit),
        )
        for (key,) in rows:
            found.setdefault(key, how)
    if not any(word.isalpha() for word in spaced(text).split()):
        return found  # a number alone stands in too many names
    seen, names = in_namespaces(namespaces)
    rows = library.connection.execute(
        "SELECT f.item_pk FROM file_words w JOIN files f ON f.pk = w.rowid "
        f"WHERE file_words MATCH ? AND f.gone = 0 AND f.item_pk IS NOT NULL "
        f"AND {seen} ORDER BY w.rank LIMIT ?",
        (asked, *names, limit),
    )
    for (key,) in rows:
        found.setdefault(key, FILE)
    return found


def _asked(text: str, *, prefix: bool = False) -> str | None:
    """Return a text in the language of the word index; None if it has no word to look for."""
    words = spaced(text).split()
    letters = sum(len(word) for word in words)
    if not words or (letters < _SHORTEST and not is_unspaced(text) and not prefix):
        return None
    quoted = [f'"{word}"' for word in words]
    if is_unspaced(text):
        return f'"{" ".join(words)}"'
    if prefix:
        quoted[-1] += "*"
    return " ".join(quoted)
