"""Media types of photo files: by their content, and by their name where cameras differ only there.

References: the IANA registry of image types; shared-mime-info for the types of camera RAW files,
which nobody registered.
"""

from __future__ import annotations

import os

from safelight.imaging.formats import sniff, sniff_unread

#: Bytes of a file that :func:`media_type` looks at.
HEAD = 512

UNKNOWN = "application/octet-stream"

_BY_FORMAT = {
    "AVIF": "image/avif",
    "BMP": "image/bmp",
    "GIF": "image/gif",
    "HEIF": "image/heif",
    "JPEG": "image/jpeg",
    "JPEG XL": "image/jxl",
    "JPEG2000": "image/jp2",
    "PNG": "image/png",
    "RAW": UNKNOWN,
    "TIFF": "image/tiff",
    "WEBP": "image/webp",
}

#: By the suffix of a file whose content is that of a RAW file, or of a TIFF.
_OF_CAMERAS = {
    ".3fr": "image/x-hasselblad-3fr",
    ".arw": "image/x-sony-arw",
    ".cr2": "image/x-canon-cr2",
    ".cr3": "image/x-canon-cr3",
    ".crw": "image/x-canon-crw",
    ".dcr": "image/x-kodak-dcr",
    ".dng": "image/x-adobe-dng",
    ".erf": "image/x-epson-erf",
    ".fff": "image/x-hasselblad-fff",
    ".gpr": "image/x-gopro-gpr",
    ".iiq": "image/x-phaseone-iiq",
    ".kdc": "image/x-kodak-kdc",
    ".mef": "image/x-mamiya-mef",
    ".mos": "image/x-leaf-mos",
    ".mrw": "image/x-minolta-mrw",
    ".nef": "image/x-nikon-nef",
    ".nrw": "image/x-nikon-nrw",
    ".orf": "image/x-olympus-orf",
    ".pef": "image/x-pentax-pef",
    ".raf": "image/x-fuji-raf",
    ".rw2": "image/x-panasonic-rw2",
    ".rwl": "image/x-leica-rwl",
    ".sr2": "image/x-sony-sr2",
    ".srf": "image/x-sony-srf",
    ".srw": "image/x-samsung-srw",
    ".x3f": "image/x-sigma-x3f",
}

#: Of a HEIF file, by the first four letters after ``ftyp``.
_BY_BRAND = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic-sequence",
    b"hevx": "image/heic-sequence",
    b"msf1": "image/heif-sequence",
}


def media_type(head: bytes, name: str) -> str:
    """Return the media type of a photo's file.

    The content decides, so that no name makes a page of a picture. The name only tells one camera's
    RAW files from another's.

    Parameters
    ----------
    head : bytes
        The first :data:`HEAD` bytes.
    name : str
        The file's.

    Examples
    --------
    >>> media_type(bytes.fromhex("ffd8ffe0"), "holiday.html")
    'image/jpeg'
    >>> media_type(b"II*" + bytes(100), "IMG_0001.CR2")
    'image/x-canon-cr2'
    """
    form = sniff(head) or sniff_unread(head) or ""
    suffix = os.path.splitext(name)[1].lower()
    brand = head[8:12]
    if form == "HEIF":
        return _BY_BRAND.get(brand, _BY_FORMAT[form])
    if form == "AVIF" and brand == b"avis":
        return "image/avif-sequence"
    if form in ("RAW", "TIFF") or brand == b"crx ":
        return _OF_CAMERAS.get(suffix, _BY_FORMAT.get(form, UNKNOWN))
    return _BY_FORMAT.get(form, UNKNOWN)
