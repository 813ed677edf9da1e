"""What the package htmlrag gives for small pages, kept in htmlrag.json.

Made once with `python -m tests.golden.htmlrag FOLDER_0.1.1 FOLDER_0.0.3`: two folders into which the
wheels of these versions were unpacked. Only their functions over HTML are imported; the libraries
for models that they ask for are stood in by empty modules. Cleaning and block trees are those of
0.1.1, pruning that of 0.0.3 (later ones keep the worst blocks). Nothing of the package is kept here.
"""

from __future__ import annotations

import importlib
import json
import random
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.identity import combined

KEPT = Path(__file__).with_name("htmlrag.json")
RANDOM = 250
SIZES = (1, 3, 8, 30)
WINDOWS = (20, 30, 50, 80, 120, 300)
RANKING = (7, 3, 5, 0, 1, 2, 4, 6, 8, 9)
HAND = [
    "",
    "only words",
    "<p>one</p>",
    "<p>one</p><p>two</p> three",
    "<html><head><title>t</title><script>x</script><style>y</style></head><body id=b><div><div><p>a b</p></div></div>",
    "<!DOCTYPE html><?xml version='1.0'?><html><body><!-- c --><h1>Head</h1><p>Some <b>bold</b> text</p></body></html>",
    "<ul><li>one<li>two<ul><li>three</ul><li></ul><p> </p><br><img src=x alt=y>",
    "<template><p>in</p></template><template>own</template><ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>",
    "<a href=x class=y>link</a><A HREF=z><b>both</b></A><textarea><p>as text</p></textarea>",
    "<table><tr><th>h</th></tr><tr><td>1</td><td>2<br>3</td></tr></table><pre>\n  a\n\n  b</pre>",
    "&lt;p&gt; &amp; &eacute; &nbsp; &#8212; &bogus; a<b c<d>e</d>",
    "<div0>taken</div0><div>one</div><div>two</div><div0>again</div0><svg:g>x</svg:g><my-tag>y</my-tag>",
    "<div>bare words here<p>in p</p>and there<div>deep <p>er</p> est</div></div>" * 2,
    "".join(f"<div>level{number} " for number in range(80)) + "end" + "</div>" * 80,
    "你好世界<p>你好</p><p>再见世界</p>",
]
_TAGS = "html body div div div p p span a b ul li table tr td br img script style h1 pre template section code".split()
_WORDS = ["rain", "gauge", "&amp;", "&lt;x&gt;", "é", "漢字", "\n", "\t", " ", "\n\n", "a", "3", "<!--c-->", ""]


def inputs() -> Iterator[str]:
    """Pages by hand, then pages of tags and words drawn by chance, many of them badly nested."""
    yield from HAND
    for seed in range(RANDOM):
        yield drawn(random.Random(seed))


def drawn(chance: random.Random) -> str:
    """A page of up to 60 tags and texts."""
    out: list[str] = []
    open_: list[str] = []
    for _ in range(chance.randrange(1, 60)):
        kind = chance.random()
        if kind < 0.4:
            tag = chance.choice(_TAGS)
            out.append(f"<{tag}{chance.choice(['', ' class=x', ' href=y'])}>")
            open_.append(tag)
        elif kind < 0.65 and open_:
            out.append(f"</{open_.pop() if chance.random() < 0.9 else chance.choice(_TAGS)}>")
        else:
            out.append(" ".join(chance.choice(_WORDS) for _ in range(chance.randrange(1, 6))))
    return "".join(out)


def ten_blocks() -> str:
    """Ten blocks of 22 words."""
    words = "rain gauge funnel scale month total river level bridge valve".split()
    blocks = [f"<div>block{at} {' '.join((words * 3)[at : at + 21])}</div>" for at in range(10)]
    return f"<html><body>{''.join(blocks)}</body></html>"


class Words:
    """A tokenizer whose tokens are what white space parts."""

    def encode(self, text: str, add_special_tokens: bool = False) -> list[str]:
        return text.split()

    def tokenize(self, text: str) -> list[str]:
        return text.split()

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        return " ".join(tokens)


def tree_key(paths: list[list[str]], leaves: list[bool], texts: list[str], html: str) -> str:
    """A block tree as one short string."""
    return combined(paths, leaves, texts, html)[:16]


def main(cleaning: str, pruning: str) -> None:
    """Write what the package gives."""
    warnings.simplefilter("ignore")
    module = _package(cleaning)[0]
    pages = []
    for page in inputs():
        trees = []
        for size in SIZES:
            for chinese in (False, True):
                found, html = module.build_block_tree(page, size, zh_char=chinese)
                texts = [tag.get_text() for tag, _, leaf in found if leaf]
                trees.append(tree_key([list(one[1]) for one in found], [one[2] for one in found], texts, html))
        kept = module.simplify_html(module.bs4.BeautifulSoup(page, "html.parser"), keep_attr=True)
        pages.append([module.clean_html(page), combined(kept)[:16], trees])
    tree, html = module.build_block_tree(ten_blocks(), 25)  # that of 0.0.3 forgets to rename the tags
    pruner = _package(pruning)[1]
    pruned = [pruner.Pruner().prune_HTML(html, tree, list(RANKING), Words(), window) for window in WINDOWS]
    KEPT.write_text(json.dumps({"pages": pages, "pruned": pruned}, ensure_ascii=False, indent=0), encoding="utf-8")


def _package(folder: str) -> tuple[Any, Any]:
    """Its modules `html_utils` and `pruner`, the libraries that they import stood in for."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "htmlrag"]:
        del sys.modules[name]
    empty = type("Empty", (), {"__init__": lambda self, *args, **named: None})
    for name, inside in {
        "langchain_community": (),
        "langchain_community.embeddings": ("HuggingFaceHubEmbeddings",),
        "anytree": ("Node", "PreOrderIter"),
        "anytree.exporter": ("DotExporter",),
        "langchain_core": (),
        "langchain_core.documents": ("Document",),
        "langchain_text_splitters": ("HTMLSectionSplitter",),
        "transformers": ("AutoModelForSeq2SeqLM", "AutoTokenizer"),
        "torch": (),
    }.items():
        module: Any = types.ModuleType(name)
        module.__dict__.update(dict.fromkeys(inside, empty))
        sys.modules[name] = module
    sys.path.insert(0, folder)
    try:
        return importlib.import_module("htmlrag.html_utils"), importlib.import_module("htmlrag.pruner")
    finally:
        sys.path.remove(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
