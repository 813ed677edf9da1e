"""What each channel finds, by the modality of what is asked for: text, table, figure, photo, video.

A question's modality is that of its `kinds`; where they say none, that of what stands at its gold place.
Channels are the full text, each encoder of the corpus alone, and the profile's own retriever, which fuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.document import Chunk, Element, MarkupPath, PageRegion, TimeSpan

from .boxes import ENOUGH, covered
from .intervals import Estimate, estimate
from .questions import Question
from .ranking import success
from .running import Placed, marker
from .units import gold_units, holds, same_branch, share_second

if TYPE_CHECKING:
    from rag.corpus import Corpus

MODALITIES = ("text", "table", "figure", "photo", "video")
FUSED, LEXICAL = "fused", "lexical"
BATCH = 32
_TOLD = (
    ("table", re.compile(r"\btables?\b", re.IGNORECASE)),
    ("figure", re.compile(r"\b(?:figures?|charts?|diagrams?|graphs?|plots?|drawings?)\b", re.IGNORECASE)),
    ("photo", re.compile(r"\b(?:photos?|photographs?)\b", re.IGNORECASE)),
    ("video", re.compile(r"\b(?:videos?|speech|frames?|keyframes?)\b", re.IGNORECASE)),
    ("text", re.compile(r"\b(?:text|paragraphs?|lists?|code|headings?|scans?|layout|formulas?)\b", re.IGNORECASE)),
)
_SEEN = {"table": "table", "figure": "figure", "photo": "photo", "keyframe": "video", "speech": "video"}


@dataclass(frozen=True, slots=True)
class Row:
    """A channel over the questions of a modality: the share found among the first k hits, by k."""

    modality: str
    channel: str
    found: Mapping[int, Estimate]


@dataclass(frozen=True, slots=True)
class ByModality:
    """The table; `counts` are the questions of each modality. One with two kinds counts under both."""

    ks: tuple[int, ...]
    counts: Mapping[str, int]
    rows: tuple[Row, ...]


def by_modality(
    corpus: Corpus, given: Sequence[Placed], ks: Sequence[int], told: Callable[[int, int], None] = lambda *_: None
) -> ByModality:
    """The answerable questions that have a gold place, asked of each channel over the whole corpus."""
    asked = [one for one in given if one.question.answerable and one.target and gold_units(one.question, one.target)]
    kinds = {one.question.id: modalities(corpus, one) for one in asked}
    ways = dict(channels(corpus))
    right: dict[str, dict[str, dict[int, float]]] = {}
    for at, (channel, retriever) in enumerate(ways.items()):
        told(at * len(asked), len(ways) * len(asked))
        right[channel] = dict(_found(corpus, retriever, asked, ks))
    ids = {one: [id for id, kept in kinds.items() if one in kept] for one in MODALITIES}
    rows = [
        Row(one, channel, {k: estimate([right[channel][id][k] for id in ids[one]]) for k in ks})
        for one in MODALITIES if ids[one] for channel in ways
    ]  # fmt: skip
    return ByModality(tuple(ks), {one: len(found) for one, found in ids.items() if found}, tuple(rows))


def channels(corpus: Corpus) -> Iterator[tuple[str, Any]]:
    """Each channel of a corpus by its name, as a retriever; an encoder without vectors is none."""
    yield LEXICAL, corpus.built({"use": "retrievers/lexical", "index": "@text"}, LEXICAL)
    for name, index in corpus.store.vectors.items():
        if len(index):
            table = {"use": "retrievers/dense", "encoder": f"@{name}", "index": f"@{name}.vectors"}
            yield name, corpus.built(table, name)
    yield FUSED, corpus.retriever


def _found(
    corpus: Corpus, retriever: Any, asked: Sequence[Placed], ks: Sequence[int]
) -> Iterator[tuple[str, dict[int, float]]]:
    from rag.answer import Query

    for start in range(0, len(asked), BATCH):
        batch = asked[start : start + BATCH]
        lists = retriever.retrieve([Query((one.question.text,)) for one in batch], max(ks))
        for one, hits in zip(batch, lists, strict=True):
            units = marker(corpus, one)
            places = [units(hit.chunk) for hit in hits]
            gold = gold_units(one.question, one.target) if one.target else ()
            yield one.question.id, {k: success(places, gold, k) for k in ks}


def modalities(corpus: Corpus, one: Placed) -> tuple[str, ...]:
    """The modalities of what a question asks for, at least one."""
    said = [name for name, words in _TOLD if any(words.search(kind) for kind in one.question.kinds)]
    if said or one.target is None:
        return tuple(said or ["text"])
    there = [element for element in corpus.store.catalog.elements(one.target.digest) if _meets(element, one.question)]
    seen = {_SEEN.get(element.role, _SEEN.get(element.modality, "text")) for element in there}
    # A page holds more than is asked about: of what it holds, its words are the likeliest.
    order = ("photo", "video", "text", "table", "figure")
    return (next((name for name in order if name in seen), "text"),)


def _meets(element: Element, question: Question) -> bool:
    """Whether an element stands at the gold place of a question."""
    if question.block_text:
        return holds(Chunk("", element.modality, element.origin, element.text), question.block_text)
    for place in element.origin.places:
        match place:
            case PageRegion(page, box):
                boxes = [one.box for one in question.boxes if one.page == page]
                if any(covered(one, [box]) >= ENOUGH for one in boxes) if boxes else page in question.pages:
                    return True
            case MarkupPath(path) if question.path and same_branch(path, question.path):
                return True
            case TimeSpan(start, end) if question.span and share_second((start, end), question.span):
                return True
    return False


def lines(table: ByModality, width: int = 12) -> list[str]:
    """The table for people."""
    heads = "".join(f"{f'found@{k}':<24}" for k in table.ks)
    told = ["by modality and channel: share of questions found within k hits of the whole corpus",
            f"{'':<{width}}{'channel':<{width}}{heads}".rstrip()]  # fmt: skip
    for at, row in enumerate(table.rows):
        first = at == 0 or table.rows[at - 1].modality != row.modality
        name = f"{row.modality} ({table.counts[row.modality]})" if first else ""
        cells = "".join(f"{_cell(row.found[k]):<24}" for k in table.ks)
        told.append(f"{name:<{width}}{row.channel[: width - 1]:<{width}}{cells}".rstrip())
    return told


def markdown(table: ByModality) -> str:
    """The table as a page of documentation has it."""
    told = [
        f"| asked for | channel | {' | '.join(f'found@{k}' for k in table.ks)} |",
        "|---|---|" + "---|" * len(table.ks),
    ]
    for row in table.rows:
        cells = " | ".join(_cell(row.found[k], 2) for k in table.ks)
        told.append(f"| {row.modality} ({table.counts[row.modality]}) | {row.channel} | {cells} |")
    return "\n".join(told)


def plain(table: ByModality) -> dict[str, Any]:
    """The table for programs: modality -> questions, and channel -> found@k."""
    from .tables import estimate_json

    return {
        name: {
            "questions": count,
            "channels": {
                row.channel: {f"found@{k}": estimate_json(one) for k, one in row.found.items()}
                for row in table.rows if row.modality == name
            },
        }
        for name, count in table.counts.items()
    }  # fmt: skip


def _cell(one: Estimate, digits: int = 3) -> str:
    return f"{one.mean:.{digits}f} [{one.low:.{digits}f}, {one.high:.{digits}f}]"
