"""Clients that others' generators make of the OpenAPI document: strictly typed, and they work."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest

from safelight.library.state.tokens import create_token
from tests.server.conftest import running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from tests.server.conftest import Running

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[2] / "docs/openapi.json"

EXPECTED = {
    "hits": 5,
    "names": 9,
    "altitude": None,
    "picture": "WEBP",
    "alike": "red",
    "relation": "identical",
    "states": ["planned", "applied", "undone"],
    "new": True,
    "missing": [404, "no-photo"],
    "refused": "bad-token",
}


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def tools(name: str, install: Callable[[Path], None]) -> Path:
    """Return the folder where the pinned generators of a file lie; they are installed once."""
    pinned = HERE / name
    digest = hashlib.sha256(pinned.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = Path(platformdirs.user_cache_dir("safelight-tests")) / f"{pinned.stem}-{digest}"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(pinned, folder)
        try:
            install(folder)
        except AssertionError as error:
            # Only continuous integration is sure to reach an index of packages.
            if os.environ.get("CI"):
                raise
            pytest.skip(f"the generators of {name} cannot be installed: {str(error)[-200:]}")
        (folder / "installed").touch()
    return folder


def install_node(folder: Path) -> None:
    run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", cwd=folder)


def install_python(folder: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    run(uv, "venv", "--quiet", "--python", sys.executable, "venv", cwd=folder)
    python = folder / "venv/bin/python"
    run(uv, "pip", "install", "--quiet", "--python", python, "-r", "requirements.txt", cwd=folder)


class Workshop:
    """Folders with generated clients, type-checked; Python's beside the two of TypeScript."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with_node = "" if shutil.which("npm") else "npm is not installed"
        self.skipped = {"program.py": "", "fetch.ts": with_node, "hey.ts": with_node}
        self._pool = ThreadPoolExecutor(2)
        self._made: dict[str, Future[list[str | Path]]] = {}
        self._python = self._pool.submit(self._make_python)
        self._node = None if with_node else self._pool.submit(self._make_typescript)

    def command(self, program: str) -> list[str | Path]:
        """Return how a program is started; its client is made and checked by then."""
        if program.endswith(".py"):
            return [self._python.result(), program]
        assert self._node is not None
        return ["node", self._node.result() / "built" / program.replace(".ts", ".js")]

    def close(self) -> None:
        self._pool.shutdown()

    def _make_python(self) -> Path:
        bin_folder = tools("requirements.txt", install_python) / "venv/bin"
        folder = self.folder / "python"
        folder.mkdir()
        shutil.copy(HERE / "program.py", folder)
        said = run(
            bin_folder / "openapi-python-client", "generate", "--path", DOCUMENT,
            "--config", HERE / "openapi-python-client.yaml",
            "--meta", "none", "--output-path", folder / "safelight_generated", cwd=folder,
        )  # fmt: skip
        assert "WARNING" not in said, said
        cache = bin_folder.parent / "mypy"
        run(bin_folder / "mypy", "--strict", "--cache-dir", cache, ".", cwd=folder)
        return bin_folder / "python"

    def _make_typescript(self) -> Path:
        modules = tools("package.json", install_node) / "node_modules"
        folder = self.folder / "typescript"
        folder.mkdir()
        (folder / "package.json").write_text('{"type": "commonjs"}')
        for name in ("fetch.ts", "hey.ts", "tsconfig.json"):
            shutil.copy(HERE / name, folder)
        os.symlink(modules, folder / "node_modules")
        binaries = modules / ".bin"
        run(binaries / "openapi-typescript", DOCUMENT, "-o", "schema.ts", cwd=folder)
        run(binaries / "openapi-ts", "-i", DOCUMENT, "-o", "generated", cwd=folder)
        run(binaries / "tsc", "-p", ".", cwd=folder)
        return folder


@pytest.fixture(scope="module")
def workshop(tmp_path_factory) -> Iterator[Workshop]:
    made = Workshop(tmp_path_factory.mktemp("clients"))
    yield made
    made.close()


@pytest.fixture
def photos(photos: Path) -> Path:
    """The photos, one of them twice."""
    shutil.copy(photos / "red/red 0.png", photos / "red/red copy.png")
    return photos


@pytest.fixture
def served(filled, embedder) -> Iterator[tuple[Running, str]]:
    token, _ = create_token(filled, "program", may_write=True)
    with running(filled, embedder, needs_token=True) as server:
        server.client.headers["Authorization"] = f"Bearer {token}"
        yield server, token


@pytest.mark.parametrize("program", ["program.py", "fetch.ts", "hey.ts"])
def test_a_generated_client_does_what_people_want(
    program, workshop, served, photos, make_photo, tmp_path
) -> None:
    if workshop.skipped[program]:
        pytest.skip(workshop.skipped[program])
    server, token = served
    picture = make_photo(tmp_path / "red new.png", "red", seed=77)
    command = workshop.command(program)
    until(lambda: server.get("/api/v1/duplicates").json()["comparing"] is None)
    folder = workshop.folder / ("python" if program.endswith(".py") else "typescript")
    outcome = run(*command, server.url, token, picture, cwd=folder)
    assert json.loads(outcome) == EXPECTED
    assert (photos / "red/red copy.png").exists()
