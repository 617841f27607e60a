from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.library.files import Counts, counts
from safelight.library.spaces import add_space, all_spaces, sizes
from safelight.library.write import FileRecord, ItemRecord, mark_gone, write
from safelight.types import Space
from tests.library.clouds import SPACE, clouds, fill

if TYPE_CHECKING:
    from safelight.library.database import Database


def _by_looking_at_all(library: Database, namespace: str | None) -> Counts:
    rows = library.connection.execute(
        "SELECT f.item_pk, i.kind, f.gone, x.file_pk FROM files f "
        "JOIN namespaces n ON n.pk = f.namespace_pk AND (? IS NULL OR n.name = ?) "
        "LEFT JOIN items i ON i.pk = f.item_pk LEFT JOIN failures x ON x.file_pk = f.pk",
        (namespace, namespace),
    ).fetchall()
    there = [row for row in rows if not row[2]]
    return Counts(
        photos=len({row[0] for row in there if row[1] == "photo"}),
        texts=len({row[0] for row in there if row[1] == "text"}),
        files=sum(row[0] is not None for row in there),
        gone=len(rows) - len(there),
        failed=sum(row[3] is not None for row in there),
    )


@pytest.mark.parametrize("seed", range(8))
def test_counts_are_those_of_looking_at_every_file(library: Database, seed: int) -> None:
    random = np.random.default_rng(seed)
    for namespace in ("default", "trips", "texts"):
        kind = "text" if namespace == "texts" else "photo"
        items = [ItemRecord(f"{kind[0]}{number}", kind, 1, None) for number in range(12)]
        files = []
        for number in range(int(random.integers(30))):
            item = items[int(random.integers(12))].id
            path, fate = f"/{number}", int(random.integers(5))
            if fate == 0:
                files.append(FileRecord(path, path, None, None, code="corrupt", reason="bad"))
            elif fate == 1:  # one model cannot take it
                files.append(FileRecord(path, path, None, item, code="model", reason="bad"))
            else:
                files.append(FileRecord(path, path, None, item))
        write(library, namespace, files, items)
    keys = [key for (key,) in library.connection.execute("SELECT pk FROM files")]
    mark_gone(library, [key for key in keys if random.random() < 0.4])
    for namespace in (None, "default", "trips", "texts", "of another library"):
        assert counts(library, namespace) == _by_looking_at_all(library, namespace)


def test_sizes_are_those_of_looking_at_every_vector(library: Database) -> None:
    assert sizes(library) == []
    for number in range(1, 3):
        add_space(library, SPACE if number == 1 else Space("d" * 64, "other", 3, "other"))
        fill(library, clouds(7), first=10 * number)
        expected = [(each.space, each.embeddings, each.default) for each in all_spaces(library)]
        assert sizes(library) == expected
    assert [count for _, count, _ in sizes(library)] == [14, 0]
