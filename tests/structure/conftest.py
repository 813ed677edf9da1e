"""What the rules of the repository are checked on: its files and their syntax trees."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("loaders", "retrievers", "generators", "pipelines")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def project() -> Mapping[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def trees() -> Mapping[str, ast.Module]:
    """Path from the root -> syntax tree, of every module of the package."""
    files = sorted(file for folder in ("rag", *ROOMS) for file in (ROOT / folder).rglob("*.py"))
    return {file.relative_to(ROOT).as_posix(): ast.parse(file.read_text(encoding="utf-8"), str(file)) for file in files}
