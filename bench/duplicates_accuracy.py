"""Precision and recall of duplicates and their relations, beside two peers.

Every relation is derived from real photos (`bench/variants.py`), so that the truth is known. All
files go through the real thing: an ingest with the starter model, the candidates of all pairs, the
relation of each. A pair counts for recall if it is an original and what was made of it; for
precision, every strict relation between files of different photos counts against it, whatever was
made of them, and so does one between a photo and the next exposure of the same scene. The limits
were set on one half of the photos (``--half tune``); figures are of the other.

imagededup (PHash, and CNN if its weights are on the machine) and ImageHash read the same files, in
an environment of their own, with their defaults; ImageHash has none, and takes imagededup's.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from bench.measure import save, table
from bench.peer import imagededup
from bench.variants import SERIES, VARIANTS, next_moment, saved, series
from safelight.duplicates.candidates.generate import candidates
from safelight.duplicates.clustering.incremental import compare_pairs, related
from safelight.duplicates.find import find_groups, open_all
from safelight.duplicates.model import STRICT, Relation
from safelight.duplicates.thresholds import DEFAULT
from safelight.embedding.starter import load_starter
from safelight.imaging import decode
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.library.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterable

    from safelight.duplicates.model import Edge
    from safelight.duplicates.photo_features import Look, PhotoFeatures
    from safelight.duplicates.thresholds import Thresholds

ORIGINAL, STRANGER = "original", "next moment, no EXIF"
_NAMES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif"}

#: Pairs to find, by name; `taken` pairs are of a camera's files.
EXPECTED = {variant.name: variant for variant in VARIANTS}
PAIRS = {(ORIGINAL, name) for name in EXPECTED} | {(one, other) for one, other, _ in SERIES}


@dataclass(slots=True)
class Found:
    """Result for a set of files.

    Attributes
    ----------
    relations : dict
        By name of what was made, the relation to its original, of each photo that has one.
    wrong : list of (str, str, str)
        Strict relations between files of different pictures: both files, and the relation.
    """

    relations: dict[tuple[str, str], dict[str, Relation]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    wrong: list[tuple[str, str, str]] = field(default_factory=list)


def half_of(path: Path) -> str:
    """Return which half a photo belongs to, by its name."""
    odd = hashlib.sha256(path.name.encode()).digest()[0] % 2
    return "report" if odd else "tune"


def photos(folders: Iterable[Path], half: str) -> list[Path]:
    """Return the photos of one half, mixed, the same each time."""
    found = [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix.lower() in (".jpg", ".jpeg", ".png") and half_of(path) == half
    ]
    return sorted(found, key=lambda path: hashlib.sha256(path.name.encode()).hexdigest())


def make(paths: list[Path], folder: Path, derived: int) -> int:
    """Write the files: all that is made of the first `derived` photos, and the rest as they are."""
    count = 0
    for number, path in enumerate(paths):
        picture = Image.fromarray(decode(path.read_bytes()).pixels)
        files = {f"{ORIGINAL}.jpg": saved(picture, "JPEG", 92)}
        if number < derived:
            of_camera = series(picture, path.name, number)
            # What programs make, they make of the file, not of the scene.
            picture = Image.open(io.BytesIO(of_camera[ORIGINAL])).convert("RGB")
            files = {f"{name}.jpg": data for name, data in of_camera.items()}
            for variant in VARIANTS:
                name = f"{variant.name}.{_NAMES[variant.form]}"
                files[name] = variant.of(picture, path.name)
            files[f"{STRANGER}.jpg"] = saved(next_moment(picture, path.name), "JPEG", 92)
        place = folder / path.name
        place.mkdir(parents=True)
        for name, data in files.items():
            (place / name).write_bytes(data)
            count += 1
    return count


def _told(path: str) -> tuple[str, str]:
    place = Path(path)
    return place.parent.name, place.stem


def _ordered(name: str, other: str) -> tuple[str, str]:
    return (name, other) if (name, other) in PAIRS else (other, name)


def _is_one_picture(photo: str, name: str, other: str, other_name: str) -> bool:
    # What the next exposure shows, with EXIF and without, is one picture.
    second = {STRANGER, "a second later"}
    return photo == other and (STRANGER not in (name, other_name) or {name, other_name} == second)


def run_safelight(folder: Path, limits: Thresholds) -> tuple[Found, dict[str, float]]:
    """Ingest the files, and relate each pair that is proposed and that is right or wrong.

    Not by way of groups: of many copies only some are compared, and what is related to one counts
    as related to all. Here each is held against its original, as if there were no others.
    """
    found = Found()

    def relate(a: PhotoFeatures, b: PhotoFeatures, look: Look, limits: Thresholds) -> Edge | None:
        wanted, right = _wanted(a, b)
        edge = related(a, b, look, limits)
        if edge is not None and right:
            for pair, photo in wanted:
                found.relations[pair][photo] = edge.relation
        elif edge is not None and edge.relation in STRICT:
            found.wrong.append((a.paths[0], b.paths[0], str(edge.relation)))
        return edge

    with tempfile.TemporaryDirectory() as place, Database(Path(place) / "library.db") as library:
        started = time.perf_counter()
        source = parse_source(f"images:{folder}", recursive=True)
        ingest(library, [source], load_starter(), model="starter")
        ingested = time.perf_counter() - started
        started = time.perf_counter()
        pairs = _proposed(library, limits)
        compare_pairs(library, pairs, thresholds=limits, relate=relate)
        compared = time.perf_counter() - started
    return found, {"ingest": ingested, "compare": compared, "pairs": float(len(pairs))}


def _wanted(a: PhotoFeatures, b: PhotoFeatures) -> tuple[set[tuple[tuple[str, str], str]], bool]:
    """Return what two photos are of `PAIRS`, with the name of the picture; and if they show one."""
    # What is made of a grey photo by making it grey has the bytes of something else.
    told = [(_told(one), _told(other)) for one in a.paths for other in b.paths]
    right = {
        (_ordered(name, other_name), photo)
        for (photo, name), (other, other_name) in told
        if _is_one_picture(photo, name, other, other_name)
    }
    return {(pair, photo) for pair, photo in right if pair in PAIRS}, bool(right)


def _proposed(library: Database, limits: Thresholds) -> list[tuple[str, str]]:
    """Return the pairs that signals propose, but for two things made of one picture."""
    known = open_all(library, thresholds=limits)
    count = len(known.keys)
    photos_ = known.seen(range(count))
    pairs = []
    with ThreadPoolExecutor(1) as pool:
        for _, _, found in candidates(known.signals, 0, count, pool):
            for later, earlier in zip(found.later.tolist(), found.earlier.tolist(), strict=True):
                a, b = photos_[later], photos_[earlier]
                wanted, right = _wanted(a, b)
                if wanted or not right:  # else neither right nor wrong
                    pairs.append((a.id, b.id))
    return pairs


def run_grouped(folder: Path, count: int, limits: Thresholds) -> dict[str, float]:
    """Group all that is made of the first photos, as a library does; say what is in one group."""
    made = [place for place in sorted(folder.iterdir()) if len(list(place.iterdir())) > 1][:count]
    with tempfile.TemporaryDirectory() as place, Database(Path(place) / "library.db") as library:
        sources = [parse_source(f"images:{each}") for each in made]
        ingest(library, sources, load_starter(), model="starter")
        groups = find_groups(library, thresholds=limits, relations=STRICT)
        group_of = {
            row[1]: group.id
            for group in groups
            for row in library.connection.execute(
                "SELECT items.id, path FROM files JOIN items ON items.pk = item_pk"
            )
            if row[0] in group.photos
        }
    names = {_told(path): group for path, group in group_of.items()}
    main_ = [name for name, variant in EXPECTED.items() if not variant.apart]
    together = sum(
        names.get((each.name, ORIGINAL), "-") == names.get((each.name, name))
        for each in made
        for name in main_
    )
    return {
        "photos": len(made),
        "in the group of the original": together / max(1, len(made) * len(main_)),
    }


def run_peers(folder: Path) -> dict[str, Found]:
    """Let the peers read the same files."""
    return {name: _judged(pairs) for name, pairs in peers_pairs(folder).items()}


def peers_pairs(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Return the pairs of files that each peer calls duplicates, with its defaults."""
    with tempfile.TemporaryDirectory() as place:
        result = Path(place) / "found.json"
        script = Path(__file__).with_name("duplicates_peers.py")
        subprocess.run([imagededup(), script, folder, result], check=True)
        answers = json.loads(result.read_text())
    return {name: pairs for name, pairs in answers.items() if pairs is not None}


def _judged(edges: list[tuple[str, str]]) -> Found:
    found = Found()
    for a, b in edges:
        (photo, name), (other, other_name) = _told(a), _told(b)
        pair = _ordered(name, other_name)
        if not _is_one_picture(photo, name, other, other_name):
            found.wrong.append((a, b, "duplicate"))
        elif pair in PAIRS:
            found.relations[pair][photo] = Relation.SIMILAR
    return found


def _share(found: Found, names: Iterable[str], count: int, *, strict: bool) -> float:
    wanted = hits = 0
    for name in names:
        wanted += count
        relations = found.relations[ORIGINAL, name].values()
        hits += sum(not strict or relation in STRICT for relation in relations)
    return hits / wanted


def _totals(found: Found, count: int, *, strict: bool) -> dict[str, float]:
    main = [name for name, variant in EXPECTED.items() if not variant.apart]
    apart = [name for name, variant in EXPECTED.items() if variant.apart]
    right = sum(
        not strict or relation in STRICT
        for name in EXPECTED
        for relation in found.relations[ORIGINAL, name].values()
    )
    exposures = sum(_told(a)[0] == _told(b)[0] for a, b, _ in found.wrong)
    strangers = len(found.wrong) - exposures
    return {
        "recall": _share(found, main, count, strict=strict),
        "recall, apart": _share(found, apart, count, strict=strict),
        "precision": right / max(1, right + len(found.wrong)),
        "the same without next exposures": right / max(1, right + strangers),
        "wrong: next exposures": exposures,
        "wrong: other photos": strangers,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--derived", type=int, default=40, help="photos of which all is made")
    parser.add_argument("--photos", type=int, help="photos in all")
    parser.add_argument("--folders", nargs="*", help="instead of SAFELIGHT_TEST_PHOTOS's")
    parser.add_argument("--grouped", type=int, default=3, help="photos of which all is grouped")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--keep", type=Path, help="a folder for the files, kept and used again")
    options = parser.parse_args()
    root = os.environ.get("SAFELIGHT_TEST_PHOTOS")
    if not root and not options.folders:
        raise SystemExit("SAFELIGHT_TEST_PHOTOS names no folder of real photos")
    folders = [Path(each) for each in options.folders or ()] or [
        Path(root or "") / name for name in ("imagenet-sample", "captioned", "kodak")
    ]
    paths = photos(folders, options.half)[: options.photos]
    derived = min(options.derived, len(paths))
    folder = options.keep or Path(tempfile.mkdtemp())
    try:
        if not folder.exists() or not any(folder.iterdir()):
            print(f"{make(paths, folder, derived)} files of {len(paths)} photos")
        report(folder, derived, options.half, grouped=options.grouped, peers=not options.no_peers)
    finally:
        if options.keep is None:
            shutil.rmtree(folder)


def report(folder: Path, derived: int, half: str, *, grouped: int, peers: bool) -> None:
    """Print the tables and save the figures."""
    others = run_peers(folder) if peers else {}
    ours, seconds = run_safelight(folder, DEFAULT)
    rows: list[tuple[object, ...]] = [("transformation", "found", "named", *others)]
    figures: dict[str, dict[str, float]] = {}
    for name, variant in EXPECTED.items():
        relations = Counter(ours.relations[ORIGINAL, name].values())
        figures[name] = {
            "found": sum(relations[each] for each in STRICT) / derived,
            "named": relations[variant.relation] / derived,
            **{peer: len(found.relations[ORIGINAL, name]) / derived
               for peer, found in others.items()},
        }  # fmt: skip
        label = f"{name} (apart)" if variant.apart else name
        rows.append((label, *(f"{value:.2f}" for value in figures[name].values())))
    print()
    table(rows)
    print("\nwhat cameras write:")
    of_cameras = {}
    for one, other, relation in SERIES:
        relations = Counter(ours.relations[one, other].values())
        of_cameras[f"{one}, {other}"] = {
            "named": relations[relation] / derived,
            "strict": sum(relations[each] for each in STRICT) / derived,
        }
        print(f"  {one}, {other}: {dict(relations)} of {derived}, should be {relation}")
    totals = {
        who: _totals(found, derived, strict=who == "safelight")
        for who, found in {"safelight": ours, **others}.items()
    }
    print()
    table(
        [("", *totals["safelight"])]
        + [(who, *(f"{value:.4g}" for value in each.values())) for who, each in totals.items()]
    )
    missed = [
        f"{photo}/{name}"
        for name, variant in EXPECTED.items()
        if not variant.apart
        for photo in sorted(
            {
                path.name
                for path in folder.iterdir()
                if (path / f"{name}.{_NAMES[variant.form]}").exists()
            }
        )
        if ours.relations[ORIGINAL, name].get(photo) not in STRICT
    ]
    print("missed:", *missed)
    for wrong in ours.wrong[:20]:
        print("  ", *("/".join(_told(each)) for each in wrong[:2]), wrong[2])
    print({name: round(value, 1) for name, value in seconds.items()})
    groups = run_grouped(folder, grouped, DEFAULT)
    print(groups)
    save(
        f"duplicates_accuracy_{half}",
        {
            "photos": derived,
            "transformations": figures,
            "cameras": of_cameras,
            "totals": totals,
            "groups": groups,
            "wrong": [[*map("/".join, map(_told, each[:2])), each[2]] for each in ours.wrong],
            "seconds": seconds,
        },
    )


if __name__ == "__main__":
    main()
