"""Listings, manifests, merging and attempts, each for itself."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.cluster import chunks
from safelight.cluster.attempts import loaded_despite
from safelight.cluster.engine import need_ray
from safelight.cluster.listing import Listed, parse_listing
from safelight.cluster.manifest import (
    Known,
    path_digest,
    read_chunk,
    read_known,
    read_rounds,
    write_round,
)
from safelight.cluster.merging import digits_for, merge_photos
from safelight.embedding.load import load_embedder
from safelight.errors import ClusterError, UsageError
from safelight.exchange.parquet.description import Part
from safelight.exchange.parquet.locations import open_place
from safelight.exchange.parquet.parts import read_failures, read_photos
from safelight.ingest.load import Loaded
from safelight.ingest.sources.entry import Entry
from safelight.library.rows import FileRow, PhotoRow
from safelight.types import FileStat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


def _listed(number: int, size: int = 1) -> Listed:
    said = {"label": "høst"} if number % 2 else None
    return Listed(Entry(f"/p/{number}", f"{number}", FileStat(size, 2, 3, 4), said))


def _write(place: Any, number: int, listed: list[Listed], known: Known, **more: Any) -> Any:
    options = {"failing": frozenset(), "retry_failed": False, "most": 100, **more}
    return write_round(place, number, "default", listed, known=known, **options)


def test_a_manifest_gives_back_what_was_listed(tmp_path: Path) -> None:
    place = open_place(tmp_path)
    listed = [_listed(number) for number in range(1000)]
    listed.append(Listed(Entry("/p/bad", "bad", code="bad-name", reason="is bad")))
    first = _write(place, 0, listed, read_known(place, []))
    assert read_rounds(place) == [first]
    assert (first.entries, first.changed, first.unchanged) == (1001, False, 0)
    parts = list(first.chunks())
    assert [each for part in parts for each in read_chunk(place, part)] == listed
    assert sorted(part.key for part in parts) == [part.key for part in parts]
    assert max(part.entries for part in parts) <= 100
    assert parts[0].entries < 10, "a few photos already keep several workers busy"


def test_what_is_known_is_in_no_later_manifest(tmp_path: Path) -> None:
    place = open_place(tmp_path)
    first = _write(place, 0, [_listed(n) for n in range(50)], read_known(place, []))
    fails = frozenset({path_digest("default", "/p/7")})
    relisted = [*(_listed(n) for n in range(40)), _listed(45, size=9), _listed(99)]
    second = _write(place, 1, relisted, read_known(place, [first]), failing=fails)
    assert (second.entries, second.unchanged, second.failing, second.changed) == (2, 39, 1, True)
    third = _write(
        place,
        2,
        relisted,
        read_known(place, [first, second]),
        failing=fails,
        retry_failed=True,
    )
    assert (third.entries, third.unchanged, third.failing) == (1, 41, 0)
    back = _write(place, 3, [_listed(45)], read_known(place, [first, second]))
    assert back.entries == 1, "what it was before counts for nothing"
    nothing = _write(place, 4, relisted, read_known(place, [first, second]), failing=frozenset())
    assert nothing.entries == 0
    assert [each.number for each in read_rounds(place)] == [0, 1, 2, 3]


def test_a_bucket_is_listed_as_a_folder_is(
    tmp_path: Path, bucket: str, make_photo: Callable[..., Path]
) -> None:
    import s3fs

    for name in ("b.jpg", "a b.png", "deep/é.jpg", ".hidden/x.jpg", "deep/no.txt", "deep/#1.jpg"):
        make_photo(tmp_path / "in" / name) if name[-3:] != "txt" else (
            tmp_path / "in" / name
        ).write_text("x")
    s3fs.S3FileSystem().put(str(tmp_path / "in"), f"{bucket}/in", recursive=True)
    here = list(parse_listing(str(tmp_path / "in"), exclude=(".*",)).entries())
    there = list(parse_listing(f"s3://{bucket}/in", exclude=(".*",)).entries())
    assert sorted(e.entry.source_path for e in there) == sorted(e.entry.source_path for e in here)
    assert {e.entry.path for e in there} == {
        f"s3://{bucket}/in/{each.entry.source_path}" for each in there
    }
    sizes = {each.entry.source_path: each.entry.stat and each.entry.stat.size for each in here}
    assert {e.entry.source_path: e.entry.stat and e.entry.stat.size for e in there} == sizes
    flat = parse_listing(f"s3://{bucket}/in", recursive=False).entries()
    assert [each.entry.source_path for each in flat] == ["a b.png", "b.jpg"]
    one = parse_listing(f"s3://{bucket}/in/b.jpg").entries()
    assert [each.entry.source_path for each in one] == ["b.jpg"]


def test_kinds_of_addresses_that_are_not_installed_are_told() -> None:
    with pytest.raises(UsageError) as caught:
        list(parse_listing("dropbox://photos").entries())
    assert caught.value.code == "missing-extra"


def test_without_ray_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else True)
    with pytest.raises(UsageError, match=r"safelight\[ray\]") as caught:
        need_ray()
    assert caught.value.code == "missing-extra"


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.lists(st.integers(0, 5), max_size=3)), max_size=12
    )
)
def test_rows_of_a_photo_become_one(rows: list[tuple[str, list[int]]]) -> None:
    vector = np.ones(1, np.float32)
    given_rows = [
        PhotoRow(
            name, "photo", order, vector, files=tuple(FileRow("d", f"/{n}", f"{n}") for n in files)
        )
        for order, (name, files) in enumerate(rows)
    ]
    once = merge_photos(given_rows)
    assert [row.photo_id for row in once] == sorted({name for name, _ in rows})
    for row in once:
        wanted = {n for name, files in rows if name == row.photo_id for n in files}
        assert [file.path for file in row.files] == sorted(f"/{n}" for n in wanted)
        assert row.size == min(i for i, (name, _) in enumerate(rows) if name == row.photo_id)
    again = merge_photos([*once, *given_rows])
    assert [(row.photo_id, row.size, row.files) for row in again] == [
        (row.photo_id, row.size, row.files) for row in once
    ]


@pytest.mark.parametrize(
    ("entries", "digits"), [(0, 1), (10**4, 1), (10**6, 2), (10**7, 3), (10**9, 4)]
)
def test_prefixes_grow_with_the_set(entries: int, digits: int) -> None:
    assert digits_for(entries) == digits


# A process of its own: what forks should have one thread, as pytest's has not.
_DEADLY = """
import os, sys
from safelight.cluster import chunks, workers
from safelight.cluster.manifest import read_rounds
from safelight.exchange.parquet.locations import open_place

def deadly(entry, *more, decode=chunks.load_bytes, **named):
    if entry.path.endswith(("1.png", "3.png")):
        os._exit(9)
    return decode(entry, *more, **named)

chunks.load_bytes = deadly
place = open_place(sys.argv[1])
(chunk,) = read_rounds(place)[0].chunks()
work = workers.Work(
    sys.argv[1], "starter", sys.argv[2], int(sys.argv[3]), "cpu", None, 10**8, 1, None, None
)
batch = {name: [value] for name, value in workers.row_of(chunk).items()}
codes = []
while not place.has(chunks.part_names(chunk)[1]) and len(codes) < 10:
    child = os.fork()
    if child == 0:
        workers.Worker(work)(batch)
        os._exit(0)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(*codes)
"""


def test_a_photo_that_ends_processes_becomes_a_failure(
    tmp_path: Path, make_photo: Callable[..., Path]
) -> None:
    listed = []
    for number in range(5):
        path = make_photo(tmp_path / f"{number}.png", "red", seed=number)
        listed.append(Listed(Entry(str(path), path.name)))
    place = open_place(tmp_path / "set")
    (chunk,) = _write(place, 0, listed, read_known(place, [])).chunks()
    embedder = load_embedder("starter")
    about = [str(tmp_path / "set"), embedder.fingerprint, str(embedder.dimension)]
    ran = subprocess.run(
        [sys.executable, "-c", _DEADLY, *about], capture_output=True, text=True, check=False
    )
    assert ran.stdout.split() == ["9"] * 5 + ["0"], "three times as a whole, then once for each"
    failures, photos = chunks.part_names(chunk)
    bad = [row for rows in read_failures(place, Part(failures)) for row in rows]
    good = [row for rows in read_photos(place, Part(photos)) for row in rows]
    assert sorted(row.file.source_path for row in bad) == ["1.png", "3.png"]
    assert {(row.code, row.reason) for row in bad} == {
        ("corrupt", "ended every process that decoded it")
    }
    assert len(good) == 3


def test_workers_that_are_lost_for_ever_end_the_run(tmp_path: Path) -> None:
    place = open_place(tmp_path)
    (chunk,) = _write(place, 0, [_listed(1)], read_known(place, [])).chunks()

    def load(listed: Sequence[Listed]) -> Iterator[Loaded]:
        yield from (Loaded(each.entry) for each in listed)

    for _ in range(20):  # each time the model, say, ends the worker afterwards
        assert len(list(loaded_despite(place, chunk, [_listed(1)], load))) == 1
    with pytest.raises(ClusterError, match="20 workers were lost") as caught:
        list(loaded_despite(place, chunk, [_listed(1)], load))
    assert caught.value.code == "workers-lost"
