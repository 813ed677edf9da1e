"""Questions that count what a document is made of: "How many tables are there?", by rules. English alone.

A question that counts something else ("how many tables show rainfall") is none of them: every word has to be
accounted for, or to belong to the name of a document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rag.document import Role
from rag.overlap import matter
from rag.pointing import PAGE_RULES, PageAt, pointed

Thing = Literal[
    "table", "figure", "page", "section", "equation", "code block", "footnote", "list", "document", "scene", "photo"
]
ROLES: dict[Thing, tuple[Role, ...]] = {
    "table": ("table",), "figure": ("figure", "photo"), "page": (), "section": ("heading",), "equation": ("equation",),
    "code block": ("code",), "footnote": ("footnote",), "list": ("list",), "document": (), "scene": ("keyframe",),
    "photo": ("photo", "figure"),
}  # fmt: skip
_WORDS: dict[Thing, str] = {
    "table": r"tables?",
    "figure": r"figures?|pictures?|images?|illustrations?",
    "photo": r"photos?|photographs?",
    "page": r"pages?|slides?",
    "section": r"(?:sub)*sections?|headings?|chapters?",
    "equation": r"equations?|formulas?|formulae",
    "code block": r"code\s+(?:blocks?|listings?|examples?|snippets?)",
    "footnote": r"footnotes?|endnotes?",
    "list": r"(?:bullet(?:ed)?\s+|numbered\s+)?lists?",
    "document": r"documents?|files?|pdfs?|papers?|reports?|sources?",
    "scene": r"scenes?",
}
_THING = "|".join(f"(?P<{name.replace(' ', '_')}>{words})" for name, words in _WORDS.items())
_ASKED = re.compile(
    r"^\W*(?:please\s+)?(?:(?:can|could)\s+you\s+)?(?:tell\s+me\s+|give\s+me\s+|say\s+)?"
    r"(?:how\s+many|(?:what(?:\s+is|'s)\s+)?(?:the\s+)?(?:total\s+|overall\s+)?number\s+of|"
    r"count(?:\s+all)?(?:\s+of)?(?:\s+the)?)"
    rf"\s+(?:different\s+|separate\s+|distinct\s+)?(?:{_THING})\b(?P<rest>.*)$",
    re.DOTALL,
)
_HOLDING = re.compile(
    r"^\s*(?:of\s+.{0,40}?\s)?(?:that\s+|which\s+)?(?:contain|have|hold|include|show|with|containing|having|holding|are\s+with)"
    rf"\s+(?:at\s+least\s+one\s+|one\s+or\s+more\s+|any\s+|some\s+|an?\s+)?(?:{_THING})\b(?P<rest>.*)$",
    re.DOTALL,
)
_EMPTY = frozenset(
    """
    a all altogether an and any appear appears are article at be book booklet brochure can collection contain contained
    contains corpus count deck did do does document documents each entire every exist exists file files folder found
    from given guide guidebook guideline handbook has have hold holds in include included includes inside is it its
    manual me my of on our overall page pages paper pdf present presentation presented recording report shown slide
    slides text that the there these they this thesis throughout total up used video we website whole within you your
    """.split()
)


@dataclass(frozen=True, slots=True)
class Count:
    """What is to be counted: things, or the pages that hold one (`per_page`), on `pages` if some are named.

    `left` are words of the question that may name a document; where they name none, this is no such question.
    """

    thing: Thing
    per_page: bool = False
    pages: tuple[PageAt, ...] = ()
    left: tuple[str, ...] = ()


def counted(question: str) -> Count | None:
    """What a question counts; None if it asks something else."""
    lower = " ".join(matter(question).lower().split())
    pages = tuple(one for one in pointed(question).all if isinstance(one, PageAt))
    for rule in PAGE_RULES:
        lower = rule.sub(" ", lower)
    match = _ASKED.match(lower)
    if match is None:
        return None
    thing, rest = _thing(match), match["rest"]
    holding = _HOLDING.match(rest) if thing == "page" else None
    if holding is not None:
        thing, rest = _thing(holding), holding["rest"]
        if thing in ("page", "document"):
            return None
    left = tuple(word for word in re.findall(r"[^\W_]+", rest) if word not in _EMPTY)
    if thing == "document" and (left or pages):
        return None
    return Count(thing, holding is not None, pages, left)


def _thing(match: re.Match[str]) -> Thing:
    return next(name for name in _WORDS if match[name.replace(" ", "_")])
