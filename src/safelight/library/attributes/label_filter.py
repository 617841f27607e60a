"""Filter photos by label."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from safelight.errors import LibraryError
from safelight.library.damage import stored_json

if TYPE_CHECKING:
    from safelight.library.database import Database


def find_label(library: Database, label: str, fingerprint: str) -> str:
    """Return a label of the library as it is written there.

    Case does not matter, nor whether words are separated by spaces, hyphens or underscores:
    ``Wide-Shot`` is ``wide shot``.

    Raises
    ------
    LibraryError
        No photo was labelled by a set that has it. The message names those that are near.
    """
    sets = _sets(library, fingerprint)
    known = list(dict.fromkeys(each for _, labels in sets for each in labels))
    if label in known:
        return label
    alike = {_plain(each): each for each in reversed(known)}
    wanted = _plain(label)
    if wanted in alike:
        return alike[wanted]
    if not known:
        raise LibraryError(
            f"No photo of the library {library.path} was labelled yet in the space that is "
            "searched. `safelight label` labels them.",
            code="no-label",
            label=label,
        )
    within = [each for text, each in alike.items() if wanted in text.split()]
    near = difflib.get_close_matches(wanted, alike, n=5, cutoff=0.6)
    named = list(dict.fromkeys([*within, *(alike[each] for each in near)]))[:5]
    raise LibraryError(
        f"Unknown label {label!r}. "
        + (f"Did you mean {', '.join(map(repr, named))}? " if named else "")
        + "`safelight status` counts the label sets; `safelight label --labels FILE` uses your "
        "own.",
        code="no-label",
        label=label,
    )


def _plain(label: str) -> str:
    return " ".join(re.split(r"[\s_-]+", label.strip().casefold()))


def with_label(library: Database, label: str, fingerprint: str) -> dict[int, float]:
    """Return the photos of a space to which a label applies: the probability by item key.

    Of several label sets that have the label, the one counts that was used last among those that
    labelled the photo.
    """
    found: dict[int, float] = {}
    later: list[int] = []
    for label_set, labels in _sets(library, fingerprint):
        if label not in labels:
            continue
        rows = library.connection.execute(
            "SELECT l.item_pk, l.calibrated FROM labels l WHERE l.label = ? "
            "AND l.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
            "AND l.applies AND l.label_set_pk = ? AND NOT EXISTS (SELECT 1 FROM labelled d "
            "WHERE (d.item_pk, d.space_pk) = (l.item_pk, l.space_pk) "
            f"AND d.label_set_pk IN ({','.join('?' * len(later))}))",
            (label, fingerprint, label_set, *later),
        )
        found |= dict(rows.fetchall())
        later.append(label_set)
    return found


def without_label(library: Database, label: str, fingerprint: str) -> set[int]:
    """Return the item keys of photos that were labelled, and to which a label does not apply."""
    sets = [each for each, labels in _sets(library, fingerprint) if label in labels]
    rows = library.connection.execute(
        "SELECT item_pk FROM labelled "
        "WHERE space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
        f"AND label_set_pk IN ({','.join('?' * len(sets))})",
        (fingerprint, *sets),
    )
    return {key for (key,) in rows} - with_label(library, label, fingerprint).keys()


def count_unlabelled(
    library: Database, label: str, fingerprint: str, namespace: str | None = None
) -> int:
    """Count the photos of a space that no set with this label has labelled yet."""
    sets = [each for each, labels in _sets(library, fingerprint) if label in labels]
    (count,) = library.connection.execute(
        "SELECT count(*) FROM items i WHERE i.kind = 'photo' "
        "AND EXISTS (SELECT 1 FROM embeddings e WHERE e.item_pk = i.pk "
        "AND e.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?)) "
        "AND EXISTS (SELECT 1 FROM files f JOIN namespaces n ON n.pk = f.namespace_pk "
        "WHERE f.item_pk = i.pk AND NOT f.gone AND (? IS NULL OR n.name = ?)) "
        "AND NOT EXISTS (SELECT 1 FROM labelled d WHERE d.item_pk = i.pk "
        "AND d.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?) "
        f"AND d.label_set_pk IN ({','.join('?' * len(sets))}))",
        (fingerprint, namespace, namespace, fingerprint, *sets),
    ).fetchone()
    return int(count)


def _sets(library: Database, fingerprint: str) -> list[tuple[int, list[str]]]:
    """Return key and labels of each set that labelled something in a space, last used first."""
    rows = library.connection.execute(
        "SELECT s.pk, s.labels FROM label_sets s WHERE EXISTS (SELECT 1 FROM labelled d "
        "WHERE d.label_set_pk = s.pk "
        "AND d.space_pk = (SELECT pk FROM spaces WHERE fingerprint = ?)) "
        "ORDER BY s.used_at DESC, s.pk DESC",
        (fingerprint,),
    )
    return [(pk, stored_json(labels)) for pk, labels in rows]
