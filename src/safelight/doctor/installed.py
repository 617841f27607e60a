"""Installed versions and optional extras, found without importing them."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata

#: The builds of ONNX Runtime that can run models here. They write into the same folder.
RUNTIME_BUILDS = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "onnxruntime-directml",
)

_PACKAGES = (
    *RUNTIME_BUILDS,
    "numpy",
    "opencv-python-headless",
    "pillow",
    "tokenizers",
    "huggingface-hub",
    "torch",
    "torchvision",
    "open_clip_torch",
    "transformers",
)

#: The extras for users: what each is for, and the packages it brings.
EXTRAS = {
    "demo": ("photos to try with", ("scikit-image", "scikit-learn")),
    "faiss": ("quick searches among more than 200,000 photos", ("faiss-cpu",)),
    "heif": ("HEIC photos", ("pi-heif",)),
    "raw": ("camera RAW files", ("rawpy",)),
    "client": ("calls to a server, from Python", ("httpx2", "pydantic")),
    "server": (
        "safelight serve",
        ("fastapi", "prometheus-client", "python-multipart", "uvicorn"),
    ),
    "nats": ("workers of the pipeline on a NATS server", ("nats-py",)),
    "parquet": ("data sets in Parquet", ("fsspec", "pyarrow")),
    "ray": ("ingests on a cluster", ("fsspec", "pyarrow", "ray[data]", "s3fs")),
    "qdrant": ("Qdrant as a vector store", ("qdrant-client",)),
    "postgres": ("PostgreSQL as a vector store", ("psycopg[binary]",)),
    "torch": (
        "models in PyTorch",
        ("onnx", "open_clip_torch", "sentencepiece", "torch", "torchvision", "transformers"),
    ),
}


@dataclass(frozen=True, slots=True)
class Extra:
    """An optional extra.

    Attributes
    ----------
    name, about : str
    missing : tuple of str
        Those of its packages that are not installed.
    install : str
        The command that brings them.
    """

    name: str
    about: str
    missing: tuple[str, ...]
    install: str


def versions() -> dict[str, str]:
    """Return the version of safelight, of Python, and of each package that matters and is there."""
    found = {"safelight": _version("safelight"), "Python": platform.python_version()}
    found |= {name: _version(name) for name in _PACKAGES}
    return {name: version for name, version in found.items() if version}


def extras() -> tuple[Extra, ...]:
    """Return the optional extras, and what each lacks."""
    return tuple(
        Extra(
            name,
            about,
            tuple(package for package in packages if not _version(package)),
            f"pip install 'safelight[{name}]'",
        )
        for name, (about, packages) in EXTRAS.items()
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package.partition("[")[0])
    except metadata.PackageNotFoundError:
        return None
