"""The photos of the demo."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from safelight.errors import SourceError
from safelight.ingest.sources.lists import PhotoSource

_DEMO = (
    (
        "skimage",
        "data",
        (
            "astronaut.png",
            "brick.png",
            "camera.png",
            "chelsea.png",
            "coffee.png",
            "coins.png",
            "grass.png",
            "gravel.png",
            "hubble_deep_field.jpg",
            "moon.png",
            "motorcycle_left.png",
            "motorcycle_right.png",
            "page.png",
            "rocket.jpg",
        ),
    ),
    ("sklearn", "datasets/images", ("china.jpg", "flower.jpg")),
)


def demo_source() -> PhotoSource:
    """Return the photos of the demo: real ones that scikit-image and scikit-learn ship.

    Raises
    ------
    SourceError
        Neither package is installed.
    """
    found = [
        str(Path(origin).parent / folder / name)
        for package, folder, names in _DEMO
        if (spec := importlib.util.find_spec(package)) and (origin := spec.origin)
        for name in names
        if (Path(origin).parent / folder / name).is_file()
    ]
    if not found:
        raise SourceError(
            "The demo's photos are not installed. Get them with: pip install 'safelight[demo]'",
            source="demo",
        )
    return PhotoSource(tuple(found), "demo")
