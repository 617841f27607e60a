"""Closed libraries, and answers that hash and compare."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect

import pytest

import safelight
from safelight import errors, schemas
from safelight.api.library import Library

#: What methods need besides the library.
_GIVEN = {
    "photos": "x.jpg", "sources": "x", "photo": "x.jpg", "group": "x", "decision": "resolved",
    "plan": "x.json", "photo_id": "0" * 64, "what": "x", "output": "x.html", "name": "x",
    "old": "x", "new": "y", "url": "x", "store": "qdrant://localhost",
    "query": "label:",
}  # fmt: skip


def _calls(kind):
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        if name.startswith("_") or name == "close":
            continue
        needed = {
            each.name: _GIVEN[each.name]
            for each in list(inspect.signature(method).parameters.values())[1:]
            if each.default is each.empty
            and each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
        }
        yield name, needed


@pytest.fixture
def path(tmp_path):
    with Library(tmp_path / "photos.db"):
        pass
    return tmp_path / "photos.db"


def test_every_method_of_a_closed_library_refuses(path) -> None:
    library = Library(path)
    for _ in range(2):  # to close it twice does no harm
        library.close()
    calls = dict(_calls(Library))
    assert len(calls) > 30
    for name, needed in calls.items():
        with pytest.raises(errors.LibraryError) as caught:
            getattr(library, name)(**needed)
        assert caught.value.code == "closed", name
    for name in ("database", "settings", "connection", "has_space"):
        with pytest.raises(errors.LibraryError, match=r"safelight\.open"):
            getattr(library, name)
    with pytest.raises(errors.LibraryError, match="closed"), library:
        pass
    assert "closed" in repr(library)
    assert library.is_closed
    assert library.path == path
    with safelight.open(path) as again:
        assert again.status().counts.photos == 0


def test_a_closed_database_refuses_too(path) -> None:
    with safelight.Database(path) as database:
        assert database.connection.execute("SELECT 1").fetchone() == (1,)
    database.close()
    for use in (lambda: database.connection, database.separate_connection, database.__enter__):
        with pytest.raises(errors.LibraryError, match="closed"):
            use()
    for use in (lambda: Library(database), lambda: safelight.Deduplicator(database).groups()):
        with pytest.raises(errors.LibraryError, match="closed"):
            use()


def test_a_closed_asynchronous_library_refuses(path) -> None:
    async def use() -> None:
        library = safelight.AsyncLibrary(path)
        await library.close()
        await library.close()
        for call in (library.search("x"), library.photos(), library.status()):
            with pytest.raises(errors.LibraryError, match="closed"):
                await call
        with pytest.raises(errors.LibraryError, match="closed"):
            async with library:
                pass

    asyncio.run(use())


def test_answers_hash_and_compare(tmp_path, make_photo) -> None:
    for seed, name in enumerate(("red.png", "green.png")):
        make_photo(tmp_path / "p" / name, name[:-4], seed=seed)
    (tmp_path / "p" / "copy.png").write_bytes((tmp_path / "p" / "red.png").read_bytes())
    (tmp_path / "p" / "broken.png").write_bytes(b"broken")
    with safelight.open(tmp_path / "photos.db", model="starter", progress=False) as library:
        summary = library.ingest(tmp_path / "p", score=True, label=True)
        made = [
            [summary, *library.search("red"), *library.photos(), *library.failures(),
             *library.sources(), *library.spaces(), library.status(),
             *library.duplicates(), library.search("red")]
            for _ in range(2)
        ]  # fmt: skip
        for one, two in zip(*made, strict=True):
            assert one == two
            assert hash(one) == hash(two)
            assert one in {two}
        hit = made[0][1]
        assert dataclasses.replace(hit, metadata={"other": 1}) != hit


def test_answers_of_the_server_hash() -> None:
    moment = "2026-11-28T02:00:00Z"
    one, two, other = (
        schemas.Vector(
            id="a",
            embedding=(1.0,),
            metadata={"year": year},
            created_at=moment,
            updated_at=moment,
        )
        for year in ("2020", "2020", "2021")
    )
    assert one == two
    assert one != other
    assert len({one, two, other}) == 2
    assert hash(schemas.VectorScore(vector=one, score=1)) == hash(
        schemas.VectorScore(vector=two, score=1)
    )
