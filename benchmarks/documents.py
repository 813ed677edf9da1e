"""Documents by the mean of their sections against documents by their best passage, with the plain install's encoder.

    python benchmarks/documents.py CORPUS QUESTIONS.jsonl

CORPUS holds ingested documents; QUESTIONS a line {"question", "doc"} each, `doc` the name of the file that
answers. The claim looked at is IDentIfy's (arXiv 2410.02729): a document as the mean of its sections is found
better than by passages, and so is the answering section once both are reranked. Sections here are the chunks
under the same headings, their vectors MiniLM's, averaged: an encoder of text that was not trained for it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rag.retrievers.encoders.interleaved import merged
from rag.retrievers.rerankers.sections import Sections

import rag
from rag.answer import Hit, query
from rag.sections import sections

TOP, DEPTH = 5, 100
DEPTHS = (1, 3, 5)


def main(folder: Path, questions: Path) -> None:
    lines = [json.loads(line) for line in questions.read_text(encoding="utf-8").splitlines()]
    with rag.Corpus(folder) as corpus:
        encoder, index = corpus.store.encoders["minilm"], corpus.store.vectors["minilm"]
        documents = {Path(one.sources[0].uri).name: corpus.store.catalog.document_chunks(one.digest)
                     for one in corpus.documents()}  # fmt: skip
        documents = {name: [one for one in chunks if one.text] for name, chunks in documents.items()}
        documents = {name: chunks for name, chunks in documents.items() if chunks}
        lines = [one for one in lines if one["doc"] in documents and one.get("answerable", True)]
        asked = [query(one["question"]) for one in lines]
        vectors = encoder.encode_queries(asked)
        names = list(documents)
        wanted = [names.index(one["doc"]) for one in lines]
        held = {name: [index.vectors([one.id for one in section]) for section in sections(chunks)]
                for name, chunks in documents.items()}  # fmt: skip
        parts = {name: [merged(list(one)) for one in found] for name, found in held.items()}
        ways: dict[str, Any] = {
            "best passage": [np.concatenate(held[name]) for name in names],
            "mean of sections": [merged(parts[name])[None] for name in names],
            "mean of passages": [merged(list(np.concatenate(held[name])))[None] for name in names],
            "first section": [parts[name][0][None] for name in names],
            "best section": [np.stack(parts[name]) for name in names],
        }
        print(f"{len(names)} documents, {len(asked)} questions\n")
        print("| documents by | " + " | ".join(f"R@{depth}" for depth in DEPTHS) + " | MRR |\n|---|" + "---|" * 4)
        scores = {}
        for way in (*ways, "best passage and mean of sections, added up"):
            parted = [ways[one] for one in (way,) if one in ways] or [ways["best passage"], ways["mean of sections"]]
            scores[way] = sum(np.stack([(vectors @ one.T).max(axis=1) for one in rows], axis=1) for rows in parted)
            ranks = [int((row > row[at]).sum()) for row, at in zip(scores[way], wanted, strict=True)]
            print(f"| {way} | {told(ranks)} |")
        reranker = Sections(top_documents=TOP)
        firsts: dict[str, list[int]] = {"best passage": [], "mean of sections": []}
        for number, question in enumerate(asked):
            passages = [Hit(one, float(index.vectors([one.id])[0] @ vectors[number]), "dense") for name in names
                        for one in documents[name]]  # fmt: skip
            passages = sorted(passages, key=lambda hit: -hit.score)[:DEPTH]
            best = np.argsort(-scores["mean of sections"][number], kind="stable")[:TOP].tolist()
            inside = [Hit(one, float(index.vectors([one.id])[0] @ vectors[number]), "documents") for at in best
                      for one in documents[names[at]]]  # fmt: skip
            for way, hits in (("best passage", passages), ("mean of sections", inside)):
                (found,) = reranker.rerank([question], [hits])
                first = Path(found[0].chunk.origin.source.uri).name
                firsts[way].append(int(first != names[wanted[number]]))
        print(f"\n| first stage, then the section reranker over {TOP} documents | R@1 |\n|---|---|")
        for way, wrong in firsts.items():
            print(f"| {way} | {1 - float(np.mean(wrong)):.3f} |")


def told(ranks: list[int]) -> str:
    """Shares of ranks (from 0) below each depth, and the mean reciprocal rank."""
    shares = [float(np.mean([rank < depth for rank in ranks])) for depth in DEPTHS]
    return " | ".join(f"{one:.3f}" for one in (*shares, float(np.mean([1 / (rank + 1) for rank in ranks]))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
