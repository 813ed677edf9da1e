"""Argus as it is installed: `rag.Corpus(folder).add(documents)` and `.search(question)`.

As in the plain install, nothing is read out of pictures: no peer has a program for that installed either.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.peers import common


class Argus:
    """`size` and `overlap` are left alone: the others are brought to Argus' sizes."""

    def __init__(self, meter: common.Meter) -> None:
        from rag.retrievers.encoders.minilm import MiniLM

        import rag

        self._meter = meter
        self._corpus: Any = None
        self._open = rag.Corpus
        _measure(MiniLM, meter)

    def pieces(self, docs: Path, size: int, overlap: int) -> tuple[int, list[str]]:
        raise NotImplementedError("nothing is tuned here")

    def ingest(self, docs: Path, index: Path, size: int, overlap: int) -> int:
        _plain(index)
        report = self._open(index).add(docs)
        if report.failed:
            raise SystemExit(f"documents failed: {report.failed[0]}")
        read = ("done", "updated")
        # A document without pages counts as one, as it does with the others.
        return sum(max(1, one.pages) for one in report.outcomes if one.status in read)

    def entries(self, index: Path) -> list[str]:
        """Chunks with a vector, by their words and places."""
        sql = (
            "SELECT c.document, c.body FROM chunks c JOIN documents d ON d.row = c.document AND d.state = 'live' "
            "WHERE EXISTS (SELECT 1 FROM views w JOIN vectors v ON v.digest = w.digest WHERE w.chunk = c.row)"
        )
        with closing(sqlite3.connect(index / "catalog.sqlite")) as rows:
            return [f"{document} {common.named(body)}" for document, body in rows.execute(sql)]

    def open(self, index: Path) -> None:
        self._corpus = self._open(index)

    def search(self, question: str, k: int) -> list[str]:
        return [found.text for found in self._corpus.search(question, k=k)]


def _plain(index: Path) -> None:
    """The settings that `rag add` writes, without OCR and speech: what is not installed is not used anyway."""
    from importlib.resources import files

    settings = index / "corpus.toml"
    if not settings.exists():
        index.mkdir(parents=True, exist_ok=True)
        lines = files("rag").joinpath("profiles/corpus.toml").read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.startswith(("recogniser =", "transcriber ="))]
        settings.write_text("\n".join(kept) + "\n", encoding="utf-8")


def _measure(encoder: Any, meter: common.Meter) -> None:
    """Count what goes into the encoder, and put the stand-in in its place where that is asked for."""
    from rag.identity import view_text

    encode = encoder.encode_chunks

    def counted(self: Any, chunks: Any) -> Any:
        texts = [view_text(chunk, self.view) for chunk in chunks]
        if meter.kind == "free":
            return meter.encode(texts)
        return meter.around(texts, lambda: encode(self, chunks))

    opened, open_session = {}, encoder._open

    def shared(self: Any, hint: str) -> Any:
        if hint not in opened:
            opened[hint] = open_session(self, hint)
        return opened[hint]

    def warm() -> None:
        """As the others' models are: loaded before the time begins, and taken by the corpus' encoder."""
        encode(encoder(), [common.worded("warm")])

    encoder._open = shared
    encoder.encode_chunks = counted
    if meter.kind == "free":
        encoder.encode_queries = lambda self, queries: meter._free([query.text for query in queries])
    else:
        meter.warm = warm  # type: ignore[method-assign]


if __name__ == "__main__":
    common.run(Argus)
