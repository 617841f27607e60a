"""The ingest service."""

from __future__ import annotations

import copy
import hashlib
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from safelight.errors import UsageError
from safelight.pipeline.paths import PipelinePaths
from safelight.pipeline.services.ingest import IngestService

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def service(tmp_path: Path) -> IngestService:
    return IngestService(PipelinePaths(tmp_path / "data"), threads=2)


def _batch(*uris: str) -> dict[str, object]:
    return {"batch_id": "b1", "photos": [{"uri": uri} for uri in uris]}


def test_a_photo_in_the_shape_of_the_example(service: IngestService, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Apple", "iPhone 11 Pro Max"
    inner = exif.get_ifd(0x8769)
    inner.update({0x829A: IFDRational(1, 60), 0x829D: IFDRational(9, 5)})
    inner.update({0x8827: 64, 0x920A: IFDRational(17, 4)})
    inner[0x9003] = "2024:12:25 11:25:57"
    path = tmp_path / "data" / "input" / "A b.JPG"
    path.parent.mkdir(parents=True)
    Image.new("RGB", (40, 30), "teal").save(path, "JPEG", exif=exif)
    photo_id = hashlib.sha256(path.read_bytes()).hexdigest()

    assert service.process(_batch("./data/input/A b.JPG")) == {
        "batch_id": "b1",
        "photo_index": [
            {
                "photo_id": photo_id,
                "original_uri": "./data/input/A b.JPG",
                "ranking_uri": f"./data/rankingInput/{photo_id}.jpg",
                "exif": {
                    "camera": "Apple iPhone 11 Pro Max",
                    "lens": "Unknown",
                    "iso": 64,
                    "aperture": "f/1.8",
                    "shutter_speed": "1/60",
                    "focal_length": "4mm",
                    "datetime": "2024:12:25 11:25:57",
                    "gps": None,
                },
                "format": ".jpg",
            }
        ],
    }


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(
    service: IngestService, tmp_path: Path, make_photo: Callable[..., Path]
) -> None:
    folder = tmp_path / "data"
    make_photo(folder / "good.png")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "words.jpg").write_bytes(b"these are words")
    (folder / "folder.jpg").mkdir()
    names = ("good.png", "empty.jpg", "words.jpg", "folder.jpg", "gone.jpg", "a\0b.jpg")
    uris = [f"./data/{name}" for name in names]
    found = service.process(_batch(*uris, "s3://bucket/a.jpg"))
    assert [one["original_uri"] for one in found["photo_index"]] == uris[:1]
    assert [(one["original_uri"], one["code"]) for one in found["failures"]] == [
        ("./data/empty.jpg", "empty"),
        ("./data/words.jpg", "not-an-image"),
        ("./data/folder.jpg", "not-a-file"),
        ("./data/gone.jpg", "missing"),
        ("./data/a\0b.jpg", "bad-uri"),
        ("s3://bucket/a.jpg", "bad-uri"),
    ]
    assert all(one["reason"] for one in found["failures"])


def test_what_it_does_not_know_stays(
    service: IngestService, tmp_path: Path, make_photo: Callable[..., Path]
) -> None:
    make_photo(tmp_path / "a.png")
    batch = {
        "batch_id": "b1",
        "note": {"deep": [1, None]},
        "photos": [
            {"uri": "./a.png", "album": ["x"]},
            {"uri": "./gone.png", "album": ["y"]},
            "./a.png",
        ],
        "failures": [{"original_uri": "./before.jpg", "code": "io", "reason": "r"}],
    }
    before = copy.deepcopy(batch)
    found = service.process(batch)
    assert batch == before
    assert found["note"] == {"deep": [1, None]}
    assert found["photo_index"][0]["album"] == ["x"]
    assert found["photo_index"][1]["original_uri"] == "./a.png"
    assert [one["original_uri"] for one in found["failures"]] == ["./before.jpg", "./gone.png"]
    assert found["failures"][1]["album"] == ["y"]


def test_a_photo_without_an_ending_has_that_of_its_content(
    service: IngestService, tmp_path: Path, make_photo: Callable[..., Path]
) -> None:
    make_photo(tmp_path / "a.jpg").rename(tmp_path / "a")
    make_photo(tmp_path / "b.webp").rename(tmp_path / "b")
    found = service.process(_batch("./a", "./b"))
    assert [one["format"] for one in found["photo_index"]] == [".jpg", ".webp"]


def test_the_pixel_limit_counts(tmp_path: Path, make_photo: Callable[..., Path]) -> None:
    make_photo(tmp_path / "a.png", size=32)
    service = IngestService(PipelinePaths(tmp_path / "data"), pixel_limit=32 * 32 - 1)
    assert service.process(_batch("./a.png"))["failures"][0]["code"] == "too-large"


@pytest.mark.parametrize("batch", [{}, {"photos": "./a.jpg"}, {"photos": [{}]}, {"photos": [3]}])
def test_what_is_not_a_batch_is_refused(service: IngestService, batch: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        service.process(batch)
