"""Processor time of comparing many copies, beside imagededup's PHash in the same run.

Three sets, each ingested with the starter model first (which is not counted):

- 25 to 500 near copies of one 12-megapixel photo: the same picture at qualities 60 to 95;
- 520 files of 12 megapixels in 40 groups, of which the pixels are the same and the comments differ;
- 700 photos with two edits of each: those of a folder of real photos, then parts of them.

imagededup hashes the files again, as it has no library; it reads them with the same two cores.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from bench import peer, photos
from bench.measure import save, table
from bench.variants import VARIANTS
from safelight.embedding.starter import load_starter
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.library.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable

_COPIES = (25, 100, 500)
_GROUPS, _IN_GROUP = 40, 13
_PHOTOS = 700

_COMPARE = """
import sys
from safelight import Deduplicator, Library
with Library(sys.argv[1]) as library:
    groups = Deduplicator(library).groups()
    print(len(groups), sum(len(each.group.photos) for each in groups))
"""

_PHASH = """
import sys
from imagededup.methods import PHash
found = PHash(verbose=False).find_duplicates(image_dir=sys.argv[1])
print(sum(map(len, found.values())) // 2)
"""


def near_copies(folder: Path, count: int) -> None:
    """Write `count` files of one 12-megapixel picture."""
    (original,) = photos.large(folder / "original", 1).iterdir()
    picture = Image.open(original).convert("RGB")
    original.unlink()

    def write(number: int) -> None:
        quality, comment = 60 + number % 36, str(number)
        # Pillow keeps the options of a save in the picture itself.
        picture.copy().save(folder / f"{number:03}.jpg", quality=quality, comment=comment)

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, range(count)))


def same_pixels(folder: Path, groups: int) -> None:
    """Write groups of files with the same pixels and other comments."""
    for number, original in enumerate(sorted(photos.large(folder / "original", groups).iterdir())):
        data = original.read_bytes()
        original.unlink()
        for copy in range(_IN_GROUP):
            comment = f"copy {copy}".encode()
            segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
            (folder / f"{number:02}-{copy:02}.jpg").write_bytes(data[:2] + segment + data[2:])


def edits(folder: Path, source: Path, count: int) -> None:
    """Write `count` photos, and two edits of each."""
    found = sorted(path for path in source.rglob("*") if path.suffix.lower() in (".jpg", ".png"))
    for number in range(count):
        picture = Image.open(found[number % len(found)]).convert("RGB")
        if number >= len(found):  # another part of a photo that was used before
            width, height = picture.size
            left = width // 2 if number // len(found) % 2 else 0
            picture = picture.crop((left, 0, left + width // 2, height))
        picture.save(folder / f"{number:03}.jpg", quality=92)
        for edit in range(2):
            variant = VARIANTS[(2 * number + edit) % len(VARIANTS)]
            data = variant.of(picture, str(number))
            (folder / f"{number:03}-{edit}.{variant.form.lower()}").write_bytes(data)


def measure(make: Callable[[Path], None]) -> dict[str, object]:
    """Return seconds of processor and of the wall clock that both take for a set of files."""
    with tempfile.TemporaryDirectory() as place:
        folder, database = Path(place) / "files", Path(place) / "library.db"
        folder.mkdir()
        make(folder)
        with Database(database) as library:
            ingest(library, [parse_source(str(folder))], load_starter(), model="starter")
        python = sys.executable
        wall, processor, told = _timed([python, "-c", _COMPARE, str(database)])
        row: dict[str, object] = {"files": sum(1 for path in folder.iterdir() if path.is_file())}
        row |= {"processor s": processor, "seconds": wall, "groups, photos": told}
        wall, processor, told = _timed([str(peer.imagededup()), "-c", _PHASH, str(folder)])
        return row | {"PHash processor s": processor, "PHash seconds": wall, "PHash pairs": told}


def _timed(command: list[str]) -> tuple[float, float, str]:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - started
    processor = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return round(wall, 1), round(processor, 1), output.strip().splitlines()[-1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="real photos, of which edits are made")
    parser.add_argument("--copies", type=int, nargs="*", default=list(_COPIES))
    parser.add_argument("--groups", type=int, default=_GROUPS)
    parser.add_argument("--photos", type=int, default=_PHOTOS)
    options = parser.parse_args()
    sets: dict[str, Callable[[Path], None]] = {
        f"{count} near copies": lambda folder, count=count: near_copies(folder, count)
        for count in options.copies
    }
    if options.groups:
        sets["the same pixels"] = lambda folder: same_pixels(folder, options.groups)
    if options.photos:
        sets["edits"] = lambda folder: edits(folder, options.folder, options.photos)
    rows = {name: measure(make) for name, make in sets.items()}
    columns = list(next(iter(rows.values())))
    table([("set", *columns), *((name, *row.values()) for name, row in rows.items())])
    save("copies", rows)


if __name__ == "__main__":
    main()
