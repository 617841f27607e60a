"""What lies beside a photo and belongs to it: its sidecar, its RAW, its moving part."""

from __future__ import annotations

import os

from safelight.imaging.formats import SUFFIXES, is_photo

_RAW = SUFFIXES["raw"]
_MOVING = frozenset({".mov", ".mp4"})


class Beside:
    """The files beside photos; each folder is listed once.

    What changes in a folder while this lives is not seen.
    """

    def __init__(self) -> None:
        self._by_stem: dict[str, dict[str, list[str]]] = {}

    def sidecars(self, path: str) -> list[str]:
        """Return the XMP sidecars that are this photo's alone, the one that counts first.

        ``photo.jpg.xmp`` always is; ``photo.xmp`` is if no other photo there is called like it.
        """
        folder, name = os.path.split(path)
        stem = os.path.splitext(name)[0]
        full = self._named(folder, name, {".xmp"})
        shared = [each for each in self._named(folder, stem) if is_photo(each) and each != name]
        short = [] if shared else self._named(folder, stem, {".xmp"})
        return [os.path.join(folder, each) for each in (*full, *short)]

    def sidecar_for(self, path: str) -> str:
        """Return the sidecar that a photo has, or else the one that it should get."""
        return next(iter(self.sidecars(path)), f"{path}.xmp")

    def possible_sidecars(self, path: str) -> list[str]:
        """Return the paths at which a photo's own notes can be."""
        return [*self.sidecars(path), f"{path}.xmp"]

    def companion(self, path: str) -> str | None:
        """Return the file with which a photo is one: RAW and JPEG, or a photo and its moving part.

        The library may not know it: it may be of a kind that it does not read.
        """
        folder, name = os.path.split(path)
        stem, suffix = os.path.splitext(name)
        raw = suffix.lower() in _RAW
        for each in self._named(folder, stem):
            other = os.path.splitext(each)[1].lower()
            if other in _MOVING or (is_photo(each) and (other in _RAW) != raw):
                return os.path.join(folder, each)
        return None

    def _named(self, folder: str, stem: str, suffixes: set[str] | None = None) -> list[str]:
        if folder not in self._by_stem:
            found: dict[str, list[str]] = {}
            try:
                names = sorted(os.listdir(folder))
            except OSError:
                names = []
            for name in names:
                found.setdefault(os.path.splitext(name)[0].casefold(), []).append(name)
            self._by_stem[folder] = found
        named = self._by_stem[folder].get(stem.casefold(), [])
        return [
            name
            for name in named
            if suffixes is None or os.path.splitext(name)[1].lower() in suffixes
        ]
