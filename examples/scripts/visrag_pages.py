"""VisRAG: pages are found as pictures, and a vision-language model answers by looking at them. Extra `vision`.

    python examples/scripts/visrag_pages.py                                   # tiny random checkpoints
    python examples/scripts/visrag_pages.py reports/ "Which month was the wettest?" \\
        --model HuggingFaceTB/SmolVLM-500M-Instruct --reader HuggingFaceTB/SmolVLM-500M-Instruct

Models are folders, or names in this machine's Hugging Face cache (hf download NAME). The published weights of
the paper, openbmb/VisRAG-Ret, come with Python code of their own and are refused: any checkpoint of a class
that transformers itself has will do, best one trained for retrieval.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from looking import BY_PAGES, PAGES, SAMPLE, add, corpus, tiny, told

from rag.answer import Settings

PROFILE = """
[selector]
use = "retrievers/selectors/top"
k = 3

[generator]
use = "generators/vlm"
model = "{reader}"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", type=Path, nargs="?", default=SAMPLE / "weather-station-2025.pdf")
    parser.add_argument("question", nargs="?", default="Which month was the wettest?")
    parser.add_argument("--model", help="the encoder of pages")
    parser.add_argument("--reader", help="the model that looks at the pages found and answers")
    parser.add_argument("--dpi", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=40, help="the most that the reader writes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = given.model or tiny(folder, "idefics3")
        reader = given.reader or tiny(folder, "llava")
        encoders = PAGES.format(encoder="visrag", model=model, dpi=given.dpi)
        with corpus(folder, encoders, BY_PAGES + PROFILE.format(reader=reader)) as pages:
            add(pages, given.documents)
            for hit in pages.search(given.question, k=3):
                print(f"{hit.score:.3f}  {hit.where}")
            answer = pages.ask(given.question, settings=Settings(max_tokens=given.tokens))
            print(answer.refusal.reason if answer.refusal else answer.text)
            print(f"looked at {answer.answer.usage.images} pictures")


if __name__ == "__main__":
    told(main)
