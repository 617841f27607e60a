from __future__ import annotations

import doctest
import json
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import pytest

import safelight.labels
from safelight.errors import SettingsError
from safelight.labels import LabelSet, label_set, read_label_set

if TYPE_CHECKING:
    from pathlib import Path


def test_what_ships_is_the_documented_list() -> None:
    found = read_label_set()
    assert len(found.labels) == 50
    assert found.labels[:2] == ("photography", "landscape")
    assert found.labels[-1] == "minimalist"
    assert found.templates == (
        "a photo of {}",
        "a photograph showing {}",
        "an image of {}",
        "a picture featuring {}",
        "a {} scene",
        "a {} photograph",
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.json", '{"labels": ["dog", "wide shot"], "about": "mine"}'),
        ("labels.json", '["dog", " wide shot "]'),
        ("labels.json", '\ufeff{"labels": ["dog", "wide shot"]}'),
        ("labels.txt", "# mine\n\ndog\n  wide shot  \r\n"),
        ("labels", '["dog", "wide shot"]'),
        ("labels", '{\n "labels": ["dog", "wide shot"]}'),
    ],
)
def test_every_format_is_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = read_label_set(tmp_path / name)
    assert found.labels == ("dog", "wide shot")
    assert found.templates == read_label_set().templates


def test_templates_may_be_text_that_begins_with_the_gap(tmp_path: Path) -> None:
    path = tmp_path / "templates.txt"
    path.write_text("{} in the snow\n[a {}]\na {}, a {}\n", encoding="utf-8")
    found = LabelSet(("dog",), read_label_set(templates=path).templates)
    assert found.prompts == ("dog in the snow", "[a dog]", "a dog, a dog")


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("labels", "[]", "no labels"),
        ("labels", '{"labels": []}', "no labels"),
        ("labels", '{"label": ["dog"]}', "should be"),
        ("labels", '{"labels": "dog"}', "should be"),
        ("labels", '["dog", 5]', "should be"),
        ("labels", '["dog", " "]', "an empty one"),
        ("labels", '["dog", "cat", "Dog"]', "twice: 'dog', 'Dog'"),
        ("labels", '["dog"', "not JSON"),
        ("labels", "dog", "not JSON"),
        ("templates", '["a photo of {}", "a photo"]', "'a photo' has no {}"),
        ("templates", "[]", "no templates"),
        ("templates", '["a {}", "a {}"]', "twice"),
    ],
)
def test_what_cannot_be_used_is_said_with_the_files_name(tmp_path, key, text, says) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read_label_set(**{key: path})
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.json cannot be read"):
        read_label_set(tmp_path / "none.json")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(SettingsError, match=r"bytes\.txt is not text"):
        read_label_set(tmp_path / "bytes.txt")


def test_a_set_checks_itself_and_is_frozen() -> None:
    with pytest.raises(SettingsError, match="no labels"):
        LabelSet((), ("a {}",))
    with pytest.raises(FrozenInstanceError):
        LabelSet(("dog",), ("a {}",)).labels = ()  # type: ignore[misc]


def test_the_version_is_of_both_in_their_order() -> None:
    versions = {
        LabelSet(labels, templates).version
        for labels in (("dog", "cat"), ("cat", "dog"), ("dogcat",))
        for templates in (("a {}",), ("a {}", "the {}"))
    }
    assert len(versions) == 6
    assert LabelSet(("dog",), ("a {}",)).version == LabelSet(("dog",), ("a {}",)).version
    assert json.dumps(LabelSet(("\ud800",), ("a {}",)).version)


def test_the_examples_run() -> None:
    for module in (safelight.labels, label_set):
        result = doctest.testmod(module)
        assert result.attempted
        assert result.failed == 0
