"""A question and its evidence as the messages of a chat request, within budgets of tokens and pictures."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from rag.answer import Evidence, Query, Selection, Settings, Turn
from rag.document import Chunk, Media
from rag.errors import CorpusError, SourceError
from rag.protocols import Assets
from rag.vlm import has_pixels, picture, pixels

from .cited import unmarked
from .prompts.cited import (
    ASKED_PICTURE,
    EVIDENCE,
    INSTRUCTION,
    MINUS,
    PICTURE,
    PICTURES_ALONE,
    QUESTION,
    SYSTEM,
    TEXTLESS,
)
from .prompts.escaped import block, escaped

PNG_BYTES = 400_000
"""Pictures that are larger as PNG are sent as JPEG."""
HISTORY_SHARE = 4
"""Earlier turns may take one part in so many of the token budget."""


@dataclass(frozen=True, slots=True)
class Eyes:
    """How pictures are read: from `assets`, pages drawn at `dpi`, each made smaller to `pixels`."""

    assets: Assets | None
    dpi: int
    pixels: int

    def chunk(self, chunk: Chunk) -> str:
        """A chunk's picture as a data URL; SourceError where it is gone or damaged."""
        if self.assets is None:
            raise SourceError("no assets were given to read pictures from", source=chunk.origin.source.uri)
        return data_url(pixels(self.assets, chunk, self.dpi), self.pixels, chunk.origin.source.uri)

    def media(self, media: Media) -> str:
        """A picture of the question as a data URL."""
        if self.assets is None:
            raise SourceError("no assets were given to read it from", source="the picture of the question")
        return data_url(self.assets.open(media), self.pixels, "the picture of the question")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question became: `evidence` that was sent, numbers of those `pictured`, what was left out."""

    messages: list[dict[str, Any]]
    evidence: tuple[Evidence, ...]
    pictured: frozenset[int] = frozenset()
    images: int = 0
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Pictures:
    """Pictures of one request, at most `room` of them."""

    eyes: Eyes | None
    room: int
    taken: int = 0
    full: int = 0
    notes: list[str] = field(default_factory=list)

    def of(self, what: str, part: Chunk | Media) -> str:
        """The data URL; "" where there is no room for it or it cannot be read."""
        if self.eyes is None:
            return ""
        if self.taken == self.room:
            self.full += 1
            return ""
        try:
            url = self.eyes.media(part) if isinstance(part, Media) else self.eyes.chunk(part)
        except (SourceError, CorpusError) as error:
            self.notes.append(f"the picture of {what} could not be read: {error}")
            return ""
        self.taken += 1
        return url


def asked(query: Query, selection: Selection, settings: Settings, eyes: Eyes | None, instructions: str = "") -> Asked:
    """The messages; `eyes` is None for a model that reads no pictures.

    Evidence is dropped from its end, the least relevant first, where it does not fit; its first piece
    always stays, cut short if it must be. Pictures count against `image_budget`, not as tokens. What has
    neither words nor a picture is left out, so that `evidence` may be empty.
    """
    pictures = _Pictures(eyes, settings.image_budget)
    mine = [part for part in query.parts if isinstance(part, Media)]
    questions = [(ASKED_PICTURE, url) for part in mine if (url := pictures.of("the question", part))]
    pieces, dropped = _fitted(selection.evidence, settings.token_budget)
    shown = [
        (one, text, pictures.of(f"[{one.number}]", one.hit.chunk) if has_pixels(one.hit.chunk) else "")
        for one, text in pieces
    ]
    empty = [one.number for one, text, url in shown if not text and not url]
    shown = [(one, text, url) for one, text, url in shown if text or url]
    content = [part for one, text, url in shown for part in _piece(one, text, url)]
    content += [part for title, url in questions for part in (text_part(title), image_part(url))]
    content.append(text_part("\n\n".join(_question(query, bool(questions)))))
    turns, forgotten = _history(query.history, settings.token_budget // HISTORY_SHARE)
    system = f"{SYSTEM}\n\n{instructions}" if instructions else SYSTEM
    notes = [
        *([f"{dropped} of {len(selection.evidence)} pieces of evidence did not fit the token budget"] * bool(dropped)),
        *([f"{pictures.full} pictures did not fit the image budget"] * bool(pictures.full)),
        *([f"{forgotten} earlier turns did not fit the token budget"] * bool(forgotten)),
        *pictures.notes,
        *(f"[{number}] was not sent: it has no words, and no picture that could be sent" for number in empty),
    ]
    messages = [{"role": "system", "content": system}, *turns]
    messages.append({"role": "user", "content": merged([text_part(EVIDENCE), *content])})
    pictured = frozenset(one.number for one, _, url in shown if url)
    return Asked(messages, tuple(one for one, _, _ in shown), pictured, pictures.taken, tuple(notes))


def without_system(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules at the head of the first user turn, for chat templates that know no system role."""
    rules, first, *rest = messages
    said = first["content"]
    joined = [text_part(rules["content"]), *said] if isinstance(said, list) else f"{rules['content']}\n\n{said}"
    return [{**first, "content": joined}, *rest]


def tokens(text: str) -> int:
    """A rough count for any tokenizer: four bytes a token, as in English prose."""
    return -(-len(text.encode("utf-8", "replace")) // 4)


def _fitted(evidence: Sequence[Evidence], budget: int) -> tuple[list[tuple[Evidence, str]], int]:
    """Evidence with its escaped text while it fits, and how many pieces did not."""
    kept: list[tuple[Evidence, str]] = []
    spent = 0
    for one in evidence:
        text = escaped(one.hit.chunk.text).strip()
        head = tokens(block(one, ""))
        cost = max(tokens(text), one.hit.chunk.tokens) + head
        if spent + cost > budget:
            if kept:
                break
            text = text[: max(0, 4 * (budget - head))]
        spent += cost
        kept.append((one, text))
    return kept, len(evidence) - len(kept)


def _piece(evidence: Evidence, text: str, url: str) -> Iterator[dict[str, Any]]:
    yield text_part(block(evidence, text or TEXTLESS))
    if url:
        yield text_part(PICTURE.format(number=evidence.number))
        yield image_part(url)


def _question(query: Query, pictured: bool) -> Iterator[str]:
    if query.instruction:
        yield INSTRUCTION.format(instruction=query.instruction)
    if query.minus:
        yield MINUS.format(minus="; ".join(query.minus))
    yield QUESTION.format(question=query.text) if query.text or not pictured else PICTURES_ALONE


def _history(history: Sequence[Turn], budget: int) -> tuple[list[dict[str, Any]], int]:
    """The latest turns that fit, and how many do not; markers of earlier answers point at evidence that is gone."""
    turns: list[dict[str, Any]] = []
    for turn in reversed(history):
        text = escaped(unmarked(turn.text)) if turn.role == "assistant" else turn.text
        budget -= tokens(text)
        if budget < 0:
            break
        turns.insert(0, {"role": turn.role, "content": text})
    while turns and turns[0]["role"] != "user":  # an answer without its question
        turns.pop(0)
    return turns, len(history) - len(turns)


def text_part(text: str) -> dict[str, Any]:
    """Words as a part of a message."""
    return {"type": "text", "text": text}


def image_part(url: str) -> dict[str, Any]:
    """A picture as a part of a message."""
    return {"type": "image_url", "image_url": {"url": url}}


def merged(content: Sequence[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """Neighbouring texts joined; one string where there is no picture, since small servers take no parts."""
    joined: list[dict[str, Any]] = []
    for part in content:
        if joined and part["type"] == joined[-1]["type"] == "text":
            joined[-1] = text_part(f"{joined[-1]['text']}\n\n{part['text']}")
        else:
            joined.append(part)
    return str(joined[0]["text"]) if len(joined) == 1 and joined[0]["type"] == "text" else joined


def data_url(data: bytes, most: int, name: str) -> str:
    """A picture as a person sees it, at most `most` pixels, its metadata left out."""
    image = picture(data, most, name)
    kept = BytesIO()
    image.save(kept, "PNG")
    if len(kept.getvalue()) <= PNG_BYTES:
        return f"data:image/png;base64,{b64encode(kept.getvalue()).decode()}"
    kept = BytesIO()
    image.save(kept, "JPEG", quality=90, subsampling=0)
    return f"data:image/jpeg;base64,{b64encode(kept.getvalue()).decode()}"
