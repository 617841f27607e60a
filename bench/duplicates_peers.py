"""Run by the peers' own Python: what imagededup, ImageHash and PDQ find in a folder.

Usage: duplicates_peers.py FOLDER RESULT.json
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image

#: imagededup's own for PHash.
BITS = 10

#: Of 256.
PDQ_BITS = 31


def phash(files: list[str]) -> list[tuple[str, str]]:
    """Return the pairs that imagededup's PHash finds with its defaults."""
    from imagededup.methods import PHash

    method = PHash(verbose=False)
    encodings = {file: method.encode_image(file) for file in files}
    # It reads no AVIF.
    encodings = {file: encoding for file, encoding in encodings.items() if encoding is not None}
    found = method.find_duplicates(encoding_map=encodings, num_enc_workers=0)
    return _pairs(found)


def cnn(files: list[str], folder: str) -> list[tuple[str, str]] | None:
    """Return the pairs that imagededup's CNN finds with its defaults; None without its weights."""
    from imagededup.methods import CNN

    try:
        method = CNN(verbose=False)
    except Exception as error:  # noqa: BLE001 - whatever a download may raise
        print(f"imagededup's CNN is not available: {error}", file=sys.stderr)
        return None
    encodings = method.encode_images(folder, recursive=True, num_enc_workers=0)
    names = {Path(file).relative_to(folder).as_posix(): file for file in files}
    known = {names[name]: vector for name, vector in encodings.items() if name in names}
    return _pairs(method.find_duplicates(encoding_map=known))


def image_hash(files: list[str]) -> list[tuple[str, str]]:
    """Return the pairs whose ImageHash phash differs in at most 10 bits."""
    hashes = []
    for file in files:
        with Image.open(file) as picture:
            hashes.append(np.packbits(imagehash.phash(picture).hash.ravel()).view(np.uint64)[0])
    values = np.array(hashes)
    found = []
    for row, value in enumerate(values):
        near = np.flatnonzero(np.bitwise_count(values[:row] ^ value) <= BITS)
        found += [(files[row], files[other]) for other in near]
    return found


def pdq(files: list[str]) -> list[tuple[str, str]]:
    """Return the pairs whose PDQ hashes differ in at most 31 bits, as its authors advise."""
    import pdqhash

    hashes = []
    for file in files:
        with Image.open(file) as picture:
            hashes.append(pdqhash.compute(np.asarray(picture.convert("RGB")))[0])
    values = np.array(hashes, np.int16)
    found = []
    for row, value in enumerate(values):
        near = np.flatnonzero(np.abs(values[:row] - value).sum(axis=1) <= PDQ_BITS)
        found += [(files[row], files[other]) for other in near]
    return found


def _pairs(found: dict[str, list[str]]) -> list[tuple[str, str]]:
    return sorted({(min(a, b), max(a, b)) for a, others in found.items() for b in others if a != b})


def main() -> None:
    warnings.simplefilter("ignore")
    folder, result = sys.argv[1:]
    files = sorted(str(path) for path in Path(folder).rglob("*") if path.is_file())
    answers = {
        "imagededup PHash": phash(files),
        "imagededup CNN": cnn(files, folder),
        "ImageHash phash": image_hash(files),
        "PDQ": pdq(files),
    }
    Path(result).write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
