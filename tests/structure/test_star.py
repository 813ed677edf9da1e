"""One ground floor and four rooms: rag/ imports no room, a room imports rag/ and itself, no sibling."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOMS = ("loaders", "retrievers", "generators", "pipelines")
DOOR = "rag/registry.py"
DIGESTED = "rag/own_import.py"
"""Finds modules for the import system, in packages of digested code that no room is; it imports by the door."""


def imported(tree: ast.Module) -> Iterator[tuple[int, int, str]]:
    """(line, level, dotted name) of each import at any depth; `from a import b` gives a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, 0, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}" if node.module else alias.name
                yield node.lineno, node.level, name


def core_faults(path: str, tree: ast.Module) -> list[str]:
    """Imports of a core module that reach a room."""
    depth = path.count("/")
    faults = []
    for line, level, name in imported(tree):
        first, *rest = name.split(".")
        # rag/x.py: level 1 is rag; rag/store/x.py: level 2 is rag. More would leave the package.
        climbs_out = level > depth
        room = rest[0] if level == 0 and first == "rag" and rest else first if level == depth else ""
        if climbs_out or room in ROOMS or (level == 0 and first in ROOMS):
            faults.append(f"{path}:{line} imports {'.' * level}{name}")
    return faults


def room_faults(path: str, tree: ast.Module) -> list[str]:
    """Imports of a room's module that are neither rag.<core> nor relative within the room."""
    depth = path.count("/")
    faults = []
    for line, level, name in imported(tree):
        first, *rest = name.split(".")
        absolute = level == 0 and (first in ROOMS or (first == "rag" and (not rest or rest[0] in ROOMS)))
        if absolute or level > depth:
            faults.append(f"{path}:{line} imports {'.' * level}{name}")
    return faults


def test_the_core_imports_no_room(trees: Mapping[str, ast.Module]) -> None:
    core = {path: tree for path, tree in trees.items() if path.startswith("rag/")}
    assert core
    assert [fault for path, tree in core.items() for fault in core_faults(path, tree)] == []


def test_a_room_imports_the_core_and_itself(trees: Mapping[str, ast.Module]) -> None:
    rooms = {path: tree for path, tree in trees.items() if not path.startswith("rag/")}
    assert {path.split("/")[0] for path in rooms} == set(ROOMS)
    assert [fault for path, tree in rooms.items() for fault in room_faults(path, tree)] == []


@pytest.mark.parametrize(
    ("path", "code", "fault"),
    [
        ("rag/x.py", "import rag.loaders.pdf", True),
        ("rag/x.py", "from rag import loaders", True),
        ("rag/x.py", "from .loaders import pdf", True),
        ("rag/x.py", "def f():\n    from rag.pipelines.ask import Ask", True),
        ("rag/store/x.py", "from ..generators import quote", True),
        ("rag/store/x.py", "from ..errors import RagError", False),
        ("rag/store/x.py", "from .journal import Journal", False),
        ("rag/x.py", "from rag.document import Box", False),
        ("loaders/x.py", "from rag.document import Box", False),
        ("loaders/x.py", "from .pdf import PDF", False),
        ("loaders/chunking/x.py", "from ..pdf import PDF", False),
        ("loaders/x.py", "from ..document import Box", True),
        ("loaders/x.py", "from rag.loaders.pdf import PDF", True),
        ("loaders/x.py", "def f():\n    import rag.generators.quote", True),
        ("loaders/x.py", "from rag import retrievers", True),
        ("loaders/x.py", "import pipelines", True),
    ],
)
def test_the_rule_sees_what_it_should(path: str, code: str, fault: bool) -> None:
    check = core_faults if path.startswith("rag/") else room_faults
    assert bool(check(path, ast.parse(code))) is fault


def uses_import_machinery(tree: ast.Module) -> list[int]:
    """Lines that import by name; reading package metadata and data files is something else."""
    harmless = ("importlib.metadata", "importlib.resources")
    lines = [
        line
        for line, level, name in imported(tree)
        if level == 0
        and name.split(".")[0] in ("importlib", "pkgutil", "runpy", "imp")
        and not any(f"{name}.".startswith(f"{safe}.") for safe in harmless)
        and name != "importlib.util.find_spec"
    ]
    return lines + [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "__import__"
    ]


def test_one_door_from_the_core_to_the_rooms(trees: Mapping[str, ast.Module]) -> None:
    core = {path: uses_import_machinery(tree) for path, tree in trees.items() if path.startswith("rag/")}
    assert core[DOOR], "the registry imports by name; if it does not, this test looks for the wrong thing"
    assert {path: lines for path, lines in core.items() if lines and path not in (DOOR, DIGESTED)} == {}
    by_name = [name for _, _, name in imported(trees[DIGESTED]) if name.startswith("importlib")]
    assert {name.split(".")[1] for name in by_name} == {"abc", "machinery", "util"}
    assert not any(name.endswith(("import_module", "module_from_spec")) for name in by_name)


@pytest.mark.parametrize("room", ROOMS)
def test_a_plain_import_from_the_root_is_refused(room: str, root: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(root)!r}); import {room}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert run.returncode == 1
    assert "ImportError" in run.stderr
    assert f"import rag.{room}" in run.stderr
