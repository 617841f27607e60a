"""Public objects in other processes: forked, spawned, or from a fork server."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import threading
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import safelight
from safelight import errors
from safelight.api.library import Library
from safelight.client import AsyncClient, Client
from safelight.embedding.starter import load_starter
from safelight.ingest.sources import parse_source
from safelight.settings import Settings
from tests.server.conftest import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Since Python 3.12, which warns that the fork of a process with threads may hang.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

METHODS = multiprocessing.get_all_start_methods()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    folder = tmp_path_factory.mktemp("processes")
    for number, colour in enumerate(((220, 30, 30), (20, 200, 40), (20, 40, 210))):
        noise = np.random.default_rng(number).integers(-15, 16, (64, 64, 3))
        pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    return folder


@pytest.fixture(scope="module")
def objects(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Every public object, used already: connections are open, models loaded, threads there."""
    settings = Settings.load({"SAFELIGHT_MODEL": "starter"})
    path = tmp_path_factory.mktemp("processes-library") / "photos.db"
    with safelight.open(path, settings=settings, progress=False) as library:
        library.ingest(folder)
        hits = library.search("red", top=2)
        with running(library.database, None, settings) as server, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            client, waiting = Client(server.url), AsyncClient(server.url)
            clip, starter = safelight.CLIPEmbedder("starter"), load_starter()
            features = safelight.FeaturesService(model="starter", root=folder)
            found = {
                "library": library,
                "asynchronous library": _asynchronous(library),
                "database": library.database,
                "starter": starter,
                "clip": clip,
                "legacy clip": safelight.CLIPModel(model_name="starter"),
                "features": features,
                "deduplicator": safelight.Deduplicator(library),
                "client": client,
                "asynchronous client": waiting,
                "hits": hits,
                "hit": hits[0],
                "photos": library.photos(),
                "photo": library.photo(hits[0].photo_id),
                "duplicates": library.duplicates(),
                "settings": settings,
                "source": parse_source(f"images:{folder}"),
                "query": safelight.parse_query("red + blue - green:0.5"),
                "filter": safelight.Filter(photos_only=True),
            }
            before = use(found)
            assert not any(str(each).startswith("refused") for each in before.values()), before
            yield found
            client.close()
            _awaited(waiting.close())
            _LOOPS.pop(os.getpid()).close()
            clip.close()


def _asynchronous(library: Library) -> safelight.AsyncLibrary:
    found = safelight.AsyncLibrary.__new__(safelight.AsyncLibrary)
    found.library = library
    return found


def use(objects: dict[str, Any]) -> dict[str, Any]:
    """Return what each object answers, or the words in which it refuses."""
    batch = {"batch_id": "b", "artifacts": []}
    calls: dict[str, Callable[[Any], Any]] = {
        "library": lambda each: each.search("red", top=2).paths,
        "asynchronous library": lambda each: asyncio.run(each.search("red", top=2)).paths,
        "database": lambda each: each.connection.execute("SELECT count(*) FROM items").fetchone()[
            0
        ],
        "starter": lambda each: each.encode_texts(["red"]).round(3).tolist(),
        "clip": lambda each: each.encode_text("red").round(3).tolist(),
        "legacy clip": lambda each: each.encode_text("red").round(3).tolist(),
        "features": lambda each: each.process(batch),
        "deduplicator": lambda each: [group.keeper.path for group in each.groups()],
        "client": lambda each: each.health().status,
        "asynchronous client": lambda each: _awaited(each.health()).status,
        "hits": lambda each: each.to_json(),
        "hit": lambda each: (hash(each), each.path),
        "photos": lambda each: (each.paths, each[0].id),
        "photo": lambda each: (hash(each), each.files[0].path),
        "duplicates": lambda each: len(each),
        "settings": lambda each: each.library.name,
        "source": lambda each: each.spec,
        "query": repr,
        "filter": lambda each: each.key,
    }
    answers = {}
    for name, each in objects.items():
        try:
            answers[name] = calls[name](each)
        except errors.SafelightError as error:
            answers[name] = f"refused: {error}"
    return answers


#: A loop for each process: a child cannot use its parent's, nor a connection the next loop.
_LOOPS: dict[int, asyncio.AbstractEventLoop] = {}


def _awaited(coroutine: Any) -> Any:
    loop = _LOOPS.get(os.getpid()) or asyncio.new_event_loop()
    _LOOPS[os.getpid()] = loop
    return loop.run_until_complete(coroutine)


def _child(objects: dict[str, Any], answers: Any) -> None:
    answers.send(use(objects))


@pytest.mark.parametrize("method", METHODS)
def test_every_public_object_works_in_another_process(objects, method) -> None:
    context = multiprocessing.get_context(method)
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(objects, send), daemon=True)
    process.start()
    assert receive.poll(120), "the child hangs"
    answers = receive.recv()
    process.join(30)
    assert process.exitcode == 0
    expected = use(objects)
    for name in objects:
        if name in ("hit", "photo"):  # texts have another hash in another process
            assert answers[name][1] == expected[name][1]
        else:
            assert answers[name] == expected[name], name


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_forked_client_and_its_parent_get_their_own_answers(objects) -> None:
    client = objects["client"]
    ids = [photo.photo_id for photo in client.photos()]

    def is_right() -> bool:
        return all(client.photo(each).photo_id == each for each in ids * 20)

    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if is_right() else 3)
        finally:
            os._exit(4)
    assert is_right()
    assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_lock_that_another_thread_held_is_open_in_the_child(objects) -> None:
    library = objects["library"]
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with library._lock, library.database._lock, objects["starter"]._lock:
            held.set()
            go_on.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    pid = os.fork()
    if pid == 0:
        try:
            library.search("red")
            objects["starter"].encode_texts(["red"])
            os._exit(0)
        finally:
            os._exit(4)
    status = os.waitpid(pid, 0)[1]
    go_on.set()
    thread.join()
    assert status == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_transaction_stays_with_its_process(objects) -> None:
    library = objects["library"]
    with library.transaction() as connection:
        pid = os.fork()
        if pid == 0:
            try:
                connection.execute("SELECT 1")
            except errors.LibraryError as error:
                os._exit(0 if error.code == "forked" else 3)
            finally:
                os._exit(4)
        assert os.waitpid(pid, 0)[1] == 0
        connection.execute("SELECT 1")


def test_what_cannot_be_sent_says_why(tmp_path) -> None:
    with Library(tmp_path / "photos.db", progress=lambda _: None) as library:
        with pytest.raises(errors.UsageError, match="progress"):
            pickle.dumps(library)
        database = library.database
    for closed in (library, database):
        with pytest.raises(errors.LibraryError, match="closed"):
            pickle.dumps(closed)
    clip = safelight.CLIPEmbedder("starter")
    clip.close()
    with pytest.raises(errors.UsageError, match="closed"):
        pickle.dumps(clip)
