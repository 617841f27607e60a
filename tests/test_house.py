"""Rules of the house that import contracts cannot state: private names, SQL, flags, exports."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import safelight

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(safelight.__file__).parent

#: Packages that speak to a database: the library's SQLite, and PostgreSQL.
SQL_HOMES = ("safelight.library.", "safelight.exchange.stores.postgres")

#: Modules that still hold SQL. The list may only become shorter.
SQL_LEFT: frozenset[str] = frozenset()

#: Private names that other packages still use. The list may only become shorter.
PRIVATE_LEFT: frozenset[tuple[str, str]] = frozenset()

_STATEMENT = re.compile(
    r"\s*(SELECT\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|"
    r"CREATE\s+(TEMP\s+)?(TABLE|INDEX|VIEW|TRIGGER)\s|PRAGMA\s)"
)


#: Modules that are imported by their own names, since their package loads decoders.
LIGHT = {"safelight.imaging.formats"}

#: Packages that may name the flags of the command line: it, and the report that it prints.
_WITH_FLAGS = ("cli", "retrieval", "api", "server", "client", "doctor")

#: SQL has comments, one of which says what a column holds.
FLAGS_LEFT = {"safelight.library.schema"}

#: The next command may be given whole, and with its flags; no flag stands alone.
_COMMAND = re.compile(r"\b(safelight|ingest|library|pip|ray|nats-server)\s[^`;]*")
_FLAG = re.compile(r"(?<![\w`-])--[a-z][a-z-]+")


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        yield ".".join(parts), ast.parse(path.read_text("utf-8"))


def _package(module: str) -> str:
    return module.rpartition(".")[0]


def _private_uses(module: str, tree: ast.Module) -> Iterator[str]:
    """Yield each private name of a module of another package, as ``module._name``."""
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("safelight"):
            continue
        for alias in node.names:
            source = f"{node.module}.{alias.name}"
            imported[alias.asname or alias.name] = source
            if alias.name.startswith("_") and _package(str(node.module)) != _package(module):
                yield source
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr.startswith("_")
            and not node.attr.startswith("__")
            and isinstance(node.value, ast.Name)
            and (source := imported.get(node.value.id)) is not None
            and _package(source) != _package(module)
            and (source.rpartition(".")[2].islower())
        ):
            yield f"{source}.{node.attr}"


def _texts(tree: ast.Module) -> Iterator[str]:
    """Yield the texts of a module, without its docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
        ):
            yield node.value


def _statements(tree: ast.Module) -> list[str]:
    return [text for text in _texts(tree) if _STATEMENT.match(text)]


def _flags(tree: ast.Module) -> list[str]:
    """Return the flags that texts name, but for those of whole commands."""
    return [flag for text in _texts(tree) for flag in _FLAG.findall(_COMMAND.sub("", text))]


def test_only_the_library_holds_sql() -> None:
    found = {
        module
        for module, tree in _modules()
        if not module.startswith(SQL_HOMES) and _statements(tree)
    }
    assert found == SQL_LEFT


def test_only_the_command_line_names_flags() -> None:
    found = {
        module
        for module, tree in _modules()
        if module.split(".")[1] not in _WITH_FLAGS and _flags(tree)
    }
    assert found == FLAGS_LEFT


def test_no_package_uses_private_names_of_another() -> None:
    found = {(module, name) for module, tree in _modules() for name in _private_uses(module, tree)}
    assert found == PRIVATE_LEFT


def test_the_contract_of_the_command_line_names_every_other_package() -> None:
    project = Path(__file__).parents[1] / "pyproject.toml"
    contracts = tomllib.loads(project.read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (contract,) = (each for each in contracts if each.get("source_modules") == ["safelight.cli"])
    there = {module.split(".")[1] for module, _ in _modules()}
    allowed = {"__init__", "__main__", "cli", "api", "errors", "settings", "types"}
    assert set(contract["forbidden_modules"]) == {f"safelight.{each}" for each in there - allowed}


def test_the_rules_see_what_they_forbid() -> None:
    tree = ast.parse(
        "from safelight.library.schema import _steps\n"
        "from safelight.imaging import decoding\n"
        "decoding._limit\n"
        "rows.execute(f'SELECT {x} FROM files')\n"
        "rows.execute('\\n  delete_me')\n"
        "SQL = 'INSERT OR IGNORE INTO t VALUES (1)'\n"
    )
    assert list(_private_uses("safelight.ingest.run", tree)) == [
        "safelight.library.schema._steps",
        "safelight.imaging.decoding._limit",
    ]
    assert len(_statements(tree)) == 2
    tree = ast.parse("raise E('Run `safelight ingest --force x`, or use --model, say.')")
    assert _flags(tree) == ["--model"]


def _exports() -> dict[str, set[str]]:
    """Return what each package says that it exports, by package."""
    exports = {}
    for module, tree in _modules():
        for node in tree.body:
            if (
                module.endswith(".__init__")
                and isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Name)
                and node.targets[0].id == "__all__"
                and isinstance(node.value, ast.List | ast.Tuple)
            ):
                exports[module.removesuffix(".__init__")] = set(ast.literal_eval(node.value))
    return exports


def test_what_a_package_exports_is_imported_from_it() -> None:
    exports = _exports()
    assert "sha256" in exports["safelight.files"]
    found = {
        (module, source, alias.name)
        for module, tree in _modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (source := node.module or "").startswith("safelight.")
        and source.split(".")[1] != module.split(".")[1]
        and source not in LIGHT
        for alias in node.names
        if any(
            source.startswith(f"{package}.") and alias.name in names
            for package, names in exports.items()
            if package != "safelight"
        )
    }
    assert found == set()
