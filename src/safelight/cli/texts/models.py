"""Output of ``safelight models``."""

from __future__ import annotations

import shlex
import textwrap
from typing import TYPE_CHECKING

from safelight.api import size_text

if TYPE_CHECKING:
    from safelight.api.models import (
        Check,
        KnownModel,
        Measured,
        ModelInfo,
        ModelOnDisk,
        Verification,
    )

_WIDTH = 100
_LABEL = 13
_NAME = 43


def table(found: list[ModelOnDisk]) -> str:
    """Return models as a table of at most 100 columns, and what its columns are."""
    head = ("name", "dim", "side", "MB", "licence", "lang", "tags", "find", "here")
    rows = [head, *(_row(each) for each in found)]
    widths = (_NAME, 4, 4, 4, 13, 4, 4, 4, 5)
    left = (0, 4, 5)
    lines = [
        " ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join(
        (
            *lines,
            "",
            "dim: numbers of a vector. side: pixels. MB: both sides in float32. here: MB on disk.",
            "tags: zero-shot top-1 on ImageNet-1k; find: recall at 1 on COCO, text to photo;",
            "both in percent, as published; `safelight models info NAME` says where, and of what.",
            "*: the licence does not allow every use.",
            *(f"!: {each}." for each in dict.fromkeys(each.lacking for each in found) if each),
        )
    )


def _row(found: ModelOnDisk) -> tuple[str, ...]:
    name = found.name if len(found.name) <= _NAME else f"{found.name[: _NAME - 1]}…"
    here = ""
    if found.is_complete:
        here = f"{max(1, round(found.bytes / 1e6))}" + ("!" if found.lacking else "")
    elif found.downloads:
        here = "part"
    known = found.known
    if known is None:
        return (name, *("",) * 7, here)
    return (
        name,
        str(known.dimension),
        str(known.image_size),
        str(known.megabytes),
        known.licence + ("" if known.permissive else "*"),
        known.languages or "",
        *(f"{figure:.1f}" if figure else "" for figure in (known.imagenet, known.retrieval)),
        here,
    )


def described(info: ModelInfo) -> list[str]:
    """Return lines on a model."""
    found, more = info.model, info.details
    rows: list[tuple[str, str]] = []
    if found.known is not None:
        rows = _known_rows(found.known)
    elif "licence" in more:
        rows = [("Licence", _licence(more["licence"], permissive=more["permissive"]))]
        rows.append(("Source", more["source"]))
    elif "dimension" in more:
        rows = [("Vectors", f"{more['dimension']} numbers"), ("Runs with", more["runtime"])]
        rows.append(("Fingerprint", more["fingerprint"]))
    else:
        rows = [("Problem", more["problem"])]
    for each in found.downloads:
        what = each.runtime or "a part"
        place = each.snapshot or each.folder
        rows.append(("On disk", f"{what}, {size_text(each.bytes)}: {place}"))
    if found.name == "starter":
        rows.append(("On disk", f"part of safelight, {size_text(found.bytes)}"))
    if found.lacking:
        rows.append(("Lacking", found.lacking))
    if found.name != "starter" and not (found.is_complete or more.get("on_disk")):
        rows.append(("On disk", f"no; safelight models pull {shlex.quote(found.name)}"))
    return [found.name, *(f"  {label:<{_LABEL}}{value}" for label, value in rows)]


def _known_rows(known: KnownModel) -> list[tuple[str, str]]:
    # Where it is of another set, the source says so.
    coco = "" if known.source and "recall on" in known.source else ", COCO"
    rows = [
        ("Use when", known.use_when),
        ("Licence", _licence(known.licence, permissive=known.permissive)),
        ("Languages", known.languages),
        ("Trained on", known.trained_on),
        ("Vectors", f"{known.dimension} numbers"),
        ("Images", f"{known.image_size} x {known.image_size} pixels"),
        ("Texts", known.context and f"{known.context} tokens"),
        ("Parameters", known.parameters and f"{known.parameters:g} million"),
        ("Size", f"{known.megabytes:,} MB" + ", both sides in float32" * bool(known.parameters)),
        ("Scale", known.logit_scale and f"{known.logit_scale:g}"),
        ("Tags", known.imagenet and f"{known.imagenet:g} %, zero-shot top-1 on ImageNet-1k"),
        ("Finds", known.retrieval and f"{known.retrieval:g} %, recall at 1, text to photo{coco}"),
        ("Source", known.source),
        *(("ONNX", each) for each in known.onnx),
        ("open_clip", known.torch),
        ("transformers", known.transformers),
        *(("Also", each) for each in known.also),
        *(("Checksum", f"{file}: {digest}") for file, digest in known.checksums.items()),
    ]
    for each in known.golden:
        what = f"photo {each.photo}, {each.photo_url}" if each.photo else f'"{each.texts[0]}"'
        rows += [("Published", what), ("", f"in {each.source}")]
    return [(label, str(value)) for label, value in rows if value]


def _licence(licence: str | None, *, permissive: bool) -> str:
    if licence is None:
        return "not named by its publisher"
    return licence if permissive else f"{licence}; it does not allow every use"


def verified(found: Verification) -> list[str]:
    """Return lines on what was compared."""
    lines = [found.model, *(f"  {'In':<{_LABEL}}{place}" for place in found.places)]
    files = [each for each in found.checks if each.kind not in ("golden", "sanity")]
    # Files that are as they should be are counted, others named.
    for detail in dict.fromkeys(each.detail for each in files if each.ok is not False):
        same = [each for each in files if each.detail == detail and each.ok is not False]
        what = same[0].what if len(same) == 1 else f"{len(same)} files"
        have = detail if len(same) == 1 else detail.replace("has the digest", "have the digest")
        lines.append(_line("File", same[0], f"{what}: {have}"))
    for each in found.checks:
        if each in files:
            if each.ok is False:
                lines.append(_line("File", each, f"{each.what} {each.detail}"))
        else:
            label = "Value" if each.kind == "golden" else "Vectors"
            lines.append(_line(label, each, f"{each.what}: {each.detail}"))
    if found.lacking:
        lines.append(f"It was not run: {found.lacking}.")
    elif not found.ok:
        lines.append("It is not what it should be.")
    elif found.compared:
        lines.append("Nothing differs from what is known about it.")
    else:
        lines.append("Nothing was compared: nobody has published anything to compare it with.")
    return lines


def _line(label: str, check: Check, text: str) -> str:
    mark = {True: "ok", False: "WRONG", None: "-"}[check.ok]
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=f"  {label:<{_LABEL}}{mark:<6}",
        subsequent_indent=" " * (_LABEL + 8),
        break_long_words=False,
        break_on_hyphens=False,
    )


def way_out(found: Verification) -> str:
    """Return advice for a model that differs from its reference."""
    if found.lacking:
        return f"{found.model} was not run: {found.lacking}."
    name = shlex.quote(found.model)
    if found.is_download:
        return (
            f"{found.model} is not what it should be. Remove it and fetch it again: "
            f"safelight models rm {name}; safelight models pull {name}"
        )
    return f"{found.model} is not what it should be. Get it again from where you had it."


def measured_text(measured: Measured, dtype: str) -> str:
    """Return how near an export comes to the original, and how fast both are."""
    rows = (
        ("Images", measured.image_mean, measured.image_worst,
         measured.original_images, measured.export_images),
        ("Texts", measured.text_mean, measured.text_worst,
         measured.original_texts, measured.export_texts),
    )  # fmt: skip
    lines = [
        f"{label:<9}cosine {mean:.6f} mean, {worst:.6f} worst; "
        f"{before:.1f} a second before, {after:.1f} now"
        for label, mean, worst, before, after in rows
    ]
    how = f"; {measured.how}" if dtype == "int8" else ""
    return "\n".join((*lines, f"{'Size':<9}{measured.megabytes:,.1f} MB as {dtype}{how}"))
