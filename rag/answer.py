"""The nouns of asking: queries, hits, evidence, answers, and the events of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rag.document import Chunk, Media
from rag.filters import Filter


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier turn of a conversation; `role` is `user` or `assistant`."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """A question: text, pictures, or both; `minus` is what the asker does not want."""

    parts: tuple[str | Media, ...]
    minus: tuple[str, ...] = ()
    where: Filter | None = None
    instruction: str = ""
    history: tuple[Turn, ...] = ()

    @property
    def text(self) -> str:
        """The words of the question, its pictures left out."""
        return " ".join(part for part in self.parts if isinstance(part, str)).strip()


def query(text: str, where: Filter | None = None) -> Query:
    """A question of words alone."""
    return Query((text,), where=where)


@dataclass(frozen=True, slots=True)
class Score:
    """A channel's own rank (from 1) and score (larger is better)."""

    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found: `score` by the retriever named `by`; `parts` holds each channel's own."""

    chunk: Chunk
    score: float
    by: str
    parts: Mapping[str, Score] = field(default_factory=dict)

    def score_by(self, part: str) -> float:
        """The score of a channel; 0.0 where it did not find the chunk."""
        return self.parts[part].score if part in self.parts else 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """A hit as it will be cited: `number` from 1; `relevance` is a calibrated probability."""

    number: int
    hit: Hit
    relevance: float


@dataclass(frozen=True, slots=True)
class Selection:
    """What a selector kept, best first, and why; `reason` is empty when evidence was kept."""

    evidence: tuple[Evidence, ...] = ()
    near_misses: tuple[Evidence, ...] = ()
    reason: str = ""
    expected_risk: float | None = None
    cost: Mapping[str, float] = field(default_factory=dict, compare=False)
    """What choosing took: seconds of each scorer by its name, and `calls` of models."""


@dataclass(frozen=True, slots=True)
class Citation:
    """Characters [start, end) of the answer's text rest on the evidence of these numbers."""

    start: int
    end: int
    evidence: tuple[int, ...]


ClaimStatus = Literal["supported", "partial", "contradicted", "unsupported", "computed"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A checked statement of the answer; `support` are the numbers of its evidence."""

    start: int
    end: int
    status: ClaimStatus
    support: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no answer, and what came nearest. An answer, not an error."""

    reason: str
    risk: float | None = None
    near_misses: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost: tokens read and written, images read, calls made."""

    input_tokens: int = 0
    output_tokens: int = 0
    images: int = 0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A text in which every sentence points at evidence; or a refusal."""

    text: str
    evidence: tuple[Evidence, ...] = ()
    citations: tuple[Citation, ...] = ()
    claims: tuple[Claim, ...] = ()
    refusal: Refusal | None = None
    usage: Usage = Usage()
    trace: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each stage, in the order they ran."""
    notes: tuple[str, ...] = ()
    """What a reader should know of how it came about: evidence left out, numbers that were not given."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a caller may ask of a generator; `deadline` is in seconds from the call."""

    max_tokens: int = 512
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    seed: int = 0
    n: int = 1
    token_budget: int = 6000
    image_budget: int = 8
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Evidenced:
    """First event of a stream: what the answer will rest on."""

    selection: Selection


@dataclass(frozen=True, slots=True)
class TextPiece:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim of the text so far, checked."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Progress:
    """Long work: `done` of `total` (0 when not known) of `stage`, now at `item`."""

    stage: str
    done: int
    total: int
    item: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """Last event of a stream."""

    answer: Answer


Event = Evidenced | TextPiece | Checked | Progress | Done
