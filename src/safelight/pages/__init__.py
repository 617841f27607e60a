"""Standalone HTML pages: everything in one file, escaped, and nothing loaded from elsewhere.

Pictures are ``data:`` URIs. The policy that a page sets for itself (its style sheet and its script
by their digests, pictures from itself, nothing else) forbids style attributes and requests.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from safelight.files.format import size_text, visible

if TYPE_CHECKING:
    from jinja2 import Environment


def render(name: str, *, style: str, script: str = "", **values: Any) -> str:
    """Return a page as HTML; encode it as UTF-8.

    Parameters
    ----------
    name : str
        Of a template in ``templates``; it extends ``base.html``.
    style, script : str
        As :func:`resource` gives them.
    **values
        For the template: at least ``title`` and ``generator``. Texts are escaped.
    """
    policy = f"default-src 'none'; img-src data:; style-src {_source(style)}; "
    if script:
        policy += f"script-src {_source(script)}; "
    policy += "base-uri 'none'; form-action 'none'"
    template = _environment().get_template(name)
    return template.render(style=style, script=script, policy=policy, **values)


@cache
def resource(*names: str) -> str:
    """Return style sheets or scripts of this package, one after the other."""
    folder = files("safelight.pages") / "templates"
    return "\n" + "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def data_uri(data: bytes, media: str) -> str:
    """Return a picture as the address that it has in a page."""
    return f"data:{media};base64,{base64.b64encode(data).decode()}"


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("safelight.pages"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters |= {"visible": visible, "size": size_text}
    return made
