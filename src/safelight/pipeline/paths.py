"""Paths of the pipeline's files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PipelinePaths:
    """The folders below one data folder.

    Attributes
    ----------
    data : Path
        ``data`` in the working folder, unless somebody says otherwise.
    """

    data: Path = Path("data")

    @property
    def root(self) -> Path:
        """The folder that the data folder lies in; relative URIs are relative to it."""
        return self.data.parent

    @property
    def input(self) -> Path:
        """Photos to be ingested."""
        return self.data / "input"

    @property
    def ranking(self) -> Path:
        """Standardised copies of photos."""
        return self.data / "rankingInput"

    @property
    def feature_cache(self) -> Path:
        """One JSON file a photo, and the embeddings of labels."""
        return self.data / "cache" / "features"

    @property
    def batches(self) -> Path:
        """Folder of a service's finished batches, until the next service has taken them."""
        return self.data / "batches"

    @property
    def output(self) -> Path:
        """Batches that went through the whole pipeline."""
        return self.data / "output"
