"""Imports follow the order of ARCHITECTURE.md; reports import results only."""

import ast
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from harness.checks import _MODULES

ROOT = Path(__file__).resolve().parents[1]
ORDER = (
    "errors", "printable", "markdown", "words", "wire", "matrix", "simulate", "recording", "sdk", "results", "checks", "judging", "scale",
    "live", "compare",
    "evidence", "serve", "clients", "reports", "site", "explain", "cli", "pytest",
)  # fmt: skip
FILES = sorted((ROOT / "harness").rglob("*.py"))
CHECK_FILES = [path for path in FILES if path.is_relative_to(ROOT / "harness/checks")]


def package(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("harness"):
            names += (
                [node.module] if node.module.count(".") > 1 else [f"{node.module}.{alias.name}" for alias in node.names]
            )
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names if alias.name.startswith("harness")]
    return names


def module_name(module: str) -> str:
    """The name of a module of checks, with the folder of its dialect: ``http``, ``chat.role``."""
    return module.removeprefix("harness.checks.")


@pytest.mark.parametrize("path", [pytest.param(path, id=module_of(path)) for path in FILES if package(module_of(path))])
def test_a_module_imports_only_from_below(path: Path) -> None:
    own = package(module_of(path))
    if own == "__main__":
        return
    for name in imports(path):
        if package(name) in ORDER:
            assert ORDER.index(package(name)) <= ORDER.index(own), f"{own} imports {name}"


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in FILES if path.parent.name == "reports"])
def test_reports_know_results_only(path: Path) -> None:
    assert {package(name) for name in imports(path)} <= {
        "reports",
        "results",
        "recording",
        "printable",
        "markdown",
        "words",
        "errors",
    }
    assert {name for name in imports(path) if package(name) == "recording"} <= {"harness.recording.atomic"}


def test_check_families_do_not_import_each_other() -> None:
    shared = {
        "applies",
        "error_causes",
        "failure_words",
        "json_forms",
        "json_schema",
        "kinds",
        "chat.marked_text",
        "marks",
        "messages.answers",
        "chat.media",
        "chat.model_names",
        "chat.probabilities",
        "registry",
        "chat.repeated_text",
        "chat.repetition",
        "sizes",
        "chat.argument_writing",
        "chat.paired",
        "chat.params_refused",
        "printed",
        "chat.said_pieces",
        "sources",
        "chat.tool_fragments",
        "chat.usages",
        "chat.written_calls",
    }
    for path in CHECK_FILES:
        if path.stem != "__init__":
            others = {name for name in imports(path) if name.startswith("harness.checks.")}
            assert {module_name(name) for name in others} <= shared, path.stem


def test_every_module_that_declares_checks_is_listed() -> None:
    declaring = re.compile(r"^@(rule|observation)\(", re.MULTILINE)
    found = [module_name(module_of(path)) for path in CHECK_FILES if declaring.search(path.read_text("utf-8"))]
    assert sorted(found) == sorted(module for modules in _MODULES.values() for module in modules)


def test_the_order_is_the_one_that_architecture_md_lists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    places = [text.index(f"`{name}`") for name in ORDER]
    assert places == sorted(places)


def test_importing_the_plugin_is_cheap() -> None:
    code = "import sys, harness.pytest.plugin; print(*sorted({'openai', 'vcr', 'httpx2', 'pydantic', 'rich', 'yaml', 'orjson'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


OWN_CODE = [path for path in FILES if not {"idioms", "real"} & set(path.parts)]  # theirs is loaded by path
# It stands in two modules: one is in the schema of providers.yaml.  Nothing is to be added.
SHARED_CLASS_NAMES = {"Source"}


def test_a_class_name_is_unique() -> None:
    names = Counter(node.name for path in OWN_CODE for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef))
    assert {name for name, count in names.items() if count > 1} == SHARED_CLASS_NAMES


def assigned(tree: ast.Module) -> set[str]:
    """The names that a module assigns."""
    targets = [
        target
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def used(tree: ast.Module) -> set[str]:
    """The names that a module reads, imports or takes from another module."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names}
    return names


def test_every_constant_is_used() -> None:
    trees = {module_of(path): parsed(path) for path in OWN_CODE}
    there = {module: used(tree) for module, tree in trees.items()}
    anywhere = set().union(*there.values())
    unused = [
        f"{module}.{name}"
        for module, tree in trees.items()
        for name in assigned(tree) - {"__all__", "__version__"}
        if name not in (there[module] if name.startswith("_") else anywhere)
    ]
    assert unused == []


def test_no_file_exceeds_450_lines() -> None:
    long = {module_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: lines for name, lines in long.items() if lines > 450} == {}
