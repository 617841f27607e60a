"""Downloads, from a server on this machine."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.embedding.hub.client import find_cached
from safelight.embedding.layouts.onnx import find_layout
from safelight.embedding.load import DEFAULT, default_model, load_embedder
from safelight.embedding.names import parse_model_name
from safelight.errors import ModelUnavailable
from tests.embedding import tiny
from tests.embedding.hub_server import Hub
from tests.embedding.hub_user import LOAD_WITHOUT_TORCH, load, run

if TYPE_CHECKING:
    from collections.abc import Iterator

REPO = "someone/tiny"
DEFAULT_REPO = parse_model_name(DEFAULT).onnx_repos[0]

_DEFAULT = """
import json
from safelight.embedding.load import default_model
choice = default_model(None, timeout=1.5)
print(json.dumps({"model": choice.model, "note": choice.note}))
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with Hub({REPO: tiny.write_transformers_js(tmp_path / "served")}) as serving:
        yield serving


def test_fetches_what_is_needed_once(hub: Hub, tmp_path: Path) -> None:
    folder = hub.repos[REPO]
    (folder / "model.safetensors").write_bytes(b"weights for PyTorch")
    first = load(REPO, url=hub.url, home=tmp_path / "home")
    local = load_embedder(str(folder))
    np.testing.assert_allclose(first["vector"], local.encode_texts(["cat"])[0], atol=1e-6)
    assert first["print"] == local.fingerprint
    assert not any("safetensors" in path for _, path, _ in hub.requests)

    hub.requests.clear()
    again = load(REPO, url=hub.url, home=tmp_path / "home")
    assert again == first | {
        "client": False,
        "said": [],
    }  # neither the network nor the client is needed
    assert hub.requests == []


def test_takes_open_clips_names_and_knows_models(tmp_path: Path) -> None:
    folder = tiny.write_immich(tmp_path / "served")
    with Hub({DEFAULT_REPO: folder}) as hub:
        fetched = run(
            LOAD_WITHOUT_TORCH, "openai/clip-vit-base-patch32", url=hub.url, home=tmp_path / "home"
        )
        assert fetched["print"] == load_embedder(str(folder)).fingerprint
        assert fetched["scale"] == 100.0
    with Hub({"immich-app/ViT-g-14__laion2b-s12b-b42k": folder}) as hub:
        spelt = run(
            LOAD_WITHOUT_TORCH, "ViT-g-14/laion2b_s12b_b42k", url=hub.url, home=tmp_path / "home"
        )
        assert spelt["print"] == fetched["print"]


def test_a_variant_is_fetched_beside_another(hub: Hub, tmp_path: Path) -> None:
    tiny.write_transformers_js(hub.repos[REPO], suffix="_fp16", dtype="float16")
    exact = load(REPO, url=hub.url, home=tmp_path / "home")
    half = load(f"{REPO}#fp16", url=hub.url, home=tmp_path / "home")
    assert half["print"] != exact["print"]
    assert half["print"] == load_embedder(f"{hub.repos[REPO]}#fp16").fingerprint


def test_goes_on_where_a_transfer_ended(hub: Hub, tmp_path: Path) -> None:
    name = "onnx/text_model.onnx_data"
    (hub.repos[REPO] / name).write_bytes(bytes(4_000_000))
    hub.cut.add(name)
    assert "vector" in load(REPO, url=hub.url, home=tmp_path / "home")
    ranges = [r for method, path, r in hub.requests if method == "GET" and path.endswith(name)]
    assert ranges == [None, f"bytes={1 << 20}-"]  # it is written a mebibyte at a time


def test_large_files_come_from_elsewhere_and_the_token_does_not_go_there(
    hub: Hub, tmp_path: Path
) -> None:
    name = "onnx/text_model.onnx_data"
    (hub.repos[REPO] / name).write_bytes(bytes(4_000_000))
    with Hub(hub.repos, cut={name}) as other:
        hub.elsewhere = other.url.replace("127.0.0.1", "localhost")
        assert "vector" in load(REPO, url=hub.url, home=tmp_path / "home", HF_TOKEN="hf_secret")
        assert hub.tokens == {"Bearer hf_secret"}
        assert other.tokens == {None}
        ranges = [r for method, path, r in other.requests if path.endswith(name)]
    assert ranges == [None, f"bytes={1 << 20}-"]


def test_spoilt_bytes_are_refused_and_thrown_away(hub: Hub, tmp_path: Path) -> None:
    hub.spoilt.add("onnx/vision_model.onnx")
    result = load(REPO, url=hub.url, home=tmp_path / "home")
    assert result["code"] == "checksum"
    context = result["context"]
    assert (context["repo"], context["file"]) == (REPO, "onnx/vision_model.onnx")
    assert "built-in one (starter)" in result["message"]

    hub.spoilt.clear()
    assert "vector" in load(REPO, url=hub.url, home=tmp_path / "home")


@pytest.mark.parametrize(
    ("status", "code", "why"),
    [
        (401, "not-found", "logged in"),
        (403, "no-access", "hf auth login"),
        (429, "busy", "too often"),
        (500, "unreachable", "fails at the moment"),
        (502, "unreachable", "fails at the moment"),
        (418, "unreachable", "HTTP 418"),
    ],
)
def test_explains_refusals(hub: Hub, tmp_path: Path, status: int, code: str, why: str) -> None:
    hub.status = status
    result = load(REPO, url=hub.url, home=tmp_path / "home")
    assert result["code"] == code
    assert str(status) in result["message"]
    assert why in result["message"]
    assert REPO in result["message"]
    assert "its folder" in result["message"]


def test_explains_a_model_that_is_not_there(hub: Hub, tmp_path: Path) -> None:
    result = load("someone/else", url=hub.url, home=tmp_path / "home")
    assert result["code"] == "not-found"
    assert "someone/else" in result["message"]


def test_explains_a_model_for_pytorch_only(hub: Hub, tmp_path: Path) -> None:
    for path in hub.repos[REPO].rglob("*.onnx"):
        path.unlink()
    result = run(LOAD_WITHOUT_TORCH, REPO, url=hub.url, home=tmp_path / "home")
    assert result["code"] == "no-onnx"
    assert "`torch` extra" in result["message"]
    assert "ViT-B-32/openai" in result["message"]


def test_explains_that_nobody_answers(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        result = load(REPO, url=url, home=tmp_path / "home")
    assert result["code"] == "unreachable"


def test_obeys_when_told_to_stay_offline(hub: Hub, tmp_path: Path) -> None:
    result = load(REPO, url=hub.url, home=tmp_path / "home", HF_HUB_OFFLINE="1")
    assert result["code"] == "offline"
    with pytest.raises(ModelUnavailable, match="only local files"):
        load_embedder(REPO, local_files_only=True)
    assert hub.requests == []


def test_the_default_is_clip_if_the_hub_answers(tmp_path: Path) -> None:
    folder = tiny.write_immich(tmp_path / "served")
    with Hub({DEFAULT_REPO: folder}) as hub:
        choice = run(_DEFAULT, url=hub.url, home=tmp_path / "home")
        assert choice["model"] == DEFAULT
        assert choice["note"] is None
        run(LOAD_WITHOUT_TORCH, DEFAULT, url=hub.url, home=tmp_path / "home")
        hub.requests.clear()
        assert run(_DEFAULT, url=hub.url, home=tmp_path / "home") == {
            "model": DEFAULT,
            "note": None,
        }
        assert hub.requests == []


def test_the_default_is_the_starter_if_the_hub_is_slow(tmp_path: Path) -> None:
    with Hub({DEFAULT_REPO: tiny.write_immich(tmp_path / "served")}, delay=60.0) as hub:
        start = time.perf_counter()
        choice = run(_DEFAULT, url=hub.url, home=tmp_path / "home")
        assert time.perf_counter() - start < 60
    assert choice["model"] == "starter"
    assert "1.5 s" in choice["note"]
    assert "another one" in choice["note"]


def test_the_default_is_what_the_user_set_or_the_starter_offline() -> None:
    assert default_model("some/model").model == "some/model"
    assert default_model("some/model").note is None
    choice = default_model(None)  # the tests' environment is offline
    assert choice.model == "starter"
    assert "HF_HUB_OFFLINE" in (choice.note or "")


@pytest.mark.parametrize("name", ["HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME"])
def test_reads_the_cache_where_the_client_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    below = {"HF_HOME": "hub", "HF_HUB_CACHE": "", "XDG_CACHE_HOME": "huggingface/hub"}[name]
    repo = tmp_path / below / "models--someone--tiny"
    snapshot = tiny.write_immich(repo / "snapshots" / "c0ffee")
    assert find_cached(REPO, find_layout) is None
    monkeypatch.setenv(name, str(tmp_path))
    assert find_cached(REPO, find_layout) is None  # no branch leads to it yet
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("c0ffee")
    found = find_cached(REPO, find_layout)
    assert found is not None
    assert found[0] == snapshot
    (snapshot / "config.json").unlink()
    assert find_cached(REPO, find_layout) is None  # a download that was cut short


_OUTSIDE = "../" * 12 + "tmp/safelight-escaped"


@pytest.mark.parametrize(
    "lies",
    [
        {"sha256": _OUTSIDE},
        {"sha256": "/tmp/safelight-escaped"},
        {"sha256": "..\\\\..\\\\escaped"},
        {"sha256": "F" * 64},
        {"size": 1 << 60},
        {"size": -1},
        {"etag": _OUTSIDE},
        {"etag": "/tmp/safelight-escaped"},
        {"commit": _OUTSIDE},
        {"location": "file:///etc/passwd"},
        {"location": "ftp://127.0.0.1/x"},
    ],
)
def test_nothing_that_a_hub_says_leads_out_of_the_cache(
    hub: Hub, tmp_path: Path, lies: dict[str, object]
) -> None:
    hub.lies |= lies
    home = tmp_path / "deep" / "home"
    result = load(REPO, url=hub.url, home=home)
    assert result["code"] in ("bad-answer", "unreachable")
    assert REPO in result["message"]
    assert not Path("/tmp/safelight-escaped").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"deep", "served"}
    hub.lies.clear()
    assert "vector" in load(REPO, url=hub.url, home=home)


def test_names_that_lead_out_are_not_files_of_a_model(hub: Hub, tmp_path: Path) -> None:
    hub.lies["names"] = [
        "../x",
        "/etc/x",
        "a/../../x",
        "C:\\\\x",
        "nul",
        "a\n",
        "",
        "x" * 300,
        "a//b",
    ]
    assert "vector" in load(REPO, url=hub.url, home=tmp_path / "home")


_OFFER = """
import json, sys, time
from safelight.embedding.offer import can_have_clip
start = time.perf_counter()
found = can_have_clip(0.5)
print(json.dumps({"found": found, "seconds": time.perf_counter() - start,
                  "client": "huggingface_hub" in sys.modules}))
"""


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b""],
    ids=["another protocol", "chunks that are none", "nothing"],
)
def test_a_server_of_another_protocol_offers_nothing(tmp_path: Path, answer: bytes) -> None:
    def speak() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(10_000)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        said = run(_OFFER, url=url, home=tmp_path / "home", XDG_CACHE_HOME=str(tmp_path / "cache"))
        thread.join(10)
    assert not said["found"]


def test_a_hub_that_answers_again_is_noticed_and_not_asked_twice(tmp_path: Path) -> None:
    home, here = tmp_path / "home", {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    with Hub({DEFAULT_REPO: tiny.write_immich(tmp_path / "served")}) as hub:
        first = run(_OFFER, url=hub.url, home=home, **here)
        assert (first["found"], first["client"]) == (True, False)
        asked = len(hub.requests)
        assert run(_OFFER, url=hub.url, home=home, **here)["found"]
        assert len(hub.requests) == asked == 1
        assert not run(_OFFER, url=hub.url, home=home, HF_HUB_OFFLINE="1", **here)["found"]
    for options in ({"status": 503}, {"is_page": True}, {"delay": 60.0}):
        with Hub({DEFAULT_REPO: tmp_path / "served"}, **options) as hub:
            said = run(_OFFER, url=hub.url, home=home, **here)
            assert not said["found"]
            assert said["seconds"] < 5
