"""Photos around a point, by great-circle distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safelight.library.key_sets import kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from safelight.library.database import Database
    from safelight.library.expression import Circle

#: Mean radius of the earth, in kilometres (IUGG).
EARTH = 6371.0088

#: From as many in a box, all points of the library are read, once.
_FEW = 2000

_KILOMETRES_A_DEGREE = EARTH * np.pi / 180


def items_near(library: Database, circle: Circle) -> npt.NDArray[np.int64]:
    """Return the keys of items within a circle."""
    reach = circle.kilometres / _KILOMETRES_A_DEGREE + 1e-6
    south, north = circle.latitude - reach, circle.latitude + reach
    condition, values = "latitude BETWEEN ? AND ?", [south, north]
    if south > -89 and north < 89:
        # Meridians are nearest to each other at the end of the box that is closer to a pole.
        wide = reach / np.cos(np.radians(max(abs(south), abs(north))))
        west, east = circle.longitude - wide, circle.longitude + wide
        if west >= -180 and east <= 180:
            condition += " AND longitude BETWEEN ? AND ?"
            values += [west, east]
    condition += " AND longitude IS NOT NULL"
    (few,) = library.connection.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM items WHERE {condition} LIMIT {_FEW})", values
    ).fetchone()
    if few == _FEW:
        table = kept(library, "points", lambda: _points(library, "latitude IS NOT NULL", []))
    else:
        table = _points(library, condition, values)
    near = distances(circle.latitude, circle.longitude, table[:, 1], table[:, 2])
    found: npt.NDArray[np.int64] = table[near <= circle.kilometres, 0].astype(np.int64)
    return found


def _points(library: Database, condition: str, values: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return key, latitude and longitude of items, (n, 3)."""
    (text,) = library.connection.execute(
        # One text of all numbers: rows take three times as long to fetch.
        "SELECT group_concat(pk || ',' || latitude || ',' || longitude) FROM items "
        f"WHERE {condition}",
        values,
    ).fetchone()
    if text is None:
        return np.empty((0, 3))
    return np.fromstring(text, np.float64, sep=",").reshape(-1, 3)


def distances(
    latitude: float,
    longitude: float,
    latitudes: npt.NDArray[np.float64],
    longitudes: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the distances of points from one point, in kilometres (haversine)."""
    a, b = np.radians(latitude), np.radians(latitudes)
    across = np.radians(longitudes - longitude)
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(across / 2) ** 2
    found: npt.NDArray[np.float64] = 2 * EARTH * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return found
