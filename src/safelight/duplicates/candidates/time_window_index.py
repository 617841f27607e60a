"""Time-window index: photos of one camera within seconds of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safelight.duplicates.candidates.pairs import CandidatePairs, GroupedKeys, expand_ranges

if TYPE_CHECKING:
    import numpy.typing as npt

# Seconds: more than from year 1 to 9999, so that no window reaches into another camera.
_SPAN = 1 << 39

#: Asked about at once: of each, a window has at most a moment for every second.
_ASKED = 4096


class MomentIndex:
    """Moments, and which of them are within a window of others.

    Parameters
    ----------
    cameras : (n,) int64
        Zero or more; moments of different cameras are never near.
    seconds : (n,) int64
        Zero or more, from whatever beginning.
    window : int
        Seconds.
    """

    def __init__(
        self, cameras: npt.NDArray[np.int64], seconds: npt.NDArray[np.int64], window: int
    ) -> None:
        self.window = window
        self._alike = GroupedKeys(_key(cameras, seconds))

    def near(
        self,
        cameras: npt.NDArray[np.int64],
        seconds: npt.NDArray[np.int64],
        before: npt.NDArray[np.int64],
        most: int,
    ) -> CandidatePairs:
        """Return which moments are within the window.

        Parameters
        ----------
        cameras, seconds : (q,) int64
            Of those that are asked about.
        before : (q,) int64
            Only moments in rows before this one.
        most : int
            So many for each asked, the nearest.

        Returns
        -------
        Near
            ``asked`` is a number in `cameras`, ``found`` a row, ``measured`` seconds.
        """
        found, keys = [], self._alike.keys
        for start in range(0, len(cameras), _ASKED):
            part = slice(start, start + _ASKED)
            wanted = _key(cameras[part], seconds[part])
            begins = np.searchsorted(keys, wanted - self.window, "left")
            ends = np.searchsorted(keys, wanted + self.window, "right")
            places, of = expand_ranges(begins, ends - begins)
            apart = np.abs(keys[places] - wanted[of]).astype(np.float32)
            near = self._alike.latest(CandidatePairs(of, places, apart), before[part], most)
            found.append(CandidatePairs(near.asked + start, near.found, near.measured))
        return CandidatePairs.joined(found)


def _key(cameras: npt.NDArray[np.int64], seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return cameras * _SPAN + seconds
