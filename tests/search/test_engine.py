"""One engine: avoiding, names, filters, stacks, relevance, the same over every interface."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from safelight.cli import safelight
from safelight.embedding.devices import Device
from safelight.errors import LibraryError, QueryError, SpaceError, UsageError
from safelight.ingest import ingest
from safelight.library.browse import Filter, matching
from safelight.library.database import Database
from safelight.library.spaces import add_space
from safelight.library.vector_index.flat import open_index
from safelight.library.write import FileRecord, ItemRecord, write
from safelight.search import find, hits_of, options_of, search, search_filters
from safelight.search.query import Query
from safelight.types import Space

DIMENSION = 64
SPACE = Space("e" * 64, "words", DIMENSION, "words")
BEACH, DOG, PERSON, MIDDLE = np.eye(DIMENSION)[:4]


class Words:
    """Embeds the words it knows; all others far from everything."""

    name, fingerprint, dimension = SPACE.name, SPACE.fingerprint, DIMENSION
    logit_scale, logit_bias = 20.0, None
    where = Device("onnx", "cpu")
    min_side, batch_size, workers = 8, 4, 1

    def encode_texts(self, texts):
        known = {"beach": BEACH, "dog": DOG}
        rows = [known.get(text, self._other(text)) for text in texts]
        for number, text in enumerate(texts):
            if text in ("people", "person", "man", "woman"):
                rows[number] = PERSON
        return np.asarray(rows, np.float32)

    def _other(self, text):
        rng = np.random.default_rng(sum(text.encode()))
        far = rng.standard_normal(DIMENSION) * (np.arange(DIMENSION) >= 8)
        return far / np.linalg.norm(far)


def _unit(vector):
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@pytest.fixture
def beaches(tmp_path):
    """Return a library of 60 photos of beaches, in pairs that are alike; 11 show people."""
    rng = np.random.default_rng(5)
    own = np.eye(DIMENSION)
    items, files = [], []
    with Database(tmp_path / "l.db") as library:
        add_space(library, SPACE)
        for number in range(60):
            vector = (1.6 - number / 60) * BEACH + 0.7 * own[8 + number // 2 % 50]
            vector = vector + 0.05 * rng.standard_normal(DIMENSION) / 8
            if number in range(3, 36, 3):
                vector = vector + 0.9 * PERSON
            camera = ("Canon EOS R5", "Canon EOS R5 C", "NIKON Z 6", None)[number % 4]
            exif = {"taken_at": f"2024-05-{1 + number % 28:02d}T10:00:00", "camera_model": camera}
            items.append(ItemRecord(f"{number:064x}", "photo", 1, _unit(vector), exif=exif))
            folder = "Été 2024" if number < 30 else "catalogue"
            name = f"/p/{folder}/IMG_{1180 + number}.JPG"
            files.append(FileRecord(name, name, None, items[-1].id))
        write(library, "default", files, items, fingerprint=SPACE.fingerprint)
        yield library


def _ids(hits):
    return [int(hit.photo_id, 16) for hit in hits]


def _answer(library, query, **options):
    chosen = options_of(**options)
    answer = find(library, query, Words(), chosen)
    return answer, hits_of(library, answer, chosen, SPACE.fingerprint)


@pytest.mark.parametrize("rank", [0, 1, 5, 12, 19])
@pytest.mark.parametrize("weight", ["", ":0.5", ":3"])
def test_less_like_a_hit_takes_it_and_its_like_and_leaves_most(beaches, rank, weight) -> None:
    before = _ids(search(beaches, "beach", Words(), top=20))
    avoided = before[rank]
    after = _ids(search(beaches, f"beach - photo:{avoided:064x}{weight}", Words(), top=20))
    assert avoided not in after
    assert avoided ^ 1 not in after or avoided ^ 1 not in before, "its near copy goes too"
    assert len(set(before) & set(after)) >= 12
    assert len(after) == 20


def test_what_is_left_keeps_its_order_and_score(beaches) -> None:
    before = {hit.photo_id: hit.score for hit in search(beaches, "beach", Words(), top=60)}
    after = search(beaches, f"beach - photo:{7:064x}", Words(), top=60)
    assert [hit.score for hit in after] == sorted((hit.score for hit in after), reverse=True)
    assert all(before[hit.photo_id] == hit.score for hit in after)


@pytest.mark.parametrize("words", ["people", "person", "persons", "PEOPLE"])
def test_fewer_people_and_said_so(beaches, words) -> None:
    def people(hits):
        return sum(number in range(3, 36, 3) for number in _ids(hits))

    plain = search(beaches, "beach", Words(), top=20)
    answer, hits = _answer(beaches, f"beach - {words}", top=20)
    assert people(hits) <= people(plain) / 2
    assert any("stays" in note for note in answer.notes)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_only_things_to_avoid_still_finds_what_is_far_from_them(beaches) -> None:
    found = _ids(search(beaches, "- people", Words(), top=10))
    assert not set(found) & set(range(3, 36, 3))


@pytest.mark.parametrize(
    ("query", "expected", "matched"),
    [
        ("IMG_1185", [5], "file name"),
        ("img_1185.jpg", [5], "file name"),
        ("IMG_118", list(range(10)), "file name"),
        ("été 2024", list(range(30)), "folder name"),
        ("ÉTÉ", list(range(30)), "folder name"),
        ("e\u0301te\u0301 2024", list(range(30)), "folder name"),
        ("Catalogue", list(range(30, 60)), "folder name"),
    ],
)
def test_names_of_files_and_folders_come_first(beaches, query, expected, matched) -> None:
    hits = search(beaches, query, Words(), top=60)
    assert sorted(_ids(hits[: len(expected)])) == expected
    assert {hit.matched for hit in hits[: len(expected)]} == {matched}
    assert {hit.matched for hit in hits[len(expected) :]} <= {None}


@pytest.mark.parametrize("query", ["cat", "IM", "p", "%", "_____", "1185", "beach + IMG_1185"])
def test_what_names_nothing_is_words(beaches, query) -> None:
    assert {hit.matched for hit in search(beaches, query, Words(), top=60)} == {None}


@pytest.mark.parametrize(
    ("camera", "remainders"),
    [("canon", {0, 1}), ("CANON eos r5", {0}), ("eos c", {0, 1}), ("nikon", {2}), ("x", set())],
)
def test_cameras_are_found_by_words_of_their_names(beaches, camera, remainders) -> None:
    where = Filter(camera=camera)
    for query in ("beach", Query()):
        hits = search(beaches, query, Words(), top=60, where=where)
        assert {number % 4 for number in _ids(hits)} == remainders


@pytest.mark.parametrize(
    "arguments",
    [
        ["--from", "2024-05-20"],
        ["--camera", "nikon"],
        ["--namespace", "default"],
        ["--to", "2024-05-03", "--sort", "taken"],
        ["--sort=-added"],
    ],
)
def test_filters_do_without_words(beaches, arguments) -> None:
    done = CliRunner().invoke(
        safelight, ["search", *arguments, "--json"], env={"SAFELIGHT_LIBRARY": str(beaches.path)}
    )
    assert done.exit_code == 0, done.output
    hits = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(hits) == 10 or arguments[0] == "--to"
    assert all(hit["score"] == 1 for hit in hits)


def test_a_camera_that_there_is_none_of_is_told_with_those_there_are(beaches) -> None:
    answer = search_filters(
        beaches, Query(), SPACE.fingerprint, options_of(where=Filter(camera="leica"))
    )
    assert not answer.found
    assert "NIKON Z 6" in answer.notes[0]


def _relate(library, a, b, relation) -> None:
    with library.transaction() as connection:
        keys = [
            connection.execute("SELECT pk FROM items WHERE id = ?", (f"{each:064x}",)).fetchone()[0]
            for each in sorted((a, b))
        ]
        connection.execute(
            "INSERT INTO edges VALUES (?, ?, ?, '{}', 'v')",
            (*keys, relation),
        )


@pytest.mark.parametrize("relation", ["re-encoded", "raw+jpeg", "burst", "same-pixels", "resized"])
def test_copies_raw_and_bursts_are_one_hit(beaches, relation) -> None:
    for a, b in ((0, 1), (1, 2), (40, 41)):
        _relate(beaches, a, b, relation)
    hits = search(beaches, "beach", Words(), top=60)
    sizes = {number: hit.stack for number, hit in zip(_ids(hits), hits, strict=True)}
    assert len(hits) == 57
    assert sorted(sizes.values())[-2:] == [2, 3]
    assert len(search(beaches, "beach", Words(), top=60, expand=True)) == 60
    assert len(search(beaches, "beach", Words(), top=57)) == 57, "the list is filled up"
    assert len(search(beaches, Query(), Words(), top=60, where=Filter(camera="canon"))) < 30


@pytest.mark.parametrize("relation", ["similar", "cropped", "edited"])
def test_what_is_only_alike_is_not_a_stack(beaches, relation) -> None:
    _relate(beaches, 0, 1, relation)
    assert len(search(beaches, "beach", Words(), top=60)) == 60


def test_a_pair_that_a_person_parted_is_not_a_stack(beaches) -> None:
    _relate(beaches, 0, 1, "burst")
    with beaches.transaction() as connection:
        connection.execute(
            "INSERT INTO decisions VALUES (?, ?, 'not-duplicates', '2026-01-01')",
            (f"{0:064x}", f"{1:064x}"),
        )
    assert {hit.stack for hit in search(beaches, "beach", Words(), top=60)} == {1}


@pytest.mark.parametrize("query", ["gibberish", "猫", "Katze", "giraffe"])
def test_what_is_not_there_is_no_good_match(beaches, query) -> None:
    answer, hits = _answer(beaches, query, top=3)
    assert hits
    assert answer.weak
    assert answer.notes
    assert not _answer(beaches, "beach", top=3)[0].weak


@pytest.mark.parametrize(
    "vector",
    [np.ones(8), np.zeros(DIMENSION), np.full(DIMENSION, np.nan), np.full(DIMENSION, np.inf)],
)
def test_a_wrong_vector_is_refused(beaches, vector) -> None:
    with pytest.raises((QueryError, SpaceError)):
        open_index(beaches, SPACE.fingerprint).search(vector.astype(np.float32), 3)


def test_a_file_that_was_renamed_is_found_by_its_new_name(beaches) -> None:
    for _ in range(3):
        assert search(beaches, "quokka", Words())[0].matched is None
    with beaches.transaction() as connection:
        connection.execute("UPDATE files SET path = '/p/Quokka 7.jpg' WHERE path LIKE '%IMG_1187%'")
    (hit, *_) = search(beaches, "quokka", Words())
    assert (hit.matched, hit.path) == ("file name", "/p/Quokka 7.jpg")


def test_of_two_files_of_a_photo_the_one_that_is_named_is_shown(
    library, embedder, make_photo, tmp_path
) -> None:
    first = make_photo(tmp_path / "p" / "a.png", "red")
    copy = tmp_path / "q" / "wedding cake.png"
    copy.parent.mkdir()
    copy.write_bytes(first.read_bytes())
    ingest(library, str(first.parent), embedder, model="colours")
    ingest(library, str(copy.parent), embedder, model="colours", namespace="other")
    (hit,) = search(library, "wedding cake", embedder)
    assert (hit.path, hit.namespace, hit.matched) == (str(copy), "other", "file name")
    (hit,) = search(library, "wedding cake", embedder, namespace="default")
    assert (hit.path, hit.matched) == (str(first), None)


def test_a_period_that_ends_before_it_begins_is_refused(library) -> None:
    with pytest.raises(UsageError):
        matching(library, Filter(taken_from="2024-06-01", taken_to="2023-01-01"))
    assert matching(library, Filter(taken_from="2024-06-01", taken_to="2024-06-01")) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"namespace": "nosuch"}, "default"),
        ({"namespace": "Default"}, "default"),
        ({"namespace": " default"}, "default"),
        ({"where": Filter(namespaces=("default", "nosuch"))}, "nosuch"),
        ({"under": "/no/such/folder"}, "/no/such/folder"),
    ],
)
def test_a_name_that_there_is_not_is_refused_with_the_choices(beaches, options, said) -> None:
    with pytest.raises(LibraryError, match=said):
        search(beaches, "beach", Words(), **options)
    with pytest.raises(LibraryError, match=said):
        search_filters(beaches, Query(), SPACE.fingerprint, options_of(**options))


def test_an_empty_namespace_is_an_unset_variable(beaches) -> None:
    with pytest.raises(UsageError, match="empty"):
        search(beaches, "beach", Words(), namespace="")
