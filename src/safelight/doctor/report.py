"""Report of the doctor: findings and problems."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from safelight.doctor import installed, machine, places
from safelight.embedding.devices import has_nvidia, parse_device, usable_devices
from safelight.embedding.load import DEFAULT, is_on_disk
from safelight.embedding.names import STARTER
from safelight.errors import ModelError, ModelUnavailable, UsageError
from safelight.files.format import size_text
from safelight.settings import variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from safelight.doctor.installed import Extra
    from safelight.doctor.machine import Gpu, Memory, Processor, RuntimeState
    from safelight.doctor.places import Cache, Hub, LibraryState
    from safelight.doctor.speed import Speed
    from safelight.settings import Settings

#: Below this, of memory or disk, things fail.
LOW = 10**9

# What nobody has chosen, and is done without.
_DEFAULT = "the default"

# How long a library's pages may be looked at.
_CHECKING = 1.0


@dataclass(frozen=True, slots=True)
class ModelState:
    """The model that a command would use if none was named, or the named one.

    Attributes
    ----------
    wanted : str
    whose : str
        ``asked for``, ``the library's``, ``SAFELIGHT_MODEL`` or ``the default``.
    on_disk : bool
        Whether it can be used without the network.
    error : str or None
        Why there can be no such model at all.
    """

    wanted: str
    whose: str
    on_disk: bool
    error: str | None = None

    @property
    def measured(self) -> str:
        """The one to measure with: the starter model if this one is not there."""
        return self.wanted if self.on_disk else STARTER


@dataclass(frozen=True, slots=True)
class Changed:
    """A setting that is not at its default: its value, and where that came from."""

    value: Any = field(hash=False)
    origin: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong, with the way out; `broken` if a command will fail for it."""

    message: str
    broken: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Findings of the doctor, one part a field."""

    versions: dict[str, str] = field(hash=False)
    platform: str
    runtimes: tuple[RuntimeState, ...]
    gpus: tuple[Gpu, ...]
    processor: Processor
    memory: Memory
    model: ModelState
    cache: Cache
    hub: Hub
    library: LibraryState
    extras: tuple[Extra, ...]
    settings: dict[str, Changed] = field(hash=False)

    @property
    def devices(self) -> tuple[str, ...]:
        """Every device that can be used, as ``--device`` names it; of several GPUs the first."""
        names = (name for runtime in self.runtimes for name in runtime.devices)
        return tuple(dict.fromkeys("cuda" if name == "cuda:0" else name for name in names))


def examine(settings: Settings, model: str | None = None, *, quick: bool = False) -> Report:
    """Return the report on this machine. Nothing is changed, and the network is not used.

    Parameters
    ----------
    settings : Settings
    model : str or None
        The model that was asked for.
    quick : bool
        Do not look at the library's pages for damage.

    Raises
    ------
    UsageError
        The device or the model does not name one.
    """
    parse_device(settings.device)
    states = machine.runtimes()
    library = places.library(settings.library, seconds=0.0 if quick else _CHECKING)
    return Report(
        versions=installed.versions(),
        platform=platform.platform(),
        runtimes=states,
        gpus=machine.gpus(states),
        processor=machine.processor(settings.threads),
        memory=machine.memory(),
        model=_model(settings, model, library),
        cache=places.cache(),
        hub=places.hub(),
        library=library,
        extras=installed.extras(),
        settings=_changed(settings),
    )


def problems(report: Report, settings: Settings, speed: Speed | None = None) -> list[Problem]:
    """Return the problems, broken parts first."""
    found = [
        *_of_runtimes(report, settings),
        *_of_library(report.library),
        *_of_model(report, settings),
        *_of_places(report),
        *(_of_speed(speed, settings) if speed else ()),
    ]
    # A device that is not there shows in several places.
    unique = {problem.message: problem for problem in found}
    return sorted(unique.values(), key=lambda problem: not problem.broken)


def _model(settings: Settings, asked: str | None, library: LibraryState) -> ModelState:
    of_library = [space.model for space in library.spaces if space.default]
    if asked is not None:
        wanted, whose = asked, "asked for"
    elif of_library:
        wanted, whose = of_library[0], "the library's"
    elif settings.model is not None:
        wanted, whose = settings.model, variable("model")
    else:
        wanted, whose = DEFAULT, _DEFAULT
    try:
        there = wanted == STARTER or is_on_disk(wanted) is not None
    except (ModelError, UsageError) as error:
        if asked is not None and isinstance(error, UsageError):
            raise
        return ModelState(wanted, whose, False, str(error))
    return ModelState(wanted, whose, there)


def _changed(settings: Settings) -> dict[str, Changed]:
    origins = settings.origins()
    return {
        variable(setting.name): Changed(getattr(settings, setting.name), origins[setting.name])
        for setting in fields(settings)
        if origins[setting.name] != "default"
    }


def _of_runtimes(report: Report, settings: Settings) -> Iterator[Problem]:
    builds = [name for name in installed.RUNTIME_BUILDS if name in report.versions]
    for state in report.runtimes:
        if state.error is None:
            continue
        if state.runtime == "onnx":
            again = builds[0] if builds else "onnxruntime"
            yield Problem(
                f"ONNX Runtime cannot be imported: {state.error}. Reinstall it: "
                f"pip install --force-reinstall --no-deps {again}. On Windows it also needs "
                "Microsoft's Visual C++ Redistributable.",
                broken=True,
            )
        else:
            yield Problem(
                f"PyTorch is installed, but cannot be imported: {state.error}. Reinstall it: "
                "pip install --force-reinstall 'safelight[torch]'.",
                broken=settings.device == "mps",
            )
    if len(builds) > 1:
        keep = next(name for name in builds if name != "onnxruntime")
        yield Problem(
            f"{' and '.join(builds)} are installed together and overwrite one another. Keep one: "
            f"pip uninstall -y {' '.join(builds)} && pip install {keep}.",
            broken=False,
        )
    working = [state.runtime for state in report.runtimes if state.error is None]
    if settings.device != "auto" and working:
        try:
            usable_devices(settings.device, working)
        except ModelUnavailable as error:
            yield Problem(str(error), broken=True)
    idle = has_nvidia() and all(
        state.auto is None or state.auto.kind != "cuda" for state in report.runtimes
    )
    notes = [state.note for state in report.runtimes if state.note]
    if idle and notes and settings.device != "cpu":
        yield Problem(f"{notes[0]} `safelight docs devices` says how.", broken=False)


def _of_library(library: LibraryState) -> Iterator[Problem]:
    if library.error:
        yield Problem(library.error, broken=True)
    if not library.writable:
        yield Problem(
            f"The library {library.path} cannot be {'written' if library.exists else 'made'}: "
            "nothing can be ingested. Change the permissions of the file and its folder, or name "
            "another file with --library.",
            broken=False,
        )
    if library.network:
        kind = f" ({library.file_system})" if library.file_system else ""
        yield Problem(
            f"The library {library.path} lies on a network file system{kind}, on which SQLite's "
            "locks may not hold. Keep it on a disk of this machine (--library), and photos "
            "wherever they are.",
            broken=False,
        )
    elif library.journal_mode not in (None, "wal"):
        yield Problem(
            f"The file system of {library.path} does not support SQLite's write-ahead log (it is "
            f"in mode {library.journal_mode}): searches and ingests wait for each other. Keep the "
            "library on another disk.",
            broken=False,
        )


def _of_model(report: Report, settings: Settings) -> Iterator[Problem]:
    model, offline = report.model, report.hub.offline
    what = f"The model {model.wanted} ({model.whose})"
    if model.error:
        yield Problem(f"{what}: {model.error}", broken=True)
    elif model.wanted == STARTER and parse_device(settings.device)[0] not in ("auto", "cpu"):
        yield Problem(
            f"The device {settings.device} was asked for, but {what[0].lower()}{what[1:]} runs on "
            "the processor only. Choose another with --model, or leave the device at auto.",
            broken=True,
        )
    elif not model.on_disk and (model.whose == "asked for" or offline) and model.whose != _DEFAULT:
        yield Problem(
            f"{what} is not on this machine"
            + (", and HF_HUB_OFFLINE forbids to fetch it" if offline else "")
            + ". `safelight docs models` says how to bring it here.",
            broken=True,
        )
    elif not model.on_disk and model.whose != _DEFAULT:
        yield Problem(
            f"{what} is not on this machine. The next command that needs it fetches it.",
            broken=False,
        )


def _of_places(report: Report) -> Iterator[Problem]:
    if not report.cache.writable:
        yield Problem(
            f"The model cache {report.cache.path} cannot be written: no model can be fetched. "
            "Make it writable, or name another folder with HF_HOME.",
            broken=False,
        )
    if report.memory.free < LOW:
        yield Problem(
            f"Only {size_text(report.memory.free)} of memory are free. Close other programs, or "
            "use a smaller model.",
            broken=False,
        )
    disks = {
        f"the library {report.library.path}": report.library.disk_free,
        f"the model cache {report.cache.path}": report.cache.disk_free,
    }
    for what, free in disks.items():
        if free is not None and free < LOW:
            yield Problem(
                f"Only {size_text(free)} are free on the disk of {what}. Make room.",
                broken=False,
            )


def _of_speed(speed: Speed, settings: Settings) -> Iterator[Problem]:
    for each in speed.devices:
        if each.error:
            # What runs nowhere, or not where it was asked to, is broken; `auto` does without.
            nowhere = all(other.error for other in speed.devices)
            yield Problem(each.error, broken=nowhere or each.device == settings.device)
