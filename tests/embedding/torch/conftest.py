"""Tests here compare with open_clip and transformers: they need the ``parity`` extra.

Without it they are skipped, unless SAFELIGHT_TEST_PARITY says that they must run.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

_MISSING = [
    name
    for name in ("torch", "open_clip", "transformers", "onnx")
    if importlib.util.find_spec(name) is None
]
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The longest come first, so that of several processes none is left alone with one of them.
    items.sort(key=lambda item: _HERE not in item.path.parents)
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.parity)
            item.add_marker(pytest.mark.filterwarnings("ignore"))  # PyTorch's own
            if _MISSING and os.environ.get("SAFELIGHT_TEST_PARITY") != "1":
                item.add_marker(pytest.mark.skip(reason=f"parity extra is missing: {_MISSING}"))
