"""Checks each sentence of an answer against its evidence, by words and numbers, without a model.

It says whether what a sentence says *stands* in its evidence, not whether it follows from it: this is
not natural language inference. A denial in the words of the source passes, a faithful paraphrase in
other words does not, and nothing is ever marked `contradicted`. The shape of the check (claim by
claim, cited passages against the sentence) follows ALCE (Gao et al., EMNLP 2023), whose judge is a
model; ours is a rule:

- *unsupported*: a number of the sentence is nowhere in the evidence, or a name is not (unless it is
  the question's own), or fewer than 40% of its content words are;
- *computed*: its numbers follow from those of the evidence by one step of arithmetic or by rounding;
- *partial*: 40 to 70% of the content words, or a number that stands with other words than here, or
  only in evidence that the sentence does not cite; or the evidence is a picture, which words cannot check;
- *supported*: the rest.

The thresholds are our own choice, by hand on sentences of manuals and reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from rag.answer import Citation, Claim, ClaimStatus, Evidence
from rag.overlap import signs, signs_share, stem, stems
from rag.sentences import sentences
from rag.words import ENGLISH_STOPWORDS, words

from .cited import Sentence
from .prompts.cited import REFUSAL
from .prompts.escaped import heading, unescaped
from .verify_numbers import CUES, Number, follows, numbers, values

SUPPORTED = 0.7
PARTIAL = 0.4
WINDOW = 3
"""Neighbouring sentences of the evidence that are read together."""
_RANK: dict[ClaimStatus, int] = {"supported": 3, "computed": 2, "partial": 1, "unsupported": 0, "contradicted": 0}
_FILLER = frozenset(
    """according evidence document source page section figure table states stated says shows shown described also
    about around approximately roughly nearly almost""".split()
)


@dataclass(frozen=True)
class Passage:
    """A piece of evidence cut for checking; `pictured` where the model saw its picture."""

    evidence: Evidence
    pictured: bool = False

    @property
    def number(self) -> int:
        return self.evidence.number

    @cached_property
    def text(self) -> str:
        return self.evidence.hit.chunk.text

    @cached_property
    def above(self) -> str:
        return heading(self.evidence)

    @cached_property
    def whole(self) -> str:
        return f"{self.above}\n{self.text}"

    @cached_property
    def spoken(self) -> str:
        """Its words in a row, to find a quotation in."""
        return f" {' '.join(words(self.text))} "

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(stems(self.whole))

    @cached_property
    def values(self) -> frozenset[float]:
        return values(self.whole)

    @cached_property
    def numbers(self) -> list[Number]:
        """Of the text alone: pages and titles are no operands."""
        return numbers(self.text)

    @cached_property
    def windows(self) -> list[tuple[frozenset[str], frozenset[float]]]:
        """Stems and numbers of each few sentences in a row; of a table, of each row under its header."""
        lines = [self.text[start:end] for start, end in sentences(self.text)]
        rows = [line for line in lines if line.startswith("|")]
        head = rows[0] if len(rows) > 1 else ""
        around = frozenset(stems(f"{self.above}\n{head}"))
        cut = [[line] if line.startswith("|") else lines[at : at + WINDOW] for at, line in enumerate(lines)]
        prose = "\n".join(line for line in lines if not line.startswith("|")) if rows else ""
        return [
            (around | frozenset(stems(" ".join((*one, prose)))), values(" ".join((*one, prose)))) for one in cut
        ] or [(around, frozenset())]


@dataclass(frozen=True, slots=True)
class _Said:
    """What a sentence says, cut for checking; `told` is its content without names of computations."""

    text: str
    spoken: str
    content: frozenset[str]
    told: frozenset[str]
    numbers: tuple[Number, ...]
    names: tuple[str, ...]


def checked(
    text: str, spans: Sequence[Sentence], passages: Sequence[Passage], question: str = ""
) -> tuple[list[Citation], list[Claim]]:
    """The citations and claims of an answer's sentences, in order.

    A sentence without a marker is ascribed to the one piece of evidence that supports it best, if any
    does. `Citation.evidence` is what the answer says, `Claim.support` what bears it out.
    """
    by_number = {one.number: one for one in passages}
    asked = frozenset(stems(question))
    citations: list[Citation] = []
    claims: list[Claim] = []
    for span in spans:
        said = _said(text[span.start : span.end])
        if said is None and not span.cited:
            continue
        cited = [by_number[number] for number in span.cited if number in by_number]
        status, support = _claim(said, cited, passages, asked) if said else ("partial", span.cited)
        named = span.cited or (support if _RANK[status] else ())
        if named:
            citations.append(Citation(span.start, span.end, tuple(named)))
        claims.append(Claim(span.start, span.end, status, support))
    return citations, claims


def _claim(
    said: _Said, cited: Sequence[Passage], passages: Sequence[Passage], asked: frozenset[str]
) -> tuple[ClaimStatus, tuple[int, ...]]:
    """How far a sentence is supported, and by which of the evidence."""
    if cited:
        status = _status(said, cited, asked)
        if status != "unsupported":
            return status, _needed(said, cited, asked, status)
    others = [one for one in passages if one not in cited]
    found = [(_status(said, [one], asked), one) for one in others]
    status, best = max(found, key=lambda pair: _RANK[pair[0]], default=("unsupported", None))
    if best is not None and _RANK[status] >= (2 if cited else 1) and (cited or not _only_pictured(said, best, asked)):
        return ("partial" if cited else status), (best.number,)
    if any(one.pictured for one in cited):
        return "partial", tuple(one.number for one in cited if one.pictured)
    return "unsupported", ()


def _needed(said: _Said, cited: Sequence[Passage], asked: frozenset[str], status: ClaimStatus) -> tuple[int, ...]:
    """Those of the cited evidence that add something: each alone, or without which less is supported."""
    alone = [one.number for one in cited if _RANK[_status(said, [one], asked)] >= _RANK[status]]
    return tuple(alone) or tuple(one.number for one in cited)


def _only_pictured(said: _Said, passage: Passage, asked: frozenset[str]) -> bool:
    return passage.pictured and _status(said, [replace(passage, pictured=False)], asked) == "unsupported"


def _said(sentence: str) -> _Said | None:
    """The sentence cut for checking; None where it makes no statement: a title, a lead, a refusal."""
    plain = unescaped(sentence).strip().strip("#>*_ \t")
    cut = [word for word in words(plain) if word not in ENGLISH_STOPWORDS | _FILLER and not word[0].isdigit()]
    found = tuple(numbers(plain))
    content = frozenset(map(stem, cut))
    told = frozenset(stem(word) for word in cut if not any(cue.search(word) for cue in CUES.values()))
    leads = plain.endswith((":", "：")) and not found
    if leads or sentence.lstrip().startswith("#") or REFUSAL.rstrip(".").casefold() in plain.casefold():
        return None
    if not content and not found:
        return None
    names = tuple(
        one for one in signs(plain) if any(map(str.isalpha, one)) and not set(stems(one)) <= ENGLISH_STOPWORDS
    )
    return _Said(
        plain, " ".join(words(plain)), content, told, found, tuple(name for name in names if not numbers(name))
    )


def _status(said: _Said, passages: Sequence[Passage], asked: frozenset[str]) -> ClaimStatus:
    """How far these passages together support a sentence; a quotation, wholly."""
    if any(f" {said.spoken} " in one.spoken for one in passages):
        return "supported"
    whole = "\n".join(one.whole for one in passages)
    stated = frozenset(value for one in passages for value in one.values)
    known = frozenset(word for one in passages for word in one.stems)
    lost = [number for number in said.numbers if not number.values & stated]
    if lost and not _follow(lost, said, passages):
        return "unsupported"
    unnamed = [name for name in said.names if not _is_named(name, whole, known)]
    if any(not set(stems(name)) <= asked for name in unnamed):
        return "unsupported"
    # What a computation is called stands in the answer alone.
    content = said.told if lost else said.content
    if _share(content, known) < PARTIAL:
        return "unsupported"
    near = _share(content, _nearest(content, passages))
    if unnamed or near < SUPPORTED or not _stand_together(said, passages):
        return "partial"
    return "computed" if lost else "supported"


def _follow(lost: Sequence[Number], said: _Said, passages: Sequence[Passage]) -> bool:
    given = [number for number in said.numbers if number not in lost]
    within = [number for one in passages for number in one.numbers]
    return all(follows(number, said.text, given, within) for number in lost)


def _is_named(name: str, whole: str, known: frozenset[str]) -> bool:
    return signs_share([name], whole) == 1.0 or set(stems(name)) <= known


def _share(content: frozenset[str], known: Iterable[str]) -> float:
    return len(content & frozenset(known)) / len(content) if content else 1.0


def _nearest(content: frozenset[str], passages: Sequence[Passage]) -> frozenset[str]:
    """The stems of the two windows of each passage that together hold most of the sentence."""
    found: frozenset[str] = frozenset()
    for one in passages:
        for _ in range(2):
            sizes = [len((content - found) & window) for window, _ in one.windows]
            found |= one.windows[sizes.index(max(sizes))][0]
    return found


def _stand_together(said: _Said, passages: Sequence[Passage]) -> bool:
    """Whether each number stands, in some passage, near a name of the sentence or a third of its words."""
    named = frozenset(word for name in said.names for word in stems(name))
    lost = [number for number in said.numbers if not any(number.values & one.values for one in passages)]
    return all(
        number in lost or any(_near(number, said.content, named, one) for one in passages) for number in said.numbers
    )


def _near(number: Number, content: frozenset[str], named: frozenset[str], passage: Passage) -> bool:
    """What the title names is near every number, so only names of the text tell anything."""
    above = frozenset(stems(passage.above))
    if number.values & values(passage.above):
        return True
    names = (named & passage.stems) - above
    near = [window for window, held in passage.windows if held & number.values]
    return any(window & names if names else _share(content, window) >= 1 / 3 for window in near)
