from __future__ import annotations

import hashlib
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from safelight.imaging import decode
from safelight.imaging.embedded_metadata import read_tags
from safelight.imaging.header import read_header
from safelight.metadata.exif import read_exif
from safelight.types import Exif
from tests.imaging.pictures import picture, save

Rational = TiffImagePlugin.IFDRational


def _full() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon\0\0", " EOS R5 "
    inner = exif.get_ifd(0x8769)
    inner[0x9003], inner[0x9011] = "2024:12:25 11:25:57", "+02:00"
    inner[0x829A], inner[0x829D] = Rational(1, 60), Rational(18, 10)
    inner[0x8827], inner[0x920A], inner[0xA434] = 64, Rational(4, 1), "RF 24-70"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "S", (Rational(33), Rational(51), Rational(3600, 100))
    gps[3], gps[4] = "E", (Rational(151), Rational(12), Rational(0))
    gps[5], gps[6] = b"\x01", Rational(125, 10)
    return exif


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_everything_is_read_from_every_format(form: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, form, exif=_full().tobytes())
    assert decode(out.getvalue()).exif == Exif(
        taken_at="2024-12-25T11:25:57+02:00",
        camera_make="Canon",
        camera_model="EOS R5",
        lens="RF 24-70",
        exposure_time=0.016666667,
        f_number=1.8,
        iso=64,
        focal_length=4.0,
        latitude=-33.86,
        longitude=151.2,
        altitude=-12.5,
    )


def test_nonsense_is_left_out() -> None:
    exif = _full()
    inner, gps = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    inner[0x9003], inner[0x9011] = "0000:00:00 00:00:00", "nowhere"
    inner[0x829A], inner[0x829D] = Rational(1, 0), Rational(0, 1)
    inner[0x8827] = (100, 200)
    gps[2], gps[6] = (Rational(99), Rational(0), Rational(0)), Rational(0, 0)
    read = read_exif(exif)
    assert (read.taken_at, read.exposure_time, read.f_number) == (None, None, None)
    assert (read.latitude, read.altitude, read.iso) == (None, None, 100)


VALUES = st.one_of(
    st.none(),
    st.integers(-(10**12), 10**12),
    st.floats(),
    st.text(max_size=30),
    st.binary(max_size=30),
    st.lists(st.one_of(st.integers(), st.floats(), st.text(max_size=3)), max_size=4),
    st.tuples(st.integers(-99, 99), st.integers(-99, 99), st.integers(-99, 99)),
)
TAGS = [0x010F, 0x0110, 0x0112, 0x0132, 0x829A, 0x829D, 0x8827, 0x920A, 0xA434, 0x9003, 0x9011]


@given(
    st.dictionaries(st.sampled_from(TAGS), VALUES),
    st.dictionaries(st.sampled_from(TAGS), VALUES),
    st.dictionaries(st.integers(1, 6), VALUES),
)
def test_any_values_are_read_without_an_error(main, inner, gps) -> None:
    exif = Image.Exif()
    exif.update(main)
    exif._ifds[0x8769], exif._ifds[0x8825] = inner, gps
    read = read_exif(exif)
    assert 1 <= read.orientation <= 8
    assert read.latitude is None or -90 <= read.latitude <= 90
    assert read.iso is None or read.iso > 0


def test_real_cameras_are_read(real_photos) -> None:
    read = [
        decode(path.read_bytes(), min_side=64).exif
        for path in sorted((real_photos / "camera" / "jpg").iterdir())
    ]
    with_make = [exif for exif in read if exif.camera_make]
    assert len(with_make) > 0.8 * len(read)
    assert sum(exif.taken_at is not None for exif in with_make) > 0.8 * len(with_make)
    assert any(exif.latitude is not None for exif in read)


def _read(ifd: int, **values: object) -> Exif:
    """Values read from tags 0xNNNN (given as x_NNNN) in one of the EXIF directories."""
    exif = Image.Exif()
    tags = {int(name[2:], 16): value for name, value in values.items()}
    exif.update(tags) if ifd == 0 else exif._ifds.update({ifd: tags})
    return read_exif(exif)


@pytest.mark.parametrize(
    ("offset", "ending"),
    [
        ("+05:30", "+05:30"),
        ("-08:00\0", "-08:00"),
        ("+15:00", ""),
        ("05:30", ""),
        ("Z", ""),
        ("   :  ", ""),
    ],
)
def test_an_offset_is_kept_only_if_it_is_one(offset: str, ending: str) -> None:
    read = _read(0x8769, x_9003="2020:01:02 03:04:05.67", x_9011=offset)
    assert read.taken_at == "2020-01-02T03:04:05" + ending


def test_texts_of_phones_are_utf_8_whatever_the_standard_says() -> None:
    assert _read(0, x_010f="小米".encode().decode("latin-1")).camera_make == "小米"
    assert _read(0, x_010f="Gr\u00f6\u00dfe").camera_make == "Größe"  # real Latin-1


@pytest.mark.parametrize(
    ("gps", "place"),
    [
        ({1: "n", 2: (10.5,), 3: b"w\0", 4: (20.25, 0.6)}, (10.5, -20.26)),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, (None, None)),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (6.0, 0.0, 0.0)}, (0.0, 6.0)),
        ({2: (10.0, 0.0, 0.0), 4: (20.0, 0.0, 0.0)}, (None, None)),
        ({1: "N", 2: (10.0, 0.0, 0.0), 3: "E"}, (None, None)),
    ],
)
def test_a_place_is_whole_or_none(
    gps: dict[int, object], place: tuple[float | None, float | None]
) -> None:
    read = _read(0x8825, **{f"x_{tag:04x}": value for tag, value in gps.items()})
    assert (read.latitude, read.longitude) == place


@given(st.binary(max_size=300))
def test_exif_data_of_any_bytes_never_lose_a_photo(junk: bytes) -> None:
    data = save(picture(16, 16), "JPEG", exif=b"Exif\0\0" + junk)
    assert decode(data).pixels.shape == (16, 16, 3)


def test_a_directory_that_leads_back_to_itself_ends() -> None:
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    loop = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + struct.pack("<I", 8)
    assert decode(save(picture(16, 16), "JPEG", exif=loop)).exif == Exif()


def _with(main: dict | None = None, inner: dict | None = None, gps: dict | None = None):
    exif = Image.Exif()
    exif.update(main or {})
    exif._ifds[0x8769], exif._ifds[0x8825] = dict(inner or {}), dict(gps or {})
    return exif


_XMP_DATE = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:%s %s="%s"/></rdf:RDF></x:xmpmeta>'
)


def _packet(name: str, value: str) -> bytes:
    spaces = {
        "exif": 'exif="http://ns.adobe.com/exif/1.0/"',
        "photoshop": 'photoshop="http://ns.adobe.com/photoshop/1.0/"',
        "xmp": 'xmp="http://ns.adobe.com/xap/1.0/"',
    }
    space = spaces[name.partition(":")[0]]
    return _XMP_DATE % (space.encode(), name.encode(), value.encode())


ORIGINAL, DIGITIZED, CHANGED, SOFTWARE = 0x9003, 0x9004, 0x0132, 0x0131
EDITED = {CHANGED: "2020:05:05 05:05:05"}


@pytest.mark.parametrize(
    ("main", "inner", "gps", "info", "taken_at"),
    [
        (EDITED, {ORIGINAL: "2010:01:01 01:01:01"}, {}, {}, "2010-01-01T01:01:01"),
        # One that is broken is not the day of the last change.
        (EDITED, {ORIGINAL: "2010:13:01 01:01:01"}, {}, {}, None),
        (EDITED, {ORIGINAL: "0001:01:01 00:00:00"}, {}, {}, None),
        (EDITED, {ORIGINAL: "x", DIGITIZED: "2011:01:01 01:01:01"}, {}, {}, "2011-01-01T01:01:01"),
        (EDITED, {ORIGINAL: "x"}, {}, {"xmp": _packet("exif:DateTimeOriginal", "2012-03-04T05:06:07+01:00")}, "2012-03-04T05:06:07+01:00"),  # noqa: E501
        (EDITED, {}, {}, {"xmp": _packet("photoshop:DateCreated", "2012-03-04")}, "2012-03-04T00:00:00"),  # noqa: E501
        (EDITED, {}, {}, {"xmp": _packet("xmp:CreateDate", "2012-03-04T05:06")}, "2012-03-04T05:06:00"),  # noqa: E501
        ({}, {}, {}, {"xmp": b"<broken"}, None),
        (EDITED, {}, {}, {"photoshop": {0x0404: b"\x1c\x02\x37\0\x0820130405\x1c\x02\x3c\0\x0b101112+0200"}}, "2013-04-05T10:11:12+02:00"),  # noqa: E501
        (EDITED, {}, {}, {"photoshop": {0x0404: b"\x1c\x02\x37\0\x0820130405"}}, "2013-04-05T00:00:00"),  # noqa: E501
        (EDITED, {}, {29: "2014:05:06", 7: (Rational(10), Rational(11), Rational(125, 10))}, {}, "2014-05-06T10:11:12+00:00"),  # noqa: E501
        (EDITED, {}, {29: "2014:05:06"}, {}, "2020-05-05T05:05:05"),
        (EDITED, {}, {}, {"photoshop": {0x0404: b"\x1c\x02\x3e\0\x0820130405\x1c\x02\x3f\0\x0b101112+0000"}}, "2013-04-05T10:11:12+00:00"),  # noqa: E501
        ({}, {}, {}, {"Creation Time": "Sun, 07 Jun 2015 08:09:10 +0200"}, "2015-06-07T08:09:10+02:00"),  # noqa: E501
        ({}, {}, {}, {"Creation Time": "2015:06:07 08:09:10"}, "2015-06-07T08:09:10"),
        ({}, {}, {}, {"Creation Time": "long ago"}, None),
        # Cameras of old write the date of the change only.
        (EDITED, {}, {}, {}, "2020-05-05T05:05:05"),
        ({**EDITED, SOFTWARE: "Ver.1.02"}, {}, {}, {}, "2020-05-05T05:05:05"),
        ({**EDITED, SOFTWARE: "Adobe Photoshop CS3"}, {}, {}, {}, None),
        ({**EDITED, SOFTWARE: "GIMP 2.10"}, {ORIGINAL: "    :  :     :  :  "}, {}, {}, None),
        (EDITED, {}, {}, {"xmp": _packet("xmp:ModifyDate", "2020-05-05T05:05:05")}, None),
    ],
)  # fmt: skip
def test_when_it_was_taken_not_when_it_was_changed(main, inner, gps, info, taken_at) -> None:
    assert read_exif(_with(main, inner, gps), info).taken_at == taken_at


@pytest.mark.parametrize(
    ("inner", "field", "value"),
    [
        ({0x8827: 65535, 0x8830: 2, 0x8832: 102400}, "iso", 102400),
        ({0x8827: 65535, 0x8831: 80000}, "iso", 80000),
        ({0x8827: 65535}, "iso", None),
        ({0x8827: 0, 0x8833: 6400}, "iso", 6400),
        ({0x8827: (200, 0)}, "iso", 200),
        ({0x8827: (0, 320)}, "iso", 320),
        ({0x8827: (65535, 0), 0x8832: 80000}, "iso", 80000),
        ({0x829D: Rational(4294967295, 1)}, "f_number", None),
        ({0x829D: Rational(28, 0)}, "f_number", None),
        ({0x829D: Rational(0, 1), 0x9202: Rational(4, 1)}, "f_number", 4.0),
        ({0x9202: Rational(0, 1)}, "f_number", None),
        ({0x829A: Rational(4294967295, 1)}, "exposure_time", None),
        ({0x829A: Rational(1, 0), 0x9201: Rational(6, 1)}, "exposure_time", 1 / 64),
        ({0x9201: Rational(-2, 1)}, "exposure_time", 4.0),
        ({0x920A: Rational(4294967295, 1)}, "focal_length", None),
        ({0x829A: Rational(4294967295, 4294967295)}, "exposure_time", None),
        ({0x829D: Rational(4294967295, 1000000000)}, "f_number", None),
        ({0x829A: Rational(-1, 1)}, "exposure_time", None),
        ({0xA434: b"\xff" * 12}, "lens", None),
        ({0xA434: "Lens\0Lens of another"}, "lens", "Lens"),
        ({0xA434: "----"}, "lens", None),
        ({0xA434: "0.0 mm f/0.0"}, "lens", None),
        ({0xA434: "10.0 mm f/0.95"}, "lens", "10.0 mm f/0.95"),
        ({0xA434: "Unknown"}, "lens", None),
        ({0xA434: "N/A"}, "lens", None),
    ],
)
def test_values_that_stand_elsewhere_and_numbers_that_are_none(inner, field, value) -> None:
    assert getattr(read_exif(_with(inner=inner)), field) == (
        pytest.approx(value) if isinstance(value, float) else value
    )


def test_text_behind_a_nul_is_not_the_camera_s() -> None:
    read = read_exif(_with({0x010F: "NIKON\0CORP\0", 0x0110: b"D70\0\xff\xff"}))
    assert (read.camera_make, read.camera_model) == ("NIKON", "D70")
    read = read_exif(_with({0x010F: "HuÃ¤wei", 0x0110: "Fotoger\xe4t"}))
    assert (read.camera_make, read.camera_model) == ("Huäwei", "Fotogerät")


NAN = Rational(0, 0)


@pytest.mark.parametrize(
    ("latitude", "reference", "expected"),
    [
        ((Rational(48), Rational(303, 10), NAN), "N", 48.505),
        ((Rational(48), NAN, NAN), "N", None),
        ((Rational(485, 10), NAN, NAN), "N", 48.5),
        ((Rational(4294967295, 4294967295), Rational(30), Rational(0)), "N", None),
        ((NAN, Rational(1), Rational(1)), "N", None),
        ((Rational(48), Rational(61), Rational(0)), "N", None),
        ((Rational(48), Rational(30), Rational(6000, 1)), "N", None),
        ((Rational(48), Rational(30), Rational(0)), "", None),
        ((Rational(48), Rational(30), Rational(0)), None, None),
        ((Rational(48), Rational(30), Rational(0)), "south", -48.5),
        ((Rational(97, 2),), "N", 48.5),
        (Rational(97, 2), "N", 48.5),
    ],
)
def test_places_are_whole_or_none(latitude, reference, expected) -> None:
    gps = {1: reference, 2: latitude, 3: "E", 4: (Rational(9), Rational(0), NAN)}
    read = read_exif(_with(gps=gps))
    assert read.latitude == expected
    assert read.longitude == (None if expected is None else 9.0)


@pytest.mark.parametrize(
    ("value", "reference", "metres"),
    [
        (Rational(4294967295, 1), 0, None),
        (NAN, 0, None),
        (Rational(20, 1), b"\x01", -20.0),
        (Rational(20, 1), None, 20.0),
        (Rational(400_000, 1), 0, 400_000.0),
    ],
)
def test_heights_are_of_this_earth(value, reference, metres) -> None:
    assert read_exif(_with(gps={5: reference, 6: value})).altitude == metres


def test_sub_seconds_are_the_order_of_a_burst(library, embedder, tmp_path) -> None:
    from safelight import parse_source
    from safelight.duplicates.verification.capture_rules import seconds_apart
    from safelight.ingest import ingest
    from safelight.library.ordering import ordered

    (tmp_path / "photos").mkdir()
    ids = {}
    for name, part in (("a", "75"), ("b", "5"), ("c", "05"), ("d", None)):
        exif = Image.Exif()
        exif[0x010F] = "Canon"
        exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
        if part:
            exif.get_ifd(0x8769)[0x9291] = part
        path = tmp_path / "photos" / f"{name}.png"
        Image.new("RGB", (32, 32), (200, 30, ord(name))).save(path, exif=exif)
        ids[hashlib.sha256(path.read_bytes()).hexdigest()] = name
    ingest(library, [parse_source(str(tmp_path / "photos"))], embedder, model="colours")
    for order, names in (("taken", "dcba"), ("-taken", "abcd")):
        assert "".join(ids[each] for each in ordered(library, [*ids], order)) == names
    moment = "2020-01-02T03:04:05"
    exact, half = Exif(moment, subsecond=0.25), Exif(moment, subsecond=0.5)
    assert seconds_apart(exact, half) == 0.25
    assert seconds_apart(exact, Exif(moment)) == 0.0  # a program dropped it


@pytest.mark.parametrize("kind", [1, 3, 4, 7])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("depth", [8, 16])
def test_the_iptc_record_of_a_tiff_whatever_its_type(kind: int, order: str, depth: int) -> None:
    record = b"\x1c\x02\x37\0\x0820170102\x1c\x02\x3c\0\x0b030405+0600\x1c\x02\x19\0\x05beach"
    record = record.ljust(-(-len(record) // 4) * 4, b"\0")
    pixels = bytes(16 * 16 * depth // 8)
    at = 8 + 2 + 10 * 12 + 4
    count = len(record) // {1: 1, 3: 2, 4: 4, 7: 1}[kind]
    entries = (
        (256, 3, 1, 16), (257, 3, 1, 16), (258, 3, 1, depth), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, at), (277, 3, 1, 1), (278, 3, 1, 16), (279, 4, 1, len(pixels)),
        (33723, kind, count, at + len(pixels)),
    )  # fmt: skip
    data = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, len(entries))
    for tag, form, number, value in entries:
        short = form == 3 and number == 1
        padded = (value, 0) if short else (value,)
        data += struct.pack(order + ("HHIHH" if short else "HHII"), tag, form, number, *padded)
    data += bytes(4) + pixels + record
    assert decode(data).exif.taken_at == "2017-01-02T03:04:05+06:00"
    assert read_header(data).exif.taken_at == "2017-01-02T03:04:05+06:00"
    assert read_tags(data, {}).keywords == ("beach",)
