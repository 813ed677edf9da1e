"""Triples of pictures of one colour and statements about it: what no word of a context tells."""

from __future__ import annotations

import random
from pathlib import Path

from rag.pipelines.train import Triple

from rag.document import WHOLE, Chunk, Media, Origin, PageRegion, Source
from rag.identity import digest, identified
from rag.store.assets import FolderAssets
from tests.golden.checkpoints import COLOURS, plain


def statement(colour: str) -> str:
    return f"The picture shows {colour}."


def picture(assets: FolderAssets, colour: str, shade: int = 0, number: int = 0) -> Chunk:
    """A picture in a shade of the colour, a document of its own."""
    data = plain(tuple(max(0, min(255, one + shade)) for one in COLOURS[colour]), 28, 28)  # type: ignore[arg-type]
    media: Media = assets.put(data, "image/png")
    source = Source(f"{number}.png", "image/png", digest(f"{colour} {number}"))
    return next(iter(identified([Chunk("", "image", Origin(source, (PageRegion(1, WHOLE),)), media=media)])))


def triples(folder: Path, count: int, seed: int = 1) -> tuple[list[Triple], FolderAssets]:
    """Triples with pictures of their own, every fifth held out, and the assets that hold the pictures."""
    assets, chance, names = FolderAssets(folder), random.Random(seed), list(COLOURS)
    found = []
    for number in range(count):
        colour = names[number % len(names)]
        other = chance.choice([one for one in names if one != colour])
        context = picture(assets, colour, chance.randint(-25, 25), number)
        found.append(Triple(context, statement(colour), statement(other), number % 5 == 0))
    return found, assets
