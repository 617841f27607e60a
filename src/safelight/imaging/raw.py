"""Camera RAW files: their embedded preview, which is what the camera itself showed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.errors import DecodeError
from safelight.imaging.formats import available_extras

if TYPE_CHECKING:
    from PIL import Image

_DNG_VERSION, _SUBFILE_TYPE, _COMPRESSION, _PHOTOMETRIC, _MAKE = 50706, 254, 259, 262, 271

_SENSOR_PIXELS = 32803  # one colour a pixel, not yet interpolated

#: What only sensor data are compressed with: Sony, Nikon, Kodak and Pentax.
_SENSOR_CODECS = frozenset((32767, 34713, 65000, 65535))

#: LibRaw's flip to EXIF orientation.
_FLIPS = {0: 1, 3: 3, 5: 8, 6: 6}


@dataclass(frozen=True, slots=True)
class Preview:
    """The preview of a RAW file.

    Attributes
    ----------
    image : bytes or PIL image
        A JPEG file, or decoded pixels.
    orientation : int
        EXIF orientation of the sensor's pixels.
    width, height : int
        Of the sensor's picture, not upright.
    """

    image: bytes | Image.Image
    orientation: int
    width: int
    height: int


def is_raw_tiff(data: bytes) -> bool:
    """Tell whether what begins as a TIFF is a camera RAW file: DNG, CR2, NEF, ARW, PEF, ..."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    if data[8:10] == b"CR":
        return True
    try:
        tags = ImageFileDirectory_v2(data[:8])
        file = io.BytesIO(data)
        file.seek(tags.next)
        tags.load(file)
        if _DNG_VERSION in tags or tags.get(_PHOTOMETRIC) == _SENSOR_PIXELS:
            return True
        if tags.get(_COMPRESSION) in _SENSOR_CODECS:
            return True
        # Cameras put a thumbnail first; editors put the picture first.
        return tags.get(_SUBFILE_TYPE) == 1 and _MAKE in tags
    except Exception:  # noqa: BLE001 - damaged: the TIFF decoder will say how
        return False


def extract_preview(data: bytes) -> Preview:
    """Return the embedded preview of a RAW file.

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
    from PIL import Image

    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            thumb = raw.extract_thumb()
            sizes = raw.sizes
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError) as exc:
        raise DecodeError(
            "is a camera RAW file without an embedded preview; export it as JPEG",
            code="no-preview",
        ) from exc
    except rawpy.LibRawError as exc:
        raise DecodeError(f"is a camera RAW file that cannot be read ({exc})") from exc
    pixels = thumb.data
    image = pixels if isinstance(pixels, bytes) else Image.fromarray(pixels)
    return Preview(image, _FLIPS.get(sizes.flip, 1), sizes.width, sizes.height)
