"""Questions that point at text by how it looks: "the red text", "what is written in blue", "the highlighted sentence".

Only text is pointed at so: a red line of a chart, a blue box of a drawing, the Red Cross and green energy are none
of it. What is recognised is only what the words say. English alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from rag.colours import Name
from rag.document import Coloured, Mark, Role

_CALLED: dict[Name, str] = {
    "red": "red|crimson|scarlet|maroon", "orange": "orange|amber", "yellow": "yellow|gold|golden|amber",
    "green": "green|olive|lime|teal|turquoise|cyan", "blue": "blue|navy|azure|teal|turquoise|cyan",
    "purple": "purple|violet|lilac|mauve|magenta", "pink": "pink|magenta|fuchsia|violet", "brown": "brown|maroon",
    "grey": "grey|gray", "white": "white", "black": "black",
}  # fmt: skip
_WORDS = "|".join(dict.fromkeys("|".join(_CALLED.values()).split("|")))
_ONE = rf"(?:(?:dark|light|bright|pale|deep|vivid|bold)(?:er)?[-\s])?(?:{_WORDS})(?:[-\s]?colou?red)?"
_SOME = rf"{_ONE}(?:(?:\s*,\s*|\s+(?:and|or)\s+){_ONE})?"
_COLOURS = rf"(?P<colours>{_SOME})"

_HEAD = r"(?:sub)?headings?|headlines?|(?:sub)?titles?|headers?"
_TEXT = (
    rf"{_HEAD}|texts?|words?|wording|sentences?|paragraphs?|passages?|phrases?|letters|lettering|characters|writing|"
    r"fonts?|lines?\s+of\s+text|captions?|warnings?|notes?|notices?|remarks?|comments?|messages?|numbers?|values?|"
    r"digits|quot(?:e|ation)s?|bullets?(?:\s?points?)?|terms?|statements?|instructions?|annotations?|disclaimers?|"
    r"footnotes?|entr(?:y|ies)|questions?|answers?"
)
_MORE = r"names?|items?|rows?|cells?|columns?|dates?|parts?|sections?|portions?|steps?|figures|things?"
"""What is text where it is said to be in a colour or marked, and may be something else before that."""
_ADJECTIVE = (
    r"bold|italic(?:s|ised|ized)?|underlined|small|large|big|tiny|bigger|smaller|larger|printed|capital(?:i[sz]ed)?|"
    r"upper-?case|handwritten|main|first|second|third|last|only|other|slide|page|side|table|centred|centered"
)
_COMPOUND = (
    r"(?!['’]|-\w|\s+(?:lights?|lamps?|signs?|labels?|triangles?|symbols?|icons?|flags?|zones?|systems?|levels?|"
    r"stickers?|tape|books?|pads?|cards?|box(?:es)?|day|head|plates?|pages?|bars?|deeds?|tracks?|roles?|holders?|"
    r"messages?|messaging|fields?|editors?|files?|areas?|markers?|processors?|clouds?|search(?:es)?|art|phones?|"
    r"towers?|sections?|boards?|bubbles?|lists?|lines?|curves?|bar|buttons?|tags?|games?|banks?|sheets?|keys?)\b)"
)
_BEFORE = (
    r"(?:^|\b(?:the|this|that|these|those|any|all|each|every|an?|which|what|of|with|no|some|and|its|whose|quote|show|"
    r"find|read|list|give|repeat|copy|me|contains?|has|have|is|are|there|does|do|in|or|two|three|four)\s+|[,:(\"“]\s*)"
)
_END = (
    r"(?=\s*(?:$|[?.!,;:)\"”'’]|(?:on|at|in|of|under|over|above|below|within|from|about|for|and|or|to|by|near|next|"
    r"beside|behind|after|before|inside|says?|said|reads?|means?|states?|tells?|instead|rather|here|there|that|which|"
    r"is|are|was|were|as|when|if|because|throughout|along|across|between|text|fonts?|letters|lettering|type|print|ink|"
    r"characters|writing|colou?r|written|printed|shown|given|appears?|stands?)\b))"
)
_BE = r"(?:\s+(?:that|which|is|are|was|were|be|been|has|have|appears?|appearing|shown|set|written|printed|marked|given|"
_BE += r"displayed|typed|stated|highlighted|the|one|ones|only))"
_IN = r"(?:in|with)\s+(?:the\s+colou?rs?\s+|an?\s+)?"
_TYPE = r"(?:text|fonts?|letters|lettering|type|print|ink|characters|writing)"
_SHAPE = (
    r"(?:back)?grounds?|backdrop|bars?|banners?|box(?:es)?|bands?|panels?|strips?|stripes?|callouts?|areas?|fields?|"
    r"buttons?|bubbles?|ribbons?|rectangles?|shading|blocks?|sidebars?|cells?|rows?|columns?|headers?|circles?|tiles?|"
    r"tabs?|cards?|highlight(?:er|ing)?|marker"
)
_SAYS = r"(?:say|says|read|reads|contain|contains|state|states|tell|tells|ask|asks|warn|warns|mean|written)"

_BY_LETTERS = (
    (
        rf"{_BEFORE}(?:(?:{_ADJECTIVE})[,\s]+){{0,2}}(?P<it>{_COLOURS}(?:[,\s]+(?:and\s+)?(?:{_ADJECTIVE})){{0,2}}\s+"
        rf"(?P<thing>{_TEXT}))\b{_COMPOUND}"
    ),
    rf"\b(?P<it>(?P<thing>{_TEXT}|{_MORE}){_BE}*\s+{_IN}{_COLOURS}){_END}",
    rf"\b(?P<it>(?P<thing>{_TEXT}|{_MORE}){_BE}*\s+(?:colou?red|marked|printed|set)\s+{_COLOURS}){_END}",
    (
        rf"\b(?:which|what)\s+(?P<it>(?P<thing>{_TEXT})(?:\s+(?:on|in|of|at)\s+[\w\s'-]{{1,40}}?)?"
        rf"\s+(?:is|are|was|were|appears?)\s+{_COLOURS}){_END}"
    ),
    rf"\b(?P<it>(?:written|printed|typed|lettered|typeset|spelled\s+out)\s+{_IN}{_COLOURS}){_END}",
    rf"\b(?P<it>in\s+(?:the\s+)?(?:(?:{_ADJECTIVE})\s+)?{_COLOURS}\s+(?:(?:{_ADJECTIVE})\s+)?{_TYPE})\b{_COMPOUND}",
)
_WEAKLY = (rf"\bwhat(?:'s|’s)?(?P<it>{_BE}*\s+{_IN}{_COLOURS}){_END}",)
"""Only where nothing drawn is spoken of."""
_BY_GROUND = (
    (
        rf"\b(?P<it>(?:(?P<thing>{_TEXT}|{_MORE})\b|written|printed|what(?:'s|’s)?){_BE}*(?:\s+in\s+{_SOME})?"
        r"\s+(?:on|in|inside|against|within|"
        rf"over|with)\s+(?:an?\s+|the\s+|its\s+|this\s+){_COLOURS}(?:\s+(?:{_ADJECTIVE}))?\s+(?:{_SHAPE}))\b"
    ),
    rf"\b(?P<it>(?:written|printed|text)\s+on\s+{_COLOURS}\s+(?:back)?ground)\b",
)
_GROUND_WEAKLY = (
    (
        rf"\b(?:the|this|that|each|every)\s+(?P<it>{_COLOURS}\s+(?:(?:{_ADJECTIVE})\s+)?(?:{_SHAPE}))"
        rf"(?:\s+(?:on|at|in)\s+(?:the\s+)?(?:[\w'-]+\s+){{0,5}}?[\w'-]+)?\s+{_SAYS}\b"
    ),
)
_MARKED: dict[Mark, str] = {
    "highlighted": "highlighted|highlit", "underlined": "underlined|underscored",
    "struck out": r"(?:struck|crossed)[-\s](?:out|through)|strike-?through|stricken",
}  # fmt: skip
_BY_MARK: dict[Mark, tuple[str, ...]] = {
    mark: (
        (
            rf"{_BEFORE}(?:(?:{_ADJECTIVE})\s+)?(?P<it>(?:{_COLOURS}[-\s])?(?:{said})\s+"
            rf"(?:(?:{_ADJECTIVE})\s+)?(?P<thing>{_TEXT}|{_MORE}))\b{_COMPOUND}"
        ),
        (
            rf"\b(?P<it>(?:{said})\s+(?:in|with)\s+(?:the\s+colou?r\s+|an?\s+)?{_COLOURS}"
            rf"(?:\s+(?:marker|highlighter|pen|colou?r|ink))?){_END}"
        ),
        (
            rf"\b(?P<it>(?:what(?:'s|’s)?|(?P<thing>{_TEXT}|parts?|portions?)){_BE}+\s+(?:{said}))\b"
            r"(?=\s*(?:$|[?.!]|(?:on|in|at)\s+(?:the\s+|this\s+)?(?:[\w-]+\s+)?(?:pages?|slides?|document|pdf|text|"
            r"paragraph|handout|letter|form)\b|here\b))"
        ),
    )
    for mark, said in _MARKED.items()
}
_MARKER = rf"\b(?P<it>marked\s+(?:in|with)\s+(?:an?\s+)?{_COLOURS}\s+(?:high)?(?:light(?:er)?|marker|pen))\b"
_DRAWN = (
    r"\b(?:charts?|graphs?|plots?|diagrams?|maps?|photo\w*|pictures?|images?|figures?|fig\.|illustrations?|drawings?|"
    r"logos?|icons?|lines?(?!\s+of\s+text)|curves?|bars?|arrows?|dots?|circles?|slices?|wedges?|regions?|countries|"
    r"country|states(?=\s+(?:are|is|shown|coloured|marked|highlighted))|legend|flowchart)\b"
)
_CONVENTION = r"\b(?:mean|means|indicates?|signif(?:y|ies)|stands?\s+for|denotes?|represents?|used\s+for)\b"
_SAID = rf"(?i)\b(?:{_SAYS}|about|quote|show|repeat|copy|transcribe|spell|word(?:s|ed|ing)?|printed|shown)\b"
_PLACED = (
    r"(?i)\b(?:on|in|at|of|from)\s+(?:the\s+)?(?:[\w-]+\s+)?(?:pages?|slides?|cover)\b(?:\s+[\divxlc]+)?"
    r"(?:\s+(?:of|in|from)\b[^?.,;]*)?"
)
"""A page, and the document that it is one of."""
_LOOKS = re.compile(rf"\b(?:{_WORDS}|highli|underl|undersc|struck|cross|strike|stricken)")
_ANY = rf"(?:(?:the|any|every|all|only|{_ADJECTIVE})\s+)*"
_ASKED = (
    rf"(?:what(?:'s|’s)?|which)(?:\s+(?:is|are|was|were|does|do|did|has|have|all|it|of))*\s*{_ANY}~|"
    rf"(?:what|which)\s+(?:{_TEXT}|{_MORE})(?:\s+(?:on|in|at|of)\s+[\w\s'-]{{1,40}}?)?{_BE}*\s*~|"
    rf"(?:quote|read|give|show|repeat|copy|transcribe|find|list|tell|write|cite|extract|say)(?:\s+(?:me|us|out|down|all|"
    rf"what|is|are|of|it|says))*\s+{_ANY}~|"
    r"~.*?\b(?:say|says|read|reads|state|states|tell|tells|warn|warns|ask|asks|announce|announces)\b|"
    rf"^\s*{_ANY}~"
)


@dataclass(frozen=True, slots=True)
class Hued:
    """Text of a look: the colours that its letters may have, those of the ground behind it, or a mark.

    `heading`: a heading is asked for. `says`: what that text says is all that is asked.
    """

    letters: tuple[Name, ...] = ()
    grounds: tuple[Name, ...] = ()
    mark: Mark = ""
    heading: bool = False
    says: bool = False
    rest: str = ""
    """The question without the words that say so, and without those that ask what is said: what else it is about."""

    @property
    def looks(self) -> tuple[str, ...]:
        """The colours and the mark by which such text may be known."""
        return tuple(dict.fromkeys((*self.letters, *self.grounds, *([self.mark] if self.mark else ()))))

    def fits(self, run: Coloured, role: Role = "paragraph") -> float:
        """How well some characters of a chunk of that role are meant, 0..1.

        "Highlighted in red" may be said of red letters too, and "the red text" of a text on red.
        """
        said = []
        if self.letters:
            said.append(1.0 if run.letters in self.letters else 0.5 if run.ground in self.letters else 0.0)
        if self.grounds:
            told = 1.0 if run.ground in self.grounds else 0.6 if run.letters in self.grounds else 0.0
            said.append(told if not self.mark or run.mark == self.mark else 0.8 * told)
        elif self.mark:
            said.append(float(run.mark == self.mark))
        fit = min(said, default=0.0)
        return fit if not self.heading or run.heading >= 0 or role == "heading" else 0.7 * fit


def hued(question: str) -> tuple[int, Hued] | None:
    """What a question points at by its look, and where it says so; None for most questions."""
    lower = question.lower()
    if not _LOOKS.search(lower):
        return None
    letters: list[Name] = []
    grounds: list[Name] = []
    mark: Mark = ""
    spans: list[tuple[int, int, str]] = []
    taken: list[tuple[int, int]] = []
    drawn = bool(_rule(_DRAWN).search(lower))
    for match in _matches(_BY_GROUND + (() if drawn else _GROUND_WEAKLY), lower):
        grounds += _names(match["colours"])
        taken.append(match.span("colours"))
        spans.append((*match.span("it"), _thing(match)))
    for kind, rules in _BY_MARK.items():
        for match in _matches(rules + ((_MARKER,) if kind == "highlighted" else ()), lower):
            said = match.groupdict().get("colours") or ""
            colours = _names(said)
            if colours and drawn and not _thing(match):
                continue
            mark = kind
            grounds += colours
            taken += [match.span("colours")] if said else []
            spans.append((*match.span("it"), _thing(match)))
    for match in _matches(_BY_LETTERS + (() if drawn else _WEAKLY), lower):
        inside = any(start <= match.start("colours") < end for start, end in taken)
        if not inside and not _is_name(question, match) and not _is_convention(lower, match):
            letters += _names(match["colours"])
            spans.append((*match.span("it"), _thing(match)))
    letters = [name for name in letters if name != "black"]  # the usual colour of letters is never kept
    if not letters and not grounds and not mark:
        return None
    heading = any(re.fullmatch(_HEAD, thing) for *_, thing in spans)
    first = min(start for start, *_ in spans)
    says, rest = _says(lower, spans), _rest(question, spans)
    return first, Hued(tuple(dict.fromkeys(letters)), tuple(dict.fromkeys(grounds)), mark, heading, says, rest)


@cache
def _rule(pattern: str) -> re.Pattern[str]:
    """Compiled when a question needs it: all together they take longer than everything else that is imported."""
    return re.compile(pattern)


def _matches(rules: Sequence[str], lower: str) -> Iterator[re.Match[str]]:
    for rule in rules:
        yield from _rule(rule).finditer(lower)


def _thing(match: re.Match[str]) -> str:
    return (match.groupdict().get("thing") or "").strip()


def _names(said: str) -> list[Name]:
    """The basic terms for what a question calls a colour; "teal" is green to some and blue to others."""
    words = re.findall(rf"\b(?:{_WORDS})", said)
    return [name for name, called in _CALLED.items() if any(word in called.split("|") for word in words)]


def _is_name(question: str, match: re.Match[str]) -> bool:
    """Is the colour written as a name is, before what is not: "Mr. Green notes", "the Red Cross title"?"""
    at, end = match.start("colours"), match.end("colours")
    written, rest = question[at:end], question[end:].lstrip()
    return (
        at > 0
        and written[:1].isupper()
        and not written.isupper()
        and rest[:1].islower()
        and match.re.pattern == _BY_LETTERS[0]
    )


def _is_convention(lower: str, match: re.Match[str]) -> bool:
    """Is it asked what a colour means in general: "what does blue text mean"?"""
    before = lower[: match.start("it")].rstrip()
    plain = not re.search(r"\b(?:the|this|that|these|those)(?:\s+[\w-]+){0,2}$", before)
    return match.re.pattern == _BY_LETTERS[0] and plain and bool(_rule(_CONVENTION).search(lower))


def _rest(question: str, spans: Sequence[tuple[int, int, str]]) -> str:
    kept = list(question)
    for start, end, _ in spans:
        kept[start:end] = " " * (end - start)
    return " ".join(_rule(_SAID).sub(" ", _rule(_PLACED).sub(" ", "".join(kept))).split())


def _says(lower: str, spans: Sequence[tuple[int, int, str]]) -> bool:
    """Is what that text says all that is asked?"""
    start, end = min(one for one, *_ in spans), max(one for _, one, _ in spans)
    return bool(_rule(_ASKED).search(f"{lower[:start]}~{lower[end:]}"))
