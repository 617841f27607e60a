from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from safelight.errors import SettingsError
from safelight.settings import Settings, variable

DOCS = Path(__file__).parents[1] / "docs"


def test_an_option_wins_over_the_environment_and_that_over_the_default() -> None:
    environ = {"SAFELIGHT_NAMESPACE": "a", "SAFELIGHT_BATCH_SIZE": "8", "SAFELIGHT_DEVICE": ""}
    settings = Settings.load(environ, namespace="b", batch_size=None)
    assert (settings.namespace, settings.batch_size, settings.device) == ("b", 8, "auto")
    origins = settings.origins(environ)
    assert origins["namespace"] == "option"
    assert origins["batch_size"] == "environment"
    assert origins["device"] == "default"


@pytest.mark.parametrize(
    ("name", "value"),
    [("BATCH_SIZE", "0"), ("BATCH_SIZE", "many"), ("THREADS", "-1"), ("HUB_TIMEOUT", "nan")],
)
def test_an_impossible_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"SAFELIGHT_{name}='{value}'"):
        Settings.load({f"SAFELIGHT_{name}": value})


def test_paths_and_lists_are_read() -> None:
    settings = Settings.load({"SAFELIGHT_LIBRARY": "~/x.db", "SAFELIGHT_EXCLUDE": "a, *.b ,"})
    assert settings.library == Path("~/x.db").expanduser()
    assert settings.exclude == ("a", "*.b")


def test_settings_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings.load({}).device = "cuda"  # type: ignore[misc]


def test_every_setting_is_documented() -> None:
    guide = (DOCS / "guide.md").read_text(encoding="utf-8")
    for setting in fields(Settings):
        row = f"| `{variable(setting.name)}` | {setting.metadata['about']} |"
        assert row in guide, f"docs/guide.md lacks: {row}"
