from __future__ import annotations

import doctest
import os
import re
import time
import tomllib
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import pytest

from safelight.doctor import installed, machine, places, report
from safelight.doctor.machine import Memory, RuntimeState
from safelight.doctor.report import Problem, examine, problems
from safelight.doctor.speed import ModelSpeed, Speed, measure, rate
from safelight.embedding.devices import Device
from safelight.errors import UsageError
from safelight.library.database import Database
from safelight.library.spaces import add_space
from safelight.settings import Settings
from safelight.types import Space
from tests.embedding import tiny

if TYPE_CHECKING:
    from safelight.doctor.report import Report

ROOT = Path(__file__).parents[1]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({}, library=tmp_path / "library.db")


@pytest.fixture
def healthy(settings: Settings) -> Report:
    """A report in which nothing is wrong, whatever machine the tests run on."""
    found = examine(settings, "starter", quick=True)
    cpu = Device("onnx", "cpu")
    return replace(
        found,
        versions={"safelight": "1", "Python": "3", "onnxruntime": "1"},
        runtimes=(RuntimeState("onnx", ("cpu",), ("CPUExecutionProvider",), cpu),),
        memory=Memory(8 * 10**9, 4 * 10**9),
        library=replace(found.library, network=False, disk_free=10**10),
        cache=replace(found.cache, disk_free=10**10),
    )


def _fill(path: Path) -> Space:
    """Make a library of several pages."""
    space = Space("f" * 64, "colours", 3, "starter")
    with Database(path) as library:
        add_space(library, space)
        with library.transaction() as connection:
            connection.executemany(
                "INSERT INTO items (id, kind, size, text, added_at) VALUES (?, 'text', 1, ?, '')",
                [(f"{n:064}", "long " * 200) for n in range(200)],
            )
    return space


def test_the_extras_are_those_that_can_be_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {
        extra: {re.split(r"[<>=]", package)[0] for package in packages}
        for extra, packages in project["optional-dependencies"].items()
        if extra not in ("dev", "parity")
    }
    assert {name: set(packages) for name, (_, packages) in installed.EXTRAS.items()} == declared


def test_an_extra_that_is_not_there_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(installed.EXTRAS, "dreams", ("dreams", ("numpy", "not-on-this-machine")))
    found = {extra.name: extra for extra in installed.extras()}["dreams"]
    assert found.missing == ("not-on-this-machine",)
    assert found.install == "pip install 'safelight[dreams]'"


def test_versions_are_those_that_are_imported() -> None:
    import numpy
    import PIL

    found = installed.versions()
    assert found["numpy"] == numpy.__version__
    assert found["pillow"] == PIL.__version__
    assert "onnxruntime-directml" not in found


@pytest.mark.parametrize(
    ("files", "key"),
    [
        (("memory.max", "memory.current", "memory.stat"), "inactive_file"),
        (
            (
                "memory/memory.limit_in_bytes",
                "memory/memory.usage_in_bytes",
                "memory/memory.stat",
            ),
            "total_inactive_file",
        ),
    ],
)
def test_the_memory_of_a_container_is_what_it_may_use(
    tmp_path: Path, files: tuple[str, ...], key: str
) -> None:
    assert machine.container_memory(tmp_path) is None
    contents = ("1000\n", "900\n", f"anon 500\n{key} 300\n{key}_too 7\n")
    for name, content in zip(files, contents, strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, "ascii")
    assert machine.container_memory(tmp_path) == Memory(1000, 400)
    (tmp_path / files[0]).write_text("max\n", "ascii")
    assert machine.container_memory(tmp_path) is None


def test_free_memory_is_part_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine.memory()
    assert 10**8 < found.free <= found.total
    monkeypatch.setattr(machine, "container_memory", lambda: Memory(50, 20))
    assert machine.memory() == Memory(50, 20)


def test_file_systems_of_networks() -> None:
    assert doctest.testmod(places).failed == 0
    mounts = [("/", "overlay", False), ("/home", "ext4", False), ("/home", "nfs", False)]
    assert places.file_system(PurePosixPath("/home/a/library.db"), mounts) == ("nfs", True)
    assert places.file_system(PurePosixPath("/library.db"), mounts) == ("overlay", False)
    drives = [("C:\\", "NTFS", False), ("Z:\\", "NTFS", True)]
    assert places.file_system(PureWindowsPath("Z:/photos/library.db"), drives) == ("NTFS", True)
    assert places.file_system(PureWindowsPath("c:/library.db"), drives) == ("NTFS", False)
    assert places.file_system(PureWindowsPath("//nas/photos/library.db"), drives) == (None, True)


def test_a_library_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    found = places.library(tmp_path / "folder" / "library.db", seconds=1)
    assert (found.exists, found.writable, found.error) == (False, True, None)
    assert list(tmp_path.iterdir()) == []


def test_a_library_is_looked_at_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    _fill(path)
    before = path.read_bytes()
    found = places.library(path, seconds=10)
    assert (found.exists, found.writable, found.journal_mode) == (True, True, "wal")
    assert (found.bytes, found.checked, found.error) == (len(before), True, None)
    assert found.spaces == (places.SpaceState("colours", "starter", 0, True),)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["library.db"]
    assert not places.library(path).checked


def test_damage_is_found(tmp_path: Path, settings: Settings) -> None:
    _fill(settings.library)
    data = bytearray(settings.library.read_bytes())
    middle = len(data) // 2
    data[middle:] = bytes(len(data) - middle)
    settings.library.write_bytes(data)
    (broken,) = (each for each in problems(examine(settings), settings) if each.broken)
    assert "library.db is damaged: " in broken.message
    assert "Restore it from a backup" in broken.message


def test_a_file_that_is_not_a_library_is_broken(tmp_path: Path, settings: Settings) -> None:
    settings.library.write_bytes(b"my diary " * 1000)
    found = examine(settings, quick=True)
    assert "cannot be used as a library" in (found.library.error or "")
    assert any(each.broken for each in problems(found, settings))


def test_a_check_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    _fill(path)
    with Database(path) as library, library.transaction() as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) "
            "INSERT INTO items (id, kind, size, text, added_at) "
            "SELECT 'x' || i, 'text', 1, hex(zeroblob(500)), '' FROM n"
        )
    found = places.library(path, seconds=1e-6)
    assert (found.checked, found.error) == (False, None)


def test_the_cache_counts_what_links_lead_to_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    found = places.cache()
    assert (found.models, found.bytes, found.writable) == (0, 0, True)
    assert list(tmp_path.iterdir()) == []
    model = tmp_path / "hub" / "models--someone--clip"
    (model / "blobs").mkdir(parents=True)
    (model / "snapshots" / "c0ffee").mkdir(parents=True)
    (model / "blobs" / "b10b").write_bytes(bytes(5000))
    (model / "snapshots" / "c0ffee" / "model.onnx").symlink_to("../../blobs/b10b")
    (tmp_path / "hub" / "datasets--someone--photos").mkdir()
    found = places.cache()
    assert (found.models, found.bytes) == (1, 5000)
    assert (found.disk_free or 0) > 0


def test_a_cache_below_a_file_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "file" / "hub"))
    assert not places.cache().writable


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HF_ENDPOINT", "https://me:secret@mirror.example/hub")
    found = places.hub()
    assert found.offline  # as the tests are
    assert found.variables["HF_ENDPOINT"] == "https://mirror.example/hub"
    assert "secret" not in str(found)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the measurements see: ``clock[0] += 1`` is a second."""
    now = [1000.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def test_a_rate_is_that_of_the_best_call(clock: list[float]) -> None:
    sizes: list[int] = []

    def call(size: int) -> None:
        sizes.append(size)
        clock[0] += 0.04 if len(sizes) % 2 else 0.02  # however many

    assert rate(call, 8, 0.5) == pytest.approx(8 / 0.02)
    assert sizes[:6] == [1, 1, 2, 4, 8, 8]
    assert clock[0] <= 1000 + 0.04 + 0.5


def test_a_slow_model_is_measured_with_one_image(clock: list[float]) -> None:
    sizes: list[int] = []

    def call(size: int) -> None:
        sizes.append(size)
        clock[0] += 0.1 * size

    assert rate(call, 64, 0.15) == pytest.approx(10)
    assert sizes == [1, 1]


def test_measures_the_starter_model(settings: Settings) -> None:
    found = measure(settings, "starter", ["cpu", "cuda"], seconds=1.0)
    assert found.photos > 1
    (cpu,) = found.devices  # which is all that it runs on
    assert (cpu.device, cpu.runtime, cpu.error) == ("cpu", "onnx", None)
    assert (cpu.images or 0) > 1
    assert (cpu.texts or 0) > 1


def test_measures_where_a_model_runs_and_leaves_out_the_rest(
    tmp_path: Path, settings: Settings
) -> None:
    model = str(tiny.write_immich(tmp_path / "model"))
    found = measure(settings, model, ["mps", "cpu"], seconds=0.2)
    assert [(each.device, each.error) for each in found.devices] == [("cpu", None)]
    nowhere = measure(settings, model, ["mps"], seconds=0.2)
    (mps,) = nowhere.devices
    assert "The device mps was asked for" in (mps.error or "")


def test_a_model_that_does_not_load_is_broken(
    tmp_path: Path, settings: Settings, healthy: Report
) -> None:
    model = tiny.write_immich(tmp_path / "model")
    (model / "visual" / "model.onnx").write_bytes(b"nonsense")
    found = measure(settings, str(model), ["cpu"], seconds=0.2)
    (problem,) = problems(healthy, settings, found)
    assert problem.broken
    assert "visual/model.onnx is not a model" in problem.message


def test_what_auto_does_without_is_not_broken(settings: Settings, healthy: Report) -> None:
    speed = Speed(1.0, "m", (ModelSpeed("cuda", error="no cuDNN"), ModelSpeed("cpu", "onnx", 1, 1)))
    assert problems(healthy, settings, speed) == [Problem("no cuDNN", broken=False)]
    asked = replace(settings, device="cuda")
    assert Problem("no cuDNN", broken=True) in problems(healthy, asked, speed)


def test_a_healthy_machine_has_no_problem(settings: Settings, healthy: Report) -> None:
    assert problems(healthy, settings) == []
    assert healthy.devices == ("cpu",)


def _only(found: list[Problem]) -> Problem:
    (problem,) = found
    return problem


def test_each_problem_has_its_way_out(
    settings: Settings, healthy: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    def after(**changes: object) -> Problem:
        return _only(problems(replace(healthy, **changes), settings))  # type: ignore[arg-type]

    builds = healthy.versions | {"onnxruntime-gpu": "1"}
    two = after(versions=builds)
    assert "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu" in str(two)
    assert not two.broken
    assert "Only 500 MB of memory" in after(memory=Memory(10**10, 5 * 10**8)).message
    cache, library = healthy.cache, healthy.library
    assert "HF_HOME" in after(cache=replace(cache, writable=False)).message
    assert "the disk of the model cache" in after(cache=replace(cache, disk_free=1)).message
    assert "the disk of the library" in after(library=replace(library, disk_free=1)).message
    assert "nothing can be ingested" in after(library=replace(library, writable=False)).message
    share = replace(library, network=True, file_system="nfs4", journal_mode="delete")
    assert "network file system (nfs4)" in after(library=share).message
    assert "mode delete" in after(library=replace(library, journal_mode="delete")).message
    broken = after(runtimes=(RuntimeState("onnx", error="DLL load failed"),))
    assert broken.broken
    assert "pip install --force-reinstall --no-deps onnxruntime" in broken.message


def test_a_gpu_that_lies_idle_is_told(
    settings: Settings, healthy: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = "There is an NVIDIA GPU, but nothing for it."
    onnx = replace(healthy.runtimes[0], note=note)
    idle = replace(healthy, runtimes=(onnx,))
    monkeypatch.setattr(report, "has_nvidia", lambda: True)
    assert note in _only(problems(idle, settings)).message
    assert problems(idle, replace(settings, device="cpu")) == []
    torch = RuntimeState("torch", ("cuda:0", "cpu"), auto=Device("torch", "cuda"))
    assert problems(replace(idle, runtimes=(onnx, torch)), settings) == []
    assert replace(idle, runtimes=(onnx, torch)).devices == ("cpu", "cuda")


def test_a_device_that_is_asked_for_and_not_there_is_broken(
    settings: Settings, tmp_path: Path
) -> None:
    model = str(tiny.write_immich(tmp_path / "model"))
    asked = replace(settings, device="mps" if os.name == "nt" else "directml")
    found = [each for each in problems(examine(asked, model, quick=True), asked) if each.broken]
    assert f"The device {asked.device} was asked for" in _only(found).message
    with pytest.raises(UsageError, match="is not a device"):
        examine(replace(settings, device="gpu"))


def test_the_starter_model_and_a_gpu_do_not_go_together(
    settings: Settings, healthy: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "usable_devices", lambda device, runtimes: ["there"])
    problem = _only(problems(healthy, replace(settings, device="cuda")))
    assert problem.broken
    assert "runs on the processor only" in problem.message


def test_the_model_is_the_one_that_a_command_would_take(settings: Settings, tmp_path: Path) -> None:
    first = examine(settings, quick=True).model
    assert (first.wanted, first.whose) == ("ViT-B-32/openai", "the default")
    assert (first.on_disk, first.measured) == (False, "starter")
    folder = str(tiny.write_immich(tmp_path / "model"))
    second = examine(replace(settings, model=folder), quick=True).model
    assert (second.measured, second.whose, second.on_disk) == (folder, "SAFELIGHT_MODEL", True)
    _fill(settings.library)
    third = examine(replace(settings, model=folder), quick=True).model
    assert (third.measured, third.whose) == ("starter", "the library's")
    fourth = examine(settings, folder, quick=True).model
    assert (fourth.measured, fourth.whose) == (folder, "asked for")
    with pytest.raises(UsageError, match="names no model"):
        examine(settings, "no model", quick=True)


def test_a_model_that_is_not_there_is_told(
    settings: Settings, healthy: Report, tmp_path: Path
) -> None:
    def found(setting: str | None, asked: str | None = None, *, offline: bool) -> list[Problem]:
        chosen = replace(settings, model=setting)
        state = examine(chosen, asked, quick=True).model
        hub = replace(healthy.hub, offline=offline)
        return problems(replace(healthy, model=state, hub=hub), chosen)

    name = "ViT-L-14/openai"
    assert found(None, offline=True) == []
    fetched = _only(found(name, offline=False))
    assert (fetched.broken, "fetches it" in fetched.message) == (False, True)
    forbidden = _only(found(name, offline=True))
    assert (forbidden.broken, "HF_HUB_OFFLINE" in forbidden.message) == (True, True)
    assert _only(found(None, name, offline=False)).broken
    gone = _only(found(str(tmp_path / "gone"), offline=False))
    assert gone.broken
    assert "does not exist" in gone.message


def test_only_settings_that_were_changed_are_listed(tmp_path: Path) -> None:
    changed = Settings.load({}, library=tmp_path / "library.db", batch_size=8)
    found = examine(changed, quick=True).settings
    assert found["SAFELIGHT_BATCH_SIZE"] == report.Changed(8, "option")
    assert set(found) == {"SAFELIGHT_BATCH_SIZE", "SAFELIGHT_LIBRARY"}
