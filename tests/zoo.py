"""Odd files: all that may lie under a photo's name, made on the spot."""

from __future__ import annotations

import contextlib
import io
import os
import random
import socket
import struct
import sys
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, PngImagePlugin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: The plain photo among them, of which every entry has to make what it always does.
GOOD = "good.jpg"


@cache
def contents() -> dict[str, bytes]:
    """The bytes of odd files, by name; the first is a plain photo."""
    found = {GOOD: _saved(_pixels(96, 64), "JPEG")}
    found |= _nonsense()
    found |= _shapes()
    found |= _broken()
    found |= _claims()
    found |= _exif_loops()
    found |= _png_chunks()
    found |= _animations()
    return found


@contextlib.contextmanager
def odd_paths(folder: Path) -> Iterator[dict[str, str]]:
    """Make what is odd by its path, kind, rights or times; by a name for people."""
    folder.mkdir(parents=True, exist_ok=True)
    good = contents()[GOOD]
    made: dict[str, str] = {}

    def put(what: str, name: str | bytes, data: bytes | None = good) -> str | None:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        try:
            if data is not None:
                with open(path, "wb") as file:
                    file.write(data + what.encode())  # behind the picture: each is another photo
        except OSError:  # not a name that this system knows
            return None
        made[what] = os.fsdecode(path)
        return made[what]

    put("newline", "new\nline.jpg")
    put("escape", "esc\x1b[31m\x07.jpg")
    put("right to left", "a\u202egpj.exe.jpg")
    put("not UTF-8", b"caf\xe9\xff.jpg")
    put("half a character", "a\udc80b.jpg")
    put("long", "l" * 251 + ".jpg")
    put("dash", "--help.jpg")
    put("quotes", "a'\"`$(x);&.jpg")
    put("blanks", "  .jpg ")
    put("only an ending", ".jpg")
    put("emoji", "\U0001f600 \u0645.JPG")
    put("hash", "a#b?c%00.jpg")
    (folder / "folder.jpg").mkdir()
    made["folder"] = str(folder / "folder.jpg")
    if path := put("sparse, 10 GB", "sparse.jpg"):
        with open(path, "r+b") as file:
            file.truncate(10 * 1024**3)
    if path := put("sparse, not an image", "zeros.jpg", b""):
        with open(path, "r+b") as file:
            file.truncate(1024**3)
    for number, moment in enumerate((2**63 + 10**9, -(10**18), 0, 253402300800 * 10**9)):
        if path := put(f"time {moment}", f"time {number}.jpg"):
            with contextlib.suppress(OSError, OverflowError):
                os.utime(path, ns=(moment, moment))
    if sys.platform != "win32":
        os.symlink("nowhere.jpg", folder / "dangling.jpg")
        os.symlink("loop.jpg", folder / "loop.jpg")
        for name, target in (
            ("zero.jpg", "/dev/zero"), ("random.jpg", "/dev/urandom"), ("tty.jpg", "/dev/tty"),
            ("stdin.jpg", "/dev/stdin"), ("status.jpg", "/proc/self/status"),
            ("kernel.jpg", "/proc/kmsg"), ("memory.jpg", "/proc/self/mem"),
        ):  # fmt: skip
            os.symlink(target, folder / name)
        os.mkfifo(folder / "pipe.jpg")
        for name in (
            "dangling", "loop", "zero", "random", "tty", "stdin", "status", "kernel", "memory",
            "pipe",
        ):  # fmt: skip
            made[name] = str(folder / f"{name}.jpg")
        if path := put("unreadable", "unreadable.jpg"):
            os.chmod(path, 0)
        # Sidecars beside a plain photo.
        for name in ("piped", "endless"):
            put(f"sidecar {name}", f"{name}.jpg")
        os.mkfifo(folder / "piped.jpg.xmp")
        os.symlink("/dev/zero", folder / "endless.jpg.xmp")
    with socket.socket(getattr(socket, "AF_UNIX", socket.AF_INET)) as bound:
        if sys.platform != "win32":
            here = os.getcwd()
            try:
                os.chdir(folder)  # a socket's path may have a hundred bytes only
                bound.bind("socket.jpg")
            finally:
                os.chdir(here)
            made["socket"] = str(folder / "socket.jpg")
        yield made


def write(folder: Path, step: int = 1) -> dict[str, str]:
    """Write :func:`contents`, or one in `step` of them, and return the paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [*contents()][::step]
    for name in names:
        (folder / name).write_bytes(contents()[name])
    return {name: str(folder / name) for name in names}


#: What can be no path, or leads nowhere.
NO_PATHS: tuple[Any, ...] = (
    "", "a\0b.jpg", "\0", "x" * 5000, "/" + "y/" * 3000, "\ud800.jpg", ".", "/", "/nowhere/a.jpg",
)  # fmt: skip


def _pixels(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(width * 7919 + height).integers(0, 60, (height, width))
    return np.stack([(x * 5 + noise) % 256, (y * 3) % 256, (x + y + noise) % 256], -1).astype(
        np.uint8
    )


def _saved(pixels: Any, form: str, **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def _each_format() -> dict[str, bytes]:
    pixels = _pixels(48, 40)
    found = {
        form.lower(): _saved(pixels, form) for form in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP")
    }
    with contextlib.suppress(KeyError, OSError):
        found["avif"] = _saved(pixels, "AVIF")
    return found


def _nonsense() -> dict[str, bytes]:
    return {
        "empty.jpg": b"",
        "one byte.jpg": b"\xff",
        "zeros.png": bytes(5000),
        "text.jpg": b"This is not a photo.\n" * 50,
        "page.jpg": b"<!doctype html><title>404</title>" * 9,
        "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "archive.jpg": b"PK\x03\x04" + bytes(400),
        "document.jpg": b"%PDF-1.7\n" + bytes(400),
        "noise.jpg": random.Random(1).randbytes(3000),
        "raw.dng": b"II*\0\x08\0\0\0" + random.Random(2).randbytes(2000),
        "raw.cr2": b"II*\0\x10\0\0\0CR\x02\0" + random.Random(3).randbytes(2000),
        "raw.raf": b"FUJIFILMCCD-RAW 0201" + random.Random(4).randbytes(2000),
        "raw.orf": b"IIRO" + random.Random(5).randbytes(2000),
        "stub.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + random.Random(6).randbytes(900),
        "stub.avif": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + random.Random(7).randbytes(900),
        "magic.jpg": b"\xff\xd8\xff",
        "magic.png": b"\x89PNG\r\n\x1a\n",
        "magic.gif": b"GIF89a",
        "magic.webp": b"RIFF\xff\xff\xff\xffWEBP",
        "magic.bmp": b"BM" + bytes(12) + b"\x28\0\0\0" + b"\xff" * 60,
    }


def _shapes() -> dict[str, bytes]:
    sizes = (
        (1, 1), (1, 2), (2, 1), (3, 3), (7, 9), (15, 300), (1, 300), (300, 1), (1, 40_000),
        (40_000, 1), (2, 30_000), (20_000, 3), (16, 1100), (1100, 16),
    )  # fmt: skip
    found = {f"{w}x{h}.png": _saved(_pixels(w, h), "PNG") for w, h in sizes}
    found |= {f"{w}x{h}.jpg": _saved(_pixels(w, h), "JPEG") for w, h in sizes[:7]}
    for name, colour in (("black", 0), ("grey", 128), ("white", 255)):
        found[f"{name}.png"] = _saved(np.full((64, 80, 3), colour, np.uint8), "PNG")
    found["white.jpg"] = _saved(np.full((64, 80, 3), 255, np.uint8), "JPEG")
    found["white 1x1.gif"] = _saved(np.full((1, 1), 255, np.uint8), "GIF")
    clear = np.zeros((40, 40, 4), np.uint8)
    found["clear.png"] = _saved(clear, "PNG")
    found["16 bit.png"] = _saved(
        Image.fromarray(np.arange(1600, dtype=np.uint16).reshape(40, 40)), "PNG"
    )
    found["1 bit.png"] = _saved(Image.new("1", (33, 17), 1), "PNG")
    found["palette.png"] = _saved(Image.fromarray(_pixels(40, 40)).quantize(3), "PNG")
    found["cmyk.jpg"] = _saved(Image.fromarray(_pixels(40, 40)).convert("CMYK"), "JPEG")
    found["float.tiff"] = _saved(Image.fromarray(np.full((30, 30), np.nan, np.float32)), "TIFF")
    return found


def _broken() -> dict[str, bytes]:
    found = {}
    for form, data in _each_format().items():
        for share in (0.02, 0.3, 0.9):
            found[f"cut {share}.{form}"] = data[: max(3, int(len(data) * share))]
        for seed in range(4):
            chance, mutated = random.Random(f"{form}{seed}"), bytearray(data)
            for _ in range(6):
                mutated[chance.randrange(min(len(data), 200 * (seed + 1)))] = chance.randrange(256)
            found[f"mutated {seed}.{form}"] = bytes(mutated)
        found[f"twice.{form}"] = data + data
        found[f"misnamed {form}.jpg"] = data
        found[f"hollow.{form}"] = data[: len(data) // 2] + bytes(len(data))
    return found


def _claims() -> dict[str, bytes]:
    """Files that claim many more pixels than they have."""
    png = bytearray(_each_format()["png"])
    png[16:24] = struct.pack(">II", 2**31 - 1, 2**31 - 1)
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    wide = bytearray(_each_format()["png"])
    wide[16:24] = struct.pack(">II", 14_000, 14_000)
    wide[29:33] = struct.pack(">I", zlib.crc32(wide[12:29]))
    jpeg = bytearray(_each_format()["jpeg"])
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = b"\xff\xff\xff\xff"
    none = bytearray(_each_format()["jpeg"])
    none[at : at + 4] = bytes(4)
    gif = bytearray(_each_format()["gif"])
    gif[6:10] = b"\xff\xff\xff\xff"
    bmp = bytearray(_each_format()["bmp"])
    bmp[18:26] = struct.pack("<ii", 2**30, -(2**31))
    return {
        "claims 2 billion.png": bytes(png),
        "claims 196 million.png": bytes(wide),
        "claims 65535.jpg": bytes(jpeg),
        "claims nothing.jpg": bytes(none),
        "claims 65535.gif": bytes(gif),
        "claims 2 billion.bmp": bytes(bmp),
    }


def _tiff(entries: list[tuple[int, int, int, int]], next_ifd: int, tail: bytes = b"") -> bytes:
    body = struct.pack("<H", len(entries))
    body += b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + body + struct.pack("<I", next_ifd) + tail


def _exif_loops() -> dict[str, bytes]:
    """EXIF data that lead back to themselves, out of the file, or on and on."""
    exif, gps, inner = 0x8769, 0x8825, 0xA005
    many = b"".join(
        struct.pack("<HHHIII", 1, 0x010F, 2, 4, 0x41414141, 8 + 18 * (n + 1)) for n in range(3000)
    )
    tiffs = {
        "itself": _tiff([(0x010F, 2, 4, 0x00414141)], 8),
        "exif itself": _tiff([(exif, 4, 1, 8), (gps, 4, 1, 8), (inner, 4, 1, 8)], 8),
        "outside": _tiff([(exif, 4, 1, 2**32 - 2), (gps, 4, 1, 2**31)], 2**32 - 1),
        "counts": _tiff([(0x010F, 2, 2**32 - 1, 8), (0x9003, 5, 2**31, 8)], 0),
        "types": _tiff([(0x010F, 99, 5, 8), (0x0112, 12, 3, 20), (exif, 2, 4, 8)], 0),
        "pages": b"II*\0\x08\0\0\0" + many,
    }
    plain = _each_format()["jpeg"]
    found = {}
    for name, tiff in tiffs.items():
        segment = b"Exif\0\0" + tiff[:60_000]
        found[f"exif {name}.jpg"] = (
            plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]
        )
        found[f"{name}.tiff"] = tiff
    deep = b"<a>" * 15_000
    for name, packet in (
        ("deep", deep),
        ("entities", b'<!DOCTYPE a [<!ENTITY a "' + b"x" * 999 + b'">]><a>' + b"&a;" * 9999),
        ("nonsense", b"\0\xff" * 2000),
    ):
        segment = b"http://ns.adobe.com/xap/1.0/\0" + packet
        found[f"xmp {name}.jpg"] = (
            plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]
        )
    return found


def _png_chunks() -> dict[str, bytes]:
    """Text and profiles that unpack to a hundred times their size."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * 3_000_000, zip=True)
    pixels = _pixels(40, 40)
    plain = _saved(pixels, "PNG")

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return plain[:33] + struct.pack(">I", len(data)) + kind + data + checksum + plain[33:]

    none = b"\0\0\0\0tEXt" + struct.pack(">I", zlib.crc32(b"tEXt"))
    bomb = zlib.compress(bytes(20_000_000), 9)
    return {
        "text.png": _saved(pixels, "PNG", pnginfo=text),
        "text bomb.png": chunk(b"zTXt", b"Comment\0\0" + bomb),
        "international bomb.png": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb),
        "profile bomb.png": chunk(b"iCCP", b"icc\0\0" + bomb),
        "exif.png": chunk(b"eXIf", b"II*\0\x08\0\0\0\xff\xff" + bytes(50)),
        "long chunk.png": plain[:33] + b"\x7f\xff\xff\xfftEXt" + plain[33:],
        "many chunks.png": plain[:33] + none * 20_000 + plain[33:],
    }


def _animations() -> dict[str, bytes]:
    frames = [Image.fromarray(_pixels(30 + n, 20).copy()[:, :30]) for n in range(4)]
    found = {}
    for form in ("GIF", "WEBP", "PNG", "TIFF"):
        found[f"film.{form.lower()}"] = _saved(
            frames[0], form, save_all=True, append_images=frames[1:]
        )
    return found
