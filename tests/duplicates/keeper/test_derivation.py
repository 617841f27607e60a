"""The record of derivations: JPEGs saved again, edits, frames, and only of proven bytes."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from safelight import Deduplicator, parse_source
from safelight.duplicates.keeper.picture_data import picture_data
from safelight.duplicates.model import STRICT
from safelight.duplicates.verification.recompression import made_from, saved
from safelight.ingest import ingest

PICTURE = Image.fromarray(data.astronaut())
TURN = Image.Transpose


def jpeg(image: Image.Image, quality: int, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, **options)
    return out.getvalue()


def shown(jpeg_bytes: bytes) -> Image.Image:
    with Image.open(io.BytesIO(jpeg_bytes)) as image:
        return image.convert("RGB")


@pytest.mark.parametrize("turn", [None, TURN.ROTATE_90, TURN.ROTATE_270, TURN.FLIP_LEFT_RIGHT])
@pytest.mark.parametrize(
    ("first", "between", "last"),
    [(92, None, 95), (97, None, 97), (94, None, 96), (85, None, 86), (90, 95, 97), (92, 88, 95)],
)
def test_a_jpeg_saved_again_comes_out_of_the_original(first, between, last, turn) -> None:
    original = jpeg(PICTURE.crop((0, 0, 490, 426)), first)
    image = shown(original)
    if between is not None:
        image = shown(jpeg(image, between, subsampling=0))
    if turn is not None:
        image = image.transpose(turn)
    copy = jpeg(image, last)
    one, other = saved(original), saved(copy)
    assert one is not None
    assert other is not None
    told, again = made_from(one, other, between=True), made_from(other, one, between=True)
    assert told is not None
    assert told[0] == "b"
    assert told[1] > 0.9
    assert again is not None
    assert again[0] == "a"


def test_two_copies_of_one_picture_say_nothing_of_each_other() -> None:
    parts = [saved(jpeg(PICTURE, quality)) for quality in (92, 95)]
    assert made_from(*parts, between=True) is None
    assert saved(b"\xff\xd8\xff nothing") is None
    assert saved(jpeg(PICTURE.resize((40, 40)), 90)) is None


def test_only_the_pictures_own_bytes_count() -> None:
    plain = jpeg(PICTURE, 80)
    segment = b"\xff\xe5" + (60_000).to_bytes(2, "big") + os.urandom(59_998)
    own = picture_data(plain, "JPEG").bytes
    assert 0 < own < len(plain)
    assert picture_data(plain[:2] + segment * 4 + plain[2:], "JPEG").bytes == own
    assert picture_data(plain + os.urandom(90_000), "JPEG").bytes == own
    for form in ("PNG", "WEBP", "TIFF", "AVIF"):
        out, with_data = io.BytesIO(), io.BytesIO()
        exif = Image.Exif()
        exif[0x010E] = "x" * 50_000
        PICTURE.save(out, form)
        PICTURE.save(with_data, form, exif=exif)
        assert len(with_data.getvalue()) > len(out.getvalue()) + 40_000
        sizes = [picture_data(each.getvalue(), form).bytes for each in (out, with_data)]
        assert abs(sizes[0] - sizes[1]) < 100, form


@pytest.fixture
def kept(tmp_path, library, embedder):
    """Return the name of the file that is kept: ``kept({"a.jpg": bytes, ...}, old="a.jpg")``."""

    def call(files: dict[str, bytes], *, old: str = "", **options: object):
        folder = tmp_path / "photos"
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            moment = 1_200_000_000 if name == old else 1_600_000_000
            os.utime(path, (moment, moment))
        ingest(library, [parse_source(str(folder))], embedder, model="colours")
        found = Deduplicator(library, **options).groups(STRICT)
        assert len(found) == 1, found
        assert found[0].keeper is not None
        return str(Path(found[0].keeper.path).relative_to(folder)), found[0]

    return call


def tinted(image: Image.Image, *levels: float) -> Image.Image:
    gray = np.asarray(image.convert("L"), float)[..., None]
    return Image.fromarray(np.clip(gray * levels, 0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    "edit",
    [
        lambda image: image.convert("L"),
        lambda image: tinted(image, 1.07, 0.95, 0.75),
        lambda image: tinted(image, 0.8, 0.95, 1.1),
        lambda image: image.convert("CMYK"),
    ],
    ids=["grey", "sepia", "cyanotype", "for print"],
)
def test_what_lost_its_colours_is_not_kept_however_old_and_large(kept, edit) -> None:
    original = jpeg(PICTURE, 85)
    name, _ = kept({"a.jpg": jpeg(edit(shown(original)), 98), "z.jpg": original}, old="a.jpg")
    assert name == "z.jpg"


@pytest.mark.parametrize(("first", "last"), [(92, 95), (94, 96), (93, 95), (97, 97), (90, 99)])
def test_the_original_is_kept_of_a_jpeg_saved_again(kept, first, last) -> None:
    original = jpeg(PICTURE, first)
    name, found = kept({"a.jpg": jpeg(shown(original), last), "b.jpg": original}, old="a.jpg")
    assert name == "b.jpg"
    assert any("saved again" in reason for each in found.photos for reason in each.reasons)


def test_more_metadata_do_not_make_a_coarse_picture_better(kept) -> None:
    segment = b"\xff\xe5" + (60_000).to_bytes(2, "big") + os.urandom(59_998)
    coarse = jpeg(PICTURE, 50)
    coarse = coarse[:2] + segment * 5 + coarse[2:]
    name, _ = kept({"a.jpg": coarse, "b.jpg": jpeg(PICTURE, 92)}, old="a.jpg")
    assert name == "b.jpg"


@pytest.mark.parametrize(
    ("name", "better", "old"),
    [
        ("IMG_1.jpg", "IMG_1.jpg", ""),
        ("WhatsApp Images/b.jpg", "a.jpg", ""),
        ("a (1).jpg", "a.jpg", ""),
        ("2019/b.jpg", "2019/b.jpg", "2019/b.jpg"),
    ],
    ids=["nothing tells", "folder", "name", "age"],
)
def test_where_pixels_do_not_tell_names_folders_and_age_do(kept, name, better, old) -> None:
    # Two exports of one picture, of nearly the same quality: neither comes from the other.
    other = "a.jpg" if name != "IMG_1.jpg" else "IMG_1-edited.jpg"
    files = {other: jpeg(PICTURE, 95), name: jpeg(PICTURE, 94)}
    assert kept(files, old=old)[0] == better


def test_a_screenshot_of_a_photo_is_not_its_source(kept) -> None:
    photo = PICTURE.crop((0, 50, 512, 400))
    screen = Image.new("RGB", (1170, 2532))
    screen.paste(photo.resize((1170, 800)), (0, 866))
    out = io.BytesIO()
    screen.save(out, "PNG")
    name, _ = kept({"IMG_0001.png": out.getvalue(), "photo.jpg": jpeg(photo, 90)})
    assert name == "photo.jpg"


def test_nothing_is_kept_of_a_file_that_changed_meanwhile(tmp_path, library, embedder) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    original = jpeg(PICTURE, 92)
    (folder / "a.jpg").write_bytes(original)
    (folder / "b.jpg").write_bytes(jpeg(shown(original), 95))
    ingest(library, [parse_source(str(folder))], embedder, model="colours")
    finder = Deduplicator(library)
    finder.groups([])  # compared, and not yet read
    before = (folder / "b.jpg").read_bytes()
    (folder / "b.jpg").write_bytes(jpeg(PICTURE.convert("L"), 95))
    (found,) = finder.groups(STRICT)
    assert not any("saved again" in reason for each in found.photos for reason in each.reasons)
    assert not any("colours" in reason for each in found.photos for reason in each.reasons)
    assert not library.connection.execute("SELECT * FROM origins").fetchall()
    (folder / "b.jpg").write_bytes(before)
    (found,) = finder.groups(STRICT)
    assert found.keeper is not None
    assert Path(found.keeper.path).name == "a.jpg"
    assert library.connection.execute("SELECT * FROM origins").fetchall()
