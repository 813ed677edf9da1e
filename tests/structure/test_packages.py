"""The package list of pyproject.toml is the folders; setuptools drops an unlisted one in silence."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

FOLDERS = ("rag", "loaders", "retrievers", "generators", "pipelines")
DATA_ONLY = {"rag.examples"}


def folder_of(package: str, mapping: Mapping[str, str]) -> str:
    """The folder of a package under setuptools' package-dir table."""
    parts = package.split(".")
    for length in range(len(parts), 0, -1):
        mapped = mapping.get(".".join(parts[:length]))
        if mapped is not None:
            return "/".join([mapped, *parts[length:]])
    return "/".join(parts)


def code_folders(root: Path) -> set[str]:
    return {file.parent.relative_to(root).as_posix() for name in FOLDERS for file in (root / name).rglob("*.py")}


def test_the_list_is_the_folders(project: Mapping[str, Any], root: Path) -> None:
    tool = project["tool"]["setuptools"]
    listed = [name for name in tool["packages"] if name not in DATA_ONLY]
    assert len(set(listed)) == len(listed)
    assert {folder_of(name, tool["package-dir"]) for name in listed} == code_folders(root)


def test_every_code_folder_has_an_init(root: Path) -> None:
    assert [folder for folder in sorted(code_folders(root)) if not (root / folder / "__init__.py").is_file()] == []


def test_typed_marker(project: Mapping[str, Any], root: Path) -> None:
    assert (root / "rag" / "py.typed").is_file()
    assert "py.typed" in project["tool"]["setuptools"]["package-data"]["rag"]


def test_all_names_the_other_extras(project: Mapping[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    if "all" in extras:
        named = extras["all"][0].partition("[")[2].rstrip("]").split(",")
        assert sorted(name.strip() for name in named) == sorted(set(extras) - {"all", "dev"})


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built from a copy, by the setuptools that is installed: no network."""
    out = tmp_path_factory.mktemp("wheel")
    copy = out / "copy"
    copy.mkdir()
    for name in (*FOLDERS, "examples"):
        for file in (root / name).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                target = copy / file.relative_to(root)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        (copy / name).write_bytes((root / name).read_bytes())
    code = f"from setuptools.build_meta import build_wheel; print(build_wheel({str(out)!r}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=copy)
    assert run.returncode == 0, run.stderr
    return zipfile.ZipFile(out / run.stdout.strip().splitlines()[-1])


def test_the_wheel_holds_every_module(wheel: zipfile.ZipFile, root: Path) -> None:
    expected = {"rag/examples/__init__.py"}
    for name in FOLDERS:
        prefix = "" if name == "rag" else "rag/"
        expected |= {prefix + file.relative_to(root).as_posix() for file in (root / name).rglob("*.py")}
    held = {name for name in wheel.namelist() if name.endswith(".py")}
    assert held == expected


def test_the_wheel_holds_the_data(wheel: zipfile.ZipFile, root: Path) -> None:
    held = set(wheel.namelist())
    assert "rag/py.typed" in held
    for name in FOLDERS:
        prefix = "" if name == "rag" else "rag/"
        for file in (root / name).rglob("*"):
            if file.is_file() and not fnmatch(file.name, "*.py[co]"):
                assert prefix + file.relative_to(root).as_posix() in held, f"{file} is in no package-data"
    corpus = {f"rag/examples/corpus/{file.name}" for file in (root / "examples" / "corpus").iterdir()}
    assert len(corpus) >= 5
    assert corpus <= held
    assert {"rag/examples/questions.jsonl", "rag/examples/NOTICE.md"} <= held


def test_the_wheel_carries_the_licence(wheel: zipfile.ZipFile) -> None:
    licence = next(name for name in wheel.namelist() if name.endswith("/licenses/LICENSE"))
    assert "Apache License" in wheel.read(licence).decode()
    assert any(name.endswith("/licenses/NOTICE") for name in wheel.namelist())
    metadata = wheel.read(next(name for name in wheel.namelist() if name.endswith("/METADATA"))).decode()
    assert "License-Expression: Apache-2.0" in metadata
