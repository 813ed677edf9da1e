"""Tables in docs/ that are read from the code say what the code says."""

from __future__ import annotations

import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from rag import registry


@pytest.fixture(scope="module")
def tables(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "docs" / "tables.py"), run_name="tables")


def test_components(root: Path, tables: dict[str, Any]) -> None:
    """Run `make docs` after a component or one of its settings changed."""
    page = (root / "docs" / "components.md").read_text(encoding="utf-8")
    assert tables["between"](page, "components") == tables["components"]()
    for name in registry.names():
        assert f"| `{name}` |" in page


def test_dependencies(root: Path, tables: dict[str, Any]) -> None:
    """Names and licences; sizes and versions are those of the day they were measured."""
    table = tables["between"]((root / "docs" / "design.md").read_text(encoding="utf-8"), "dependencies")
    rows = {cells[1].strip(): cells for line in table.splitlines() if len(cells := line.split("|")) > 6}
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct = {Requirement(line).name for line in project["dependencies"]}
    assert set(rows) - {"package", "---"} == direct
    assert set(tables["BRINGS"]) >= direct
    assert all(rows[name][5].strip() and rows[name][6].strip() for name in direct)


def test_methods_name_components(root: Path) -> None:
    """A component in the methods table exists."""
    import re

    page = (root / "docs" / "methods.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:loaders|retrievers|generators|pipelines)/[\w/]+)`", page)
    assert named
    assert set(named) <= set(registry.names())
