"""Focus maps, and photos of one subject that are focused on different parts.

One number for a photo prefers a sharp background to a sharp face: foliage has more detail than
skin. Of two shots of one scene, each part can be compared with the same part of the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from safelight.duplicates.keeper.picture_data import PictureData
    from safelight.library.photo_facts import PhotoFacts

    #: The mean gradient energy of tiles, as the focus score has it in its details.
    FocusMap = npt.NDArray[np.float64]

# A part is sharper than the same part of another shot if its energy is so many times as large: a
# blur of two pixels takes away three quarters and more. Two of 64 parts have to be.
_SHARPER = 2.0
_LEAST_TILES = 2

# Less than this share of the sharpest part's energy is not detail: sky, or out of focus anyway.
_DETAIL = 0.02
_LEAST_ENERGY = 40.0

#: Tiles across, and tiles down.
GRID = 8

_ROWS = ("top", "middle", "bottom")
_COLUMNS = ("left", "middle", "right")


def choose_by_focus(
    ranked: Sequence[PhotoFacts],
    maps: Mapping[str, FocusMap],
    pictures: Mapping[str, PictureData],
) -> tuple[PhotoFacts, str, bool]:
    """Choose the shot that no other is sharper than, where they differ.

    Parameters
    ----------
    ranked : sequence of PhotoFacts
        The best by their scores first.
    maps : mapping
        By photo id; what is not known is not compared.
    pictures : mapping
        By photo id: where cameras say that the subject is; there alone it counts then.

    Returns
    -------
    PhotoFacts, str, bool
        The shot; where it is sharper than the others, in words, or where which of them is; and
        False if there is no such shot, because their focus lies in different places.
    """
    best, told = ranked[0], ""
    for other in ranked[1:]:
        here, there = _differences(best, other, maps, pictures)
        if here.any() and not there.any():
            told = told or where(here)
        elif there.any() and not here.any():
            best, told = other, where(there)
    for other in ranked:
        here, there = _differences(best, other, maps, pictures)
        if other is not best and there.any():
            name, rival = (_name(photo) for photo in (best, other))
            told = f"{name} is sharper {where(here)}, {rival} {where(there)}"
            if not here.any():
                told = f"{rival} is sharper {where(there)} than {name}, but not than the others"
            elif where(here) == where(there):
                told = f"{name} and {rival} are each sharper in parts {where(here)}"
            return best, f"the focus lies in different places: {told}; none is chosen", False
    return best, told, True


def _differences(
    a: PhotoFacts,
    b: PhotoFacts,
    maps: Mapping[str, FocusMap],
    pictures: Mapping[str, PictureData],
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return the tiles in which each of two shots is the sharper one, as far as that counts."""
    nowhere = np.zeros((GRID, GRID), bool)
    if a.id not in maps or b.id not in maps or (a.width, a.height) != (b.width, b.height):
        return nowhere, nowhere
    here, there = sharper(maps[a.id], maps[b.id])
    subject = subject_tiles(a, pictures) | subject_tiles(b, pictures)
    if subject.any():
        # Where one focused on a part that the other did not, that part alone tells little.
        return here & subject, there & subject
    return tuple(tiles if tiles.sum() >= _LEAST_TILES else nowhere for tiles in (here, there))  # type: ignore[return-value]


def sharper(a: FocusMap, b: FocusMap) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return where each of two shots is clearly sharper than the other."""
    detail = max(_LEAST_ENERGY, _DETAIL * float(max(a.max(), b.max())))
    return (a >= detail) & (a >= _SHARPER * b), (b >= detail) & (b >= _SHARPER * a)


def subject_tiles(
    photo: PhotoFacts, pictures: Mapping[str, PictureData], grid: int = GRID
) -> npt.NDArray[np.bool_]:
    """Return the tiles in which the camera says that the subject is; none if it does not."""
    tiles = np.zeros((grid, grid), bool)
    known = pictures.get(photo.id)
    if known is None or known.subject is None:
        return tiles
    left, top, width, height = _upright(known.subject, int(photo.exif.get("orientation", 1)))
    x0, x1 = (min(grid - 1, max(0, int(at * grid))) for at in (left, left + width - 1e-9))
    y0, y1 = (min(grid - 1, max(0, int(at * grid))) for at in (top, top + height - 1e-9))
    tiles[y0 : max(y0, y1) + 1, x0 : max(x0, x1) + 1] = True
    return tiles


def _upright(
    area: tuple[float, float, float, float], orientation: int
) -> tuple[float, float, float, float]:
    """Return an area of the stored picture as it lies in the upright one, by EXIF orientation."""
    left, top, width, height = area
    if orientation in (5, 6, 7, 8):
        left, top, width, height = top, left, height, width
    if orientation in (2, 3, 6, 7):
        left = 1 - left - width
    if orientation in (3, 4, 7, 8):
        top = 1 - top - height
    return left, top, width, height


def where(tiles: npt.NDArray[np.bool_]) -> str:
    """Return the part of a picture that tiles lie in, in words."""
    rows, columns = np.nonzero(tiles)
    down = _ROWS[min(2, int(3 * (rows.mean() + 0.5) / tiles.shape[0]))]
    across = _COLUMNS[min(2, int(3 * (columns.mean() + 0.5) / tiles.shape[1]))]
    if down == across:
        within = np.s_[tiles.shape[0] // 4 : -(tiles.shape[0] // 4)]
        is_ring = np.count_nonzero(tiles[within, within]) < rows.size / 2
        return "around the middle" if is_ring else "in the middle"
    if across == "middle":
        return f"at the {down}"
    return f"on the {across}" if down == "middle" else f"at the {down} {across}"


def _name(photo: PhotoFacts) -> str:
    from safelight.duplicates.keeper.explain import called

    return called(photo)
