from __future__ import annotations

import subprocess
import sys
import types

import pytest

import safelight

PUBLIC = [
    "AsyncLibrary",
    "CLIPEmbedder",
    "CLIPModel",
    "Database",
    "Deduplicator",
    "Embedder",
    "FeaturesService",
    "Filter",
    "Frame",
    "Hit",
    "Library",
    "SafelightError",
    "Settings",
    "decode",
    "index_local_images",
    "load_embedder",
    "parse_query",
    "parse_source",
    "retrieve_local",
]


def test_the_public_names_are_these() -> None:
    assert safelight.__all__ == PUBLIC
    assert set(PUBLIC) <= set(dir(safelight))


def test_importing_the_package_imports_nothing_else() -> None:
    script = "import sys; old = set(sys.modules); import safelight; print(set(sys.modules) - old)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "safelight." not in done.stdout
    assert "numpy" not in done.stdout


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_explained(name: str) -> None:
    thing = getattr(safelight, name)
    assert not isinstance(thing, types.ModuleType)
    assert thing.__doc__


def test_open_is_there_and_hides_nothing() -> None:
    assert safelight.open.__doc__
    assert "open" in dir(safelight)
    assert "open" not in safelight.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = safelight.nonsense
