"""Web pages: pages a second, and what is kept of their content, beside libraries that do the same.

python benchmarks/web.py FOLDER [FOLDER ...] [--pages N] [--rounds N] [--json]

Any folder of .html files will do for the speed. What should be kept is known for pages of four makers of
manuals and one saved site, by the element that holds the content (`CONTENT`, looked up by hand in pages
of each): Sphinx (Debian python3.11-doc), DocBook (postgresql-doc-15), AsciiDoc (git-doc), Texinfo
(octave-doc) and a page of mozilla.org.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: the folder above holds this package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from rag.document import Source
from rag.identity import digest
from rag.markup import BLOCKS
from rag.registry import load
from rag.words import words

CONTENT = (
    ("//div[@role='main']", "//div[@role='main']"),
    ("//div[@class='navheader']", "//body/*[not(@class='navheader' or @class='navfooter')]"),
    ("//meta[@name='generator' and starts-with(@content, 'AsciiDoc')]", "//body/div[@id='header' or @id='content']"),
    ("//meta[@name='Generator' and @content='makeinfo']", "//body/*"),
    ("//link[starts-with(@href, 'https://www.mozilla.org/')]", "//main"),
)
"""What a page is known by, and where its content stands."""
BESIDE = (
    "//script|//style|//a[@class='headerlink' or @class='copiable-link']|//div[@class='nav-panel' or @class='header']"
    "|//*[@hidden]"
)
"""What is no content wherever it stands."""
FRAME = frozenset({"header", "footer", "hidden"})


@dataclass(frozen=True)
class Page:
    """A page and its truth: words, words of tables, words of code; none where no rule is known."""

    path: Path
    data: bytes
    truth: list[str]
    tables: list[str]
    code: list[str]
    figures: list[str]


def page(path: Path) -> Page:
    """A page with its truth by the rules above."""
    from lxml import html

    data = path.read_bytes()
    empty = Page(path, data, [], [], [], [])
    try:
        root = html.fromstring(data)
    except (ValueError, html.etree.LxmlError):
        return empty
    rule = next((content for known, content in CONTENT if root.xpath(known)), None)
    if rule is None:
        return empty
    for node in root.xpath(BESIDE):
        if node.getparent() is not None:
            node.drop_tree()
    content = root.xpath(rule)
    return Page(
        path,
        data,
        words(" ".join(map(_text, content))),
        [word for node in content for table in node.xpath(".//table") for word in words(_text(table))],
        [word for node in content for code in node.xpath(".//pre") for word in words(_text(code))],
        [word for node in content for one in node.xpath(".//img[@alt]") for word in words(one.get("alt"))],
    )


def _text(top: Any) -> str:
    """Text with a break where a block or a cell begins or ends, so that no two words are glued or cut."""
    from lxml import etree

    pieces = []
    for event, node in etree.iterwalk(top, events=("start", "end", "comment", "pi")):
        if event in ("start", "end") and (node.tag in BLOCKS or node.tag == "br"):
            pieces.append("\n")
        if event == "start":
            pieces.append(node.text or "")
        elif node is not top:
            pieces.append(node.tail or "")
    return "".join(pieces)


def argus(one: Page) -> str:
    """What the loader gives as content."""
    source = Source(str(one.path), "text/html", digest(one.data), str(one.path))
    parts = load("loaders/html")().load(source)
    return "\n".join(f"{e.text}\n{e.caption}" for part in parts for e in part.elements if e.role not in FRAME)


def lxml_text(one: Page) -> str:
    """All text, nothing told apart."""
    from lxml import html

    return str(html.fromstring(one.data).text_content())


def resiliparse(one: Page) -> str:
    """Main content."""
    from resiliparse.extract.html2text import extract_plain_text

    return str(extract_plain_text(one.data.decode("utf-8", "replace"), main_content=True, alt_texts=True))


def trafilatura(one: Page) -> str:
    """Main content with tables and images."""
    from trafilatura import extract

    return extract(one.data, include_tables=True, include_images=True) or ""


def tools() -> dict[str, Callable[[Page], str]]:
    """Argus and those of the others that are installed here."""
    others = {"lxml.text_content": lxml_text}
    for name, tool in (("resiliparse", resiliparse), ("trafilatura", trafilatura)):
        if importlib.util.find_spec(name):
            others[name] = tool
    return {"argus": argus, **others}


def kept(truth: Sequence[str], got: Counter[str]) -> int:
    """Words of the truth that are in what was got, each as often as it is there."""
    return sum((Counter(truth) & got).values())


def quality(pages: Sequence[Page], tool: Callable[[Page], str]) -> dict[str, float]:
    """Shares kept of the content's words, tables, code and figures; and of what was got, the share that is content."""
    found: Counter[str] = Counter()
    for one in pages:
        if one.truth:
            got = Counter(words(tool(one)))
            found["got"] += got.total()
            for name in ("truth", "tables", "code", "figures"):
                found[name] += kept(getattr(one, name), got)
                found[f"all {name}"] += len(getattr(one, name))
    shares = {
        ("words" if name == "truth" else name): found[name] / found[f"all {name}"]
        for name in ("truth", "tables", "code", "figures")
        if found[f"all {name}"]
    }
    return {**shares, "content": found["truth"] / max(1, found["got"])}


def speeds(pages: Sequence[Page], named: dict[str, Callable[[Page], str]], rounds: int) -> dict[str, list[float]]:
    """Pages a second of each tool, in rounds of all tools in an order drawn anew.

    Seconds of the processor, so that what else runs on the machine counts little; all tools use one core.
    """
    chance = random.Random(0)
    found: dict[str, list[float]] = {name: [] for name in named}
    for tool in named.values():
        tool(pages[0])
    for _ in range(rounds):
        for name in chance.sample(sorted(named), len(named)):
            began = time.process_time()
            for one in pages:
                named[name](one)
            found[name].append(len(pages) / (time.process_time() - began))
    return found


def main(given: list[str] | None = None) -> int:
    """Print a line for each tool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--pages", type=int, default=60, help="of each folder, evenly from all of them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="no table")
    options = parser.parse_args(given)
    pages = [page(path) for folder in options.folders for path in _some(folder, options.pages)]
    if not pages:
        parser.error("no .html file in these folders")
    named = tools()
    timed = speeds(pages, named, options.rounds)
    size = sum(len(one.data) for one in pages) / 1e6 / len(pages)
    rows = []
    for name, tool in named.items():
        best = max(timed[name])
        rows.append(
            {
                "tool": name,
                "pages": len(pages),
                "with truth": sum(bool(one.truth) for one in pages),
                "pages/s, median": round(statistics.median(timed[name]), 1),
                "pages/s, best": round(best, 1),
                "MB/s, best": round(best * size, 2),
                **{key: round(value, 4) for key, value in quality(pages, tool).items()},
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    if not options.json:
        columns = list(rows[0])
        print("\n| " + " | ".join(columns) + " |\n|" + " --- |" * len(columns))
        for row in rows:
            print("| " + " | ".join(str(row.get(column, "")) for column in columns) + " |")
    return 0


def _some(folder: Path, count: int) -> list[Path]:
    found = sorted(path for path in folder.rglob("*.html") if path.is_file() and path.stat().st_size < 2_000_000)
    return found[:: max(1, len(found) // count)][:count]


if __name__ == "__main__":
    sys.exit(main())
