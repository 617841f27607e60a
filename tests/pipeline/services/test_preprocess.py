"""The preprocess service and the copies that it writes."""

from __future__ import annotations

import copy
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from safelight.errors import UsageError
from safelight.imaging import decode
from safelight.pipeline.paths import PipelinePaths
from safelight.pipeline.services import renditions
from safelight.pipeline.services.ingest import IngestService
from safelight.pipeline.services.preprocess import PreprocessService

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def places(tmp_path: Path) -> PipelinePaths:
    return PipelinePaths(tmp_path / "data")


@pytest.fixture
def service(places: PipelinePaths) -> PreprocessService:
    return PreprocessService(places, threads=2)


def _gradient(path: Path, size: tuple[int, int], **options: Any) -> Path:
    """Write a photo that is red at its top left, green at its top right and blue below."""
    x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    pixels = np.stack([(1 - x) * (1 - y), x * (1 - y), y], axis=-1)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((255 * pixels).astype(np.uint8)).save(path, **options)
    return path


def _ingested(places: PipelinePaths, *names: str) -> dict[str, Any]:
    photos = [{"uri": f"./data/input/{name}"} for name in names]
    return IngestService(places).process({"batch_id": "b1", "photos": photos})


def test_a_photo_in_the_shape_of_the_example(
    places: PipelinePaths, service: PreprocessService
) -> None:
    _gradient(places.input / "a.jpg", (3840, 2160), quality=95)
    batch = _ingested(places, "a.jpg")
    (before,) = batch["photo_index"]
    (artifact,) = service.process(batch)["artifacts"]
    photo_id = before["photo_id"]
    assert artifact == {
        **before,
        "std_uri": f"./data/rankingInput/{photo_id}_1024.jpg",
        "processing_metadata": {
            "original_size": [3840, 2160],
            "standardized_size": [2048, 1152],
            "processing_method": "quality_preserved",
        },
    }
    assert list(artifact) == [
        "photo_id", "original_uri", "ranking_uri", "std_uri", "exif", "format",
        "processing_metadata",
    ]  # fmt: skip
    with Image.open(places.ranking / f"{photo_id}.jpg") as ranking:
        assert ranking.size == (2048, 1152)
    with Image.open(places.ranking / f"{photo_id}_1024.jpg") as std:
        assert (std.size, std.format, std.mode) == ((1024, 576), "JPEG", "RGB")


@pytest.mark.parametrize("size", [(300, 200), (1500, 700), (700, 2500), (5000, 3), (1, 1)])
def test_copies_look_like_the_photo(
    places: PipelinePaths, service: PreprocessService, size: tuple[int, int]
) -> None:
    path = _gradient(places.input / "a.png", size)
    (artifact,) = service.process(_ingested(places, "a.png"))["artifacts"]
    original = Image.open(path)
    for uri, side in (("ranking_uri", 2048), ("std_uri", 1024)):
        with Image.open(places.root / artifact[uri]) as made:
            assert made.size == renditions.fitted(size, side)
            expected = np.asarray(original.resize(made.size, Image.Resampling.BOX), np.int16)
            assert np.abs(np.asarray(made, np.int16) - expected).mean() < 3


def test_copies_are_upright_and_in_srgb(places: PipelinePaths, service: PreprocessService) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    _gradient(places.input / "a.jpg", (400, 300), exif=exif, quality=95)
    (artifact,) = service.process(_ingested(places, "a.jpg"))["artifacts"]
    assert artifact["processing_metadata"]["original_size"] == [300, 400]
    with Image.open(places.root / artifact["std_uri"]) as std:
        assert std.size == (300, 400)
        assert std.getexif() == {}
        assert "icc_profile" not in std.info
        # Turned clockwise, red is at the top right.
        assert np.asarray(std)[5, -5].argmax() == 0
        assert np.asarray(std)[-5, -5].argmax() == 1


@given(st.tuples(st.integers(1, 50_000), st.integers(1, 50_000)), st.sampled_from([1024, 2048]))
def test_sizes_are_kept_in_shape_and_never_enlarged(size: tuple[int, int], side: int) -> None:
    fitted = renditions.fitted(size, side)
    assert max(fitted) == min(side, max(size))
    assert min(fitted) >= 1
    if max(size) > side:
        assert abs(fitted[0] / size[0] - fitted[1] / size[1]) <= 1 / min(size)
    else:
        assert fitted == size


def test_copies_that_are_whole_are_not_made_again(
    places: PipelinePaths, service: PreprocessService
) -> None:
    path = _gradient(places.input / "a.jpg", (300, 200))
    batch = _ingested(places, "a.jpg")
    first = service.process(batch)
    std = places.root / first["artifacts"][0]["std_uri"]
    before = std.stat().st_mtime_ns, std.stat().st_ino
    path.unlink()  # so that nobody can decode it
    assert service.process(batch) == first
    assert (std.stat().st_mtime_ns, std.stat().st_ino) == before


@pytest.mark.parametrize("which", ["ranking_uri", "std_uri"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "zeros", "empty", "other", "gone"])
def test_copies_that_are_broken_are_made_again(
    places: PipelinePaths, service: PreprocessService, which: str, damage: str
) -> None:
    _gradient(places.input / "a.jpg", (300, 200))
    batch = _ingested(places, "a.jpg")
    first = service.process(batch)
    path = places.root / first["artifacts"][0][which]
    good = path.read_bytes()
    middle = len(good) // 2
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(
            {
                "cut": good[:middle],
                "flipped": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
                "zeros": good[:middle] + bytes(len(good) - middle),
                "empty": b"",
                "other": _gradient(places.input / "b.jpg", (30, 20)).read_bytes(),
            }[damage]
        )
    assert service.process(batch) == first
    assert path.read_bytes() == good


def test_a_photo_that_fails_keeps_its_place(
    places: PipelinePaths, service: PreprocessService, make_photo: Callable[..., Path]
) -> None:
    good = make_photo(places.input / "good.png")
    whole = _gradient(places.input / "cut.jpg", (300, 200)).read_bytes()
    (places.input / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    batch = _ingested(places, "cut.jpg", "good.png")
    batch["photo_index"].append({"photo_id": "0" * 64, "original_uri": "./gone.jpg"})
    batch["photo_index"].append({"photo_id": "1" * 64, "original_uri": str(good)})
    batch["photo_index"].append({"photo_id": "../../up", "original_uri": str(good)})
    batch["photo_index"].append({"photo_id": "nameless"})
    cut, fine, gone, changed, up, nameless = service.process(batch)["artifacts"]
    assert fine["processing_metadata"]["processing_method"] == "quality_preserved"
    for artifact, code in (
        (cut, "truncated"), (gone, "missing"), (changed, "missing"), (up, "bad-name"),
        (nameless, "missing"),
    ):  # fmt: skip
        assert artifact["std_uri"] is None
        metadata = artifact["processing_metadata"]
        assert (metadata["processing_method"], metadata["code"]) == ("failed", code)
        assert metadata["reason"]
    assert {path.name.split("_")[0].split(".")[0] for path in places.ranking.iterdir()} == {
        fine["photo_id"]
    }
    # The next try finds it whole again.
    (places.input / "cut.jpg").write_bytes(whole)
    cut["photo_id"] = hashlib.sha256(whole).hexdigest()
    (again,) = service.process({"batch_id": "b1", "artifacts": [cut]})["artifacts"]
    assert again["processing_metadata"] == {
        "original_size": [300, 200],
        "standardized_size": [300, 200],
        "processing_method": "quality_preserved",
    }


def test_what_it_does_not_know_stays(
    places: PipelinePaths, service: PreprocessService, make_photo: Callable[..., Path]
) -> None:
    make_photo(places.input / "a.png")
    batch = {
        "batch_id": "b1",
        "extra": {"deep": [1, {"x": None}]},
        "photo_index": [
            {
                "original_uri": "./data/input/a.png",
                "album": {"name": "x"},
                "exif": {"camera": "mine", "more": 1},
                "processing_metadata": {"by": "us"},
            },
            {"original_uri": "./gone.png", "album": 3},
        ],
        "failures": [{"original_uri": "z"}],
    }
    before = copy.deepcopy(batch)
    found = service.process(batch)
    assert batch == before
    assert list(found) == ["batch_id", "extra", "artifacts", "failures"]
    assert found["extra"] == before["extra"]
    first, second = found["artifacts"]
    assert first["exif"] == {"camera": "mine", "more": 1}
    assert (first["album"], second["album"]) == ({"name": "x"}, 3)
    assert first["processing_metadata"]["by"] == "us"
    assert first["photo_id"] == hashlib.sha256((places.input / "a.png").read_bytes()).hexdigest()


def test_a_good_std_uri_is_left(
    places: PipelinePaths, service: PreprocessService, make_photo: Callable[..., Path]
) -> None:
    make_photo(places.input / "a.png", seed=1)
    mine = make_photo(places.root / "mine.webp", seed=2)
    artifact = {"original_uri": "./data/input/a.png", "std_uri": "./mine.webp"}
    batch = {"batch_id": "b1", "artifacts": [artifact]}
    assert service.process(batch) == batch
    assert not places.ranking.exists()
    mine.write_bytes(mine.read_bytes()[:-20])
    assert service.process(batch)["artifacts"][0]["std_uri"].startswith("./data/rankingInput/")


def test_without_exif_they_are_read_from_the_photo(
    places: PipelinePaths, service: PreprocessService, make_photo: Callable[..., Path]
) -> None:
    make_photo(places.input / "a.png")
    batch = {"batch_id": "b1", "photo_index": [{"original_uri": "./data/input/a.png"}]}
    (artifact,) = service.process(batch)["artifacts"]
    assert artifact["exif"]["camera"] == "Unknown"


def test_a_disk_that_refuses_is_an_error_of_the_batch(
    places: PipelinePaths, service: PreprocessService, make_photo: Callable[..., Path]
) -> None:
    from safelight.errors import SafelightError

    make_photo(places.input / "a.png")
    places.ranking.write_bytes(b"a file, where a folder should be")
    with pytest.raises(SafelightError, match="cannot be written") as caught:
        service.process(_ingested(places, "a.png"))
    assert not isinstance(caught.value, UsageError)


@pytest.mark.parametrize("batch", [{}, {"artifacts": 3}, {"photo_index": ["a"]}])
def test_what_is_not_a_batch_is_refused(service: PreprocessService, batch: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        service.process(batch)


def test_noise_can_be_told_from_the_copy(places: PipelinePaths, service: PreprocessService) -> None:
    from skimage import data

    from safelight.quality import choose, score

    for name, picture in (("cat", data.chelsea()), ("coffee", data.coffee())):
        path = places.input / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        # As a camera's grain, at the size of the copy.
        grain = np.random.default_rng(1).normal(0, 3, picture.shape)
        pixels = np.clip(picture + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path)
        (artifact,) = service.process(_ingested(places, path.name))["artifacts"]
        (noise,) = choose(["noise"])
        before = score(path, [noise], True).score("noise")
        after = score(places.root / artifact["std_uri"], [noise], True).score("noise")
        assert before is not None
        assert after is not None
        assert abs(after - before) < 0.02


def test_one_service_serves_threads(
    places: PipelinePaths, service: PreprocessService, make_photo: Callable[..., Path]
) -> None:
    names = [f"{number}.png" for number in range(12)]
    for number, name in enumerate(names):
        make_photo(places.input / name, seed=number)
    batch = _ingested(places, *names)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(service.process, [batch] * 8))
    assert all(each == made[0] for each in made)
    assert len(os.listdir(places.ranking)) == 24


def test_a_decode_feeds_both_copies(
    places: PipelinePaths,
    service: PreprocessService,
    make_photo: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_photo(places.input / "a.png")
    decoded = []

    def counted(data: bytes, **options: Any) -> Any:
        decoded.append(len(data))
        return decode(data, **options)

    monkeypatch.setattr(renditions, "decode", counted)
    service.process(_ingested(places, "a.png"))
    assert len(decoded) == 1


def test_another_photo_under_the_same_name_gets_its_own_copies(
    tmp_path: Path, make_photo: Callable[..., Path]
) -> None:
    service = PreprocessService(PipelinePaths(tmp_path / "data"))
    make_photo(tmp_path / "a.png", "red")
    make_photo(tmp_path / "b.png", "blue", size=48)

    def size(name: str) -> list[int] | None:
        artifact = {"photo_id": "1", "original_uri": str(tmp_path / f"{name}.png")}
        (done,) = service.process({"batch_id": "b", "artifacts": [artifact]})["artifacts"]
        return done["processing_metadata"].get("original_size")

    sizes = [size(name) for name in ("a", "b", "a", "missing")]
    assert sizes == [[32, 32], [48, 48], [32, 32], None]
