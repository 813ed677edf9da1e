"""Questions that point: at a page, a label ("Figure 3"), a title, a second, a kind of thing, a look, by rules.

What is recognised is only what the words say; whether a corpus has such a place is for others to find out.
English alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.document import Page, Role
from rag.hues import Hued, hued
from rag.overlap import matter

Band = Literal["", "top", "middle", "bottom", "left", "right"]


@dataclass(frozen=True, slots=True)
class PageAt:
    """A page, by its number from 1 (from the end, where negative: -1 is the last) or by its printed label."""

    number: int
    label: str = ""

    def among(self, pages: Sequence[Page]) -> set[int]:
        """The numbers of the pages meant, among those of a document: by their place, and by what is printed there."""
        at = self.number if self.number >= 0 else len(pages) + 1 + self.number
        labelled = {page.number for page in pages if self.label and page.label.lower() == self.label}
        return labelled | ({at} & {page.number for page in pages})


@dataclass(frozen=True, slots=True)
class Labelled:
    """Something with a label of its own: kind `figure`, number `3`; numbers in lower case, Roman ones as digits too."""

    kind: str
    number: str


@dataclass(frozen=True, slots=True)
class Titled:
    """A section by its title."""

    title: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in a recording, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Kind:
    """Something of a kind: `word` as the question has it, `roles` it may have."""

    word: str
    roles: tuple[Role, ...]


Pointer = PageAt | Labelled | Titled | Moment | Kind | Hued


@dataclass(frozen=True, slots=True)
class Pointers:
    """What a question points at; `band` is the part of the page that it names."""

    all: tuple[Pointer, ...] = ()
    band: Band = ""

    @property
    def kinds(self) -> list[Kind]:
        """The kinds of things that are asked for."""
        return [one for one in self.all if isinstance(one, Kind)]

    @property
    def hued(self) -> Hued | None:
        """The look of the text that is asked for."""
        return next((one for one in self.all if isinstance(one, Hued)), None)


_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth"
).split()
_CARDINAL = {word: number for number, word in enumerate(_UNITS)} | {
    f"{ten}{f'-{_UNITS[unit]}' * bool(unit)}": 10 * at + unit for at, ten in enumerate(_TENS, 2) for unit in range(10)
}
_ORDINAL = {word: number for number, word in enumerate(_ORDINALS)} | {
    (f"{ten}-{_ORDINALS[unit]}" if unit else f"{ten[:-1]}ieth"): 10 * at + unit
    for at, ten in enumerate(_TENS, 2)
    for unit in range(10)
}
_ROMAN = re.compile(r"(?=.)m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})")
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}

_NUMBER = rf"(?:\d{{1,5}}|[ivxlcm]{{1,7}}|{'|'.join(sorted(_CARDINAL, key=len, reverse=True))})"
_LIST = rf"{_NUMBER}(?:\s*(?:,\s*and|,|and|or|&|to|through|-|–)\s*{_NUMBER})*"
_PAGES = re.compile(
    rf"\b(?P<word>pages?|pp?\.|pgs?\.?|slides?)\s*(?:no\.?|number|#|nr\.?)?\s*(?P<list>{_LIST})(?![\w%]|\.\d)"
)
_NTH = re.compile(
    rf"\b(?:the\s+)?(?P<nth>(?:{'|'.join(sorted(_ORDINAL, key=len, reverse=True))})|\d{{1,4}}(?:st|nd|rd|th)|last|final"
    r"|penultimate|second[- ]last|second[- ]to[- ]last)(?:\s+(?P<many>two|three|four|five|six|\d{1,2}))?"
    r"\s+(?:pages?|slides?)\b"
)
_COVER = re.compile(
    r"\b(?:(?:cover|title|front|opening)[- ](?:page|slide|sheet)|(?:on|of|at|in)\s+the\s+(?:front\s+)?cover\b"
    r"|(?:book|report|document|manual|brochure)'?s?\s+cover\b)"
)
_BACK = re.compile(r"\b(?:back|rear)[- ](?:cover|page)\b")
PAGE_RULES = _PAGES, _NTH, _COVER, _BACK
"""What names pages, over lower case."""
_BAND = re.compile(
    r"\b(?:(?:at|in|on|near|from|along)\s+the\s+(?:very\s+)?"
    r"|(?=the\s+\w+(?:[\s-]\w+)?\s+of\s+(?:the\s+)?(?:\w+\s+)?(?:page|slide|cover))the\s+)"
    r"(?P<band>top|upper|bottom|lower|foot|head|left|right|middle|centre|center)\b"
)
_BANDS: dict[str, Band] = {
    "top": "top", "upper": "top", "head": "top", "bottom": "bottom", "lower": "bottom", "foot": "bottom",
    "left": "left", "right": "right", "middle": "middle", "centre": "middle", "center": "middle",
}  # fmt: skip

_KINDS = {
    "figure": r"fig(?:ure)?s?\.?", "table": r"tab(?:le)?s?\.?", "chart": r"charts?",
    "section": r"(?:sub)*sections?|sec\.|§", "chapter": r"chapters?|ch\.", "appendix": r"appendi(?:x|ces)",
    "equation": r"eq(?:uation)?s?\.?|formulas?", "algorithm": r"algorithms?", "listing": r"listings?",
    "example": r"examples?", "exhibit": r"exhibits?", "box": r"boxe?s?", "theorem": r"theorems?", "lemma": r"lemmas?",
    "definition": r"definitions?", "unit": r"units?", "lesson": r"lessons?", "module": r"modules?",
    "part": r"parts?", "item": r"items?", "article": r"articles?", "annex": r"annex(?:es)?", "step": r"steps?",
    "note": r"notes?", "clause": r"clauses?", "schedule": r"schedules?", "footnote": r"footnotes?",
    "question": r"questions?", "plate": r"plates?",
}  # fmt: skip
_MARK = r"(?:[a-z]{1,2}[-.]?\d{1,3}|\d{1,3}(?:\.\d{1,3}){0,4}[a-z]?|[ivxlcm]{1,7}|[a-z])(?!\w|\.\d|'|%)"
_LABELS = {
    kind: re.compile(
        rf"(?<!\w)(?:{word})[\s-]*(?:no\.?\s*|number\s+|#\s*)?(?P<list>{_MARK}(?:\s*(?:,\s*and|,|and|or|&)\s+{_MARK})*)"
    )
    for kind, word in _KINDS.items()
}
_TITLED = re.compile(
    r"\b(?:(?:sub)*section|chapter|heading|part|paragraph|unit|topic|slide|table|chart|figure)s?\s+"
    r"(?:(?:is\s+)?(?:called|titled|named|entitled|headed|labelled|labeled|about|on)\s+)?"
    r"[\"“‘'«](?P<after>[^\"”’»]{3,120})[\"”’'»]"
    r"|[\"“‘'«](?P<before>[^\"”’»]{3,120})[\"”’'»]\s+(?:sub)*(?:section|chapter|heading|part|table|chart|figure)\b",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b(?i:in|under|of|from|by)\s+(?i:the\s+)?(?i:(?:sub)*section|chapter)\s+"
    r"(?:(?:called|titled|named|on|about)\s+)?(?P<title>(?:[A-Z][\w'’-]*)(?:\s+(?:and|of|the|for|in|to|on|&|[A-Z][\w'’-]*))*)"
)
_STANDING = re.compile(
    r"\b(?:in|of|from|under|at)\s+(?:the\s+|an?\s+|its\s+)?(?P<title>abstract|introduction|conclusions?|references|"
    r"bibliography|appendix|appendices|executive\s+summary|glossary|table\s+of\s+contents|acknowledge?ments?|foreword|"
    r"preface|index|related\s+work|limitations|discussion|methodology)\b(?!\s+[a-z0-9]\b)"
)
_CLOCK = re.compile(
    r"(?<![\w:.])(?:(\d{1,2}):)?([0-5]?\d):([0-5]\d)(?![\w:]|\s*(?:[ap]\.?m\b|cet|gmt|utc|est|pst|o'clock))"
)
_SPOKEN = re.compile(
    r"\b(?:at|around|after|about|near)\s+(?:the\s+)?(?:(?P<minutes>\d{1,3})\s*(?:minutes?|mins?|m)\s*(?:and\s+)?)?"
    r"(?:(?P<seconds>\d{1,4})\s*(?:seconds?|secs?|s)\b)?"
)
_THINGS: dict[str, tuple[str, tuple[Role, ...]]] = {
    "chart": (r"(?:(?:pie|bar|line|column|area|donut|doughnut|radar|flow|stacked\s+bar)[- ]?)?charts?|"
              r"(?:bar\s+)?graphs?|plots?|histograms?|scatter\s?plots?", ("figure", "photo")),
    "table": (r"tables?|tabular\s+column|spread\s?sheets?", ("table",)),
    "picture": (r"figures?|pictures?|images?|photo(?:graph)?s?|illustrations?|drawings?|diagrams?|maps?|logos?|icons?|"
                r"screen\s?shots?|sketch(?:es)?|infographics?|cartoons?|portraits?", ("figure", "photo")),
    "code": (r"code\s+(?:block|example|listing|snippet)s?|snippets?", ("code",)),
    "equation": (r"equations?|formulas?|formulae", ("equation",)),
    "list": (r"bullet(?:\s?points?|ed\s+lists?|s)", ("list",)),
    "footnote": (r"footnotes?|endnotes?", ("footnote",)),
    "frame": (r"frames?|scenes?|clips?", ("keyframe", "speech")),
    "caption": (r"captions?", ("figure", "table", "caption")),
}  # fmt: skip
_THING = {name: (re.compile(rf"\b(?:{words})\b"), roles) for name, (words, roles) in _THINGS.items()}


def pointed(question: str) -> Pointers:
    """What a question points at, in the order of its words; nothing for most questions.

    A last sentence that says in which form to answer ("as a list like ['Page 2']") points at nothing.
    """
    question = matter(question)
    lower = question.lower()
    found: list[tuple[int, Pointer]] = [
        *_pages(lower), *_labelled(question, lower), *_titled(question), *_moments(lower), *_kinds(lower)
    ]  # fmt: skip
    if look := hued(question):
        found.append(look)
    every = tuple(dict.fromkeys(pointer for _, pointer in sorted(found, key=lambda one: one[0])))
    band = _BAND.search(lower)
    return Pointers(every, _BANDS[band["band"]] if band else "")


def _pages(lower: str) -> Iterator[tuple[int, PageAt]]:
    for match in _PAGES.finditer(lower):
        yield from ((match.start(), page) for page in _listed(match["list"]))
    for match in _NTH.finditer(lower):
        yield from ((match.start(), PageAt(number)) for number in _nth(match["nth"], match["many"]))
    for match in _COVER.finditer(lower):
        yield match.start(), PageAt(1)
    for match in _BACK.finditer(lower):
        yield match.start(), PageAt(-1)


def _listed(text: str) -> Iterator[PageAt]:
    """ "3, 5 and 7 to 9" as pages; a Roman numeral is a label, as numbers are too."""
    last = 0
    for joint, word in re.findall(rf"(to|through|-|–)?\s*({_NUMBER})", text):
        number = int(word) if word.isdigit() else _CARDINAL.get(word, 0)
        if joint and last < number <= last + 200:
            yield from (PageAt(between, str(between)) for between in range(last + 1, number))
        if number or _ROMAN.fullmatch(word):
            yield PageAt(number, str(number or word))
        last = number


def _nth(word: str, many: str | None) -> list[int]:
    backwards = {"last": -1, "final": -1}.get(word) or (-2 if word.startswith(("second ", "second-", "penul")) else 0)
    count = (int(many) if many.isdigit() else _CARDINAL[many]) if many else 1
    if backwards:
        return list(range(backwards - count + 1, backwards + 1))
    first = int(word[:-2]) if word[0].isdigit() else _ORDINAL[word]
    return list(range(first, first + count)) if first else []


def _labelled(question: str, lower: str) -> Iterator[tuple[int, Labelled]]:
    for kind, rule in _LABELS.items():
        for match in rule.finditer(lower):
            for mark in re.finditer(_MARK, match["list"]):
                at = match.start("list") + mark.start()
                if not _is_word(mark[0], question[at : at + len(mark[0])]):
                    yield match.start(), Labelled(kind, mark[0])


def _is_word(mark: str, written: str) -> bool:
    """ "table a" and "figure i have" hold no label: a letter alone is one only as a capital."""
    return mark.isalpha() and (written.islower() or written == "I" or not (_ROMAN.fullmatch(mark) or len(mark) == 1))


def _titled(question: str) -> Iterator[tuple[int, Titled]]:
    for match in _TITLED.finditer(question):
        yield match.start(), Titled((match["after"] or match["before"]).strip())
    for match in _NAMED.finditer(question):
        title = re.sub(r"(?:\s+(?:and|of|the|for|in|to|on|&))+$", "", match["title"])
        if len(title) > 1 and not _ROMAN.fullmatch(title.lower()):
            yield match.start(), Titled(title)
    for match in _STANDING.finditer(question.lower()):
        yield match.start(), Titled(" ".join(match["title"].split()))


def _moments(lower: str) -> Iterator[tuple[int, Moment]]:
    for match in _CLOCK.finditer(lower):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        yield match.start(), Moment(float(3600 * hours + 60 * minutes + seconds))
    for match in _SPOKEN.finditer(lower):
        if match["minutes"] or match["seconds"]:
            yield match.start(), Moment(60.0 * int(match["minutes"] or 0) + int(match["seconds"] or 0))


def _kinds(lower: str) -> Iterator[tuple[int, Kind]]:
    for rule, roles in _THING.values():
        for match in rule.finditer(lower):
            yield match.start(), Kind(" ".join(match[0].split()), roles)


def roman(text: str) -> int:
    """The value of a Roman numeral in lower case; 0 for anything else."""
    if not _ROMAN.fullmatch(text):
        return 0
    values = [_ROMAN_VALUES[letter] for letter in text]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))


def same_number(one: str, other: str) -> bool:
    """Whether two labels are one: "II" and "2", "3.4." and "3.4", "P-10" and "p10"."""
    return _plain(one) == _plain(other)


def _plain(label: str) -> str:
    bare = label.lower().strip(".:()[] ").replace("-", "")
    return str(roman(bare) or bare)
