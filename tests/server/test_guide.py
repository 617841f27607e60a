"""The lines of docs/server.md and docs/api.md work, in order; the first leaves out no call."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from safelight.library.state.tokens import create_token
from safelight.server.limits import MEGABYTE, Limits
from tests.server.conftest import running
from tests.waiting import until

PAGE = Path(__file__).parents[2] / "docs" / "server.md"
TOUR = PAGE.with_name("api.md")


@pytest.fixture
def served(library, tmp_path, make_photo, embedder):
    """A server in whose root lie what the lines speak of, and which has some photos already."""
    from safelight.ingest import ingest
    from safelight.ingest.sources import parse_source

    root = tmp_path / "Pictures"
    make_photo(root / "beach.jpg", "blue", seed=1)
    make_photo(root / "forest.jpg", "green", seed=2)
    for number in range(3):
        make_photo(root / "holidays" / f"{number}.jpg", "red", seed=10 + number)
    make_photo(root / "disk" / "moved.jpg", "red", seed=20)
    Image.linear_gradient("L").convert("RGB").save(root / "grey.png")
    shutil.copy(root / "grey.png", root / "copy of grey.png")
    ingest(library, [parse_source(str(root))], embedder, model="colours")
    (root / "disk").rename(root / "new disk")
    with running(library, embedder, roots=(str(root),)) as found:
        yield found, root


def blocks(language: str, page: Path = PAGE) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(("page", "at_least"), [(PAGE, 30), (TOUR, 10)], ids=["server", "api"])
def test_the_lines_work(served, page: Path, at_least: int) -> None:
    server, root = served
    names = {
        "PHOTO_ID": server.get("/api/v1/photos?sort=added").json()["photos"][0]["photo_id"],
        "OTHER_ID": server.get("/api/v1/photos?sort=added").json()["photos"][-1]["photo_id"],
        "CURSOR": server.get("/api/v1/changes").json()["cursor"],
        "TOKEN": create_token(server.library, "guide")[0],
        "http://127.0.0.1:8080": server.url,
        "/media/old": str(root / "disk"),
        "/media/new": str(root / "new disk"),
    }
    lines = [
        line
        for block in blocks("sh", page)
        for line in block.replace("\\\n", " ").strip().split("\n")
    ]
    assert len(lines) >= at_least
    for line in lines:
        if "/duplicates?" in line:
            until(lambda: server.get("/api/v1/duplicates").json()["comparing"] is None)
        for name, value in names.items():
            line = line.replace(name, value)
        done = subprocess.run(
            [*shlex.split(line), "--silent", "--show-error", "--fail-with-body", "--noproxy", "*"],
            capture_output=True, cwd=root, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, (line, done.stdout[-500:], done.stderr)
        if done.stdout.startswith(b"{"):
            answer = json.loads(done.stdout)
            if "/ingest" in line:
                names["JOB_ID"] = answer["id"]
            if "/duplicates?" in line:
                names["GROUP"] = answer["groups"][0]["group"]
            if line.endswith("'quarantine'") or "quarantine" in line:
                names["PLAN_ID"] = answer["id"]
    with Image.open(root / "small.webp") as small:
        assert small.format == "WEBP"
    if page == PAGE:
        assert (root / "beach-again.jpg").stat().st_size > 100
    assert (root / "copy of grey.png").exists()


def test_the_python_examples_run(served) -> None:
    server, root = served
    examples = blocks("python")
    assert len(examples) == 2
    for example in examples:
        script = example.replace("http://127.0.0.1:8080", server.url)
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=120,
            env={**os.environ},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert ".jpg" in done.stdout
        assert "done" in done.stdout


def test_the_tour_in_python_runs(served) -> None:
    server, root = served
    until(lambda: server.get("/api/v1/duplicates").json()["comparing"] is None)
    (tour,) = blocks("python", TOUR)
    done = subprocess.run(
        [sys.executable, "-c", tour.replace("http://127.0.0.1:8080", server.url)],
        cwd=root, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "applied undone" in lines
    assert lines[-1] == "no-photo"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_tour_in_typescript_runs(served) -> None:
    server, _ = served
    until(lambda: server.get("/api/v1/duplicates").json()["comparing"] is None)
    (tour,) = blocks("ts", TOUR)
    # Without its types it is JavaScript, which every node runs.
    plain = re.sub(
        r"\): Promise<any> =>", ") =>", tour.replace("http://127.0.0.1:8080", server.url)
    )
    plain = re.sub(
        r"(\w)\??: (string \| null|string|unknown|any|RequestInit)(?=[,) =])", r"\1", plain
    )
    done = subprocess.run(["node", "-e", plain], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-3:] == ["applied", "undone", "no-photo"]


def test_no_call_is_left_out(served) -> None:
    server, _ = served
    text = PAGE.read_text("utf-8")
    for path in server.get("/openapi.json").json()["paths"]:
        pattern = re.sub(r"\\{[^}]*\\}", "[A-Za-z_]+", re.escape(path))
        assert re.search(pattern + r"(?![a-z/])", text), path


def test_the_limits_are_those_of_the_server() -> None:
    rows = dict(re.findall(r"\| `([a-z_]+)` \| ([\d]+(?: MB)?) \|", PAGE.read_text("utf-8")))
    limits = Limits()
    assert len(rows) == 23
    for name, said in rows.items():
        number, _, unit = said.partition(" ")
        assert getattr(limits, name) == int(number) * (MEGABYTE if unit else 1), name
