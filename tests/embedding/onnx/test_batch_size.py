from __future__ import annotations

import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from platformdirs import user_cache_path

from safelight.embedding.onnx.batch_size import Batches, is_out_of_memory, out_of_memory
from safelight.errors import ModelError
from tests.embedding import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder() -> Path:
    """Folder of the sizes, in a home that is each test's own."""
    return user_cache_path("safelight", appauthor=False) / "batches"


def _with_room_for(room: int, calls: list[int]) -> Callable[[int, int], list[int]]:
    def call(start: int, stop: int) -> list[int]:
        calls.append(stop - start)
        if stop - start > room:
            raise out_of_memory("model", MemoryError("CUDA out of memory"))
        return list(range(start, stop))

    return call


@given(count=st.integers(1, 60), size=st.integers(1, 40), room=st.integers(1, 40))
def test_everything_comes_out_in_order(count: int, size: int, room: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sizes = Batches("images", size)
        parts = sizes.run(count, _with_room_for(room, []))
    assert [number for part in parts for number in part] == list(range(count))
    assert sizes.size <= size


def test_a_batch_is_halved_once_for_all_that_failed() -> None:
    sizes, calls = Batches("images", 32), list[int]()
    with pytest.warns(UserWarning, match="for 32 images at once; going on with 16"):
        sizes.run(64, _with_room_for(16, calls))
    assert sizes.size == 16
    assert calls == [32, 32, 16, 16, 16, 16]
    calls.clear()
    sizes.run(20, _with_room_for(16, calls))
    assert calls == [16, 4]


def test_threads_halve_together() -> None:
    sizes, barrier = Batches("images", 8), threading.Barrier(2)

    def call(start: int, stop: int) -> int:
        if stop - start == 8:
            barrier.wait(timeout=60)  # both fail at the same size
            raise out_of_memory("model", MemoryError())
        return stop - start

    with ThreadPoolExecutor(2) as pool, pytest.warns(UserWarning, match="going on with 4"):
        assert sizes.run(16, call, pool.map) == [4, 4, 4, 4]
    assert sizes.size == 4


def test_the_next_process_begins_with_what_fitted(folder: Path) -> None:
    with pytest.warns(UserWarning, match="going on with"):
        Batches("images", 32, "model cuda:0").run(32, _with_room_for(9, []))
    assert Batches("images", 32, "model cuda:0").size == 8
    assert Batches("texts", 32, "model cuda:0").size == 32
    assert Batches("images", 32, "model cuda:1").size == 32
    assert Batches("images", 32).size == 32
    for kept in folder.iterdir():
        kept.write_text("nonsense")
    assert Batches("images", 32, "model cuda:0").size == 32


def test_one_that_does_not_fit_is_an_error() -> None:
    with (
        pytest.raises(ModelError, match=r"ran out of memory.*device cpu") as caught,
        pytest.warns(UserWarning, match="going on with"),
    ):
        Batches("images", 4).run(4, _with_room_for(0, []))
    assert caught.value.code == "out-of-memory"


def test_other_errors_are_not_tried_again() -> None:
    calls: list[int] = []

    def call(start: int, stop: int) -> None:
        calls.append(stop - start)
        raise ModelError("the graph is broken")

    with pytest.raises(ModelError, match="broken"):
        Batches("images", 8).run(8, call)
    assert calls == [8]


@pytest.mark.parametrize(
    ("message", "is_memory"),
    [
        ("CUDA out of memory. Tried to allocate 2.00 GiB", True),
        ("MPS backend out of memory", True),
        ("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory", True),
        ("BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer", True),
        ("std::bad_alloc", True),
        ("shapes cannot be multiplied", False),
    ],
)
def test_knows_what_the_runtimes_say(message: str, is_memory: bool) -> None:
    assert is_out_of_memory(RuntimeError(message)) is is_memory


# In a process of its own, which may have little memory. What it holds at the limit is real.
_SCARCE = """
import resource, sys, warnings
import numpy as np
from safelight.embedding.load import load_embedder
from safelight.types import Frame
embedder = load_embedder(sys.argv[1], device="cpu", batch_size=256, threads=1)
pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
frames = [Frame(pixels, 16, 16, "PNG")] * 256
few = embedder.encode_images(frames[:2])
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 200_000_000,) * 2)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    vectors = embedder.encode_images(frames)
assert vectors.shape == (256, 8), vectors.shape
# One alone is added up in another order, which is 0.001 for so many copies.
assert np.allclose(vectors, few[:1], atol=5e-3)
print(embedder.batch_size, *(str(each.message) for each in told), sep="|")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory as Linux does")
def test_a_model_goes_on_when_memory_runs_out(tmp_path: Path) -> None:
    tiny.write_immich(tmp_path / "model", copies=200_000)
    done = subprocess.run(
        [sys.executable, "-c", _SCARCE, str(tmp_path / "model")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    size, *told = done.stdout.strip().split("|")
    assert 1 <= int(size) <= 128
    assert any("Memory did not suffice for 256 images" in message for message in told)
