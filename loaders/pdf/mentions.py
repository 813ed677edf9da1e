"""Figures and tables by their labels ("Figure 3"), and the sentences that mention them.

Pure code over elements: nothing here depends on the engine that read them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from rag.document import Element, Link, Mention, PageRegion
from rag.sentences import sentences

from .flow import CAPTION

Key = tuple[str, str]
"""Kind and number: ("fig", "3")."""

_MENTION = re.compile(
    r"\b(?P<kind>fig(?:ure)?s?|tab(?:le)?s?|charts?|exhibits?|schemes?|plates?|diagrams?)\.?\s*"
    r"(?P<numbers>(?:[A-Z]{1,2}[.-]?)?\d+(?:[.-]\d+)*[a-z]?\b"
    r"(?:(?:\s*(?:,|&|and|or)\s*)+(?:[A-Z]{1,2}[.-]?)?\d+(?:[.-]\d+)*[a-z]?\b)*|[IVXL]+\b)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?:[A-Z]{1,2}[.-]?)?\d+(?:[.-]\d+)*[a-z]?\b|[IVXL]+\b", re.IGNORECASE)
_TELLS = frozenset({"paragraph", "list", "footnote", "note"})
MOST = 4
"""Mentions that a figure keeps, the first ones."""
LONGEST = 400
"""Characters of a sentence that are kept."""
WAITING = 2000
"""Labels that were mentioned and not yet met; the first are kept."""


def label_of(caption: str) -> str:
    """ "Figure 3" of "Figure 3: Wear over time."; "" for a caption without one."""
    match = CAPTION.match(caption)
    return f"{match['kind']} {match['number']}".strip() if match else ""


@dataclass(slots=True)
class Mentions:
    """What earlier parts told: the figures met by now, and the mentions of those that were not."""

    met: dict[Key, str] = field(default_factory=dict)
    waiting: dict[Key, list[Mention]] = field(default_factory=dict)

    def joined(self, elements: Sequence[Element], unsure: frozenset[int] = frozenset()) -> list[Element]:
        """The elements of a part with their labels, links to figures, and mentions.

        A label that occurs twice means the figure nearest in pages. A figure of a later part than the sentence
        knows the sentence; a sentence of a later part than the figure leads to the figure. What stands on
        `unsure` pages (recognised ones and what follows) is joined within the part alone.
        """
        own: dict[Key, list[int]] = {}
        found = [replace(one, label=label_of(one.caption)) if one.caption else one for one in elements]
        for at, one in enumerate(found):
            if one.label and (key := _key(one.label)):
                own.setdefault(key, []).append(at)
        said: dict[int, list[Mention]] = {}
        for at, one in enumerate(found):
            links = []
            for start, end, key, mention in _mentions(one):
                here = own.get(key) or own.get(_whole(key))
                if here:
                    target = min(here, key=lambda other: abs(_page(found[other]) - _page(one)))
                    said.setdefault(target, []).append(mention)
                    links.append(Link(start, end, f"#{found[target].id}"))
                elif known := self.met.get(key) or self.met.get(_whole(key)):
                    links.append(Link(start, end, f"#{known}"))
                elif _page(one) not in unsure and len(self.waiting) < WAITING:
                    self.waiting.setdefault(key, []).append(mention)
            if links:
                found[at] = replace(one, links=merged(one.links, links))
        for key, places in own.items():
            first = found[places[0]]
            if earlier := self.waiting.pop(key, []):
                said[places[0]] = [*earlier, *said.get(places[0], [])]
            if _page(first) not in unsure:
                self.met[key] = first.id
        for at, mentions in said.items():
            found[at] = replace(found[at], mentions=tuple(dict.fromkeys(mentions))[:MOST])
        return found


def _mentions(one: Element) -> Iterator[tuple[int, int, Key, Mention]]:
    """Where an element's text names figures, with the sentence around."""
    if one.role not in _TELLS or not one.text:
        return
    matches = list(_MENTION.finditer(one.text))
    spans = sentences(one.text) if matches else []
    for match in matches:
        at = match.start()
        first, last = next((span for span in spans if span[0] <= at < span[1]), (at, match.end()))
        sentence = " ".join(one.text[first:last].split())[:LONGEST]
        for number in _NUMBER.finditer(match["numbers"]):
            start = match.start("numbers") + number.start()
            begins = at if number.start() == 0 else start
            if key := _key(f"{match['kind']} {number[0]}"):
                yield begins, start + len(number[0]), key, Mention(sentence, one.origin.places[0])


def _key(label: str) -> Key | None:
    kind, _, number = label.casefold().partition(" ")
    stem = kind.rstrip(".").removesuffix("s")
    short = {"figure": "fig", "table": "tab"}.get(stem, stem)
    return (short, number.strip()) if number.strip() else None


def _whole(key: Key) -> Key:
    """The figure that a part of it ("3a") belongs to."""
    kind, number = key
    return (kind, number[:-1]) if len(number) > 1 and number[-1].isalpha() and number[-2].isdigit() else key


def _page(one: Element) -> int:
    place = one.origin.places[0]
    return place.page if isinstance(place, PageRegion) else 0


def merged(links: Sequence[Link], more: Sequence[Link]) -> tuple[Link, ...]:
    """Links of the file and ours by their place. Ours say more than a page, so they replace those beneath."""
    kept = [
        one for one in links
        if not (one.target.startswith("#page=") and any(one.start < new.end and new.start < one.end for new in more))
    ]  # fmt: skip
    return tuple(sorted([*kept, *more], key=lambda one: (one.start, one.end)))
