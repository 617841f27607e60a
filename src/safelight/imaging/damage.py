"""Decoding failures, in words for people and as codes for programs."""

from __future__ import annotations

from safelight.errors import DecodeError
from safelight.imaging.containers.heif import file_end
from safelight.imaging.containers.jpeg import passes, picture_end, segments
from safelight.imaging.formats import sniff_other, sniff_unread

#: Messages of Pillow and libheif about whole files of a kind that they do not support.
_UNKNOWN_KIND = (
    "unknown pixel mode",
    "unknown data organization",
    "Unsupported BMP",
    "has not been built in",
)

#: The way out for whoever runs safelight on this machine; others have to be told another.
RAISE_LIMIT = "if it is what it says, raise SAFELIGHT_PIXEL_LIMIT and ingest with --retry-failed"

#: Scans of a progressive JPEG that give no reason for doubt; and pixels times scans beyond that.
_USUAL_PASSES, _MOST_PASSED = 100, 2_000_000_000

_COPY_AGAIN = "copy it again from where it came from"

#: Zero bytes at the end that no encoder writes: a copy that was given its size but not its data.
_PADDING = 64


def no_image(data: bytes) -> DecodeError:
    """Return the error for bytes that begin as no photo does."""
    if not data:
        return DecodeError("is empty: it has no bytes", code="empty")
    known = sniff_unread(data)
    if known is not None:
        article = "an" if known[0] in "Oi" else "a"
        return DecodeError(
            f"is {article} {known} file, which safelight does not read; save it as JPEG or PNG",
            code="unsupported",
        )
    other = sniff_other(data)
    if other is not None:
        return DecodeError(f"is not a photo but {other}, whatever its name", code="not-an-image")
    if not data.strip(b"\0"):
        return DecodeError(f"is nothing but zero bytes; {_COPY_AGAIN}", code="not-an-image")
    return DecodeError("is not an image: no image format begins like this", code="not-an-image")


def check_size(size: tuple[int, int], max_pixels: int) -> None:
    """Raise the error for a photo of more pixels than the limit, or of none."""
    width, height = size
    if width < 1 or height < 1:
        raise DecodeError(f"is damaged: it has no pixels ({width} x {height})")
    if width * height > max_pixels:
        raise DecodeError(
            f"has {width} x {height} pixels, more than the limit of {max_pixels:,}; {RAISE_LIMIT}",
            code="too-large",
            width=width,
            height=height,
        )


def check_passes(data: bytes, size: tuple[int, int]) -> None:
    """Raise the error for a progressive JPEG that takes minutes to decode, whatever its size.

    Encoders write some ten scans, the keenest some sixty. Each goes over all of the picture, and
    one of a few bytes takes as long as any other.
    """
    count = passes(data)
    if count > _USUAL_PASSES and count * size[0] * size[1] > _MOST_PASSED:
        raise DecodeError(
            f"has {count:,} scans, each of which goes over all of its {size[0]} x {size[1]} "
            "pixels; no camera or program writes that",
            code="too-large",
            width=size[0],
            height=size[1],
        )


def explain(data: bytes, form: str, error: Exception) -> DecodeError:
    """Return the error to raise for a decoder's error on a file that begins as `form` does."""
    from PIL.Image import DecompressionBombError

    if isinstance(error, MemoryError):
        return DecodeError("needs more memory to decode than there is", code="too-large")
    if isinstance(error, DecompressionBombError):
        from PIL.Image import MAX_IMAGE_PIXELS

        most = f" (more than {2 * MAX_IMAGE_PIXELS:,})" if MAX_IMAGE_PIXELS else ""
        return DecodeError(
            f"has more pixels than the {form} decoder accepts{most}; make it smaller, or save it "
            "as JPEG or PNG",
            code="too-large",
        )
    if any(words in str(error) for words in _UNKNOWN_KIND) or _is_rare_jpeg(data, form):
        return DecodeError(
            f"is a {form} file of a kind that safelight does not read ({error}); "
            "save it as JPEG or PNG",
            code="unsupported",
        )
    text = str(error).strip().rstrip(".")
    if "truncated" in text.lower() or ends_early(data, form):
        return truncated(form)
    detail = f" ({text})" if text else ""
    return DecodeError(f"is damaged: its {form} data cannot be decoded{detail}; {_COPY_AGAIN}")


def _is_rare_jpeg(data: bytes, form: str) -> bool:
    """Tell whether a JPEG is of a kind for medicine and archives: 12 bits, or without loss."""
    if form != "JPEG":
        return False
    parsed = segments(data)
    return parsed.lossless or parsed.precision > 8


def truncated(form: str) -> DecodeError:
    """Return the error for a file that ends too early."""
    return DecodeError(
        f"is truncated: its {form} data end too early; {_COPY_AGAIN}", code="truncated"
    )


def is_hollow(data: bytes) -> bool:
    """Tell whether a JPEG's scan runs into zeros, which decode to grey without an error."""
    if data[-_PADDING:].strip(b"\0"):
        return False
    return picture_end(data, segments(data).scan) is None


def ends_early(data: bytes, form: str) -> bool:
    """Tell whether a container says that it is longer than it is."""
    if form == "WEBP":
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    if form in ("AVIF", "HEIF"):
        return file_end(data) > len(data)
    return len(data) < 64
