"""A client that applies the changes to its copy has what the library has."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.errors import SafelightError
from safelight.ingest.forget import forget
from safelight.library.browse import Filter, matching
from safelight.library.changes import page_of_changes, prune_changes
from safelight.library.database import Database
from safelight.library.listed_fields import read_further
from safelight.library.photos import known_ids
from tests.library.writes import NAMESPACES, Writer

FIELDS = ("labels", "scores", "files", "facts")

State = dict[tuple[str, str], Any]


def state(library: Database, namespaces: tuple[str, ...] = NAMESPACES) -> State:
    """Return what a list of each namespace shows."""
    found = {}
    for namespace in namespaces:
        keys = matching(library, Filter(photos_only=True, namespaces=(namespace,)))
        ids = dict(library.connection.execute("SELECT pk, id FROM items").fetchall())
        more = read_further(library, keys, FIELDS, (namespace,))
        found |= {(ids[key], namespace): more[key] for key in keys}
    return found


class Copy:
    """A client's copy of a library."""

    def __init__(self, namespaces: tuple[str, ...] | None = None) -> None:
        self.namespaces = namespaces
        self.state: State = {}
        self.cursor: str | None = None

    def sync(self, writer: Writer, limit: int = 3, writes: int = 0) -> None:
        """Apply what changed; with writes between the pages."""
        while True:
            page = page_of_changes(
                writer.library, self.cursor, namespaces=self.namespaces, limit=limit
            )
            assert len(page.changes) <= limit
            for change in page.changes:
                name = (change.photo_id, change.namespace)
                now = {} if change.key is None else read_further(
                    writer.library, [change.key], FIELDS, (change.namespace,)
                )  # fmt: skip
                if change.kind == "removed":
                    self.state.pop(name, None)
                else:
                    assert (change.kind == "added") or (name in self.state and change.parts)
                    self.state[name] = now[change.key]
                self.cursor = change.cursor
            self.cursor = page.cursor
            if page.is_last:
                return
            for _ in range(writes):
                writer.anything()


@pytest.mark.parametrize("seed", range(6))
def test_a_copy_that_follows_the_changes_equals_the_library(library, seed) -> None:
    writer = Writer(library, seed, 8)
    whole, part = Copy(), Copy(("other",))
    for turn in range(12):
        for _ in range(writer.random.randrange(1, 25)):
            writer.anything()
        for copy in (whole, part):
            copy.sync(writer, writes=turn % 2)
            copy.sync(writer)
        whole.sync(writer)
        assert whole.state == state(library)
        assert part.state == state(library, ("other",))
    assert page_of_changes(library, whole.cursor).changes == ()


def test_each_part_that_changed_is_named(library) -> None:
    writer = Writer(library, 3, 1)
    cursor = page_of_changes(library).cursor
    for write, part in (
        (writer.score, "scores"), (writer.label, "labels"), (writer.date, "facts"),
        (writer.copy, "files"),
    ):  # fmt: skip
        write()
        found = page_of_changes(library, cursor).changes
        changes = [(each.kind, each.parts) for each in found if each.kind == "changed"]
        if part != "files" or changes:
            assert changes == [("changed", (part,))]
        cursor = page_of_changes(library, cursor).cursor


def test_a_cursor_outlives_the_process_and_belongs_to_its_query(tmp_path, library) -> None:
    writer = Writer(library, 3, 3)
    cursor = page_of_changes(library).cursor
    writer.add()
    library.close()
    with Database(library.path) as again:
        (change,) = page_of_changes(again, cursor).changes
        assert change.kind == "added"
        for namespaces in (("other",), ("default",), ()):
            with pytest.raises(SafelightError) as refused:
                page_of_changes(again, cursor, namespaces=namespaces)
            assert refused.value.code == "cursor"
    with Database(tmp_path / "another.db") as another, pytest.raises(SafelightError) as refused:
        page_of_changes(another, cursor)
    assert refused.value.code == "cursor"


def test_a_forgotten_namespace_is_told_to_those_who_see_it(library) -> None:
    writer = Writer(library, 3, 10)
    whole, part = Copy(), Copy(("default",))
    whole.sync(writer)
    part.sync(writer)
    gone = {name for name in whole.state if name[1] == "other"}
    assert gone
    forget(library, namespace="other")
    removed = page_of_changes(library, whole.cursor).changes
    assert {(each.photo_id, each.namespace, each.kind) for each in removed} == {
        (*name, "removed") for name in gone
    }
    assert page_of_changes(library, part.cursor, namespaces=("default",)).changes == ()
    # One of the same name later has what comes into it then.
    writer.add()
    writer.add()
    whole.sync(writer)
    assert whole.state == state(library)


def test_who_comes_too_late_has_to_begin_again(library) -> None:
    writer = Writer(library, 4, 12)
    early = page_of_changes(library).cursor
    for _ in range(8):
        writer.forget()
    late = page_of_changes(library, early)
    with library.transaction() as connection:
        prune_changes(connection, remembered=2)
    assert page_of_changes(library, late.changes[-1].cursor).is_last
    with pytest.raises(SafelightError) as refused:
        page_of_changes(library, early)
    assert refused.value.code == "cursor-expired"
    fresh = Copy()
    fresh.sync(writer)
    assert fresh.state == state(library)
    # The numbers go on where they were.
    writer.add()
    (change,) = page_of_changes(library, late.cursor).changes
    assert change.kind == "added"
    assert known_ids(library, [change.photo_id])


def test_a_cursor_of_a_later_state_than_a_restored_library_has_expired(library) -> None:
    writer = Writer(library, 4, 3)
    cursor = page_of_changes(library).cursor
    with library.transaction() as connection:
        connection.execute("DELETE FROM changes")
    with pytest.raises(SafelightError) as refused:
        page_of_changes(library, cursor)
    assert refused.value.code == "cursor-expired"
    assert writer.ids()
