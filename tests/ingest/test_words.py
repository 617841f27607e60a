"""Words that people wrote: read at ingest, and for photos that are known already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from safelight.ingest import ingest
from safelight.ingest.sources import parse_source
from safelight.library.browse import Filter, matching
from safelight.library.database import Database
from safelight.library.words import worded
from safelight.search.query import parse_query
from tests.library.older import downgrade

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes import ColourEmbedder

_XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:lr="http://ns.adobe.com/lightroom/1.0/" xmp:Rating="4">
<dc:subject><rdf:Bag><rdf:li>Plage d'Été</rdf:li><rdf:li>東京旅行</rdf:li></rdf:Bag></dc:subject>
<lr:hierarchicalSubject><rdf:Bag><rdf:li>Places|Japan</rdf:li></rdf:Bag></lr:hierarchicalSubject>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Der große Tag</rdf:li></rdf:Alt></dc:title>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    folder = tmp_path / "p"
    folder.mkdir()
    images = [
        Image.fromarray(rng.integers(60, 200, (48, 48, 3)).astype(np.uint8)) for _ in range(3)
    ]
    images[0].save(folder / "my holiday.jpg", xmp=_XMP.encode())
    exif = Image.Exif()
    exif[0x9C9E] = "winter;snow".encode("utf-16-le")  # XPKeywords
    exif[0x010E] = "A dog on the ice"
    images[1].save(folder / "b.jpg", exif=exif)
    images[2].save(folder / "c.jpg")
    (folder / "c.xmp").write_text(_XMP.replace('"4"', '"2"'), encoding="utf-8")
    return folder


def _names(library: Database, keys: object) -> str:
    names = dict(library.connection.execute("SELECT item_pk, path FROM files"))
    return " ".join(sorted(names[key].rpartition("/")[2][0] for key in keys))  # type: ignore[attr-defined]


_FOUND = [
    ("rating:>=4", "m"),
    ("rating:<=2", "b c"),
    ("rating:2", "c"),
    ("-rating:>=1", "b"),
    ('keyword:"plage d\'été"', "c m"),
    ("keyword:ete", "c m"),
    ("keyword:旅行", "c m"),
    ("keyword:japan", "c m"),
    ("keyword:snow,japan", "b c m"),
    ("-keyword:japan", "b"),
    ("title:grosse", "c m"),
    ("caption:dog", "b"),
    ("caption:do", "b"),
]
_WORDED = [
    ("holiday", {"m": "file name"}),
    ("snow", {"b": "keyword"}),
    ("plage", {"c": "keyword", "m": "keyword"}),
    ("東京", {"c": "keyword", "m": "keyword"}),
    ("GROSSE tag", {"c": "title", "m": "title"}),
    ("dog ice", {"b": "caption"}),
    ("do", {}),
    ("dog snow", {}),
]


def _check(library: Database) -> None:
    for text, names in _FOUND:
        where = Filter().with_facts(parse_query(text).where)
        assert _names(library, matching(library, where)) == names, text
    for text, hows in _WORDED:
        found = worded(library, text, 10)
        assert {_names(library, [key]): how for key, how in found.items()} == hows, text


def test_a_query_finds_what_people_wrote(
    folder: Path, tmp_path: Path, embedder: ColourEmbedder
) -> None:
    with Database(tmp_path / "l.db") as library:
        ingest(library, str(folder), embedder, model="colours")
        _check(library)


@pytest.mark.parametrize("version", [8, 13])
def test_known_photos_get_their_words_and_are_not_embedded_again(
    folder: Path, tmp_path: Path, embedder: ColourEmbedder, version: int
) -> None:
    path, source = tmp_path / "old.db", parse_source(str(folder))
    with Database(path) as library:
        ingest(library, [source], embedder, model="colours")
        library.connection.execute(
            "UPDATE items SET exif = json_remove(exif, '$.title', '$.caption', '$.keywords', "
            "'$.rating')"
        )
    downgrade(path, version)
    with Database(path) as library:
        vectors = library.connection.execute("SELECT pk, vector FROM embeddings").fetchall()
        summary = ingest(library, [source], embedder, model="colours")
        assert (summary.new, summary.failed) == (0, 0)
        assert library.connection.execute("SELECT pk, vector FROM embeddings").fetchall() == vectors
        _check(library)
        assert ingest(library, [source], embedder, model="colours").notes == []


def test_words_that_change_are_found_as_they_are(
    folder: Path, tmp_path: Path, embedder: ColourEmbedder
) -> None:
    with Database(tmp_path / "l.db") as library:
        ingest(library, str(folder), embedder, model="colours")
        (folder / "c.xmp").write_text(_XMP.replace("Japan", "Peru"), encoding="utf-8")
        ingest(library, str(folder), embedder, model="colours")
        where = Filter().with_facts(parse_query("keyword:peru").where)
        assert _names(library, matching(library, where)) == "c"
        library.connection.execute("DELETE FROM files")
        library.connection.execute("DELETE FROM items")
        for table in ("keywords", "item_words", "file_words", "file_facts"):
            assert library.connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
