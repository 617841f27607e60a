from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.errors import SpaceError
from safelight.library import drop_space as dropping
from safelight.library.database import Database
from safelight.library.drop_space import check_drop, drop_space
from safelight.library.files import counts
from safelight.library.spaces import (
    add_space,
    all_spaces,
    coverage,
    default_space,
    find_named_space,
    find_space,
    use_space,
)
from safelight.library.vector_index.flat import matrix_path, open_index
from safelight.library.write import FileRecord, ItemRecord, mark_gone, write
from safelight.types import Space

if TYPE_CHECKING:
    from pathlib import Path

DIMENSION = 256
OLD = Space("0123456" + "a" * 57, "old", DIMENSION, "/models/old")
NEW = Space("0123789" + "b" * 57, "new", DIMENSION, "hub/new")


def _vectors(count: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, DIMENSION), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _fill(library: Database, space: Space, count: int, *, kind: str = "photo") -> np.ndarray:
    add_space(library, space)
    vectors = _vectors(count, seed=ord(space.name[0]))
    items = [ItemRecord(f"{number:064x}", kind, 1, vector) for number, vector in enumerate(vectors)]
    files = [FileRecord(f"/{item.id}", item.id, None, item.id) for item in items]
    write(library, "default", files, items, fingerprint=space.fingerprint)
    return vectors


def _names(library: Database) -> list[str]:
    return [each.space.name for each in all_spaces(library)]


def test_coverage_counts_what_is_there(library: Database) -> None:
    _fill(library, OLD, 10)
    _fill(library, NEW, 4)
    copy = FileRecord("/copy", "copy", None, f"{0:064x}")
    text = ItemRecord("f" * 64, "text", 1, None, text="a dog")
    write(library, "other", [copy, FileRecord("/t#1", "t", None, text.id)], [text])
    keys = library.connection.execute(
        "SELECT pk FROM files WHERE path IN (?, ?, ?)", [f"/{number:064x}" for number in (0, 1, 9)]
    )
    mark_gone(library, [key for (key,) in keys.fetchall()])
    # 0 has a copy elsewhere; 1 and 9 are gone; the text is in no space.
    old, new = all_spaces(library)
    assert (old.space, old.default) == (OLD, True)
    assert (old.embeddings, old.covered, old.lacking) == (10, 8, 1)
    assert (new.space, new.default) == (NEW, False)
    assert (new.embeddings, new.covered, new.lacking) == (4, 3, 6)
    found = counts(library)
    assert old.covered + old.lacking == found.photos + found.texts
    assert old.bytes == 10 * DIMENSION * 4
    assert coverage(library, NEW.fingerprint) == new
    with pytest.raises(SpaceError):
        coverage(library, "e" * 64)


def test_an_empty_space_lacks_all(library: Database) -> None:
    _fill(library, OLD, 3)
    add_space(library, NEW)
    assert (coverage(library, NEW.fingerprint).covered, all_spaces(library)[1].lacking) == (0, 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("old", OLD),
        ("/models/old", OLD),
        ("hub/new", NEW),
        (OLD.fingerprint, OLD),
        ("0123456", OLD),
        ("0123456AA", OLD),
        ("0123789b", NEW),
    ],
)
def test_a_space_is_found_by_what_people_call_it(
    library: Database, text: str, expected: Space
) -> None:
    add_space(library, OLD)
    add_space(library, NEW)
    assert find_named_space(library, text) == expected


def test_a_model_folder_is_found_by_a_relative_path(
    library: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = Space("c" * 64, "clip#fp16", DIMENSION, f"{tmp_path}/clip#fp16")
    add_space(library, space)
    monkeypatch.chdir(tmp_path)
    assert find_named_space(library, "./clip#fp16") == space
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert find_named_space(library, "~/clip#fp16") == space


@pytest.mark.parametrize("text", ["", "ol", "12345", "01234", "bbbbbb", "starter", "/models", "%"])
def test_an_unknown_space_is_refused_with_a_list(library: Database, text: str) -> None:
    add_space(library, OLD)
    add_space(library, NEW)
    with pytest.raises(SpaceError, match=r"old \(0123456aaaaa\), new \(0123789bbbbb\)") as caught:
        find_named_space(library, text)
    assert caught.value.code == "no-space"


def test_an_ambiguous_name_is_refused_with_a_list(library: Database) -> None:
    twin = Space("0123456" + "c" * 57, "old", DIMENSION, "/elsewhere/old")
    for space in (OLD, NEW, twin):
        add_space(library, space)
    for text in ("old", "0123456"):
        with pytest.raises(SpaceError, match="several") as caught:
            find_named_space(library, text)
        assert caught.value.code == "ambiguous-space"
        assert "0123456ccccc" in str(caught.value)
        assert "new" not in str(caught.value)
    assert find_named_space(library, "0123456c") == twin


def test_a_library_without_spaces_says_so(library: Database) -> None:
    with pytest.raises(SpaceError, match="safelight ingest"):
        find_named_space(library, "old")


def test_use_changes_the_default_and_nothing_else(library: Database) -> None:
    _fill(library, OLD, 3)
    _fill(library, NEW, 2)
    for space in (NEW, NEW, OLD):
        use_space(library, space.fingerprint)
        assert default_space(library) == space
        assert [each.default for each in all_spaces(library)] == [True, False]
    with pytest.raises(SpaceError):
        use_space(library, "e" * 64)
    assert default_space(library) == OLD


def test_a_dropped_space_is_gone_and_the_file_smaller(library: Database) -> None:
    _fill(library, OLD, 2000)
    kept = _fill(library, NEW, 2000)
    for space in (OLD, NEW):
        open_index(library, space.fingerprint)
    use_space(library, NEW.fingerprint)
    library.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = library.path.stat().st_size
    told: list[str] = []
    freed = drop_space(library, OLD.fingerprint, tell=told.append)
    numbers = 2000 * DIMENSION * 4
    assert before - library.path.stat().st_size > numbers
    assert freed > 2 * numbers, "the matrix file counts, too"
    assert told == []
    assert [path.name for path in matrix_path(library, "").parent.iterdir()] == [
        matrix_path(library, NEW.fingerprint).name
    ]
    assert _names(library) == ["new"]
    assert counts(library).photos == 2000
    found = open_index(library, NEW.fingerprint).search(kept[7], 1)
    assert (found.keys[0], found.scores[0]) == (8, pytest.approx(1.0))
    with pytest.raises(SpaceError):
        open_index(library, OLD.fingerprint)
    with pytest.raises(SpaceError):
        drop_space(library, OLD.fingerprint)


def test_what_searches_use_is_never_dropped_while_there_are_others(library: Database) -> None:
    _fill(library, OLD, 3)
    add_space(library, NEW)
    for force in (False, True):
        with pytest.raises(SpaceError, match="library use") as caught:
            drop_space(library, OLD.fingerprint, force=force)
        assert caught.value.code == "default-space"
    assert coverage(library, OLD.fingerprint).embeddings == 3
    assert check_drop(library, NEW.fingerprint).space == NEW


def test_the_only_space_is_dropped_only_when_forced(library: Database) -> None:
    _fill(library, OLD, 3)
    with pytest.raises(SpaceError, match="only space") as caught:
        drop_space(library, OLD.fingerprint)
    assert caught.value.code == "only-space"
    assert coverage(library, OLD.fingerprint).embeddings == 3
    drop_space(library, OLD.fingerprint, force=True)
    assert all_spaces(library) == []
    assert default_space(library) is None
    _fill(library, NEW, 3)
    assert default_space(library) == NEW


def test_a_space_that_comes_back_does_not_believe_its_old_matrix_file(library: Database) -> None:
    _fill(library, NEW, 1)
    _fill(library, OLD, 30)
    open_index(library, OLD.fingerprint)
    path = matrix_path(library, OLD.fingerprint)
    stale = path.read_bytes()
    drop_space(library, OLD.fingerprint)
    assert not path.exists()
    path.write_bytes(stale)  # as on Windows, where a search keeps it open
    vectors = _fill(library, OLD, 20)
    index = open_index(library, OLD.fingerprint)
    assert len(index) == 20
    assert index.search(vectors[3], 1).keys[0] == 4


def test_what_killed_processes_left_is_swept(library: Database) -> None:
    for space in (NEW, OLD):
        _fill(library, space, 5)
        open_index(library, space.fingerprint)
    folder = matrix_path(library, "").parent
    (folder / f"{'d' * 32}.matrix").write_bytes(b"of a space that is no more")
    (folder / ".safelight-0123456789abcdef.part").write_bytes(b"half")
    (folder / "notes.txt").write_bytes(b"somebody's own")
    drop_space(library, OLD.fingerprint)
    names = {path.name for path in folder.iterdir()}
    assert names == {"notes.txt", matrix_path(library, NEW.fingerprint).name}


def test_a_search_that_still_reads_delays_only_the_shrinking(
    library: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dropping, "READER_SECONDS", 0.05)
    _fill(library, NEW, 5)
    _fill(library, OLD, 2000)
    library.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = library.path.stat().st_size
    told: list[str] = []
    with Database(library.path) as reader:
        reader.connection.execute("BEGIN")
        reader.connection.execute("SELECT count(*) FROM embeddings").fetchone()
        drop_space(library, OLD.fingerprint, tell=told.append)
        assert _names(reader) == ["new", "old"], "a reader keeps what it has begun with"
        reader.connection.execute("COMMIT")
        assert _names(reader) == ["new"]
    assert "once no other program" in told[0]
    library.close()
    assert library.path.stat().st_size < size - 2000 * DIMENSION * 4


_DROP_ON_A_FULL_DISK = """
import resource, sys
from safelight.library.drop_space import drop_space
from safelight.library.database import Database
with Database(sys.argv[1]) as library:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
    print(drop_space(library, sys.argv[2], tell=print))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes")
def test_a_full_disk_does_not_keep_a_space_from_being_dropped(library: Database) -> None:
    _fill(library, NEW, 3000)  # more than may be written
    _fill(library, OLD, 500)
    library.close()
    done = subprocess.run(
        [sys.executable, "-c", _DROP_ON_A_FULL_DISK, str(library.path), OLD.fingerprint],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "keeps its size" in done.stdout
    with Database(library.path) as again:
        assert _names(again) == ["new"]
        assert again.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (free,) = again.connection.execute("PRAGMA freelist_count").fetchone()
        (page,) = again.connection.execute("PRAGMA page_size").fetchone()
    assert free * page > 500 * DIMENSION * 4, "it is used again"


_DROP = """
import sys
from safelight.library.drop_space import drop_space
from safelight.library.database import Database
with Database(sys.argv[1]) as library:
    print("ready", flush=True)
    drop_space(library, sys.argv[2])
"""


def test_a_drop_killed_at_any_point_is_done_by_the_next(tmp_path: Path) -> None:
    count = 4000
    made = tmp_path / "made" / "library.db"
    with Database(made) as library:
        kept = _fill(library, NEW, count)
        _fill(library, OLD, count)
        for space in (NEW, OLD):
            open_index(library, space.fingerprint)
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # pytest shows it if this fails
    moments = random.Random(seed)

    def drop(folder: Path, seconds: float | None) -> float:
        shutil.copytree(made.parent, folder)
        process = subprocess.Popen(
            [sys.executable, "-c", _DROP, str(folder / "library.db"), OLD.fingerprint],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        started = time.perf_counter()
        if seconds is not None:
            time.sleep(seconds)
            process.kill()
        process.communicate(timeout=120)
        assert process.returncode in ((0,) if seconds is None else (0, -9))
        return time.perf_counter() - started

    whole = drop(tmp_path / "whole", None)
    size = (tmp_path / "whole" / "library.db").stat().st_size
    seen = set()
    for number in range(8):
        folder = tmp_path / str(number)
        drop(folder, moments.uniform(0, whole))
        with Database(folder / "library.db") as library:
            assert library.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert default_space(library) == NEW
            assert open_index(library, NEW.fingerprint).search(kept[7], 1).keys[0] == 8
            found = {each.space.name: each.embeddings for each in all_spaces(library)}
            assert found.pop("new") == count
            assert found in ({"old": count}, {"old": 0}, {})
            seen.add(found.get("old"))
            if not found:
                whole *= 0.7  # it may have been busier when this was measured
            if found:
                assert len(open_index(library, OLD.fingerprint)) == found["old"]
                drop_space(library, OLD.fingerprint)
            assert not matrix_path(library, OLD.fingerprint).exists()
            assert coverage(library, NEW.fingerprint).covered == count
        assert (folder / "library.db").stat().st_size <= size
        shutil.rmtree(folder)
    print(f"after the kills: {seen}")
    assert seen - {None}, "every one was over before it could be killed"


_USE = """
import sys
from safelight.library.spaces import use_space
from safelight.library.database import Database
with Database(sys.argv[1]) as library:
    print("ready", flush=True)
    while True:
        for fingerprint in sys.argv[2:]:
            use_space(library, fingerprint)
"""


def test_a_use_killed_at_any_point_leaves_one_default(library: Database) -> None:
    for space in (OLD, NEW):
        add_space(library, space)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", _USE, str(library.path), OLD.fingerprint, NEW.fingerprint],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        for _ in range(20):  # and never none or two for those who look on
            assert sum(each.default for each in all_spaces(library)) == 1
        time.sleep(random.uniform(0, 0.05))
        process.kill()
        process.communicate()
        assert sum(each.default for each in all_spaces(library)) == 1
        with sqlite3.connect(library.path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()


def test_one_wrong_vector_keeps_the_whole_batch_out(library: Database) -> None:
    add_space(library, OLD)
    items = [
        ItemRecord("1" * 64, "photo", 1, _vectors(1, 0)[0]),
        ItemRecord("2" * 64, "photo", 1, np.ones(DIMENSION // 2, np.float32)),
    ]
    files = [FileRecord(f"/{item.id}", item.id, None, item.id) for item in items]
    with pytest.raises(SpaceError, match="128"):
        write(library, "default", files, items, fingerprint=OLD.fingerprint)
    assert coverage(library, OLD.fingerprint).embeddings == 0
    assert counts(library).files == 0


@pytest.mark.parametrize("fingerprint", [None, NEW.fingerprint])
def test_vectors_of_no_known_space_are_refused(library: Database, fingerprint: str | None) -> None:
    add_space(library, OLD)
    item = ItemRecord("1" * 64, "photo", 1, _vectors(1, 0)[0])
    with pytest.raises(SpaceError):
        write(library, "default", [], [item], fingerprint=fingerprint)
    assert library.connection.execute("SELECT count(*) FROM items").fetchone() == (0,)


def test_a_space_never_changes_its_dimension(library: Database) -> None:
    add_space(library, OLD)
    with pytest.raises(SpaceError, match="damaged"):
        add_space(library, Space(OLD.fingerprint, "old", 8, "/models/old"))
    assert find_space(library, OLD.fingerprint) == OLD


def test_a_vector_is_searched_in_its_own_space_only(library: Database) -> None:
    old, new = _fill(library, OLD, 20), _fill(library, NEW, 10)
    for space, vectors in ((OLD, old), (NEW, new)):
        index = open_index(library, space.fingerprint)
        assert len(index) == len(vectors)
        for number in range(10):
            found = index.search(vectors[number], 1)
            assert (found.keys[0], found.scores[0]) == (number + 1, pytest.approx(1.0, abs=1e-5))
