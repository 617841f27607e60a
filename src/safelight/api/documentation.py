"""The documentation that the package carries: pages by name, as Markdown."""

from __future__ import annotations

import re
from pathlib import Path

from safelight.errors import UsageError

#: In an installed package, and in a clone.
_FOLDERS = (Path(__file__).parents[1] / "docs", Path(__file__).parents[3] / "docs")


def pages() -> dict[str, Path]:
    """Return the files of all pages by name, as in ``models`` or ``coming-from/rclip``.

    Decisions are for developers and not among them.
    """
    folder = next((each for each in _FOLDERS if (each / "guide.md").is_file()), _FOLDERS[0])
    files = sorted([*folder.glob("*.md"), *folder.glob("coming-from/*.md")])
    return {file.relative_to(folder).with_suffix("").as_posix(): file for file in files}


def page(name: str) -> Path:
    """Return the file of a page.

    Raises
    ------
    UsageError
        There is no page of that name.
    """
    known = pages()
    wanted = name.lower().removesuffix(".md").removeprefix("docs/")
    for candidate in (wanted, f"coming-from/{wanted}"):
        if candidate in known:
            return known[candidate]
    raise UsageError(
        f"Unknown page {name!r}. `safelight docs` lists the pages.", code="unknown-page"
    )


def title(file: Path) -> str:
    """Return the heading of a page."""
    found = re.search(r"^# +(.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1).strip() if found else file.stem
