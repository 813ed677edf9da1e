"""Other people's distributions, as `importlib.metadata` tells of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rag import registry


@contextmanager
def installed(monkeypatch: pytest.MonkeyPatch, folder: Path, **packages: dict[str, str]) -> Iterator[None]:
    """Packages on the import path, each with its components: name -> target."""
    for package, components in packages.items():
        info = folder / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [f"{name} = {target}" for name, target in components.items()]
        (info / "entry_points.txt").write_text("\n".join(["[rag.components]", *lines, ""]))
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(folder))
        registry._plugins.cache_clear()
        yield
    registry._plugins.cache_clear()
