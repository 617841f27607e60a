"""Failing downloads: each is a clear error, and the next run goes on from there."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from safelight.embedding.load import load_embedder
from tests.embedding import tiny
from tests.embedding.hub_server import Hub
from tests.embedding.hub_user import LOAD, load, run
from tests.rights import AS_ANYBODY

if TYPE_CHECKING:
    from collections.abc import Iterator

REPO = "someone/tiny"
WEIGHTS = "onnx/vision_model.onnx_data"
BYTES = 3_000_000

# Between tries a download waits.
_AT_ONCE = f"import time\ntime.sleep = lambda seconds: None\n{LOAD}"

_LOOK_UP = """
import json, sys
from safelight.embedding.hub.client import look_up
from safelight.errors import ModelUnavailable
try:
    look_up(sys.argv[1], timeout=0.5)
except ModelUnavailable as error:
    print(json.dumps({"code": error.code, "message": str(error)}))
"""

# Root may write anywhere; without this capability, which the next program does not get, it may not.
_SMALL_FILES = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    served = tiny.write_transformers_js(tmp_path / "served")
    (served / WEIGHTS).write_bytes(os.urandom(BYTES))
    with Hub({REPO: served}) as serving:
        yield serving


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def _assert_clear(result: dict[str, Any], code: str, *named: str) -> None:
    assert result["code"] == code
    for each in (REPO, "its folder", "(starter)", *named):
        assert each in result["message"]


def _assert_succeeds(hub: Hub, home: Path) -> None:
    """Load the model; what comes is what was served."""
    assert (
        load(REPO, url=hub.url, home=home)["print"]
        == load_embedder(str(hub.repos[REPO])).fingerprint
    )
    blobs = home / "hub" / "models--someone--tiny" / "blobs"
    assert [path for path in blobs.iterdir() if "incomplete" in path.name] == []


def _transfers(hub: Hub, name: str = WEIGHTS) -> list[str | None]:
    """The ranges in which a file was asked for."""
    return [r for method, path, r in hub.requests if method == "GET" and path.endswith(name)]


def test_a_line_that_breaks_again_and_again(hub: Hub, home: Path) -> None:
    hub.breaks[WEIGHTS] = 2_100_000
    result = run(_AT_ONCE, REPO, url=hub.url, home=home)
    _assert_clear(result, "unreachable", WEIGHTS, str(home / "hub"), "try again to go on")
    ranges = _transfers(hub)
    assert ranges[0] is None
    assert 2 < len(ranges) < 10

    hub.breaks.clear()
    hub.requests.clear()
    _assert_succeeds(hub, home)
    assert _transfers(hub) == [f"bytes={(2_100_000 >> 20) << 20}-"]
    assert _transfers(hub, "tokenizer.json") == []  # what was complete


def test_a_line_that_breaks_where_nothing_can_go_on(hub: Hub, home: Path) -> None:
    hub.ignores_ranges = True
    hub.breaks[WEIGHTS] = 2_100_000
    result = run(_AT_ONCE, REPO, url=hub.url, home=home)
    _assert_clear(result, "unreachable", WEIGHTS)
    hub.breaks.clear()
    _assert_succeeds(hub, home)


def _has_begun(hub: Hub, home: Path) -> bool:
    try:
        return any(_size(part) for part in home.rglob(f"{_digest(hub)}.incomplete"))
    except FileNotFoundError:  # a folder of the other's, which was only there for a moment
        return False


def test_a_run_that_was_killed(hub: Hub, home: Path) -> None:
    hub.stalls[WEIGHTS] = 60.0
    with _running(hub, home) as other:
        while not _has_begun(hub, home):
            assert other.poll() is None
        other.kill()
    hub.stalls.clear()
    hub.requests.clear()
    _assert_succeeds(hub, home)
    assert _transfers(hub) == [f"bytes={1 << 20}-"]


def test_two_that_fetch_the_same(hub: Hub, home: Path) -> None:
    hub.stalls[WEIGHTS] = 1.0
    with _running(hub, home) as other:
        _assert_succeeds(hub, home)
        assert b"vector" in other.communicate(timeout=120)[0]
    assert _transfers(hub) == [None]  # one has waited


def _running(hub: Hub, home: Path) -> subprocess.Popen[bytes]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    return subprocess.Popen(
        [sys.executable, "-c", LOAD, REPO],
        env=environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(home)},
        stdout=subprocess.PIPE,
    )


def _digest(hub: Hub) -> str:
    return hashlib.sha256((hub.repos[REPO] / WEIGHTS).read_bytes()).hexdigest()


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def test_a_hub_that_is_slower_than_the_timeout(hub: Hub, home: Path) -> None:
    hub.stalls[WEIGHTS] = 60.0
    soon = "from huggingface_hub import constants\nconstants.HF_HUB_DOWNLOAD_TIMEOUT = 0.3"
    result = run(f"{soon}\n{_AT_ONCE}", REPO, url=hub.url, home=home)
    _assert_clear(result, "unreachable", WEIGHTS, str(home / "hub"), "timed out")
    hub.stalls.clear()
    _assert_succeeds(hub, home)


def test_a_hub_that_does_not_answer_in_time(hub: Hub, home: Path) -> None:
    hub.delay = 60.0
    result = run(_LOOK_UP, REPO, url=hub.url, home=home)
    _assert_clear(result, "unreachable", "no answer within 0.5 s")


def test_answers_of_others_than_the_hub_and_to_others_than_us(hub: Hub, home: Path) -> None:
    """One after another, as who tries again and again may meet them."""
    for page in (True, "json"):
        hub.is_page = page
        _assert_clear(load(REPO, url=hub.url, home=home), "unreachable", hub.url, "HF_ENDPOINT")
    hub.is_page = False

    hub.page_for.add("config.json")
    result = load(REPO, url=hub.url, home=home)
    _assert_clear(result, "unreachable", hub.url, "HF_ENDPOINT", "config.json")
    hub.page_for.clear()

    hub.gated.add(REPO)  # everybody may see what is in it, and few may have it
    result = load(REPO, url=hub.url, home=home)
    _assert_clear(result, "no-access", "config.json", f"{hub.url}/{REPO}", "hf auth login")
    hub.gated.clear()

    for status, code, why in ((404, "changed", "no such file"), (500, "unreachable", "500")):
        hub.refused[WEIGHTS] = status
        _assert_clear(load(REPO, url=hub.url, home=home), code, WEIGHTS, why)
    hub.refused.clear()
    _assert_succeeds(hub, home)


def test_a_page_in_place_of_the_rest_of_a_file(hub: Hub, home: Path) -> None:
    hub.breaks[WEIGHTS] = 2_100_000
    run(_AT_ONCE, REPO, url=hub.url, home=home)
    hub.breaks.clear()
    hub.page_for.add(WEIGHTS)
    _assert_clear(load(REPO, url=hub.url, home=home), "unreachable", WEIGHTS, "HF_ENDPOINT")
    hub.page_for.clear()
    hub.requests.clear()
    _assert_succeeds(hub, home)
    assert _transfers(hub) == [f"bytes={2 << 20}-"]  # the page was not taken for a part of it


def test_the_rest_of_other_bytes_is_refused(hub: Hub, home: Path) -> None:
    """As if the weights had been replaced on the hub, and only their rest had come."""
    hub.breaks[WEIGHTS] = 2_100_000
    run(_AT_ONCE, REPO, url=hub.url, home=home)
    hub.breaks.clear()
    hub.spoilt.add(WEIGHTS)
    _assert_clear(load(REPO, url=hub.url, home=home), "checksum", WEIGHTS)
    hub.spoilt.clear()
    _assert_succeeds(hub, home)


def test_a_cache_that_cannot_be_written(hub: Hub, home: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("capabilities are Linux's")
    (home / "hub").mkdir(parents=True)
    (home / "hub").chmod(0o555)
    result = load(REPO, url=hub.url, home=home, within=AS_ANYBODY)
    _assert_clear(result, "disk", str(home / "hub"), "Permission denied", "HF_HOME")
    (home / "hub").chmod(0o755)
    _assert_succeeds(hub, home)


def test_a_complete_model_in_a_cache_that_cannot_be_written(hub: Hub, home: Path) -> None:
    _assert_succeeds(hub, home)
    hub.requests.clear()
    for path in [home, *home.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert "vector" in load(REPO, url=hub.url, home=home, within=AS_ANYBODY)
        assert hub.requests == []
    finally:
        for path in [home, *home.rglob("*")]:
            path.chmod(0o755)


def test_a_cache_below_a_file(hub: Hub, home: Path) -> None:
    home.write_text("not a folder")
    result = load(REPO, url=hub.url, home=home)
    _assert_clear(result, "disk", str(home / "hub"), "Not a directory", "HF_HOME")
    home.unlink()
    _assert_succeeds(hub, home)


def test_a_file_that_is_larger_than_may_be(hub: Hub, home: Path) -> None:
    small = (sys.executable, "-c", _SMALL_FILES, "1500000")
    result = load(REPO, url=hub.url, home=home, within=small)
    _assert_clear(result, "disk", WEIGHTS, str(home / "hub"), "File too large", "HF_HOME")
    assert list(home.rglob("*.incomplete")) == []  # it would be in the way
    _assert_succeeds(hub, home)


def _tiny_disk(place: Path, size: str) -> tuple[str, ...]:
    """A command that runs another one with a disk of its own at `place`."""
    place.mkdir(parents=True)
    mount = f'mount -t tmpfs -o size={size} none "$0" && exec "$@"'
    within = ("unshare", "-rm", "sh", "-c", mount, str(place))
    if not shutil.which("unshare") or subprocess.run([*within, "true"], check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    return within


def test_a_disk_that_is_too_small(hub: Hub, home: Path) -> None:
    result = load(REPO, url=hub.url, home=home, within=_tiny_disk(home, "2m"))
    _assert_clear(result, "disk", str(home / "hub"), "needs 3.1 MB more", "MB are free", "HF_HOME")
    assert _transfers(hub) == []  # it is said before anything is fetched
    _assert_succeeds(hub, home)


def test_a_disk_that_gets_full(hub: Hub, home: Path) -> None:
    hub.tells_sizes = False
    result = load(REPO, url=hub.url, home=home, within=_tiny_disk(home, "2m"))
    _assert_clear(result, "disk", WEIGHTS, str(home / "hub"), "No space left", "HF_HOME")
    _assert_succeeds(hub, home)


def test_the_command_says_it_without_a_traceback(hub: Hub, home: Path, tmp_path: Path) -> None:
    tiny_photo = tmp_path / "photo.png"
    Image.new("RGB", (20, 20)).save(tiny_photo)
    home.write_text("not a folder")
    environ = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    safelight = str(Path(sys.executable).with_name("safelight"))
    done = subprocess.run(
        [safelight, "ingest", str(tiny_photo), "--model", REPO],
        env=environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "COLUMNS": "1000"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    for each in (REPO, str(home / "hub"), "HF_HOME"):
        assert each in done.stderr
    assert "Traceback" not in done.stderr
