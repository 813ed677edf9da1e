"""How well concept tags find photos by sentences that describe them.

    python benchmarks/photos.py FOLDER

FOLDER holds manifest.jsonl with a line {"file", "captions"} a photo. Each caption asks for its photo among
all of them, by the photo's concept tags, by another caption of the photo as its text, and by both added up.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from rag.retrievers.encoders.conse import ConSE
from rag.retrievers.encoders.minilm import MiniLM

from rag.answer import query
from rag.document import WHOLE, Chunk, Origin, PageRegion, Source
from rag.identity import file_digest
from rag.store.assets import FolderAssets

DEPTHS = (1, 3, 5)


def main(folder: Path, scratch: Path) -> None:
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    assets = FolderAssets(scratch)
    chunks = []
    for row in rows:
        path = folder / row["file"]
        source = Source(row["file"], "image/jpeg", file_digest(path), str(path))
        media = assets.put(path.read_bytes(), "image/jpeg")
        chunks.append(Chunk("", "image", Origin(source, (PageRegion(1, WHOLE),)), role="photo", media=media))
    looks = ConSE(assets=assets).encode_chunks(chunks)
    words = [MiniLM().encode_queries([query(text) for text in row["captions"]]) for row in rows]
    ranks: dict[str, list[int]] = {"concept tags": [], "another caption": [], "both": []}
    for number in range(len(rows)):
        for caption, asked in enumerate(words[number]):
            other = (caption + 1) % len(words[number])
            texts = np.stack([one[other % len(one)] for one in words])
            for name, scores in (
                ("concept tags", looks @ asked), ("another caption", texts @ asked), ("both", (looks + texts) @ asked)
            ):  # fmt: skip
                ranks[name].append(int((scores > scores[number]).sum()))
    print(f"{len(rows)} photos, {len(ranks['both'])} captions\n")
    print("| by | " + " | ".join(f"R@{depth}" for depth in DEPTHS) + " |\n|---|" + "---|" * len(DEPTHS))
    print("| chance | " + " | ".join(f"{depth / len(rows):.2f}" for depth in DEPTHS) + " |")
    for name, found in ranks.items():
        print(f"| {name} | " + " | ".join(f"{np.mean(np.array(found) < depth):.2f}" for depth in DEPTHS) + " |")


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as held:
        main(Path(sys.argv[1]), Path(held))
