"""Draws the heat map of docs/late-interaction.md and the moments of docs/visual.md from the sample corpus.

    python docs/heat_and_moments.py

Without a hub there is no model that looks at pages, and random weights would draw noise. So the heat map is late
interaction over a page's words: MiniLM's vectors of their tokens stand where ColPali's patches would.
"""

from __future__ import annotations

import tempfile
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
from numpy.typing import NDArray
from pictures import SAMPLE, small
from PIL import Image, ImageDraw, ImageFont
from rag.retrievers.encoders.minilm import MiniLM, checked_weights
from rag.retrievers.encoders.runtime import Session
from rag.retrievers.late import aligned

import rag
from rag.drawing import heated
from rag.words import content_words

IMAGES = Path(__file__).resolve().parent / "images"
PAGE, ASKED = 2, "thunder cut off the electricity"
GRID = 160, 113
"""Rows and columns of the map: fields of about half a centimetre of the page."""
SHOWN = "cooking"
TAGS = '\n[encoders.photos]\nuse = "retrievers/encoders/conse"\n'
MOMENTS = """
[retriever]
use = "retrievers/moments"
encoder = "@photos"
index = "@photos.vectors"
words = "@minilm.vectors"
seconds = 3.0

[retriever.retriever]
use = "retrievers/dense"
encoder = "@photos"
index = "@photos.vectors"
"""


class Tokens:
    """MiniLM's last hidden states, of length 1, for each word of a text."""

    def __init__(self) -> None:
        self._counter = MiniLM().counter
        self._session = Session(checked_weights(), "LATENCY", "f32")

    def of(self, words: list[str]) -> list[NDArray[np.float32]]:
        """For each word its (tokens, 384), read in the text of all of them."""
        pieces = [ids[1:-1] for ids in self._counter.ids(words)]
        first, last = (self._counter.ids(["a"])[0][at] for at in (0, -1))
        flat = [first, *(one for piece in pieces for one in piece), last]
        states = self._session.run([flat], np.array)[0][1:-1]
        states = states / np.linalg.norm(states, axis=1, keepdims=True)
        ends = np.cumsum([len(piece) for piece in pieces])[:-1]
        return np.split(states, ends)


def heat_map() -> None:
    """The words of a page, each as warm as its nearest token is to the question's, on average over these."""
    tokens = Tokens()
    asked = np.concatenate([one for word, one in zip(ASKED.split(), tokens.of(ASKED.split()), strict=True)
                            if content_words(word)])  # fmt: skip
    with pymupdf.open(SAMPLE / "weather-station-2025.pdf") as document:
        page = document[PAGE]
        blocks: dict[int, list[Any]] = {}
        for word in page.get_text("words"):
            blocks.setdefault(word[5], []).append(word)
        wide, high = page.rect.width, page.rect.height
        png = page.get_pixmap(dpi=110).tobytes("png")
    found = []
    for words in blocks.values():
        for word, vectors in zip(words, tokens.of([word[4] for word in words]), strict=True):
            found.append((word, float(aligned(asked, vectors)[1].mean())))
    least = float(np.quantile([score for _, score in found], 0.7))
    heat = np.zeros(GRID)
    for (left, top, right, bottom, *_), score in found:
        rows = slice(int(top / high * GRID[0]), int(bottom / high * GRID[0]) + 1)
        columns = slice(int(left / wide * GRID[1]), int(right / wide * GRID[1]) + 1)
        heat[rows, columns] = np.maximum(heat[rows, columns], max(0.0, score - least))
    write("heat.png", heated(png, heat, strength=0.6))
    best = sorted(found, key=lambda one: -one[1])[:12]
    print(f"{ASKED!r} finds on page {PAGE + 1}: {', '.join(word[4] for word, _ in best)}")


def moments() -> None:
    """The frames of the sample video in the order of their time, with their scores; the best one framed."""
    settings = files("rag").joinpath("profiles/corpus.toml").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "corpus").mkdir()
        (folder / "corpus" / "corpus.toml").write_text(settings + TAGS, encoding="utf-8")
        (folder / "mine.toml").write_text(MOMENTS, encoding="utf-8")
        with rag.Corpus(folder / "corpus", profile=folder / "mine.toml") as corpus:
            corpus.add(SAMPLE / "narrated.mp4")
            hits = corpus.search(SHOWN, k=9)
            frames = sorted((hit.places[0].start, hit) for hit in hits)  # type: ignore[union-attr]
            pictures = [Image.open(BytesIO(hit.image())).convert("RGB").resize((320, 240)) for _, hit in frames]
    strip = Image.new("RGB", (330 * len(pictures) - 10, 300), "white")
    pen, font = ImageDraw.Draw(strip), ImageFont.load_default(18)
    for at, (picture, (start, hit)) in enumerate(zip(pictures, frames, strict=True)):
        strip.paste(picture, (330 * at, 0))
        score = hit.parts["moments"].score
        pen.text((330 * at, 246), f"0:{start:04.1f}   score {score:.2f}", fill="black", font=font)
        pen.rectangle((330 * at, 274, 330 * at + int(320 * max(0.0, score)), 288), fill=(214, 60, 40))
        if hit is hits[0]:
            pen.rectangle((330 * at, 0, 330 * at + 319, 239), outline=(214, 60, 40), width=8)
    out = BytesIO()
    strip.save(out, "PNG")
    write("moments.jpg", out.getvalue())


def write(name: str, png: bytes) -> None:
    """A page as PNG with a palette, photos as JPEG."""
    file = IMAGES / name
    if name.endswith(".png"):
        file.write_bytes(small(png))
    else:
        Image.open(BytesIO(png)).save(file, "JPEG", quality=80, optimize=True)
    print(f"{file.relative_to(IMAGES.parent)}: {file.stat().st_size // 1000} KB")


if __name__ == "__main__":
    heat_map()
    moments()
