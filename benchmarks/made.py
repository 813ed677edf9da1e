"""Documents and corpora made by code, the same ones for the same seed."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE = Path(__file__).resolve().parents[1] / "examples" / "corpus"
REAL_VECTORS = 300
"""So many chunks are encoded in truth; the vectors of the others are one of these with some noise."""
NOISE = 0.6
YEARS = (2019, 2020, 2021, 2022)
_TAG = re.compile(r"<[^>]*>")
_SECTIONS = 12


def vocabulary() -> list[str]:
    """Words of the sample corpus, each as often as it stands there."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(SAMPLE.iterdir()) if path.suffix in (".html", ".md"))
    return [word for text in texts for word in re.findall(r"[A-Za-z]{2,}", _TAG.sub(" ", text))]


def paragraph(chance: random.Random, words: Sequence[str], length: int) -> str:
    """Word salad, cut into sentences."""
    drawn = [chance.choice(words).lower() for _ in range(length)]
    return ". ".join(" ".join(drawn[start : start + 14]).capitalize() for start in range(0, length, 14)) + "."


def text_files(folder: Path, count: int, first: int = 0) -> None:
    """Markdown documents of `_SECTIONS` sections, each with a label `year` beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    words = vocabulary()
    for number in range(first, first + count):
        chance = random.Random(number)
        sections = [
            f"## {paragraph(chance, words, 4)}\n\n{paragraph(chance, words, 120)}" for _ in range(_SECTIONS)
        ]  # fmt: skip
        path = folder / f"doc-{number:04}.md"
        path.write_text(f"# Document {number}\n\n" + "\n\n".join(sections) + "\n", encoding="utf-8")
        label = {"year": YEARS[number % len(YEARS)]}
        path.with_name(path.name + ".meta.json").write_text(json.dumps(label), encoding="utf-8")


def pdf(path: Path, pages: int, seed: int = 1, words_a_page: int = 90) -> Path:
    """A PDF of running text, no two pages alike; a page takes some 400 words."""
    import pymupdf

    words, chance = vocabulary(), random.Random(seed)
    opened: Any = pymupdf.open
    with opened() as document:
        for number in range(1, pages + 1):
            page = document.new_page()
            text = paragraph(chance, words, words_a_page).split(" ")
            rows = (" ".join(text[at : at + 9]) for at in range(0, words_a_page, 9))
            lines = [f"Page {number} of the survey", "", *rows]
            page.insert_text((72, 90), lines, fontsize=11)
        path.parent.mkdir(parents=True, exist_ok=True)
        document.save(path, deflate=True)
    return path


def questions(path: Path, count: int, seed: int, where: Sequence[dict[str, str]] = ({},)) -> Path:
    """Lines for `rag search --queries`, no two alike: half are questions, half are bare words."""
    chance, words = random.Random(seed), vocabulary()
    lines = []
    for number in range(count):
        drawn = " ".join(chance.choice(words).lower() for _ in range(chance.randint(2, 6)))
        text = f"what does the survey say about {drawn}?" if number % 2 else drawn
        lines.append(json.dumps({"id": number, "query": text, "where": where[number % len(where)]}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def corpus(folder: Path, documents: Path, chunks: int) -> int:
    """A corpus of at least so many chunks, made by an ordinary ingest of text files; how many it has.

    One thing is shorter than usual: only the first `REAL_VECTORS` chunks go through the encoder,
    and the vectors of the others are made from those with noise. They are as many, as long and as
    spread as real ones, so a search does the same work; what it finds by them means nothing.
    """
    import rag

    opened = rag.Corpus(folder)
    count = 0
    made = 0
    while count < chunks:
        more = 4 if not made else -(-(chunks - count) * made // count)
        text_files(documents, more, made)
        made += more
        adding = opened.adding(workers=1)
        for encoder in opened.store.encoders.values():
            encoder.encode_chunks = _Shortcut(encoder, count)
        report = adding.run([documents])
        if report.failed:
            raise RuntimeError(f"the benchmark's own documents failed: {report.failed[0]}")
        count = opened.store.catalog.counts()["chunks"]
    opened.store.close()
    return count


class _Shortcut:
    """Stands for `encode_chunks`: real vectors at first, then noisy copies of them."""

    known: NDArray[np.float32] | None = None  # shared by the rounds of one corpus

    def __init__(self, encoder: Any, seed: int) -> None:
        import numpy as np

        self._encode = encoder.encode_chunks
        self._chance = np.random.default_rng(seed)

    def __call__(self, given: Sequence[Any]) -> NDArray[np.float32]:
        import numpy as np

        known = _Shortcut.known
        if known is None or len(known) < REAL_VECTORS:
            vectors: NDArray[np.float32] = self._encode(given)
            _Shortcut.known = vectors if known is None else np.concatenate([known, vectors])
            return vectors
        base = known[self._chance.integers(len(known), size=len(given))]
        noise = self._chance.normal(0.0, NOISE / np.sqrt(base.shape[1]), base.shape)
        mixed = (base + noise).astype(np.float32)
        unit: NDArray[np.float32] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
        return unit
