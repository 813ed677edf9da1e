"""How correct an answer is against its evidence, span by span: the Correctness Score of RAG-Check.

Mortaheb, Khojastepour, Chakradhar and Ulukus 2025, "RAG-Check: Evaluating Multimodal Retrieval Augmented
Generation Performance" (arXiv 2501.03995): the answer is split into spans of one fact, spans are told
objective or subjective, and each objective one is scored against the retrieved context. There a language
model splits and tells, and a fine-tuned VLM scores; here rules split and tell, and the scorer is a parameter:
any Scorer whose scores are 0..1 (`rerankers/yes_no` with the template `statement`, `rerankers/relevancy`),
or, without one, the words, numbers and names that stand in the evidence. How spans are made one figure is
not told in what is public of the paper: the mean and the minimum are both given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.answer import Answer, Evidence, Query
from rag.overlap import covered, signs, signs_share, stems, weights
from rag.protocols import Lexicon, Scorer
from rag.sentences import sentences
from rag.words import ENGLISH_STOPWORDS, words

_MARK = re.compile(r"\s*\[\d+(?:\s*,\s*\d+)*\]")
_SPLIT = re.compile(r";\s+|,?\s+(?:whereas|while|but)\s+", re.I)
_SUBJECTIVE = re.compile(
    r"\b(?:i|we|my|our|me|us|seems?|appears?|perhaps|maybe|probably|possibly|likely|arguably|hopefully|"
    r"unfortunately|fortunately|luckily|sadly|beautiful|lovely|wonderful|impressive|elegant|ugly|boring|nice|"
    r"great|good|bad|best|worst|better|worse|interesting|important to note|should|ought|recommend(?:ed)?|"
    r"suggest(?:ed)?|feel|feels|think|thinks|believe|believes|hope|guess|opinion|easy|easily)\b",
    re.I,
)
_QUESTION = re.compile(r"\?\s*$")
LEAST_SPAN = 3
"""Words of a span that stands for itself; shorter pieces stay with the one before."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of the answer; `score` 0..1 is None for a subjective one."""

    start: int
    end: int
    objective: bool
    score: float | None = None


@dataclass(frozen=True, slots=True)
class SpanCorrectness:
    """Scores each objective span of an answer by the best of its evidence.

    `cited_only` holds a span against the evidence that it cites, all of it where it cites none.
    """

    scorer: Scorer | None = None
    lexicon: Lexicon | None = None
    cited_only: bool = False

    def __call__(self, answers: Sequence[Answer]) -> list[tuple[Span, ...]]:
        """The spans of each answer in order; none of a refusal."""
        return [self._scored(answer) for answer in answers]

    def _scored(self, answer: Answer) -> tuple[Span, ...]:
        if answer.refusal is not None:
            return ()
        found = split(answer.text)
        return tuple(
            Span(one.start, one.end, True, self._score(answer, one)) if one.objective else one for one in found
        )

    def _score(self, answer: Answer, span: Span) -> float:
        text = _MARK.sub("", answer.text[span.start : span.end]).strip()
        evidence = self._against(answer, span)
        if not evidence:
            return 0.0
        if self.scorer is None:
            return max(supported(text, one.hit.chunk.text, self.lexicon) for one in evidence)
        (scores,) = self.scorer.score([Query((text,))], [[one.hit for one in evidence]])
        return min(1.0, max(0.0, max(scores)))

    def _against(self, answer: Answer, span: Span) -> Sequence[Evidence]:
        if not self.cited_only:
            return answer.evidence
        cited = {
            number
            for one in answer.citations
            if one.start < span.end and span.start < one.end
            for number in one.evidence
        }
        return [one for one in answer.evidence if one.number in cited] or answer.evidence


def spans(answer: Answer) -> tuple[Span, ...]:
    """The spans of an answer, scored by words alone."""
    return SpanCorrectness()([answer])[0]


def split(text: str) -> list[Span]:
    """Sentences, and their clauses that stand for themselves, told objective or subjective."""
    found: list[Span] = []
    for start, end in sentences(text):
        for low, high in _clauses(text, start, end):
            piece = _MARK.sub("", text[low:high])
            content = [word for word in words(piece) if word not in ENGLISH_STOPWORDS]
            if content:
                found.append(Span(low, high, not _SUBJECTIVE.search(piece) and not _QUESTION.search(piece)))
    return found


def _clauses(text: str, start: int, end: int) -> list[tuple[int, int]]:
    edges = [start]
    for joint in _SPLIT.finditer(text, start, end):
        enough = all(len(words(text[a:b])) >= LEAST_SPAN for a, b in ((edges[-1], joint.start()), (joint.end(), end)))
        if enough:
            edges += [joint.start(), joint.end()]
    edges.append(end)
    return list(zip(edges[::2], edges[1::2], strict=True))


def supported(span: str, evidence: str, lexicon: Lexicon | None = None) -> float:
    """How much of a span stands in the best two neighbouring sentences of a text, 0..1.

    The words, by how rare they are, times the share of numbers and names: a wrong number is a wrong fact.
    """
    wanted = weights(span, lexicon)
    if not wanted:
        return 0.0
    cut = [evidence[start:end] for start, end in sentences(evidence)] or [evidence]
    windows = [" ".join(cut[at : at + 2]) for at in range(max(1, len(cut) - 1))]
    named = [one for one in signs(f"x {span}") if any(map(str.isdigit, one)) or one[0].isupper()]
    return round(max(covered(wanted, stems(one)) * signs_share(named, one) for one in windows), 4)


def mean_of(found: Sequence[Span]) -> float | None:
    """The mean over objective spans; None where there is none."""
    scores = [one.score for one in found if one.score is not None]
    return round(sum(scores) / len(scores), 4) if scores else None


def least_of(found: Sequence[Span]) -> float | None:
    """The least of the objective spans; None where there is none."""
    return min((one.score for one in found if one.score is not None), default=None)
