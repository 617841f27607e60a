"""Facts in XMP sidecars: found by both kinds of names, and read again when they change."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from safelight.imaging.sidecar_names import own_sidecars
from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from tests.metadata.test_xmp_facts import packet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from safelight.library.database import Database


def told(model: str, date: str = "2001-02-03T04:05:06") -> str:
    return packet(
        f"<tiff:Model>{model}</tiff:Model>", f'exif:DateTimeOriginal="{date}" exif:FNumber="28/10"'
    )


@pytest.fixture
def folder(tmp_path: Path, make_photo: Callable[..., Path]) -> Path:
    for number in range(4):
        make_photo(tmp_path / "p" / f"{number}.png", "red", seed=number)
    return tmp_path / "p"


def facts(library: Database) -> dict[str, tuple[str | None, str | None]]:
    rows = library.connection.execute(
        "SELECT f.path, i.camera, i.taken_at FROM files f JOIN items i ON i.pk = f.item_pk"
    )
    return {os.path.basename(path): (camera, taken) for path, camera, taken in rows}


@pytest.mark.parametrize(
    ("name", "siblings", "of_raw", "found"),
    [
        ("a.jpg", ["a.jpg", "a.jpg.xmp"], True, ["a.jpg.xmp"]),
        ("a.jpg", ["a.jpg", "a.xmp"], True, ["a.xmp"]),
        ("a.jpg", ["a.jpg", "a.xmp", "a.jpg.xmp"], True, ["a.jpg.xmp", "a.xmp"]),
        ("A.JPG", ["A.JPG", "a.XMP"], True, ["a.XMP"]),
        ("a.jpg", ["a.jpg", "A.xmp", "a.xmp"], True, ["a.xmp"]),
        ("a.jpg", ["a.jpg", "a.cr2", "a.xmp"], True, []),
        ("a.cr2", ["a.jpg", "a.cr2", "a.xmp"], True, ["a.xmp"]),
        ("a.cr2", ["a.jpg", "a.cr2", "a.xmp"], False, []),
        ("a.cr2", ["a.nef", "a.cr2", "a.xmp"], True, []),
        ("a.jpg", ["a.jpg", "a.png", "a.xmp", "a.png.xmp"], True, []),
        ("a.b.jpg", ["a.b.jpg", "a.b.xmp", "a.xmp"], True, ["a.b.xmp"]),
    ],
)
def test_a_sidecar_is_one_photos_alone(name, siblings, of_raw, found) -> None:
    assert own_sidecars(name, siblings, of_raw=of_raw) == found


@pytest.mark.parametrize("named", ["folder", "list", "photos"])
def test_sidecars_are_read_and_read_again(folder, tmp_path, library, embedder, named) -> None:
    (folder / "0.png.xmp").write_text(told("One"))
    (folder / "1.xmp").write_bytes(told("Two").encode("utf-16"))
    (folder / "2.png.xmp").write_text("not a packet")
    names = [folder / f"{number}.png" for number in range(4)]
    (tmp_path / "list.txt").write_text("\n".join(map(str, names)))
    sources = {
        "folder": [str(folder)],
        "list": [f"image-list:{tmp_path / 'list.txt'}"],
        "photos": list(map(str, names)),
    }[named]

    def run():
        return ingest(library, list(map(parse_source, sources)), embedder, model="colours")

    run()
    day = "2001-02-03T04:05:06"
    assert facts(library) == {
        "0.png": ("One", day), "1.png": ("Two", day), "2.png": (None, None), "3.png": (None, None),
    }  # fmt: skip
    assert not run().notes
    (folder / "0.png.xmp").write_text(told("Eins", "2011-11-11T11:11:11"))
    (folder / "1.xmp").unlink()
    (folder / "3.xmp").write_text(told("Four"))
    again = run()
    assert (again.new, again.unchanged) == (0, 4)
    assert "3" in " ".join(again.notes)
    assert facts(library) == {
        "0.png": ("Eins", "2011-11-11T11:11:11"), "1.png": (None, None),
        "2.png": (None, None), "3.png": ("Four", day),
    }  # fmt: skip
    assert not run().notes


def test_a_copy_without_a_sidecar_takes_nothing_away(folder, library, embedder) -> None:
    (folder / "0.xmp").write_text(told("One"))
    shutil.copy(folder / "0.png", folder / "copy.png")
    source = parse_source(str(folder))
    ingest(library, [source], embedder, model="colours")
    library.connection.execute("UPDATE files SET sidecars = '?'")  # as from an older library
    ingest(library, [source], embedder, model="colours")
    assert facts(library)["copy.png"] == facts(library)["0.png"] == ("One", "2001-02-03T04:05:06")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_what_is_not_a_readable_sidecar_is_passed_over(folder, tmp_path, library, embedder) -> None:
    os.mkfifo(folder / "0.xmp")
    (folder / "1.png.xmp").mkdir()
    (folder / "2.xmp").symlink_to("/dev/zero")
    (folder / "3.xmp").symlink_to(tmp_path / "nowhere")
    summary = ingest(library, [parse_source(str(folder))], embedder, model="colours")
    assert (summary.new, summary.failed) == (4, 0)
    assert set(facts(library).values()) == {(None, None)}


def test_a_link_out_of_the_roots_is_not_followed(folder, tmp_path, library, embedder) -> None:
    from safelight.server.jobs.allowed_sources import guarded

    (tmp_path / "secret.xmp").write_text(told("Secret"))
    (folder / "0.xmp").symlink_to(tmp_path / "secret.xmp")
    source = guarded(parse_source(str(folder)), (os.path.realpath(folder),))
    ingest(library, [source], embedder, model="colours")
    assert facts(library)["0.png"] == (None, None)


def test_photos_known_from_before_get_their_facts(folder, tmp_path, library, embedder) -> None:
    from PIL import Image, PngImagePlugin

    inside = PngImagePlugin.PngInfo()
    inside.add_itxt("XML:com.adobe.xmp", told("Inside"))
    with Image.open(folder / "0.png") as image:
        image.save(folder / "0.png", pnginfo=inside)
    source = parse_source(str(folder))
    ingest(library, [source], embedder, model="colours")
    library.connection.execute("UPDATE items SET exif = '{}', taken_at = NULL")
    library.connection.execute("UPDATE files SET sidecars = '?'")
    ingest(library, [source], embedder, model="colours")
    assert facts(library)["0.png"] == ("Inside", "2001-02-03T04:05:06")
