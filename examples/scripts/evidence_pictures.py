"""Asks a folder of documents a question and writes a picture of every place that the answer cites.

python examples/scripts/evidence_pictures.py reports/ "How much rain fell in November?" --out pictures
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import rag


def ask(documents: Path, question: str, out: Path) -> list[Path]:
    """Prints the answer, writes the pictures; evidence without pixels (plain text) has none."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    with tempfile.TemporaryDirectory() as folder:
        corpus = rag.Corpus(folder)
        corpus.add(documents)
        answer = corpus.ask(question)
        print(answer)
        for one in answer.evidence:
            try:
                picture = one.image(page=one.page is not None)
            except rag.SourceError as error:
                print(f"no picture of [{one.number}]: {error}")
                continue
            file = out / f"evidence-{one.number}.png"
            file.write_bytes(picture)
            written.append(file)
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", type=Path)
    parser.add_argument("question")
    parser.add_argument("--out", type=Path, default=Path("pictures"))
    given = parser.parse_args()
    for file in ask(given.documents, given.question, given.out):
        print(f"wrote {file}")
