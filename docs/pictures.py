"""Draws the pictures of README.md and docs/tour.md from the sample corpus, as `rag show` does.

python docs/pictures.py
"""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path

import rag

DOCS = Path(__file__).resolve().parent
SAMPLE = DOCS.parent / "examples" / "corpus"
ASKED = {
    "table": ("How much rain fell in September?", None),
    "figure": ("Which figure shows rain and temperature by month?", None),
    "web": ("cross-section of the gauge", {"source": "*rain-gauge.html", "modality": "image"}),
    "photo": ("Where is the bicycle parked?", None),
    "video": ("What stands in the kitchen with wooden cabinets?", None),
}
"""Name of a picture -> a question, whose first cited evidence is drawn; with a filter, what is found first."""
WIDTH = 720


def main() -> None:
    """Ingest the sample into a folder of its own and write the pictures."""
    with tempfile.TemporaryDirectory() as folder, rag.Corpus(Path(folder) / "corpus") as corpus:
        corpus.add(SAMPLE)
        for name, (question, where) in ASKED.items():
            found = corpus.search(question, k=1, where=where) if where else corpus.ask(question).cited
            path = DOCS / "images" / f"{name}.png"
            path.write_bytes(small(found[0].image()))
            print(f"{path.relative_to(DOCS)}: {found[0].where}")


def small(png: bytes) -> bytes:
    """At most `WIDTH` pixels wide, with a palette: pictures of a page are mostly white."""
    from PIL import Image

    image = Image.open(BytesIO(png)).convert("RGB")
    image.thumbnail((WIDTH, 2 * WIDTH))
    told = BytesIO()
    image.quantize(256).save(told, "PNG", optimize=True)
    return told.getvalue()


if __name__ == "__main__":
    main()
