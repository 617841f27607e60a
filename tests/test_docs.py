"""The documentation is true: help texts are current, links lead somewhere, names are explained."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from safelight.api import documentation
from safelight.cli import safelight as command
from safelight.errors import UsageError
from safelight.types import FAILURE_CODES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@cache
def _texts() -> list[tuple[Path, str]]:
    """Return the texts of the package that a user can see: strings, and the page's words."""
    found = []
    for file in (ROOT / "src").rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        modules = {id(node.value) for node in tree.body[:1] if isinstance(node, ast.Expr)}
        found += [
            (file, node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in modules
        ]
    for end in ("js", "html"):
        found += [(file, file.read_text("utf-8")) for file in (ROOT / "src").rglob(f"*.{end}")]
    return found


def test_no_message_sends_users_to_a_file_of_the_repository() -> None:
    assert not [
        (file.name, text)
        for file, text in _texts()
        if re.search(r"docs/(?!decisions)\S+\.md", text)
    ]


def test_pages_that_messages_name_are_there() -> None:
    mentioned = {
        name
        for _, text in [*_texts(), *((page, page.read_text("utf-8")) for page in PAGES)]
        for name in re.findall(r"`safelight docs ([a-z/-]+)`", text)
    }
    assert mentioned
    assert mentioned <= documentation.pages().keys()


def _commands(text: str) -> Iterator[list[str]]:
    """Yield the words of the command lines in a page, in blocks and in sentences."""
    blocks = re.findall(r"^(?: {4}|\$ )(?:\$ )?(safelight [^#\n]*)", text, re.MULTILINE)
    for line in [*blocks, *re.findall(r"`(safelight [^`\n]+)`", text)]:
        for command_line in re.split(r"&&|\||;", line):
            words = command_line.split()
            if words[:1] == ["safelight"]:
                yield words[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_that_pages_name_are_there(page: Path) -> None:
    for words in _commands(page.read_text(encoding="utf-8")):
        line = f"{page.name}: safelight {' '.join(words)}"
        known, options = command, {"--help", "-h", "--version"}
        for word in words:
            if isinstance(known, click.Group) and word in known.commands:
                known = known.commands[word]
            options |= {
                name for each in known.params for name in (*each.opts, *each.secondary_opts)
            }
            if re.fullmatch(r"--[a-z][a-z-]*(=.*)?", word):
                assert word.partition("=")[0] in options, (
                    f"{page.name}: safelight {' '.join(words)}"
                )
        assert known is not command or not words or words[0].startswith(("-", "COMMAND")), line


def test_the_documentation_can_be_read_from_the_command(capsys) -> None:
    command.main(["docs"], standalone_mode=False)
    assert "guide" in capsys.readouterr().out
    command.main(["docs", "models"], standalone_mode=False)
    assert capsys.readouterr().out == (ROOT / "docs" / "models.md").read_text("utf-8")
    with pytest.raises(UsageError, match="safelight docs"):
        command.main(["docs", "../pyproject"], standalone_mode=False)


def test_every_command_stands_in_the_guide() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    for name in command.commands:
        assert f"safelight {name}" in guide


def test_every_failure_code_is_explained() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    for code in FAILURE_CODES:
        assert f"| `{code}` |" in guide


@pytest.mark.parametrize(
    "module",
    [
        "safelight.duplicates.keeper.policy",
        "safelight.duplicates.clustering.group_relations",
        "safelight.embedding.starter",
        "safelight.duplicates.components",
        "safelight.imaging.decoding",
        "safelight.library.database",
        "safelight.pipeline.messages.artifacts",
        "safelight.pipeline.services.feature_json",
        "safelight.pipeline.messages.schemas",
        "safelight.pipeline.messages.uris",
        "safelight.search.query",
        "safelight.settings",
        "safelight.ingest.sources.lists",
        "safelight.exchange.stores.address",
    ],
)
def test_examples_in_docstrings_run(module: str) -> None:
    import doctest
    import importlib

    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted
    assert result.failed == 0


@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "docs/duplicates.md"])
def test_the_python_examples_run(page: str, tmp_path: Path, make_photo) -> None:
    make_photo(tmp_path / "Pictures" / "beach.jpg")
    make_photo(tmp_path / "my_photos" / "sunset.jpg")
    for name in ("car.jpg", "sofa.jpg"):
        make_photo(tmp_path / name)
    blocks = re.findall(
        r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL
    )
    assert blocks
    environ = {**os.environ, "HOME": str(tmp_path), "SAFELIGHT_MODEL": "starter"}
    for block in blocks:
        # CLIP's weights are not available here; the class takes the starter model all the same.
        script = block.replace('CLIPEmbedder(device="auto")', 'CLIPEmbedder("starter", "auto")')
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert re.search(r"\d", done.stdout), "it printed no result"
