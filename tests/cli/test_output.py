"""Output is written whatever the encoding; readers may go away; the package runs as a module."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from safelight.files.format import write_everything

NAME = "ünï 猫 — 😀.png"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("Fotos ł 猫")
    Image.effect_noise((64, 48), 40).convert("RGB").save(folder / NAME)
    path = tmp_path_factory.mktemp("library") / "l.db"
    done = _run(["ingest", str(folder), "--model", "starter"], path, {})
    assert done.returncode == 0, done.stderr
    return path


def _run(arguments, library, environment, module="safelight"):
    clean = {name: each for name, each in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**clean, "SAFELIGHT_LIBRARY": str(library), **environment},
        capture_output=True,
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp932", "cp437", "cp1252", "utf-8"])
def test_hits_are_written_in_every_encoding(library, encoding: str) -> None:
    done = _run(["search", "noise", "--all", "--json"], library, {"PYTHONIOENCODING": encoding})
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0
    assert json.loads(done.stdout.decode(encoding))["path"].endswith(NAME)


def test_redirected_output_is_utf_8_in_the_c_locale(library) -> None:
    old = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = _run(["search", "noise", "--all", "--paths"], library, old, "safelight.cli")
    assert b"Traceback" not in done.stderr
    assert done.stdout.decode("utf-8").strip().endswith(NAME)


@pytest.mark.parametrize("encoding", ["ascii", "cp932", "cp437", "cp1252", "koi8-r"])
@pytest.mark.parametrize("text", ["— é 猫 😀 \udc80", "日本語", "Ω\x85"])
def test_what_an_encoding_lacks_is_escaped(
    monkeypatch: pytest.MonkeyPatch, encoding: str, text: str
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    write_everything(stream, None, object())
    stream.write(json.dumps(text, ensure_ascii=False))
    stream.flush()
    assert json.loads(stream.buffer.getvalue().decode(encoding)) == text


def test_a_redirected_stream_becomes_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp932")
    write_everything(stream)
    stream.write("é — 😀\n")
    stream.flush()
    assert stream.buffer.getvalue().decode("utf-8") == "é — 😀\n"


@pytest.mark.parametrize("arguments", [["search", "noise", "--all"], ["--help"], ["status"]])
def test_a_closed_pipe_is_not_a_traceback(library, arguments) -> None:
    read, write = os.pipe()
    os.close(read)
    environment = {**os.environ, "SAFELIGHT_LIBRARY": str(library)}
    with os.fdopen(write, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "safelight", *arguments],
            env=environment,
            stdout=pipe,
            stderr=subprocess.PIPE,
        )
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize("module", ["safelight", "safelight.cli"])
def test_the_package_runs_as_a_module(tmp_path, module: str) -> None:
    done = _run(["--version"], tmp_path / "l.db", {}, module)
    assert done.returncode == 0
    assert done.stdout.startswith(b"safelight ")


@pytest.mark.parametrize(
    "arguments", [["search", "noise", "--all", "--json"], ["status"], ["docs", "guide"], ["--help"]]
)
def test_a_reader_that_has_gone_ends_a_command_with_141(library, arguments) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "safelight", *arguments],
        env={**os.environ, "SAFELIGHT_LIBRARY": str(library)},
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
