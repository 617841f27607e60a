"""The file of a group to keep: derivations, criteria, the choice, and its explanation."""

from __future__ import annotations

from safelight.duplicates.keeper.select import Judged, Suggestion, judge

__all__ = ["Judged", "Suggestion", "judge"]
