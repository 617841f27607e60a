"""Facts in XMP packets, in every form in which packets come, and their place behind EXIF."""

from __future__ import annotations

import io

import pytest
from PIL import Image, PngImagePlugin

from safelight.imaging import decode
from safelight.imaging.header import read_header
from safelight.metadata.xmp_facts import read_xmp_facts
from tests.imaging.builders import chunk

_SPACES = (
    'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    'xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
)


def packet(inside: str, attributes: str = "") -> str:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {_SPACES} {attributes}>{inside}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    )


def at(latitude: str, longitude: str) -> str:
    return (
        f"<exif:GPSLatitude>{latitude}</exif:GPSLatitude>"
        f"<exif:GPSLongitude>{longitude}</exif:GPSLongitude>"
    )


SPEED = "exif:ISOSpeedRatings"
WHOLE = packet(
    "<tiff:Make>Canon</tiff:Make><exif:FNumber>28/10</exif:FNumber>"
    "<exif:DateTimeOriginal>2020-05-06T07:08:09.25+02:00</exif:DateTimeOriginal>"
)


def photo(form: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 24), (20, 90, 200)).save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_format_has_its_packet_read_by_both_readers(form: str) -> None:
    options: dict[str, object] = {"xmp": WHOLE.encode()}
    if form == "PNG":
        told = PngImagePlugin.PngInfo()
        told.add_itxt("XML:com.adobe.xmp", WHOLE, zip=True)
        options = {"pnginfo": told}
    elif form == "TIFF":
        options = {"tiffinfo": {700: WHOLE.encode()}}
    data = photo(form, **options)
    exif = read_header(data).exif
    assert (exif.camera_make, exif.f_number, exif.taken_at) == (
        "Canon", 2.8, "2020-05-06T07:08:09+02:00",
    )  # fmt: skip
    assert exif.subsecond == 0.25
    assert decode(data).exif == exif


@pytest.mark.parametrize("kind", [b"iTXt", b"tEXt"])
def test_a_packet_behind_the_picture_is_read_without_decoding_it(kind: bytes) -> None:
    key = {b"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0", b"tEXt": b"Raw profile type xmp\0"}[kind]
    hexadecimal = f"\nxmp\n{len(WHOLE)}\n{WHOLE.encode().hex()}\n".encode()
    body = key + (WHOLE.encode() if kind == b"iTXt" else hexadecimal)
    data = photo()
    end = data.index(b"IEND") - 4
    data = data[:end] + chunk(kind, body) + data[end:]
    assert read_header(data).exif == decode(data).exif
    assert read_header(data).exif.camera_make == "Canon"


def test_packets_that_imagemagick_wrote_are_read() -> None:
    told = PngImagePlugin.PngInfo()
    digits = WHOLE.encode().hex()
    told.add_text("Raw profile type xmp", f"\nxmp\n{len(WHOLE):8}\n{digits[:72]}\n{digits[72:]}\n")
    assert read_header(photo(pnginfo=told)).exif.camera_make == "Canon"


@pytest.mark.parametrize(
    "data",
    [
        WHOLE.encode("utf-8-sig"),
        WHOLE.encode("utf-16"),
        WHOLE.encode("utf-16-be"),
        b"\xfe\xff" + WHOLE.encode("utf-16-be"),
        b'<?xml version="1.0" encoding="UTF-8"?>\n' + WHOLE.encode(),
        ('<?xml version="1.0" encoding="UTF-16"?>' + WHOLE).encode("utf-16"),
        b"\n \0" + WHOLE.encode() + b"\0\0",
        WHOLE.encode() + b"\n<?xpacket end='w'?>trailing",
        WHOLE.replace("28/10", "<![CDATA[28/10]]>").encode(),
        WHOLE.replace("</rdf:Description>", "").encode(),  # cut off
        WHOLE.encode("utf-32"),
    ],
)
def test_encodings_and_damage(data: bytes) -> None:
    facts = read_xmp_facts(data)
    assert facts.texts == {"camera_make": "Canon"}
    assert facts.numbers["f_number"] == 2.8
    assert facts.dates == (("2020-05-06T07:08:09.25+02:00", None),)


@pytest.mark.parametrize(
    "data",
    [b"", b"<", b"\0\0\0\0", b"\xff\xfe", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", b"\xff" * 99],
)
def test_what_is_not_a_packet_has_no_facts(data: bytes) -> None:
    facts = read_xmp_facts(data)
    assert (facts.dates, facts.numbers, facts.texts) == ((), {}, {})


@pytest.mark.parametrize(
    ("inside", "field", "value"),
    [
        ("<exif:FNumber>f/2.8</exif:FNumber>", "f_number", 2.8),
        ("<exif:ApertureValue>6/1</exif:ApertureValue>", "f_number", 8.0),
        ("<exif:ShutterSpeedValue>7/1</exif:ShutterSpeedValue>", "exposure_time", 0.0078125),
        ("<exif:ExposureTime>0.5</exif:ExposureTime>", "exposure_time", 0.5),
        ("<exif:ExposureTime>1/0</exif:ExposureTime>", "exposure_time", None),
        ("<exif:FNumber>4294967295/1</exif:FNumber>", "f_number", None),
        ("<exif:ISOSpeedRatings>65535</exif:ISOSpeedRatings>", "iso", None),
        (f"<{SPEED}><rdf:Bag><rdf:li>320</rdf:li></rdf:Bag></{SPEED}>", "iso", 320),
        ("<exif:FocalLength>50.0 mm</exif:FocalLength>", "focal_length", 50.0),
        ("<tiff:Model> EOS 5\t</tiff:Model>", "camera_model", "EOS 5"),
        ("<tiff:Model></tiff:Model>", "camera_model", None),
        (at("0,0N", "0,0E"), "latitude", None),
        (at("51,30.5S", "7,30,0W"), "longitude", -7.5),
        (at("51.5", "-7.5"), "longitude", -7.5),
        (at("91,0N", "7,0E"), "longitude", None),
        (at("51,0E", "7,0E"), "latitude", None),
        ("<exif:DateTimeOriginal>0000-00-00</exif:DateTimeOriginal>", "taken_at", None),
        ("<exif:DateTimeOriginal>2020-02</exif:DateTimeOriginal>", "taken_at", None),
        ("<xmp:CreateDate>2020-02-03T04:05</xmp:CreateDate>", "taken_at", "2020-02-03T04:05:00"),
    ],
)  # fmt: skip
def test_values_as_programs_write_them(inside: str, field: str, value: object) -> None:
    told = PngImagePlugin.PngInfo()
    told.add_itxt("XML:com.adobe.xmp", packet(inside))
    assert getattr(read_header(photo(pnginfo=told)).exif, field) == value


def test_exif_comes_first_then_xmp_then_the_sidecar() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Nikon"
    exif.get_ifd(0x8825).update({1: "N", 2: (10.0, 0.0, 0.0), 3: "E", 4: (20.0, 0.0, 0.0)})
    told = PngImagePlugin.PngInfo()
    place = at("1,0N", "2,0E")
    height = "<exif:GPSAltitude>99/1</exif:GPSAltitude>"
    told.add_itxt("XML:com.adobe.xmp", packet(f"<tiff:Make>Canon</tiff:Make>{place}{height}"))
    sidecar = packet("<tiff:Make>Sony</tiff:Make><aux:Lens>85 mm</aux:Lens>", 'exif:FNumber="4/1"')
    found = read_header(photo(exif=exif, pnginfo=told), sidecars=(sidecar.encode(),)).exif
    assert found.camera_make == "Nikon"
    # A place is taken as a whole.
    assert (found.latitude, found.longitude, found.altitude) == (10.0, 20.0, None)
    assert (found.lens, found.f_number) == ("85 mm", 4.0)
