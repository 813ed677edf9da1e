"""Fuzz targets for bytes from strangers: web pages, their block tree, and the sniffing of types.

    pip install atheris
    python benchmarks/fuzz.py loader|blocks|sniff [libFuzzer options, e.g. -max_total_time=60 -max_len=4096 CORPUS_DIR]

A target raises only for a mistake of ours: what an input may be refused with is caught. The tests run each
over a few hundred inputs drawn by hypothesis; atheris follows the branches that inputs take.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

if not __package__:  # run as a file: the folder above holds this package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

if __name__ == "__main__":
    import atheris

    watched: AbstractContextManager[object] = atheris.instrument_imports(include=["rag", "bs4", "html"])
else:
    watched = nullcontext()
with watched:
    from rag.document import MarkupPath, Source
    from rag.errors import SourceError
    from rag.identity import digest
    from rag.markup import TooMuch, block_tree, clean, named, parse, prune
    from rag.registry import load
    from rag.sniff import media_type


def loader(data: bytes) -> None:
    """A page read: every place names something in it."""
    with tempfile.NamedTemporaryFile(suffix=".html") as file:
        file.write(data)
        file.flush()
        source = Source(file.name, "text/html", digest(data), file.name)
        try:
            elements = [one for part in load("loaders/html")().load(source) for one in part.elements]
        except SourceError:
            return
    page = parse(data)
    for element in elements:
        for place in element.origin.places:
            if page is None or not isinstance(place, MarkupPath) or not named(page, place.path):
                raise AssertionError(f"{place} of {element.role!r} names nothing")
        if any(not 0 <= link.start < link.end <= len(element.text) for link in element.links):
            raise AssertionError(f"a link outside its text: {element.links}")


def blocks(data: bytes) -> None:
    """Cleaning loses no word, the block tree names blocks that can be pruned, a budget is held."""
    text = data.decode("utf-8", "replace")
    try:
        cleaned = clean(text)
        tree = block_tree(cleaned, 1 + len(data) % 7, bare_text="paper")
    except (TooMuch, ValueError):
        return
    kept = prune(tree, range(len(tree.blocks)), 20, lambda html: len(html.split()))
    if len(kept.html.split()) > 20 or not set(kept.blocks) <= set(range(len(tree.blocks))):
        raise AssertionError(f"{len(kept.html.split())} tokens, blocks {kept.blocks}")


def sniff(data: bytes) -> None:
    """A type, or that there is none, for any bytes under any name; the same each time."""
    for name in ("", data[:20].decode("latin-1"), "a.html", "b.pdf"):
        found = media_type(name, data)
        if found != media_type(name, data) or (found is not None and "/" not in found):
            raise AssertionError(f"{found!r} for {name!r}")


TARGETS: dict[str, Callable[[bytes], None]] = {"loader": loader, "blocks": blocks, "sniff": sniff}


def main() -> None:
    """Run one target under atheris, without end unless its options say so."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"which target? one of {', '.join(TARGETS)}")
    target = TARGETS[sys.argv.pop(1)]
    with atheris.instrument_imports(include=["rag", "bs4", "html"]):
        target(b"<p>load what is imported at first use</p>")
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
