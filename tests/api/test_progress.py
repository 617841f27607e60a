"""Progress of a use case, as a terminal, a callable and nobody see it."""

from __future__ import annotations

import io
import sys
import types

import pytest

from safelight.api.progress import Step, as_progress, reporting
from safelight.errors import UsageError

STEPS = [Step("Hashing", 1, 2), Step("Hashing", 2, 2, 1), Step("Drawing", 1, 1)]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _shown(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, progress: bool) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    with reporting(progress) as step:
        for each in STEPS:
            step(each)
    return stream.getvalue()


def test_a_terminal_sees_a_bar_for_each_activity(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = _shown(_Terminal(), monkeypatch, True)
    assert "Hashing" in shown
    assert "Drawing" in shown


@pytest.mark.parametrize(("stream", "progress"), [(io.StringIO, True), (_Terminal, False)])
def test_pipes_and_those_who_want_none_see_nothing(monkeypatch, stream, progress) -> None:
    assert _shown(stream(), monkeypatch, progress) == ""


def test_a_notebook_sees_bars_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    assert "Hashing" in _shown(io.StringIO(), monkeypatch, True)


def test_a_callable_is_given_each_step_and_closed() -> None:
    class Own(list[Step]):
        closed = False

        def __call__(self, step: Step) -> None:
            self.append(step)

        def close(self) -> None:
            self.closed = True

    own = Own()
    with reporting(own) as step:
        for each in STEPS:
            step(each)
    assert own == STEPS
    assert own.closed


@pytest.mark.parametrize("value", [None, 3, "yes", []])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(UsageError, match="progress"):
        as_progress(value)
