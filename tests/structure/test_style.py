"""Files stay short and say what they are."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

LONGEST = 400
CLI_LONGEST = 250


def test_no_long_file(root: Path, trees: Mapping[str, ast.Module]) -> None:
    lengths = {path: len((root / path).read_text(encoding="utf-8").splitlines()) for path in trees}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}
    assert lengths.get("rag/cli.py", 0) <= CLI_LONGEST


def test_every_module_says_what_it_is(root: Path, trees: Mapping[str, ast.Module]) -> None:
    """An empty `__init__` may stay empty."""
    silent = [path for path, tree in trees.items() if tree.body and not ast.get_docstring(tree)]
    assert silent == []


def undocumented(tree: ast.Module) -> Iterator[str]:
    """Public names without a docstring; a class of annotated fields alone speaks by itself."""
    for node in tree.body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if node.name.startswith("_") or ast.get_docstring(node):
            continue
        if isinstance(node, ast.ClassDef) and all(isinstance(part, ast.AnnAssign) for part in node.body):
            continue
        yield node.name


def test_public_names_of_the_core_have_docstrings(trees: Mapping[str, ast.Module]) -> None:
    silent = [
        f"{path}: {name}"
        for path, tree in trees.items()
        if path.startswith("rag/") and not path.startswith("rag/adapters/")
        for name in undocumented(tree)
    ]
    assert silent == []


def test_the_rule_sees_a_missing_docstring() -> None:
    code = "def f(): ...\nclass A:\n    x: int\nclass B:\n    def g(self): ...\ndef _h(): ...\n"
    assert list(undocumented(ast.parse(code + "def k():\n    'Says.'"))) == ["f", "B"]


def test_readme_and_friends_are_there(root: Path) -> None:
    for name in (
        "README.md",
        "LICENSE",
        "NOTICE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Makefile",
        "constraints.txt",
    ):
        assert (root / name).read_text(encoding="utf-8").strip(), name
    assert "AGPL" in (root / "README.md").read_text(encoding="utf-8")
