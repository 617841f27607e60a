"""A bucket of a real S3 server on this machine, and the memory that fsspec calls a file system."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
import s3fs

from safelight.errors import SourceError, UsageError
from safelight.exchange.parquet.export import export_library
from safelight.exchange.parquet.load import import_data_set
from safelight.exchange.parquet.locations import open_place
from safelight.library.database import Database
from safelight.library.spaces import add_space
from safelight.library.write import FileRecord, ItemRecord, write
from tests.exchange.parquet.made import SPACE, held

if TYPE_CHECKING:
    from pathlib import Path


def _fill(library: Database) -> None:
    add_space(library, SPACE)
    items = [ItemRecord(f"{n % 3:x}{n:063x}", "photo", n, None) for n in range(60)]
    files = [FileRecord(f"/{item.id}", "x", None, item.id) for item in items]
    write(library, "default", files, items)


@pytest.fixture(params=["s3", "memory"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}/set"
    return f"s3://{request.getfixturevalue('bucket')}/a/set"


def test_there_and_back(url: str, tmp_path: Path, library: Database) -> None:
    _fill(library)
    assert export_library(library, url, digits=1).photos == 60
    with pytest.raises(UsageError, match="Replace it"):
        export_library(library, url)
    write(library, "default", [], [ItemRecord("f" * 64, "photo", 1, None)])
    assert export_library(library, url, digits=1, overwrite=True).photos == 61
    place = open_place(url)
    names = place.sizes()
    assert len(names) == 5
    assert "safelight.json" in names
    (lost,) = (name for name in names if "prefix=1" in name)
    with Database(tmp_path / "b.db") as other:
        done = import_data_set(other, url)
        assert (done.new, done.problems) == (61, ())
        assert held(other) == held(library)
    place.remove([lost, "nothing"])
    with Database(tmp_path / "c.db") as other:
        done = import_data_set(other, url)
        assert [f"{url}/{lost} cannot be used: it is not there" in str(done.problems[0])] == [True]
        assert done.new == 41


def test_what_fails_while_it_is_written_is_not_there(url: str, library: Database) -> None:
    _fill(library)

    def fail(done: int, total: int) -> None:
        if done:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        export_library(library, url, progress=fail)
    assert set(open_place(url).sizes()) <= {"safelight.unfinished"}
    with pytest.raises(SourceError, match="not finished"):
        import_data_set(library, url)
    assert export_library(library, url, digits=1).photos == 60


def test_a_bucket_that_is_not_there(bucket: str, library: Database) -> None:
    _fill(library)
    with pytest.raises(SourceError, match=r"s3://no-such-bucket/set.*cannot be written"):
        export_library(library, "s3://no-such-bucket/set")
    with pytest.raises(SourceError, match="There is no data set at s3://no-such-bucket/set"):
        import_data_set(library, "s3://no-such-bucket/set")


def test_a_server_that_is_away(
    bucket: str, library: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(library)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(SourceError, match=r"cannot be listed: .*127\.0\.0\.1:9"):
        export_library(library, f"s3://{bucket}/set")
