"""The notebook of the documentation runs, cell by cell, and shows what it promises."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tour.ipynb"

#: Runs code cells as a kernel does, without one: the last expression of each is displayed.
RUNNER = """
import ast, json, sys
names = {"__name__": "__main__"}
for number, source in enumerate(json.load(open(sys.argv[1], encoding="utf-8"))):
    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), f"cell {number}", "exec"), names)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
        show = getattr(value, "_repr_html_", None)
        print(f"[{number}]", show() if show else repr(value))
"""


def _cells() -> list[str]:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return ["".join(each["source"]) for each in notebook["cells"] if each["cell_type"] == "code"]


def test_the_notebook_runs(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    (tmp_path / "cells.json").write_text(json.dumps(_cells()), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, "cells.json"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "SAFELIGHT_MODEL": "starter"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('<img alt="" src="data:image/webp;base64,') > 6
    assert "identical" in done.stdout
    assert "quarantine 2 files of 1 groups" in done.stdout


def test_the_notebook_holds_no_output_of_anybody() -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    for source in _cells():
        ast.parse(source)
