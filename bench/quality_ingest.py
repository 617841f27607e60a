"""Cost of scores in an ingest: the same photos with and without --score, in turns."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from bench import photos
from bench.measure import SAFELIGHT, Run, median, run, save, table
from bench.models import write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    models = {"starter": "starter", "ViT-B-32 fp32": str(write("ViT-B-32")["fp32"])}
    found: dict[str, object] = {"photos": options.photos}
    rows: list[tuple[object, ...]] = [("model", "without s", "with s", "ratio")]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folder = photos.large(work / "photos", options.photos)
        for model, given in models.items():
            runs: dict[bool, list[Run]] = {False: [], True: []}
            for number in range(options.rounds + 1):
                for score in (False, True):
                    library = work / f"{model} {number} {score}.db"
                    environ = {**os.environ, "SAFELIGHT_LIBRARY": str(library)}
                    command = [SAFELIGHT, "ingest", "-q", "--model", given, folder]
                    done = run([*command, *(["--score"] if score else [])], environ)
                    if number:  # the first only warms up
                        runs[score].append(done)
            ratio = statistics.median(
                scored.seconds / plain.seconds
                for plain, scored in zip(runs[False], runs[True], strict=True)
            )
            without, scored = median(runs[False]), median(runs[True])
            found[model] = {"without": without, "with": scored, "ratio": round(ratio, 2)}
            rows.append((model, without.seconds, scored.seconds, f"{ratio:.2f}"))
    table(rows)
    save("quality_ingest", found)


if __name__ == "__main__":
    sys.exit(main())
