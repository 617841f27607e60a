"""Whatever the files and relations: no last copy goes, all comes back, no set is split."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.duplicates.clustering.group_relations import parts
from safelight.duplicates.keeper.policy import PRESETS
from safelight.duplicates.model import KEPT_TOGETHER, Relation
from safelight.duplicates.plans.apply import apply_plan
from safelight.duplicates.plans.model import QUARANTINE
from safelight.duplicates.plans.undo import undo_plan
from safelight.library.database import Database
from safelight.metadata.tags import Tags
from safelight.metadata.xmp import add_to_xmp
from tests.duplicates.shelf import Shelf

FOLDERS = ("", "a", "a/b", "ü & c")
NAMES = ("one.jpg", "two.jpg", "one (1).jpg", "IMG_1.CR2", "img_1.jpg", "x.png")

# A photo: its bytes, where its files are, and its size.
photos = st.lists(
    st.tuples(
        st.lists(
            st.tuples(st.sampled_from(FOLDERS), st.sampled_from(NAMES)), min_size=1, max_size=3
        ),
        st.integers(1, 4),
        st.booleans(),  # with a sidecar
    ),
    min_size=2,
    max_size=5,
)
sets = st.lists(
    st.tuples(st.sampled_from(list(Relation)), st.lists(st.integers(0, 4), min_size=1, max_size=4)),
    max_size=5,
)


def fill(shelf: Shelf, given_photos, given_sets) -> list[str]:
    ids = []
    for number, (files, scale, noted) in enumerate(given_photos):
        for folder, name in files:
            path = shelf.folder / folder / name
            if path.exists():
                continue
            photo = shelf.add(
                os.path.join(folder, name), b"photo %d" % number, days=len(ids),
                width=40 * scale, height=30 * scale,
            )  # fmt: skip
            ids.append(photo)
            if noted:
                tags = Tags(rating=number % 5 + 1, keywords=(f"k{number}",))
                (path.parent / f"{name}.xmp").write_bytes(add_to_xmp(None, tags))
    every = list(dict.fromkeys(ids))
    seen = set()
    for relation, numbers in given_sets:
        chosen = list(dict.fromkeys(every[number % len(every)] for number in numbers))
        if relation is Relation.IDENTICAL:
            chosen = chosen[:1]
        elif len(chosen) < 2:
            continue
        if (relation, tuple(sorted(chosen))) not in seen:
            seen.add((relation, tuple(sorted(chosen))))
            shelf.relate(relation, *chosen)
    return every


def _contents(state) -> set[bytes]:
    return {data for path, (data, _, _) in state.items() if not path.endswith(".xmp")}


@settings(max_examples=60)
@given(photos, sets, st.sampled_from(["quarantine", "hardlink"]), st.sampled_from(list(PRESETS)))
def test_nothing_is_lost(given_photos, given_sets, action, policy) -> None:
    with tempfile.TemporaryDirectory() as name, Database(Path(name) / "library.db") as library:
        shelf = Shelf(Path(name) / "photos", library)
        every = fill(shelf, given_photos, given_sets)
        before = shelf.state()
        plan = shelf.plan(action=action, policy=policy)
        outcome = apply_plan(library, plan)
        after = shelf.state()
        assert outcome.changed == len(plan.changes)

        there = {path: data for path, (data, _, _) in after.items() if QUARANTINE not in path}
        # Each kept file is where it was.
        for group in plan.groups:
            path = os.path.relpath(group.keeper, shelf.folder)
            assert there[path] == before[path][0]
        # Of all that any relation connects, something is left.
        left = {hashlib.sha256(data).hexdigest() for data in there.values()}
        edges = [edge for group in shelf.groups for edge in group.edges]
        for ids in parts(edges, frozenset(Relation)):
            assert ids & left
        for photo in every:
            if not any(photo in ids for ids in parts(edges, frozenset(Relation) - KEPT_TOGETHER)):
                assert photo in left
        # What is only whole together is whole: of its photos, only plain copies go.
        for group in shelf.groups:
            if group.relation in KEPT_TOGETHER:
                assert left >= set(group.photos)
        for path in before:
            if path.endswith(".CR2") and os.path.join(os.path.dirname(path), "img_1.jpg") in before:
                assert path in there
                assert os.path.join(os.path.dirname(path), "img_1.jpg") in there
        # No photo is gone from the disk.
        assert _contents(before) <= _contents(after)
        # The library knows where what is.
        images = {path for path in there if not path.endswith(".xmp")}
        assert shelf.present() == images

        if plan.changes:
            undo_plan(library.path)
        assert shelf.state() == before
        assert shelf.present() == {path for path in before if not path.endswith(".xmp")}


def test_the_properties_are_tried_on_plans_that_do_something(tmp_path) -> None:
    with Database(tmp_path / "library.db") as library:
        shelf = Shelf(tmp_path / "photos", library)
        given_photos = [
            ([("", "one.jpg"), ("a", "one.jpg")], 1, True),
            ([("", "two.jpg")], 2, False),
        ]
        relation = Relation.RESIZED
        fill(shelf, given_photos, [(Relation.IDENTICAL, [0]), (relation, [0, 1])])
        plan = shelf.plan()
        assert len(plan.changes) == 1  # the smaller one is kept by the first group
        assert plan.changes[0].sidecars
