from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.duplicates.candidates.feature_store import MOST
from safelight.duplicates.candidates.generate import candidates_for
from safelight.duplicates.candidates.signals import Asked
from safelight.duplicates.clustering import incremental
from safelight.duplicates.clustering.grouping import group_id
from safelight.duplicates.clustering.incremental import compare_new
from safelight.duplicates.find import compare_one, find_groups, open_all
from safelight.duplicates.model import KEPT_TOGETHER, STRICT, Edge, Relation
from safelight.duplicates.photo_features import PhotoFeatures
from safelight.duplicates.thresholds import DEFAULT, Thresholds
from safelight.errors import DecodeError
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.library.attributes.decisions import decide
from safelight.library.attributes.edges import read_edges
from safelight.library.database import Database
from safelight.library.write import FileRecord, mark_gone, write
from safelight.types import Exif
from tests.duplicates.libraries import a_library, by_numbers, flipped, made, places_of, put


def _find(library, **options):
    return find_groups(library, **{"relate": by_numbers, "threads": 2, **options})


def _edges(library) -> dict[tuple[str, str], str]:
    version = compare_new(library, relate=by_numbers)
    return {(each.a, each.b): each.relation for each in read_edges(library, version)}


def _by_hand(photos) -> dict[tuple[str, str], str]:
    """Relate every pair; that no signal is the reason for an edge is not to be."""
    found = {}
    for a, b in combinations(sorted(photos, key=lambda each: each.id), 2):
        edge = by_numbers(*map(_seen, (a, b)), None, DEFAULT)
        if edge is not None:
            found[a.id, b.id] = edge.relation.value
    return found


def _seen(photo) -> PhotoFeatures:
    return PhotoFeatures(
        photo.id, photo.format, 400, 300, Exif(**photo.exif), photo.paths, photo.dct256,
        photo.words, vector=photo.vector,
    )  # fmt: skip


class Counting:
    """Relates, and tells afterwards which pairs."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []

    def __call__(self, a, b, look, limits):
        self.pairs.append((a.id, b.id))
        return by_numbers(a, b, look, limits)


def test_no_related_pair_is_missed(library: Database) -> None:
    photos = a_library(240)
    put(library, photos)
    expected = _by_hand(photos)
    assert set(expected.values()) >= {"re-encoded", "resized", "cropped", "burst", "similar"}
    assert _edges(library) == expected


def test_every_candidate_is_related_once_and_most_pairs_are_none(library: Database) -> None:
    put(library, a_library(240))
    counting = Counting()
    _find(library, relate=counting)
    assert len(counting.pairs) == len(set(counting.pairs)) < 2000
    _find(library, relate=counting)
    assert len(counting.pairs) == len(set(counting.pairs))


@settings(max_examples=15)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=4), st.integers(0, 100))
def test_piece_by_piece_is_as_all_at_once(tmp_path_factory, sizes, seed) -> None:
    folder = tmp_path_factory.mktemp("libraries")
    photos = a_library(sum(sizes), seed)
    with Database(folder / "pieces.db") as pieces, Database(folder / "whole.db") as whole:
        start = 0
        for size in sizes:
            put(pieces, photos[start : start + size])
            found = _find(pieces)
            start += size
        put(whole, photos)
        assert found == _find(whole)
        assert _edges(pieces) == _edges(whole)


@pytest.mark.parametrize("seed", range(3))
def test_also_where_a_photo_proposes_fewer_than_are_near(tmp_path, seed) -> None:
    most = dict.fromkeys(MOST, 1)
    rng = np.random.default_rng(seed)
    photos = a_library(90, seed)
    # Much alike: of everything, more is near than is proposed.
    photos = [
        replace(
            photo,
            dct256=flipped(photos[0].dct256, rng.choice(256, 15, replace=False).tolist()),
            words=np.union1d(photo.words, photos[0].words[:4]),
        )
        for photo in photos
    ]
    with Database(tmp_path / "pieces.db") as pieces, Database(tmp_path / "whole.db") as whole:
        for start in (0, 1, 20, 21, 50):
            put(pieces, photos[: max(start, 1)])
            compare_new(pieces, relate=by_numbers, most=most)
        put(pieces, photos)
        put(whole, photos)
        for library in (pieces, whole):
            compare_new(library, relate=by_numbers, most=most)
        assert _find(pieces) == _find(whole)
        assert _edges(pieces) == _edges(whole)
        assert len(_edges(whole)) < len(_by_hand(photos))


@settings(max_examples=10)
@given(st.randoms(), st.integers(0, 100))
def test_the_order_of_an_ingest_changes_no_group(tmp_path_factory, random, seed) -> None:
    folder = tmp_path_factory.mktemp("libraries")
    photos = a_library(80, seed)
    shuffled = list(photos)
    random.shuffle(shuffled)
    with Database(folder / "one.db") as one, Database(folder / "other.db") as other:
        put(one, photos)
        put(other, shuffled)
        assert {(each.id, each.relation, frozenset(each.photos)) for each in _find(one)} == {
            (each.id, each.relation, frozenset(each.photos)) for each in _find(other)
        }


def test_a_vector_that_comes_later_brings_its_edges(library: Database) -> None:
    photos = a_library(120)
    put(library, photos, vectors=False)
    before = _edges(library)
    assert "similar" not in before.values()
    put(library, photos)
    assert _edges(library) == _by_hand(photos)


def test_other_thresholds_compare_again(library: Database) -> None:
    put(library, a_library(160))
    wide = _find(library)
    narrow = _find(library, thresholds=Thresholds(hash_bits=5, similar_cosine=0.99))
    assert len(narrow) < len(wide)
    assert _find(library) == wide


def test_photos_whose_files_are_gone_drop_out_and_come_back(library: Database) -> None:
    photos = a_library(120)
    put(library, photos)
    whole = _find(library)
    gone = {photo for each in whole[:3] for photo in each.photos}
    paths = [path for each in photos if each.id in gone for path in each.paths]
    _mark(library, paths)
    left = _find(library)
    assert left
    assert not {photo for each in left for photo in each.photos} & gone
    put(library, [each for each in photos if each.id in gone])  # seen again
    assert {each.id for each in _find(library)} == {each.id for each in whole}
    assert _edges(library) == _by_hand(photos)


def _mark(library, paths) -> None:
    marks = ",".join("?" * len(paths))
    keys = library.connection.execute(f"SELECT pk FROM files WHERE path IN ({marks})", paths)
    mark_gone(library, [key for (key,) in keys.fetchall()])


def test_namespaces(library: Database) -> None:
    photos = a_library(160)
    put(library, photos[:80], "a")
    put(library, photos[80:], "b")
    first = {each.id for each in photos[:80]}
    counting = Counting()
    found = _find(library, namespace="a", relate=counting)
    assert found
    assert {photo for pair in counting.pairs for photo in pair} <= first
    assert {photo for each in found for photo in each.photos} <= first
    _find(library, namespace="b", relate=counting)
    assert len(counting.pairs) == len(set(counting.pairs))
    assert _edges(library) == _by_hand(photos)
    assert _find(library, namespace="a") == found
    assert _find(library, namespace="none such") == []


def test_files_of_one_photo(library: Database) -> None:
    rng = np.random.default_rng(1)
    put(library, [made(1, rng, paths=("/a/1", "/a/2")), made(2, rng, paths=("/a/3",))], "a")
    put(library, [made(2, rng, paths=("/a/3",)), made(1, rng, paths=("/b/1",))], "b")
    (found,) = _find(library)
    assert (found.relation, found.photos) == (Relation.IDENTICAL, (f"{1:064x}",))
    assert found.edges == (Edge(f"{1:064x}", f"{1:064x}", Relation.IDENTICAL, {"files": 3}),)
    (found,) = _find(library, namespace="a")
    assert found.edges[0].evidence == {"files": 2}
    # One path in two namespaces is one file.
    assert _find(library, namespace="b") == []
    _mark(library, ["/a/2", "/b/1"])
    assert _find(library) == []


def test_photos_without_hashes_are_passed_over(library: Database) -> None:
    photos = a_library(60)
    put(library, photos)
    with library.transaction() as connection:
        connection.execute("UPDATE hashes SET version = '0' WHERE item_pk <= 30")
    hashed = _by_hand(photos[30:])
    assert _edges(library) == hashed
    put(library, photos[:30])  # hashed now
    assert _edges(library) == _by_hand(photos)


def test_decisions_and_relations(library: Database) -> None:
    photos = a_library(120)
    put(library, photos)
    groups = _find(library)
    two = next(each for each in groups if len(each.photos) == 2)
    decide(library, [two.photos], "keep-both")
    assert two.id not in {each.id for each in _find(library)}
    assert two.id in {each.id for each in _find(library, decided=False)}
    only = _find(library, relations=[Relation.BURST])
    assert {each.relation for each in only} == {Relation.BURST}


def test_raw_and_jpeg_are_found_by_their_names(library: Database) -> None:
    rng = np.random.default_rng(2)
    photos = [
        made(1, rng, format="RAW", paths=("/a/IMG_1.CR2",)),
        made(2, rng, paths=("/a/img_1.jpg",)),
        made(3, rng, paths=("/b/img_1.jpg",)),  # another folder
        made(4, rng, paths=("/a/img_2.jpg", "/c/x.jpg")),
        made(5, rng, format="RAW", paths=("/c/x.nef",)),
    ]
    put(library, photos)
    assert {each.photos for each in _find(library, relations=KEPT_TOGETHER)} == {
        (photos[0].id, photos[1].id),
        (photos[3].id, photos[4].id),
    }


def test_five_hundred_black_frames(library: Database) -> None:
    rng = np.random.default_rng(3)
    # No hash at all says that there is nothing to compare; this one says little.
    black, empty = np.ones(4, np.uint64), np.empty(0, np.uint32)
    put(library, [made(number, rng, dct256=black, words=empty) for number in range(500)])
    pairs = []

    def relate(a, b, look, limits):
        pairs.append((a.id, b.id))
        return Edge(a.id, b.id, Relation.RE_ENCODED)

    (found,) = _find(library, relate=relate)
    assert len(found.photos) == 500
    assert len(pairs) <= 100 * 500 < 500 * 499 / 2


class Away:
    """Opens every photo that is to be related closely."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, a, b, look, limits):
        edge = by_numbers(a, b, look, limits)
        if edge is None:
            return None
        unchecked = False
        for seen in (a, b):
            self.asked.append(seen.id)
            try:
                look(seen, 8)
            except (OSError, DecodeError):
                unchecked = True
        return Edge(edge.a, edge.b, edge.relation, {**edge.evidence, "unchecked": unchecked})


def test_a_file_that_is_away_is_looked_at_once_it_is_back(
    library: Database, tmp_path, make_photo
) -> None:
    rng = np.random.default_rng(4)
    first = made(1, rng)
    photos = []
    for number, colour in enumerate(("red", "green")):
        path = make_photo(tmp_path / f"{colour}.png", colour)
        photo_id = hashlib.sha256(path.read_bytes()).hexdigest()
        photos.append(made(number, rng, id=photo_id, dct256=first.dct256, paths=(str(path),)))
    put(library, photos)
    with library.transaction() as connection:
        connection.execute("UPDATE items SET size = ?", ((tmp_path / "red.png").stat().st_size,))
    red = tmp_path / "red.png"
    red.rename(tmp_path / "elsewhere")
    away, told = Away(), []
    (found,) = _find(library, relate=away, progress=told.append)
    assert found.edges[0].evidence["unchecked"]
    assert told[-1] == incremental.Comparing(2, 2, 1, 1, 1)
    asked = len(away.asked)
    assert _find(library, relate=away) == [found]
    assert len(away.asked) == asked  # still away: not asked for again
    (tmp_path / "elsewhere").rename(red)
    (found,) = _find(library, relate=away)
    assert found.edges[0].evidence["unchecked"] is False
    assert len(away.asked) == asked + 2
    assert _find(library, relate=away) == [found]
    assert len(away.asked) == asked + 2


def test_progress_and_blocks(library: Database) -> None:
    photos = a_library(170)
    put(library, photos)
    told = []
    compare_new(library, relate=by_numbers, progress=told.append, block=50)
    assert [each.done for each in told] == [0, 50, 100, 150, 170]
    assert {each.total for each in told} == {170}
    assert told[-1].pairs >= told[-1].edges == len(_by_hand(photos))
    assert _edges(library) == _by_hand(photos)


def test_an_error_in_the_midst_keeps_what_was_done(library: Database) -> None:
    photos = a_library(160)
    put(library, photos)
    counting = Counting()

    def failing(a, b, look, limits):
        if photos[146].id in (a.id, b.id):
            raise KeyboardInterrupt
        return counting(a, b, look, limits)

    with pytest.raises(KeyboardInterrupt):
        compare_new(library, relate=failing, threads=2, block=40)
    (done,) = library.connection.execute("SELECT count(*) FROM compared").fetchone()
    assert done == 120
    again = Counting()
    _find(library, relate=again)
    assert not set(again.pairs) & {
        pair for pair in counting.pairs if max(int(photo, 16) for photo in pair) < 120
    }
    assert _edges(library) == _by_hand(photos)


SLOWLY = """
import sys, time
from safelight.duplicates.clustering.incremental import compare_new
from safelight.library.database import Database
from tests.duplicates.libraries import by_numbers

def slowly(a, b, look, limits):
    time.sleep(0.002)
    return by_numbers(a, b, look, limits)

with Database(sys.argv[1]) as library:
    compare_new(library, relate=slowly, threads=1, block=20)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_killed_in_the_midst(library: Database) -> None:
    photos = a_library(300)
    put(library, photos)
    root = Path(__file__).parents[2]
    kills, done = 0, 0
    while True:
        process = subprocess.Popen(
            [sys.executable, "-c", SLOWLY, str(library.path)], cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
        )  # fmt: skip
        before, deadline = done, time.monotonic() + 120
        while process.poll() is None and done <= before + 80:
            assert time.monotonic() < deadline
            time.sleep(0.005)
            (done,) = library.connection.execute("SELECT count(*) FROM compared").fetchone()
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        (left,) = library.connection.execute("SELECT count(*) FROM compared").fetchone()
        assert left >= done
    assert process.returncode == 0
    assert kills >= 2
    counting = Counting()
    _find(library, relate=counting)
    assert counting.pairs == []
    assert _edges(library) == _by_hand(photos)


def test_known_photos_are_by_position(library: Database) -> None:
    photos = a_library(50)
    put(library, photos)
    _mark(library, ["/photos/3.jpg"])
    opened = open_all(library)
    left = [each for each in photos if each.id != f"{3:064x}"]
    assert len(opened.keys) == 49
    for position, seen in opened.seen(range(49)).items():
        photo = left[position]
        assert seen.id == photo.id
        assert seen.paths == photo.paths
        assert (seen.words == photo.words).all()
        assert (seen.places == places_of(photo)).all()
        assert (seen.dct256 == photo.dct256).all()
        assert seen.exif == Exif(**photo.exif)
        assert (seen.vector is None) == (photo.vector is None)
        if photo.vector is not None:
            assert (seen.vector == photo.vector).all()


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Photos that scikit-image ships, and forms of some of them."""
    from PIL import Image, ImageOps
    from skimage import data

    folder = tmp_path / "pictures"
    folder.mkdir()
    astronaut = Image.fromarray(data.astronaut())
    astronaut.save(folder / "astronaut.png")
    shutil.copy(folder / "astronaut.png", folder / "copy.png")
    astronaut.save(folder / "encoded.jpg", quality=60)
    astronaut.resize((300, 300)).save(folder / "small.jpg", quality=90)
    ImageOps.mirror(astronaut).save(folder / "mirrored.jpg", quality=90)
    Image.fromarray(data.chelsea()).save(folder / "cat.jpg", quality=90)
    Image.fromarray(data.coffee()).save(folder / "coffee.jpg", quality=90)
    return folder


def _ingest(library, folder, embedder) -> None:
    ingest(library, [parse_source(str(folder))], embedder, model="fake")


def test_real_pictures_are_related_and_grouped(library: Database, pictures, embedder) -> None:
    _ingest(library, pictures, embedder)
    (found,) = find_groups(library, relations=STRICT)
    assert len(found.photos) == 4
    relations = {edge.relation for edge in found.edges}
    assert {Relation.IDENTICAL, Relation.RE_ENCODED, Relation.MIRRORED} <= relations
    # Deleted, and looked for once more: the rest stays as it was.
    (pictures / "mirrored.jpg").unlink()
    _ingest(library, pictures, embedder)
    (left,) = find_groups(library, relations=STRICT)
    assert set(left.photos) < set(found.photos)
    assert all(edge in found.edges for edge in left.edges)
    assert len(left.edges) < len(found.edges)


def test_one_more_photo(library: Database, pictures, embedder, tmp_path) -> None:
    from PIL import Image

    _ingest(library, pictures, embedder)
    astronaut = (pictures / "astronaut.png").read_bytes()
    first, *others = compare_one(library, astronaut, embedder=embedder)
    assert (first.a, first.relation) == (first.b, Relation.IDENTICAL)
    assert first.evidence == {"files": 2}
    assert {edge.relation for edge in others} >= {Relation.RE_ENCODED, Relation.MIRRORED}
    own = hashlib.sha256(astronaut).hexdigest()
    assert all(own in (edge.a, edge.b) and edge.a < edge.b for edge in others)
    # One that the library does not have, without vectors, against photos opened once.
    part = tmp_path / "part.png"
    Image.open(pictures / "astronaut.png").crop((60, 40, 460, 440)).save(part)
    opened = open_all(library)
    for _ in range(2):
        edges = compare_one(library, part.read_bytes(), known=opened)
        assert {edge.relation for edge in edges} == {Relation.CROPPED}
        assert sum("mirrored" in edge.evidence for edge in edges) == 1  # a part of it all the same
        assert len(edges) >= 3
        opened.warm()
    assert find_groups(library, relations=[Relation.CROPPED]) == []  # nothing was written


def test_one_more_photo_that_is_none(library: Database) -> None:
    with pytest.raises(DecodeError):
        compare_one(library, b"nonsense")


def test_an_empty_library(library: Database, pictures) -> None:
    assert find_groups(library) == []
    assert compare_one(library, (pictures / "cat.jpg").read_bytes()) == []


def test_one_of_a_burst_is_known_by_its_time(library: Database, tmp_path) -> None:
    rng = np.random.default_rng(5)
    exif = {"taken_at": "2024-05-01T12:00:30", "camera_model": "Box"}
    put(library, [made(1, rng, exif=exif), made(2, rng)])
    opened = open_all(library)
    assert opened.moment(Exif(camera_model="Box")) is None
    assert opened.moment(Exif(camera_model="Other", taken_at=exif["taken_at"])) is None
    moment = opened.moment(Exif(camera_model="Box", taken_at="2024-05-01T12:00:31+02:00"))
    asked = Asked(rng.integers(0, 2**64, 4, dtype=np.uint64), np.empty(0, np.uint32), None, moment)
    near = candidates_for(opened.signals, asked)
    assert near.earlier.tolist() == [0]
    assert near.proposed["moment"].tolist() == [1.0]
    assert np.isnan(near.proposed["hash"]).all()


def test_a_file_added_to_another_namespace_needs_no_comparing(library: Database) -> None:
    photos = a_library(40)
    put(library, photos)
    found = _find(library)
    write(library, "b", [FileRecord("/b/0.jpg", "0.jpg", None, photos[0].id)])
    counting = Counting()
    after = _find(library, relate=counting)
    assert counting.pairs == []
    before = {each.id for each in found}
    if not any(photos[0].id in each.photos for each in found):
        before.add(group_id([photos[0].id]))  # of two files now
    assert {each.id for each in after} == before


def _copies(count: int, rng: np.random.Generator, first: int = 0) -> list:
    """Return photos of one picture, alike in all but an odd bit of their hashes."""
    one = made(first, rng)
    return [one] + [
        made(
            number,
            rng,
            dct256=flipped(one.dct256, rng.choice(256, int(rng.integers(0, 3)), replace=False)),
            words=one.words,
            vector=one.vector,
        )
        for number in range(first + 1, first + count)
    ]


class Copies(Counting):
    """Takes photos with near hashes for copies of one picture; others are unrelated."""

    def __call__(self, a, b, look, limits):
        self.pairs.append((a.id, b.id))
        bits = int(np.bitwise_count(a.dct256 ^ b.dct256).sum())
        return Edge(a.id, b.id, Relation.RE_ENCODED) if bits <= 10 else None


@pytest.mark.parametrize("threads", [1, 3])
def test_looks_grow_with_the_number_of_copies(library: Database, threads) -> None:
    photos = _copies(300, np.random.default_rng(1))
    put(library, photos)
    counting = Copies()
    (found,) = _find(library, relate=counting, threads=threads)
    assert len(found.photos) == 300
    assert len(counting.pairs) <= 5 * 300
    assert len(counting.pairs) == len(set(counting.pairs))


def test_a_few_copies_are_all_compared_with_each_other(library: Database) -> None:
    put(library, _copies(12, np.random.default_rng(2)))
    counting = Copies()
    _find(library, relate=counting)
    assert len(set(counting.pairs)) == 12 * 11 / 2


def test_copies_of_two_alike_pictures_are_compared_a_few_times_each(library: Database) -> None:
    rng = np.random.default_rng(3)
    one = _copies(60, rng)
    far = flipped(one[0].dct256, range(30))
    other = [replace(each, dct256=far) for each in _copies(60, rng, 60)]
    put(library, [photo for pair in zip(one, other, strict=True) for photo in pair])
    counting = Copies()
    assert sorted(len(each.photos) for each in _find(library, relate=counting)) == [60, 60]
    assert len(counting.pairs) <= 14 * 120


@settings(max_examples=10)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(0, 100))
def test_many_copies_piece_by_piece_are_as_all_at_once(tmp_path_factory, sizes, seed) -> None:
    folder = tmp_path_factory.mktemp("libraries")
    rng = np.random.default_rng(seed)
    photos = _copies(sum(sizes), rng)
    with Database(folder / "pieces.db") as pieces, Database(folder / "whole.db") as whole:
        start = 0
        for size in sizes:
            put(pieces, photos[start : start + size])
            found = _find(pieces, relate=Copies())
            start += size
        put(whole, photos)
        assert found == _find(whole, relate=Copies(), threads=1)


def test_copies_hold_together_when_those_they_were_compared_with_are_missing(
    library: Database,
) -> None:
    photos = _copies(40, np.random.default_rng(4))
    put(library, photos)
    (whole,) = _find(library, relate=Copies())
    hubs = {edge.a for edge in whole.edges} & {edge.b for edge in whole.edges}
    missing = [each for each in photos if each.id in hubs][:30]
    _mark(library, [path for each in missing for path in each.paths])
    counting = Copies()
    (left,) = _find(library, relate=counting)
    assert set(left.photos) == {each.id for each in photos} - {each.id for each in missing}
    assert len(counting.pairs) <= 6 * 40
    assert _find(library, relate=counting) == [left]
    put(library, missing)
    (back,) = _find(library, relate=counting)
    assert set(back.photos) == set(whole.photos)
