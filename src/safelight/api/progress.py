"""Progress of a use case: a bar in terminals and notebooks, a callable, or nothing."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from safelight.arguments import refused
from safelight.files.format import is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Step:
    """Progress of one activity.

    Attributes
    ----------
    doing : str
        The activity: ``Embedding``, ``Comparing``, ...
    done, total : int
    failed : int
    """

    doing: str
    done: int
    total: int
    failed: int = 0


#: True: a bar in terminals and notebooks. A callable is given each :class:`Step`.
Reporting: TypeAlias = bool | Callable[[Step], Any]


def as_progress(value: Any) -> Reporting:
    """Return an argument that says how progress is shown.

    Raises
    ------
    UsageError
        It is neither True, False nor callable.
    """
    if not isinstance(value, bool) and not callable(value):
        raise refused("progress", "True, False or a callable", value)
    checked: Reporting = value
    return checked


@contextlib.contextmanager
def reporting(progress: Reporting) -> Iterator[Callable[[Step], None]]:
    """Yield a callable for each step; at the end close the bar, or the callable if it can be."""
    if callable(progress):
        show = progress
    elif progress and (is_terminal(sys.stderr) or _is_notebook()):
        show = _Bars()
    else:
        show = _ignore
    try:
        yield show
    finally:
        close = getattr(show, "close", None)
        if close is not None:
            close()


def _ignore(step: Step) -> None:
    """Show nothing."""


def _is_notebook() -> bool:
    # Only a kernel has it loaded; asking IPython would import it.
    return "ipykernel" in sys.modules


class _Bars:
    """A bar, replaced by another one when something else is done."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __call__(self, step: Step) -> None:
        if self._bar is None or self._bar.desc.rstrip(": ") != step.doing:
            from tqdm.auto import tqdm

            self.close()
            self._bar = tqdm(desc=step.doing, total=step.total, leave=False)
        self._bar.total = step.total
        if step.failed:
            self._bar.set_postfix(failed=step.failed, refresh=False)
        self._bar.update(step.done - self._bar.n)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
