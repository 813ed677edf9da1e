"""What a PDF says of itself as a whole: its type sizes, outline, title and metadata.

The survey looks at no more than `SAMPLE` pages spread over the file, so that its cost does not
grow with the file and is the same wherever a run starts.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Literal

from rag.colours import Name, name_of
from rag.document import Head, labels

from .engine import OpenDocument
from .text import Line, Reader, clean

SAMPLE = 48
MAX_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Options:
    """What `PDF` was asked for; see there."""

    tables: Literal["auto", "off", "all"] = "auto"
    min_image_side: int = 50
    min_image_bytes: int = 1024
    figure_dpi: int = 110
    max_page_bytes: int = 4_000_000
    layout: Literal["fast", "model"] = "fast"


@dataclass(frozen=True, slots=True)
class Style:
    """The type of a document: size of its body in points, sizes of headings (largest first), words, colour."""

    body: float
    headings: tuple[float, ...]
    words: frozenset[str]
    colour: Name = "black"

    def level(self, size: float, bold: bool) -> int:
        """The level of a heading by its type alone, from 1."""
        for level, known in enumerate(self.headings, 1):
            if size >= known * 0.97:
                return min(level, MAX_LEVEL)
        return min(len(self.headings) + 1, MAX_LEVEL)


_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LETTER = re.compile(r"[^\W\d_]")


def surveyed(reader: Reader) -> Style:
    """Type sizes by the letters set in them, and the words that show how compounds are written."""
    step = max(1, -(-reader.count // SAMPLE))
    letters: Counter[float] = Counter()
    colours: Counter[int] = Counter()
    short: defaultdict[float, int] = defaultdict(int)
    words: set[str] = set()
    for index in range(0, reader.count, step):
        texts = []
        for line in reader[index].lines:
            if line.turned or line.hidden:
                continue
            text = line.text
            size = round(line.size * 2) / 2
            letters[size] += len(text)
            colours[line.colour] += len(text)
            if line.words <= 14 and _LETTER.search(text):
                short[size] += 1
            if text.endswith("-"):  # what it parts is no word
                words.update(_WORD.findall(text.lower())[:-1])
            else:
                texts.append(text)
        words.update(_WORD.findall("\n".join(texts).lower()))
    if not letters:
        return Style(10.0, (), frozenset())
    body = max(letters, key=lambda size: (letters[size], size))
    larger = sorted((size for size in short if size >= body * 1.08 and short[size] >= 1), reverse=True)
    # Sizes within a twelfth of each other are one level: rounding, or a heading that was squeezed.
    headings: list[float] = []
    for size in larger:
        if not headings or size < headings[-1] * 0.92:
            headings.append(size)
    return Style(body, tuple(headings[:MAX_LEVEL]), frozenset(words), _named_most(colours))


def _named_most(colours: Counter[int]) -> Name:
    """What most letters are called by their colour."""
    names: Counter[Name] = Counter()
    for colour, count in colours.items():
        names[name_of(colour)] += count
    return max(names, key=lambda name: (names[name], name))


@dataclass(frozen=True, slots=True)
class Outline:
    """The titles of the file's own outline: by page (from 0), as (level, words without spaces)."""

    pages: dict[int, list[tuple[int, str]]]

    def level(self, page: int, text: str) -> int:
        """The level of the title on that page that a text is; 0 if it is none."""
        squeezed = squeeze(text)
        if len(squeezed) < 2:
            return 0
        for level, title in self.pages.get(page, ()):
            if title == squeezed or (
                len(title) > 5
                and (squeezed.endswith(title) or title.endswith(squeezed))
                and abs(len(title) - len(squeezed)) <= 6
            ):
                return min(level, MAX_LEVEL)
        return 0


def squeeze(text: str) -> str:
    """Letters and digits only, lower case: titles are spaced and numbered differently in outlines."""
    return "".join(c for c in text.casefold() if c.isalnum())


def outline(document: OpenDocument) -> Outline:
    """The outline; empty where there is none or it cannot be read."""
    try:
        entries = document.outline()
    except Exception:  # a damaged outline says nothing of the pages
        entries = []
    pages: dict[int, list[tuple[int, str]]] = {}
    for level, title, page in entries:
        if squeezed := squeeze(clean(title)):
            pages.setdefault(page, []).append((level, squeezed))
    return Outline(pages)


_POOR = re.compile(
    r"^(untitled|microsoft|powerpoint|word|document\d*|slide ?1|print|layout|none|null|title|presentation\d*)\b"
    r"|\.(docx?|pptx?|xlsx?|indd|pdf|tex|dvi|qxd|html?|rtf|odt)$|^[\W\d_]*$|^\S*[_/\\]\S*$|^[0-9a-f]{16,}$",
    re.IGNORECASE,
)


def head(document: OpenDocument, reader: Reader, style: Style, stem: str) -> Head:
    """Title (of the metadata if it says something, else the largest text of page 1), pages, metadata."""
    said = {key: clean(value) for key, value in document.metadata.items()}
    title = said.get("title", "")
    if len(title) < 4 or _POOR.search(title):
        title = _largest(reader[0].lines, style) or stem
    kept = {key: said.get(key, "") for key in ("author", "subject", "keywords", "creator", "producer")}
    kept["created"] = _date(said.get("creationDate", ""))
    kept["modified"] = _date(said.get("modDate", ""))
    return Head(
        title[:300], document.page_count, "", labels({key: value[:500] for key, value in kept.items() if value})
    )


def _largest(lines: list[Line], style: Style) -> str:
    seen = [line for line in lines if not (line.turned or line.hidden) and sum(map(str.isalpha, line.text)) > 2]
    if not seen:
        return ""
    largest = max(line.size for line in seen)
    if largest < style.body * 1.15:
        return ""
    title = " ".join(line.text for line in seen if line.size >= largest * 0.95)
    return title if 4 <= len(title) <= 250 else ""


_DATE = re.compile(r"^(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?")


def _date(text: str) -> str:
    """ "D:20210720081530Z" as "2021-07-20"; empty if it is no date."""
    match = _DATE.match(text)
    if not match or not 1900 <= int(match[1]) <= 2200:
        return ""
    return "-".join(part for part in match.groups()[:3] if part)
