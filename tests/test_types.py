from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.library.files import failures
from safelight.types import FileStat

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (2**63, -(2**63)),
        (2**64 - 1, -1),
        (2**63 - 1, 2**63 - 1),
        (0, 0),
        (3 * 2**64 + 5, 5),  # ReFS has inodes of 128 bits
    ],
)
def test_inodes_of_any_size_stay_apart_within_64_bits(given: int, kept: int) -> None:
    stat = FileStat(1, 2, 3, given)
    assert stat.inode == kept
    assert FileStat(1, 2, 3, kept).same_content_as(stat)
    assert not FileStat(1, 2, 3, given + 1).same_content_as(stat)


def test_times_out_of_range_are_taken_for_the_last_and_the_first() -> None:
    stat = FileStat(1, 2**70, -(2**70), 4)
    assert (stat.mtime_ns, stat.ctime_ns) == (2**63 - 1, -(2**63))
    assert FileStat(1, stat.mtime_ns, stat.ctime_ns, 4).same_content_as(stat)


@pytest.mark.skipif(sys.platform != "linux", reason="file systems with such times")
@pytest.mark.parametrize("moment", [2**63 + 5 * 10**9, -(10**18), -1, 0])
def test_files_of_the_far_future_and_past_are_ingested_once(
    library, embedder, make_photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    photo = make_photo(tmp_path / "photos" / "a.png")
    os.utime(photo, ns=(moment, moment))
    # What mergerfs and CIFS say, whatever this file system does.
    monkeypatch.setattr(FileStat, "of", classmethod(_with_large_inode))
    source = parse_source(str(photo.parent))
    first = ingest(library, [source], embedder, model="colours")
    again = ingest(library, [source], embedder, model="colours")
    assert (first.new, again.new, again.unchanged, failures(library)) == (1, 0, 1, [])


def _with_large_inode(cls: type[FileStat], found: os.stat_result) -> FileStat:
    return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino + 2**63)
