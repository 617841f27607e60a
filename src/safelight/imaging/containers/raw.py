"""Camera RAW files: their embedded preview, as the camera itself showed it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.errors import DecodeError
from safelight.imaging.formats import available_extras

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

_SUBFILE_TYPE, _COMPRESSION, _PHOTOMETRIC, _MAKE = 254, 259, 262, 271
_SUB_IFDS, _DNG_VERSION = 330, 50706

#: What only sensor data are compressed with: Sony, Nikon, Kodak and Pentax.
_SENSOR_CODECS = frozenset((32767, 34713, 65000, 65535))

#: A colour filter array, and what is left of one after demosaicing.
_SENSOR_COLOURS = frozenset((32803, 34892))

#: LibRaw's flip to EXIF orientation.
_ORIENTATIONS = {0: 1, 1: 2, 2: 4, 3: 3, 4: 5, 5: 8, 6: 6, 7: 7}


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """The largest preview that a RAW file holds.

    Attributes
    ----------
    image : bytes or (h, w, 3) uint8
        A JPEG file, or pixels.
    orientation : int
        EXIF orientation of the sensor's picture.
    size : (int, int)
        Width and height of the sensor's picture, not upright.
    """

    image: bytes | npt.NDArray[np.uint8]
    orientation: int
    size: tuple[int, int]


def is_raw_tiff(data: bytes) -> bool:
    """Tell whether a file that begins as a TIFF is a camera RAW: DNG, CR2, NEF, ARW, PEF, ..."""
    if data[8:10] == b"CR" or data[8:12] == b"IIII":  # Canon, Phase One
        return True
    tags = _first_tags(data)
    if _DNG_VERSION in tags or tags.get(_COMPRESSION) in _SENSOR_CODECS:
        return True
    if tags.get(_PHOTOMETRIC) in _SENSOR_COLOURS:
        return True
    # Cameras put a thumbnail first and the sensor's data into a sub-IFD; editors the picture first.
    return tags.get(_SUBFILE_TYPE) == 1 and _MAKE in tags and _SUB_IFDS in tags


def _first_tags(data: bytes) -> Mapping[int, Any]:
    # Not by opening it: Pillow refuses a TIFF with pixels that it does not know.
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    try:
        tags = ImageFileDirectory_v2(data[:8])
        file = io.BytesIO(data)
        file.seek(tags.next)
        tags.load(file)
        return {tag: tags.get(tag) for tag in tags}
    except Exception:  # noqa: BLE001 - damaged in any of many ways; the decoder says which
        return {}


def extract_preview(data: bytes) -> Preview | None:
    """Return the embedded preview of a RAW file; None if it turns out to be no RAW file.

    Raises
    ------
    DecodeError
        The extra is not installed, the file is damaged, or it has no preview.
    """
    if "raw" not in available_extras():
        raise DecodeError(
            "is a camera RAW file, for which pip install 'safelight[raw]' is needed",
            code="missing-extra",
        )
    import rawpy

    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            sizes = raw.sizes
            preview = raw.extract_thumb().data
    except rawpy.LibRawFileUnsupportedError:
        return None
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError) as exc:
        raise DecodeError(
            "is a camera RAW file without an embedded preview; export it as JPEG",
            code="no-preview",
        ) from exc
    return Preview(preview, _ORIENTATIONS.get(sizes.flip, 1), (sizes.width, sizes.height))
