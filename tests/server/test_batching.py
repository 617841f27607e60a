"""Queries that share the work, and what is refused so that nothing piles up."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.library.vector_index.flat import ExactIndex
from safelight.search import Encode
from safelight.server.batching import Batches, embed
from safelight.server.cache import Kept
from safelight.server.errors import Problem
from safelight.server.limits import Limits
from safelight.server.pools import WorkerPool
from tests.fakes import ColourEmbedder
from tests.server.conftest import running
from tests.waiting import until


class Gated(ColourEmbedder):
    """Is at work on questions about red until it is let go; tells how many it got at once."""

    def __init__(self) -> None:
        super().__init__()
        self.at_work = threading.Event()
        self.go_on = threading.Event()
        self.calls: list[int] = []

    def encode_texts(self, texts):
        if texts[0].startswith("red"):  # not the words for comparison
            self.calls.append(len(texts))
            self.at_work.set()
            assert self.go_on.wait(60), "nobody has let it go"
        return super().encode_texts(texts)


def test_what_waits_shares_one_call_of_the_model(filled) -> None:
    model = Gated()
    with running(filled, model) as server:

        def ask(number: int) -> int:
            body = {"query": f"red {number}", "limit": 1}
            return len(server.post("/api/v1/images/search", body).json()["hits"])

        with ThreadPoolExecutor(20) as clients:
            first = clients.submit(ask, 0)
            assert model.at_work.wait(60)
            others = [clients.submit(ask, number) for number in range(1, 20)]
            until(lambda: server.service._encoder.waiting == 19)
            model.go_on.set()
            assert first.result() + sum(each.result() for each in others) == 20
    assert model.calls == [1, 19]


def test_the_event_loop_goes_on_while_the_model_is_at_work(filled) -> None:
    model = Gated()
    with running(filled, model) as server, ThreadPoolExecutor(1) as clients:
        asking = clients.submit(server.post, "/api/v1/images/search", {"query": "red"})
        assert model.at_work.wait(60)
        with httpx2.Client(base_url=server.url, timeout=30) as other:
            for _ in range(20):
                assert other.get("/health").status_code == 200
        assert not asking.done()
        model.go_on.set()
        assert asking.result().status_code == 200


def test_more_than_can_wait_are_refused_with_the_time_to_come_back(filled) -> None:
    limits = Limits(waiting_queries=3)
    model = Gated()
    with running(filled, model, limits=limits) as server:

        def ask(number: int) -> httpx2.Response:
            answer = httpx2.post(
                f"{server.url}/api/v1/images/search", json={"query": f"red {number}"}, timeout=60
            )
            if answer.status_code == 429:
                refused.append(answer)
            return answer

        refused: list[httpx2.Response] = []
        with ThreadPoolExecutor(40) as clients:
            first = clients.submit(ask, 0)
            assert model.at_work.wait(60)
            others = [clients.submit(ask, number) for number in range(1, 40)]
            until(lambda: len(refused) == 36)
            model.go_on.set()
            answers = [each.result() for each in (first, *others)]
        assert {answer.status_code for answer in answers} == {200, 429}
        assert refused[0].headers["retry-after"] == "1"
        assert refused[0].json()["code"] == "busy"
        assert server.post("/api/v1/images/search", {"query": "red"}).status_code == 200


def test_what_takes_too_long_is_given_up(filled) -> None:
    model = Gated()
    with running(filled, model, limits=Limits(seconds=0.3)) as server:
        answer = server.post("/api/v1/images/search", {"query": "red"})
        model.go_on.set()
        assert (answer.status_code, answer.json()["code"]) == (504, "timeout")


def test_searches_share_one_call_of_the_model_and_get_their_own_vectors() -> None:
    green = np.array([0, 1, 0], "f4")
    vectors = embed(
        ColourEmbedder(), [Encode(("red",), ()), Encode(("blue", "red"), (green,)), Encode((), ())]
    )
    assert vectors[0] == pytest.approx(np.array([[1, 0, 0]]), abs=0.01)
    assert vectors[1] == pytest.approx(np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]), abs=0.01)
    assert vectors[2].shape == (0, 3)


def test_an_error_of_the_model_reaches_all_who_asked() -> None:
    def work(batch):
        raise ValueError(f"{len(batch)} at once")

    async def ask():
        batches = Batches("tests", work, waiting=10)
        try:
            return await asyncio.gather(*(batches.ask(n) for n in range(3)), return_exceptions=True)
        finally:
            batches.close()

    found = asyncio.run(ask())
    assert [type(each) for each in found] == [ValueError] * 3


def test_threads_take_what_they_can_and_refuse_the_rest() -> None:
    async def work():
        workers = WorkerPool("tests", 1, 1)
        gate = threading.Event()
        first = asyncio.create_task(workers.run(gate.wait))
        second = asyncio.create_task(workers.run(lambda: "second"))
        await asyncio.sleep(0)  # both begin
        with pytest.raises(Problem, match="tests wait already"):
            await workers.run(lambda: "third")
        # The client of the first goes away; its thread is busy all the same.
        first.cancel()
        await asyncio.sleep(0)
        assert workers.taken == 2
        gate.set()
        assert await second == "second"
        workers.close()
        with pytest.raises(Problem):
            await workers.run(lambda: "late")

    asyncio.run(work())


def test_what_is_kept_is_made_once_for_all_who_ask_at_the_same_time() -> None:
    kept, made = Kept(2), []

    def make():
        time.sleep(0.05)
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: kept.get("a", 1, make), range(8))) == {1}
    assert kept.get("a", 2, make) == 2
    kept.get("b", 2, make)
    kept.get("c", 2, make)
    assert kept.get("a", 2, make) == 5


@given(
    rows=st.lists(st.integers(0, 59), min_size=1, max_size=60, unique=True),
    seed=st.integers(0, 1000),
    top=st.integers(1, 70),
)
def test_many_searches_at_once_find_what_each_alone_finds(rows, seed, top) -> None:
    random = np.random.default_rng(seed)
    # Eighths: exact in any order of adding up, so ties are ties.
    vectors = random.integers(-8, 9, (60, 4)).astype(np.float32) / 8
    keys = np.arange(100, 160)
    index = ExactIndex(4, [(keys[:40], vectors[:40]), (keys[40:], vectors[40:])])
    queries = random.integers(-8, 9, (5, 4)).astype(np.float32) / 8
    allowed = np.sort(keys[rows])
    some = index.rows(allowed)
    found = index.search_many(queries, [top] * 5, [None, some, None, some, None])
    for number, each in enumerate(found):
        alone = index.search(queries[number], top, allowed=allowed if number % 2 else None)
        assert each.keys.tolist() == alone.keys.tolist()
        assert each.scores.tolist() == alone.scores.tolist()
