"""Texts for clients: no commands to type, no places on the disk, no tokens."""

from __future__ import annotations

import pytest

from safelight.library.state.tokens import PREFIX
from safelight.server.client_texts import for_clients, name_for


@pytest.mark.parametrize(
    ("text", "whole", "restricted"),
    [
        (
            "No photo has scores. `safelight ingest --score` measures them.",
            "No photo has scores. `POST /api/v1/ingest` with `score` measures them.",
            "No photo has scores. `POST /api/v1/ingest` with `score` measures them.",
        ),
        (
            "/srv/photos/a b.jpg is damaged.",
            "/srv/photos/a b.jpg is damaged.",
            "a b.jpg is damaged.",
        ),
        (
            r"'C:\Photos\x.jpg' is gone. Run `safelight doctor`.",
            r"'C:\Photos\x.jpg' is gone. Run `safelight doctor`.",
            "'x.jpg' is gone.",
        ),
        ("Install it: pip install safelight[raw]", None, "Whoever runs the server can tell more."),
        ("Call /api/v1/photos/batch.", "Call /api/v1/photos/batch.", "Call /api/v1/photos/batch."),
        (f"{PREFIX}abcdefgh12345 is unknown.", "(a token) is unknown.", "(a token) is unknown."),
    ],
)
def test_what_a_client_reads(text: str, whole: str | None, restricted: str) -> None:
    assert for_clients(text) == (whole or text)
    assert for_clients(text, restricted=True) == restricted


def test_a_failed_file_is_called_by_its_name() -> None:
    assert name_for("/srv/photos/a.jpg", restricted=True) == "a.jpg"
    assert name_for("/srv/photos/a.jpg", restricted=False) == "/srv/photos/a.jpg"
