"""URIs of photos."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.errors import UsageError
from safelight.pipeline.messages.uris import to_path, to_uri

_NAMES = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), min_size=1, max_size=20
).filter(lambda name: name not in (".", ".."))


@given(st.lists(_NAMES, min_size=1, max_size=4))
def test_a_file_uri_names_the_path_that_it_was_made_of(names: list[str]) -> None:
    path = Path("/", *names)
    assert to_path("file://" + quote(str(path))) == path


@given(st.lists(_NAMES, min_size=1, max_size=4))
def test_a_uri_under_the_root_leads_back_to_its_file(names: list[str]) -> None:
    path = Path("/srv/photos", *names)
    uri = to_uri(path, "/srv/photos")
    assert uri.startswith("./")
    assert to_path(uri, "/srv/photos") == path


@pytest.mark.parametrize("uri", ["file:///a/b%3Fc.jpg", "file:/a/b%3Fc.jpg", "FILE:///a/b?c.jpg"])
def test_spellings_of_a_file_uri(uri: str) -> None:
    assert to_path(uri, "/elsewhere") == Path("/a/b?c.jpg")


def test_a_relative_file_uri_is_under_the_root() -> None:
    assert to_path("file:data/a%20b.jpg", "/srv") == Path("/srv/data/a b.jpg")


def test_a_drive_is_not_a_scheme() -> None:
    assert to_path(r"C:\photos\a.jpg", "/srv") == Path("/srv", r"C:\photos\a.jpg")


@pytest.mark.parametrize(
    "uri", ["", "a\0b", "https://example.org/a.jpg", "file://server/a.jpg", "s3://bucket/a.jpg"]
)
def test_what_names_no_file_here_is_refused(uri: str) -> None:
    with pytest.raises(UsageError) as caught:
        to_path(uri)
    assert caught.value.code == "bad-uri"


def test_outside_the_root_a_uri_is_the_whole_path() -> None:
    assert to_uri("/photos2/a.jpg", "/photos") == "/photos2/a.jpg"
