"""Atomic writes: whole or not at all, and nothing left beside them, whoever is killed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from safelight.files.atomic import replacing, sweep, whole_folder, write_new, write_safely

WRITER = """
import sys
from pathlib import Path
from safelight.files.atomic import replacing, write_new
path, how = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
for number in range(100_000):
    data = bytes([97 + number % 26]) * 3_000_000
    if how == "new":
        path.unlink(missing_ok=True)
        write_new(path, data)
    else:
        with replacing(path, durable=False) as file:
            for start in range(0, len(data), 300_000):
                file.write(data[start:start + 300_000])
                file.flush()
"""


def left_beside(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir() if each != path)


@pytest.mark.parametrize("how", ["replace", "new"])
def test_kills_leave_the_whole_file_and_the_next_write_clears_up(tmp_path: Path, how: str) -> None:
    path = tmp_path / "photos" / ("n" * 250)  # a name to which nothing can be added
    path.parent.mkdir()
    leftovers = kills = 0
    while kills < 40 and (kills < 5 or not leftovers):
        pause = (0.003, 0.011, 0.017, 0.023, 0.031, 0.043)[kills % 6]
        kills += 1
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), how], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(pause)
        process.kill()
        process.communicate()
        if path.exists():
            data = path.read_bytes()
            assert len(data) == 3_000_000
            assert len(set(data)) == 1
        leftovers += bool(left_beside(path))
    assert leftovers
    path.unlink(missing_ok=True)
    if how == "new":
        write_new(path, b"last")
    else:
        write_safely(path, b"last")
    assert path.read_bytes() == b"last"
    assert left_beside(path) == []


def test_several_writers_of_one_file_leave_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def write(letter: bytes) -> None:
        for _ in range(25):
            write_safely(path, letter * 400_000, durable=False)

    threads = [threading.Thread(target=write, args=(bytes([c]),)) for c in b"abcd"]
    for each in threads:
        each.start()
    while any(each.is_alive() for each in threads):
        if path.exists():
            data = path.read_bytes()
            assert (len(data), len(set(data))) == (400_000, 1)
    assert left_beside(path) == []


def test_what_is_being_written_is_not_swept_away(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with replacing(path) as file:
        file.write(b"first half, ")
        file.flush()
        sweep(tmp_path)
        write_safely(path, b"somebody else's")
        file.write(b"second half")
    assert path.read_bytes() == b"first half, second half"
    assert left_beside(path) == []


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_bytes() == b"before"
    assert left_beside(path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no such modes")
def test_the_mode_stays_and_a_new_file_has_the_usual_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    (tmp_path / "usual").write_bytes(b"")
    write_safely(path, b"new")
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode
    path.chmod(0o640)
    write_safely(path, b"newer")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_goes_on_leading_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "file"
    link = tmp_path / "link"
    link.symlink_to(target)
    write_safely(link, b"once")
    write_safely(link, b"twice")
    assert link.is_symlink()
    assert target.read_bytes() == b"twice"
    assert left_beside(target) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_only_files_are_replaced(tmp_path: Path) -> None:
    folder, pipe = tmp_path / "folder", tmp_path / "pipe"
    folder.mkdir()
    os.mkfifo(pipe)
    for path in (folder, pipe, Path(os.devnull)):
        with pytest.raises(OSError, match="it is a"):
            write_safely(path, b"data")
    assert pipe.is_fifo()
    assert Path(os.devnull).is_char_device()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder", "pipe"]


def test_what_lies_under_the_part_s_name_is_never_followed(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    other.write_bytes(b"mine")
    with replacing(path):
        (part,) = (tmp_path / name for name in left_beside(path) if name != "other")
    for put in (part.mkdir, lambda: part.symlink_to(other)):
        put()
        write_safely(path, b"data")
        assert path.read_bytes() == b"data"
        assert other.read_bytes() == b"mine"
        assert left_beside(path) == sorted((part.name, "other"))
        part.unlink() if part.is_symlink() else part.rmdir()


def test_a_new_file_replaces_none(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_new(path, b"first")
    with pytest.raises(FileExistsError):
        write_new(path, b"second")
    assert path.read_bytes() == b"first"
    assert left_beside(path) == []


def test_sweeping_takes_what_is_ours_and_left_over_only(tmp_path: Path) -> None:
    ours = {".safelight-0123456789abcdef.part", ".safelight-0123456789abcdef-0123456789abcdef.part"}
    earlier = {".0123456789abcdef.part", f".77-{'0' * 32}.part", f"ab.{'0' * 32}.part"}
    others = {".IMG_1.jpg.part", "film.part", ".safelight-note.part", f"new.{'0' * 32}.part"}
    for name in ours | earlier | others:
        (tmp_path / name).write_bytes(b"half")
        if name in earlier:
            os.utime(tmp_path / name, (1, 1))
    sweep(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == others
    sweep(tmp_path / "nowhere")


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "model"
    code = (
        "import os, sys; from pathlib import Path\n"
        "from safelight.files.atomic import whole_folder\n"
        "with whole_folder(Path(sys.argv[1])) as part:\n"
        "    (part / 'half').write_bytes(b'half'); os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert not path.exists()
    assert left_beside(path)
    with pytest.raises(ZeroDivisionError), whole_folder(path):
        raise ZeroDivisionError
    assert left_beside(path) == []
    with whole_folder(path) as part:
        (part / "file").write_bytes(b"all")
    assert [each.name for each in path.iterdir()] == ["file"]
    assert left_beside(path) == []
