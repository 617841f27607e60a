"""``safelight models``, with the installed command, a hub on this machine and caches of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
from click.testing import CliRunner

from safelight.embedding.catalogue.catalogue import known_models
from safelight.embedding.load import load_embedder
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.library.database import Database
from tests.embedding import hub_server, tiny
from tests.embedding.hub_cache import put
from tests.embedding.hub_server import Hub
from tests.fakes import ColourEmbedder
from tests.forked import safelight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

SAFELIGHT = str(Path(sys.executable).with_name("safelight"))
NAME = "ViT-B-32/openai"
ONNX = f"{NAME}#onnx"  # PyTorch takes seconds to start
EXPORT = "immich-app/ViT-B-32__openai"
RESEARCH_ONLY = "Xenova/mobileclip_s0"

_MISSING = [
    name
    for name in ("torch", "open_clip", "transformers", "onnx")
    if importlib.util.find_spec(name) is None
]


def parity(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that needs PyTorch; see tests/embedding/torch/conftest.py."""
    missing = bool(_MISSING) and os.environ.get("SAFELIGHT_TEST_PARITY") != "1"
    skip = pytest.mark.skipif(missing, reason=f"parity extra is missing: {_MISSING}")
    return pytest.mark.parity(pytest.mark.filterwarnings("ignore")(skip(test)))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "hub cache"
    folder.mkdir()
    return folder


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    model = tiny.write_transformers_js(tmp_path / "served")
    export = tiny.write_immich(tmp_path / "export")
    with Hub({RESEARCH_ONLY: model, "someone/tiny": model, EXPORT: export}) as serving:
        yield serving


@pytest.fixture
def environ(tmp_path: Path, cache: Path) -> dict[str, str]:
    return {
        **os.environ,
        "HF_HUB_CACHE": str(cache),
        "SAFELIGHT_LIBRARY": str(tmp_path / "library.db"),
    }


@pytest.fixture
def run(tmp_path: Path, environ: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``safelight models ...``; with ``hub=``, what that serves can be fetched."""

    def call(
        *args: object, code: int = 0, hub: Hub | None = None, **more: str
    ) -> subprocess.CompletedProcess[str]:
        online = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0"} if hub else {}
        done = safelight(["models", *args], cwd=tmp_path, environ=environ | online | more)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


def _rows(text: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in map(json.loads, text.splitlines())}


def test_list_is_a_table_that_fits(run, cache: Path, tmp_path: Path) -> None:
    put(cache, EXPORT, tiny.write_immich(tmp_path / "model"))
    put(cache, "someone/a-model-with-a-name-that-is-longer-than-the-table", tmp_path / "model")
    lines = run("list").stdout.splitlines()
    assert max(map(len, lines)) <= 100
    head, *rows = lines[: lines.index("")]
    at = {word: head.index(word) for word in head.split()}
    by_name = {row[: at["dim"] - 1].strip(): row for row in rows}
    for known in known_models():
        row = by_name[known.name]
        licence = row[at["licence"] : at["lang"]].strip()
        assert licence == known.licence + ("" if known.permissive else "*")
        assert row.split()[1:4] == [
            str(known.dimension),
            str(known.image_size),
            str(known.megabytes),
        ]
    assert by_name[NAME].endswith(" 1")
    assert by_name["ViT-L-14/openai"].endswith("36.5")
    assert any(name.startswith("someone/a-model") and name.endswith("…") for name in by_name)
    assert "the licence does not allow every use" in lines[-1]


def test_list_as_json_and_of_what_is_there(run, cache: Path, tmp_path: Path) -> None:
    rows = _rows(run("list", "--json").stdout)
    assert list(rows) == [known.name for known in known_models()]
    assert rows[RESEARCH_ONLY]["permissive"] is False
    assert rows[NAME]["imagenet"] == 63.32
    assert list(_rows(run("list", "--json", "--on-disk").stdout)) == ["starter"]
    snapshot = put(cache, EXPORT, tiny.write_immich(tmp_path / "model"))
    row = _rows(run("list", "--json", "--on-disk").stdout)[NAME]
    assert row["on_disk"] is True
    (download,) = row["downloads"]
    assert download["repo"] == EXPORT
    assert download["runtime"] == "onnx"
    assert download["folder"] == str(snapshot)
    assert download["bytes"] == row["bytes"] > 0
    (snapshot / "config.json").unlink()
    assert NAME not in run("list", "--on-disk").stdout
    (line,) = (line for line in run("list").stdout.splitlines() if line.startswith(f"{NAME} "))
    assert line.endswith(" part")


def test_info_says_all_of_a_known_model(run, cache: Path, tmp_path: Path) -> None:
    for known in known_models():
        if known.name not in (NAME, "ViT-L-14/openai", RESEARCH_ONLY):
            continue
        said = run("info", known.name).stdout
        every = {*known.ids, known.licence, known.use_when, str(known.imagenet), known.source}
        every |= {*known.checksums.values(), *(each.source for each in known.golden)}
        assert [each for each in every if each not in said] == []
        assert ("does not allow every use" in said) == (not known.permissive)
        assert f"safelight models pull {known.name}" in said
    snapshot = put(cache, EXPORT, tiny.write_immich(tmp_path / "model"))
    assert re.search(rf"onnx, \d+ kB: {re.escape(str(snapshot))}", run("info", NAME).stdout)
    assert "models pull" not in run("info", NAME).stdout
    found = json.loads(run("info", "openai/clip-vit-base-patch32", "--json").stdout)
    assert found["dimension"] == 512
    assert found["golden"][0]["texts"] == ["hello world"]
    assert found["checksums"].keys() == {"ViT-B-32.pt", "pytorch_model.bin"}
    assert "part of safelight" in run("info", "starter").stdout


def test_info_finds_out_about_other_models(run, hub: Hub, tmp_path: Path) -> None:
    folder = tiny.write_immich(tmp_path / "mine")
    found = json.loads(run("info", folder, "--json").stdout)
    assert (found["dimension"], found["runtime"], found["on_disk"]) == (8, "onnx", True)
    assert "8 numbers" in run("info", "./mine").stdout
    said = run("info", "someone/tiny", hub=hub).stdout
    assert "Licence      not named by its publisher" in said
    assert "safelight models pull someone/tiny" in said
    assert "HF_HUB_OFFLINE" in run("info", "someone/tiny", code=1).stderr
    assert "names no model" in run("info", "nonsense", code=2).stderr


def test_pull_says_the_terms_and_fetches_both_sides(run, hub: Hub, cache: Path) -> None:
    done = run("pull", ONNX, hub=hub)
    terms, fetching = done.stderr.splitlines()[:2]
    assert terms == f"{ONNX}: licence MIT, about 605 MB (from the catalogue)."
    assert fetching.startswith(f"safelight: Fetching {ONNX} (")
    assert re.fullmatch(rf"Fetched {re.escape(ONNX)}: \d+ kB on disk\.\n", done.stdout)
    got = {path.name for path in (cache / f"models--{EXPORT.replace('/', '--')}").rglob("*.onnx")}
    assert got == {"model.onnx"}
    fetched = {path for _, path, _ in hub.requests}
    assert {f"/{EXPORT}/resolve/main/{side}/model.onnx" for side in ("visual", "textual")} < fetched
    hub.requests.clear()
    assert run("pull", NAME, hub=hub).stdout == f"{NAME} is on this machine already.\n"
    assert run("pull", "starter").stdout == "starter is on this machine already.\n"
    assert hub.requests == []


def test_pull_fetches_the_rest_of_what_was_cut_short(run, hub: Hub, cache: Path) -> None:
    hub.spoilt.add("textual/model.onnx")
    assert "textual/model.onnx" in run("pull", ONNX, hub=hub, code=1).stderr
    assert "only a part" in run("verify", NAME, code=1).stderr
    hub.spoilt.clear()
    hub.requests.clear()
    run("pull", ONNX, hub=hub)
    fetched = [path for method, path, _ in hub.requests if method == "GET" and "resolve" in path]
    assert fetched == [f"/{EXPORT}/resolve/main/textual/model.onnx"]


def test_pull_goes_on_with_the_others(run, hub: Hub) -> None:
    hub.spoilt.add("visual/model.onnx")
    done = run("pull", ONNX, "someone/tiny", "--yes", hub=hub, code=1)
    assert "visual/model.onnx" in done.stderr
    assert re.fullmatch(r"Fetched someone/tiny: \d+ kB on disk\.\n", done.stdout)


@pytest.mark.parametrize(
    ("name", "why"),
    [(RESEARCH_ONLY, "does not allow every use"), ("someone/tiny", "is not known")],
)
def test_pull_refuses_a_licence_that_nobody_agreed_to(
    run, hub: Hub, cache: Path, name: str, why: str
) -> None:
    done = run("pull", ONNX, name, hub=hub, code=2)
    assert f"The licence of {name} {why}" in done.stderr
    assert "--yes" in done.stderr
    assert list(cache.glob("models--*")) == []  # nor what was named before it
    assert "Fetched" in run("pull", name, "--yes", hub=hub).stdout


def test_pull_does_not_ask_for_what_the_hub_calls_permissive(
    run, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = hub_server._info
    monkeypatch.setattr(
        hub_server, "_info", lambda *args: plain(*args) | {"tags": ["clip", "license:mit"]}
    )
    done = run("pull", "someone/tiny", hub=hub)
    assert f"someone/tiny: licence mit (from {hub.url}/someone/tiny)." in done.stderr


def _answer(environ: dict[str, str], answer: str, *args: str) -> tuple[int, str, str]:
    """Run the command on a terminal, where it asks."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        [SAFELIGHT, "models", *args],
        stdin=side,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    )
    os.write(main, f"{answer}\n".encode())
    out, err = process.communicate(timeout=120)
    os.close(side)
    os.close(main)
    return process.returncode, out, err


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("y", 0)])
def test_pull_asks_on_a_terminal(
    hub: Hub, cache: Path, environ: dict[str, str], answer: str, code: int
) -> None:
    online = environ | {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0"}
    returned, out, err = _answer(online, answer, "pull", RESEARCH_ONLY)
    assert returned == code, err
    assert "licence apple-amlr, about 215 MB" in err
    assert "Fetch the model?" in err
    assert bool(list(cache.glob("models--*"))) == (answer == "y")
    assert ("Fetched" in out) == (answer == "y")


def test_verify_says_what_it_compared(run, cache: Path, tmp_path: Path) -> None:
    put(cache, "someone/tiny", tiny.write_immich(tmp_path / "model"))
    said = run("verify", "someone/tiny").stdout
    assert "ok    6 files: have the digest that the hub announced" in said
    assert said.endswith("Nothing differs from what is known about it.\n")
    said = run("verify", tmp_path / "model").stdout
    assert "Nothing was compared: nobody has published anything to compare it with." in said
    found = json.loads(run("verify", "someone/tiny", "--json").stdout)
    assert (found["ok"], found["compared"]) == (True, 6)
    assert {each["kind"] for each in found["checks"]} == {"announced", "sanity"}
    assert "ok    image.onnx, text.onnx, tokenizer.json: as when" in run("verify", "starter").stdout
    assert "safelight models pull" in run("verify", NAME, code=1).stderr


def test_verify_names_a_damaged_file_and_the_way_out(run, hub: Hub, cache: Path) -> None:
    run("pull", "someone/tiny", "--yes", hub=hub)
    (link,) = cache.glob("models--someone--tiny/snapshots/*/onnx/text_model.onnx")
    blob = link.resolve()
    blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    done = run("verify", "someone/tiny", code=1)
    assert "WRONG onnx/text_model.onnx of someone/tiny has the digest" in done.stdout
    assert f"but the hub announced {blob.name}" in " ".join(done.stdout.split())
    out = "safelight models rm someone/tiny; safelight models pull someone/tiny"
    assert done.stderr.strip().endswith(out)
    assert json.loads(run("verify", "someone/tiny", "--json", code=1).stdout)["ok"] is False
    run("rm", "someone/tiny", "--yes")
    run("pull", "someone/tiny", "--yes", hub=hub)
    run("verify", "someone/tiny")


def test_verify_unmasks_random_weights(
    run, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny, "DIMENSION", 512)
    put(cache, EXPORT, tiny.write_immich(tmp_path / "model", dimension=512))
    done = run("verify", NAME, code=1)
    assert 'WRONG "hello world": is [' in done.stdout
    assert "It is not what it should be." in done.stdout
    assert f"safelight models rm {NAME}" in done.stderr
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"")
    assert "Nothing is published of" in run("verify", NAME, "--photo", photo, code=2).stderr


def test_rm_frees_and_warns_of_a_library(
    run, cache: Path, tmp_path: Path, environ: dict[str, str], make_photo: Callable[..., Path]
) -> None:
    put(cache, EXPORT, tiny.write_immich(tmp_path / "model"))
    put(cache, "someone/else", tmp_path / "model")
    assert "--yes" in run("rm", NAME, code=2).stderr
    make_photo(tmp_path / "photos" / "red.png")
    made = safelight(
        ["ingest", "--model", NAME, tmp_path / "photos"], cwd=tmp_path, environ=environ
    )
    assert made.returncode == 0, made.stderr
    assert run("rm", "someone/else", "--yes").stderr == ""
    done = run("rm", NAME, "--yes")
    assert re.fullmatch(rf"Removed {re.escape(NAME)}: \d+ kB freed\.\n", done.stdout)
    assert "Searches in the library use it" in done.stderr
    assert list(cache.glob("models--*")) == []
    assert "nothing of" in run("rm", NAME, code=1).stderr
    assert "it is left alone" in run("rm", tmp_path / "model", "--yes", code=2).stderr
    assert (tmp_path / "model" / "config.json").exists()
    assert "part of safelight" in run("rm", "starter", "--yes", code=2).stderr


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("y", 0)])
def test_rm_asks_on_a_terminal(
    cache: Path, tmp_path: Path, environ: dict[str, str], answer: str, code: int
) -> None:
    put(cache, EXPORT, tiny.write_immich(tmp_path / "model"))
    returned, out, err = _answer(environ, answer, "rm", NAME)
    assert returned == code, err
    assert re.search(r"models--immich-app--ViT-B-32__openai\nRemove this, \d+ kB\?", err)
    assert bool(list(cache.iterdir())) == (answer == "n")
    assert ("Removed" in out) == (answer == "y")


def test_export_needs_the_torch_extra_and_a_model_in_pytorch(
    run, environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "without").mkdir()
    for name in ("torch", "onnx"):  # as if they were not installed
        (tmp_path / "without" / "sitecustomize.py").write_text(
            "import importlib.util as u\nfind = u.find_spec\n"
            f"u.find_spec = lambda n, *a: None if n == {name!r} else find(n, *a)\n"
        )
        done = subprocess.run(
            [SAFELIGHT, "models", "export", NAME, "out"], capture_output=True, text=True,
            env=environ | {"PYTHONPATH": str(tmp_path / "without")}, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert re.search(rf"needs .*{name}.*: pip install 'safelight\[torch\]'", done.stderr)
    for model in ("starter", f"{NAME}#onnx", "Xenova/clip-vit-base-patch32#fp16"):
        assert "only one in PyTorch" in run("export", model, "out", code=2).stderr
    (tmp_path / "there").mkdir()
    assert "is there already" in run("export", NAME, "there", code=2).stderr


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as open_clip writes it: a small ViT with random weights."""
    from tests.embedding.torch import random_models

    config = random_models.config_of("ViT-B-32", 2)
    config["vision_cfg"] |= {"width": 64, "head_width": 32, "image_size": 64}
    config["text_cfg"] |= {"width": 64, "heads": 2}
    config["embed_dim"] = 32
    return random_models.write_open_clip(
        tmp_path_factory.mktemp("original") / "model",
        random_models.build_open_clip(config),
        config,
        random_models.CLIP_PREPROCESSING,
    )


@parity
def test_export_writes_what_ingests_and_verifies(run, original: Path, tmp_path: Path) -> None:
    done = run("export", original, "out")
    assert "Comparing on 16 photos of the demo." in done.stderr
    assert "Images   cosine 1.000000 mean" in done.stdout
    assert "Use it: safelight ingest --model out" in done.stdout
    said = run("verify", "out").stdout
    assert "files: have the digest that was recorded when it was exported" in said

    export, torch = load_embedder(str(tmp_path / "out")), load_embedder(str(original))
    assert export.where.runtime == "onnx"
    assert export.fingerprint == torch.fingerprint
    both = [each.encode_texts(["a photo of a dog"])[0] for each in (export, torch)]
    assert float(np.dot(*both)) > 0.9999


@pytest.fixture
def export(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], tmp_path: Path
) -> Callable[..., Result]:
    """Run ``safelight models export`` in this process, where PyTorch is loaded already."""
    from safelight.cli.models import models

    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def call(*args: object, code: int = 0) -> Result:
        result = CliRunner().invoke(models, ["export", *map(str, args)])
        assert result.exit_code == code, result.output
        return result

    return call


@parity
def test_export_takes_photos_of_a_folder_or_of_the_library(
    export, original: Path, tmp_path: Path, make_photo: Callable[..., Path]
) -> None:
    folder = tmp_path / "photos"
    for number in range(3):
        make_photo(folder / f"{number}.png", seed=number, size=80)
    (folder / "broken.jpg").write_bytes(b"broken")
    done = export(original, "half", "--dtype", "fp16", "--photos", "photos", "--json")
    found = json.loads(done.stdout)
    assert (found["photos"], found["good"], found["written"]) == (3, True, True)
    assert found["image_worst"] > 0.99
    with Database(tmp_path / "library.db") as library:
        ingest(library, [parse_source(str(folder))], ColourEmbedder(), model="colours")
    (folder / "0.png").unlink()  # since then
    done = export(original, "small", "--dtype", "int8", "--force")
    assert f"Comparing on 2 photos of the library {tmp_path / 'library.db'}." in done.stderr
    assert "MB as int8; images " in done.stdout
    assert (tmp_path / "small" / "safelight.json").exists()
    (tmp_path / "empty").mkdir()
    done = export(original, "none", "--photos", "empty", code=1)
    assert "Give a folder of real photos" in str(done.exception)


@parity
def test_an_export_that_is_no_good_is_not_written(
    export, original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safelight.embedding.torch.export import LEAST

    monkeypatch.setitem(LEAST, "fp32", 1.5)
    done = export(original, "out", code=1)
    assert "Nothing was written; it is not good enough: a mean cosine below 1.5" in done.stderr
    assert list(tmp_path.glob("*out*")) == []
    done = export(original, "out", "--force", "--json")
    assert "was written all the same" in done.stderr
    assert json.loads(done.stdout)["good"] is False
    assert (tmp_path / "out" / "config.json").exists()


def test_the_command_offers_every_dtype() -> None:
    from safelight.cli.models import export
    from safelight.embedding.torch.export import Dtype

    (option,) = (each for each in export.params if each.name == "dtype")
    assert tuple(option.type.choices) == get_args(Dtype)
