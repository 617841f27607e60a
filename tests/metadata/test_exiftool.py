"""Dates, cameras, exposures and places are those that exiftool reads from the same files."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin

from safelight.errors import DecodeError
from safelight.imaging.header import read_header

if TYPE_CHECKING:
    from pathlib import Path

    from safelight.types import Exif

pytestmark = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is missing")

Rational = TiffImagePlugin.IFDRational

#: Our field, and the tags of exiftool that say it, the first that is there.
FIELDS = {
    "camera_make": ("IFD0:Make", "XMP-tiff:Make"),
    "camera_model": ("IFD0:Model", "XMP-tiff:Model"),
    "lens": ("ExifIFD:LensModel", "XMP-exifEX:LensModel", "XMP-aux:Lens"),
    "exposure_time": ("ExifIFD:ExposureTime", "IFD0:ExposureTime", "XMP-exif:ExposureTime"),
    "f_number": ("ExifIFD:FNumber", "IFD0:FNumber", "XMP-exif:FNumber"),
    "iso": ("ExifIFD:ISO", "IFD0:ISO", "XMP-exif:ISO", "XMP-exifEX:PhotographicSensitivity"),
    "focal_length": ("ExifIFD:FocalLength", "IFD0:FocalLength", "XMP-exif:FocalLength"),
    "latitude": ("Composite:GPSLatitude", "XMP-exif:GPSLatitude"),
    "longitude": ("Composite:GPSLongitude", "XMP-exif:GPSLongitude"),
    "altitude": ("Composite:GPSAltitude",),
    "taken_at": (
        "ExifIFD:DateTimeOriginal", "IFD0:DateTimeOriginal", "ExifIFD:CreateDate",
        "XMP-exif:DateTimeOriginal", "XMP-photoshop:DateCreated", "XMP-xmp:CreateDate",
        "Composite:DateTimeCreated",
    ),
}  # fmt: skip


def _of_exiftool(files: list[Path]) -> dict[str, dict[str, Any]]:
    """Fields that exiftool reads, by path; one process for all files."""
    command = ["exiftool", "-json", "-n", "-G1", "-charset", "filename=utf8", "-@", "-"]
    names = "\n".join(map(str, files))
    done = subprocess.run(command, input=names, capture_output=True, text=True, check=False)
    return {each["SourceFile"]: each for each in json.loads(done.stdout)}


def _is_same(field: str, ours: Any, theirs: Any) -> bool:
    if field == "taken_at":
        wanted = re.sub(r"(\d{4}).(\d\d).(\d\d)[ T]+([\d:]{5,8}).*", r"\1-\2-\3T\4", str(theirs))
        return ours is not None and ours.startswith(wanted)
    if isinstance(ours, float | int):
        try:
            return abs(ours - float(theirs)) <= 2e-3 * max(abs(ours), 1e-3)
        except (TypeError, ValueError):
            return False
    return " ".join(str(ours).split()) == " ".join(str(theirs).split())


def _is_nothing(field: str, value: Any) -> bool:
    """Tell whether a value of exiftool's is one that says nothing, by our rules."""
    text = str(value).strip()
    if field == "taken_at":
        return not re.match(r"(1[89]|20)\d\d.(0[1-9]|1[0-2])", text) or text.startswith(
            "1970:01:01"
        )
    if field in ("camera_make", "camera_model", "lens"):
        return not text
    try:
        return float(value) == 0 or float(value) > 1e8
    except (TypeError, ValueError):
        return True


def _compare(files: list[Path]) -> tuple[Counter[str], Counter[str], list[str]]:
    """Numbers of shared and of equal fields, and the differences."""
    theirs_of = _of_exiftool(files)
    there, equal = Counter[str](), Counter[str]()
    different = []
    for path in files:
        try:
            ours: Exif = read_header(path.read_bytes()).exif
        except DecodeError:
            continue
        theirs = theirs_of.get(str(path), {})
        for field, tags in FIELDS.items():
            found = [
                theirs[tag] for tag in tags if tag in theirs and not _is_nothing(field, theirs[tag])
            ]
            if not found:
                continue
            there[field] += 1
            if _is_same(field, getattr(ours, field), found[0]):
                equal[field] += 1
            else:
                different.append(f"{path.name}: {field} {getattr(ours, field)!r}, not {found[0]!r}")
    return there, equal, different


def test_real_photos(real_photos: Path) -> None:
    kinds = {".jpg", ".jpeg", ".heic", ".webp", ".png", ".tif", ".tiff", ".avif"}
    camera = [
        path
        for folder in ("camera", "orientation", "variants")
        for path in sorted((real_photos / folder).rglob("*"))
        if path.suffix.lower() in kinds
    ]
    others = sorted((real_photos / "captioned").rglob("*.jpg"))
    files = [*camera, *others][:260]
    there, equal, different = _compare(files)
    print(
        f"{len(files)} files: {equal.total()} of {there.total()} fields equal", *different, sep="\n"
    )
    assert len(files) >= 200
    assert equal.total() >= 0.99 * there.total()
    assert there["taken_at"] > 30
    assert there["latitude"] > 5


def _made() -> dict[str, Image.Exif]:
    made = {}
    for number in range(12):
        exif = Image.Exif()
        exif[0x010F], exif[0x0110] = ("Canon", f"EOS {number}")
        inner = exif.get_ifd(0x8769)
        inner[0x9003] = f"20{number + 10}:0{number % 9 + 1}:11 1{number % 10}:20:30"
        inner[0x9291] = f"{number}5"
        inner[0x829A], inner[0x829D] = Rational(1, 2**number), Rational(14 + number, 10)
        inner[0x8827], inner[0x920A] = 100 * (number + 1), Rational(35 * (number + 1), 2)
        inner[0xA434] = f"Lens {number}"
        gps = exif.get_ifd(0x8825)
        gps[1], gps[3] = "NS"[number % 2], "EW"[number // 2 % 2]
        gps[2] = (Rational(number * 7), Rational(30, 1), Rational(number * 100, 33))
        gps[4] = (Rational(number * 15), Rational(5, 2), Rational(0, 1))
        gps[5], gps[6] = bytes([number % 2]), Rational(1000 + number, 3)
        made[f"camera {number}"] = exif
    return made


def test_made_photos(tmp_path: Path) -> None:
    files = []
    for name, exif in _made().items():
        for form, ending in (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("TIFF", "tif")):
            out = io.BytesIO()
            Image.new("RGB", (16, 16)).save(out, form, exif=exif)
            path = tmp_path / f"{name}.{ending}"
            path.write_bytes(out.getvalue())
            files.append(path)
    there, equal, different = _compare(files)
    assert not different
    assert there == equal
    assert there.total() > 400


def _packets() -> dict[str, str]:
    packets = {}
    for number in range(8):
        date = f"20{number + 10}-0{number + 1}-11T1{number}:20:30"
        exposed = (
            f'exif:ExposureTime="1/{2**number}" exif:FNumber="{14 + number}/10" '
            f'exif:FocalLength="{35 * (number + 1)}/2"'
        )
        speed = ("exif:ISOSpeedRatings", "exifEX:PhotographicSensitivity")[number % 2]
        value = (f"<rdf:Seq><rdf:li>{100 + number}</rdf:li></rdf:Seq>", 100 + number)[number % 2]
        iso = f"<{speed}>{value}</{speed}>"
        sides = "NS"[number % 2], "EW"[number // 2 % 2]
        place = (
            f"<exif:GPSLatitude>{number * 7},30.{number}{sides[0]}</exif:GPSLatitude>"
            f"<exif:GPSLongitude>{number * 15},2,{number}{sides[1]}</exif:GPSLongitude>"
            f"<exif:GPSAltitudeRef>{number % 2}</exif:GPSAltitudeRef>"
            f"<exif:GPSAltitude>{1000 + number}/3</exif:GPSAltitude>"
        )
        lens = ("aux:Lens", "exifEX:LensModel")[number % 2]
        name = ("exif:DateTimeOriginal", "photoshop:DateCreated", "xmp:CreateDate")[number % 3]
        packets[f"packet {number}"] = (
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
            'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
            'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
            'xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" xmlns:exifEX="http://cipa.jp/exif/1.0/" '
            'xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
            'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
            f'tiff:Make="Canon" {exposed} {name}="{date}"><tiff:Model>EOS {number}</tiff:Model>'
            f"<{lens}>Lens {number}</{lens}>{iso}{place}"
            "</rdf:Description></rdf:RDF></x:xmpmeta>"
        )
    return packets


def test_facts_that_only_xmp_has(tmp_path: Path) -> None:
    files = []
    for name, packet in _packets().items():
        told = PngImagePlugin.PngInfo()
        told.add_itxt("XML:com.adobe.xmp", packet)
        as_bytes = packet.encode()
        for form, ending, options in (
            ("JPEG", "jpg", {"xmp": as_bytes}),
            ("PNG", "png", {"pnginfo": told}),
            ("WEBP", "webp", {"xmp": as_bytes}),
            ("TIFF", "tif", {"tiffinfo": {700: as_bytes}}),
        ):
            path = tmp_path / f"{name}.{ending}"
            Image.new("RGB", (16, 16)).save(path, form, **options)
            files.append(path)
    there, equal, different = _compare(files)
    assert not different
    assert there == equal
    assert there.total() > 300
