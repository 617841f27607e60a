"""Items by their files: name, folder, namespace.

What is compared is folded: without case and accents (:mod:`safelight.library.folding`).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import numpy as np

from safelight.files.names import expanded
from safelight.library.files import in_namespaces
from safelight.library.folding import folded, is_unspaced
from safelight.library.key_sets import keys_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from safelight.library.database import Database

_SEPARATORS = re.compile(r"[/\\]+")
_APART = re.compile(r"[\W_]+")


def with_name(
    library: Database, text: str, namespaces: tuple[str, ...] | None
) -> npt.NDArray[np.int64]:
    """Return the keys of items with a present file of a name.

    With ``*`` or ``?`` all of the name fits, with or without its extension; else each word of
    `text` is a part of it.
    """
    wanted = folded(text)
    if "*" in wanted or "?" in wanted:
        pattern = wanted.replace("[", "[[]")
        patterns = [pattern] if pattern.endswith("*") else [pattern, f"{pattern}.*"]
        sql = " OR ".join(["f.name GLOB ?"] * len(patterns))
    else:
        patterns = [f"*{word.replace('[', '[[]')}*" for word in wanted.split()]
        sql = " AND ".join(["f.name GLOB ?"] * len(patterns))
    return _items(library, f"({sql})", patterns, namespaces)


def in_folder(
    library: Database, text: str, namespaces: tuple[str, ...] | None
) -> npt.NDArray[np.int64]:
    """Return the keys of items with a present file in a folder, at any depth.

    A text with a separator is a path or its end; else words with which words of one folder's
    name begin.
    """
    keys = ",".join(map(str, folders_named(library, text)))
    return _items(library, f"f.folder_pk IN ({keys})", [], namespaces)


def folders_named(library: Database, text: str) -> list[int]:
    """Return the keys of folders that a text names, and of those in them."""
    rows = library.connection.execute("SELECT pk, folded FROM folders")
    if _SEPARATORS.search(text):
        whole = expanded(text) if text.startswith("~") else text
        wanted = "/".join(filter(None, _SEPARATORS.split(folded(whole))))
        is_absolute = os.path.isabs(whole)
        return [
            key
            for key, path in rows
            if _has_path(
                f"/{'/'.join(filter(None, _SEPARATORS.split(path)))}/", wanted, is_absolute
            )
        ]
    words = folded(text).split()
    wanted = " ".join(words)
    verdicts: dict[str, bool] = {}
    found = []
    for key, path in rows:
        for name in _SEPARATORS.split(path):
            if name not in verdicts:
                verdicts[name] = name == wanted or _has_words(name, words)
            if verdicts[name]:
                found.append(key)
                break
    return found


def _has_path(path: str, wanted: str, is_absolute: bool) -> bool:
    return path.startswith(f"/{wanted}/") or (not is_absolute and f"/{wanted}/" in path)


def _has_words(name: str, words: list[str]) -> bool:
    parts = _APART.split(name)
    return all(
        word in name if is_unspaced(word) else any(part.startswith(word) for part in parts)
        for word in words
    )


def in_namespace(
    library: Database, text: str, namespaces: tuple[str, ...] | None
) -> npt.NDArray[np.int64]:
    """Return the keys of items with a present file in a namespace, of those that are seen."""
    if namespaces is not None and text not in namespaces:
        return np.empty(0, np.int64)
    return _items(library, "1", [], (text,))


def _items(
    library: Database, condition: str, values: list[str], namespaces: tuple[str, ...] | None
) -> npt.NDArray[np.int64]:
    seen, names = in_namespaces(namespaces)
    return keys_of(
        library,
        f"SELECT f.item_pk FROM file_facts f WHERE {condition} AND f.gone = 0 "
        f"AND f.item_pk IS NOT NULL AND {seen}",
        [*values, *names],
    )
