"""Fixtures: an environment that is nobody's own, photos made on the spot, a real library."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes import ColourEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from safelight.library.database import Database
    from tests.exchange.stores import postgres_server

# A shell that starts the tests in the background lets them ignore Ctrl-C, and so all they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Hundreds of commands are started here: what they import is compiled once, not by each of them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Where several processes run tests, each has a core for itself.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# How busy the machine is says nothing about what is tested.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a folder together: what they share is then set up by few processes."""
    folders: dict[Path, int] = {}
    items.sort(key=lambda item: folders.setdefault(item.path.parent, len(folders)))


COLOURS = {"red": (220, 30, 30), "green": (20, 200, 40), "blue": (20, 40, 210)}


@pytest.fixture(autouse=True)
def _scrubbed(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in list(os.environ):
        if name.startswith(("SAFELIGHT_", "HF_")) and not name.startswith("SAFELIGHT_TEST_"):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "USERPROFILE", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home))
    # No test reaches out: a model that is not on disk is not available.
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def real_photos() -> Path:
    """The folder of real photos that SAFELIGHT_TEST_PHOTOS names."""
    folder = os.environ.get("SAFELIGHT_TEST_PHOTOS")
    if not folder:
        pytest.skip("SAFELIGHT_TEST_PHOTOS names no folder of real photos")
    return Path(folder)


@pytest.fixture
def make_photo() -> Callable[..., Path]:
    """Write a plain photo: ``make_photo(path, "red", seed=1)``; seeds make different bytes."""

    def make(path: Path, colour: str = "red", *, seed: int = 0, size: int = 32) -> Path:
        import numpy as np
        from PIL import Image

        noise = np.random.default_rng(seed).integers(-15, 16, (size, size, 3))
        pixels = np.clip(np.array(COLOURS[colour]) + noise, 0, 255).astype(np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return path

    return make


@pytest.fixture
def embedder() -> ColourEmbedder:
    """A small real embedder."""
    return ColourEmbedder()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Database]:
    """An empty library."""
    from safelight.library.database import Database

    with Database(tmp_path / "library.db") as opened:
        yield opened


# Each starts once, whoever asks for it.


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.Server]:
    """A real PostgreSQL with pgvector."""
    from tests.exchange.stores import postgres_server

    with postgres_server.serving() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of a server that speaks S3."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
