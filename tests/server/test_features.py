from __future__ import annotations

import os

import pytest


@pytest.fixture
def batch(photos):
    return {
        "batch_id": "b1",
        "by": "us",
        "artifacts": [
            {"photo_id": "r", "std_uri": "./red/red 0.png", "kept": [1]},
            {"photo_id": "none", "std_uri": f"file://{photos}/nothing.png"},
        ],
    }


def test_a_batch_comes_back_with_features(server, batch) -> None:
    answer = server.post("/api/v1/features", batch)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["batch_id"], found["by"]) == ("b1", "us")
    good, bad = found["artifacts"]
    assert good["kept"] == [1]
    assert 0 <= good["features"]["tech"]["exposure"] <= 1
    assert len(good["features"]["clip_labels"]) == 5
    assert bad["features"]["tech"]["exposure"] is None


def test_no_photo_from_elsewhere_is_looked_at(server, photos, tmp_path, make_photo) -> None:
    make_photo(tmp_path / "private" / "x.png")
    os.symlink(tmp_path / "private" / "x.png", photos / "link.png")
    for uri in (
        f"{tmp_path}/private/x.png",
        f"file://{tmp_path}/private/x.png",
        "../private/x.png",
        "./link.png",
        "file:///etc/passwd",
    ):
        for name in ("std_uri", "ranking_uri", "original_uri"):
            body = {"artifacts": [{"photo_id": "a", name: uri}]}
            answer = server.post("/api/v1/features", body)
            assert (answer.status_code, answer.json()["code"]) == (403, "outside"), uri


@pytest.mark.parametrize("body", [{}, {"artifacts": None}, {"artifacts": "x"}, {"artifacts": [3]}])
def test_what_is_not_a_batch_is_said(server, body) -> None:
    answer = server.post("/api/v1/features", body)
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] in ("bad-batch", "invalid")


def test_the_documentation_needs_nothing_from_elsewhere(server) -> None:
    page = server.get("/docs").text
    assert "http" not in page.partition("<h2>")[0].replace("<!doctype html>", "")
    for path in server.get("/openapi.json").json()["paths"]:
        assert path in page
    assert server.get("/docs.css").headers["content-type"].startswith("text/css")
