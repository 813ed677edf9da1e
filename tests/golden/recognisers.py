"""Pictures with words, and recognisers of known output: one in Python, one as a program `tesseract`."""

from __future__ import annotations

import io
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent

import pymupdf
from PIL import Image, ImageDraw, ImageFont

from rag.document import Box
from rag.protocols import Recognised
from tests.golden.images import saved
from tests.golden.pdfs import LETTER, SENTENCE, wrapped
from tests.golden.pdfs import lines as write_lines


def written(texts: Sequence[str], width: int = 640, height: int = 160, size: int = 30) -> Image.Image:
    """Black lines on white, from the top left."""
    image = Image.new("RGB", (width, height), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    for at, text in enumerate(texts):
        pen.text((24, 20 + at * round(1.7 * size)), text, "black", font)
    return image


def png(image: Image.Image) -> bytes:
    return saved(image, "PNG")


def line(
    text: str, left: float, top: float, right: float, bottom: float, *, confidence: float = 0.95, size: float = 0.0
) -> Recognised:
    """A line whose words share its width by their letters, as an engine would give it."""
    step = (right - left) / len(text)
    words, at = [], 0
    for word in text.split(" "):
        words.append(Box(left + at * step, top, left + (at + len(word)) * step, bottom))
        at += len(word) + 1
    return Recognised(text, Box(left, top, right, bottom), confidence, tuple(words), size or 0.8 * (bottom - top))


def column(texts: Sequence[str], left: float = 0.1, top: float = 0.1, right: float = 0.9) -> list[Recognised]:
    """Lines of one size under each other, at 1.5 times their height; "" leaves a line empty."""
    return [
        line(text, left, top + 0.03 * at, min(right, left + 0.012 * len(text)), top + 0.03 * at + 0.02)
        for at, text in enumerate(texts) if text
    ]  # fmt: skip


def rotated(box: Box, degrees: int) -> Box:
    """Turned clockwise."""
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    for _ in range(degrees // 90):
        left, top, right, bottom = 1 - bottom, left, 1 - top, right
    return Box(left, top, right, bottom)


SHADES = 20
"""Steps of grey between the pages that `Shaded` tells apart."""


class Shaded:
    """A Recogniser that knows pictures by the grey of their middle: SHADES times their number."""

    fingerprint = "shaded-1"

    def __init__(self, texts: Mapping[int, Sequence[Recognised]]) -> None:
        self.texts = texts
        self.asked: list[int] = []

    def recognise(self, images: Sequence[bytes]) -> list[list[Recognised]]:
        return [self._one(image) for image in images]

    def _one(self, data: bytes) -> list[Recognised]:
        image = Image.open(io.BytesIO(data)).convert("L")
        grey = image.getpixel((image.width // 2, image.height // 2))
        number = round(float(grey) / SHADES) if isinstance(grey, (int, float)) else 0
        self.asked.append(number)
        found = self.texts.get(number, ())
        if isinstance(found, Exception):
            raise found
        return list(found)


def shade(number: int, width: int = 400, height: int = 500) -> bytes:
    grey = number * SHADES
    image = Image.new("RGB", (width, height), (grey, grey, grey))
    for x in range(0, width, 2):  # a picture of one colour has so few bytes that it is an ornament
        image.putpixel((x, 0), ((x * 7) % 256, (x * 13) % 256, (x * x) % 256))
    return saved(image, "PNG", compress_level=0)


def shaded_pdf(numbers: Sequence[int], size: tuple[float, float] = LETTER) -> bytes:
    """A page a number: a picture of that shade over the whole page, or (0) text alone."""
    document = pymupdf.open()
    for number in numbers:
        page = document.new_page(width=size[0], height=size[1])
        if number:
            page.insert_image(page.rect, stream=shade(number), keep_proportion=False)
        else:
            page.insert_text((72, 72), "Turbine inspection", fontsize=18, fontname="hebo")
            write_lines(page, wrapped(SENTENCE * 3, 80), 72, 100)
    data: bytes = document.tobytes(garbage=3, deflate=True, no_new_id=True)
    return data


# --- a program -----------------------------------------------------------------------------------

PROGRAM = """\
#!{python}
import io, os, sys, time
from pathlib import Path
mode = Path(__file__).with_name("mode").read_text()
if "--version" in sys.argv:
    print("tesseract 5.9.1\\n leptonica-1.82.0")
elif "--list-langs" in sys.argv:
    print("List of available languages in \\"/data\\" (3):\\neng\\ndeu\\nosd")
else:
    Path(__file__).with_name("arguments").write_text("\\n".join(
        [*sys.argv[1:], "OMP_THREAD_LIMIT=" + os.environ.get("OMP_THREAD_LIMIT", ""), *sorted(os.environ)]))
    if mode == "slow":
        time.sleep(30)
    if mode == "broken":
        print("Error in pixReadMem: nothing read", file=sys.stderr)
        sys.exit(1)
    from PIL import Image, ImageOps
    image = Image.open(io.BytesIO(sys.stdin.buffer.read())).convert("L")
    box = ImageOps.invert(image).point(lambda value: 255 * (value > 128)).getbbox()
    print("level\\tpage_num\\tblock_num\\tpar_num\\tline_num\\tword_num\\tleft\\ttop\\twidth\\theight\\tconf\\ttext")
    print(f"1\\t1\\t0\\t0\\t0\\t0\\t0\\t0\\t{{image.width}}\\t{{image.height}}\\t-1\\t")
    if mode == "odd":
        print("5\\t1\\t1\\n5\\t1\\t1\\t1\\t1\\t1\\tx\\t2\\t3\\t4\\t90\\tword\\n5\\t1\\t1\\t1\\t1\\t1\\t-9\\t2\\t3\\t4\\tnan\\tword")
    if box:
        left, top, right, bottom = box
        middle = (left + right) // 2
        rows = [(left, middle - left, 96.5, f"wide{{right - left}}"), (middle, 4, 12.0, "~~,"),
                (middle, right - middle, 91.0, f"high{{bottom - top}}")]
        for at, (start, wide, sure, text) in enumerate(rows, 1):
            print(*(5, 1, 1, 1, 1, at, start, top, wide, bottom - top, sure, text), sep="\\t")
"""


def program(folder: Path, mode: str = "") -> Path:
    """A program `tesseract` that tells the size of the ink of a picture, and says how it was called."""
    folder.mkdir(exist_ok=True)
    path = folder / "tesseract"
    path.write_text(dedent(PROGRAM).format(python=sys.executable))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    (folder / "mode").write_text(mode)
    return path
