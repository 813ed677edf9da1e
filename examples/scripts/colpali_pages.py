"""ColPali: a vector for each patch of a page, compared late, and a heat map of what the question saw. Extra `vision`.

    python examples/scripts/colpali_pages.py                                  # a tiny random checkpoint
    python examples/scripts/colpali_pages.py reports/ "rain in November" --model vidore/colqwen2-v1.0-hf --out heat.png

The model is a folder, or a name in this machine's Hugging Face cache, of the families that transformers has:
ColPali, ColQwen2 and ColModernVBERT (names that end in -hf or -merged-hf; `vidore/colqwen2-v1.0` itself is an
adapter of colpali-engine, to be converted by transformers' script).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from looking import BY_PAGES, PAGES, SAMPLE, add, corpus, tiny, told

from rag.answer import query


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", type=Path, nargs="?", default=SAMPLE / "weather-station-2025.pdf")
    parser.add_argument("question", nargs="?", default="rain in November")
    parser.add_argument("--model", help="a checkpoint of late interaction")
    parser.add_argument("--out", type=Path, default=Path("heat.png"))
    parser.add_argument("--dpi", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = given.model or tiny(folder, "colqwen2")
        with corpus(folder, PAGES.format(encoder="colvision", model=model, dpi=given.dpi), BY_PAGES) as pages:
            add(pages, given.documents)
            hits = pages.search(given.question, k=3)
            for hit in hits:
                print(f"{hit.score:.3f}  {hit.where}")
            encoder, asked = pages.store.encoders["looks"], query(given.question)
            words, rows, columns = encoder.similarity(asked, hits[0].chunk).shape
            given.out.write_bytes(encoder.heat(asked, hits[0].chunk))
            print(f"wrote {given.out}: the mean of {words} tokens over {rows} x {columns} patches of the first hit")


if __name__ == "__main__":
    told(main)
