from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from safelight.imaging import decode
from safelight.imaging.exif import read_exif
from safelight.model import Exif
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
    """What is read of tags 0xNNNN (given as x_NNNN) in one of the EXIF directories."""
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
