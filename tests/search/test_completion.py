from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from safelight.library.database import Database
from safelight.library.spaces import add_space
from safelight.library.write import FileRecord, ItemRecord, mark_gone, write
from safelight.search.completion import complete
from safelight.search.query import parse_query
from safelight.types import Space

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SPACE = Space("ab" * 32, "made up", 4, "made-up")


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "l.db") as found:
        add_space(found, _SPACE)
        cameras = ["Canon EOS R5", "Canon EOS R5", "Canon EOS R6", "NIKON Z 6"]
        for number, camera in enumerate(cameras):
            exif = {
                "camera_model": camera,
                "taken_at": f"202{number}-06-15T12:00:00",
                "keywords": ["Plage d'été"] if number else ["Sea, sun"],
                "iso": 100,
            }
            item = ItemRecord(
                f"{number}" * 64, "photo", 9, np.eye(4, dtype=np.float32)[0], "JPEG", 4, 3, exif
            )
            path = f"/p/{number % 2} Wedding/IMG_{number}.jpg"
            namespace = "far" if number == 3 else "near"
            write(
                found,
                namespace,
                [FileRecord(path, path, None, item.id)],
                [item],
                fingerprint=_SPACE.fingerprint,
            )
        yield found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cam", [("cam", "camera:", None)]),
        ("a dog -cam", [("a dog -cam", "camera:", None)]),
        ("camera:c", [("Canon EOS R5", "Canon EOS R5", 2), ("", "Canon EOS R6", 1)]),
        ("camera:nikon", [("", "NIKON Z 6", 1)]),
        ("camera:z", [("", "NIKON Z 6", 1)]),
        ('(is:landscape OR camera:"canon eos r6', [("", "Canon EOS R6", 1)]),
        ("camera:nikon,r6", [("", "Canon EOS R6", 1)]),
        ("keyword:ete", [("", "Plage d'été", 3)]),
        ("keyword:sea", [("", "Sea, sun", 1)]),
        ("taken:20", [("", "2020", 1), ("", "2021", 1), ("", "2022", 1), ("", "2023", 1)]),
        ("taken:2021-", [("", "2021-06", 1)]),
        ("kind:", [("", "jpeg", 4)]),
        ("is:l", [("", "landscape", 4)]),
        ("folder:wed", [("", "0 Wedding", 2), ("", "1 Wedding", 2)]),
        ("name:img_2", [("", "img_2.jpg", 1)]),
        ("in:", [("", "near", 3), ("", "far", 1)]),
        ("iso:", [("", "100", 4)]),
        ("nosuch:a", []),
        ("near:4", []),
        ('"camera:c', []),
        ("12:3", []),
    ],
)
def test_completes_what_is_typed(
    library: Database, text: str, found: list[tuple[str, str, int | None]]
) -> None:
    completions = complete(library, text)
    assert [(each.value, each.photos) for each in completions] == [each[1:] for each in found]
    for each in completions:
        if each.photos is not None:
            closing = ")" * each.text.count("(")
            assert parse_query(each.text + closing).where is not None


def test_counts_what_may_be_seen_and_is_there(library: Database) -> None:
    values = [each.value for each in complete(library, "camera:", namespaces=("near",))]
    assert values == ["Canon EOS R5", "Canon EOS R6"]
    assert complete(library, "in:", namespaces=("near",))[0].photos == 3
    mark_gone(library, [1, 2])
    assert [each.value for each in complete(library, "camera:canon")] == ["Canon EOS R6"]


def test_no_text_is_too_odd(library: Database) -> None:
    for text in (
        "",
        " ",
        ":",
        "camera:\0",
        'camera:"',
        "(((",
        "é:",
        "camera:\\",
        "taken:" + "9" * 99,
    ):
        complete(library, text)
