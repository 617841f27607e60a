from __future__ import annotations

import threading

import pytest
from PIL import Image

from safelight import parse_source
from safelight.errors import DecodeError
from safelight.imaging import decode
from safelight.imaging.memory import LARGE, LargePicture, decoded_bytes, hold, small_only
from safelight.ingest import ingest
from tests.imaging.pictures import save
from tests.server.conftest import running


@pytest.fixture(scope="module")
def large() -> bytes:
    """A PNG of 24 megapixels and 30 kB."""
    return save(Image.new("RGB", (8000, 3000), (200, 30, 30)), "PNG")


def test_large_pictures_are_decoded_one_at_a_time() -> None:
    inside, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal inside, most
        with hold(LARGE + 1):
            with lock:
                inside += 1
                most = max(most, inside)
            threading.Event().wait(0.02)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert most == 1
    with hold(LARGE + 1), hold(LARGE + 1):  # a preview within a RAW file
        pass


def test_small_ones_wait_for_nothing() -> None:
    done = threading.Event()

    def work() -> None:
        with hold(LARGE):
            done.set()

    with hold(LARGE + 1):
        threading.Thread(target=work).start()
        assert done.wait(10)


def test_what_no_memory_is_enough_for_is_said() -> None:
    with pytest.raises(DecodeError) as raised, hold(2**60):
        pass
    assert raised.value.code == "too-large"


def test_bytes_are_counted_not_pixels(large) -> None:
    assert decoded_bytes((100, 100), "RGBA") == 4 * decoded_bytes((100, 100), "L")
    assert decoded_bytes((100, 100), sample_bytes=2) == 2 * decoded_bytes((100, 100))
    with small_only():
        with pytest.raises(LargePicture):
            decode(large)
        # The same as a JPEG is scaled down while it is decoded.
        jpeg = save(Image.new("RGB", (8000, 3000)), "JPEG")
        assert decode(jpeg, min_side=256).pixels.shape == (375, 1000, 3)
    assert decode(large, min_side=100).pixels.shape[0] >= 100


def test_the_server_shows_large_photos_too(library, embedder, tmp_path, large) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(large)
    ingest(library, [parse_source(str(tmp_path / "photos"))], embedder, model="colours")
    with running(library, embedder) as server:
        (photo,) = server.get("/api/v1/photos").json()["photos"]
        assert server.get(f"/api/v1/photos/{photo['photo_id']}/thumbnail").status_code == 200
        answer = server.client.post(
            "/api/v1/images/search", files={"image": ("a.png", large)}, data={"request": "{}"}
        )
        assert answer.status_code == 200, answer.text
        assert server.upload(("b.png", large)).status_code == 200
