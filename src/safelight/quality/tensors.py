"""Read small weight files without trusting them: .npz and .safetensors, never a pickle."""

from __future__ import annotations

import math
import zipfile
from typing import TYPE_CHECKING

import numpy as np

from safelight.errors import ModelInvalid, ModelUnavailable
from safelight.files import LARGE_TEXT, check_regular, read_bytes
from safelight.files.bounded_json import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    import numpy.typing as npt

#: A file of more is not a small head, and one that unpacks to more is a trap.
MAX_BYTES = 256 * 1024**2

# What the safetensors format calls numbers. BF16 is widened by hand.
_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}

_PICKLES = frozenset((".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth"))


def read_tensors(path: Path) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, str]]:
    """Read the arrays of a weight file by name, and what it says about itself.

    Parameters
    ----------
    path : Path
        ``.safetensors``, whose metadata are texts; or ``.npz``, where arrays of one text stand for
        them.

    Raises
    ------
    ModelUnavailable
        It cannot be read.
    ModelInvalid
        It is damaged, too large, of another kind, or holds Python objects.
    """
    if path.suffix.lower() in _PICKLES:
        raise ModelInvalid(
            f"{path} may run any program when it is loaded, so safelight does not load it. "
            "Save its tensors as .safetensors, with the safetensors package, where it is trusted."
        )
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _invalid(path, f"is larger than {MAX_BYTES // 1024**2} MiB")
        if path.suffix.lower() == ".npz":
            return _read_npz(path)
        if path.suffix.lower() == ".safetensors":
            return _read_safetensors(path)
    except OSError as exc:
        raise ModelUnavailable(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    raise _invalid(path, "is neither .npz nor .safetensors")


def _read_npz(path: Path) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, str]]:
    tensors, about = {}, {}
    try:
        check_regular(path)
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                raise _invalid(path, f"unpacks to more than {MAX_BYTES // 1024**2} MiB")
        with np.load(path, allow_pickle=False) as file:
            for name in file.files:
                array = file[name]
                if array.dtype.kind == "U" and array.size == 1:
                    about[name] = str(array.reshape(())[()])
                elif array.dtype.kind == "f":
                    tensors[name] = array.astype(np.float64)
                else:
                    raise _invalid(path, f"holds {name}, of type {array.dtype}")
    except (ModelInvalid, OSError):
        raise
    except Exception as exc:  # zipfile and numpy raise a dozen kinds for damaged files
        raise _invalid(path, f"is damaged, or holds more than arrays ({exc})") from exc
    return tensors, about


def _read_safetensors(path: Path) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, str]]:
    data = read_bytes(path, limit=LARGE_TEXT)
    start = 8 + int.from_bytes(data[:8], "little")
    if len(data) < 8 or start > len(data):
        raise _invalid(path, "ends too early")
    try:
        header = parse_json(data[8:start])
    except ValueError as exc:
        raise _invalid(path, "has no header") from exc
    if not isinstance(header, dict):
        raise _invalid(path, "has no header")
    about = header.pop("__metadata__", None) or {}
    if not isinstance(about, dict):
        raise _invalid(path, "has metadata of an unknown kind")
    tensors = {name: _tensor(path, name, entry, data[start:]) for name, entry in header.items()}
    return tensors, {str(key): str(value) for key, value in about.items()}


def _tensor(
    path: Path, name: str, entry: Mapping[str, Any], data: bytes
) -> npt.NDArray[np.float64]:
    try:
        kind, shape = entry["dtype"], [int(length) for length in entry["shape"]]
        begin, end = (int(offset) for offset in entry["data_offsets"])
        dtype = np.dtype(_TYPES[kind])
    except (KeyError, TypeError, ValueError) as exc:
        raise _invalid(path, f"describes {name} in a way that is not known") from exc
    right_size = end - begin == math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or not (0 <= begin <= end <= len(data)) or not right_size:
        raise _invalid(path, f"has not the numbers of {name} that it describes")
    numbers = np.frombuffer(data[begin:end], dtype).reshape(shape)
    if kind == "BF16":  # the upper half of a float32
        numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
    return numbers.astype(np.float64)


def _invalid(path: Path, problem: str) -> ModelInvalid:
    return ModelInvalid(f"{path} {problem}; it cannot be used as a head.", path=str(path))
