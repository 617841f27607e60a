"""The figures of docs/labels.md hold for the classifier, on real photos."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from safelight.labels import read_label_set

if TYPE_CHECKING:
    from bench.labels import Rows

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "labels.md").read_text(encoding="utf-8")


def _published(rows: Rows) -> None:
    """Compare each row with the page, and numbers with what rounding and runtimes allow."""
    for label, *cells in rows[1:]:
        (line,) = re.findall(rf"^\| {re.escape(str(label))} \|.*$", PAGE, re.MULTILINE)
        told = [cell.strip() for cell in line.split("|")[2:-1]]
        for cell, said in zip(cells, told, strict=True):
            try:
                assert float(str(cell).split(" ")[0]) == pytest.approx(
                    float(said.split(" ")[0]), abs=0.021
                ), label
            except ValueError:
                assert str(cell) == said


def test_the_figures_are_those_of_the_page(real_photos: Path) -> None:
    bench = pytest.importorskip("bench.labels", reason="needs the repository")
    photos = bench.Photos(real_photos)
    overall, each = bench.shipped(photos)
    _published(overall)
    _published(each)
    _published(bench.tried(photos))


def test_truth_is_of_labels_that_ship_and_judges_nothing_twice() -> None:
    bench = pytest.importorskip("bench.label_truth", reason="needs the repository")
    for label, truth in bench.TRUTH.items():
        assert label in read_label_set().labels
        yes, unsure = set(truth.yes.split(", ")), set(truth.unsure.split(", "))
        assert not yes & unsure
        assert not yes & set((truth.no or "").split(", "))


def test_the_python_example_runs() -> None:
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("dog ")
