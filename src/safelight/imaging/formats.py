"""Photo formats, recognised by name for a listing and by content for the decoder."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec

#: File name suffixes by the extra that reads them; None: no extra is needed.
SUFFIXES: dict[str | None, frozenset[str]] = {
    None: frozenset(
        ".jpg .jpeg .jpe .jfif .pjpeg .pjp .mpo .jps .insp .png .apng .gif .bmp .dib .webp .tif "
        ".tiff .avif .avifs .jp2 .j2k .j2c .jpc .jpf .jpx".split()
    ),
    "heif": frozenset(".heic .heics .heif .heifs .hif".split()),
    "raw": frozenset(
        ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .gpr .iiq .kdc .mef .mos .mrw .nef .nrw "
        ".orf .pef .raf .rw2 .rwl .sr2 .srf .srw .x3f".split()
    ),
}

#: Suffixes of pictures that are not read: counted where they lie, so that nobody misses them.
_NOT_READ = frozenset(
    ".jxl .psd .psb .ico .icns .cur .exr .hdr .svg .svgz .tga .pcx .ppm .pgm .pbm .pnm .pfm .xcf "
    ".kra .ora .ai .eps .wmf .emf .dds .sgi .qoi .jxr .wdp .hdp .jph .jhc .flif .bpg .djvu .dpx "
    ".afphoto .fits .dcm .avci".split()
)

_ALL = frozenset().union(*SUFFIXES.values())

_PACKAGES = {"heif": "pi_heif", "raw": "rawpy"}

#: Every extra that reads a format.
EXTRAS = frozenset(_PACKAGES)

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"FUJIFILMCCD-RAW", "RAW"),  # RAF
    (b"IIRO", "RAW"),  # ORF
    (b"IIRS", "RAW"),
    (b"MMOR", "RAW"),
    (b"IIU\0", "RAW"),  # RW2
    (b"FOVb", "RAW"),  # X3F
    (b"\0MRM", "RAW"),  # MRW
)

_HEIF_BRANDS = frozenset((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"))

#: Sizes of the header that follows a BMP's first 14 bytes; "BM" alone begins many a text.
_BMP_HEADERS = frozenset((12, 16, 40, 52, 56, 64, 108, 124))

#: Formats that are told apart only to say so.
_UNREAD = (
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "Photoshop"),
    (b"\0\0\1\0", "icon"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
)


#: Files of other kinds that people find under a photo's name.
_FILM_BOXES = frozenset((b"ftyp", b"moov", b"mdat", b"wide"))
_OTHERS = (
    (b"\x1a\x45\xdf\xa3", "a film"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"PK\x03\x04", "an archive or a document (ZIP)"),
    (b"\x1f\x8b", "an archive (gzip)"),
    (b"Rar!", "an archive (RAR)"),
    (b"7z\xbc\xaf\x27\x1c", "an archive (7z)"),
)


def is_photo(name: str) -> bool:
    """Tell whether a file's name ends as a photo's does."""
    return os.path.splitext(name)[1].lower() in _ALL


def unread_kind(name: str) -> str | None:
    """Return the suffix of a file that is a picture's, but of a kind that is not read; or None."""
    suffix = os.path.splitext(name)[1].lower()
    return suffix if suffix in _NOT_READ else None


def extra_for(name: str) -> str | None:
    """Return the extra that a file of this name needs, or None."""
    suffix = os.path.splitext(name)[1].lower()
    return next((extra for extra, suffixes in SUFFIXES.items() if suffix in suffixes), None)


@cache
def available_extras() -> frozenset[str]:
    """Return the extras that are installed, without importing them."""
    return frozenset(extra for extra, package in _PACKAGES.items() if find_spec(package))


def sniff(data: bytes) -> str | None:
    """Return the format that `data` begins like, or None if no image does.

    ``JPEG``, ``JPEG2000``, ``PNG``, ``GIF``, ``BMP``, ``WEBP``, ``TIFF``, ``AVIF``, ``HEIF`` or
    ``RAW``. A camera
    RAW file that is built as a TIFF begins like one; see :mod:`safelight.imaging.containers.raw`.
    """
    for magic, form in _MAGIC:
        if data.startswith(magic):
            return form
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[6:14] == b"HEAPCCDR":  # CRW
        return "RAW"
    if data[4:8] == b"ftyp":
        return _from_brands(data)
    return None


def sniff_unread(data: bytes) -> str | None:
    """Return the name of an image format that is known but not read, or None."""
    return next((name for magic, name in _UNREAD if data.startswith(magic)), None)


def sniff_other(data: bytes) -> str | None:
    """Return the kind of a file that is not a photo despite its name, or None."""
    head = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith(b"<svg") or (head.startswith((b"<?xml", b"<!--")) and b"<svg" in head):
        return "a drawing (SVG)"
    if head.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if data[4:8] in _FILM_BOXES or (data[:4] == b"RIFF" and data[8:12] == b"AVI "):
        return "a film"
    return next((name for magic, name in _OTHERS if data.startswith(magic)), None)


def _from_brands(data: bytes) -> str | None:
    size = min(int.from_bytes(data[:4], "big"), 256)
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, size, 4))]
    if b"avif" in brands or b"avis" in brands:
        return "AVIF"
    if b"crx " in brands:
        return "RAW"  # CR3
    return "HEIF" if _HEIF_BRANDS.intersection(brands) else None
