"""Both buses, to be told apart by nothing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from safelight.pipeline.bus.memory import MemoryBus
from safelight.pipeline.bus.nats import NatsBus
from tests.pipeline.nats_server import needs_nats, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from safelight.pipeline.bus.events import EventBus
    from tests.pipeline.nats_server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "nats") as running:
        yield running


@pytest.fixture(params=["memory", pytest.param("nats", marks=needs_nats)])
def open_bus(
    request: pytest.FixtureRequest,
) -> Callable[[], AbstractAsyncContextManager[EventBus]]:
    """Open the bus that is tested: ``async with open_bus() as bus``."""
    url: Any = None
    if request.param == "nats":
        url = request.getfixturevalue("server").url

    @contextlib.asynccontextmanager
    async def opening() -> AsyncIterator[EventBus]:
        bus = MemoryBus() if url is None else await NatsBus.connect(url)
        try:
            yield bus
        finally:
            await bus.close()

    return opening
