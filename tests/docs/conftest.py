"""The documentation is run in one folder that holds a copy of the sample corpus as `reports/`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by all pages, so that the sample corpus is read once for Python and once for the command."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(ROOT / "examples" / "corpus", folder / "reports")
    return folder
