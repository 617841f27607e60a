"""The plot of ``bench/scale.py``: milliseconds by number of vectors, both logarithmic, as SVG."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 170, 30, 50
COLOURS = {
    "exact": "#1f5fa8",
    "exact in 8 bits": "#3f9fd0",
    "clusters": "#c2410c",
    "numpy": "#7a7a7a",
    "faiss flat": "#2f8f5b",
    "faiss ivf": "#9a6fb0",
    "usearch": "#b08d2f",
    "cold command": "#111111",
}


def plot(found: dict[str, dict[str, Any]], path: Path) -> None:
    """Write the plot of what was measured, by number of vectors."""
    lines: dict[str, list[tuple[int, float]]] = {}
    for count, each in found.items():
        for name, got in each["contenders"].items():
            lines.setdefault(name, []).append((int(count), got["p50"]))
        seconds = each["cold"]["search"].seconds
        lines.setdefault("cold command", []).append((int(count), 1000 * seconds))
    counts = [count for line in lines.values() for count, _ in line]
    values = [value for line in lines.values() for _, value in line]
    across = _scale(min(counts), max(counts), LEFT, WIDTH - RIGHT)
    low = 10 ** math.floor(math.log10(min(values)))
    high = 10 ** math.ceil(math.log10(max(values)))
    up = _scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    value = low
    while value <= high * 1.001:
        y = up(value)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#dddddd"/>')
        label = f"{value:g} ms" if value < 1000 else f"{value / 1000:g} s"
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
        value *= 10
    for count in sorted(set(counts)):
        x = across(count)
        parts.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#eeeeee"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{count:,}</text>'
        )
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">'
        "vectors of 512 numbers</text>"
    )
    taken: list[float] = []
    for name, line in sorted(lines.items(), key=lambda each: -each[1][-1][1]):
        points = " ".join(f"{across(count):.1f},{up(value):.1f}" for count, value in line)
        colour = COLOURS[name]
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        x, y = across(line[-1][0]), up(line[-1][1])
        while any(abs(y - other) < 14 for other in taken):
            y += 3
        taken.append(y)
        parts.append(f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{colour}">{name}</text>')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


def _scale(low: float, high: float, start: float, end: float) -> Any:
    if low == high:
        return lambda _: (start + end) / 2
    factor = (end - start) / (math.log(high) - math.log(low))
    return lambda value: start + factor * (math.log(value) - math.log(low))
