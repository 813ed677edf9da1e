"""How well a quotable piece answers a question: words, meaning, and what kind of answer is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from rag.answer import Query
from rag.overlap import asked, covered, signs, signs_share, stem, stems, weights
from rag.protocols import Encoder, Lexicon

from .quote_units import Unit

if TYPE_CHECKING:
    from rag.protocols import Dense

MOST_ENCODED = 8
"""Pieces that the encoder reads for one question: the best by words."""
_WEIGHT = {"words": 1.0, "around": 0.7, "signs": 0.3, "meaning": 1.2, "kind": 0.35, "relevance": 0.3}
_PATH = re.compile(r"(?<!\S)[~.]{0,2}/[\w.-]+(?:/[\w.-]+)*")
_NUMBER = re.compile(
    r"\d+|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|hundred|zero|both|none)\b", re.I
)
_DATE = re.compile(
    r"\b(?:1[5-9]|20)\d\d\b|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b|\d{1,2}[:.]\d\d\b", re.I
)
_PERSON = re.compile(r"\b[A-Z][\w’'-]+,? (?:[A-Z]\.? ?)*(?:(?:de|van|von|di|al) )?[A-Z][\w’'-]+")
_PLACE = re.compile(r"\b(?:in|at|near|from|on|under|located|based)\b|https?://|\bpage\b|/", re.I)
_CODE = re.compile(r"\w[_(<%/^]|[A-Z]-\w|\b[A-Z]{2,}\b|[\"'‘’“”`]|\w\.\w|--?\w")
_LISTED = re.compile(r"[\w)»”\"'’](?:, [^,.;]{1,40})+,? (?:and|or) \w")
_MANY = re.compile(
    r"\b(?:which|what)(?: \w+){0,2}? (?!this|is|was|does|has|less|process|class)\w{3,}[^s\W]s\b", re.IGNORECASE
)
_SECTION = re.compile(
    r"^\W*(?:\d+\.)+(?:\d+)?\s(?=(?-i:[A-Z]))|\b(?:Figure|Table|Section|Chapter|Example)\s\d[\d.]*", re.I
)
_EXAMPLES = "For example", "For instance", "E.g.", "Here is an example", "Example"
_DEFINED = re.compile(r"^(.{0,40}?\w\W{0,2}) ?(?:\s[–—-]{1,2}\s|:\s|\b(?:is|are|was|means|refers|stands|denotes)\b)")
_REASON = re.compile(
    r"\b(?:because|since|due to|so that|in order|reason|therefore|hence|as a result|otherwise)\b", re.I
)


@dataclass(frozen=True, slots=True)
class Scored:
    """A piece and how well it answers; `own` is the share of the question's words in itself."""

    unit: Unit
    score: float
    own: float


def wanted(question: str) -> frozenset[str]:
    """Stems of what is asked: table columns of these names are shown."""
    return frozenset(stem(word) for word in asked(question))


def ranked(
    query: Query, found: Sequence[Unit], lexicon: Lexicon | None, encoder: Encoder[Dense] | None
) -> list[Scored]:
    """The pieces, best first; equal ones in the order of the evidence."""
    weighed = weights(query.text, lexicon)
    exact = [*signs(query.text), *_PATH.findall(query.text)]
    scored = sorted((_by_words(query.text, weighed, exact, unit) for unit in found), key=_order)
    if encoder is None or not query.text:
        return scored
    head = scored[:MOST_ENCODED]
    closer = [
        replace(one, score=one.score + _WEIGHT["meaning"] * cosine)
        for one, cosine in zip(head, _cosines(query, head, encoder), strict=True)
    ]
    return sorted(closer, key=_order)


def _order(one: Scored) -> tuple[float, int, int]:
    return (-one.score, one.unit.evidence.number, one.unit.at)


def _by_words(question: str, weighed: Mapping[str, float], exact: Sequence[str], unit: Unit) -> Scored:
    own = covered(weighed, unit.stems)
    around = covered(weighed, unit.around | set(unit.stems)) - own
    new = len(set(unit.stems) - weighed.keys())
    score = (
        _WEIGHT["words"] * own
        + _WEIGHT["around"] * around
        + (_WEIGHT["signs"] * signs_share(exact, unit.text) if exact else 0.0)
        + _WEIGHT["kind"] * _fits(question, unit)
        + _WEIGHT["relevance"] * unit.evidence.relevance
        - (0.3 if new < 2 else 0.0)
        - (0.15 if unit.start == 0 and unit.kind == "sentence" and _is_broken(question, unit.text) else 0.0)
        - (0.3 if is_rubble(unit) else 0.0)
        - (0.15 if unit.text.endswith("?") else 0.0)
        - (0.1 if unit.text.startswith(_EXAMPLES) else 0.0)
        - 0.004 * max(0, unit.length - 35)
    )
    return Scored(unit, score, own)


def _is_broken(question: str, text: str) -> bool:
    """Whether a chunk begins within a sentence; a name in small letters is a beginning."""
    return text[:1].islower() and text.split(maxsplit=1)[0] not in question.split()


def is_rubble(unit: Unit) -> bool:
    """Link texts and labels: a few words that end without a full stop."""
    return unit.kind == "sentence" and unit.length < 7 and not unit.text.endswith((".", "!", ")", "。", '"'))


def _fits(question: str, unit: Unit) -> float:
    """Whether a piece holds the kind of thing that is asked for: 0..1."""
    words = re.findall(r"[a-z]+", question.casefold())[:12]
    text = unit.text
    if not words:
        return 0.0
    pairs = set(pairwise(words))
    if (term := set(stems(_term(unit)))) and term <= wanted(question):
        return 1.0
    if pairs & {("how", "many"), ("how", "much"), ("what", "percentage"), ("how", "often"), ("how", "long")}:
        return _counts(question, text)
    if {"percentage", "percent", "number", "value", "amount", "range", "size", "price", "age"} & set(words) or pairs & {
        (which, what) for which in ("what", "which") for what in ("day", "hour", "minute", "version", "width", "length")
    }:  # fmt: skip
        return _counts(question, text)
    if words[0] == "when" or {"date", "year", "time"} & set(words[:6]):
        return float(bool(_DATE.search(text)))
    if "who" in words[:3] or "whom" in words[:3] or "whose" in words[:3]:
        return float(bool(_PERSON.search(text)))
    if words[0] == "where":
        return float(bool(_PLACE.search(text)))
    if words[0] == "why":
        return float(bool(_REASON.search(text)))
    if {"command", "function", "key", "keys", "option", "variable", "specifier", "file", "syntax", "keyword"} & set(
        words
    ):
        return float(bool(_CODE.search(text)))
    if words[0] == "what" and words[-1] in ("mean", "for", "return", "do", "hold", "stand", "is"):
        return max(0.5 * float(bool(_CODE.search(text))), _defines(question, unit))
    if _MANY.search(question) and (unit.kind == "item" or _LISTED.search(text)):
        return 0.7
    if len(words) > 1 and words[0] == "what" and words[1] in ("is", "are", "does"):
        return _defines(question, unit)
    return 0.0


def _counts(question: str, text: str) -> float:
    """Whether a number stands in a piece that is not the question's own, nor that of a section."""
    own = set(re.findall(r"\d+", question))
    return float(any(one not in own for one in _NUMBER.findall(_SECTION.sub(" ", text))))


def _term(unit: Unit) -> str:
    """What a definition or a row of a table speaks of."""
    if unit.kind == "sentence" and len(unit.quoted) == 2:
        return unit.quoted[0]
    return unit.quoted[0] if unit.kind == "row" and unit.text.startswith(f"{unit.quoted[0]} — ") else ""


def _defines(question: str, unit: Unit) -> float:
    """Whether a piece opens with what is asked about, as definitions do: 1 where "X is" or "X —" begins it."""
    subject = wanted(question)
    if not subject & set(unit.stems[:4]):
        return 0.0
    opening = _DEFINED.search(unit.text[:80])
    return 1.0 if opening and subject & set(stems(opening[1])) else 0.5


def _cosines(query: Query, scored: Sequence[Scored], encoder: Encoder[Dense]) -> list[float]:
    """Cosine of question and piece, each piece read as a chunk without headings."""
    import numpy as np

    if not scored:
        return []
    chunks = [
        replace(one.unit.evidence.hit.chunk, text=one.unit.text, headings=(), title="", modality="text", media=None)
        for one in scored
    ]
    vectors = np.asarray(encoder.encode_chunks(chunks), np.float64)
    question = np.asarray(encoder.encode_queries([Query((query.text,))]), np.float64)[0]
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(question)
    return [float(value) for value in vectors @ question / np.maximum(lengths, 1e-12)]
