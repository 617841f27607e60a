"""JSON files beside a model: read with errors that name the file and the key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.errors import ModelInvalid
from safelight.files import SMALL_FILE, read_bytes
from safelight.files.bounded_json import parse_json

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Configuration:
    """A JSON object, and the file that it came from.

    Attributes
    ----------
    path : Path
    values : dict
    """

    path: Path
    values: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Configuration:
        """Read a file.

        Raises
        ------
        ModelInvalid
            The file is missing, or holds no JSON object.
        """
        try:
            values = parse_json(read_bytes(path, limit=SMALL_FILE))
        except OSError as error:
            raise ModelInvalid(
                f"{path} is needed to use this model, but cannot be read: {error.strerror}.",
                path=str(path),
            ) from error
        except ValueError as error:
            raise ModelInvalid(f"{path} is not valid JSON: {error}", path=str(path)) from error
        if not isinstance(values, dict):
            raise ModelInvalid(f"{path} should hold a JSON object.", path=str(path))
        return cls(path, values)

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def need(self, key: str) -> Any:
        """Return a value that has to be there."""
        if key not in self:
            raise self.wrong(key, "is missing")
        return self.values[key]

    def section(self, key: str) -> Configuration:
        """Return a nested object; empty if it is not there."""
        values = self.values.get(key) or {}
        if not isinstance(values, dict):
            raise self.wrong(key, "should be an object")
        return Configuration(self.path, values)

    def integer(self, key: str) -> int:
        """Return a positive whole number."""
        value = self.need(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.wrong(key, f"should be a positive whole number, not {value!r}")
        return value

    def number(self, key: str) -> float:
        """Return a number."""
        value = self.need(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(key, f"should be a number, not {value!r}")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """Return a true or false, `default` where the class of the file fixes it."""
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(key, f"should be true or false, not {value!r}")
        return value

    def channels(self, key: str) -> tuple[float, float, float]:
        """Return three numbers."""
        value = self.need(key)
        if isinstance(value, list) and len(value) == 3:
            red, green, blue = value
            if all(isinstance(v, int | float) and not isinstance(v, bool) for v in value):
                return float(red), float(green), float(blue)
        raise self.wrong(key, f"should be three numbers, not {value!r}")

    def wrong(self, key: str, why: str) -> ModelInvalid:
        """Return the error for a value that cannot be used."""
        return ModelInvalid(
            f"{self.path}: {key!r} {why}. Guessing it would give wrong vectors; "
            "compare the file with the one that the model was published with.",
            path=str(self.path),
            key=key,
        )
