"""Features that were found before."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from loguru import logger

from safelight.pipeline.services.feature_cache import FeatureCache, Kept

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from safelight.library.database import Database

FEATURES = {"tech": {"noise": 0.5}, "clip_labels": [{"label": "sea"}]}
KEPT = Kept("f00", FEATURES)


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(
        lambda message: lines.append(str(message)), level="WARNING", format="{message}"
    )
    yield lines
    logger.remove(sink)


def test_a_file_is_named_and_built_as_document_3_has_it(tmp_path: Path) -> None:
    FeatureCache(tmp_path / "features", {"model": "m"}).write({"abc": KEPT})
    path = tmp_path / "features" / (hashlib.md5(b"abc_features").hexdigest() + ".json")
    version = {"model": "m", "content": "f00"}
    assert json.loads(path.read_text()) == {"version": version, "features": FEATURES}
    assert os.listdir(path.parent) == [path.name]


def test_another_version_is_not_found(tmp_path: Path) -> None:
    FeatureCache(tmp_path, {"model": "m"}).write({"abc": KEPT})
    assert FeatureCache(tmp_path, {"model": "m"}).read(["abc", "def"]) == {"abc": KEPT}
    assert FeatureCache(tmp_path, {"model": "n"}).read(["abc"]) == {}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": {"model": "m"}}',
        '{"version": {"model": "m"}, "features": {"tech": {}, "clip_labels": null}}',
        '{"version": {"model": "m"}, "features": {"tech": [], "clip_labels": []}}',
        "[" * 100_000,
        "\ud800",
    ],
)
def test_a_broken_file_is_reported_and_made_again(
    tmp_path: Path, said: list[str], content: str
) -> None:
    cache = FeatureCache(tmp_path, {"model": "m"})
    path = cache.path("abc")
    assert path is not None
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    assert cache.read(["abc"]) == {}
    assert len(said) == 1
    assert path.name in said[0]
    cache.write({"abc": KEPT})
    assert cache.read(["abc"]) == {"abc": KEPT}


def test_a_library_keeps_every_version(tmp_path: Path, library: Database) -> None:
    other = Kept("f00", {"tech": {"noise": 0.1}, "clip_labels": []})
    for version, found in (("m", KEPT), ("n", other)):
        FeatureCache(tmp_path, {"model": version}, library).write({"abc": found})
    assert FeatureCache(tmp_path, {"model": "m"}).read(["abc"]) == {}
    assert FeatureCache(tmp_path, {"model": "m"}, library).read(["abc"]) == {"abc": KEPT}
    assert FeatureCache(None, {"model": "n"}, library).read(["abc"]) == {"abc": other}


def test_more_photos_than_a_statement_has_room_for(library: Database) -> None:
    cache = FeatureCache(None, {}, library)
    found = {f"{number:064x}": KEPT for number in range(2500)}
    cache.write(found)
    assert cache.read(list(found)) == found


def test_many_threads_write_and_read_one_photo(tmp_path: Path, said: list[str]) -> None:
    cache = FeatureCache(tmp_path, {})

    def work(number: int) -> None:
        cache.write({"abc": Kept("f00", {"tech": {"noise": number}, "clip_labels": []})})
        assert cache.read(["abc"])["abc"].features["tech"]["noise"] in range(200)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    assert said == []


def test_a_folder_that_cannot_be_written_is_not_an_error(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "file").write_text("")
    cache = FeatureCache(tmp_path / "file" / "features", {})
    cache.write({"abc": KEPT})
    assert "are not kept" in said[0]
    assert cache.read(["abc"]) == {}
