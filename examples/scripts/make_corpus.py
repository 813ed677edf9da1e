"""Makes the sample corpus in `examples/corpus`: the same bytes on every run with the same libraries.

    python examples/scripts/make_corpus.py [--out DIR] [--photos DIR]

The report and the page about the gauge are written here; their numbers are invented. The photos are
taken from `--photos` (COCO file names); without it the ones already in the folder are kept.
The Octave page and the log are kept as they are.
"""

from __future__ import annotations

import argparse
import base64
from pathlib import Path

from drawings import chart, gauge
from report import report
from weather import MONTHS, page

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
PHOTOS = {
    "visitor-centre-bicycle.jpg": (
        "000000107438.jpg",
        "A bicycle is parked between a welcome sign and a street light.",
        "CC BY 2.0, http://farm5.staticflickr.com/4047/4579654810_c23b2afc36_z.jpg",
    ),
    "pizza-wine-book.jpg": (
        "000000121647.jpg",
        "A white plate holding a pizza next to book and glass of wine.",
        "CC BY 2.0, http://farm5.staticflickr.com/4143/4801592343_9090102314_z.jpg",
    ),
}
IMAGE_DESCRIPTION, COPYRIGHT = 0x010E, 0x8298


def described(jpeg: bytes, caption: str, licence: str) -> bytes:
    """The JPEG with an EXIF description and licence put in front; its pixels are not coded again."""
    from PIL import Image

    if jpeg[:2] != b"\xff\xd8":
        raise ValueError("expected a JPEG file")
    exif = Image.Exif()
    exif[IMAGE_DESCRIPTION] = caption
    exif[COPYRIGHT] = licence
    block = exif.tobytes()
    return jpeg[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + jpeg[2:]


def make(out: Path, photos: Path | None = None) -> list[Path]:
    """Writes the made files (and the photos, where their folder is given); returns what was written."""
    out.mkdir(parents=True, exist_ok=True)
    made = {
        "weather-station-2025.pdf": report(MONTHS, chart(MONTHS)),
        "rain-gauge.html": page(base64.b64encode(gauge()).decode("ascii")).encode("utf-8"),
    }
    if photos:
        for name, (original, caption, licence) in PHOTOS.items():
            made[name] = described((photos / original).read_bytes(), caption, licence)
    for name, data in made.items():
        (out / name).write_bytes(data)
    return [out / name for name in made]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=CORPUS)
    parser.add_argument("--photos", type=Path)
    given = parser.parse_args()
    for written in make(given.out, given.photos):
        print(f"{written.stat().st_size:8,} bytes  {written}")
