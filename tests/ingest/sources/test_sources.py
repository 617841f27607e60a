from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.errors import SourceError
from safelight.ingest.load import read_entry
from safelight.ingest.sources import parse_source
from safelight.ingest.sources.lists import parse_list
from safelight.ingest.sources.spelling import known_spelling

if TYPE_CHECKING:
    from safelight.ingest.sources.entry import Entry


def _paths(spec: str, **options) -> list[str]:
    return [entry.source_path for entry in parse_source(spec, **options).entries()]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "my photos"
    for name in ("b.jpg", "A.JPEG", "notes.txt", "deep/er/c.png", "deep/d.heic", ".hid/e.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def test_a_folder_lists_photos_in_order(tree: Path) -> None:
    assert _paths(f"images:{tree}") == [
        ".hid/e.jpg",
        "A.JPEG",
        "b.jpg",
        "deep/d.heic",
        "deep/er/c.png",
    ]
    assert _paths(str(tree), recursive=False) == ["A.JPEG", "b.jpg"]


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ([".*"], ["A.JPEG", "b.jpg", "deep/d.heic", "deep/er/c.png"]),
        (["deep", ".*"], ["A.JPEG", "b.jpg"]),
        (["deep/er", ".hid"], ["A.JPEG", "b.jpg", "deep/d.heic"]),
        (["*.jpg"], ["A.JPEG", "deep/d.heic", "deep/er/c.png"]),
    ],
)
def test_what_is_excluded_is_passed_over(tree: Path, exclude: list[str], left: list[str]) -> None:
    assert _paths(str(tree), exclude=exclude) == left


def _failures(source_spec: str) -> dict[str, str | None]:
    entries = parse_source(source_spec).entries()
    return {Path(entry.path).name: entry.code for entry in entries if entry.code}


def test_odd_things_are_failures_not_errors(tree: Path) -> None:
    (tree / "folder.jpg").mkdir()
    (tree / "folder.jpg" / "inside.png").write_bytes(b"x")
    (tree / "self.jpg").symlink_to("self.jpg")
    (tree / "deep" / "up").symlink_to(tree)
    (tree / "broken.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(tree / "pipe.jpg")
    Path(os.fsdecode(os.fsencode(tree) + b"/caf\xe9.jpg")).write_bytes(b"x")
    assert _failures(str(tree)) == {
        "folder.jpg": "not-a-file",
        "self.jpg": "symlink-loop",
        "up": "symlink-loop",
        "broken.jpg": "missing",
        "pipe.jpg": "not-a-file",
        "caf\\xe9.jpg": "bad-name",
    }
    assert "folder.jpg/inside.png" in _paths(str(tree))


def test_a_linked_folder_is_followed_once(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "z.jpg").write_bytes(b"x")
    (tree / "link1").symlink_to(tmp_path / "elsewhere")
    (tree / "link2").symlink_to(tmp_path / "elsewhere")
    assert [path for path in _paths(str(tree)) if "z.jpg" in path] == ["link1/z.jpg"]


def test_a_list_is_read_as_documented(tree: Path) -> None:
    photo_list = tree / "images.txt"
    photo_list.write_text(
        "# comment\n\n  b.jpg  \nA.JPEG,landscape\n"
        '"deep/d.heic","sea, side",calm\nb.jpg,again\nmissing.jpg,lost\n',
        encoding="utf-8-sig",
    )
    entries = list(parse_source(f"image-list:{photo_list}").entries())
    assert [(Path(each.path).name, each.metadata, each.code) for each in entries] == [
        ("b.jpg", {}, None),
        ("A.JPEG", {"label": "landscape"}, None),
        (
            "d.heic",
            {"label": "sea, side", "category": "sea, side", "subcategory": "calm"},
            None,
        ),
        ("missing.jpg", {"label": "lost"}, "missing"),
    ]
    assert entries[0].path == entries[0].source_path == str(tree / "b.jpg")


def test_a_list_may_name_its_columns() -> None:
    lines = ["path,place,year", "a.jpg,Rome,1999", "b.jpg,,2001", "c.jpg"]
    assert list(parse_list(lines)) == [
        ("a.jpg", {"place": "Rome", "year": "1999"}),
        ("b.jpg", {"year": "2001"}),
        ("c.jpg", {}),
    ]


@given(st.lists(st.text()))
def test_any_lines_are_a_list(lines: list[str]) -> None:
    for path, metadata in parse_list(lines):
        assert path
        assert all(metadata.values())


@given(
    st.text(st.characters(exclude_characters="\r\n\x00", exclude_categories=["Cs"])).filter(
        lambda text: text.strip() == text and text
    ),
    st.text(st.characters(exclude_characters="\r\n\x00", exclude_categories=["Cs"])).filter(
        lambda text: text.strip() == text and text
    ),
)
def test_quoting_carries_any_path_and_label(path: str, label: str) -> None:
    quoted = ",".join('"' + text.replace('"', '""') + '"' for text in ("x", label))
    assert list(parse_list(["p", quoted]))[1] == ("x", {"label": label})
    first = '"' + path.replace('"', '""') + '",x'
    if path.lower() != "path":
        assert list(parse_list([first])) == [(path, {"label": "x"})]


def _texts(path: Path, **options) -> list[tuple[str, str | None, object]]:
    return [
        (entry.path.rpartition("#")[2], entry.text, entry.code or entry.metadata)
        for entry in parse_source(f"text:{path}", **options).entries()
    ]


def test_texts_come_from_three_kinds_of_file(tmp_path: Path) -> None:
    plain = tmp_path / "a.txt"
    plain.write_text("one\n\n two \n")
    assert _texts(plain) == [("1", "one", {}), ("3", "two", {})]
    table = tmp_path / "a.csv"
    table.write_text('id,text,author\n1,"hello, you",Ann\n2,,Bob\n')
    assert _texts(table) == [("1", "hello, you", {"id": "1", "author": "Ann"})]
    assert _texts(table, text_column="author")[1][:2] == ("2", "Bob")
    rows = tmp_path / "a.jsonl"
    rows.write_text('{"text": "hi", "n": 3}\nnot json\n{"n": 1}\n')
    assert _texts(rows) == [("1", "hi", {"n": "3"}), ("2", None, "corrupt"), ("3", None, "corrupt")]
    with pytest.raises(SourceError, match="no column 'nope'"):
        _texts(table, text_column="nope")


@pytest.mark.parametrize(
    "spec", ["nowhere", "images:nowhere", "image-list:nowhere", "text:nowhere", "pyproject.toml"]
)
def test_what_is_not_there_is_an_error_that_names_it(spec: str) -> None:
    with pytest.raises(SourceError, match=spec.rpartition(":")[2]):
        list(parse_source(spec).entries())


def test_every_source_can_be_named_again(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("a.jpg")
    for spec, options in (
        (f"images:{tree}", {"recursive": False, "exclude": ["x"]}),
        (f"image-list:{tmp_path / 'l.txt'}", {}),
        (f"text:{tmp_path / 'l.txt'}", {"text_column": "t"}),
        (str(tree / "b.jpg"), {}),
        ("demo", {}),
    ):
        source = parse_source(spec, **options)
        again = parse_source(source.spec, **source.options)
        assert again == source


def test_the_demo_has_real_photos() -> None:
    entries: list[Entry] = list(parse_source("demo").entries())
    assert len(entries) >= 12
    assert not [entry for entry in entries if entry.code]


BINS = "$Recycle.Bin #Recycle @Recycle .Trash-1000 .Trashes lost+found .@__thumb @eaDir .thumbnails"
PACKAGES = "a.photoslibrary b.aplibrary c.lrdata d.lrlibrary e.CoCatalog f.migratedphotolibrary"


@pytest.mark.parametrize("name", (BINS + " " + PACKAGES).split())
def test_bins_and_packages_are_passed_over_unless_they_are_named(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "disk" / name / "S-1-5" / "a.jpg"
    inside.parent.mkdir(parents=True)
    inside.write_bytes(b"x")
    (tmp_path / "disk" / "b.jpg").write_bytes(b"x")
    source = parse_source(str(tmp_path / "disk"))
    assert [each.source_path for each in source.entries()] == ["b.jpg"]
    assert source.why_excluded(str(inside))
    assert source.why_excluded(str(tmp_path / "disk" / "b.jpg")) is None
    assert _paths(f"images:{tmp_path}/disk/{name}") == ["S-1-5/a.jpg"]


def test_a_folder_with_nomedia_is_passed_over_with_all_below(tree: Path) -> None:
    (tree / "deep" / ".nomedia").write_bytes(b"")
    assert _paths(str(tree), exclude=[".hid"]) == ["A.JPEG", "b.jpg"]
    assert parse_source(str(tree)).why_excluded(str(tree / "deep" / "er" / "c.png")) == ".nomedia"
    assert _paths(str(tree / "deep")) == ["d.heic", "er/c.png"], "it was named itself"


@pytest.mark.parametrize(
    "pattern", ["deep/", "./deep", "**/deep", "{tree}/deep", "{tree}/deep/", " deep ", "de*p/*"]
)
def test_a_pattern_may_be_written_as_people_write_it(tree: Path, pattern: str) -> None:
    exclude = [pattern.format(tree=tree), ".hid", "", "  "]
    assert _paths(str(tree), exclude=exclude) == ["A.JPEG", "b.jpg"]


def test_one_pattern_is_a_list_of_one(tree: Path) -> None:
    assert _paths(str(tree), exclude="*.jpg") == ["A.JPEG", "deep/d.heic", "deep/er/c.png"]


def test_names_match_in_either_form_of_unicode(tree: Path) -> None:
    (tree / "caf\u0065\u0301.jpg").write_bytes(b"x")
    (tree / "deep" / "caf\u00e9").mkdir()
    (tree / "deep" / "caf\u00e9" / "f.jpg").write_bytes(b"x")
    listed = _paths(str(tree), exclude=["caf\u00e9*", "deep/caf\u0065\u0301", ".*"])
    assert listed == ["A.JPEG", "b.jpg", "deep/d.heic", "deep/er/c.png"]


@pytest.mark.parametrize(
    "spec", ["", " ", "\t", "images:", "images: ", "image-list:", "text:", "text: \n", "a\0b"]
)
def test_an_empty_source_is_an_error(spec: str, tree: Path, monkeypatch) -> None:
    monkeypatch.chdir(tree)
    with pytest.raises(SourceError):
        parse_source(spec)


def test_a_folder_by_another_name_is_the_one_that_is_known(tree: Path, tmp_path: Path) -> None:
    link, outside = tmp_path / "link", tmp_path / "outside"
    link.symlink_to(tree)
    outside.mkdir()
    known = [str(tree)]

    def spelled(path: Path) -> str:
        return known_spelling(parse_source(str(path)), known).folder

    assert spelled(link) == str(tree)
    assert spelled(link / "deep") == str(tree / "deep")
    assert spelled(tree / "deep") == str(tree / "deep")
    assert spelled(outside) == str(outside)
    assert spelled(tmp_path) == str(tmp_path)
    assert known_spelling(parse_source(str(link)), []).folder == str(link)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are not UTF-8")
@pytest.mark.parametrize(
    "spec", ["{}", "images:{}", "{}/a.png", "image-list:{}/l.txt", "text:{}/l.txt"]
)
@pytest.mark.parametrize("name", [b"bad\xff", b"caf\xe9/inside", b"\xed\xa0\x80"])
def test_a_path_that_is_not_utf8_is_refused_at_once(tmp_path, make_photo, spec, name) -> None:
    folder = tmp_path / os.fsdecode(name)
    make_photo(folder / "a.png")
    (folder / "l.txt").write_text("a.png\n")
    with pytest.raises(SourceError, match="not valid UTF-8") as caught:
        parse_source(spec.format(folder))
    str(caught.value).encode()  # it can be written anywhere


def test_a_link_into_a_package_or_a_bin_is_not_followed(tree: Path, tmp_path: Path) -> None:
    for name in ("Mine.photoslibrary/originals", "$Recycle.Bin"):
        target = tmp_path / "elsewhere" / name
        target.mkdir(parents=True)
        (target / "x.jpg").write_bytes(b"x")
        (tree / f"link to {name.partition('/')[0][1:5]}").symlink_to(target)
    assert _paths(str(tree), exclude=".*") == ["A.JPEG", "b.jpg", "deep/d.heic", "deep/er/c.png"]


def test_patterns_of_the_settings_are_not_remembered(tree: Path) -> None:
    source = parse_source(str(tree), exclude="*.jpg", usual=".*")
    assert [each.source_path for each in source.entries()] == [
        "A.JPEG",
        "deep/d.heic",
        "deep/er/c.png",
    ]
    assert source.options == {"recursive": True, "exclude": ["*.jpg"]}


def test_a_nomedia_in_any_case_hides_what_is_known(tree: Path) -> None:
    (tree / "deep" / ".NoMedia").touch()
    source = parse_source(str(tree), exclude=".hid")
    assert [each.source_path for each in source.entries()] == ["A.JPEG", "b.jpg"]
    assert source.why_excluded(str(tree / "deep" / "er" / "c.png")) == ".nomedia"


def test_a_folder_that_becomes_a_link_meanwhile_is_not_read(tmp_path, make_photo) -> None:
    make_photo(tmp_path / "root" / "inside" / "a.png", seed=1)
    make_photo(tmp_path / "outside" / "a.png", seed=2)
    root = os.path.realpath(tmp_path / "root")
    source = replace(parse_source(f"images:{root}"), roots=(root,))
    (listed,) = source.entries()
    assert read_entry(listed)[0] == (tmp_path / "root" / "inside" / "a.png").read_bytes()
    (tmp_path / "root" / "inside").rename(tmp_path / "moved")
    (tmp_path / "root" / "inside").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match="outside"):
        read_entry(listed)
