"""Pictures of kinds that are not read are counted, and JPEGs by other names are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight import parse_source
from safelight.ingest import ingest
from safelight.ingest.run import preview
from safelight.ingest.sources.listing import list_photos
from safelight.library.ingested_sources import unread_files
from tests.imaging.builders import multi_picture
from tests.imaging.pictures import picture, save

if TYPE_CHECKING:
    from pathlib import Path


def test_pictures_of_kinds_that_are_not_read_are_counted(tmp_path: Path, library, embedder) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    for name in ("a.jxl", "b.JXL", "c.psd", "inner/d.jxl", "e.txt", "f.mov", "g.xmp", "noname"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "photo.jpg").write_bytes(save(picture(), "JPEG"))
    source = parse_source(str(tmp_path))
    expected = {".jxl": 3, ".psd": 1}
    planned = preview(library, [source], fingerprint=embedder.fingerprint, name=embedder.name)
    assert planned.unread == expected
    summary = ingest(library, [source], embedder, model="colours")
    assert (summary.new, summary.failed, summary.unread) == (1, 0, expected)
    assert summary.to_dict()["unread"] == expected
    assert unread_files(library) == unread_files(library, "default") == expected
    assert unread_files(library, "other") == {}
    (inner / "d.jxl").unlink()
    ingest(library, [parse_source(str(tmp_path))], embedder, model="colours")
    assert unread_files(library) == {".jxl": 2, ".psd": 1}
    assert (
        ingest(library, [parse_source(str(tmp_path / "photo.jpg"))], embedder, model="m").unread
        == {}
    )


def test_jpegs_by_other_names_are_read(tmp_path: Path, library, embedder) -> None:
    names = ("a.mpo", "b.JPS", "c.insp", "d.pjp")
    for number, name in enumerate(names):
        jpeg = save(picture(80 + number, 60), "JPEG")
        (tmp_path / name).write_bytes(multi_picture(jpeg, (0x020002, jpeg)))
    assert len(list(list_photos([str(tmp_path)]))) == len(names)
    summary = ingest(library, [parse_source(str(tmp_path))], embedder, model="colours")
    assert (summary.new, summary.failed, summary.unread) == (len(names), 0, {})
