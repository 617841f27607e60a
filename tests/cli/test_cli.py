"""The installed command, run as people run it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.forked import safelight
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

SAFELIGHT = str(Path(sys.executable).with_name("safelight"))


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command with a library of its own: ``run("search", "cat", code=0)``."""

    def call(*args: object, code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        done = safelight(
            args,
            cwd=tmp_path,
            environ={**os.environ, "SAFELIGHT_LIBRARY": str(tmp_path / "library.db"), **environ},
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


@pytest.fixture
def photos(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    folder = tmp_path / "My Photos"
    make_photo(folder / "Röd räv.png", "red")
    make_photo(folder / "deep" / "B.JPG", "blue", seed=1)
    return folder


def test_ingest_then_search_then_status(run, photos) -> None:
    done = run("ingest", "--model", "starter", photos)
    assert "2 new" in done.stdout
    lines = run("search", "--all", "a", "red", "thing").stdout.splitlines()
    assert len(lines) == 2
    score, _, path = lines[0].partition(" — ")
    assert -1 <= float(score) <= 1
    assert path.startswith("My Photos/")
    status = json.loads(run("status", "--json").stdout)
    assert (status["photos"], status["failed"]) == (2, 0)
    assert status["spaces"][0]["model"] == "starter"
    assert "2 in 2 files" in run("status").stdout


def test_json_lines_have_the_documented_fields(run, photos) -> None:
    run("ingest", "-e", "starter", "-n", "holiday", f"images:{photos}")
    rows = [
        json.loads(line) for line in run("search", "--all", "blue", "--json").stdout.splitlines()
    ]
    # The starter model sees nothing blue in them, and says so.
    told = {"score", "path", "photo_id", "namespace", "metadata"}
    assert set(rows[0]) - told == {"weak", "match", "probability"}
    assert run("search", "blue", "--json").stdout == ""
    by_name = {row["metadata"]["filename"]: row for row in rows}
    assert by_name["B.JPG"]["metadata"] | {"format": "", "width": 0, "height": 0} == {
        "type": "image",
        "filename": "B.JPG",
        "path": "deep/B.JPG",
        "extension": ".jpg",
        "namespace": "holiday",
        "format": "",
        "width": 0,
        "height": 0,
    }
    assert Path(rows[0]["path"]).is_absolute()


def test_paths_are_ready_for_xargs(run, photos) -> None:
    run("ingest", "--model", "starter", photos)
    assert sorted(run("search", "--all", "x", "--paths").stdout.splitlines()) == sorted(
        str(path) for path in photos.rglob("*.*")
    )
    assert run("search", "--all", "x", "-0").stdout.count("\0") == 2


@pytest.mark.parametrize(
    "flag", ["-r=false", "--recursive=false", "--no-recursive", "-R", "--recursive=0"]
)
def test_recursion_can_be_turned_off_in_every_spelling(run, photos, flag) -> None:
    summary = json.loads(run("ingest", "--model=starter", flag, photos, "--json").stdout)
    assert summary["new"] == 1


@pytest.mark.parametrize("flag", ["-r", "-r=true", "--recursive", "--recursive=True"])
def test_recursion_is_on_in_every_spelling(run, photos, flag) -> None:
    summary = json.loads(run("ingest", "--model=starter", flag, photos, "--json").stdout)
    assert summary["new"] == 2


def test_without_a_hub_the_starter_model_is_used_and_said(run, photos) -> None:
    done = run("ingest", f"images:{photos}")
    assert "starter" in done.stderr
    assert "ViT-B-32/openai" in done.stderr
    assert "with starter" in done.stdout
    assert run("ingest", photos).stderr == "", "it is said once, when the library is made"


@pytest.mark.parametrize("more", [(), ("-q",), ("--json",), ("--clip-model", "ViT-B-16")])
def test_clip_insists(run, photos, more) -> None:
    for known in (False, True):
        done = run("ingest", "-e", "clip", *more, photos, code=1)
        assert "ViT-B-" in done.stderr
        assert "starter" in done.stderr, "the way out"
        if not known:
            run("ingest", "-e", "starter", "-q", photos)


def test_a_dry_run_needs_no_model(run, photos) -> None:
    for options in ((), ("--model", "ViT-B-32/openai"), ("--model", "starter")):
        assert "2 to embed" in run("ingest", "--dry-run", *options, photos).stdout
    assert "no-such" in run("ingest", "--dry-run", "--model", "./no-such", photos, code=1).stderr


def test_a_named_model_is_never_replaced(run, photos) -> None:
    for options in (
        ("--model", "ViT-L-14/openai"),
        ("-e", "clip", "--clip-model", "ViT-L-14", "--clip-pretrain", "laion2b_s32b_b82k"),
        ("--model", "nobody/nothing"),
        ("--model", "./no-such-folder"),
    ):
        done = run("ingest", *options, photos, code=1)
        assert done.stderr.startswith("safelight: ")
        assert options[-1].rpartition("/")[2] in done.stderr


def test_an_empty_or_missing_library_says_how_to_fill_it(run, tmp_path) -> None:
    assert "safelight ingest" in run("search", "cat", code=1).stderr
    (tmp_path / "empty").mkdir()
    done = run("ingest", "--model", "starter", tmp_path / "empty")
    assert done.stdout == "Found no photos to ingest into default.\n"
    assert "safelight ingest" in run("search", "cat", code=1).stderr
    (tmp_path / "empty" / "bad.jpg").write_bytes(b"bad")
    run("ingest", "--model", "starter", tmp_path / "empty", code=1)
    assert "is empty" in run("search", "cat", code=1).stderr
    assert "no library" in run("status", code=1, SAFELIGHT_LIBRARY="/nowhere/x.db").stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("search",), "Name what to search for"),
        (("search", "cat +"), "without anything to look for"),
        (("ingest",), "Name a source"),
        (("ingest", "x", "--batch-size", "0"), "--batch-size"),
        (("ingest", "x", "-r=perhaps"), "neither true nor false"),
        (("ingest", "--model", "a", "--clip-model", "b", "x"), "exclude each other"),
        (("nonsense",), "No such command"),
    ],
)
def test_wrong_usage_exits_with_2(run, args, says) -> None:
    assert says in run(*args, code=2).stderr


def test_a_wrong_setting_exits_with_2(run) -> None:
    assert "SAFELIGHT_THREADS" in run("config", code=2, SAFELIGHT_THREADS="many").stderr


def test_failures_are_named_and_listed(run, photos) -> None:
    (photos / "bad.jpg").write_bytes(b"not a photo at all")
    done = run("ingest", "--model", "starter", photos)
    assert "bad.jpg: " in done.stderr
    assert "1 failed" in done.stdout
    (row,) = run("status", "--failed", "--json").stdout.splitlines()
    assert json.loads(row)["code"] == "not-an-image"
    assert "bad.jpg: " in run("status", "--failed").stdout


def test_quiet_prints_only_failures(run, photos) -> None:
    done = run("ingest", "--quiet", "--model", "starter", photos)
    assert (done.stdout, done.stderr) == ("", "")


def test_ingest_without_a_source_brings_all_up_to_date(run, photos, make_photo) -> None:
    run("ingest", "--model", "starter", "-n", "one", photos)
    run("ingest", "-n", "two", "--no-recursive", photos)
    make_photo(photos / "deep" / "new.png", "green", seed=4)
    rows = [json.loads(line) for line in run("ingest", "--json").stdout.splitlines()]
    assert [(row["namespace"], row["new"]) for row in rows] == [("one", 1), ("two", 0)]


def test_a_folder_can_be_searched_in_one_go(run, photos) -> None:
    done = run("search", "--all", "red", "--images-dir", photos, SAFELIGHT_MODEL="starter")
    assert len(done.stdout.splitlines()) == 2
    assert run("search", "--all", "red", "--images-dir", photos / "deep").stdout.count("\n") == 1


def test_a_search_by_camera_and_day(run, tmp_path) -> None:
    for day, model in ((1, "Canon EOS R5"), (2, "Canon EOS R5"), (3, "NIKON Z 6")):
        exif = Image.Exif()
        exif[0x010F], exif[0x0110] = model.split()[0], model
        exif.get_ifd(0x8769)[0x9003] = f"2024:06:0{day} 23:59:59"
        path = tmp_path / "shots" / f"{day}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (32, 32), (60 * day, 20, 90)).save(path, exif=exif)
    run("ingest", "--model", "starter", tmp_path / "shots")

    def found(*options: str) -> list[str]:
        return sorted(run("search", "--all", "a thing", "--paths", *options).stdout.split())

    shots = [str(tmp_path / "shots" / f"{day}.jpg") for day in (1, 2, 3)]
    assert found() == shots
    assert found("--camera", "Canon EOS R5") == shots[:2]
    assert found("--from", "2024-06-02") == shots[1:]
    assert found("--from", "2024-06-02", "--to", "2024-06-02") == shots[1:2]
    assert found("--to", "2024-05-31") == []
    assert "YYYY-MM-DD" in run("search", "a", "--from", "June", code=2).stderr


def test_hits_in_another_order(run, photos) -> None:
    run("ingest", "--model", "starter", "--score", "demo")

    def found(*options: object) -> list[str]:
        return run("search", "--all", "a cat", "--paths", *options).stdout.splitlines()

    def exposure(path: str) -> float:
        scored = json.loads(run("score", path, "--metrics", "exposure", "--json").stdout)
        return scored["metrics"]["exposure"]["score"]

    nearest = found("--top", 3)
    best = sorted(nearest, key=exposure, reverse=True)
    assert len({round(exposure(path), 6) for path in nearest}) == 3
    assert found("--top", 3, "--sort", "-score:exposure") == best
    assert found("--top", 3, "--sort=score:exposure") == best[::-1]
    assert found("--top", 3, "--sort", "exposure") == best
    assert "It has brisque" in run("search", "a cat", "--sort", "nonsense", code=1).stderr
    assert "score:METRIC" in run("search", "a cat", "--sort", "No Metric", code=2).stderr


def test_profile_tells_where_the_time_went(run, photos) -> None:
    out = run("ingest", "--model", "starter", "--profile", photos).stdout
    for stage in ("list", "read", "hash", "decode", "prepare", "encode", "write", "clock"):
        assert stage in out


def test_a_file_whose_name_has_signs_is_searched_with(run, tmp_path, make_photo) -> None:
    for name, colour in (("photo - Copy.png", "red"), ("a + b:0.5.png", "blue")):
        make_photo(tmp_path / name, colour)
    run("ingest", "--model", "starter", tmp_path)
    for name in ("photo - Copy.png", "./a + b:0.5.png"):
        first = run("search", "--all", name).stdout.splitlines()[0]
        assert first == f"1.000 — {name.removeprefix('./')}"
    assert "photo: is followed by nothing" in run("search", "photo:", code=2).stderr
    # What is not a file is a query as ever.
    assert "./photo" in run("search", "./photo - Copy 2.png", code=2).stderr


def test_a_namespace_that_is_not_there_is_reported(run, photos) -> None:
    run("ingest", "--model", "starter", "-n", "trips", photos)
    for command in (
        ("search", "red"),
        ("status",),
        ("status", "--failed"),
        ("label",),
        ("duplicates",),
        ("plan", "duplicates", "-o", "plan.json"),
        ("sheet", "red", "-o", "sheet.html"),
    ):
        said = run(*command, "-n", "trip", code=1).stderr
        assert "no namespace 'trip'. It has trips." in said
    assert f"trips: images:{photos}" in run("status").stdout


def test_a_name_commands_no_terminal_and_is_one_line(run, tmp_path) -> None:
    name = "a\nb\x1b[2J.png"
    Image.new("RGB", (32, 32), (200, 20, 20)).save(tmp_path / name)
    run("ingest", "--model", "starter", tmp_path / name)
    found = run("search", "--all", "red").stdout
    assert found.endswith(" — a\\nb\\x1b[2J.png\n")
    assert run("search", "--all", "red", "--paths", "-0").stdout == f"{tmp_path / name}\0"
    assert run("score", tmp_path / name).stdout.startswith("a\\nb\\x1b[2J.png\n")


def test_a_search_by_image(run, photos) -> None:
    run("ingest", "--model", "starter", photos)
    first = run("search", "--all", "./My Photos/deep/B.JPG").stdout.splitlines()[0]
    assert first == "1.000 — My Photos/deep/B.JPG"
    assert "no-such.jpg" in run("search", "no-such.jpg", code=2).stderr


def test_the_demo_finds_the_cat_and_the_coffee(run) -> None:
    run("ingest", "--model", "starter", "demo")
    (line,) = run("search", "a cat").stdout.splitlines()
    assert "chelsea" in line
    (row,) = (json.loads(line) for line in run("search", "a cat", "--json").stdout.splitlines())
    assert row["probability"] > 0.8
    done = run("search", "qwertz uiop")
    assert (done.stdout, "Nearest: " in done.stderr) == ("", True)
    assert '"match": false' in run("search", "a cat", "--all", "--json").stdout
    assert "more were near; --all shows them" in run("search", "a cat").stderr
    assert "coffee" in run("search", "a cup of coffee", "--top", "1").stdout


def test_config_shows_where_values_come_from(run, tmp_path) -> None:
    out = run("config", SAFELIGHT_NAMESPACE="x").stdout
    assert "SAFELIGHT_NAMESPACE" in out
    assert "x  (environment)" in out
    values = json.loads(run("config", "--json", "--library", "y.db").stdout)
    assert values["SAFELIGHT_LIBRARY"] == {"value": str(tmp_path / "y.db"), "from": "option"}


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGHUP", "closed terminal"])
def test_a_stopped_ingest_ends_cleanly_and_the_next_goes_on(run, tmp_path, make_photo, how) -> None:
    folder = tmp_path / "many"
    for number in range(100):  # more than any machine embeds before it is interrupted
        make_photo(folder / f"{number}.png", "red", seed=number, size=64)
    environ = {**os.environ, "SAFELIGHT_LIBRARY": str(tmp_path / "library.db")}
    command = [SAFELIGHT, "ingest", "--model", "starter", "--batch-size", "4", str(folder)]
    if how == "closed terminal":
        _run_in_a_terminal_and_close_it(command, environ, tmp_path / "library.db")
    else:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
            preexec_fn=_hear_hangups,
        )
        until(lambda: _photos(tmp_path / "library.db"))
        process.send_signal(getattr(signal, how))
        if how == "SIGHUP":  # the kernel sends it, and so does the shell
            process.send_signal(signal.SIGHUP)
        out, err = process.communicate(timeout=90)
        assert process.returncode == 130, out + err
        assert "go on" in err
        assert "Traceback" not in err
    with contextlib.closing(sqlite3.connect(tmp_path / "library.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    done = json.loads(run("status", "--json").stdout)["photos"]
    summary = json.loads(run("ingest", "--json", folder).stdout)
    assert 0 < done < 100
    assert (summary["new"], summary["unchanged"]) == (100 - done, done)


def _hear_hangups() -> None:
    """Undo what nohup has set for these tests, and a command would respect."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _run_in_a_terminal_and_close_it(
    command: list[str], environ: dict[str, str], library: Path
) -> None:
    pid, terminal = pty.fork()
    if not pid:
        _hear_hangups()
        os.execve(command[0], command, environ)
    until(lambda: _photos(library))
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.WIFEXITED(status), "it was ended by the signal, not by itself"


def _photos(path: Path) -> int:
    """Return how many photos a library has that another process may just be making."""
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(path)) as connection:
        try:
            return connection.execute("SELECT count(*) FROM embeddings").fetchone()[0]
        except sqlite3.OperationalError:
            return 0


def test_a_terminal_shows_a_bar(run, tmp_path, photos) -> None:
    main, side = pty.openpty()
    environ = {**os.environ, "SAFELIGHT_LIBRARY": str(tmp_path / "l.db"), "TERM": "xterm"}
    subprocess.run(
        [SAFELIGHT, "ingest", "--model", "starter", str(photos)],
        stderr=side,
        stdout=subprocess.DEVNULL,
        env=environ,
        check=True,
        timeout=120,
    )
    os.close(side)
    assert "Embedding" in os.read(main, 100_000).decode()
    os.close(main)


HEAVY = ("numpy", "onnxruntime", "PIL", "tokenizers", "huggingface_hub", "loguru", "rich", "tqdm")


@pytest.mark.parametrize("code", ["import safelight", "import safelight.cli"])
def test_nothing_heavy_is_imported_at_start_up(code: str) -> None:
    script = f"{code}\nimport sys\nprint(*[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_a_text_query_loads_only_the_text_side(run, photos, tmp_path) -> None:
    run("ingest", "--model", "starter", photos)
    script = (
        "import sys; sys.argv = ['safelight', 'search', 'red']\n"
        "from safelight.cli import main\n"
        "main()\n"
        "print(*[m for m in ('PIL', 'huggingface_hub', 'rich', 'loguru') if m in sys.modules])"
    )
    environ = {**os.environ, "SAFELIGHT_LIBRARY": str(tmp_path / "library.db")}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environ, check=True
    )
    assert done.stdout.splitlines()[-1] == ""


def test_sources_are_listed_moved_and_forgotten(run, photos) -> None:
    run("ingest", "-e", "starter", "-q", str(photos))
    (line,) = run("sources", "--json").stdout.splitlines()
    found = json.loads(line)
    assert (found["source"], found["files"], found["there"]) == (f"images:{photos}", 2, True)
    new = photos.rename(photos.parent / "new")
    assert "not there now" in run("sources").stdout
    moved = json.loads(run("sources", "move", str(photos), str(new), "--json").stdout)
    assert (moved["files"], moved["missing"]) == (2, 0)
    assert "Add --yes" in run("forget", str(new), code=2).stderr
    assert json.loads(run("forget", str(new), "--dry-run", "--json").stdout)["photos"] == 2
    assert "Forgot" in run("forget", str(new), "--yes").stdout
    assert run("sources").stdout == ""
    assert "knows nothing" in run("forget", str(new), "-y", code=1).stderr


def test_nothing_done_is_an_error_and_something_is_none(run, photos, tmp_path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "a.jpg").write_bytes(b"")
    (bad / "gone.txt").write_text("nowhere.jpg\nneither.jpg\n")
    for spec in (bad, f"image-list:{bad / 'gone.txt'}"):
        for _ in range(2):  # what failed before has failed still
            run("ingest", "-e", "starter", str(spec), code=1)
    (bad / "b.png").write_bytes((photos / "Röd räv.png").read_bytes())
    run("ingest", "-e", "starter", str(bad))
    for empty in ("", " ", "images:", "image-list:"):
        assert "empty" in run("ingest", "-e", "starter", empty, code=1).stderr
    assert "130" in run("--help").stdout


def test_an_unplugged_disk_is_kept_and_said(run, photos) -> None:
    run("ingest", "-e", "starter", str(photos))
    away = photos.rename(photos.parent / "away")
    assert "sources move" in run("ingest", "-e", "starter", code=1).stderr
    photos.mkdir()
    answer = run("ingest", "-e", "starter", str(photos))
    assert "--accept-missing" in answer.stderr
    assert len(run("search", "--all", "red", "--paths").stdout.splitlines()) == 2
    assert run("ingest", "-e", "starter", str(away)).stdout.count("2 moved") == 1
    assert len(run("search", "--all", "red", "--paths").stdout.splitlines()) == 2


@pytest.mark.parametrize(
    "args",
    [
        ("ingest", "--library", "", "."),
        ("ingest", "-n", " ", "."),
        ("serve", "--root", ""),
        ("search", "--images-dir", "", "red"),
        ("sheet", ".", "-o", ""),
        ("models", "export", "x", "y", "--photos", ""),
    ],
)
def test_an_option_that_names_nothing_is_wrong_usage(run, photos, args) -> None:
    assert "empty" in run(*args, code=2).stderr
