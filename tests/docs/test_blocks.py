"""Every code block of README.md and docs/ is run (python, console), read (toml), or looked at by people."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rag.config import SERVICES, Builder
from rag.profile import present

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^(?P<mark>```+)(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=mark)\s*$", re.S | re.M)
CORPUS_PARTS = (
    "encoder", "vectors", "text", "pages", "minilm", "minilm.vectors", "documents", "documents.vectors",
    "summaries", "summaries.vectors", "pictures", "pictures.vectors",
)  # fmt: skip
LANGUAGES = {"python", "toml", "console", "json", "text", ""}


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is that of its first line of code."""

    page: Path
    line: int
    language: str
    code: str


def blocks(page: Path, language: str = "") -> Iterator[Block]:
    """The fenced blocks of a page, in order; all of them, or those in one language."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start("code")) + 1
        if not language or found["language"] == language:
            yield Block(page, line, found["language"], found["code"])


def having(language: str) -> list[Path]:
    return [page for page in PAGES if any(blocks(page, language))]


def test_the_pages_are_there() -> None:
    names = {page.name for page in PAGES}
    assert {"index.md", "tour.md", "components.md", "config.md", "design.md", "methods.md"} <= names
    assert {"README.md", "tour.md", "index.md"} <= {page.name for page in having("python")}
    assert having("toml")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_languages_are_known(page: Path) -> None:
    """A misspelt language would leave a block unchecked."""
    assert {block.language for block in blocks(page)} <= LANGUAGES
    assert page.read_text(encoding="utf-8").count("\n```") % 2 == 0


@pytest.mark.parametrize("page", having("python"), ids=lambda page: page.name)
def test_python_runs(page: Path, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page are one program: a later one sees the names of those before it."""
    monkeypatch.chdir(desk)
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page, "python"):
        # Blank lines in front, so that a traceback names the line of the page.
        code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
        exec(code, names)


@pytest.mark.parametrize("page", having("console"), ids=lambda page: page.name)
def test_commands_run(page: Path, desk: Path) -> None:
    """Lines that begin with `$ rag`; what follows them is output for people."""
    for block in blocks(page, "console"):
        for line in block.code.splitlines():
            if line.startswith("$ rag "):
                run_rag(shlex.split(line)[2:], desk)


def run_rag(arguments: list[str], folder: Path) -> None:
    code = "import sys; from rag.cli import main; sys.exit(main(sys.argv[1:]))"
    # -P: the folder, where documents lie, is not on the import path.
    run = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, f"rag {shlex.join(arguments)}: {run.stderr or run.stdout}"


@pytest.mark.parametrize("page", having("toml"), ids=lambda page: page.name)
def test_toml_is_valid(page: Path) -> None:
    """A block that names components is checked against their constructors as a real file would be."""
    ready = {name: object() for name in SERVICES}
    for block in blocks(page, "toml"):
        table = tomllib.loads(block.code)
        parts = {**{name: object() for name in CORPUS_PARTS}, **table.pop("parts", {})}
        problems = list(Builder(services=ready, parts=parts).problems(present({**table, "parts": parts}, parts)))
        assert problems == [], f"{page.name}:{block.line}"


def test_the_default_profile_is_shown_as_it_is() -> None:
    shipped = tomllib.loads((ROOT / "rag" / "profiles" / "local.toml").read_text(encoding="utf-8"))
    assert shipped in [tomllib.loads(block.code) for block in blocks(ROOT / "docs" / "config.md", "toml")]


LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_inside_the_repository(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for found in LINK.finditer(text):
        target, _, anchor = found["target"].partition("#")
        if "://" in target:
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name} points at {target}"
        if anchor:
            titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.M)
            assert anchor in {slug(title) for title in titles}, f"{page.name} points at {found['target']}"


def slug(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
