"""Offer CLIP to a library that has the starter model only, once it is available.

The answer is kept for a while, so that a hub that does not answer costs a second once an hour.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from safelight.embedding.hub.client import is_offline, within
from safelight.embedding.load import DEFAULT, is_default_here
from safelight.embedding.names import parse_model_name
from safelight.errors import ModelError
from safelight.files import SMALL_FILE, read_text
from safelight.files.atomic import write_safely
from safelight.files.bounded_json import parse_json

if TYPE_CHECKING:
    from pathlib import Path

#: How long an answer holds, in seconds: that the hub answers, and that it does not.
_KEPT = {True: 24 * 3600, False: 3600}

_MOST_BYTES = 1 << 20


def can_have_clip(timeout: float = 1.0) -> bool:
    """Tell whether the default CLIP is on this machine, or the hub would give it now.

    Parameters
    ----------
    timeout : float
        Seconds to wait for the hub, if it was not asked lately.
    """
    if is_default_here():
        return True
    if is_offline():
        return False
    host = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    if (known := _kept(host)) is not None:
        return known
    (repo, *_) = parse_model_name(DEFAULT).onnx_repos
    try:
        answers = bool(within(timeout, lambda: _ask(f"{host}/api/models/{repo}", timeout)))
    except (OSError, ValueError, ModelError):
        answers = False
    _keep(host, answers)
    return answers


def offer(command: str = "safelight") -> str:
    """Return the line that tells of CLIP, with the commands that bring it."""
    return (
        f"This library has the built-in starter model, and {DEFAULT} is available now, which finds "
        f"much more: {command} ingest --model {DEFAULT}; {command} library use {DEFAULT}"
    )


def _ask(url: str, timeout: float) -> bool:
    if not url.lower().startswith(("http://", "https://")):
        return False
    # Only now: `safelight status` begins in half the time without them.
    from http.client import HTTPException
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=timeout) as answer:
            said = parse_json(answer.read(_MOST_BYTES))
    except HTTPException:  # it speaks another protocol; not an OSError
        return False
    return isinstance(said, dict) and isinstance(said.get("siblings"), list)


def _kept(host: str) -> bool | None:
    with contextlib.suppress(OSError, ValueError):
        said, at, answers = read_text(_file(), limit=SMALL_FILE).split("\n")
        age = time.time() - float(at)
        if said == host and 0 <= age < _KEPT[answers == "yes"]:
            return answers == "yes"
    return None


def _keep(host: str, answers: bool) -> None:
    # A cache that cannot be written costs a second, and nothing else.
    with contextlib.suppress(OSError):
        text = f"{host}\n{int(time.time())}\n{'yes' if answers else 'no'}"
        write_safely(_file(), text.encode(), durable=False)


def _file() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("safelight", appauthor=False) / "hub-answers"
