import json
from pathlib import Path

import pytest

from safelight.embedding.preprocess.config import read_open_clip, read_transformers
from safelight.errors import SafelightError
from safelight.files.bounded_json import JsonError, parse_json
from safelight.ingest.sources import parse_source
from safelight.labels import read_label_set


@pytest.mark.parametrize(
    "value", [{}, [], "[[[[", {"a": ['"]}\\', {"b": None}]}, 1e300, "naïve", [[1]] * 500]
)
def test_json_within_the_limits_is_what_json_says(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert parse_json(text) == value
    assert parse_json(text.encode()) == value
    assert parse_json(b"\xef\xbb\xbf" + text.encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "[{" * 5_000 + "}]" * 5_000,
        '["' + "\\" * 9 + '",' + "[" * 70 + "]" * 70 + "]",
        '"' + "\\" * 100_001,
        "{",
        "",
        b"\xff\xfe{}",
        "1" * 10_000,
        '{"a": 1} and more',
    ],
)
def test_everything_else_is_one_kind_of_error(text: bytes | str) -> None:
    with pytest.raises(JsonError):
        parse_json(text)


def test_the_size_is_bounded() -> None:
    with pytest.raises(JsonError):
        parse_json(b'"' + b"a" * 100 + b'"', max_bytes=100)


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"a":' * 100_000, b'{"labels":' + b"[" * 9_999])
def test_deep_json_in_a_file_is_an_error_of_that_file(tmp_path: Path, deep: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(deep)
    for read in (read_open_clip, read_transformers, read_label_set):
        with pytest.raises(SafelightError, match=r"a\.json"):
            read(path)
    rows = tmp_path / "rows.jsonl"
    rows.write_bytes(deep + b'\n{"text": "a cat"}\n')
    broken, good = parse_source(f"text:{rows}").entries()
    assert (broken.code, good.text) == ("corrupt", "a cat")
