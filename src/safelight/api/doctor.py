"""Diagnosis of this installation: report, speed, and problems with their solutions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from safelight.doctor.machine import Memory
from safelight.doctor.report import Problem, Report, examine, problems
from safelight.embedding.names import STARTER

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.doctor.speed import Speed as Speed
    from safelight.settings import Settings

__all__ = ["Diagnosis", "Memory", "Problem", "Report", "diagnose"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Report, speed (None if it was not measured), and problems, broken ones first."""

    report: Report
    speed: Speed | None
    problems: tuple[Problem, ...]

    @property
    def is_broken(self) -> bool:
        """True if a command will fail."""
        return any(problem.broken for problem in self.problems)

    def to_dict(self) -> dict[str, Any]:
        """Return it as a dictionary; paths in it are still :class:`~pathlib.Path`."""
        values = asdict(self.report)
        for runtime, state in zip(values["runtimes"], self.report.runtimes, strict=True):
            runtime["auto"] = state.auto and state.auto.name
        return {
            **values,
            "speed": self.speed and asdict(self.speed),
            "problems": [asdict(problem) for problem in self.problems],
        }


def diagnose(
    settings: Settings,
    model: str | None = None,
    *,
    quick: bool = False,
    examined: Callable[[Report], None] = lambda _: None,
) -> Diagnosis:
    """Examine this machine and measure its speed. Nothing is changed, and no network is used.

    Parameters
    ----------
    settings : Settings
        Unless its device is ``auto``, only that device is measured.
    model : str, optional
        The model to examine and measure.
    quick : bool
        Skip the speed test and the check of the library's pages.
    examined : callable
        Given the report before the speed test, which takes seconds.

    Raises
    ------
    UsageError
        Unknown device, or not a name of a model.
    """
    report = examine(settings, model, quick=quick)
    examined(report)
    speed = None
    if not quick:
        from safelight.doctor.speed import measure

        only = None if settings.device == "auto" else [settings.device]
        speed = measure(settings, report.model.measured, only or report.devices)
    found = [*problems(report, settings, speed), *_offer(report, settings)]
    return Diagnosis(report, speed, tuple(found))


def _offer(report: Report, settings: Settings) -> list[Problem]:
    """Tell a library that has the starter model only that CLIP is available now."""
    from safelight.embedding.offer import can_have_clip, offer

    models = {space.model for space in report.library.spaces}
    if models != {STARTER} or settings.model is not None or not can_have_clip():
        return []
    return [Problem(offer(), broken=False)]
