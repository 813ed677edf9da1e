"""OCR by the program Tesseract 5 (Apache-2.0), where it is installed (Debian: tesseract-ocr).

Page segmentation mode 1: layout analysis with orientation and script detection where the data for
that (`osd`) is there, else mode 3. Its TSV output gives words with boxes and confidences; the
confidence of a line is the mean of its words', weighted by their letters.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from rag.document import Box
from rag.errors import MissingExtra
from rag.protocols import Recognised

from .filtering import legible, tidy
from .picture import decoded, png

if TYPE_CHECKING:
    from PIL import Image as Pillow

SECONDS = 120.0
"""Of one picture; an A4 page at 200 dpi takes about two."""
MIN_WORD = 0.3
"""Words below this confidence are left out of their line."""
FEW_PIXELS = 1_200_000
_KEPT = ("PATH", "LD_LIBRARY_PATH", "TESSDATA_PREFIX", "TMPDIR", "SYSTEMROOT")
_LANGUAGES = re.compile(r"[a-z_]+(\+[a-z_]+)*")
_RULES = frozenset("|_~=\\[]{}—")
_VERSION = re.compile(r"tesseract v?(\d[\w.-]{0,30})")


class Tesseract:
    """A Recogniser that runs the program `tesseract` of the PATH.

    `languages` are its names of three letters, several joined by "+": "eng+deu". Lines below
    `min_confidence` (0 to 1) are left out. There is no option for the program's path: settings come
    with a corpus, which may be anybody's.
    """

    def __init__(self, *, languages: str = "eng", min_confidence: float = 0.6) -> None:
        if len(languages) > 80 or not _LANGUAGES.fullmatch(languages):
            raise ValueError(f"languages are small letters and _, joined by +, such as 'eng+deu'; got {languages!r}")
        if not 0 <= min_confidence <= 1:
            raise ValueError(f"min_confidence is 0 to 1, got {min_confidence}")
        self.languages = languages
        self.min_confidence = min_confidence

    @property
    def fingerprint(self) -> str:
        """Version, languages and options; "" where the program or one of the languages is not there."""
        program = _program()
        if program is None or not set(self.languages.split("+")) <= program.languages:
            return ""
        return f"tesseract-{program.version}.{self.languages}.psm{program.mode}.{self.min_confidence:g}"

    def recognise(self, images: Sequence[bytes]) -> list[list[Recognised]]:
        """For each picture its lines, with boxes of words, as Tesseract orders them.

        Raises MissingExtra where it is not installed, SourceError for what is no picture,
        RuntimeError where the program fails or takes more than two minutes.
        """
        program = _program()
        if program is None or not self.fingerprint:
            raise MissingExtra(f"tesseract ({self.languages})", "ocr")
        return [self._legible(program, image) for image in images]

    def _legible(self, program: _Program, data: bytes) -> list[Recognised]:
        image = decoded(data)
        if image is None:
            return []
        # Never the bytes as they came: what is no picture Tesseract takes for a list of files to open.
        arguments = ["stdin", "stdout", "-l", self.languages, "--psm", str(program.mode), "-c", "tessedit_create_tsv=1"]
        table = _run(program.path, arguments, png(_larger(image)))
        return legible(lines(table), self.min_confidence)


def _larger(image: Pillow.Image) -> Pillow.Image:
    """Twice as large where it is small: Tesseract wants capital letters of 20 pixels and more."""
    from PIL import Image as pillow

    if image.width * image.height > FEW_PIXELS:
        return image
    return image.resize((image.width * 2, image.height * 2), pillow.Resampling.BICUBIC)


@dataclass(frozen=True, slots=True)
class _Program:
    path: str
    version: str
    languages: frozenset[str]

    @property
    def mode(self) -> int:
        return 1 if "osd" in self.languages else 3


def _program() -> _Program | None:
    """The program on the PATH, asked once for its version and languages; None where there is none."""
    path = shutil.which("tesseract")
    if path is None or not os.path.isabs(path):  # a relative entry of PATH would be anybody's folder
        return None
    try:
        changed = Path(path).stat().st_mtime_ns
    except OSError:
        return None
    return _asked(path, changed, os.environ.get("TESSDATA_PREFIX", ""))


@lru_cache(maxsize=4)
def _asked(path: str, changed: int, data: str) -> _Program | None:
    try:
        told = _VERSION.search(_run(path, ["--version"]))
        listed = _run(path, ["--list-langs"]).splitlines()
    except RuntimeError:
        return None
    return _Program(path, told[1], frozenset(line.strip() for line in listed)) if told else None


def _run(path: str, arguments: Sequence[str], given: bytes = b"") -> str:
    """What the program writes; RuntimeError if it fails. One thread: more only fight for the processor."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {"OMP_THREAD_LIMIT": "1", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            [path, *arguments], input=given, capture_output=True, timeout=SECONDS, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"tesseract took longer than {SECONDS:g} s") from None
    except OSError as error:
        raise RuntimeError(f"tesseract cannot be started: {error.strerror}") from error
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RuntimeError(f"tesseract failed: {told[-1][:160] if told else f'exit code {done.returncode}'}")
    return done.stdout.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class _Word:
    """Left, top, right, bottom in pixels; confidence 0 to 1."""

    text: str
    box: tuple[float, float, float, float]
    confidence: float


def lines(table: str) -> Iterator[Recognised]:
    """The lines of a TSV table: level, page, block, paragraph, line, word, left, top, width, height, conf, text.

    Rows of another form are passed over. Boxes are fractions of the page that the table names.
    """
    size: tuple[float, float] | None = None
    line: tuple[str, ...] = ()
    words: list[_Word] = []
    for row in table.splitlines():
        cells = row.split("\t", 11)
        numbers = _numbers(cells)
        if numbers is None:
            continue
        left, top, width, height, confidence = numbers
        if cells[0] == "1" and width > 0 and height > 0:
            size = (width, height)
        elif cells[0] == "5" and size is not None:
            if tuple(cells[1:5]) != line:
                yield from _joined(words, size)
                line, words = tuple(cells[1:5]), []
            text = tidy(cells[11]) if len(cells) == 12 else ""
            if text and confidence >= MIN_WORD:
                words.append(_Word(text, (left, top, left + width, top + height), min(confidence, 1.0)))
    if size is not None:
        yield from _joined(words, size)


def _numbers(cells: Sequence[str]) -> tuple[float, float, float, float, float] | None:
    try:
        left, top, width, height = (int(cell) for cell in cells[6:10])
        confidence = float(cells[10]) / 100
    except (ValueError, IndexError):
        return None
    return (left, top, width, height, confidence) if min(left, top, width, height) >= 0 else None


def _joined(words: Sequence[_Word], size: tuple[float, float]) -> Iterator[Recognised]:
    words = list(words)
    for at in (0, -1):  # a bar or a rule beside a line, read as a sign
        while words and _RULES.issuperset(words[at].text):
            words.pop(at)
    if not words:
        return
    letters = sum(len(word.text) for word in words)
    boxes = tuple(_box(word.box, size) for word in words)
    around = Box(
        min(box.left for box in boxes), min(box.top for box in boxes),
        max(box.right for box in boxes), max(box.bottom for box in boxes),
    )  # fmt: skip
    confidence = sum(word.confidence * len(word.text) for word in words) / letters
    lying = around.right * size[0] - around.left * size[0] >= around.bottom * size[1] - around.top * size[1]
    height = median(_height(word, lying=lying) for word in words)
    yield Recognised(" ".join(word.text for word in words), around, confidence, boxes, height / size[1])


_TALL = frozenset("bdfhkltABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!?/|()[]{}$%&#")
_DEEP = frozenset("gjpqyQ,;()[]{}|/")


def _height(word: _Word, *, lying: bool) -> float:
    """The size of a word's type in pixels: what its ink would measure if it had tall and deep letters."""
    left, top, right, bottom = word.box
    letters = set(word.text)
    share = 0.5 + (0.24 if _TALL & letters or not word.text.islower() else 0.0) + (0.2 if _DEEP & letters else 0.0)
    return (bottom - top if lying else right - left) / share


def _box(pixels: tuple[float, float, float, float], size: tuple[float, float]) -> Box:
    left, top, right, bottom = pixels
    return Box(left / size[0], top / size[1], right / size[0], bottom / size[1])
