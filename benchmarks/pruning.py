"""How often the answer's block is still in a page once it is pruned to a budget of tokens.

python benchmarks/pruning.py --root DIR [--budgets 128 256 512 1024] [--words 64 128 256]

`DIR/manifest.jsonl` names for each question a page in `DIR/files` and the text of the block that answers
(`question`, `doc`, `block_text`). The measure is HtmlRAG's "answer retention", which needs no language model.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: the folder above holds this package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from rag.markup import clean
from rag.markup.prune import beginning
from rag.registry import load

SEEN = 40
"""Characters of the block, white space left out, that must be there."""


def letters(markup: str) -> str:
    """The text of some markup, white space and case left out."""
    return "".join(html.unescape(re.sub("<[^>]*>", "", markup)).lower().split())


def retained(asked: list[dict[str, Any]], root: Path, pruned: Callable[[str, str], str]) -> float:
    """The share of the questions whose block is left."""
    kept = 0
    for one in asked:
        page = (root / "files" / one["doc"]).read_text(encoding="utf-8", errors="replace")
        kept += letters(html.escape(one["block_text"]))[:SEEN] in letters(pruned(one["question"], page))
    return kept / len(asked)


def main(given: list[str] | None = None) -> int:
    """Print a line for each budget and way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--budgets", type=int, nargs="+", default=[128, 256, 512, 1024])
    parser.add_argument("--words", type=int, nargs="+", default=[64, 128, 256])
    options = parser.parse_args(given)
    lines = (options.root / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [one for one in map(json.loads, lines) if one.get("block_text")]
    encoder = load("retrievers/encoders/minilm")()
    prune = load("retrievers/compressors/html_prune")
    for budget in options.budgets:
        ways: dict[str, Callable[[str, str], str]] = {
            "the page's beginning": lambda _, page, budget=budget: beginning(
                clean(page), budget, lambda text: encoder.count([text])[0]
            )
        }
        for words in options.words:
            for rank in ("embedding", "bm25"):
                made = prune(rank, max_words=words, encoder=encoder, counter=encoder)
                ways[f"{rank}, {words} words"] = lambda question, page, made=made, budget=budget: made.prune(
                    question, page, budget
                )
        for name, way in ways.items():
            share = retained(asked, options.root, way)
            print(json.dumps({"budget": budget, "way": name, "questions": len(asked), "retained": round(share, 3)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
