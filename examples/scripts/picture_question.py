"""A picture as the question: a photo, or a region of a page of the corpus; with words, and with words not wanted.

    python examples/scripts/picture_question.py                                  # a photo of the sample corpus
    python examples/scripts/picture_question.py photos/ photo.jpg --words "at night" --minus "people"
    python examples/scripts/picture_question.py reports/ "report.pdf#page=3&box=0.1,0.2,0.6,0.5" \\
        --encoder visrag --model HuggingFaceTB/SmolVLM-500M-Instruct

Without a model photos are known by concept tags (retrievers/encoders/conse): photos alone can be
asked for then. `--encoder clip --model openai/clip-vit-base-patch32` looks properly, `visrag` at pages too.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from looking import BY_PAGES, PAGES, SAMPLE, add, corpus, tiny, told

from rag.answer import Query

TAGS = """
[encoders.looks]
use = "retrievers/encoders/conse"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", type=Path, nargs="?", default=SAMPLE)
    parser.add_argument("picture", nargs="?", default=str(SAMPLE / "visitor-centre-bicycle.jpg"))
    parser.add_argument("--words", default="")
    parser.add_argument("--minus", action="append", default=[])
    parser.add_argument("--encoder", choices=("clip", "visrag", "universal"), default="visrag")
    parser.add_argument("--model", help="a checkpoint for --encoder; `tiny` for one with random weights")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = tiny(folder, "idefics3") if given.model == "tiny" else given.model
        encoders = PAGES.format(encoder=given.encoder, model=model, dpi=100) if model else TAGS
        with corpus(folder, encoders, BY_PAGES) as found:
            add(found, given.documents)
            asked = found.picture(given.picture)
            question = Query((asked, given.words) if given.words else (asked,), minus=tuple(given.minus))
            for hit in found.search(question, k=3):
                print(f"{hit.score:.3f}  {hit.where}")


if __name__ == "__main__":
    told(main)
