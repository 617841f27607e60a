"""``safelight doctor``."""

from __future__ import annotations

import json
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from safelight.api import size_text
from safelight.cli.shared.options import library_option, load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.api.doctor import Memory, Problem, Report, Speed

EPILOG = """\b
Examples:
  safelight doctor
  safelight doctor --quick
  safelight doctor --model ViT-B-32/openai --device cuda
"""

_WIDTH, _LABEL = 100, 13

# A space at which no line ends.
_TIED = "\N{NO-BREAK SPACE}"

_RUNTIMES = {"onnx": "ONNX Runtime", "torch": "PyTorch"}


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option("--quick", is_flag=True, help="Skip the speed test, which takes five seconds.")
@click.option("--model", metavar="NAME", help="Measure this model, without downloading it.")
@click.option("--device", metavar="DEVICE", help="Check and measure only this device.")
@library_option
def doctor(
    as_json: bool, quick: bool, model: str | None, device: str | None, library: str | None
) -> None:
    """Check the installation, the devices and their speed, and report problems.

    It changes and downloads nothing. The exit code is 1 if something is broken.
    """
    from safelight.api.doctor import diagnose

    settings = load_settings(library=library, device=device)
    found = diagnose(
        settings,
        model,
        quick=quick,
        examined=lambda report: None if as_json else click.echo(_text(report)),
    )
    if as_json:
        click.echo(json.dumps(found.to_dict(), default=str, ensure_ascii=False))
    else:
        if found.speed is not None:
            click.echo(_lines("Speed", _speed(found.speed)))
        click.echo(_problems(found.problems))
    if found.is_broken:
        sys.exit(1)


def _text(report: Report) -> str:
    versions = dict(report.versions)
    first = f"safelight {versions.pop('safelight', '?')}, Python {versions.pop('Python')}"
    packages = ", ".join(f"{name}{_TIED}{version}" for name, version in versions.items())
    parts = [
        ("Versions", [first, packages]),
        ("System", [report.platform]),
        ("Devices", _devices(report)),
        ("Processor", [_processor(report)]),
        ("Memory", [_memory(report.memory)]),
        ("GPU", [f"{g.device}: {g.name}, {_memory(g.memory)}" for g in report.gpus]),
        ("Model", [_model(report)]),
        ("Cache", [_cache(report)]),
        ("Hub", _hub(report)),
        ("Library", _library(report)),
        ("Extras", _extras(report)),
        ("Settings", _settings(report)),
    ]
    return "\n".join(_lines(label, lines) for label, lines in parts if lines)


def _lines(label: str, lines: list[str]) -> str:
    """Return lines beside a label, wrapped; paths and commands are never broken."""
    indent = " " * _LABEL
    wrapped = [
        textwrap.fill(
            line,
            _WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines
    ]
    return label.ljust(_LABEL) + "\n".join(wrapped)[_LABEL:].replace(_TIED, " ")


def _devices(report: Report) -> list[str]:
    lines = []
    for state in report.runtimes:
        name = _RUNTIMES[state.runtime]
        if state.error or state.auto is None:
            lines.append(f"{name}: cannot be imported")
            continue
        providers = f" ({', '.join(state.providers)})" if state.providers else ""
        lines.append(f"{name}: {', '.join(state.devices)}{providers}; auto takes {state.auto.name}")
    # One runtime's note is most often the other's too.
    return [*lines, *dict.fromkeys(state.note for state in report.runtimes if state.note)]


def _processor(report: Report) -> str:
    found = report.processor
    of = f" of {found.machine_cores}" if found.machine_cores != found.cores else ""
    return f"{found.cores}{of} cores; photos are decoded on {found.threads} threads"


def _memory(memory: Memory | None) -> str:
    if memory is None:
        return "its memory is not told"
    return f"{memory.free / 1e9:,.1f} of {memory.total / 1e9:,.1f} GB free"


def _model(report: Report) -> str:
    model = report.model
    if model.error:
        return f"{model.wanted} ({model.whose}): cannot be used"
    if model.on_disk:
        return f"{model.wanted} ({model.whose})"
    return f"{model.wanted} ({model.whose}), which is not on this machine"


def _cache(report: Report) -> str:
    cache = report.cache
    models = "1 model" if cache.models == 1 else f"{cache.models} models"
    return (
        f"{cache.path}: {models}, {size_text(cache.bytes)}, "
        f"{'writable' if cache.writable else 'not writable'}{_free(cache.disk_free)}"
    )


def _free(free: int | None) -> str:
    return "" if free is None else f", {size_text(free)} free on its disk"


def _hub(report: Report) -> list[str]:
    asked = "may not be asked (offline)" if report.hub.offline else "may be asked"
    return [asked, *(f"{name}={value}" for name, value in report.hub.variables.items())]


def _library(report: Report) -> list[str]:
    found = report.library
    kind = f" ({found.file_system})" if found.file_system else ""
    if not found.exists:
        can = "" if found.writable else ", and cannot be made"
        return [f"{found.path}: not there yet{can}{_free(found.disk_free)}{kind}"]
    if found.error:
        return [f"{found.path}: cannot be used"]
    facts = [
        size_text(found.bytes),
        *([f"journal {found.journal_mode}"] if found.journal_mode else []),
        "writable" if found.writable else "not writable",
    ]
    if found.checked:
        facts.append("no damage")
    return [
        f"{found.path}: {', '.join(facts)}{_free(found.disk_free)}{kind}",
        *(
            f"{space.name}: {space.embeddings:,} vectors"
            + (", used by searches" if space.default else "")
            for space in found.spaces
        ),
    ]


def _extras(report: Report) -> list[str]:
    there = [extra for extra in report.extras if not extra.missing]
    lines = []
    if there:
        names = (f"{each.name} ({each.about})".replace(" ", _TIED) for each in there)
        lines.append(f"installed: {', '.join(names)}")
    for extra in report.extras:
        if extra.missing:
            lines.append(f"missing: {extra.name} ({extra.about}); {extra.install}")
    return lines


def _settings(report: Report) -> list[str]:
    if not report.settings:
        return ["all at their defaults"]
    return [
        f"{name}={','.join(each.value) if isinstance(each.value, tuple) else each.value} "
        f"({each.origin})"
        for name, each in report.settings.items()
    ]


def _speed(speed: Speed) -> list[str]:
    lines = [f"decoding: {speed.photos:,.1f} photos of 12 megapixels a second"]
    if not speed.devices:
        lines.append(f"{speed.model}: not measured, since it does not run on that device")
    for each in speed.devices:
        if each.images is None or each.texts is None or each.runtime is None:
            lines.append(f"{speed.model} on {each.device}: did not run")
        else:
            lines.append(
                f"{speed.model} on {each.device} ({_RUNTIMES[each.runtime]}): "
                f"{each.images:,.1f} images a second, {each.texts:,.1f} texts a second"
            )
    return lines


def _problems(found: Sequence[Problem]) -> str:
    if not found:
        return _lines("Problems", ["none"])
    return _lines(
        "Problems",
        [("broken: " if problem.broken else "") + problem.message for problem in found],
    )
